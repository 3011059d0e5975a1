internal import InventoryCore

extension MemoryBooks: StoreTransaction {
    // MARK: Inbox

    func inbox(_ keys: [Digest128]) throws -> [Digest128: InboxRow] {
        var result: [Digest128: InboxRow] = [:]
        for key in keys {
            if let row = inbox[key] { result[key] = row }
        }
        return result
    }

    func appendInbox(_ rows: [InboxRow]) throws {
        for row in rows {
            if inbox[row.key] != nil { throw refuse("the inbox has the key of a row to append already") }
            put(inbox: row, row.key)
        }
    }

    func forgetInbox(_ keys: [Digest128]) throws {
        for key in keys where inbox[key] != nil { put(inbox: nil, key) }
    }

    func pruneInbox(before: Instant, limit: Int) throws -> Int {
        let old = inboxByAge.first(limit).prefix { $0.time < before }
        for entry in old { put(inbox: nil, entry.key) }
        return old.count
    }

    // MARK: Outbox

    func appendOutbox(_ messages: [OutboxMessage], at time: Instant, worker: String?) throws -> OutboxSegmentID {
        let id = nextSegment()
        put(outbox: OutboxSegment(id: id, createdAt: time, messages: messages), id)
        if let worker { put(claim: worker, id) }
        return id
    }

    func removeOutbox(_ segments: [OutboxSegmentID]) throws {
        for id in segments where outbox[id] != nil {
            put(outbox: nil, id)
            if claims[id] != nil { put(claim: nil, id) }
        }
    }

    func replaceOutbox(_ segment: OutboxSegmentID, with messages: [OutboxMessage]) throws {
        guard var kept = outbox[segment] else { return }
        kept.messages = messages
        put(outbox: kept, segment)
    }

    func outbox(after: OutboxSegmentID?, limit: Int) throws -> [OutboxSegment] {
        segments.first(limit, after: after).compactMap { outbox[$0] }
    }

    // MARK: Reads of the ledger

    func orders(_ orderIDs: [OrderID]) throws -> [Order] {
        orderIDs.compactMap { orders[$0]?.order }
    }

    func items(_ skus: [SKU]) throws -> [Item] {
        skus.compactMap { items[$0] }
    }

    func waitingLines(sku: SKU, pin: LocationID?, after: PrecedenceKey?, limit: Int) throws -> [QueuedLine] {
        (waiting[LaneKey(sku: sku, pin: pin)]?.first(limit, after: after) ?? []).map { queued($0) { $0.waiting } }
    }

    func waitingLinesFromLast(sku: SKU, pin: LocationID?, before: PrecedenceKey?, limit: Int) throws -> [QueuedLine] {
        (waiting[LaneKey(sku: sku, pin: pin)]?.last(limit, before: before) ?? []).map { queued($0) { $0.waiting } }
    }

    func allocatedLinesFromLast(sku: SKU, before: PrecedenceKey?, limit: Int) throws -> [QueuedLine] {
        (allocated[sku]?.last(limit, before: before) ?? []).map { queued($0) { $0.allocated } }
    }

    func heldLines(sku: SKU, after: PrecedenceKey?, limit: Int) throws -> [QueuedLine] {
        (held[sku]?.first(limit, after: after) ?? []).map { queued($0) { $0.held } }
    }

    func outstandingSupplies(sku: SKU, after: SupplyKey?, limit: Int) throws -> [Supply] {
        let from = after.map { key in
            OutstandingKey(
                key: key, row: SupplyRowKey(supplyID: key.supplyID, sku: sku, location: key.location))
        }
        return (outstanding[sku]?.first(limit, after: from) ?? []).compactMap { supplies[$0.row] }
    }

    func outstandingSuppliesFromLast(sku: SKU, before: SupplyKey?, limit: Int) throws -> [Supply] {
        let from = before.map { key in
            OutstandingKey(
                key: key, row: SupplyRowKey(supplyID: key.supplyID, sku: sku, location: key.location))
        }
        return (outstanding[sku]?.last(limit, before: from) ?? []).compactMap { supplies[$0.row] }
    }

    func leadTimes(_ supplier: SupplierID) throws -> [Int64] { leadTimes[supplier] ?? [] }

    func supplies(_ supplyIDs: [SupplyID]) throws -> [Supply] {
        supplyIDs.flatMap { supplyRows[$0]?.first(.max) ?? [] }.compactMap { supplies[$0] }
    }

    func inbounds(tiedTo reorderIDs: [SupplyID]) throws -> [Supply] {
        reorderIDs.flatMap { tiedRows[$0]?.first(.max) ?? [] }.compactMap { supplies[$0] }
            .filter { $0.kind == .inbound }
    }

    func parkedMessages(_ orderIDs: [OrderID]) throws -> [ParkedMessage] {
        orderIDs.flatMap { parkedRows[$0]?.first(.max) ?? [] }.compactMap { parked[$0] }
    }

    func parkedMessages(before: Instant, limit: Int) throws -> [ParkedMessage] {
        parkedByAge.first(limit).prefix { $0.time < before }.compactMap { parked[$0.key] }
    }

