import BackOrderStore
import GRDB
import InventoryCore
import TestSupport
import Testing

@testable import SQLiteStore

/// `verify` finds what was changed by hand: each column of the books in turn.
@Suite struct AuditTests {
    /// Tables that hold the state of semantics.md. The others are records of what was, or the sweep's work in hand.
    static let tables = [
        "item", "stock", "waiting_lane", "deficit", "orders", "order_line", "supply", "order_event",
    ]

    /// A running number that says nothing; the time of a record of what was.
    static let free: Set<String> = ["deficit.number", "order_event.time"]

    @Test func everyColumnThatIsChangedByHandIsFound() throws {
        let folder = try Folder()
        let path = try AuditTests.books(in: folder)
        try AuditTests.expectNothing(path)
        let queue = try DatabaseQueue(path: path)
        var tried = 0
        for table in AuditTests.tables {
            let columns = try queue.read { database in try database.columns(in: table) }
            for column in columns {
                if AuditTests.free.contains("\(table).\(column.name)") { continue }
                let rows = try queue.read { database in
                    try Int.fetchOne(database, sql: "SELECT count(*) FROM \(table) WHERE \(column.name) IS NOT NULL")
                        ?? 0
                }
                // A column that is empty in all of the books says nothing; one that could be filled is filled.
                let copy = "\(path).\(table).\(column.name)"
                try queue.backup(to: DatabaseQueue(path: copy))
                let damaged = try DatabaseQueue(path: copy)
                let changed = try damaged.write { database in
                    try AuditTests.damage(database, table, column, isNull: rows == 0)
                }
                try damaged.close()
                if !changed { continue }
                tried += 1
                #expect(
                    try !AuditTests.findings(copy).isEmpty, "\(table).\(column.name) was changed and nothing noticed")
            }
        }
        #expect(tried > 60, "only \(tried) columns were tried")
    }

    /// Changes one value so that the database itself lets it pass, checks and all; false: it can't be.
    private static func damage(_ database: Database, _ table: String, _ column: ColumnInfo, isNull: Bool) throws -> Bool
    {
        let value: String
        switch column.type.uppercased() {
        case "INTEGER" where column.name == "has_dates": value = "1 - has_dates"
        case "INTEGER": value = isNull ? "7" : "\(column.name) + 1"
        case "TEXT": value = isNull ? "'x'" : "\(column.name) || 'x'"
        default: value = "CAST(substr(\(column.name), 1, length(\(column.name)) - 1) AS BLOB)"
        }
        try database.execute(sql: "PRAGMA ignore_check_constraints = ON")
        let filter = isNull ? "" : "AND \(column.name) IS NOT NULL"
        let key = table == "order_line" ? "line_key" : table == "orders" ? "order_no" : nil
        let pick: String
        if let key {
            pick = "\(key) = (SELECT max(\(key)) FROM \(table) WHERE 1 \(filter))"
        } else {
            let primary = try database.primaryKey(table).columns.joined(separator: ", ")
            pick = "(\(primary)) = (SELECT \(primary) FROM \(table) WHERE 1 \(filter) ORDER BY \(primary) DESC LIMIT 1)"
        }
        do {
            try database.execute(sql: "UPDATE \(table) SET \(column.name) = \(value) WHERE \(pick)")
        } catch {
            return false
        }
        return database.changesCount > 0
    }

    static func findings(_ path: String) throws -> [String] {
        let store = try SQLiteStore(path: path)
        defer { store.close() }
        do {
            return try store.read { queries in
                var audit = StoreAudit(queries, page: 3, eventsTogether: 2)
                try audit.run()
                return audit.findings.map { "\($0.subject): \($0.problem)" }
            }
        } catch let error as StoreError {
            return [error.message]
        }
    }

    private static func expectNothing(_ path: String) throws {
        #expect(try findings(path) == [])
    }

    /// Books in which something of everything is there.
    private static func books(in folder: Folder) throws -> String {
        let path = folder.path + "/books.db"
        let store = try SQLiteStore(path: path)
        try store.migrate()
        try store.adopt(.priority)
        var rules = Rulebook(locations: ["WH-1", "WH-2"])
        rules.promise.defaultLeadTimeDays = 7
        rules.rules = [PolicyRule(sku: Pattern("HOLD-*"), settings: PolicySettings(onBackorder: .hold))]
        let decider = Decider(rules: rules)
        try store.write { transaction in
            let ledger = WorkingSet(reader: transaction, strategy: .priority)
            for (number, input) in history.enumerated() {
                let message = InputMessage(
                    id: "m\(number)", time: Instant(microseconds: Int64(number) * 1_000_000), input: input)
                _ = try decider.decide(message, now: message.time, in: ledger)
            }
            try transaction.apply(ledger.takeChanges())
        }
        store.close()
        return path
    }

    private static let customer = Customer(json: #"{"id":"c","segment":"gold"}"#, segment: "gold")
    private static let noon = Instant(microseconds: 43_200_000_000)

    private static var history: [Input] {
        [
            .stockAdjusted(
                StockAdjusted(
                    adjustmentID: "j1", location: "WH-1", lines: [.init(sku: "A", change: .counted(10))])),
            .stockAdjusted(
                StockAdjusted(adjustmentID: "j2", location: "WH-2", lines: [.init(sku: "A", change: .counted(4))])),
            .orderPlaced(
                OrderPlaced(
                    orderID: "O1",
                    lines: [
                        .init(lineID: "1", sku: "A", quantity: 12, unitPrice: "9.95"),
                        .init(lineID: "2", sku: "B", quantity: 3, location: "WH-2", unitPrice: "1"),
                    ], placedAt: noon, customer: customer, priority: 3, requestedBy: noon, currency: "EUR")),
            .orderPlaced(
                OrderPlaced(orderID: "O2", lines: [.init(lineID: "1", sku: "HOLD-1", quantity: 2)], placedAt: noon)),
            .itemUpdated(ItemUpdated(sku: "A", settings: ItemSettings(supplier: "ACME", leadTimeDays: 3))),
            .inboundScheduled(
                InboundScheduled(
                    inboundID: "I1", location: "WH-2", expectedAt: noon, lines: [.init(sku: "B", quantity: 1)],
                    supplier: "ACME", reorderID: "RO-B-0000001")),
            .shipmentDispatched(
                ShipmentDispatched(
                    shipmentID: "S1", orderID: "O1", lines: [LineQuantity(.line("1"), quantity: 2)], location: "WH-1",
                    dispatchedAt: noon)),
            .orderPlaced(
                OrderPlaced(
                    orderID: "O3",
                    lines: [
                        .init(lineID: "1", sku: "C", quantity: 2, unitPrice: "3"),
                        .init(lineID: "2", sku: "A", quantity: 1, location: "WH-2", unitPrice: "4"),
                        .init(lineID: "3", sku: "B", quantity: 5, location: "WH-2", unitPrice: "5"),
                    ], placedAt: noon, customer: customer, requestedBy: noon, currency: "EUR")),
            .shipmentDispatched(
                ShipmentDispatched(
                    shipmentID: "S2", orderID: "O3", lines: [LineQuantity(.line("1"), quantity: 2)], location: "WH-1",
                    dispatchedAt: noon)),
        ]
    }
}
