internal import BackOrderStore
internal import InventoryCore

/// The questions of the decisions.
extension SQLiteTransaction {
    static var linesOfAnOrder: Int64 { 65_536 }

    // MARK: Orders

    func orders(_ orderIDs: [OrderID]) throws -> [Order] {
        var result: [Order] = []
        for orderID in orderIDs {
            if let order = try loadOrder(orderID) { result.append(order) }
        }
        return result
    }

    func loadOrder(_ orderID: OrderID) throws(StoreError) -> Order? {
        let statement = try connection.statement(.orderHead)
        statement.bind(1, orderID.text)
        guard try connection.next(statement) else { return nil }
        let number = statement.integer(0)
        var customer: Customer?
        if let json = statement.optionalText(3) {
            customer = Customer(json: json, segment: statement.optionalText(4))
        }
        let ship = ShipMode(rawValue: statement.text(7))
        var order = Order(
            orderID: orderID, placedAt: Instant(microseconds: statement.integer(2)), customer: customer,
            priority: Int(statement.integer(5)), requestedBy: Instant?(statement.optionalInteger(6)),
            ship: ship ?? .partial, currency: statement.optionalText(8), isHeld: statement.integer(9) != 0,
            sequence: statement.integer(10), eventCount: statement.integer(11), lines: [])
        statement.reset()
        guard ship != nil else { throw StoreError(.corrupt, "order \(orderID): its ship mode in the store is unknown") }

        var states: [LineState] = []
        let lines = try connection.statement(.orderLines)
        lines.bind(1, number * Self.linesOfAnOrder)
        lines.bind(2, number * Self.linesOfAnOrder + Self.linesOfAnOrder - 1)
        while try connection.next(lines) {
            let pin = lines.text(3)
            var line = OrderLine(
                lineID: LineID(lines.text(1)), sku: try sku(lines.integer(2)), pin: pin.isEmpty ? nil : LocationID(pin),
                unitPrice: lines.optionalText(4), ordered: lines.integer(5))
            line.waiting = lines.integer(6)
            line.held = lines.integer(7)
            let allocated = lines.integer(8)
            line.dispatched = lines.integer(9)
            line.cancelled = lines.integer(10)
            line.refused = lines.integer(11)
            if let text = lines.optionalText(12) { line.allocations = try AllocationColumn.decode(text) }
            line.firstPromisedAt = Instant?(lines.optionalInteger(13))
            line.promisedAt = Instant?(lines.optionalInteger(14))
            line.estimatedAt = Instant?(lines.optionalInteger(15))
            states.append(
                LineState(waiting: line.waiting, held: line.held, allocated: allocated, lead: lines.integer(16)))
            order.lines.append(line)
        }
        known[orderID] = KnownOrder(number: number, lines: states)
        return order
    }

    /// The order's number and the state of its lines' index entries; nil: there is no such order.
    func knownOrder(_ orderID: OrderID) throws(StoreError) -> KnownOrder? {
        if let order = known[orderID] { return order }
        let statement = try connection.statement(.orderNumber)
        statement.bind(1, orderID.text)
        guard try connection.next(statement) else { return nil }
        var order = KnownOrder(number: statement.integer(0), lines: [])
        statement.reset()
        let lines = try connection.statement(.lineStates)
        lines.bind(1, order.number * Self.linesOfAnOrder)
        lines.bind(2, order.number * Self.linesOfAnOrder + Self.linesOfAnOrder - 1)
        while try connection.next(lines) {
            order.lines.append(
                LineState(
                    waiting: lines.integer(0), held: lines.integer(1), allocated: lines.integer(2),
                    lead: lines.integer(3)))
        }
        known[orderID] = order
        return order
    }

    // MARK: Items

    func items(_ skus: [SKU]) throws -> [Item] {
        var result: [Item] = []
        result.reserveCapacity(skus.count)
        for sku in skus {
            guard let id = try skuID(sku), let item = try loadItem(sku, id) else { continue }
            result.append(item)
        }
        return result
    }

