internal import BackOrderStore
internal import InventoryCore

/// What a dashboard asks again and again: bounded, also with a million lines waiting.
extension PostgresTransaction {
    func figures(now: Instant) throws -> StoreFigures {
        let most = StoreFigures.countedAtMost
        var parameters = Parameters()
        parameters.add(now.microseconds)
        parameters.add(now.adding(days: 1).microseconds)
        let rows = try answer(
            """
            SELECT (SELECT coalesce(sum(lines), 0)::int8 FROM waiting_lane),
                (SELECT coalesce(sum(units), 0)::int8 FROM waiting_lane),
                (SELECT coalesce(sum(message_count), 0)::int8 FROM outbox),
                (SELECT count(*) FROM parked),
                (SELECT min(created_at) FROM outbox),
                (SELECT count(*) FROM (SELECT FROM order_line
                    WHERE waiting > 0 AND promised_at IS NOT NULL AND promised_at < $1::int8 LIMIT \(most)) AS late),
                (SELECT count(*) FROM (SELECT FROM order_line
                    WHERE waiting > 0 AND promised_at IS NOT NULL AND promised_at >= $1::int8
                        AND promised_at < $2::int8 LIMIT \(most)) AS due),
                (SELECT count(*) FROM (SELECT FROM order_line WHERE held > 0 LIMIT \(most)) AS held),
                (SELECT count(*) FROM discrepancy)
            """, parameters)
        var figures = StoreFigures()
        figures.waitingLines = rows.integer(0, 0)
        figures.waitingUnits = rows.integer(0, 1)
        figures.outboxMessages = rows.integer(0, 2)
        figures.parkedMessages = rows.integer(0, 3)
        figures.oldestOutboxAt = rows.optionalTime(0, 4)
        figures.promisesOverdue = rows.integer(0, 5)
        figures.promisesDue = rows.integer(0, 6)
        figures.heldLines = rows.integer(0, 7)
        figures.discrepancies = rows.integer(0, 8)
        figures.waitingSince = try waitingSince()
        try readComing(now, into: &figures)
        let places = try answer(
            """
            SELECT location, sum(on_hand)::int8, sum(allocated)::int8 FROM stock GROUP BY location ORDER BY location
            """)
        figures.places = (0..<places.count).map {
            .init(
                location: LocationID(places.text($0, 0)), onHand: places.integer($0, 1),
                allocated: places.integer($0, 2))
        }
        return figures
    }

    private func readComing(_ now: Instant, into figures: inout StoreFigures) throws(StoreError) {
        var parameters = Parameters()
        parameters.add(now.microseconds)
        let rows = try answer(
            """
            SELECT kind, count(*), sum(outstanding)::int8, count(*) FILTER (WHERE expected_at < $1::int8)
            FROM supply WHERE outstanding > 0 GROUP BY kind
            """, parameters)
        for row in 0..<rows.count {
            let coming = StoreFigures.Coming(
                supplies: rows.integer(row, 1), units: rows.integer(row, 2), overdue: rows.integer(row, 3))
            if rows.text(row, 0) == Supply.Kind.reorder.rawValue {
                figures.reorders = coming
            } else {
                figures.inbounds = coming
            }
        }
    }

    /// The oldest of the queues' heads: lines lie by (SKU, pin, lead, rank, placed_at), so each such stretch begins with
    /// its oldest. With many leads (the strategy due-date) that may be many stretches: it gives up then.
    private func waitingSince() throws(StoreError) -> Instant? {
        let rows = try answer(
            """
            WITH RECURSIVE heads AS (
                SELECT lane.sku_id, lane.pin, head.lead, head.rank, head.placed_at
                FROM waiting_lane lane CROSS JOIN LATERAL (
                    SELECT lead, rank, placed_at FROM order_line l
                    WHERE l.sku_id = lane.sku_id AND l.pin = lane.pin AND l.waiting > 0
                    ORDER BY lead, rank, placed_at LIMIT 1) AS head
                WHERE lane.lines > 0
                UNION ALL
                SELECT heads.sku_id, heads.pin, head.lead, head.rank, head.placed_at
                FROM heads CROSS JOIN LATERAL (
                    SELECT lead, rank, placed_at FROM order_line l
                    WHERE l.sku_id = heads.sku_id AND l.pin = heads.pin AND l.waiting > 0
                        AND (l.lead, l.rank) > (heads.lead, heads.rank)
                    ORDER BY lead, rank, placed_at LIMIT 1) AS head
            )
            SELECT count(*), min(placed_at) FROM (SELECT placed_at FROM heads LIMIT \(Self.stretchesMax)) AS oldest
            """)
        return rows.integer(0, 0) < Int64(Self.stretchesMax) ? rows.optionalTime(0, 1) : nil
    }

    private static var stretchesMax: Int { 100_000 }

    func promisedLines(before: Instant, after: PromisedLine?, limit: Int) throws -> [PromisedLine] {
        var parameters = Parameters()
        parameters.add(before.microseconds)
        parameters.add(Int64(limit))
        var condition = ""
        if let after {
            parameters.add(after.promisedAt.microseconds)
            parameters.add(after.place.item)
            parameters.add(after.place.line)
            parameters.add(Int64(after.position))
            condition = """
                AND (l.promised_at, l.sku_id, l.order_no, l.position) > ($3::int8, $4::int8, $5::int8, $6::int8)
                """
        }
        let rows = try answer(
            """
            SELECT l.promised_at, sku.sku, l.order_id, l.position, l.line_id, l.waiting, l.sku_id, l.order_no
            FROM (SELECT * FROM order_line l
                WHERE l.waiting > 0 AND l.promised_at IS NOT NULL AND l.promised_at < $1::int8 \(condition)
                ORDER BY l.promised_at, l.sku_id, l.order_no, l.position LIMIT $2::int8) AS l
                JOIN sku ON sku.sku_id = l.sku_id
            ORDER BY l.promised_at, l.sku_id, l.order_no, l.position
            """, parameters)
        return (0..<rows.count).map { row in
            PromisedLine(
                promisedAt: rows.time(row, 0), sku: SKU(rows.text(row, 1)), orderID: OrderID(rows.text(row, 2)),
                position: Int(rows.integer(row, 3)), lineID: LineID(rows.text(row, 4)), waiting: rows.integer(row, 5),
                place: .init(item: rows.integer(row, 6), line: rows.integer(row, 7)))
        }
    }
}
