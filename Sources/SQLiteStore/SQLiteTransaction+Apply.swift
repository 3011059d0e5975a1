internal import BackOrderStore
internal import InventoryCore

/// Writing what the decisions changed: only what is named.
extension SQLiteTransaction {
    func apply(_ changes: Changes) throws {
        try changing { () throws(StoreError) in
            for change in changes.orders { try apply(change) }
            for change in changes.items { try apply(change) }
            for supply in changes.supplies { try write(supply) }
            for discrepancy in changes.discrepancies { try append(discrepancy) }
            for message in changes.parked { try park(message) }
            for message in changes.unparked {
                let statement = try connection.statement(.deleteParked)
                statement.bind(1, message.orderID.text)
                statement.bind(2, message.message.id)
                try connection.run(statement)
            }
            for event in changes.events { try append(event) }
            for demand in changes.demand { try add(demand) }
            for leadTime in changes.leadTimes { try append(leadTime) }
            for mark in changes.marks { try add(mark) }
        }
    }

    // MARK: Orders

    private func apply(_ change: Changes.OrderChange) throws(StoreError) {
        let order = change.order
        if let violation = StoreInvariants.violation(in: order, lines: change.lines) {
            throw StoreError(.corrupt, violation)
        }
        if change.isNew {
            try insert(change)
            return
        }
        guard var stored = try knownOrder(order.orderID) else {
            throw StoreError(.corrupt, "order \(order.orderID) is not in the books, and was not said to be new")
        }
        let head = try connection.statement(.updateOrder)
        head.bind(1, stored.number)
        head.bind(2, order.isHeld ? 1 : 0)
        head.bind(3, order.sequence)
        head.bind(4, order.eventCount)
        head.bind(5, RowSum.of(order))
        try connection.run(head)
        for position in change.lines {
            guard position < stored.lines.count else {
                throw StoreError(.corrupt, "order \(order.orderID) has no line \(position)")
            }
            let state = LineState(order.lines[position], lead: change.lead)
            let isQuiet = state == stored.lines[position]
            let statement = try connection.statement(isQuiet ? .updateLineQuietly : .updateLine)
            bind(order.lines[position], state, stored.number, position, statement)
            try connection.run(statement)
            stored.lines[position] = state
        }
        known[order.orderID] = stored
    }

    private func insert(_ change: Changes.OrderChange) throws(StoreError) {
        let order = change.order
        if order.lines.count > Self.linesOfAnOrder || change.lines.count != order.lines.count {
            throw StoreError(.corrupt, "order \(order.orderID): new, but not all lines named, or too many of them")
        }
        let head = try connection.statement(.insertOrder)
        head.bind(1, order.orderID.text)
        head.bind(2, order.placedAt.microseconds)
        head.bind(3, order.customer?.json)
        head.bind(4, order.customer?.segment)
        head.bind(5, Int64(order.priority))
        head.bind(6, order.requestedBy?.microseconds)
        head.bind(7, order.ship.rawValue)
        head.bind(8, order.currency)
        head.bind(9, order.isHeld ? 1 : 0)
        head.bind(10, order.sequence)
        head.bind(11, order.eventCount)
        head.bind(12, RowSum.of(order))
        try connection.run(head)
        let number = connection.lastRowID
        var stored = KnownOrder(number: number, lines: [])
        stored.lines.reserveCapacity(order.lines.count)
        for position in order.lines.indices {
            let line = order.lines[position]
            let skuID = try makeSKUID(line.sku)
            let state = LineState(line, lead: change.lead)
            let statement = try connection.statement(.insertLine)
            bind(line, state, number, position, statement)
            statement.bind(14, order.orderID.text)
            statement.bind(15, line.lineID.text)
            statement.bind(16, skuID)
            statement.bind(17, line.pin?.text ?? "")
            statement.bind(18, Int64(-order.priority))
            statement.bind(19, order.placedAt.microseconds)
            statement.bind(20, line.unitPrice)
            statement.bind(21, line.ordered)
            try connection.run(statement)
            stored.lines.append(state)
        }
        known[order.orderID] = stored
    }

    /// The parameters that `insertLine`, `updateLine` and `updateLineQuietly` share.
    private func bind(
        _ line: OrderLine, _ state: LineState, _ number: Int64, _ position: Int, _ statement: SQLiteStatement
    ) {
        statement.bind(1, number * Self.linesOfAnOrder + Int64(position))
        statement.bind(2, state.waiting)
        statement.bind(3, state.held)
        statement.bind(4, state.allocated)
        statement.bind(5, line.dispatched)
        statement.bind(6, line.cancelled)
        statement.bind(7, line.refused)
        if line.allocations.isEmpty {
            statement.bind(8, Int64?.none)
        } else {
            scratch.removeAll(keepingCapacity: true)
            AllocationColumn.encode(line.allocations, to: &scratch)
            statement.bindText(8, scratch)
        }
        statement.bind(9, line.firstPromisedAt?.microseconds)
        statement.bind(10, line.promisedAt?.microseconds)
        statement.bind(11, line.estimatedAt?.microseconds)
        statement.bind(12, RowSum.of(line, at: position))
        statement.bind(13, state.lead)
    }

