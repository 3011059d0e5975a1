internal import BackOrderStore
internal import InventoryCore

/// Rows as they stand, with what is kept beside them; and what people ask of one SKU or order.
extension SQLiteTransaction {
    func item(_ sku: SKU) throws -> Item? { try items([sku]).first }

    /// Counted in the index alone, lane by lane and from the nearer end: a lane's totals are known.
    func waitingBefore(_ key: PrecedenceKey, sku: SKU) throws -> (lines: Int64, units: Units) {
        guard let id = try skuID(sku), let item = try items([sku]).first else { return (0, 0) }
        var result: (lines: Int64, units: Units) = (0, 0)
        for lane in item.lanes where lane.lines > 0 {
            let before = try waitingBefore(key, id, lane)
            result.lines += before.lines
            result.units += before.units
        }
        return result
    }

    private func waitingBefore(_ key: PrecedenceKey, _ id: Int64, _ lane: WaitingLane) throws -> (
        lines: Int64, units: Units
    ) {
        func count(_ isBefore: Bool, limit: Int64) throws -> (lines: Int64, units: Units) {
            let found = try rows(
                """
                SELECT count(*), ifnull(sum(waiting), 0) FROM (
                    SELECT waiting FROM order_line INDEXED BY line_waiting
                    WHERE sku_id = ?1 AND pin = ?2 AND waiting > 0
                        AND (lead, rank, placed_at, order_id) \(isBefore ? "<" : ">") (?3, ?4, ?5, ?6) LIMIT ?7)
                """,
                limit: 1,
                bind: {
                    bind(key, id, lane.pin?.text ?? "", $0)
                    $0.bind(7, limit)
                }, { ($0.integer(0), $0.integer(1)) })
            return found.first ?? (0, 0)
        }
        // The order's own lines are told apart by their place in it.
        let own = try rows(
            """
            SELECT line_key % 65536, waiting FROM order_line INDEXED BY line_waiting
            WHERE sku_id = ?1 AND pin = ?2 AND waiting > 0 AND (lead, rank, placed_at, order_id) = (?3, ?4, ?5, ?6)
            """,
            limit: .max, bind: { bind(key, id, lane.pin?.text ?? "", $0) },
            { (position: $0.integer(0), units: $0.integer(1)) })
        let ahead = own.filter { $0.position < key.position }
        for limit in [Int64(2_000), 50_000, .max] {
            let before = try count(true, limit: limit)
            if before.lines < limit {
                return (before.lines + Int64(ahead.count), before.units + ahead.reduce(0) { $0 + $1.units })
            }
            let behind = try count(false, limit: limit)
            if behind.lines < limit {
                let notAhead = own.filter { $0.position >= key.position }
                return (
                    lane.lines - behind.lines - Int64(notAhead.count),
                    lane.units - behind.units - notAhead.reduce(0) { $0 + $1.units }
                )
            }
        }
        return (lane.lines, lane.units)
    }

    private func bind(_ key: PrecedenceKey, _ id: Int64, _ pin: String, _ statement: SQLiteStatement) {
        statement.bind(1, id)
        statement.bind(2, pin)
        statement.bind(3, key.lead)
        statement.bind(4, Int64(-key.priority))
        statement.bind(5, key.placedAt.microseconds)
        statement.bind(6, key.orderID.text)
    }

    func events(of orderID: OrderID, after: Int64, limit: Int) throws -> [OrderEvent] {
        let statement = try connection.statement(.events)
        defer { statement.reset() }
        statement.bind(1, orderID.text)
        statement.bind(2, after)
        var result: [OrderEvent] = []
        while result.count < limit, try connection.next(statement) {
            result.append(
                try EventCoding.decode(
                    statement.blob(2), of: orderID, number: statement.integer(0),
                    time: Instant(microseconds: statement.integer(1))))
        }
        return result
    }

    func demand(sku: SKU?, after: Demand?, limit: Int) throws -> [Demand] {
        var conditions: [String] = []
        if sku != nil { conditions.append("sku.sku = ?1") }
        if after != nil { conditions.append("sku.sku >= ?2 AND (sku.sku > ?2 OR day > ?3)") }
        return try rows(
            """
            SELECT sku.sku, day, units, filled, back_ordered, held, refused, cancelled_waiting
            FROM sku CROSS JOIN demand ON demand.sku_id = sku.sku_id
            \(conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND "))
            ORDER BY sku.sku, day
            """,
            limit: limit,
            bind: { statement in
                if let sku { statement.bind(1, sku.text) }
                if let after {
                    statement.bind(2, after.sku.text)
                    statement.bind(3, after.day)
                }
            },
            { statement in
                var demand = Demand(sku: SKU(statement.text(0)), day: statement.integer(1))
                demand.units = statement.integer(2)
                demand.filled = statement.integer(3)
                demand.backOrdered = statement.integer(4)
                demand.held = statement.integer(5)
                demand.refused = statement.integer(6)
                demand.cancelledWaiting = statement.integer(7)
                return demand
            })
    }

    func parked(after: ParkedMessage?, limit: Int) throws -> [ParkedMessage] {
        try rows(
            """
            SELECT order_id, parked_at, message, original FROM parked
            \(after == nil ? "" : "WHERE (order_id, message_id) > (?1, ?2)") ORDER BY order_id, message_id
            """,
            limit: limit,
            bind: { statement in
                if let after {
                    statement.bind(1, after.orderID.text)
                    statement.bind(2, after.message.id)
                }
            },
            { statement throws(StoreError) in try parked(statement) })
    }

