internal import BackOrderStore
internal import InventoryCore

/// The questions of the decisions. What `prepare` has loaded is answered from memory.
extension PostgresTransaction: LedgerReader {
    // MARK: Orders

    func orders(_ orderIDs: [OrderID]) throws -> [Order] {
        var result: [Order] = []
        var missing: [OrderID] = []
        for orderID in orderIDs {
            guard let known = loaded.orders[orderID] else {
                missing.append(orderID)
                continue
            }
            if let order = known { result.append(order) }
        }
        if missing.isEmpty { return result }
        try askNames(orders: missing, supplies: [])
        try askOrderLocks(missing, received: [])
        try askOrders()
        let answers = try exchange()
        return result + (try readOrders(heads: answers[0], lines: answers[1]))
    }

    func order(_ orderID: OrderID) throws -> Order? {
        var parameters = Parameters()
        parameters.add(orderID.text)
        try post(.takeOrderInHand, parameters)
        try askOrders()
        let answers = try exchange()
        return try readOrders(heads: answers[0], lines: answers[1]).first
    }

    /// Two questions about the orders in hand: heads and lines, by statements of their own: behind a lock that was waited
    /// for they see what the other worker committed.
    func askOrders() throws(StoreError) {
        try ask(.kept(.orderHeads))
        try ask(.kept(.orderLines))
    }

    func readOrders(heads: Rows, lines: Rows) throws(StoreError) -> [Order] {
        var byNumber: [Int64: Range<Int>] = [:]
        var start = 0
        while start < lines.count {
            let number = lines.integer(start, 0)
            var end = start + 1
            while end < lines.count, lines.integer(end, 0) == number { end += 1 }
            byNumber[number] = start..<end
            start = end
        }
        try learnNames((0..<lines.count).lazy.map { lines.integer($0, 2) })
        var orders: [Order] = []
        orders.reserveCapacity(heads.count)
        for row in 0..<heads.count {
            let number = heads.integer(row, 0)
            let orderID = OrderID(heads.text(row, 1))
            guard let ship = ShipMode(rawValue: heads.text(row, 7)) else {
                throw StoreError(.corrupt, "order \(orderID): its ship mode in the store is unknown")
            }
            var customer: Customer?
            if let json = heads.optionalText(row, 3) {
                customer = Customer(json: json, segment: heads.optionalText(row, 4))
            }
            var order = Order(
                orderID: orderID, placedAt: heads.time(row, 2), customer: customer,
                priority: Int(heads.integer(row, 5)), requestedBy: heads.optionalTime(row, 6), ship: ship,
                currency: heads.optionalText(row, 8), isHeld: heads.boolean(row, 9), sequence: heads.integer(row, 10),
                eventCount: heads.integer(row, 11), lines: [])
            let range = byNumber[number] ?? 0..<0
            order.lines.reserveCapacity(range.count)
            for line in range { order.lines.append(try readLine(lines, line)) }
            orderNumber[orderID] = number
            orders.append(order)
        }
        return orders
    }

    /// From the columns of `PostgresQuery.line`.
    private func readLine(_ rows: Rows, _ row: Int) throws(StoreError) -> OrderLine {
        let pin = rows.text(row, 3)
        var line = OrderLine(
            lineID: LineID(rows.text(row, 1)), sku: try sku(rows.integer(row, 2)),
            pin: pin.isEmpty ? nil : LocationID(pin), unitPrice: rows.optionalText(row, 4),
            ordered: rows.integer(row, 5))
        line.waiting = rows.integer(row, 6)
        line.held = rows.integer(row, 7)
        line.dispatched = rows.integer(row, 9)
        line.cancelled = rows.integer(row, 10)
        line.refused = rows.integer(row, 11)
        if let text = rows.optionalText(row, 12) { line.allocations = try AllocationColumn.decode(text) }
        line.firstPromisedAt = rows.optionalTime(row, 13)
        line.promisedAt = rows.optionalTime(row, 14)
        line.estimatedAt = rows.optionalTime(row, 15)
        return line
    }

    // MARK: Items

    func items(_ skus: [SKU]) throws -> [Item] {
        if let known = loaded.items(skus) { return known }
        let known = loaded.items(skus.filter { loaded.items[$0] != nil }) ?? []
        try askLocks(skus: skus.filter { loaded.items[$0] == nil }, orders: [], supplies: [])
        try askItems()
        return known + (try readItems(try exchange()))
    }

    /// Four questions about the SKUs in hand.
    func askItems() throws(StoreError) {
        try ask(.kept(.items))
        try ask(.kept(.stock))
        try ask(.kept(.lanes))
        try ask(.kept(.deficits))
    }