    /// The line that a queue's entry stands for.
    func queued(_ key: PrecedenceKey, _ units: (OrderLine) -> Units) -> QueuedLine {
        guard let line = orders[key.orderID]?.order.lines[key.position] else {
            preconditionFailure("a queue names a line of order \(key.orderID) that is not there")
        }
        return QueuedLine(
            key: key, lineID: line.lineID, pin: line.pin, units: units(line), promisedAt: line.promisedAt,
            estimatedAt: line.estimatedAt)
    }

    // MARK: Apply

    /// Writes what is named and nothing else, so that a change that was not named shows.
    func apply(_ changes: Changes) throws {
        for change in changes.orders { try apply(change) }
        for change in changes.items { try apply(change) }
        for supply in changes.supplies {
            if let violation = StoreInvariants.violation(in: supply) { throw refuse(violation) }
            put(supply: supply, SupplyRowKey(supply))
        }
        for discrepancy in changes.discrepancies { append(discrepancy) }
        for message in changes.parked { put(parked: message, ParkedKey(message)) }
        for message in changes.unparked where parked[ParkedKey(message)] != nil {
            put(parked: nil, ParkedKey(message))
        }
        for event in changes.events { append(event) }
        for added in changes.demand { add(added) }
        for leadTime in changes.leadTimes { append(leadTime) }
        for mark in changes.marks {
            guard var known = marks[mark.sku] else {
                put(mark: mark, mark.sku)
                continue
            }
            known.changedAgainAt = known.changedAgainAt ?? mark.changedAt
            put(mark: known, mark.sku)
        }
    }

    private func apply(_ change: Changes.OrderChange) throws {
        let order = change.order
        if let violation = StoreInvariants.violation(in: order, lines: change.lines) { throw refuse(violation) }
        guard var stored = orders[order.orderID] else {
            if !change.isNew { throw refuse("order \(order.orderID) is not in the books, and was not said to be new") }
            if change.lines != Array(order.lines.indices) {
                throw refuse("order \(order.orderID): new, but not all lines named")
            }
            let leads = Array(repeating: change.lead, count: order.lines.count)
            put(order: StoredOrder(order: order, leads: leads), order.orderID)
            return
        }
        if change.isNew { throw refuse("order \(order.orderID) is in the books already") }
        stored.order.isHeld = order.isHeld
        stored.order.sequence = order.sequence
        stored.order.eventCount = order.eventCount
        for position in change.lines {
            if position >= stored.order.lines.count { throw refuse("order \(order.orderID) has no line \(position)") }
            stored.order.lines[position].take(order.lines[position])
            stored.leads[position] = change.lead
        }
        put(order: stored, order.orderID)
    }

    private func apply(_ change: Changes.ItemChange) throws {
        let new = change.item
        var item = items[new.sku] ?? Item(sku: new.sku)
        if change.isNew || change.headChanged {
            item.onOrder = new.onOrder
            item.onOrderDated = new.onOrderDated
            item.hasDates = new.hasDates
            item.reorderCount = new.reorderCount
            item.settings = new.settings
        }
        for index in change.stock {
            let entry = new.stock[index]
            if let violation = StoreInvariants.violation(in: entry, of: new.sku) { throw refuse(violation) }
            if let known = item.stock.firstIndex(where: { $0.location == entry.location }) {
                item.stock[known] = entry
            } else {
                item.stock.insert(entry, at: item.stock.firstIndex { entry.location < $0.location } ?? item.stock.count)
            }
        }
        for index in change.lanes {
            let lane = new.lanes[index]
            if let violation = StoreInvariants.violation(in: lane, of: new.sku) { throw refuse(violation) }
            if let known = item.lanes.firstIndex(where: { $0.pin == lane.pin }) {
                item.lanes[known] = lane
            } else {
                let place = item.lanes.firstIndex { WaitingLane.precedes(lane.pin, $0.pin) }
                item.lanes.insert(lane, at: place ?? item.lanes.count)
            }
        }
        if change.deficitsChanged { item.deficits = new.deficits }
        put(item: item, new.sku)
    }
}

extension MemoryBooks.ParkedKey {
    init(_ message: ParkedMessage) {
        self.init(orderID: message.orderID, messageID: Identifier(message.message.id))
    }
}

extension OrderLine {
    /// What may change of a line that is stored: not what the customer ordered.
    fileprivate mutating func take(_ new: OrderLine) {
        allocations = new.allocations
        waiting = new.waiting
        held = new.held
        dispatched = new.dispatched
        cancelled = new.cancelled
        refused = new.refused
        firstPromisedAt = new.firstPromisedAt
        promisedAt = new.promisedAt
        estimatedAt = new.estimatedAt
    }
}

extension WaitingLane {
    /// None first, then by bytes.
    static func precedes(_ left: LocationID?, _ right: LocationID?) -> Bool {
        guard let right else { return false }
        guard let left else { return true }
        return left < right
    }
}
