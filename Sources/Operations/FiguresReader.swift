import BackOrderStore
public import InventoryCore
public import Logging
import Synchronization
import Worker

/// Reads the books' figures now and then, on a thread and a store connection of its own, so that nobody who looks at
/// them waits for the store. What was read last stays, with its age.
public final class FiguresReader: Sendable {
    struct Reading: Sendable {
        var figures: StoreFigures
        var readMilliseconds: Int64
    }

    /// A point of the overview's curve.
    struct Point: Sendable {
        var at: Instant
        var waitingUnits: Units
        var promisesOverdue: Int64
    }

    private struct State {
        var reading: Reading?
        var history: [Point] = []
        var failure: String?
    }

    private let store: PageStore
    private let now: @Sendable () -> Instant
    private let everyMilliseconds: Int64
    private let logger: Logger
    private let state = Mutex(State())
    private let isStopping = Atomic<Bool>(false)
    /// Twelve hours at one a minute.
    private static let historyMax = 720
    private static let historyEvery: Int64 = 60_000_000

    public init(
        store: PageStore, everyMilliseconds: Int64 = 15_000, now: @escaping @Sendable () -> Instant, logger: Logger
    ) {
        self.store = store
        self.everyMilliseconds = everyMilliseconds
        self.now = now
        self.logger = logger
    }

    public func start() { _ = WorkThread(name: "figures", stackBytes: 2 << 20) { [self] in run() } }
    public func stop() { isStopping.store(true, ordering: .relaxed) }

    private func run() {
        var next: Int64 = 0
        while !isStopping.load(ordering: .relaxed) {
            let begin = monotonicMilliseconds()
            if begin >= next {
                read()
                // However slow the store is, it is asked at most a tenth of the time.
                let took = monotonicMilliseconds() - begin
                next = begin + max(everyMilliseconds, 10 * took)
            }
            Timing.block(milliseconds: 100)
        }
        store.close()
    }

    private func read() {
        let time = now()
        do {
            let figures = try store.read { try $0.figures(now: time) }
            state.withLock { state in
                state.failure = nil
                state.reading = Reading(figures: figures, readMilliseconds: monotonicMilliseconds())
                if let last = state.history.last, time.microseconds - last.at.microseconds < Self.historyEvery {
                    return
                }
                state.history.append(
                    Point(at: time, waitingUnits: figures.waitingUnits, promisesOverdue: figures.promisesOverdue))
                if state.history.count > Self.historyMax { state.history.removeFirst() }
            }
        } catch {
            let text = (error as? StoreError)?.message ?? "\(error)"
            let isNews = state.withLock { state in
                defer { state.failure = text }
                return state.failure == nil
            }
            if isNews { logger.notice("the books' figures can't be read for now: \(text)") }
        }
    }

    var reading: Reading? { state.withLock { $0.reading } }
    var history: [Point] { state.withLock { $0.history } }

    private static let placesMax = 100
    private static let otherPlaces = "(all others)"

    public var families: [MetricFamily] {
        func gauge(_ name: String, _ help: String, _ value: @escaping @Sendable (StoreFigures) -> Int64) -> MetricFamily
        {
            MetricFamily(gauge: name, help) { [self] in reading.map { Double(value($0.figures)) } }
        }
        func coming(
            _ name: String, _ help: String, _ value: @escaping @Sendable (StoreFigures.Coming) -> Int64
        ) -> MetricFamily {
            MetricFamily(.gauge, name, help, labels: ["kind"]) { [self] in
                guard let figures = reading?.figures else { return [] }
                return [
                    .init(["inbound"], Double(value(figures.inbounds))),
                    .init(["reorder"], Double(value(figures.reorders))),
                ]
            }
        }
        return [
            gauge("backorderd_waiting_lines", "Order lines of which something waits.") { $0.waitingLines },
            gauge("backorderd_waiting_units", "Units that wait.") { $0.waitingUnits },
            MetricFamily(
                gauge: "backorderd_oldest_wait_seconds",
                "How long ago the order was placed that has waited longest; 0: none waits."
            ) { [self] in age(unless: { $0.waitingLines > 0 }) { $0.waitingSince } },
            gauge("backorderd_promises_overdue", "Waiting lines whose promised date has passed; 100000 at most.") {
                $0.promisesOverdue
            },
            gauge("backorderd_promises_due", "Waiting lines promised for the next 24 hours; 100000 at most.") {
                $0.promisesDue
            },
            gauge("backorderd_held_lines", "Lines of orders that the policy holds; 100000 at most.") { $0.heldLines },
            coming("backorderd_supply_outstanding", "Reorders and inbounds of which something has not come.") {
                $0.supplies
            },
            coming("backorderd_supply_outstanding_units", "Units that have not come.") { $0.units },
            coming("backorderd_supply_overdue", "Of the outstanding ones: expected earlier than now.") { $0.overdue },
            places("backorderd_stock_units", "Units on hand, by location.") { $0.onHand },
            places("backorderd_allocated_units", "Units on hand that belong to orders, by location.") { $0.allocated },
            gauge("backorderd_discrepancies", "Things noted that the books and the world disagree about.") {
                $0.discrepancies
            },
            gauge("backorderd_parked_messages", "Messages that came before their order and wait for it.") {
                $0.parkedMessages
            },
            gauge("backorderd_store_outbox_messages", "Messages in the outbox, of all workers.") { $0.outboxMessages },
            MetricFamily(
                gauge: "backorderd_store_outbox_oldest_seconds",
                "Age of the oldest message in the outbox, of all workers; 0: it is empty."
            ) { [self] in age(unless: { $0.outboxMessages > 0 }) { $0.oldestOutboxAt } },
            MetricFamily(
                gauge: "backorderd_figures_age_seconds", "How long ago these figures of the books were read."
            ) { [self] in reading.map { Double(monotonicMilliseconds() - $0.readMilliseconds) / 1_000 } },
        ]
    }

    /// 0 where there is nothing to have an age; nil where it is not known.
    private func age(unless exists: (StoreFigures) -> Bool, since: (StoreFigures) -> Instant?) -> Double? {
        guard let figures = reading?.figures else { return nil }
        if !exists(figures) { return 0 }
        return since(figures).map { max(0, Double(now().microseconds - $0.microseconds) / 1e6) }
    }

    /// Locations come from messages: the first hundred by name have a line of their own, the others share one.
    private func places(
        _ name: String, _ help: String, _ value: @escaping @Sendable (StoreFigures.Place) -> Int64
    ) -> MetricFamily {
        MetricFamily(.gauge, name, help, labels: ["location"]) { [self] in
            let places = (reading?.figures.places ?? []).filter { $0.location.text != Self.otherPlaces }
            var samples = places.prefix(Self.placesMax).map {
                MetricFamily.Sample([$0.location.text], Double(value($0)))
            }
            if places.count > Self.placesMax {
                samples.append(
                    .init([Self.otherPlaces], places.dropFirst(Self.placesMax).reduce(0) { $0 + Double(value($1)) }))
            }
            return samples
        }
    }
}