    func adoptedStrategy() throws -> Strategy? { try recordedStrategy().flatMap { Strategy(rawValue: $0) } }

    func auditOrders(after: OrderID?, limit: Int) throws -> [AuditedOrder] {
        let heads = try rows(
            """
            SELECT order_no, order_id, sum FROM orders \(after == nil ? "" : "WHERE order_id > ?1") ORDER BY order_id
            """,
            limit: limit, bind: { statement in if let after { statement.bind(1, after.text) } },
            { ($0.integer(0), OrderID($0.text(1)), $0.optionalInteger(2)) })
        var result: [AuditedOrder] = []
        for (number, orderID, sum) in heads {
            guard let order = try loadOrder(orderID) else { continue }
            let states = known.removeValue(forKey: orderID)?.lines ?? []
            let lines = try auditedLines(number)
            var audited = AuditedOrder(
                order: order, leads: states.map(\.lead), allocated: states.map(\.allocated), sum: sum,
                lineSums: lines.map(\.sum))
            if lines.enumerated().contains(where: { Int64($0.offset) != $0.element.position }) {
                audited.faults.append("a line is missing, or one is not in its place")
            }
            // What of the order stands in its lines a second time, for the indexes.
            for line in lines
            where line.orderID != orderID || line.rank != Int64(-order.priority) || line.placedAt != order.placedAt {
                audited.faults.append("line \(line.lineID) has another order, priority or time than its order")
            }
            result.append(audited)
        }
        return result
    }

    private struct AuditedLine {
        var sum: Int64?
        var position: Int64
        var lineID: LineID
        var orderID: OrderID
        var rank: Int64
        var placedAt: Instant
    }

    private func auditedLines(_ number: Int64) throws(StoreError) -> [AuditedLine] {
        let statement = try connection.statement(.auditedLines)
        statement.bind(1, number * Self.linesOfAnOrder)
        statement.bind(2, number * Self.linesOfAnOrder + Self.linesOfAnOrder - 1)
        var lines: [AuditedLine] = []
        while try connection.next(statement) {
            lines.append(
                AuditedLine(
                    sum: statement.optionalInteger(0), position: statement.integer(1),
                    lineID: LineID(statement.text(2)), orderID: OrderID(statement.text(3)), rank: statement.integer(4),
                    placedAt: Instant(microseconds: statement.integer(5))))
        }
        return lines
    }

    func auditItems(after: SKU?, limit: Int) throws -> [AuditedItem] {
        let heads = try rows(
            """
            SELECT sku.sku, sku.sku_id, item.sum, item.settings, item.pins, item.deficits
            FROM sku CROSS JOIN item ON item.sku_id = sku.sku_id
            \(after == nil ? "" : "WHERE sku.sku > ?1") ORDER BY sku.sku
            """,
            limit: limit, bind: { statement in if let after { statement.bind(1, after.text) } },
            {
                (
                    sku: SKU($0.text(0)), id: $0.integer(1), sum: $0.optionalInteger(2), settings: $0.optionalText(3),
                    pins: $0.integer(4), deficits: $0.integer(5)
                )
            })
        var result: [AuditedItem] = []
        for head in heads {
            guard var item = try items([head.sku]).first else { continue }
            // Without the counts that spare a read: rows that they do not know of are to be found, too.
            item.deficits = try deficits(head.id)
            item.lanes.removeAll { $0.pin != nil }
            item.lanes += try lanes(head.id)
            func sums(_ sql: String) throws -> [Int64?] {
                try rows(sql, limit: .max, bind: { $0.bind(1, head.id) }, { $0.optionalInteger(0) })
            }
            var audited = AuditedItem(
                item: item, sum: head.sum,
                stockSums: try sums("SELECT sum FROM stock WHERE sku_id = ?1 ORDER BY location"),
                deficitSums: try sums("SELECT sum FROM deficit WHERE sku_id = ?1 ORDER BY number"),
                settings: head.settings)
            if Int64(item.lanes.count { $0.pin != nil }) != head.pins {
                audited.faults.append("item.pins is \(head.pins), there are \(item.lanes.count { $0.pin != nil })")
            }
            if Int64(item.deficits.count) != head.deficits {
                audited.faults.append("item.deficits is \(head.deficits), there are \(item.deficits.count)")
            }
            result.append(audited)
        }
        return result
    }

    func auditSupplies(after: Supply?, limit: Int) throws -> [AuditedSupply] {
        try rows(
            """
            SELECT supply_id, supply.sku_id, location, kind, supplier, quantity, outstanding, expected_at, created_at,
                reorder_id, taken_over, expedited_at, cancelled, sum
            FROM supply CROSS JOIN sku ON sku.sku_id = supply.sku_id
            \(after == nil ? "" : "WHERE supply_id >= ?1 AND (supply_id, sku.sku, location) > (?1, ?2, ?3)")
            ORDER BY supply_id, sku.sku, location
            """,
            limit: limit,
            bind: { statement in
                if let after {
                    statement.bind(1, after.supplyID.text)
                    statement.bind(2, after.sku.text)
                    statement.bind(3, after.location.text)
                }
            },
            { statement throws(StoreError) in
                AuditedSupply(supply: try supply(statement), sum: statement.optionalInteger(13))
            })
    }
}
