internal import BackOrderStore
internal import InventoryCore

/// The questions of people: prepared when asked.
extension SQLiteTransaction: StoreQueries {
    func rows<Row>(
        _ sql: String, limit: Int, bind: (SQLiteStatement) -> Void, _ row: (SQLiteStatement) throws(StoreError) -> Row
    ) throws(StoreError) -> [Row] {
        let statement = try connection.borrow(sql)
        defer { connection.giveBack(statement, sql) }
        bind(statement)
        var result: [Row] = []
        while result.count < limit, try connection.next(statement) { result.append(try row(statement)) }
        return result
    }

    func stock(sku: SKU?, after: StockRow?, limit: Int) throws -> [StockRow] {
        var conditions: [String] = []
        if sku != nil { conditions.append("sku.sku = ?1") }
        if after != nil { conditions.append("sku.sku >= ?2 AND (sku.sku > ?2 OR stock.location > ?3)") }
        return try rows(
            """
            SELECT sku.sku, stock.location, stock.on_hand, stock.allocated
            FROM sku CROSS JOIN stock ON stock.sku_id = sku.sku_id
            \(conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND "))
            ORDER BY sku.sku, stock.location
            """,
            limit: limit,
            bind: { statement in
                if let sku { statement.bind(1, sku.text) }
                if let after {
                    statement.bind(2, after.sku.text)
                    statement.bind(3, after.location.text)
                }
            },
            { statement in
                StockRow(
                    sku: SKU(statement.text(0)), location: LocationID(statement.text(1)), onHand: statement.integer(2),
                    allocated: statement.integer(3))
            })
    }

    func order(_ orderID: OrderID) throws -> Order? { try loadOrder(orderID) }

    func backOrders(sku: SKU?, after: BackOrderRow?, limit: Int) throws -> [BackOrderRow] {
        var result: [BackOrderRow] = []
        if let sku {
            if let after, sku < after.sku { return [] }
            try appendBackOrders(of: sku, after: after?.sku == sku ? after : nil, limit, to: &result)
            return result
        }
        if let after { try appendBackOrders(of: after.sku, after: after, limit, to: &result) }
        var last = after?.sku
        while result.count < limit {
            let found = try rows(
                """
                SELECT sku.sku FROM sku WHERE \(last == nil ? "" : "sku.sku > ?1 AND")
                    EXISTS (SELECT 1 FROM order_line WHERE order_line.sku_id = sku.sku_id AND waiting > 0)
                ORDER BY sku.sku
                """,
                limit: 64, bind: { statement in if let last { statement.bind(1, last.text) } },
                { statement in SKU(statement.text(0)) })
            for sku in found where result.count < limit {
                try appendBackOrders(of: sku, after: nil, limit, to: &result)
            }
            guard found.count == 64 else { break }
            last = found.last
        }
        return result
    }

    /// Lanes are read each through the index and merged by precedence.
    private func appendBackOrders(
        of sku: SKU, after: BackOrderRow?, _ limit: Int, to result: inout [BackOrderRow]
    ) throws(StoreError) {
        guard let id = try skuID(sku) else { return }
        let pins = try rows(
            """
            WITH RECURSIVE pins (pin) AS (
                SELECT min(pin) FROM order_line WHERE sku_id = ?1 AND waiting > 0
                UNION ALL
                SELECT (SELECT min(pin) FROM order_line WHERE sku_id = ?1 AND waiting > 0 AND pin > pins.pin)
                FROM pins WHERE pins.pin IS NOT NULL
            )
            SELECT pin FROM pins WHERE pin IS NOT NULL
            """,
            limit: .max, bind: { $0.bind(1, id) }, { $0.text(0) })
        let room = limit - result.count
        var found: [BackOrderRow] = []
        for pin in pins {
            let bound = after == nil ? "" : "AND (lead, rank, placed_at, order_id) >= (?3, ?4, ?5, ?6)"
            let sql = """
                SELECT lead, rank, placed_at, order_id, line_key, line_id, waiting, promised_at FROM order_line
                WHERE sku_id = ?1 AND pin = ?2 AND waiting > 0 \(bound)
                ORDER BY lead, rank, placed_at, order_id, line_key
                """
            let statement = try connection.borrow(sql)
            defer { connection.giveBack(statement, sql) }
            statement.bind(1, id)
            statement.bind(2, pin)
            if let after {
                statement.bind(3, after.key.lead)
                statement.bind(4, Int64(-after.key.priority))
                statement.bind(5, after.key.placedAt.microseconds)
                statement.bind(6, after.key.orderID.text)
            }
            var count = 0
            while count < room, try connection.next(statement) {
                let key = precedence(statement)
                if let after, !(after.key < key) { continue }
                count += 1
                found.append(
                    BackOrderRow(
                        sku: sku, key: key, lineID: LineID(statement.text(5)), waiting: statement.integer(6), place: 0,
                        promisedAt: Instant?(statement.optionalInteger(7))))
            }
        }
        found.sort { $0.key < $1.key }
        var place = after?.place ?? 0
        for var row in found.prefix(room) {
            place += 1
            row.place = place
            result.append(row)
        }
    }