    private func loadItem(_ sku: SKU, _ id: Int64) throws(StoreError) -> Item? {
        let statement = try connection.statement(.item)
        statement.bind(1, id)
        guard try connection.next(statement) else { return nil }
        var item = Item(
            sku: sku, onOrder: statement.integer(0), onOrderDated: statement.integer(7),
            hasDates: statement.integer(8) != 0, reorderCount: statement.integer(1))
        let settings = statement.optionalText(2)
        if let units = statement.optionalInteger(3) {
            item.lanes.append(WaitingLane(pin: nil, units: units, lines: statement.integer(4)))
        }
        let pins = statement.integer(5)
        let deficits = statement.integer(6)
        statement.reset()
        if let settings { item.settings = try JSONColumn.decode(ItemSettings.self, settings, of: "settings of \(sku)") }
        let stock = try connection.statement(.stock)
        stock.bind(1, id)
        while try connection.next(stock) {
            item.stock.append(
                Stock(location: LocationID(stock.text(0)), onHand: stock.integer(1), allocated: stock.integer(2)))
        }
        if pins > 0 { item.lanes += try lanes(id) }
        if deficits > 0 { item.deficits = try self.deficits(id) }
        return item
    }

    /// Those that have a pin.
    func lanes(_ id: Int64) throws(StoreError) -> [WaitingLane] {
        let rows = try connection.statement(.lanes)
        rows.bind(1, id)
        var lanes: [WaitingLane] = []
        while try connection.next(rows) {
            lanes.append(WaitingLane(pin: LocationID(rows.text(0)), units: rows.integer(1), lines: rows.integer(2)))
        }
        return lanes
    }

    func deficits(_ id: Int64) throws(StoreError) -> [Deficit] {
        let rows = try connection.statement(.deficits)
        rows.bind(1, id)
        var deficits: [Deficit] = []
        while try connection.next(rows) {
            deficits.append(
                Deficit(
                    location: LocationID(rows.text(0)), dispatchedAt: Instant(microseconds: rows.integer(1)),
                    units: rows.integer(2)))
        }
        return deficits
    }

    // MARK: Queues

    func waitingLines(sku: SKU, pin: LocationID?, after: PrecedenceKey?, limit: Int) throws -> [QueuedLine] {
        try queue(after == nil ? .waitingFirst : .waitingAfter, sku, pin: pin ?? "", beyond: after, limit) { $0 < $1 }
    }

    func waitingLinesFromLast(sku: SKU, pin: LocationID?, before: PrecedenceKey?, limit: Int) throws -> [QueuedLine] {
        try queue(before == nil ? .waitingLast : .waitingBefore, sku, pin: pin ?? "", beyond: before, limit) { $1 < $0 }
    }

    func allocatedLinesFromLast(sku: SKU, before: PrecedenceKey?, limit: Int) throws -> [QueuedLine] {
        try queue(before == nil ? .allocatedLast : .allocatedBefore, sku, pin: nil, beyond: before, limit) { $1 < $0 }
    }

    func heldLines(sku: SKU, after: PrecedenceKey?, limit: Int) throws -> [QueuedLine] {
        try queue(after == nil ? .heldFirst : .heldAfter, sku, pin: nil, beyond: after, limit) { $0 < $1 }
    }

    /// Reads a queue through its index and stops at the limit. The index bound stops before an order's line position,
    /// so the few lines of the bound's own order that are not beyond it are passed over here.
    private func queue(
        _ query: SQLiteQuery, _ sku: SKU, pin: LocationID?, beyond bound: PrecedenceKey?, _ limit: Int,
        _ isBefore: (PrecedenceKey, PrecedenceKey) -> Bool
    ) throws(StoreError) -> [QueuedLine] {
        guard let id = try skuID(sku) else { return [] }
        let statement = try connection.statement(query)
        defer { statement.reset() }
        statement.bind(1, id)
        if let pin { statement.bind(2, pin.text) }
        if let bound {
            statement.bind(3, bound.lead)
            statement.bind(4, Int64(-bound.priority))
            statement.bind(5, bound.placedAt.microseconds)
            statement.bind(6, bound.orderID.text)
        }
        var result: [QueuedLine] = []
        while result.count < limit, try connection.next(statement) {
            let key = precedence(statement)
            if let bound, !isBefore(bound, key) { continue }
            let pin = statement.text(6)
            result.append(
                QueuedLine(
                    key: key, lineID: LineID(statement.text(5)), pin: pin.isEmpty ? nil : LocationID(pin),
                    units: statement.integer(7), promisedAt: Instant?(statement.optionalInteger(8)),
                    estimatedAt: Instant?(statement.optionalInteger(9))))
        }
        return result
    }

