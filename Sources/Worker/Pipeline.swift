public import BackOrderStore
public import InventoryCore
public import Logging
import MessageSchema
import Synchronization

/// The daemon's heart: takes batches from the source through one transaction each, acknowledges, and hands the outputs
/// to the sink.
///
/// Receive, transact and publish overlap: the source collects deliveries on its own thread while a batch is in hand, the
/// sink publishes on its own. `run()` blocks its thread until `stop()`; everything else may be called from any thread.
public final class Pipeline: Sendable {
    private let source: any DeliverySource
    private let sink: any OutputSink
    let tracker: OutboxTracker
    let settings: Settings
    let timing: Timing
    let logger: Logger
    private let meter: any PipelineMeter
    /// nil: nobody traces, and nothing is done for it.
    private let spans: PipelineSpans?
    let stopping = Atomic<Bool>(false)
    private let countsState = Mutex(Counts())
    private let newRules = Mutex<Rulebook?>(nil)
    /// Publications that the sink's full queue did not take yet; used by the pipeline's thread alone.
    private let unsent = Mutex<[PendingPublication]>([])
    private static let publicationsHandedOver = 1_000
    /// A transaction may have been committed without our knowing: its outputs would wait in the outbox for nobody.
    let hasUnknownCommit = Atomic<Bool>(false)

    public init(
        source: any DeliverySource, sink: any OutputSink, tracker: OutboxTracker, settings: Settings,
        timing: Timing, logger: Logger, meter: any PipelineMeter = NoMeter(), spans: PipelineSpans? = nil
    ) {
        self.source = source
        self.sink = sink
        self.tracker = tracker
        self.settings = settings
        self.timing = timing
        self.logger = logger
        self.meter = meter
        self.spans = spans
    }

    /// Asks the run to finish what is in hand and leave. Any thread; may be called again.
    public func stop() {
        if !stopping.exchange(true, ordering: .acquiringAndReleasing) { source.stopConsuming() }
    }

    /// New rules from the next batch on (SIGHUP).
    public func replaceRules(_ rules: Rulebook) {
        newRules.withLock { $0 = rules }
    }

    public var counts: Counts { countsState.withLock { $0 } }

    /// Works until `stop()`. The store is used by this thread alone.
    public func run(store: any BackOrderStore, rules: Rulebook) -> Ending {
        do {
            var shift = try begin(store: store, rules: rules)
            while try step(&shift) {}
            return try drain(shift)
        } catch {
            logger.critical("the store can't be used, the daemon stops: \(error)")
            return .failed("\(error)")
        }
    }

    // MARK: A run, step by step

    /// What one run has in hand, between its steps.
    public struct Shift {
        fileprivate let store: any BackOrderStore
        fileprivate let processor: BatchProcessor
        fileprivate var sweep = SweepSchedule()
        fileprivate var suspects: SuspectLane
        fileprivate var lastIdle: Int64
        fileprivate var nextPrune: Int64
        fileprivate var nextClaim: Int64
    }

    /// Begins a run: what an earlier one committed and did not see confirmed is sent first.
    public func begin(store: any BackOrderStore, rules: Rulebook) throws -> Shift {
        let clock = timing.now
        let processor = BatchProcessor(
            store: store, rules: rules, clock: .system { clock() }, keepsOutbox: true, worker: settings.worker,
            encoder: settings.encoder, notes: settings.notes)
        try beginRelay(store)
        let start = timing.monotonicMilliseconds()
        return Shift(
            store: store, processor: processor,
            suspects: SuspectLane(
                batchMax: settings.batch, deathsMax: settings.deliveryLimit,
                graceMilliseconds: settings.graceMilliseconds),
            lastIdle: start, nextPrune: start + 60_000, nextClaim: start + Pipeline.claimMilliseconds)
    }