    func supplies(kind: Supply.Kind?, settled: Bool, after: Supply?, limit: Int) throws -> [Supply] {
        var conditions: [String] = []
        if !settled { conditions.append("supply.outstanding > 0") }
        if kind != nil { conditions.append("supply.kind = ?1") }
        if after != nil {
            conditions.append(
                """
                sku.sku >= ?2 AND (sku.sku > ?2
                    OR (ifnull(expected_at, 9223372036854775807), supply_id, location) > (?3, ?4, ?5))
                """)
        }
        return try rows(
            """
            SELECT supply_id, supply.sku_id, location, kind, supplier, quantity, outstanding, expected_at, created_at,
                reorder_id, taken_over, expedited_at, cancelled
            FROM sku JOIN supply ON supply.sku_id = sku.sku_id
            \(conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND "))
            ORDER BY sku.sku, ifnull(expected_at, 9223372036854775807), supply_id, location
            """,
            limit: limit,
            bind: { statement in
                if let kind { statement.bind(1, kind.rawValue) }
                if let after {
                    statement.bind(2, after.sku.text)
                    statement.bind(3, after.expectedAt?.microseconds ?? .max)
                    statement.bind(4, after.supplyID.text)
                    statement.bind(5, after.location.text)
                }
            },
            { statement throws(StoreError) in try supply(statement) })
    }

    func discrepancies(after: DiscrepancyRow?, limit: Int) throws -> [DiscrepancyRow] {
        try rows(
            """
            SELECT number, time, kind, sku, location, quantity, message_id FROM discrepancy WHERE number > ?1
            ORDER BY number
            """,
            limit: limit, bind: { $0.bind(1, after?.number ?? 0) },
            { statement throws(StoreError) in
                guard let kind = Discrepancy.Kind(rawValue: statement.text(2)) else {
                    throw StoreError(.corrupt, "discrepancy \(statement.integer(0)): its kind in the store is unknown")
                }
                return DiscrepancyRow(
                    number: statement.integer(0),
                    discrepancy: Discrepancy(
                        time: Instant(microseconds: statement.integer(1)), kind: kind, sku: SKU(statement.text(3)),
                        location: LocationID(statement.text(4)), quantity: statement.integer(5),
                        messageID: statement.text(6)))
            })
    }

    func totals() throws -> StoreTotals {
        // Orders are never deleted, so the last number is their count.
        let found = try rows(
            """
            SELECT ifnull((SELECT max(order_no) FROM orders), 0),
                ifnull((SELECT sum(waiting_lines) FROM item), 0) + ifnull((SELECT sum(lines) FROM waiting_lane), 0),
                ifnull((SELECT sum(waiting_units) FROM item), 0) + ifnull((SELECT sum(units) FROM waiting_lane), 0),
                ifnull((SELECT sum(message_count) FROM outbox), 0),
                (SELECT count(*) FROM parked),
                (SELECT min(created_at) FROM outbox)
            """,
            limit: 1, bind: { _ in },
            { statement in
                var totals = StoreTotals()
                totals.orders = statement.integer(0)
                totals.waitingLines = statement.integer(1)
                totals.waitingUnits = statement.integer(2)
                totals.outboxMessages = statement.integer(3)
                totals.parkedMessages = statement.integer(4)
                totals.oldestOutboxAt = Instant?(statement.optionalInteger(5))
                return totals
            })
        return found.first ?? StoreTotals()
    }
}
