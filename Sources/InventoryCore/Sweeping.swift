/// A SKU whose queue or supply changed, so that its dates are to be worked out anew.
public struct SweepMark: Sendable, Equatable {
    public var sku: SKU
    /// When it changed first since it was swept last.
    public var changedAt: Instant
    /// When it changed first after a sweep of it had begun.
    public var changedAgainAt: Instant?
    /// How far a sweep that has begun has come; nil: none has begun.
    public var cursor: SweepCursor?

    public init(sku: SKU, changedAt: Instant, changedAgainAt: Instant? = nil, cursor: SweepCursor? = nil) {
        self.sku = sku
        self.changedAt = changedAt
        self.changedAgainAt = changedAgainAt
        self.cursor = cursor
    }
}

/// Where a sweep over a long queue goes on: behind a line, and on which supply the next one would stand.
public struct SweepCursor: Sendable, Equatable, Codable {
    /// The last line that was looked at.
    public var after: PrecedenceKey
    /// Units of all lines up to it.
    public var ahead: Units
    /// Supply walked so far, in the order in which it counts.
    var supply: PegCursor
    /// Whether any line so far has a date.
    var hasDates: Bool
}

/// What one step of the sweep over one SKU came to.
public struct SweepStep: Sendable {
    /// Where to go on; nil: the SKU is done.
    public var next: SweepCursor?
    /// Orders of which a line's date moved so far that the customer is to be told.
    public var toTell: [OrderID]
    /// reorder-expedite.
    public var outputs: [Output]
    /// How many lines were looked at.
    public var lines = 0
}

/// The sweep: estimates are made anew where queue or supply changed; who was promised otherwise is told.
///
/// A sweep has two parts, so that an order with lines of several SKUs is told once: first every marked SKU is estimated,
/// step by step, then the orders are told. Each step works on a fresh working set whose reader has all changes.
extension Decider {
    /// Estimates up to `limit` waiting lines of a SKU, in precedence order, from the cursor on.
    /// - Parameter hasChanged: the queue changed since the first step: lines behind the cursor may have dates by now.
    public func estimate(
        _ sku: SKU, from cursor: SweepCursor?, hasChanged: Bool = false, limit: Int, now: Instant,
        in ledger: WorkingSet
    ) throws -> SweepStep {
        var turn = Turn(decider: self, ledger: ledger, origin: Origin(sweepAt: now), now: now)
        let item = try ledger.item(sku)
        if item.item.waiting == 0 || (!item.item.hasDates && item.item.onOrderDated == 0) {
            item.setHasDates(false)
            return SweepStep(next: nil, toTell: [], outputs: [])
        }
        var walk = QueueWalk(item, ledger.reader, after: cursor?.after)
        var pegs = Pegging(sku, ledger.reader, now: now, from: cursor?.supply ?? PegCursor())
        var ahead = cursor?.ahead ?? 0
        var hasDates = cursor?.hasDates ?? false
        var seen = 0
        var last: PrecedenceKey?
        var moved: [(key: PrecedenceKey, date: Instant?)] = []
        var step = SweepStep(next: nil, toTell: [], outputs: [])
        var late = LatePromises()
        while seen < limit, let line = try walk.next() {
            seen += 1
            ahead += line.units
            last = line.key
            let peg = ahead > item.item.onOrderDated ? nil : try pegs.supply(covering: ahead)
            let date = peg?.countsAs.adding(days: rules.promise.handlingDays)
            if date != nil || line.promisedAt != nil { hasDates = true }
            if line.estimatedAt != date { moved.append((line.key, date)) }
            if isTold(promised: line.promisedAt, estimated: date, now: now) { step.toTell.append(line.key.orderID) }
            if let peg, let promised = line.promisedAt { late.look(at: peg.supply, promised, now, rules.promise) }
        }
        try ledger.loadOrders(moved.lazy.map(\.key.orderID))
        for (key, date) in moved {
            guard let record = try ledger.order(key.orderID) else { continue }
            record.order.lines[key.position].estimatedAt = date
            ledger.markChanged(record, line: key.position)
        }
        for entry in late.entries { try turn.expedite(entry, item) }
        ledger.keepJournal(of: turn.origin)
        step.outputs = turn.outputs
        step.lines = seen
        // At once, not when the orders are told: whoever reads the books between the two finds them whole.
        if hasDates { item.setHasDates(true) }
        if seen == limit, let last {
            step.next = SweepCursor(after: last, ahead: ahead, supply: pegs.cursor, hasDates: hasDates)
        } else if !hasDates, !hasChanged {
            item.setHasDates(false)
        }
        return step
    }

