public import BackOrderStore
import InventoryCore
import Synchronization
public import Worker

/// What the daemon counts of itself. Any thread; nothing here waits.
public final class DaemonMetrics: PipelineMeter {
    /// A connection to the broker.
    public enum Role: String, Sendable, CaseIterable {
        case consumer, publisher
    }

    /// What became of an output, other than a confirm.
    public enum Refusal: String, Sendable, CaseIterable {
        case refused, unroutable, unsendable, unknown
    }

    private static let stages: [(name: String, path: any KeyPath<BatchFigures.Stages, Int64> & Sendable)] = [
        ("decode", \.decode), ("load", \.load), ("decide", \.decide), ("write", \.write), ("commit", \.commit),
    ]
    private static let types: [InputType?] = BatchFigures.inputTypes + [nil]
    private static let outcomes: [(name: String, outcome: BatchFigures.Outcome)] = [
        ("applied", .applied), ("no-effect", .noEffect), ("duplicate", .duplicate), ("parked", .parked),
        ("dead-lettered", .deadLettered), ("skipped", .skipped),
    ]

    private let inputs = (types.map { _ in outcomes.map { _ in Counter() } })
    private let deadLetters = Dictionary(
        uniqueKeysWithValues: RejectionReason.allCases.map { ($0, Counter()) })
    private let batchSize = Histogram(bounds: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000])
    private let stageTimes = stages.map { _ in Histogram.seconds() }
    private let lockWait = Histogram.seconds()
    private let commitAge = Histogram.ages()
    private let confirmTime = Histogram.ages()
    private let outputs = Counter()
    private let outputsSkipped = Counter()
    private let confirmed = Counter()
    private let refusals = Dictionary(uniqueKeysWithValues: Refusal.allCases.map { ($0, Counter()) })
    private let storeRetries = Counter()
    private let storeConflicts = Dictionary(
        uniqueKeysWithValues: StoreError.Conflict.allCases.map { ($0, Counter()) })
    private let lost = Dictionary(uniqueKeysWithValues: Role.allCases.map { ($0, Counter()) })
    private let staleAcks = Counter()
    private let blockedMilliseconds = Counter()
    private let kept = Counter()
    private let late = Counter()
    private let ordered = Counter()
    private let filled = Counter()
    private let backOrdered = Counter()
    private let discrepancies = Dictionary(
        uniqueKeysWithValues: Discrepancy.Kind.allCases.map { ($0, Counter()) })
    /// When the store began to fail, or when blocking began; 0: it does not.
    private let storeFailingSince = Atomic<Int64>(0)
    private let blockedSince = Atomic<Int64>(0)

    public init() {}

    // MARK: Told by the pipeline

    public func committed(_ figures: BatchFigures) {
        outputs.add(Int64(figures.outputs))
        outputsSkipped.add(Int64(figures.outputsSkipped))
        for (reason, count) in figures.rejections { deadLetters[reason]?.add(count) }
        kept.add(figures.promisesKept)
        late.add(figures.promisesLate)
        ordered.add(figures.unitsOrdered)
        filled.add(figures.unitsFilled)
        backOrdered.add(figures.unitsBackOrdered)
        for (kind, count) in figures.discrepancies { discrepancies[kind]?.add(count) }
        // What the sweep or the end of parking did is no batch of inputs.
        if figures.inputs == 0 { return }
        batchSize.record(Int64(figures.inputs))
        for (index, stage) in Self.stages.enumerated() {
            stageTimes[index].record(figures.stages[keyPath: stage.path])
        }
        lockWait.record(figures.lockWait)
        for microseconds in figures.ages {
            commitAge.record(max(0, microseconds) / 1_000)
        }
        for (row, type) in Self.types.enumerated() {
            for (column, outcome) in Self.outcomes.enumerated() {
                let count = figures.count(type, outcome.outcome)
                if count > 0 { inputs[row][column].add(count) }
            }
        }
    }

    public func storeFailed(_ conflict: StoreError.Conflict?) {
        storeRetries.add()
        if let conflict { storeConflicts[conflict]?.add() }
        _ = storeFailingSince.compareExchange(
            expected: 0, desired: monotonicMilliseconds(), ordering: .relaxed)
    }

    public func storeSucceeded() { storeFailingSince.store(0, ordering: .relaxed) }

    // MARK: Told by the connections

    public func confirmed(afterMilliseconds milliseconds: Int64) {
        confirmed.add()
        confirmTime.record(milliseconds)
    }

    public func refused(_ refusal: Refusal) { refusals[refusal]?.add() }
    public func connectionLost(_ role: Role) {
        lost[role]?.add()
        if role == .publisher { blocked(false) }
    }
    public func acknowledgedTooLate(_ count: Int) { staleAcks.add(Int64(count)) }
    public func tooLarge() { deadLetters[.tooLarge]?.add() }

    public func blocked(_ isBlocked: Bool) {
        let now = monotonicMilliseconds()
        if isBlocked {
            _ = blockedSince.compareExchange(expected: 0, desired: now, ordering: .relaxed)
        } else {
            let since = blockedSince.exchange(0, ordering: .relaxed)
            if since > 0 { blockedMilliseconds.add(now - since) }
        }
    }

    // MARK: Asked

    /// How long the store has failed; nil: it does not.
    public var storeFailingMilliseconds: Int64? { Self.elapsed(storeFailingSince.load(ordering: .relaxed)) }

    private static func elapsed(_ since: Int64) -> Int64? {
        since == 0 ? nil : max(0, monotonicMilliseconds() - since)
    }

    var inputsHandled: Int64 { inputs.reduce(0) { $0 + $1.reduce(0) { $0 + $1.value } } }
    var outputsConfirmed: Int64 { confirmed.value }
    var deadLetterCounts: [(reason: String, count: Int64)] {
        RejectionReason.allCases.map { ($0.rawValue, deadLetters[$0]?.value ?? 0) }
    }
    var unitsOrdered: Int64 { ordered.value }
    var unitsFilled: Int64 { filled.value }

    private static func series<Key: RawRepresentable<String>>(_ counters: [Key: Counter])
        -> [(labels: [String], counter: Counter)]
    {
        counters.map { (labels: [$0.key.rawValue], counter: $0.value) }.sorted { $0.labels[0] < $1.labels[0] }
    }

    /// What this class counts, by name. `docs/telemetry.md` lists it.
    public var families: [MetricFamily] { pipelineFamilies + connectionFamilies + planningFamilies }

    private var pipelineFamilies: [MetricFamily] {
        [
            MetricFamily(
                counters: "backorderd_inputs_total", "Input messages dealt with, by type and by what became of them.",
                labels: ["type", "outcome"],
                zip(Self.types, inputs).flatMap { type, row in
                    zip(Self.outcomes, row).map { ([type?.rawValue ?? "unknown", $0.name], $1) }
                }),
            MetricFamily(
                counters: "backorderd_dead_letters_total", "Messages sent to the dead letters, by reason.",
                labels: ["reason"], Self.series(deadLetters)),
            MetricFamily(
                histograms: "backorderd_batch_size", "Input messages in one transaction.", [([], batchSize)]),
            MetricFamily(
                histograms: "backorderd_stage_duration_seconds", "Time that a batch took in each stage.",
                labels: ["stage"], zip(Self.stages, stageTimes).map { ([$0.name], $1) }),
            MetricFamily(
                histograms: "backorderd_store_lock_wait_seconds",
                "Time until the store let a batch begin and gave it its locks: the wait for other workers.",
                [([], lockWait)]),
            MetricFamily(
                histograms: "backorderd_input_commit_age_seconds",
                "From the time that a message states to its commit.", [([], commitAge)]),
            MetricFamily(
                histograms: "backorderd_output_confirm_seconds",
                "From the commit of an output to the broker's confirm.", [([], confirmTime)]),
            MetricFamily(
                counter: "backorderd_outputs_total", "Outputs and dead letters committed to the outbox.", outputs),
            MetricFamily(
                counter: "backorderd_outputs_skipped_total", "Outputs that the mapping of the output passes over.",
                outputsSkipped),
            MetricFamily(
                counter: "backorderd_outputs_confirmed_total", "Outputs and dead letters that the broker confirmed.",
                confirmed),
            MetricFamily(
                counters: "backorderd_outputs_refused_total",
                "Outputs that did not get through at one try, and were kept to be sent again.", labels: ["cause"],
                Self.series(refusals)),
            MetricFamily(
                counter: "backorderd_store_retries_total", "Transactions tried again because the store failed for now.",
                storeRetries),
            MetricFamily(
                counters: "backorderd_store_conflicts_total",
                "Of those, the ones undone for the sake of another worker at the same rows, by cause.",
                labels: ["cause"], Self.series(storeConflicts)),
            MetricFamily(
                gauge: "backorderd_store_failing_seconds",
                "How long no transaction has succeeded for a fault of the store; 0: all is well."
            ) { [self] in Double(storeFailingMilliseconds ?? 0) / 1_000 },
        ]
    }

    private var connectionFamilies: [MetricFamily] {
        [
            MetricFamily(
                counters: "backorderd_connections_lost_total",
                "Broker connections lost, or tries to connect that failed.", labels: ["role"], Self.series(lost)),
            MetricFamily(
                counter: "backorderd_acknowledgements_stale_total",
                "Acknowledgements whose connection had gone; the broker delivers those messages again.", staleAcks),
            MetricFamily(
                .counter, "backorderd_publisher_blocked_seconds_total",
                "Time in which the broker took no publishes (memory or disk alarm)."
            ) { [self] in
                let now = Self.elapsed(blockedSince.load(ordering: .relaxed)) ?? 0
                return [.init([], Double(blockedMilliseconds.value + now) / 1_000)]
            },
        ]
    }

    private var planningFamilies: [MetricFamily] {
        [
            MetricFamily(
                counter: "backorderd_promises_kept_total",
                "Dispatches of a promised line by the date that the customer was first told.", kept),
            MetricFamily(
                counter: "backorderd_promises_late_total",
                "Dispatches of a promised line after the date that the customer was first told.", late),
            MetricFamily(counter: "backorderd_ordered_units_total", "Units that customers ordered.", ordered),
            MetricFamily(
                counter: "backorderd_filled_units_total",
                "Units of them found in stock when ordered; over the ordered ones this is the fill rate.", filled),
            MetricFamily(
                counter: "backorderd_backordered_units_total", "Units of them that had to wait.", backOrdered),
            MetricFamily(
                counters: "backorderd_discrepancies_total",
                "Things that the books and the world disagree about, noted by this worker.", labels: ["kind"],
                Self.series(discrepancies)),
        ]
    }
}
