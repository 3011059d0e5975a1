import BackOrderStore
import InventoryCore
import Testing

@testable import PostgresStore

/// The lists by customer and by location, and the step that gave them their indexes.
@Suite(.enabled(if: Server.url != nil)) struct WaitingTests {
    private static func place(_ store: PostgresStore) throws {
        var changes = Changes()
        for number in 0..<20 {
            var line = OrderLine(lineID: "1", sku: "S", pin: number % 5 == 0 ? "n" : nil, ordered: 1)
            line.waiting = 1
            let order = Order(
                orderID: OrderID("o\(10 + number)"), placedAt: Instant(microseconds: 1),
                customer: Customer(json: #"{"id":"C-\#(number % 10)","name":"\u0000"}"#, segment: nil), priority: 0,
                lines: [line])
            changes.orders.append(.init(order: order, isNew: true, lines: [0], lead: 0))
        }
        try store.write { try $0.apply(changes) }
    }

    private static func found(_ store: PostgresStore) throws -> [[String]] {
        let customer = CustomerMatch(id: "C-5") { $0.json.contains(#""C-5""#) }
        return try store.read { store in
            let page = try store.waiting(of: customer, sku: nil, location: nil, after: nil, limit: 9)
            let pinned = try store.waiting(at: "n", after: nil, limit: 9)
            return [page.lines.map(\.key.orderID.text), pinned.map(\.key.orderID.text)]
        }
    }

    @Test func listsAreReadThroughTheirIndexesAndNotSorted() throws {
        let database = Database()
        _ = try database.store()
        let link = try database.other()
        for (sql, wanted) in [
            (PostgresTransaction.ordersOfCustomer(from: false), "Index Scan using order_customer"),
            (PostgresTransaction.ordersOfCustomer(from: true), "Index Scan using order_customer"),
            (PostgresTransaction.linesPinned(after: false), "Index Scan using line_pinned"),
            (PostgresTransaction.linesPinned(after: true), "Index Scan using line_pinned"),
            (PostgresTransaction.linesOfLane(after: false), "Index Scan using line_waiting"),
            (PostgresTransaction.linesOfLane(after: true), "Index Scan using line_waiting"),
        ] {
            let count = (1...10).last { sql.contains("$\($0)::") } ?? 0
            let nulls = Array(repeating: "NULL", count: count).joined(separator: ", ")
            try link.execute("PREPARE q AS \(sql)")
            let plan = try link.ask("EXPLAIN EXECUTE q(\(nulls))")
            let steps = (0..<plan.count).map { plan.text($0, 0) }
            // What the page is cut from is the index itself.
            let limit = try #require(steps.firstIndex { $0.contains("Limit") }, "\(steps)")
            #expect(steps[limit + 1].contains(wanted), "\(steps)")
            let bound = try #require(steps.first { $0.contains("Index Cond") }, "\(steps)")
            #expect(bound.contains("ROW(") == (sql.contains("_id) >") || sql.contains("position) >")), "\(bound)")
            #expect(!steps.contains { $0.contains("Seq Scan") }, "\(steps)")
            try link.execute("DEALLOCATE q")
        }
        let sql = PostgresTransaction.linesOfOrders(after: true)
        try link.execute("PREPARE q AS \(sql)")
        let plan = try link.ask("EXPLAIN EXECUTE q(NULL, NULL, NULL, NULL, NULL, NULL, NULL)")
        #expect((0..<plan.count).contains { plan.text($0, 0).contains("order_no = ANY") })
    }

    @Test func aDatabaseOfTheVersionBeforeIsIndexed() throws {
        let database = Database()
        try Self.place(try database.store())
        let other = try database.other()
        // What the last step made is all that it adds.
        try other.execute("DROP INDEX order_customer; DROP INDEX line_pinned; UPDATE schema_version SET version = 4")
        let store = try PostgresStore(url: database.url(), worker: "w")
        #expect(try store.schemaVersion().found == 4)
        expectError(.schemaMissing) { _ = try Self.found(store) }
        try store.migrate()
        #expect(try Self.found(store) == [["o15", "o25"], ["o10", "o15", "o20", "o25"]])
        let rows = try other.ask("SELECT oldest_program FROM schema_version")
        #expect(rows.integer(0, 0) == 2, "a worker of the version before goes on: it writes all that is indexed")
    }
}
