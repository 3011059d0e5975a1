public import BackOrderStore
public import InventoryCore
public import MessageSchema

/// One message on its way: as it came, and as it was read.
public struct DecodedDelivery: Sendable {
    public var reading: Reading
    public var queue: String
    public var body: [UInt8]
    public var properties: @Sendable () -> [UInt8]

    public init(
        reading: Reading, queue: String, body: [UInt8], properties: @escaping @Sendable () -> [UInt8]
    ) {
        self.reading = reading
        self.queue = queue
        self.body = body
        self.properties = properties
    }

    var message: DecodedMessage? {
        if case .message(let message) = reading { message } else { nil }
    }
}

/// What became of one input.
public enum InputOutcome: Sendable, Equatable {
    case applied
    /// Valid, nothing to do.
    case noEffect
    case duplicate
    case parked
    /// A filter of the input's mapping passes it over.
    case skipped(String)
    case deadLettered(Rejection)
}

/// How far a worker's round of the sweep has come.
public struct SweepPhase: Sendable {
    var phase = Sweep.Phase.marking
    /// The round's own now: what changes later is the next one's.
    public let startedAt: Instant

    public init(startedAt: Instant) {
        self.startedAt = startedAt
    }

    public var isDone: Bool { phase == .done }
}

/// What became of a batch.
public struct BatchResult: Sendable {
    /// By input, in their order.
    public var outcomes: [InputOutcome]
    /// What is to be published, in order: outputs and dead letters.
    public var messages: [OutboxMessage]
    /// The outbox segment that holds `messages`; nil if there are none, or in a replay.
    public var segment: OutboxSegmentID?
    /// Parked messages whose time is over, or that turned out wrong when their order came.
    public var rejectedParked: [Decision.RejectedParked]
    public var figures = BatchFigures()
    /// How many outputs were withheld, by routing key.
    public var withheld: [String: Int] = [:]
}

/// What goes into the outbox beside the outputs, before them and in the same transaction: about an input that is neither
/// known already nor rejected, or about a step of the sweep (no input). nil: nothing.
public typealias InputNotes = @Sendable (_ input: InputMessage?, _ outputs: [Output]) -> OutboxMessage?

/// Takes a batch of decoded inputs through one transaction: inbox, working set, decisions, changes, outbox.
///
/// Used by `run` and `replay` alike, on one thread. If it throws, nothing has happened and the batch may be tried again.
public final class BatchProcessor {
    public enum Clock: Sendable {
        /// Now is given by the caller, batch by batch.
        case system(@Sendable () -> Instant)
        /// Now is each message's own time: deterministic.
        case messageTime
    }

    private let store: any BackOrderStore
    let clock: Clock
    let keepsOutbox: Bool
    /// Which outputs of inputs are decided and counted, but not to be published.
    let withholds: (Output) -> Bool
    /// Who sees to the sending of what goes into the outbox.
    let worker: String?
    let notes: InputNotes?
    private(set) var decider: Decider
    let encoder: OutputEncoder

    /// The latest time that was `now`; in a replay it drives the expiry of parked messages.
    public internal(set) var latest = Instant(microseconds: 0)
    /// When the oldest parked message's time will be over, as far as is known; nil: to be asked.
    var nextExpiry: Instant?
    /// In a replay: when the next sweep is due, as far as is known; nil: to be asked.
    var sweepClock: SweepClock?

    /// What a replay's sweep waits for.
    struct SweepClock {
        /// When a queue or supply changed first since the last sweep.
        var changedAt: Instant?
        /// The next promise or expected date that passes.
        var nextDate: Instant?
        /// The store has marks.
        var hasMarks: Bool

        var dueAt: Instant? {
            let first = changedAt.map { changed in nextDate.map { min($0, changed) } ?? changed } ?? nextDate
            return first?.adding(microseconds: Sweep.delayMicroseconds)
        }
    }

    public init(
        store: any BackOrderStore, rules: Rulebook, clock: Clock, keepsOutbox: Bool, worker: String? = nil,
        encoder: OutputEncoder = OutputEncoder(), withholds: @escaping (Output) -> Bool = { _ in false },
        notes: InputNotes? = nil
    ) {
        self.withholds = withholds
        self.encoder = encoder
        self.notes = notes
        self.store = store
        self.decider = Decider(rules: rules)
        self.clock = clock
        self.keepsOutbox = keepsOutbox
        self.worker = worker
    }

    /// New rules from the next batch on.
    public func replaceRules(_ rules: Rulebook) {
        decider = Decider(rules: rules)
    }

    /// - Parameter suspects: go out of the book of suspects with the batch's effect.
    public func process(
        _ batch: [DecodedDelivery], settled: [OutboxSegmentID] = [], suspects: [Digest128] = []
    ) throws -> BatchResult {
        let before = (latest, nextExpiry, sweepClock)
        do {
            var lap = Lap()
            var result = try store.write { transaction in
                let begin = lap.lap()
                var result = try process(batch, settled: settled, in: transaction, &lap)
                try transaction.removeSuspects(suspects)
                result.figures.stages.begin = begin
                result.figures.lockWait = begin + transaction.lockWaitNanoseconds
                return result
            }
            result.figures.stages.commit = lap.lap()
            return result
        } catch {
            (latest, nextExpiry, sweepClock) = before
            throw error
        }
    }

