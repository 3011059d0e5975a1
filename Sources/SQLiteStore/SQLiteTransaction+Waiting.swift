internal import BackOrderStore
internal import InventoryCore

/// Lists of waiting lines by customer and by location, each read through an index of its own.
extension SQLiteTransaction {
    // MARK: By customer

    func waiting(
        of customer: CustomerMatch, sku: SKU?, location: LocationID?, after: WaitingPlace?, limit: Int
    ) throws -> WaitingPage {
        var id: Int64?
        if let sku {
            id = try skuID(sku)
            if id == nil { return WaitingPage(lines: [], next: nil) }
        }
        return try WaitingPage.walk(
            customer, after: after, limit: limit,
            candidates: { key, from, limit in
                try ordersOfCustomer(key, from, limit, sku: id, pin: location)
            },
            lines: { orders, after, limit in
                var lines: [WaitingLine] = []
                for order in orders where lines.count < limit {
                    let isHalfRead = after.map { $0.orderID == order.orderID } ?? false
                    let passed = isHalfRead ? Int64(clamping: after?.position ?? 0) : -1
                    lines += try linesOfOrder(
                        order, after: passed, sku: id, pin: location, limit: limit - lines.count)
                }
                return lines
            })
    }

    private func ordersOfCustomer(
        _ key: String, _ from: WaitingPlace?, _ limit: Int, sku: Int64?, pin: LocationID?
    ) throws(StoreError) -> CandidateOrders {
        let sql = Self.ordersOfCustomer(from: from != nil, ofSKU: sku != nil, pinned: pin != nil)
        let statement = try connection.borrow(sql)
        defer { connection.giveBack(statement, sql) }
        statement.bind(1, key)
        if let from {
            statement.bind(2, from.placedAt.microseconds)
            statement.bind(3, from.orderID.text)
        }
        if let sku { statement.bind(4, sku) }
        if let pin { statement.bind(5, pin.text) }
        var found = CandidateOrders()
        while found.count < limit, try connection.next(statement) {
            found.count += 1
            let waits = statement.integer(5) != 0
            // Of most orders of an old customer nothing waits.
            guard waits || found.count == limit else { continue }
            let order = CandidateOrder(
                number: statement.integer(0), placedAt: Instant(microseconds: statement.integer(1)),
                orderID: OrderID(statement.text(2)),
                customer: Customer(json: statement.text(3), segment: statement.optionalText(4)))
            found.end = WaitingPlace(endOf: order.orderID, placedAt: order.placedAt)
            if waits { found.orders.append(order) }
        }
        return found
    }

    static func ordersOfCustomer(from isBounded: Bool, ofSKU: Bool, pinned: Bool) -> String {
        """
        SELECT order_no, placed_at, order_id, customer, segment, EXISTS (
            SELECT 1 FROM order_line NOT INDEXED
            WHERE line_key >= order_no * 65536 AND line_key < order_no * 65536 + 65536 AND waiting > 0
                \(ofSKU ? "AND sku_id = ?4" : "") \(pinned ? "AND pin = ?5" : ""))
        FROM orders INDEXED BY order_customer
        WHERE customer IS NOT NULL AND \(SQLiteSchema.customerKey) = ?1 \(isBounded ? "AND (placed_at, order_id) >= (?2, ?3)" : "")
        ORDER BY placed_at, order_id
        """
    }

    private func linesOfOrder(
        _ order: CandidateOrder, after position: Int64, sku: Int64?, pin: LocationID?, limit: Int
    ) throws(StoreError) -> [WaitingLine] {
        let last = Self.linesOfAnOrder - 1
        return try rows(
            """
            SELECT \(Self.waitingColumns) FROM order_line l NOT INDEXED
            WHERE line_key > ?1 AND line_key <= ?2 AND waiting > 0 \(sku == nil ? "" : "AND sku_id = ?3") \
            \(pin == nil ? "" : "AND pin = ?4")
            ORDER BY line_key
            """,
            limit: limit,
            bind: { statement in
                statement.bind(1, order.number * Self.linesOfAnOrder + min(position, last))
                statement.bind(2, order.number * Self.linesOfAnOrder + last)
                if let sku { statement.bind(3, sku) }
                if let pin { statement.bind(4, pin.text) }
            },
            { statement throws(StoreError) in try waitingLine(statement, order.customer) })
    }

