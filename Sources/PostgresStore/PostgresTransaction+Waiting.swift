internal import BackOrderStore
internal import InventoryCore

/// Lists of waiting lines by customer and by location, each read through an index of its own.
extension PostgresTransaction {
    // MARK: By customer

    func waiting(
        of customer: CustomerMatch, sku: SKU?, location: LocationID?, after: WaitingPlace?, limit: Int
    ) throws -> WaitingPage {
        var skuID: Int64?
        if let sku {
            skuID = try id(sku)
            if skuID == nil { return WaitingPage(lines: [], next: nil) }
        }
        return try WaitingPage.walk(
            customer, after: after, limit: limit,
            candidates: { key, from, limit in
                var parameters = Parameters()
                parameters.add(key)
                parameters.add(Int64(limit))
                parameters.add(skuID)
                parameters.add(location?.text)
                add(from, to: &parameters)
                let rows = try answer(Self.ordersOfCustomer(from: from != nil), parameters)
                var found = CandidateOrders()
                found.count = rows.count
                for row in 0..<rows.count {
                    // Of most orders of an old customer nothing waits.
                    let waits = rows.integer(row, 5) != 0
                    guard waits || row == rows.count - 1 else { continue }
                    let order = CandidateOrder(
                        number: rows.integer(row, 0), placedAt: rows.time(row, 1), orderID: OrderID(rows.text(row, 2)),
                        customer: Customer(json: rows.text(row, 3), segment: rows.optionalText(row, 4)))
                    found.end = WaitingPlace(endOf: order.orderID, placedAt: order.placedAt)
                    if waits { found.orders.append(order) }
                }
                return found
            },
            lines: { orders, after, limit in
                var parameters = Parameters()
                parameters.integers(orders) { $0.number }
                parameters.add(Int64(limit))
                parameters.add(skuID)
                parameters.add(location?.text)
                add(after, to: &parameters)
                if let after { parameters.add(Int64(after.position)) }
                return try lines(Self.linesOfOrders(after: after != nil), parameters)
            })
    }

    private func add(_ place: WaitingPlace?, to parameters: inout Parameters) {
        guard let place else { return }
        parameters.add(place.placedAt.microseconds)
        parameters.add(place.orderID.text)
    }

    /// Whether something waits is looked up for the page alone, order by order.
    static func ordersOfCustomer(from isBounded: Bool) -> String {
        """
        SELECT o.order_no, o.placed_at, o.order_id, o.customer, o.segment, line.waiting
        FROM (SELECT order_no, placed_at, order_id, customer, segment FROM orders
            WHERE customer IS NOT NULL AND \(PostgresSchema.customerKey) = $1::text
                \(isBounded ? "AND (placed_at, order_id) >= ($5::int8, $6::text)" : "")
            ORDER BY placed_at, order_id LIMIT $2::int8) AS o
        CROSS JOIN LATERAL (SELECT count(*) AS waiting FROM (
            SELECT FROM order_line l WHERE l.order_no = o.order_no AND l.waiting > 0
                AND ($3::int8 IS NULL OR l.sku_id = $3::int8) AND ($4::text IS NULL OR l.pin = $4::text) LIMIT 1
        ) AS first) AS line
        ORDER BY o.placed_at, o.order_id
        """
    }

    /// The orders' own lines: no other index is to be tried for the SKU or the pin.
    static func linesOfOrders(after isBounded: Bool) -> String {
        listed(
            """
            l.order_no = ANY ($1::int8[]) AND l.waiting > 0
                AND ($3::int8 IS NULL OR l.sku_id = $3::int8) AND ($4::text IS NULL OR l.pin = $4::text)
                \(isBounded ? "AND (l.placed_at, l.order_id, l.position) > ($5::int8, $6::text, $7::int8)" : "")
            """, by: "placed_at, order_id, position", limit: "$2")
    }

    // MARK: By location

    func waiting(at location: LocationID, after: WaitingPlace?, limit: Int) throws -> [WaitingLine] {
        var parameters = Parameters()
        parameters.add(location.text)
        parameters.add(Int64(limit))
        add(after, to: &parameters)
        if let after { parameters.add(Int64(after.position)) }
        return try lines(Self.linesPinned(after: after != nil), parameters)
    }

    static func linesPinned(after isBounded: Bool) -> String {
        listed(
            """
            l.pin = $1::text AND l.pin <> '' AND l.waiting > 0
                \(isBounded ? "AND (l.placed_at, l.order_id, l.position) > ($3::int8, $4::text, $5::int8)" : "")
            """, by: "placed_at, order_id, position", limit: "$2")
    }

    func waiting(of sku: SKU, at location: LocationID, after: PrecedenceKey?, limit: Int) throws -> [WaitingLine] {
        guard let id = try id(sku) else { return [] }
        var parameters = Parameters()
        parameters.add(id)
        parameters.add(location.text)
        parameters.add(Int64(limit))
        if let after { add(after, to: &parameters) }
        return try lines(Self.linesOfLane(after: after != nil), parameters)
    }

