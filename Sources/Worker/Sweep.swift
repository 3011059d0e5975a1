import BackOrderStore
import InventoryCore

/// Takes the sweep through the store, a bounded number of lines at a time.
///
/// A round is: mark what passed, estimate every marked SKU, tell the orders whose dates moved. Everything it knows is in
/// the store, so that a round may end anywhere and another worker may go on.
struct Sweep {
    let decider: Decider
    /// Estimates are made at most so long after what changed them.
    static let delayMicroseconds: Int64 = 60_000_000

    /// Where a round stands.
    enum Phase: Sendable, Equatable {
        case marking
        /// SKUs up to this one are done.
        case estimating(after: SKU?)
        case telling
        case done
    }

    /// Does a part of the round.
    /// - Parameters:
    ///   - now: the time of the sweep.
    ///   - through: what changed later is left to the next round.
    ///   - lines: about how many waiting lines to look at; an order to be told counts as ten.
    func step(
        _ phase: inout Phase, now: Instant, through: Instant, lines: Int, in transaction: any StoreTransaction
    ) throws -> [Output] {
        switch phase {
        case .marking:
            let limit = 1_000
            let passed = try transaction.passedDates(since: try transaction.sweptThrough(), through: now, limit: limit)
            for (sku, date) in passed { try transaction.putSweepMark(SweepMark(sku: sku, changedAt: date)) }
            if passed.count == limit { return [] }
            try transaction.setSweptThrough(max(now, try transaction.sweptThrough()))
            phase = .estimating(after: nil)
            return []
        case .estimating(let after):
            let (next, outputs) = try estimate(
                after: after, now: now, through: through, lines: lines, in: transaction)
            phase = next
            return outputs
        case .telling:
            // An order to tell costs more than a line to look at.
            let limit = max(1, lines / 10)
            let orderIDs = try transaction.ordersToTell(limit: limit)
            if orderIDs.isEmpty {
                phase = .done
                return []
            }
            let ledger = WorkingSet(reader: transaction, strategy: decider.rules.strategy)
            let outputs = try decider.tell(orderIDs, now: now, in: ledger)
            try transaction.apply(ledger.takeChanges())
            try transaction.removeOrdersToTell(orderIDs)
            if orderIDs.count < limit { phase = .done }
            return outputs
        case .done: return []
        }
    }

    private func estimate(
        after: SKU?, now: Instant, through: Instant, lines: Int, in transaction: any StoreTransaction
    ) throws -> (Phase, [Output]) {
        var outputs: [Output] = []
        var left = lines
        var last = after
        while left > 0 {
            guard let mark = try transaction.sweepMarks(after: last, limit: 1).first else { return (.telling, outputs) }
            // What changed after the round began is the next one's. A time far ahead is that of a clock that was set
            // back since: waiting for it could take hours.
            if mark.changedAt <= through || mark.changedAt > through.adding(microseconds: Sweep.delayMicroseconds) {
                let ledger = WorkingSet(reader: transaction, strategy: decider.rules.strategy)
                let step = try decider.estimate(
                    mark.sku, from: mark.cursor, hasChanged: mark.cursor != nil && mark.changedAgainAt != nil,
                    limit: left, now: now, in: ledger)
                try transaction.apply(ledger.takeChanges())
                try transaction.addOrdersToTell(step.toTell)
                outputs += step.outputs
                if let cursor = step.next {
                    // A change from before the first step is in what that step saw.
                    let again = mark.cursor == nil ? nil : mark.changedAgainAt
                    try transaction.putSweepMark(
                        SweepMark(sku: mark.sku, changedAt: mark.changedAt, changedAgainAt: again, cursor: cursor))
                    return (.estimating(after: last), outputs)
                }
                if mark.cursor != nil, let again = mark.changedAgainAt {
                    try transaction.putSweepMark(SweepMark(sku: mark.sku, changedAt: again))
                } else {
                    try transaction.removeSweepMark(mark.sku)
                }
                left -= max(1, step.lines)
            }
            last = mark.sku
        }
        return (.estimating(after: last), outputs)
    }

    /// A whole round in one transaction: a replay's, whose time stands still meanwhile.
    func round(now: Instant, in transaction: any StoreTransaction) throws -> [Output] {
        var outputs: [Output] = []
        var phase = Phase.marking
        while phase != .done {
            outputs += try step(
                &phase, now: now, through: Instant(microseconds: .max), lines: 2_000, in: transaction)
        }
        return outputs
    }
}