    // MARK: By location

    func waiting(at location: LocationID, after: WaitingPlace?, limit: Int) throws -> [WaitingLine] {
        try lines(
            Self.linesPinned(from: after != nil), limit,
            bind: { statement in
                statement.bind(1, location.text)
                if let after {
                    statement.bind(2, after.placedAt.microseconds)
                    statement.bind(3, after.orderID.text)
                }
            }, isPassed: { key in after.map { !($0 < WaitingPlace(key)) } ?? false })
    }

    static func linesPinned(from isBounded: Bool) -> String {
        """
        SELECT \(waitingColumns), o.customer, o.segment
        FROM order_line l INDEXED BY line_pinned CROSS JOIN orders o ON o.order_no = l.line_key / 65536
        WHERE l.pin = ?1 AND l.pin <> '' AND l.waiting > 0
            \(isBounded ? "AND (l.placed_at, l.order_id) >= (?2, ?3)" : "")
        ORDER BY l.placed_at, l.order_id, l.line_key
        """
    }

    func waiting(of sku: SKU, at location: LocationID, after: PrecedenceKey?, limit: Int) throws -> [WaitingLine] {
        guard let id = try skuID(sku) else { return [] }
        return try lines(
            Self.linesOfLane(from: after != nil), limit,
            bind: { statement in
                statement.bind(1, id)
                statement.bind(2, location.text)
                if let after {
                    statement.bind(3, after.lead)
                    statement.bind(4, Int64(-after.priority))
                    statement.bind(5, after.placedAt.microseconds)
                    statement.bind(6, after.orderID.text)
                }
            }, isPassed: { key in after.map { !($0 < key) } ?? false })
    }

    static func linesOfLane(from isBounded: Bool) -> String {
        """
        SELECT \(waitingColumns), o.customer, o.segment
        FROM order_line l INDEXED BY line_waiting CROSS JOIN orders o ON o.order_no = l.line_key / 65536
        WHERE l.sku_id = ?1 AND l.pin = ?2 AND l.waiting > 0
            \(isBounded ? "AND (l.lead, l.rank, l.placed_at, l.order_id) >= (?3, ?4, ?5, ?6)" : "")
        ORDER BY l.lead, l.rank, l.placed_at, l.order_id, l.line_key
        """
    }

    /// - Parameter isPassed: whether a line of the order that the last page ended in was on that page.
    private func lines(
        _ sql: String, _ limit: Int, bind: (SQLiteStatement) -> Void, isPassed: (PrecedenceKey) -> Bool
    ) throws(StoreError) -> [WaitingLine] {
        let statement = try connection.borrow(sql)
        defer { connection.giveBack(statement, sql) }
        bind(statement)
        var lines: [WaitingLine] = []
        while lines.count < limit, try connection.next(statement) {
            if !isPassed(precedence(statement)) { lines.append(try waitingLine(statement)) }
        }
        return lines
    }

    // MARK: Rows

    private static let waitingColumns = """
        l.lead, l.rank, l.placed_at, l.order_id, l.line_key, l.line_id, l.waiting, l.pin, l.first_promised_at, \
        l.promised_at, l.sku_id
        """

    /// Without a customer in hand, it stands behind the line's columns.
    private func waitingLine(
        _ statement: SQLiteStatement, _ customer: Customer? = nil
    ) throws(StoreError) -> WaitingLine {
        let pin = statement.text(7)
        var customer = customer
        if customer == nil, let json = statement.optionalText(11) {
            customer = Customer(json: json, segment: statement.optionalText(12))
        }
        return WaitingLine(
            sku: try sku(statement.integer(10)), key: precedence(statement), lineID: LineID(statement.text(5)),
            waiting: statement.integer(6), pin: pin.isEmpty ? nil : LocationID(pin),
            firstPromisedAt: Instant?(statement.optionalInteger(8)),
            promisedAt: Instant?(statement.optionalInteger(9)), customer: customer)
    }