    // MARK: Items

    private func apply(_ change: Changes.ItemChange) throws(StoreError) {
        let item = change.item
        let id = try makeSKUID(item.sku)
        if change.isNew || change.headChanged {
            let statement = try connection.statement(.writeItemHead)
            statement.bind(1, id)
            statement.bind(2, item.onOrder)
            statement.bind(3, item.reorderCount)
            var settings: String?
            if let known = item.settings { settings = try JSONColumn.encode(known) }
            statement.bind(4, settings)
            statement.bind(5, item.onOrderDated)
            statement.bind(6, item.hasDates ? 1 : 0)
            statement.bind(7, RowSum.of(item, settings: settings))
            try connection.run(statement)
        }
        for index in change.stock { try write(item.stock[index], of: item.sku, id) }
        var hasPins = false
        for index in change.lanes {
            let lane = item.lanes[index]
            if let violation = StoreInvariants.violation(in: lane, of: item.sku) {
                throw StoreError(.corrupt, violation)
            }
            let statement: SQLiteStatement
            if let pin = lane.pin {
                statement = try connection.statement(.writeLane)
                statement.bind(2, pin.text)
                statement.bind(3, lane.units)
                statement.bind(4, lane.lines)
                hasPins = true
            } else {
                statement = try connection.statement(.writeItemLane)
                statement.bind(2, lane.units)
                statement.bind(3, lane.lines)
            }
            statement.bind(1, id)
            try connection.run(statement)
            if lane.pin == nil { try requireItem(item.sku) }
        }
        if hasPins {
            let statement = try connection.statement(.countLanes)
            statement.bind(1, id)
            try connection.run(statement)
            try requireItem(item.sku)
        }
        if change.deficitsChanged { try write(item.deficits, of: item.sku, id) }
    }

    private func requireItem(_ sku: SKU) throws(StoreError) {
        if connection.changedRows == 1 { return }
        throw StoreError(.corrupt, "item \(sku) is not in the books, and was not said to be new")
    }

    private func write(_ stock: Stock, of sku: SKU, _ id: Int64) throws(StoreError) {
        if let violation = StoreInvariants.violation(in: stock, of: sku) { throw StoreError(.corrupt, violation) }
        var query = SQLiteQuery.writeStock
        while true {
            let statement = try connection.statement(query)
            statement.bind(1, id)
            statement.bind(2, stock.location.text)
            statement.bind(3, stock.onHand)
            statement.bind(4, stock.allocated)
            statement.bind(5, RowSum.of(stock, of: sku))
            try connection.run(statement)
            if query == .insertStock || connection.changedRows == 1 { return }
            query = .insertStock
        }
    }

    private func write(_ deficits: [Deficit], of sku: SKU, _ id: Int64) throws(StoreError) {
        let delete = try connection.statement(.deleteDeficits)
        delete.bind(1, id)
        try connection.run(delete)
        for (number, deficit) in deficits.enumerated() {
            let statement = try connection.statement(.insertDeficit)
            statement.bind(1, id)
            statement.bind(2, Int64(number))
            statement.bind(3, deficit.location.text)
            statement.bind(4, deficit.dispatchedAt.microseconds)
            statement.bind(5, deficit.units)
            statement.bind(6, RowSum.of(deficit, of: sku))
            try connection.run(statement)
        }
        let count = try connection.statement(.countDeficits)
        count.bind(1, id)
        count.bind(2, Int64(deficits.count))
        try connection.run(count)
        try requireItem(sku)
    }

    // MARK: The rest

    private func write(_ supply: Supply) throws(StoreError) {
        if let violation = StoreInvariants.violation(in: supply) { throw StoreError(.corrupt, violation) }
        let id = try makeSKUID(supply.sku)
        let statement = try connection.statement(.writeSupply)
        statement.bind(1, supply.supplyID.text)
        statement.bind(2, id)
        statement.bind(3, supply.location.text)
        statement.bind(4, supply.kind.rawValue)
        statement.bind(5, supply.supplier?.text)
        statement.bind(6, supply.quantity)
        statement.bind(7, supply.outstanding)
        statement.bind(8, supply.expectedAt?.microseconds)
        statement.bind(9, supply.createdAt.microseconds)
        statement.bind(10, supply.reorderID?.text)
        statement.bind(11, supply.takenOver)
        statement.bind(12, supply.expeditedAt?.microseconds)
        statement.bind(13, supply.isCancelled ? 1 : 0)
        statement.bind(14, RowSum.of(supply))
        try connection.run(statement)
    }
}

extension SQLiteTransaction.LineState {
    init(_ line: OrderLine, lead: Int64) {
        self.init(waiting: line.waiting, held: line.held, allocated: line.allocated, lead: lead)
    }
}
