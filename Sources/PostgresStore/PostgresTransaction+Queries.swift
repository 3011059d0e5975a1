internal import BackOrderStore
internal import InventoryCore

/// The questions of people: prepared when asked.
extension PostgresTransaction: StoreQueries {
    func stock(sku: SKU?, after: StockRow?, limit: Int) throws -> [StockRow] {
        var parameters = Parameters()
        parameters.add(sku?.text)
        parameters.add(after?.sku.text)
        parameters.add(after?.location.text)
        parameters.add(Int64(limit))
        let rows = try answer(
            """
            SELECT sku.sku, stock.location, stock.on_hand, stock.allocated
            FROM sku JOIN stock ON stock.sku_id = sku.sku_id
            WHERE ($1::text IS NULL OR sku.sku = $1::text)
                AND ($2::text IS NULL OR (sku.sku, stock.location) > ($2::text, $3::text))
            ORDER BY sku.sku, stock.location LIMIT $4::int8
            """, parameters)
        return (0..<rows.count).map {
            StockRow(
                sku: SKU(rows.text($0, 0)), location: LocationID(rows.text($0, 1)), onHand: rows.integer($0, 2),
                allocated: rows.integer($0, 3))
        }
    }

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
            var parameters = Parameters()
            parameters.add(last?.text)
            let found = try answer(
                """
                SELECT sku.sku FROM sku WHERE ($1::text IS NULL OR sku.sku > $1::text)
                    AND EXISTS (SELECT FROM order_line l WHERE l.sku_id = sku.sku_id AND l.waiting > 0)
                ORDER BY sku.sku LIMIT 64
                """, parameters)
            for row in 0..<found.count where result.count < limit {
                try appendBackOrders(of: SKU(found.text(row, 0)), after: nil, limit, to: &result)
            }
            guard found.count == 64 else { break }
            last = SKU(found.text(63, 0))
        }
        return result
    }

    /// Lanes are read each through the index and merged by precedence.
    private func appendBackOrders(
        of sku: SKU, after: BackOrderRow?, _ limit: Int, to result: inout [BackOrderRow]
    ) throws(StoreError) {
        guard let id = try id(sku) else { return }
        let room = limit - result.count
        var parameters = Parameters()
        parameters.add(id)
        parameters.add(Int64(room))
        if let key = after?.key {
            parameters.add(key.lead)
            parameters.add(Int64(-key.priority))
            parameters.add(key.placedAt.microseconds)
            parameters.add(key.orderID.text)
            parameters.add(Int64(key.position))
        }
        let rows = try answer(
            """
            WITH RECURSIVE pins (pin) AS (
                SELECT min(pin) FROM order_line WHERE sku_id = $1::int8 AND waiting > 0
                UNION ALL
                SELECT (SELECT min(pin) FROM order_line WHERE sku_id = $1::int8 AND waiting > 0 AND pin > pins.pin)
                FROM pins WHERE pins.pin IS NOT NULL
            )
            SELECT found.* FROM pins CROSS JOIN LATERAL (
                SELECT lead, rank, placed_at, order_id, position, line_id, waiting, promised_at FROM order_line
                WHERE sku_id = $1::int8 AND pin = pins.pin AND waiting > 0
                    \(after == nil ? "" : "AND (lead, rank, placed_at, order_id, position) > ($3::int8, $4::int8, $5::int8, $6::text, $7::int8)")
                ORDER BY lead, rank, placed_at, order_id, position LIMIT $2::int8
            ) AS found
            ORDER BY lead, rank, placed_at, order_id, position LIMIT $2::int8
            """, parameters)
        let places = after?.place ?? 0
        for row in 0..<rows.count {
            result.append(
                BackOrderRow(
                    sku: sku, key: precedence(rows, row, from: 0), lineID: LineID(rows.text(row, 5)),
                    waiting: rows.integer(row, 6), place: places + Int64(row) + 1,
                    promisedAt: rows.optionalTime(row, 7)))
        }
    }

    func supplies(kind: Supply.Kind?, settled: Bool, after: Supply?, limit: Int) throws -> [Supply] {
        var parameters = Parameters()
        parameters.add(kind?.rawValue)
        parameters.add(Int64(settled ? 0 : 1))
        parameters.add(Int64(limit))
        var condition = ""
        if let after {
            parameters.add(after.sku.text)
            parameters.add(after.expectedAt?.microseconds ?? .max)
            parameters.add(after.supplyID.text)
            parameters.add(after.location.text)
            condition = """
                AND (sku.sku, \(PostgresQuery.expected), s.supply_id, s.location)
                    > ($4::text, $5::int8, $6::text, $7::text)
                """
        }
        return try readSupplies(
            try answer(
                """
                SELECT \(PostgresQuery.supply) FROM sku JOIN supply s ON s.sku_id = sku.sku_id
                WHERE s.outstanding >= $2::int8 AND ($1::text IS NULL OR s.kind = $1::text) \(condition)
                ORDER BY sku.sku, \(PostgresQuery.expected), s.supply_id, s.location LIMIT $3::int8
                """, parameters))
    }

    func discrepancies(after: DiscrepancyRow?, limit: Int) throws -> [DiscrepancyRow] {
        var parameters = Parameters()
        parameters.add(after?.number ?? 0)
        parameters.add(Int64(limit))
        let rows = try answer(
            """
            SELECT number, time, kind, sku, location, quantity, message_id FROM discrepancy WHERE number > $1::int8
            ORDER BY number LIMIT $2::int8
            """, parameters)
        var result: [DiscrepancyRow] = []
        for row in 0..<rows.count {
            guard let kind = Discrepancy.Kind(rawValue: rows.text(row, 2)) else {
                throw StoreError(.corrupt, "discrepancy \(rows.integer(row, 0)): its kind in the store is unknown")
            }
            result.append(
                DiscrepancyRow(
                    number: rows.integer(row, 0),
                    discrepancy: Discrepancy(
                        time: rows.time(row, 1), kind: kind, sku: SKU(rows.text(row, 3)),
                        location: LocationID(rows.text(row, 4)), quantity: rows.integer(row, 5),
                        messageID: rows.text(row, 6))))
        }
        return result
    }

    func totals() throws -> StoreTotals {
        let rows = try answer(
            """
            SELECT (SELECT count(*) FROM orders),
                (SELECT coalesce(sum(lines), 0)::int8 FROM waiting_lane),
                (SELECT coalesce(sum(units), 0)::int8 FROM waiting_lane),
                (SELECT coalesce(sum(message_count), 0)::int8 FROM outbox),
                (SELECT count(*) FROM parked),
                (SELECT min(created_at) FROM outbox)
            """)
        var totals = StoreTotals()
        totals.orders = rows.integer(0, 0)
        totals.waitingLines = rows.integer(0, 1)
        totals.waitingUnits = rows.integer(0, 2)
        totals.outboxMessages = rows.integer(0, 3)
        totals.parkedMessages = rows.integer(0, 4)
        totals.oldestOutboxAt = rows.optionalTime(0, 5)
        return totals
    }

    func events(of orderID: OrderID, after: Int64, limit: Int) throws -> [OrderEvent] {
        var parameters = Parameters()
        parameters.add(orderID.text)
        parameters.add(after)
        parameters.add(Int64(limit))
        let rows = try answer(
            """
            SELECT number, time, event FROM order_event
            WHERE order_no = (SELECT order_no FROM orders WHERE order_id = $1::text) AND number > $2::int8
            ORDER BY number LIMIT $3::int8
            """, parameters)
        var result: [OrderEvent] = []
        for row in 0..<rows.count {
            result.append(
                try EventCoding.decode(
                    rows.blob(row, 2), of: orderID, number: rows.integer(row, 0), time: rows.time(row, 1)))
        }
        return result
    }

    /// In one round trip.
    func firstEvents(of orderIDs: [OrderID], limit: Int) throws -> [OrderID: [OrderEvent]] {
        if orderIDs.isEmpty { return [:] }
        var parameters = Parameters()
        parameters.texts(orderIDs) { $0.text }
        parameters.add(Int64(limit))
        let rows = try answer(
            """
            SELECT o.order_id, e.number, e.time, e.event
            FROM unnest($1::text[]) AS wanted (order_id)
            JOIN orders o ON o.order_id = wanted.order_id
            CROSS JOIN LATERAL (
                SELECT number, time, event FROM order_event
                WHERE order_event.order_no = o.order_no ORDER BY number LIMIT $2::int8
            ) AS e
            ORDER BY o.order_no, e.number
            """, parameters)
        var result: [OrderID: [OrderEvent]] = [:]
        for row in 0..<rows.count {
            let orderID = OrderID(rows.text(row, 0))
            result[orderID, default: []].append(
                try EventCoding.decode(
                    rows.blob(row, 3), of: orderID, number: rows.integer(row, 1), time: rows.time(row, 2)))
        }
        return result
    }

    func demand(sku: SKU?, after: Demand?, limit: Int) throws -> [Demand] {
        var parameters = Parameters()
        parameters.add(sku?.text)
        parameters.add(after?.sku.text)
        parameters.add(after?.day)
        parameters.add(Int64(limit))
        let rows = try answer(
            """
            SELECT sku.sku, day, units, filled, back_ordered, held, refused, cancelled_waiting
            FROM sku JOIN demand ON demand.sku_id = sku.sku_id
            WHERE ($1::text IS NULL OR sku.sku = $1::text)
                AND ($2::text IS NULL OR (sku.sku, day) > ($2::text, $3::int8))
            ORDER BY sku.sku, day LIMIT $4::int8
            """, parameters)
        return (0..<rows.count).map { row in
            var demand = Demand(sku: SKU(rows.text(row, 0)), day: rows.integer(row, 1))
            demand.units = rows.integer(row, 2)
            demand.filled = rows.integer(row, 3)
            demand.backOrdered = rows.integer(row, 4)
            demand.held = rows.integer(row, 5)
            demand.refused = rows.integer(row, 6)
            demand.cancelledWaiting = rows.integer(row, 7)
            return demand
        }
    }

    func parked(after: ParkedMessage?, limit: Int) throws -> [ParkedMessage] {
        var parameters = Parameters()
        parameters.add(after?.orderID.text)
        parameters.add(after?.message.id)
        parameters.add(Int64(limit))
        return try readParked(
            try answer(
                """
                SELECT order_id, parked_at, message, original FROM parked
                WHERE $1::text IS NULL OR (order_id, message_id) > ($1::text, $2::text)
                ORDER BY order_id, message_id LIMIT $3::int8
                """, parameters))
    }

    func adoptedStrategy() throws -> Strategy? { try recordedStrategy().flatMap { Strategy(rawValue: $0) } }
}