    /// From the last four answers.
    func readItems(_ answers: [Rows]) throws(StoreError) -> [Item] {
        let parts = answers.suffix(4)
        let (heads, stock, lanes, deficits) = (
            parts[parts.startIndex], parts[parts.startIndex + 1], parts[parts.startIndex + 2],
            parts[parts.startIndex + 3]
        )
        var items: [Item] = []
        items.reserveCapacity(heads.count)
        var index: [Int64: Int] = [:]
        for row in 0..<heads.count {
            let sku = SKU(heads.text(row, 1))
            remember(sku, heads.integer(row, 0))
            if heads.isNull(row, 2) { continue }
            index[heads.integer(row, 0)] = items.count
            var item = Item(
                sku: sku, onOrder: heads.integer(row, 2), onOrderDated: heads.integer(row, 5),
                hasDates: heads.boolean(row, 6), reorderCount: heads.integer(row, 3))
            if let settings = heads.optionalText(row, 4) {
                item.settings = try JSONColumn.decode(ItemSettings.self, settings, of: "settings of \(sku)")
            }
            items.append(item)
        }
        for row in 0..<stock.count {
            guard let place = index[stock.integer(row, 0)] else { continue }
            items[place].stock.append(
                Stock(
                    location: LocationID(stock.text(row, 1)), onHand: stock.integer(row, 2),
                    allocated: stock.integer(row, 3)))
        }
        for row in 0..<lanes.count {
            guard let place = index[lanes.integer(row, 0)] else { continue }
            let pin = lanes.text(row, 1)
            items[place].lanes.append(
                WaitingLane(
                    pin: pin.isEmpty ? nil : LocationID(pin), units: lanes.integer(row, 2), lines: lanes.integer(row, 3)
                ))
        }
        for row in 0..<deficits.count {
            guard let place = index[deficits.integer(row, 0)] else { continue }
            items[place].deficits.append(
                Deficit(
                    location: LocationID(deficits.text(row, 1)), dispatchedAt: deficits.time(row, 2),
                    units: deficits.integer(row, 3)))
        }
        return items
    }

    // MARK: Queues

    func waitingLines(sku: SKU, pin: LocationID?, after: PrecedenceKey?, limit: Int) throws -> [QueuedLine] {
        if let known = loaded.heads[Loaded.Lane(sku: sku, pin: pin)]?.after(after, limit) { return known }
        return try queue(after == nil ? .waitingFirst : .waitingAfter, sku, pin: pin?.text ?? "", beyond: after, limit)
    }

    func waitingLinesFromLast(sku: SKU, pin: LocationID?, before: PrecedenceKey?, limit: Int) throws -> [QueuedLine] {
        let lane = Loaded.Lane(sku: sku, pin: pin)
        if let known = loaded.heads[lane]?.before(before, limit) ?? loaded.tails[lane]?.after(before, limit) {
            return known
        }
        return try queue(
            before == nil ? .waitingLast : .waitingBefore, sku, pin: pin?.text ?? "", beyond: before, limit)
    }

    func allocatedLinesFromLast(sku: SKU, before: PrecedenceKey?, limit: Int) throws -> [QueuedLine] {
        try queue(before == nil ? .allocatedLast : .allocatedBefore, sku, pin: nil, beyond: before, limit)
    }

    func heldLines(sku: SKU, after: PrecedenceKey?, limit: Int) throws -> [QueuedLine] {
        if after == nil, loaded.unheld.contains(sku) { return [] }
        return try queue(after == nil ? .heldFirst : .heldAfter, sku, pin: nil, beyond: after, limit)
    }

    private func queue(
        _ query: PostgresQuery, _ sku: SKU, pin: String?, beyond bound: PrecedenceKey?, _ limit: Int
    ) throws(StoreError) -> [QueuedLine] {
        guard let id = try id(sku) else { return [] }
        var parameters = Parameters()
        parameters.add(id)
        if let pin { parameters.add(pin) }
        parameters.add(Int64(limit))
        if let bound {
            parameters.add(bound.lead)
            parameters.add(Int64(-bound.priority))
            parameters.add(bound.placedAt.microseconds)
            parameters.add(bound.orderID.text)
            parameters.add(Int64(bound.position))
        }
        let rows = try answer(query, parameters)
        return (0..<rows.count).map { readQueued(rows, $0, from: 0) }
    }

    /// From the columns lead, rank, placed_at, order_id, position, line_id, pin, units, promised_at, estimated_at.
    func readQueued(_ rows: Rows, _ row: Int, from column: Int) -> QueuedLine {
        let pin = rows.text(row, column + 6)
        return QueuedLine(
            key: precedence(rows, row, from: column), lineID: LineID(rows.text(row, column + 5)),
            pin: pin.isEmpty ? nil : LocationID(pin), units: rows.integer(row, column + 7),
            promisedAt: rows.optionalTime(row, column + 8), estimatedAt: rows.optionalTime(row, column + 9))
    }