    static func linesOfLane(after isBounded: Bool) -> String {
        listed(
            """
            l.sku_id = $1::int8 AND l.pin = $2::text AND l.waiting > 0
                \(isBounded ? "AND (l.lead, l.rank, l.placed_at, l.order_id, l.position) > ($4::int8, $5::int8, $6::int8, $7::text, $8::int8)" : "")
            """, by: "lead, rank, placed_at, order_id, position", limit: "$3")
    }

    private func add(_ key: PrecedenceKey, to parameters: inout Parameters) {
        parameters.add(key.lead)
        parameters.add(Int64(-key.priority))
        parameters.add(key.placedAt.microseconds)
        parameters.add(key.orderID.text)
        parameters.add(Int64(key.position))
    }

    // MARK: Rows

    /// The page is cut out of the index first; SKUs and customers are looked up for its rows alone.
    private static func listed(_ condition: String, by columns: String, limit: String) -> String {
        """
        SELECT l.lead, l.rank, l.placed_at, l.order_id, l.position, l.line_id, l.waiting, l.pin, l.first_promised_at,
            l.promised_at, sku.sku, o.customer, o.segment
        FROM (SELECT * FROM order_line l WHERE \(condition) ORDER BY \(columns) LIMIT \(limit)::int8) AS l
            JOIN sku ON sku.sku_id = l.sku_id JOIN orders o ON o.order_no = l.order_no
        ORDER BY \(columns.split(separator: ", ").map { "l.\($0)" }.joined(separator: ", "))
        """
    }

    private func lines(_ sql: String, _ parameters: Parameters) throws(StoreError) -> [WaitingLine] {
        let rows = try answer(sql, parameters)
        return (0..<rows.count).map { row in
            let pin = rows.text(row, 7)
            return WaitingLine(
                sku: SKU(rows.text(row, 10)), key: precedence(rows, row, from: 0), lineID: LineID(rows.text(row, 5)),
                waiting: rows.integer(row, 6), pin: pin.isEmpty ? nil : LocationID(pin),
                firstPromisedAt: rows.optionalTime(row, 8), promisedAt: rows.optionalTime(row, 9),
                customer: rows.optionalText(row, 11).map { Customer(json: $0, segment: rows.optionalText(row, 12)) })
        }
    }

    /// Counted backwards from the line: forwards, an index scan stops by the first column alone, at the end of the lane.
    func place(of key: PrecedenceKey, sku: SKU, atMost: Int64) throws -> Int64? {
        guard let id = try id(sku) else { return nil }
        var parameters = Parameters()
        parameters.add(id)
        parameters.add(atMost)
        add(key, to: &parameters)
        let rows = try answer(
            """
            SELECT coalesce(sum(ahead.lines), 0)::int8
            FROM (SELECT '' COLLATE "C" AS pin UNION SELECT pin FROM waiting_lane WHERE sku_id = $1::int8) AS lane
            CROSS JOIN LATERAL (
                SELECT count(*) AS lines FROM (
                    SELECT FROM order_line l WHERE l.sku_id = $1::int8 AND l.pin = lane.pin AND l.waiting > 0
                        AND (l.lead, l.rank, l.placed_at, l.order_id, l.position)
                            < ($3::int8, $4::int8, $5::int8, $6::text, $7::int8)
                    ORDER BY l.lead DESC, l.rank DESC, l.placed_at DESC, l.order_id DESC, l.position DESC
                    LIMIT $2::int8) AS line
            ) AS ahead
            """, parameters)
        let place = rows.integer(0, 0) + 1
        return place <= atMost ? place : nil
    }
}

// MARK: Indexes

extension PostgresSchema {
    /// A customer's id as a text or as the number is written, its beginning if it is long, NULL if it has none. `\` where
    /// the text has a U+0000: PostgreSQL could not tell the id, and the order would be refused for its index. All else
    /// that our own JSON reader takes PostgreSQL's takes too.
    static let customerKey = #"""
        (CASE WHEN strpos(customer, E'\\u0000') > 0 THEN E'\\'
            WHEN json_typeof(customer::json -> 'id') IN ('string', 'number') THEN left(customer::json ->> 'id', 128)
        END COLLATE "C")
        """#

    /// Waiting lines by customer and by location. An index entry for each order that has a customer, and one for each
    /// waiting line with a pin; on columns that every version writes.
    static let filters = """
        CREATE INDEX order_customer ON orders (\(customerKey), placed_at, order_id) WHERE customer IS NOT NULL;
        CREATE INDEX line_pinned ON order_line (pin, placed_at, order_id, position) WHERE waiting > 0 AND pin <> '';
        """
}
