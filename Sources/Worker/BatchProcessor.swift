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
    private let clock: Clock
    private let keepsOutbox: Bool
    /// Which outputs of inputs are decided and counted, but not to be published.
    private let withholds: (Output) -> Bool
    /// Who sees to the sending of what goes into the outbox.
    private let worker: String?
    private let notes: InputNotes?
    private var decider: Decider
    private let encoder: OutputEncoder

    /// The latest time that was `now`; in a replay it drives the expiry of parked messages.
    public private(set) var latest = Instant(microseconds: 0)
    /// When the oldest parked message's time will be over, as far as is known; nil: to be asked.
    private var nextExpiry: Instant?
    /// In a replay: when the next sweep is due, as far as is known; nil: to be asked.
    private var sweepClock: SweepClock?

    /// What a replay's sweep waits for.
    private struct SweepClock {
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
            var run = Run(self, transaction)
            try run.sweep(until: nil)
            return try run.finish()
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
            var run = Run(self, transaction)
            let outputs = try Sweep(decider: decider).step(
                &next, now: phase.startedAt, through: phase.startedAt, lines: lines, in: transaction)
            if let note = notes?(nil, outputs) { run.messages.append(note) }
            for output in outputs { run.publish(output) }
            return try run.finish()
        }
        phase.phase = next
        return result
    }

    /// Dead-letters the parked messages whose time is over by the system's clock. In a replay `process` does it.
    public func expireParked(now: Instant, settled: [OutboxSegmentID] = []) throws -> BatchResult? {
        if let nextExpiry, now < nextExpiry, settled.isEmpty { return nil }
        return try store.write { transaction in
            try transaction.removeOutbox(settled)
            var run = Run(self, transaction)
            try run.expire(now: now)
            return try run.finish()
        }
    }

    private func process(
        _ batch: [DecodedDelivery], settled: [OutboxSegmentID], in transaction: any StoreTransaction, _ lap: inout Lap
    ) throws -> BatchResult {
        try transaction.removeOutbox(settled)
        var run = Run(self, transaction)
        let keys = batch.flatMap { delivery -> [Digest128] in
            guard let decoded = delivery.message else { return [] }
            guard let factKey = decoded.identity.factKey else { return [decoded.identity.messageKey] }
            return [decoded.identity.messageKey, factKey]
        }
        try transaction.prepare(BatchNeeds(batch.compactMap { $0.message?.message }, inboxKeys: keys))
        run.known = try transaction.inbox(keys)
        try run.ledger.prefetch(
            batch.compactMap { delivery in
                guard let decoded = delivery.message,
                    run.known[decoded.identity.messageKey] == nil
                else { return nil }
                return decoded.message
            })
        run.figures.stages.load = lap.lap()
        let systemNow: Instant? = if case .system(let clock) = clock { clock() } else { nil }
        for delivery in batch {
            let outcome = try run.take(delivery, systemNow: systemNow)
            run.outcomes.append(outcome)
            run.figures.note(delivery.message?.message.input.type, outcome)
        }
        run.figures.stages.decide = lap.lap()
        var result = try run.finish()
        result.figures.stages.write = lap.lap()
        return result
    }

    /// The handling of one batch inside its transaction.
    private struct Run {
        let processor: BatchProcessor
        let transaction: any StoreTransaction
        var ledger: WorkingSet
        var known: [Digest128: InboxRow] = [:]
        var newRows: [InboxRow] = []
        var outcomes: [InputOutcome] = []
        var messages: [OutboxMessage] = []
        var rejectedParked: [Decision.RejectedParked] = []
        var figures = BatchFigures()
        var withheld: [String: Int] = [:]

        init(_ processor: BatchProcessor, _ transaction: any StoreTransaction) {
            self.processor = processor
            self.transaction = transaction
            ledger = WorkingSet(reader: transaction, strategy: processor.decider.rules.strategy)
        }

        /// In a replay: the sweeps that are due before this time; nil: the last one, after the input.
        mutating func sweep(until time: Instant?) throws {
            var clock = try processor.sweepClock ?? startClock()
            let times = ledger.takeTimes()
            clock.changedAt = [clock.changedAt, times.changedAt].compactMap { $0 }.min()
            clock.nextDate = [clock.nextDate, times.earliestDate].compactMap { $0 }.min()
            while let due = clock.dueAt {
                if let time { if time <= due { break } } else if clock.changedAt == nil { break }
                let hasPassed = clock.nextDate.map { $0 <= due } ?? false
                if hasPassed || clock.hasMarks || ledger.hasSweepMarks {
                    let changes = ledger.takeChanges()
                    if !changes.isEmpty { try write(changes) }
                    let outputs = try Sweep(decider: processor.decider).round(now: due, in: transaction)
                    for output in outputs { publish(output) }
                    ledger = WorkingSet(reader: transaction, strategy: processor.decider.rules.strategy)
                    clock.hasMarks = false
                    let next = try transaction.nextDate(since: try transaction.sweptThrough())
                    clock.nextDate = next.flatMap { $0 <= due ? nil : $0 }
                }
                clock.changedAt = nil
            }
            processor.sweepClock = clock
        }

        private func startClock() throws -> SweepClock {
            let marks = try transaction.sweepMarks(after: nil, limit: .max)
            return SweepClock(
                changedAt: marks.map(\.changedAt).min(),
                nextDate: try transaction.nextDate(since: try transaction.sweptThrough()), hasMarks: !marks.isEmpty)
        }

        mutating func take(_ delivery: DecodedDelivery, systemNow: Instant?) throws -> InputOutcome {
            let decoded: DecodedMessage
            switch delivery.reading {
            case .skipped(let cause): return .skipped(cause)
            case .rejected(let rejection):
                deadLetter(delivery, rejection, at: systemNow ?? processor.latest)
                return .deadLettered(rejection)
            case .message(let value): decoded = value
            }
            let now = systemNow ?? decoded.message.time
            if systemNow == nil, processor.nextExpiry.map({ $0 <= now }) ?? true { try expire(now: now) }
            if systemNow == nil { try sweep(until: now) }
            processor.latest = max(processor.latest, now)

            let identity = decoded.identity
            if known[identity.messageKey] != nil { return .duplicate }
            if let factKey = identity.factKey, let fact = known[factKey] {
                if fact.content == identity.content {
                    remember(identity.messageKey, identity.content, now)
                    return .duplicate
                }
                let rejection = Rejection(.conflict, conflictDetail(decoded.message))
                deadLetter(delivery, rejection, at: now)
                return .deadLettered(rejection)
            }
            let decision = try processor.decider.decide(
                decoded.message, now: now, original: OriginalMessage(delivery).encoded(), in: ledger)
            if case .rejected(let rejection) = decision.effect {
                // Not remembered: sent again from the dead-letter queue, it is to be looked at anew.
                deadLetter(delivery, rejection, at: now)
                return .deadLettered(rejection)
            }
            remember(identity.messageKey, identity.content, now)
            if let factKey = identity.factKey, factKey != identity.messageKey {
                remember(factKey, identity.content, now)
            }
            if let note = processor.notes?(decoded.message, decision.outputs) { messages.append(note) }
            for output in decision.outputs {
                if processor.withholds(output) {
                    withheld[OutputEncoder.routingKey(output.body), default: 0] += 1
                } else {
                    publish(output)
                }
            }
            for rejected in decision.rejectedParked { reject(rejected, at: now) }
            switch decision.effect {
            case .applied: return .applied
            case .none: return .noEffect
            case .parked:
                let due = now.adding(microseconds: processor.decider.rules.parkingMicroseconds)
                processor.nextExpiry = processor.nextExpiry.map { min($0, due) }
                return .parked
            case .rejected(let rejection): return .deadLettered(rejection)
            }
        }

        mutating func expire(now: Instant) throws {
            let parking = processor.decider.rules.parkingMicroseconds
            while true {
                let due = now.adding(microseconds: -parking)
                // What this batch parked is not in the store's rows yet: write first, then ask.
                let changes = ledger.takeChanges()
                if !changes.isEmpty { try write(changes) }
                // The marks are in the store now: the sweep that is due next has to know.
                if !changes.marks.isEmpty { processor.sweepClock?.hasMarks = true }
                let expired = try transaction.parkedMessages(before: due.adding(microseconds: 1), limit: 100)
                for message in expired {
                    ledger.expire(message)
                    let hours = parking / Instant.microsecondsPerHour
                    reject(
                        .init(
                            message: message,
                            rejection: Rejection(
                                .expired,
                                "order_id: order \(message.orderID) did not arrive within \(hours) h")), at: now)
                }
                if expired.count < 100 { break }
            }
            let oldest = try transaction.parkedMessages(before: Instant(microseconds: .max), limit: 1).first
            processor.nextExpiry = oldest?.parkedAt.adding(microseconds: parking) ?? Instant(microseconds: .max)
        }

        mutating func publish(_ output: Output) {
            if let message = processor.encoder.message(output) {
                messages.append(message)
            } else {
                figures.outputsSkipped += 1
            }
        }

        mutating func remember(_ key: Digest128, _ content: Digest128, _ now: Instant) {
            let row = InboxRow(key: key, content: content, receivedAt: now)
            known[key] = row
            newRows.append(row)
        }

        mutating func deadLetter(_ delivery: DecodedDelivery, _ rejection: Rejection, at time: Instant) {
            messages.append(OriginalMessage(delivery).deadLetter(rejection, at: time))
        }

        mutating func reject(_ rejected: Decision.RejectedParked, at time: Instant) {
            // The inbox goes on remembering it: the same message again is a duplicate. An operator who sends it back
            // from the dead-letter queue (`dead-letters replay`) has it forgotten first.
            rejectedParked.append(rejected)
            figures.rejections[rejected.rejection.reason, default: 0] += 1
            if let original = OriginalMessage(decoding: rejected.message.original) {
                messages.append(original.deadLetter(rejected.rejection, at: time))
            }
        }

        mutating func finish() throws -> BatchResult {
            let changes = ledger.takeChanges()
            if !changes.isEmpty { try write(changes) }
            let times = ledger.takeTimes()
            if var clock = processor.sweepClock {
                if !changes.marks.isEmpty { clock.hasMarks = true }
                clock.changedAt = [clock.changedAt, times.changedAt].compactMap { $0 }.min()
                clock.nextDate = [clock.nextDate, times.earliestDate].compactMap { $0 }.min()
                processor.sweepClock = clock
            }
            if !newRows.isEmpty { try transaction.appendInbox(newRows) }
            var segment: OutboxSegmentID?
            if processor.keepsOutbox, !messages.isEmpty {
                let at: Instant = if case .system(let clock) = processor.clock { clock() } else { processor.latest }
                segment = try transaction.appendOutbox(messages, at: at, worker: processor.worker)
            }
            figures.outputs = messages.count
            return BatchResult(
                outcomes: outcomes, messages: messages, segment: segment, rejectedParked: rejectedParked,
                figures: figures, withheld: withheld)
        }

        private mutating func write(_ changes: Changes) throws {
            figures.note(changes)
            try transaction.apply(changes)
        }

        private func conflictDetail(_ message: InputMessage) -> String {
            let (field, key): (String, Identifier) =
                switch message.input {
                case .orderPlaced(let placed): ("order_id", placed.orderID)
                case .stockReceived(let receipt): ("receipt_id", receipt.receiptID)
                case .shipmentDispatched(let shipment): ("shipment_id", shipment.shipmentID)
                case .stockAdjusted(let adjusted): ("adjustment_id", adjusted.adjustmentID)
                case .inboundScheduled(let inbound): ("inbound_id", inbound.inboundID)
                default: ("id", Identifier(message.id))
                }
            return "\(field): \(key) is known with other content under another id"
        }
    }
}