    func precedence(_ rows: Rows, _ row: Int, from column: Int) -> PrecedenceKey {
        PrecedenceKey(
            lead: rows.integer(row, column), priority: Int(-rows.integer(row, column + 1)),
            placedAt: rows.time(row, column + 2), orderID: OrderID(rows.text(row, column + 3)),
            position: Int(rows.integer(row, column + 4)))
    }

    // MARK: Supply

    func outstandingSupplies(sku: SKU, after: SupplyKey?, limit: Int) throws -> [Supply] {
        if let known = loaded.supplyHeads[sku]?.after(after, limit) { return known }
        return try supplies(after == nil ? .outstandingFirst : .outstandingAfter, sku, beyond: after, limit)
    }

    func outstandingSuppliesFromLast(sku: SKU, before: SupplyKey?, limit: Int) throws -> [Supply] {
        if let known = loaded.supplyHeads[sku]?.before(before, limit) ?? loaded.supplyTails[sku]?.after(before, limit) {
            return known
        }
        return try supplies(before == nil ? .outstandingLast : .outstandingBefore, sku, beyond: before, limit)
    }

    private func supplies(
        _ query: PostgresQuery, _ sku: SKU, beyond bound: SupplyKey?, _ limit: Int
    ) throws(StoreError) -> [Supply] {
        guard let id = try id(sku) else { return [] }
        var parameters = Parameters()
        parameters.add(id)
        parameters.add(Int64(limit))
        if let bound {
            parameters.add(bound.expectedAt?.microseconds ?? .max)
            parameters.add(bound.supplyID.text)
            parameters.add(bound.location.text)
        }
        return try readSupplies(try answer(query, parameters))
    }

    /// Suppliers that were asked for before are asked for again, all at once: there are few.
    func leadTimes(_ supplier: SupplierID) throws -> [Int64] {
        if let known = loaded.leadTimes[supplier] { return known }
        if suppliersAsked.count >= 16 { suppliersAsked.removeAll() }
        suppliersAsked.insert(supplier)
        var parameters = Parameters()
        parameters.texts(suppliersAsked.sorted()) { $0.text }
        parameters.add(Int64(LeadTime.keptForASupplier))
        let rows = try answer(.leadTimes, parameters)
        var found: [SupplierID: [Int64]] = [:]
        for asked in suppliersAsked { found[asked] = [] }
        for row in 0..<rows.count { found[SupplierID(rows.text(row, 0)), default: []].append(rows.integer(row, 1)) }
        loaded.leadTimes = found
        return found[supplier] ?? []
    }

    func supplies(_ supplyIDs: [SupplyID]) throws -> [Supply] { try supplies(.suppliesByID, supplyIDs) }

    func inbounds(tiedTo reorderIDs: [SupplyID]) throws -> [Supply] { try supplies(.suppliesTied, reorderIDs) }

    /// A supply's rows change under the locks of their SKUs: those are taken before the rows are read.
    private func supplies(_ query: PostgresQuery, _ ids: [SupplyID]) throws(StoreError) -> [Supply] {
        if let known = loaded.supplies(query, ids) { return known }
        try askNames(orders: [], supplies: ids)
        try askLocks(skus: [], orders: [], supplies: ids)
        var parameters = Parameters()
        parameters.texts(ids) { $0.text }
        try ask(.kept(query), parameters)
        guard let rows = try exchange().last else { return [] }
        return try readSupplies(rows).sorted {
            ($0.supplyID, $0.sku, $0.location) < ($1.supplyID, $1.sku, $1.location)
        }
    }

    func readSupplies(_ rows: Rows) throws(StoreError) -> [Supply] {
        try learnNames((0..<rows.count).lazy.map { rows.integer($0, 1) })
        var result: [Supply] = []
        result.reserveCapacity(rows.count)
        for row in 0..<rows.count { result.append(try supply(rows, row)) }
        return result
    }

    /// From the columns of `PostgresQuery.supply`.
    func supply(_ rows: Rows, _ row: Int) throws(StoreError) -> Supply {
        let supplyID = SupplyID(rows.text(row, 0))
        guard let kind = Supply.Kind(rawValue: rows.text(row, 3)) else {
            throw StoreError(.corrupt, "supply \(supplyID): its kind in the store is unknown")
        }
        return Supply(
            supplyID: supplyID, kind: kind, sku: try sku(rows.integer(row, 1)), location: LocationID(rows.text(row, 2)),
            supplier: rows.optionalText(row, 4).map { SupplierID($0) }, quantity: rows.integer(row, 5),
            outstanding: rows.integer(row, 6), expectedAt: rows.optionalTime(row, 7), createdAt: rows.time(row, 8),
            reorderID: rows.optionalText(row, 9).map { SupplyID($0) }, takenOver: rows.integer(row, 10),
            expeditedAt: rows.optionalTime(row, 11), isCancelled: rows.boolean(row, 12))
    }
}