    /// Takes what has arrived through one transaction and does what is due beside it; false: told to stop.
    public func step(_ shift: inout Shift) throws -> Bool {
        if stopping.load(ordering: .acquiring) { return false }
        if let rules = newRules.withLock({ rules in
            defer { rules = nil }
            return rules
        }) {
            shift.processor.replaceRules(rules)
        }
        sendRetries()
        try relay(shift.store, &shift.nextClaim)
        if tracker.openCount >= settings.outboxHighWater {
            try idle(shift.processor)
            timing.sleep(20)
            return true
        }
        try sweep(&shift.sweep, shift.processor)
        let deliveries = source.receive(max: settings.batch, timeoutMilliseconds: shift.sweep.isUnderWay ? 1 : 100)
        try handleSuspects(&shift, nothingElse: deliveries.isEmpty && !shift.sweep.isUnderWay)
        if deliveries.isEmpty {
            try idle(shift.processor)
        } else {
            try handle(deliveries, &shift)
            if timing.monotonicMilliseconds() - shift.lastIdle < 1_000 { return true }
            try idle(shift.processor)
        }
        shift.lastIdle = timing.monotonicMilliseconds()
        try pruneInbox(shift.store, &shift.nextPrune)
        return true
    }

    // MARK: One batch

    private func handle(_ deliveries: [InboundDelivery], _ shift: inout Shift) throws {
        let keys = deliveries.filter(\.redelivered).map { SuspectLane.key($0) }
        var book: [Digest128: Suspect] = [:]
        if !keys.isEmpty {
            let store = shift.store
            guard let found = try persist([], { try store.write { try $0.suspects(keys) } }) else { return }
            book = found
        }
        let groups = shift.suspects.sort(
            deliveries, book: book, now: timing.now(), monotonicMilliseconds: timing.monotonicMilliseconds())
        for group in groups { try handle(group, shift) }
    }

    /// Those that look like poison, when they had their time, and those that give way to others, when it is their turn.
    private func handleSuspects(_ shift: inout Shift, nothingElse: Bool) throws {
        shift.suspects.keepOnly(generation: source.generation)
        let now = timing.monotonicMilliseconds()
        let accused = shift.suspects.takeAccused(monotonicMilliseconds: now)
        if !accused.isEmpty {
            let store = shift.store
            let keys = accused.map(\.key)
            guard let book = try persist([], { try store.write { try $0.suspects(keys) } }) else { return }
            for group in shift.suspects.judge(accused, book: book, monotonicMilliseconds: now) {
                try handle(group, shift)
            }
        }
        guard let group = shift.suspects.next(nothingElse: nothingElse) else { return }
        try handle(group, shift)
    }

    private func handle(_ group: SuspectLane.Group, _ shift: Shift) throws {
        switch group {
        case .fresh(let deliveries): try handle(deliveries, shift.processor, suspects: [])
        case .attempt(let candidates):
            let keys = candidates.map(\.key)
            var settled: [OutboxSegmentID] = []
            if let deaths = candidates.compactMap(\.known?.deaths).max() {
                // This may well be the end: what is on its way is settled first, and need not be sent again.
                _ = sink.flush(deadlineMilliseconds: Pipeline.lastWordsMilliseconds)
                settled = tracker.takeSettled()
                logger.warning(
                    "the daemon died with these messages in hand: they are taken in smaller company",
                    metadata: ["messages": "\(candidates.count)", "deaths": "\(deaths)"])
            }
            // Committed before any of them is looked at.
            let isNoted = try persist(settled) { () -> Bool? in
                try shift.store.write { transaction in
                    try transaction.removeOutbox(settled)
                    let book = try transaction.suspects(keys)
                    try transaction.putSuspects(SuspectLane.entries(candidates, book: book, at: timing.now()))
                }
                return true
            }
            guard isNoted != nil else { return }
            try handle(candidates.map(\.delivery), shift.processor, suspects: keys)
        case .poison(let candidates):
            try handle(
                candidates.map(\.delivery), shift.processor, suspects: candidates.map(\.key),
                rejection: Rejection(
                    .poison, "the daemon died \(settings.deliveryLimit) times with this message alone in hand"))
        }
    }

    /// How long outputs may take to be confirmed before a batch that the daemon may die over; a broker that is away must
    /// not hold it up.
    private static let lastWordsMilliseconds = 2_000