    /// From the columns lead, rank, placed_at, order_id, line_key.
    func precedence(_ statement: SQLiteStatement) -> PrecedenceKey {
        PrecedenceKey(
            lead: statement.integer(0), priority: Int(-statement.integer(1)),
            placedAt: Instant(microseconds: statement.integer(2)), orderID: OrderID(statement.text(3)),
            position: Int(statement.integer(4) % Self.linesOfAnOrder))
    }

    // MARK: Supply

    func outstandingSupplies(sku: SKU, after: SupplyKey?, limit: Int) throws -> [Supply] {
        guard let id = try skuID(sku) else { return [] }
        let statement = try connection.statement(after == nil ? .outstandingFirst : .outstandingAfter)
        defer { statement.reset() }
        statement.bind(1, id)
        if let after {
            statement.bind(2, after.expectedAt?.microseconds ?? .max)
            statement.bind(3, after.supplyID.text)
            statement.bind(4, after.location.text)
        }
        var result: [Supply] = []
        while result.count < limit, try connection.next(statement) { result.append(try supply(statement)) }
        return result
    }

    func outstandingSuppliesFromLast(sku: SKU, before: SupplyKey?, limit: Int) throws -> [Supply] {
        guard let id = try skuID(sku) else { return [] }
        let statement = try connection.statement(.outstandingLast)
        defer { statement.reset() }
        statement.bind(1, id)
        // Without a bound: behind the last key there can be. A name is at most 128 bytes of UTF-8, never of 0xff.
        statement.bind(2, before?.expectedAt?.microseconds ?? .max)
        statement.bind(3, before.map(\.supplyID.text) ?? "\u{10FFFF}\u{10FFFF}")
        statement.bind(4, before?.location.text ?? "")
        var result: [Supply] = []
        while result.count < limit, try connection.next(statement) { result.append(try supply(statement)) }
        return result
    }

    func leadTimes(_ supplier: SupplierID) throws -> [Int64] {
        let statement = try connection.statement(.leadTimes)
        defer { statement.reset() }
        statement.bind(1, supplier.text)
        var result: [Int64] = []
        while result.count < LeadTime.keptForASupplier, try connection.next(statement) {
            result.append(statement.integer(0))
        }
        return result
    }

    func supplies(_ supplyIDs: [SupplyID]) throws -> [Supply] { try supplies(.suppliesByID, supplyIDs) }

    func inbounds(tiedTo reorderIDs: [SupplyID]) throws -> [Supply] { try supplies(.suppliesTied, reorderIDs) }

    private func supplies(_ query: SQLiteQuery, _ ids: [SupplyID]) throws(StoreError) -> [Supply] {
        var result: [Supply] = []
        let statement = try connection.statement(query)
        for id in ids {
            statement.bind(1, id.text)
            var rows: [Supply] = []
            while try connection.next(statement) { rows.append(try supply(statement)) }
            rows.sort { ($0.supplyID, $0.sku, $0.location) < ($1.supplyID, $1.sku, $1.location) }
            result += rows
        }
        return result
    }

    /// From the columns of `SQLiteQuery.supply`.
    func supply(_ statement: SQLiteStatement) throws(StoreError) -> Supply {
        let supplyID = SupplyID(statement.text(0))
        guard let kind = Supply.Kind(rawValue: statement.text(3)) else {
            throw StoreError(.corrupt, "supply \(supplyID): its kind in the store is unknown")
        }
        return Supply(
            supplyID: supplyID, kind: kind, sku: try sku(statement.integer(1)),
            location: LocationID(statement.text(2)), supplier: statement.optionalText(4).map { SupplierID($0) },
            quantity: statement.integer(5), outstanding: statement.integer(6),
            expectedAt: Instant?(statement.optionalInteger(7)), createdAt: Instant(microseconds: statement.integer(8)),
            reorderID: statement.optionalText(9).map { SupplyID($0) }, takenOver: statement.integer(10),
            expeditedAt: Instant?(statement.optionalInteger(11)), isCancelled: statement.integer(12) != 0)
    }
}
