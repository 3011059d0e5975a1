internal import BackOrderStore
internal import InventoryCore

/// What a dashboard asks again and again: bounded, also with a million lines waiting.
extension SQLiteTransaction {
    func figures(now: Instant) throws -> StoreFigures {
        let totals = try totals()
        var figures = StoreFigures()
        figures.waitingLines = totals.waitingLines
        figures.waitingUnits = totals.waitingUnits
        figures.outboxMessages = totals.outboxMessages
        figures.oldestOutboxAt = totals.oldestOutboxAt
        figures.parkedMessages = totals.parkedMessages
        figures.waitingSince = try waitingSince()
        let most = StoreFigures.countedAtMost
        figures.promisesOverdue = try number(
            """
            SELECT count(*) FROM (SELECT 1 FROM order_line INDEXED BY line_promised
                WHERE waiting > 0 AND promised_at IS NOT NULL AND promised_at < ?1 LIMIT \(most))
            """, now.microseconds)
        figures.promisesDue = try number(
            """
            SELECT count(*) FROM (SELECT 1 FROM order_line INDEXED BY line_promised
                WHERE waiting > 0 AND promised_at IS NOT NULL AND promised_at >= ?1 AND promised_at < ?2 LIMIT \(most))
            """, now.microseconds, now.adding(days: 1).microseconds)
        figures.heldLines = try number(
            "SELECT count(*) FROM (SELECT 1 FROM order_line INDEXED BY line_held WHERE held > 0 LIMIT \(most))")
        // Rows are never deleted, so the last number is their count.
        figures.discrepancies = try number("SELECT ifnull(max(number), 0) FROM discrepancy")
        for (kind, coming) in try coming(now) {
            if kind == Supply.Kind.reorder.rawValue { figures.reorders = coming } else { figures.inbounds = coming }
        }
        figures.places = try rows(
            "SELECT location, sum(on_hand), sum(allocated) FROM stock GROUP BY location ORDER BY location",
            limit: .max, bind: { _ in },
            { .init(location: LocationID($0.text(0)), onHand: $0.integer(1), allocated: $0.integer(2)) })
        return figures
    }

    private func number(_ sql: String, _ values: Int64...) throws(StoreError) -> Int64 {
        try rows(
            sql, limit: 1,
            bind: { statement in
                for (index, value) in values.enumerated() { statement.bind(Int32(index + 1), value) }
            }, { $0.integer(0) }
        ).first ?? 0
    }

    private func coming(_ now: Instant) throws(StoreError) -> [(kind: String, coming: StoreFigures.Coming)] {
        try rows(
            """
            SELECT kind, count(*), sum(outstanding), sum(ifnull(expected_at < ?1, 0))
            FROM supply INDEXED BY supply_outstanding WHERE outstanding > 0 GROUP BY kind
            """,
            limit: 2, bind: { $0.bind(1, now.microseconds) },
            {
                ($0.text(0), .init(supplies: $0.integer(1), units: $0.integer(2), overdue: $0.integer(3)))
            })
    }

    /// The oldest of the queues' heads: lines lie by (SKU, pin, lead, rank, placed_at), so each such stretch begins with
    /// its oldest. With many leads (the strategy due-date) that may be many stretches: it gives up then.
    private func waitingSince() throws(StoreError) -> Instant? {
        let firstSQL = """
            SELECT sku_id, pin, lead, rank, placed_at FROM order_line INDEXED BY line_waiting WHERE waiting > 0
            ORDER BY sku_id, pin, lead, rank, placed_at LIMIT 1
            """
        let first = try connection.borrow(firstSQL)
        defer { connection.giveBack(first, firstSQL) }
        let nextSQL = """
            SELECT sku_id, pin, lead, rank, placed_at FROM order_line INDEXED BY line_waiting
            WHERE waiting > 0 AND (sku_id, pin, lead, rank) > (?1, ?2, ?3, ?4)
            ORDER BY sku_id, pin, lead, rank, placed_at LIMIT 1
            """
        let next = try connection.borrow(nextSQL)
        defer { connection.giveBack(next, nextSQL) }
        var oldest: Int64?
        var statement = first
        for _ in 0..<Self.stretchesMax {
            guard try connection.next(statement) else { return oldest.map { Instant(microseconds: $0) } }
            let (sku, pin, lead, rank) = (
                statement.integer(0), statement.text(1), statement.integer(2), statement.integer(3)
            )
            oldest = min(oldest ?? .max, statement.integer(4))
            next.reset()
            statement = next
            next.bind(1, sku)
            next.bind(2, pin)
            next.bind(3, lead)
            next.bind(4, rank)
        }
        return nil
    }

    private static var stretchesMax: Int { 100_000 }

    func promisedLines(before: Instant, after: PromisedLine?, limit: Int) throws -> [PromisedLine] {
        let bound = after == nil ? "" : "AND (l.promised_at, l.sku_id, l.line_key) > (?2, ?3, ?4)"
        return try rows(
            """
            SELECT l.promised_at, sku.sku, l.order_id, l.line_key, l.line_id, l.waiting, l.sku_id
            FROM order_line l INDEXED BY line_promised CROSS JOIN sku ON sku.sku_id = l.sku_id
            WHERE l.waiting > 0 AND l.promised_at IS NOT NULL AND l.promised_at < ?1 \(bound)
            ORDER BY l.promised_at, l.sku_id, l.line_key
            """,
            limit: limit,
            bind: { statement in
                statement.bind(1, before.microseconds)
                if let after {
                    statement.bind(2, after.promisedAt.microseconds)
                    statement.bind(3, after.place.item)
                    statement.bind(4, after.place.line)
                }
            },
            { statement in
                PromisedLine(
                    promisedAt: Instant(microseconds: statement.integer(0)), sku: SKU(statement.text(1)),
                    orderID: OrderID(statement.text(2)),
                    position: Int(statement.integer(3) % SQLiteTransaction.linesOfAnOrder),
                    lineID: LineID(statement.text(4)), waiting: statement.integer(5),
                    place: .init(item: statement.integer(6), line: statement.integer(3)))
            })
    }
}