    /// Tells these orders what moved: at most one backorder-delayed and one -advanced each.
    public func tell(_ orderIDs: [OrderID], now: Instant, in ledger: WorkingSet) throws -> [Output] {
        var turn = Turn(decider: self, ledger: ledger, origin: Origin(sweepAt: now), now: now)
        try ledger.loadOrders(orderIDs)
        for orderID in orderIDs {
            guard let record = try ledger.order(orderID) else { continue }
            try turn.tellMoved(record)
        }
        ledger.keepJournal(of: turn.origin)
        return turn.outputs
    }

    /// Whether the customer is to hear of the difference between what was promised and what is true.
    func isTold(promised: Instant?, estimated: Instant?, now: Instant) -> Bool {
        guard let promised else { return estimated != nil }
        guard let estimated else { return true }
        if promised == estimated { return false }
        // A promise that passes unmet is never a small matter.
        if promised <= now, promised < estimated { return true }
        let moved = estimated.microseconds.subtractingReportingOverflow(promised.microseconds)
        if moved.overflow { return true }
        let threshold = rules.promise.notifyAfterHours.multipliedReportingOverflow(by: Instant.microsecondsPerHour)
        return !threshold.overflow && moved.partialValue.magnitude >= threshold.partialValue.magnitude
    }
}

extension Turn {
    fileprivate mutating func tellMoved(_ record: OrderRecord) throws {
        var delayed: [CustomerNotification.Line] = []
        var advanced: [CustomerNotification.Line] = []
        for position in record.order.lines.indices {
            let line = record.order.lines[position]
            guard line.waiting > 0,
                decider.isTold(promised: line.promisedAt, estimated: line.estimatedAt, now: now)
            else { continue }
            try setPromise(record, position, line.estimatedAt)
            var notice = noticeLine(record, position, line.waiting, promised: true)
            notice.previousPromisedAt = line.promisedAt
            if (line.estimatedAt?.microseconds ?? .max) > (line.promisedAt?.microseconds ?? .max) {
                delayed.append(notice)
            } else {
                advanced.append(notice)
            }
        }
        notify(record, .backorderDelayed, delayed)
        notify(record, .backorderAdvanced, advanced)
    }

    /// Asks purchasing to hurry a reorder: once for each of its dates.
    fileprivate mutating func expedite(_ entry: LatePromises.Entry, _ item: ItemRecord) throws {
        let supply = entry.supply
        let record = ledger.learn(supply, item)
        try ledger.change(record) { $0.expeditedAt = supply.expectedAt }
        emit(
            .reorderExpedite(
                ReorderExpedite(
                    reorderID: entry.reorderID, sku: supply.sku, supplier: supply.supplier,
                    expectedAt: supply.expectedAt, promisedAt: entry.promisedAt)))
    }
}

/// Supply on which promises stand that it can't keep.
private struct LatePromises {
    struct Entry {
        var supply: Supply
        var reorderID: SupplyID
        /// The earliest promise that stands on it.
        var promisedAt: Instant
    }

    private(set) var entries: [Entry] = []

    mutating func look(at supply: Supply, _ promised: Instant, _ now: Instant, _ settings: PromiseSettings) {
        guard let expected = supply.expectedAt, supply.expeditedAt != expected,
            let reorderID = supply.kind == .reorder ? supply.supplyID : supply.reorderID,
            expected <= now || promised < expected.adding(days: settings.handlingDays)
        else { return }
        if let index = entries.firstIndex(where: { $0.supply.key == supply.key }) {
            entries[index].promisedAt = min(entries[index].promisedAt, promised)
        } else {
            entries.append(Entry(supply: supply, reorderID: reorderID, promisedAt: promised))
        }
    }
}
