internal import BackOrderStore
internal import InventoryCore

/// Rows as they stand, with what is kept beside them; and what people ask of one SKU.
extension PostgresTransaction {
    func item(_ sku: SKU) throws -> Item? { try itemsUnlocked([sku]).first }

    private func itemsUnlocked(_ skus: [SKU]) throws(StoreError) -> [Item] {
        var parameters = Parameters()
        parameters.texts(skus) { $0.text }
        try ask(.kept(.takeInHand), parameters)
        try askItems()
        return try readItems(try exchange())
    }

    /// Counted in the index, lane by lane.
    func waitingBefore(_ key: PrecedenceKey, sku: SKU) throws -> (lines: Int64, units: Units) {
        guard let id = try id(sku) else { return (0, 0) }
        var parameters = Parameters()
        parameters.add(id)
        parameters.add(key.lead)
        parameters.add(Int64(-key.priority))
        parameters.add(key.placedAt.microseconds)
        parameters.add(key.orderID.text)
        parameters.add(Int64(key.position))
        let rows = try answer(
            """
            SELECT coalesce(sum(ahead.lines), 0)::int8, coalesce(sum(ahead.units), 0)::int8
            FROM (SELECT '' COLLATE "C" AS pin UNION SELECT pin FROM waiting_lane WHERE sku_id = $1::int8) AS lane
            CROSS JOIN LATERAL (
                SELECT count(*) AS lines, sum(waiting) AS units FROM order_line
                WHERE sku_id = $1::int8 AND pin = lane.pin AND waiting > 0
                    AND (lead, rank, placed_at, order_id, position)
                        < ($2::int8, $3::int8, $4::int8, $5::text, $6::int8)
            ) AS ahead
            """, parameters)
        return (rows.integer(0, 0), rows.integer(0, 1))
    }

    func auditOrders(after: OrderID?, limit: Int) throws -> [AuditedOrder] {
        var parameters = Parameters()
        parameters.add(after?.text)
        parameters.add(Int64(limit))
        let heads = try answer(
            """
            SELECT \(PostgresQuery.head), o.sum FROM orders o WHERE $1::text IS NULL OR o.order_id > $1::text
            ORDER BY o.order_id LIMIT $2::int8
            """, parameters)
        var numbers = Parameters()
        numbers.integers(0..<heads.count) { heads.integer($0, 0) }
        // The order's own id and time, as its lines keep them a second time for the indexes.
        let lines = try answer(
            """
            SELECT \(PostgresQuery.line), l.sum, l.rank, l.placed_at, l.position FROM order_line l
            WHERE l.order_no = ANY ($1::int8[]) ORDER BY l.order_no, l.position
            """, numbers)
        var first: [Int64: Int] = [:]
        for row in (0..<lines.count).reversed() { first[lines.integer(row, 0)] = row }
        let orders = try readOrders(heads: heads, lines: lines)
        var result: [AuditedOrder] = []
        for (index, order) in orders.enumerated() {
            var audited = AuditedOrder(order: order, leads: [], sum: heads.optionalInteger(index, 12))
            let number = heads.integer(index, 0)
            var row = first[number] ?? lines.count
            while row < lines.count, lines.integer(row, 0) == number {
                audited.leads.append(lines.integer(row, 16))
                audited.allocated.append(lines.integer(row, 8))
                audited.lineSums.append(lines.optionalInteger(row, 18))
                if OrderID(lines.text(row, 17)) != order.orderID || lines.integer(row, 19) != Int64(-order.priority)
                    || lines.time(row, 20) != order.placedAt
                {
                    audited.faults.append(
                        "line \(lines.text(row, 1)) has another order, priority or time than its order")
                }
                if lines.integer(row, 21) != Int64(audited.leads.count - 1) {
                    audited.faults.append("line \(lines.text(row, 1)) is not at position \(audited.leads.count - 1)")
                }
                row += 1
            }
            result.append(audited)
        }
        return result
    }

    func auditItems(after: SKU?, limit: Int) throws -> [AuditedItem] {
        var parameters = Parameters()
        parameters.add(after?.text)
        parameters.add(Int64(limit))
        let heads = try answer(
            """
            SELECT sku.sku, sku.sku_id, item.sum, item.settings FROM sku JOIN item ON item.sku_id = sku.sku_id
            WHERE $1::text IS NULL OR sku.sku > $1::text ORDER BY sku.sku LIMIT $2::int8
            """, parameters)
        let skus = (0..<heads.count).map { SKU(heads.text($0, 0)) }
        var items: [SKU: Item] = [:]
        for item in try itemsUnlocked(skus) { items[item.sku] = item }
        var numbers = Parameters()
        numbers.integers(0..<heads.count) { heads.integer($0, 1) }
        try ask(
            .text("SELECT sku_id, sum FROM stock WHERE sku_id = ANY ($1::int8[]) ORDER BY sku_id, location"), numbers)
        try ask(
            .text("SELECT sku_id, sum FROM deficit WHERE sku_id = ANY ($1::int8[]) ORDER BY sku_id, number"), numbers)
        let sums = try exchange().map { rows in
            var sums: [Int64: [Int64?]] = [:]
            for row in 0..<rows.count { sums[rows.integer(row, 0), default: []].append(rows.optionalInteger(row, 1)) }
            return sums
        }
        var result: [AuditedItem] = []
        for (row, sku) in skus.enumerated() {
            guard let item = items[sku] else { continue }
            let id = heads.integer(row, 1)
            result.append(
                AuditedItem(
                    item: item, sum: heads.optionalInteger(row, 2), stockSums: sums[0][id] ?? [],
                    deficitSums: sums[1][id] ?? [], settings: heads.optionalText(row, 3)))
        }
        return result
    }

    func auditSupplies(after: Supply?, limit: Int) throws -> [AuditedSupply] {
        var parameters = Parameters()
        parameters.add(after?.supplyID.text)
        parameters.add(after?.sku.text)
        parameters.add(after?.location.text)
        parameters.add(Int64(limit))
        let rows = try answer(
            """
            SELECT \(PostgresQuery.supply), s.sum FROM supply s JOIN sku ON sku.sku_id = s.sku_id
            WHERE $1::text IS NULL OR (s.supply_id, sku.sku, s.location) > ($1::text, $2::text, $3::text)
            ORDER BY s.supply_id, sku.sku, s.location LIMIT $4::int8
            """, parameters)
        let supplies = try readSupplies(rows)
        return supplies.indices.map { AuditedSupply(supply: supplies[$0], sum: rows.optionalInteger($0, 13)) }
    }
}
