import BackOrderStore
import Foundation
import GRDB
import InventoryCore
import Testing

@testable import SQLiteStore

/// The lists by customer and by location, and the step that gave them their indexes.
@Suite struct WaitingTests {
    private static func place(_ store: SQLiteStore) throws {
        var changes = Changes()
        for number in 0..<20 {
            var line = OrderLine(lineID: "1", sku: "S", pin: number % 5 == 0 ? "n" : nil, ordered: 1)
            line.waiting = 1
            let order = Order(
                orderID: OrderID("o\(10 + number)"), placedAt: Instant(microseconds: 1),
                customer: Customer(json: #"{"id":"C-\#(number % 10)","name":"\u00e9"}"#, segment: nil), priority: 0,
                lines: [line])
            changes.orders.append(.init(order: order, isNew: true, lines: [0], lead: 0))
        }
        try store.write { try $0.apply(changes) }
    }

    private static func found(_ store: SQLiteStore) throws -> [[String]] {
        let customer = CustomerMatch(id: "C-5") { $0.json.contains(#""C-5""#) }
        return try store.read { store in
            let page = try store.waiting(of: customer, sku: nil, location: nil, after: nil, limit: 9)
            let pinned = try store.waiting(at: "n", after: nil, limit: 9)
            return [page.lines.map(\.key.orderID.text), pinned.map(\.key.orderID.text)]
        }
    }

    @Test func listsAreReadThroughTheirIndexesAndNotSorted() throws {
        let store = try Folder().store()
        for (sql, wanted) in [
            (SQLiteTransaction.ordersOfCustomer(from: false, ofSKU: false, pinned: false), "order_customer (<expr>=?)"),
            (
                SQLiteTransaction.ordersOfCustomer(from: true, ofSKU: true, pinned: true),
                "order_customer (<expr>=? AND (placed_at,order_id)>(?,?))"
            ),
            (SQLiteTransaction.linesPinned(from: false), "line_pinned (pin=?)"),
            (SQLiteTransaction.linesPinned(from: true), "line_pinned (pin=? AND (placed_at,order_id)>(?,?))"),
            (SQLiteTransaction.linesOfLane(from: false), "line_waiting (sku_id=? AND pin=?)"),
            (
                SQLiteTransaction.linesOfLane(from: true),
                "line_waiting (sku_id=? AND pin=? AND (lead,rank,placed_at,order_id)>(?,?,?,?))"
            ),
        ] {
            let explain = "EXPLAIN QUERY PLAN " + sql
            let statement = try store.connection.borrow(explain)
            defer { store.connection.giveBack(statement, explain) }
            var steps: [String] = []
            while try store.connection.next(statement) { steps.append(statement.text(3)) }
            #expect(steps.first?.contains(wanted) == true, "\(steps)")
            #expect(!steps.contains { $0.contains("TEMP B-TREE") || $0.hasPrefix("SCAN") }, "\(steps)")
        }
    }

    @Test func aFileOfTheVersionBeforeIsIndexed() throws {
        let folder = try Folder()
        let old = try folder.store()
        try Self.place(old)
        old.close()
        // What the last step made is all that it adds.
        try DatabaseQueue(path: folder.file()).inDatabase {
            try $0.execute(sql: "DROP INDEX order_customer; DROP INDEX line_pinned; PRAGMA user_version = 4")
        }
        let store = try SQLiteStore(path: folder.file())
        #expect(try store.schemaVersion().found == 4)
        expectError(.schemaMissing) { _ = try Self.found(store) }
        try store.migrate()
        #expect(try Self.found(store) == [["o15", "o25"], ["o10", "o15", "o20", "o25"]])
        let checked = try DatabaseQueue(path: folder.file()).inDatabase {
            try String.fetchOne($0, sql: "PRAGMA integrity_check")
        }
        #expect(checked == "ok")
    }
}