    /// The sweep that is due after the last input of a replay.
    public func finishReplay() throws -> BatchResult {
        try store.write { transaction in
            var run = BatchRun(self, transaction)
            try run.sweep(until: nil, in: transaction)
            return try run.finish(in: transaction)
        }
    }

    /// Does a part of a sweep's round by the system's clock, if this worker leads; nil: another one does.
    /// - Parameter lines: about how many waiting lines one transaction looks at.
    public func sweep(
        _ phase: inout SweepPhase, worker: String, now: Instant, leadUntil: Instant, lines: Int = 1_000,
        settled: [OutboxSegmentID] = []
    ) throws -> BatchResult? {
        var next = phase.phase
        let result: BatchResult? = try store.write { transaction in
            try transaction.removeOutbox(settled)
            guard try transaction.lead(worker: worker, now: now, until: leadUntil) else { return nil }
            var run = BatchRun(self, transaction)
            let outputs = try Sweep(decider: decider).step(
                &next, now: phase.startedAt, through: phase.startedAt, lines: lines, in: transaction)
            if let note = notes?(nil, outputs) { run.messages.append(note) }
            for output in outputs { run.publish(output) }
            return try run.finish(in: transaction)
        }
        phase.phase = next
        return result
    }

    /// Dead-letters the parked messages whose time is over by the system's clock. In a replay `process` does it.
    public func expireParked(now: Instant, settled: [OutboxSegmentID] = []) throws -> BatchResult? {
        if let nextExpiry, now < nextExpiry, settled.isEmpty { return nil }
        return try store.write { transaction in
            try transaction.removeOutbox(settled)
            var run = BatchRun(self, transaction)
            try run.expire(now: now, in: transaction)
            return try run.finish(in: transaction)
        }
    }

    private func process(
        _ batch: [DecodedDelivery], settled: [OutboxSegmentID], in transaction: any StoreTransaction, _ lap: inout Lap
    ) throws -> BatchResult {
        try transaction.removeOutbox(settled)
        var run = BatchRun(self, transaction)
        let keys = Self.inboxKeys(batch)
        try transaction.prepare(BatchNeeds(batch.compactMap { $0.message?.message }, inboxKeys: keys))
        run.known = try transaction.inbox(keys)
        try run.prefetch(batch)
        run.figures.stages.load = lap.lap()
        let systemNow: Instant? = if case .system(let clock) = clock { clock() } else { nil }
        for delivery in batch {
            // In a replay time passes from message to message.
            if systemNow == nil, let time = delivery.message?.message.time { try run.pass(to: time, in: transaction) }
            run.note(try run.take(delivery, systemNow: systemNow), of: delivery)
        }
        run.figures.stages.decide = lap.lap()
        var result = try run.finish(in: transaction)
        result.figures.stages.write = lap.lap()
        return result
    }

    /// Decides a batch on a picture of the books and writes nothing: what it decides goes on from what the picture's
    /// batches before it decided. Only by the system's clock, where time passes by itself.
    func decide(_ batch: [DecodedDelivery], on picture: Picture) throws -> DecidedBatch {
        guard case .system(let clock) = clock else { preconditionFailure("a replay decides and writes in one step") }
        let before = (latest, nextExpiry)
        do {
            var run = BatchRun(self, ledger: picture.ledger)
            let keys = Self.inboxKeys(batch)
            run.known = try picture.reader.inbox(keys)
            for key in keys { if let row = picture.inbox[key] { run.known[key] = row } }
            try run.prefetch(batch)
            let now = clock()
            for delivery in batch { run.note(try run.take(delivery, systemNow: now), of: delivery) }
            let decided = run.decided(isSorted: false)
            for row in decided.inboxRows { picture.inbox[row.key] = row }
            return decided
        } catch {
            (latest, nextExpiry) = before
            throw error
        }
    }

    /// The books as one connection sees them, and what was decided on them since.
    final class Picture {
        let reader: any BatchReader
        let ledger: WorkingSet
        var inbox: [Digest128: InboxRow] = [:]

        init(_ reader: any BatchReader, _ processor: BatchProcessor) {
            self.reader = reader
            ledger = WorkingSet(reader: reader, strategy: processor.decider.rules.strategy)
        }
    }

    private static func inboxKeys(_ batch: [DecodedDelivery]) -> [Digest128] {
        batch.flatMap { delivery -> [Digest128] in
            guard let decoded = delivery.message else { return [] }
            guard let factKey = decoded.identity.factKey else { return [decoded.identity.messageKey] }
            return [decoded.identity.messageKey, factKey]
        }
    }
}
