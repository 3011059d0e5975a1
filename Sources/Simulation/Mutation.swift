import BackOrderStore
import InventoryCore

/// Bugs made on purpose in the simulation's own shells, never in the programs that work: each has to be found, or the
/// checkers are asleep.
public enum Mutation: String, Sendable, CaseIterable {
    // In the worker's shells alone: the reference shows the difference.

    /// A delivery is acknowledged when it is received.
    case acknowledgesEarly = "acknowledges-early"
    /// Acknowledging one delivery acknowledges all that are out.
    case acknowledgesTooMuch = "acknowledges-too-much"
    /// The store says it has committed, and has not.
    case losesCommit = "loses-commit"
    /// The store commits, and says that it has not.
    case hidesCommit = "hides-commit"
    case forgetsInbox = "forgets-inbox"
    /// The changes of one row are not written.
    case losesRow = "loses-row"
    /// A receipt's units are put on the shelf twice.
    case appliesTwice = "applies-twice"
    /// One message of a segment is not in the outbox.
    case losesOutput = "loses-output"
    /// A segment goes from the outbox before it is confirmed.
    case removesOutboxEarly = "removes-outbox-early"
    /// The broker reports a publication confirmed and does not have it.
    case losesConfirmed = "loses-confirmed"
    /// A refused publication is never sent again: its outcome never comes.
    case dropsRetry = "drops-retry"
    /// A publication that is sent again is sent with another body.
    case changesBody = "changes-body"

    /// Everybody in a batch that a worker died over is blamed as if it had been alone.
    case blamesNeighbours = "blames-neighbours"
    /// What is in hand is not noted.
    case forgetsSuspects = "forgets-suspects"
    /// Whoever may have a message in hand still has no time to finish it.
    case sentencesAtOnce = "sentences-at-once"

    // In the reference's store as well: there is no difference to see, the rule itself has to be checked.

    /// Nobody is found waiting when units come.
    case hidesQueue = "hides-queue"
    /// Queues are read from their last line.
    case readsQueueBackwards = "reads-queue-backwards"
    /// A unit appears on a shelf.
    case createsUnit = "creates-unit"
    /// Outstanding supply is not found.
    case hidesSupply = "hides-supply"
    case forgetsInboxEverywhere = "forgets-inbox-everywhere"
    /// What was promised is written down an hour late.
    case shiftsPromise = "shifts-promise"

    var isEverywhere: Bool {
        switch self {
        case .hidesQueue, .readsQueueBackwards, .createsUnit, .hidesSupply, .forgetsInboxEverywhere, .shiftsPromise:
            true
        default: false
        }
    }
}

/// What a lying transaction remembers from one to the next: every lie is told now and then, not always.
final class MutationMemory {
    private var counts: [Mutation: Int] = [:]

    /// Every n-th time.
    func isTime(for mutation: Mutation, every count: Int) -> Bool {
        counts[mutation, default: 0] += 1
        return (counts[mutation] ?? 0) % count == 0
    }
}

/// A transaction that does what its mutation says.
final class MutatedTransaction: ForwardingTransaction {
    private let mutation: Mutation
    private let memory: MutationMemory

    init(_ inner: any StoreTransaction, _ mutation: Mutation, _ memory: MutationMemory) {
        self.mutation = mutation
        self.memory = memory
        super.init(inner)
    }

    override func appendInbox(_ rows: [InboxRow]) throws {
        if mutation == .forgetsInbox || mutation == .forgetsInboxEverywhere {
            if memory.isTime(for: mutation, every: 2) { return }
            // What was forgotten may come again.
            try super.forgetInbox(rows.map(\.key))
        }
        try super.appendInbox(rows)
    }

    override func apply(_ changes: Changes) throws {
        var changes = changes
        switch mutation {
        case .losesRow:
            if !changes.items.isEmpty, memory.isTime(for: mutation, every: 7) { changes.items.removeLast() }
        case .appliesTwice, .createsUnit:
            if !changes.items.isEmpty, !changes.items[0].stock.isEmpty, memory.isTime(for: mutation, every: 6) {
                let index = changes.items[0].stock[0]
                changes.items[0].item.stock[index].onHand += 1
            }
        case .shiftsPromise:
            for order in changes.orders.indices {
                for line in changes.orders[order].order.lines.indices {
                    let told = changes.orders[order].order.lines[line].promisedAt
                    changes.orders[order].order.lines[line].promisedAt = told?.adding(
                        microseconds: Instant.microsecondsPerHour)
                }
            }
        default: break
        }
        try super.apply(changes)
    }

    override func appendOutbox(_ messages: [OutboxMessage], at time: Instant, worker: String?) throws -> OutboxSegmentID
    {
        if mutation == .losesOutput, messages.count > 1 {
            return try super.appendOutbox(messages.dropLast(), at: time, worker: worker)
        }
        let id = try super.appendOutbox(messages, at: time, worker: worker)
        if mutation == .removesOutboxEarly, memory.isTime(for: mutation, every: 5) { try super.removeOutbox([id]) }
        return id
    }

    override func putSuspects(_ suspects: [Suspect]) throws {
        switch mutation {
        case .blamesNeighbours:
            try super.putSuspects(
                suspects.map { suspect in
                    var suspect = suspect
                    suspect.deathsAlone = suspect.deaths
                    return suspect
                })
        case .forgetsSuspects: break
        default: try super.putSuspects(suspects)
        }
    }

    override func waitingLines(sku: SKU, pin: LocationID?, after: PrecedenceKey?, limit: Int) throws -> [QueuedLine] {
        let lines = try super.waitingLines(sku: sku, pin: pin, after: after, limit: limit)
        switch mutation {
        case .hidesQueue: return memory.isTime(for: mutation, every: 4) ? [] : lines
        case .readsQueueBackwards: return lines.reversed()
        default: return lines
        }
    }

    override func outstandingSupplies(sku: SKU, after: SupplyKey?, limit: Int) throws -> [Supply] {
        let supplies = try super.outstandingSupplies(sku: sku, after: after, limit: limit)
        return mutation == .hidesSupply ? Array(supplies.dropFirst()) : supplies
    }
}