    /// - Parameters:
    ///   - suspects: leave the book of suspects with the batch's effect.
    ///   - rejection: all are dead letters for this reason, and not looked at.
    private func handle(
        _ deliveries: [InboundDelivery], _ processor: BatchProcessor, suspects: [Digest128], rejection: Rejection? = nil
    ) throws {
        let arrival = timing.now()
        settings.batchBegins?(deliveries, rejection == nil)
        var lap = Lap()
        let decoder = Decoder()
        let batch = deliveries.map { delivery in
            DecodedDelivery(
                reading: rejection.map { .rejected($0) } ?? read(delivery, decoder, arrival: arrival),
                queue: delivery.queue, body: delivery.body, properties: delivery.properties)
        }
        let decoding = lap.lap()
        let settled = tracker.takeSettled()
        guard
            var result = try persist(
                settled, { try processor.process(batch, settled: settled, suspects: suspects) })
        else { return }
        // The outbox owns the outputs now, dead letters included: the inputs are done with before anything is sent.
        source.acknowledge(deliveries.map(\.token))
        result.figures.stages.decode = decoding
        if let spans {
            spans.committed(
                .init(deliveries: deliveries, decoded: batch, result: result, from: arrival, to: timing.now()))
        }
        publish(result)
        let now = timing.now().microseconds
        result.figures.ages = batch.compactMap { $0.message.map { now - $0.message.time.microseconds } }
        count(result, deliveries)
    }

    private func read(_ delivery: InboundDelivery, _ decoder: Decoder, arrival: Instant) -> Reading {
        decoder.read(
            delivery.body, envelope: delivery.envelope, arrival: arrival,
            options: settings.decode[delivery.queue] ?? DecodeOptions())
    }

    private func publish(_ result: BatchResult) {
        if let segment = result.segment { publish(segment, result.messages) }
    }

    /// Sends what a segment of the outbox holds, and watches over it until it is confirmed.
    func publish(_ segment: OutboxSegmentID, _ messages: [OutboxMessage]) {
        send(tracker.open(segment, messages, nowMilliseconds: timing.monotonicMilliseconds()))
    }

    /// Hands publications to the sink; what it does not take now stays here, in order, and is offered again.
    private func send(_ publications: [PendingPublication]) {
        unsent.withLock { unsent in
            unsent.append(contentsOf: publications)
            while !unsent.isEmpty {
                let chunk = Array(unsent.prefix(Pipeline.publicationsHandedOver))
                if !sink.publish(chunk, timeoutMilliseconds: 50) { return }
                unsent.removeFirst(chunk.count)
            }
        }
    }

    /// Tries a transaction until it succeeds: a store that fails for now costs time, never a message. nil: the daemon
    /// was stopped meanwhile, nothing of it has happened.
    func persist<Value>(_ settled: [OutboxSegmentID], _ body: () throws -> Value?) throws -> Value? {
        var failures = 0
        while true {
            do {
                let value = try body()
                meter.storeSucceeded()
                return value
            } catch let error as StoreError where error.isRetriable {
                failures += 1
                if error.mayHaveCommitted { hasUnknownCommit.store(true, ordering: .relaxed) }
                meter.storeFailed(error.conflict)
                countsState.withLock { $0.storeRetries += 1 }
                if failures == 1 || failures % 20 == 0 {
                    logger.warning("the store is not available, trying again: \(error.message)")
                }
                if stopping.load(ordering: .acquiring) {
                    tracker.putBackSettled(settled)
                    return nil
                }
                sendRetries()
                timing.sleep(min(50 << min(failures, 6), 2_000))
            }
        }
    }

