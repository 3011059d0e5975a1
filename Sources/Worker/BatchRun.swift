import BackOrderStore
import InventoryCore
import MessageSchema

/// The handling of one batch: its inputs are decided one by one, and what is to be written is collected.
struct BatchRun {
    let processor: BatchProcessor
    var ledger: WorkingSet
    var known: [Digest128: InboxRow] = [:]
    var newRows: [InboxRow] = []
    var outcomes: [InputOutcome] = []
    var messages: [OutboxMessage] = []
    var rejectedParked: [Decision.RejectedParked] = []
    var figures = BatchFigures()
    var withheld: [String: Int] = [:]

    /// On the books as this transaction sees them.
    init(_ processor: BatchProcessor, _ transaction: any StoreTransaction) {
        self.init(
            processor, ledger: WorkingSet(reader: transaction, strategy: processor.decider.rules.strategy))
    }

    /// On books that other batches have changed already.
    init(_ processor: BatchProcessor, ledger: WorkingSet) {
        self.processor = processor
        self.ledger = ledger
    }

    /// Loads what these inputs name, but for those that are known already.
    func prefetch(_ batch: [DecodedDelivery]) throws {
        try ledger.prefetch(
            batch.compactMap { delivery in
                guard let decoded = delivery.message, known[decoded.identity.messageKey] == nil else { return nil }
                return decoded.message
            })
    }

    mutating func note(_ outcome: InputOutcome, of delivery: DecodedDelivery) {
        outcomes.append(outcome)
        figures.note(delivery.message?.message.input.type, outcome)
    }

    /// In a replay: what was due before this time.
    mutating func pass(to time: Instant, in transaction: any StoreTransaction) throws {
        if processor.nextExpiry.map({ $0 <= time }) ?? true { try expire(now: time, in: transaction) }
        try sweep(until: time, in: transaction)
    }

    /// In a replay: the sweeps that are due before this time; nil: the last one, after the input.
    mutating func sweep(until time: Instant?, in transaction: any StoreTransaction) throws {
        var clock = try processor.sweepClock ?? startClock(transaction)
        let times = ledger.takeTimes()
        clock.changedAt = [clock.changedAt, times.changedAt].compactMap { $0 }.min()
        clock.nextDate = [clock.nextDate, times.earliestDate].compactMap { $0 }.min()
        while let due = clock.dueAt {
            if let time { if time <= due { break } } else if clock.changedAt == nil { break }
            let hasPassed = clock.nextDate.map { $0 <= due } ?? false
            if hasPassed || clock.hasMarks || ledger.hasSweepMarks {
                let changes = ledger.takeChanges()
                if !changes.isEmpty { try write(changes, to: transaction) }
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

    private func startClock(_ transaction: any StoreTransaction) throws -> BatchProcessor.SweepClock {
        let marks = try transaction.sweepMarks(after: nil, limit: .max)
        return BatchProcessor.SweepClock(
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

    mutating func expire(now: Instant, in transaction: any StoreTransaction) throws {
        let parking = processor.decider.rules.parkingMicroseconds
        while true {
            let due = now.adding(microseconds: -parking)
            // What this batch parked is not in the store's rows yet: write first, then ask.
            let changes = ledger.takeChanges()
            if !changes.isEmpty { try write(changes, to: transaction) }
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

    /// Writes what was decided.
    mutating func finish(in transaction: any StoreTransaction) throws -> BatchResult {
        let decided = decided()
        var result = decided.result
        result.segment = try decided.write(to: transaction)
        return result
    }

    /// What was decided, and is to be written.
    ///
    /// - Parameter isSorted: false: it is sorted when it is written.
    mutating func decided(isSorted: Bool = true) -> DecidedBatch {
        let changes = ledger.takeChanges(isSorted: isSorted)
        if !changes.isEmpty { figures.note(changes) }
        let times = ledger.takeTimes()
        if var clock = processor.sweepClock {
            if !changes.marks.isEmpty { clock.hasMarks = true }
            clock.changedAt = [clock.changedAt, times.changedAt].compactMap { $0 }.min()
            clock.nextDate = [clock.nextDate, times.earliestDate].compactMap { $0 }.min()
            processor.sweepClock = clock
        }
        figures.outputs = messages.count
        let at: Instant = if case .system(let clock) = processor.clock { clock() } else { processor.latest }
        return DecidedBatch(
            result: BatchResult(
                outcomes: outcomes, messages: messages, rejectedParked: rejectedParked, figures: figures,
                withheld: withheld),
            changes: changes, isSorted: isSorted, inboxRows: newRows, keepsOutbox: processor.keepsOutbox, decidedAt: at,
            worker: processor.worker)
    }

    private mutating func write(_ changes: Changes, to transaction: any StoreTransaction) throws {
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

/// A batch that is decided, and not written yet.
struct DecidedBatch: Sendable {
    /// But for the outbox segment, which has no number before it is written.
    var result: BatchResult
    var changes: Changes
    var isSorted: Bool
    var inboxRows: [InboxRow]
    var keepsOutbox: Bool
    var decidedAt: Instant
    var worker: String?

    /// Answers the outbox segment, if there is one.
    consuming func write(to transaction: any StoreTransaction) throws -> OutboxSegmentID? {
        if !isSorted { changes.sort() }
        if !changes.isEmpty { try transaction.apply(changes) }
        if !inboxRows.isEmpty { try transaction.appendInbox(inboxRows) }
        guard keepsOutbox, !result.messages.isEmpty else { return nil }
        return try transaction.appendOutbox(result.messages, at: decidedAt, worker: worker)
    }
}