    func place(of key: PrecedenceKey, sku: SKU, atMost: Int64) throws -> Int64? {
        guard let id = try skuID(sku), let item = try items([sku]).first else { return nil }
        var place: Int64 = 1
        for lane in item.lanes where lane.lines > 0 && place <= atMost {
            place +=
                try rows(
                    """
                    SELECT count(*) FROM (
                        SELECT 1 FROM order_line INDEXED BY line_waiting
                        WHERE sku_id = ?1 AND pin = ?2 AND waiting > 0
                            AND (lead, rank, placed_at, order_id) <= (?3, ?4, ?5, ?6)
                            AND ((lead, rank, placed_at, order_id) < (?3, ?4, ?5, ?6) OR line_key % 65536 < ?7) LIMIT ?8)
                    """,
                    limit: 1,
                    bind: { statement in
                        statement.bind(1, id)
                        statement.bind(2, lane.pin?.text ?? "")
                        statement.bind(3, key.lead)
                        statement.bind(4, Int64(-key.priority))
                        statement.bind(5, key.placedAt.microseconds)
                        statement.bind(6, key.orderID.text)
                        statement.bind(7, Int64(key.position))
                        statement.bind(8, atMost)
                    }, { $0.integer(0) }
                ).first ?? 0
        }
        return place <= atMost ? place : nil
    }
}

// MARK: Indexes

extension SQLiteSchema {
    /// What the text of a customer says of its id, for an index: the id as a text or number is written, its beginning if
    /// it is long, `\` if that would take a JSON reader, NULL if it has none. SQLite's JSON functions would do it, but are not
    /// trusted in a schema (`trusted_schema` is off): every insert would fail.
    ///
    /// The text is compact JSON without a key twice, so `"id":` can't stand in a value. At the very beginning it is the
    /// customer's own; elsewhere it may be one of something inside, and then the order is looked at in vain. Nearly all
    /// begin with an id and have no escape near it: that comes first and costs half of the rest.
    static let customerKey: String = {
        let found = #"instr(customer, '"id":')"#
        let behindQuote = "substr(customer, \(found) + 6)"
        let text = #"replace(substr(\#(behindQuote), 1, instr(\#(behindQuote), '"') - 1), '\/', '/')"#
        let beginning = "substr(customer, 8, 129)"
        let closed = "replace(substr(customer, \(found) + 5), '}', ',')"
        return #"""
            CASE WHEN substr(customer, 1, 7) = '{"id":"' AND instr(\#(beginning), '"') > 0 AND instr(\#(beginning), '\') = 0
                THEN substr(customer, 8, instr(\#(beginning), '"') - 1)
            WHEN \#(found) = 0 THEN CASE WHEN instr(customer, '\u006') > 0 THEN '\' END
            WHEN \#(found) > 2 AND (instr(\#(behindQuote), '"id":') > 0 OR instr(customer, '\u006') > 0) THEN '\'
            WHEN substr(customer, \#(found) + 5, 1) <> '"' THEN substr(\#(closed), 1, min(instr(\#(closed), ',') - 1, 128))
            WHEN instr(\#(text), '\') > 0 THEN '\'
            ELSE substr(\#(text), 1, 128) END
            """#
    }()

    /// Waiting lines by customer and by location. An index entry for each order that has a customer, and one for each
    /// waiting line with a pin; on columns that every version writes.
    static let filters = """
        CREATE INDEX order_customer ON orders (\(customerKey), placed_at, order_id) WHERE customer IS NOT NULL;
        CREATE INDEX line_pinned ON order_line (pin, placed_at, order_id) WHERE waiting > 0 AND pin <> '';
        """
}