    /// - Parameter deliveries: what the result's outcomes are of.
    private func count(_ result: BatchResult, _ deliveries: [InboundDelivery] = []) {
        meter.committed(result.figures)
        var rejections: [Rejection] = result.rejectedParked.map(\.rejection)
        countsState.withLock { counts in
            counts.batches += 1
            counts.outputs += UInt64(result.messages.count)
            for outcome in result.outcomes {
                switch outcome {
                case .applied: counts.applied += 1
                case .noEffect: counts.noEffect += 1
                case .duplicate: counts.duplicates += 1
                case .parked: counts.parked += 1
                case .skipped: counts.skipped += 1
                case .deadLettered(let rejection):
                    counts.deadLettered += 1
                    rejections.append(rejection)
                }
            }
            counts.deadLettered += UInt64(result.rejectedParked.count)
        }
        guard let first = rejections.first else { return }
        var metadata: Logger.Metadata = [
            "count": "\(rejections.count)", "reason": "\(first.reason.rawValue)", "detail": "\(first.detail)",
        ]
        for (delivery, outcome) in zip(deliveries, result.outcomes) {
            guard case .deadLettered(first) = outcome else { continue }
            if let id = delivery.envelope.messageID { metadata["message_id"] = "\(id)" }
            if let trace = delivery.traceID { metadata["trace_id"] = "\(trace)" }
            break
        }
        logger.warning("dead-lettered", metadata: metadata)
    }

    // MARK: Between batches

    /// What is to be done while nothing arrives: settled segments go, parked messages expire.
    private func idle(_ processor: BatchProcessor) throws {
        let settled = tracker.takeSettled()
        let result = try persist(settled) { try processor.expireParked(now: timing.now(), settled: settled) }
        guard let result else { return }
        publish(result)
        if !result.rejectedParked.isEmpty { count(result) }
    }

    /// One step of the sweep, if one is due or under way and this worker leads.
    private func sweep(_ schedule: inout SweepSchedule, _ processor: BatchProcessor) throws {
        guard var phase = schedule.due(nowMilliseconds: timing.monotonicMilliseconds(), now: timing.now) else { return }
        let settled = tracker.takeSettled()
        let result = try persist(settled) {
            let now = timing.now()
            return Optional(
                try processor.sweep(
                    &phase, worker: settings.worker, now: now,
                    leadUntil: now.adding(microseconds: Pipeline.leadMicroseconds), lines: settings.sweptLines,
                    settled: settled))
        }
        guard let result else { return }
        schedule.took(phase, leads: result != nil, nowMilliseconds: timing.monotonicMilliseconds())
        if let result {
            publish(result)
            if !result.messages.isEmpty { count(result) }
        }
    }

    /// A leader that dies is followed within this time.
    private static let leadMicroseconds: Int64 = 8_000_000

    /// Old inbox rows go, a bounded number at a time, so that no transaction grows long.
    private func pruneInbox(_ store: any BackOrderStore, _ nextPrune: inout Int64) throws {
        if timing.monotonicMilliseconds() < nextPrune { return }
        let before = timing.now().adding(microseconds: -settings.inboxRetentionMicroseconds)
        let gone =
            try persist([]) {
                try store.write { transaction in
                    try transaction.pruneSuspects(before: before)
                    return try transaction.pruneInbox(before: before, limit: 5_000)
                }
            } ?? 0
        nextPrune = timing.monotonicMilliseconds() + (gone == 5_000 ? 1_000 : 60_000)
    }

    func sendRetries() {
        let retries = tracker.takeDueRetries(nowMilliseconds: timing.monotonicMilliseconds())
        send(retries)
    }

    // MARK: The end

    /// Ends a run that was told to stop: waits, for a bounded time, until everything is confirmed.
    public func drain(_ shift: Shift) throws -> Ending {
        let deadline = timing.monotonicMilliseconds() + Int64(settings.drainMilliseconds)
        while tracker.openCount > 0, timing.monotonicMilliseconds() < deadline {
            sendRetries()
            _ = sink.flush(deadlineMilliseconds: Int(min(100, max(1, deadline - timing.monotonicMilliseconds()))))
            if tracker.openCount > 0 { timing.sleep(5) }
        }
        let settled = tracker.takeSettled()
        do {
            try shift.store.write {
                try $0.removeOutbox(settled)
                // What stays is a neighbour's from now on.
                try $0.leaveOutbox(worker: settings.worker)
            }
        } catch let error as StoreError where error.isRetriable {
            // They are sent again, by a neighbour or at the next start, under the same ids.
            logger.notice("settled outputs stay in the outbox: \(error.message)")
        }
        let open = tracker.openCount
        return open == 0 ? .drained : .drainedWithOpenOutbox(open)
    }
}
