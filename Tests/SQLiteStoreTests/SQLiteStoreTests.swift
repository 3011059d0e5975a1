import BackOrderStore
import Foundation
import GRDB
import InventoryCore
import TestSupport
import Testing

@testable import SQLiteStore

/// A folder that goes with its test.
final class Folder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/backorderd-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func file(_ name: String = "store.db") -> String { path + "/" + name }

    func store(_ name: String = "store.db", _ options: SQLiteStore.Options = SQLiteStore.Options()) throws
        -> SQLiteStore
    {
        let store = try SQLiteStore(path: file(name), options: options)
        try store.migrate()
        return store
    }
}

func segmentCount(_ store: SQLiteStore) throws -> Int {
    try store.write { try $0.outbox(after: nil, limit: .max) }.count
}

func message(_ id: String, bytes: Int = 10) -> OutboxMessage {
    OutboxMessage(
        destination: .output, routingKey: "k", messageID: id, type: "t", body: [UInt8](repeating: 7, count: bytes))
}

let start = Instant(microseconds: 1)

func expectError(_ code: StoreError.Code, containing part: String = "", _ body: () throws -> Void) {
    do {
        try body()
        Issue.record("nothing was thrown")
    } catch let error as StoreError {
        #expect(error.code == code, "\(error.message)")
        #expect(part.isEmpty || error.message.contains(part), "\(error.message)")
    } catch {
        Issue.record("\(error)")
    }
}

@Suite struct SQLiteStoreTests {
    @Test(arguments: StoreConformance.cases) func conforms(_ conformance: StoreConformance.Case) throws {
        let folder = try Folder()
        var number = 0
        try conformance.run {
            number += 1
            return try folder.store("\(number).db")
        }
    }

    /// The same, each transaction in a store that has just been opened: nothing may live in the store value alone.
    @Test(arguments: StoreConformance.cases) func conformsReopened(_ conformance: StoreConformance.Case) throws {
        let folder = try Folder()
        var number = 0
        try conformance.run {
            number += 1
            try folder.store("\(number).db").close()
            return Reopening(path: folder.file("\(number).db"))
        }
    }

    // MARK: Several on one file

    @Test func readsSeeASnapshotWhileAnotherWrites() throws {
        let folder = try Folder()
        let writer = try folder.store()
        let reader = try folder.store()
        try writer.write { transaction in
            _ = try transaction.appendOutbox([message("1")], at: start)
            #expect(try reader.read { try $0.totals() }.outboxMessages == 0)
        }
        try reader.read { queries in
            #expect(try queries.totals().outboxMessages == 1)
            _ = try writer.write { try $0.appendOutbox([message("2")], at: start) }
            #expect(try queries.totals().outboxMessages == 1)
        }
        #expect(try reader.read { try $0.totals() }.outboxMessages == 2)
    }

    @Test func twoThreadsWriteAtOnce() throws {
        let folder = try Folder()
        try folder.store().close()
        let path = folder.file()
        let rounds = 150
        let threads = (0..<2).map { worker in
            Thread {
                do {
                    let store = try SQLiteStore(path: path)
                    for round in 0..<rounds {
                        try store.write { transaction in
                            // Both count the same item up: a lost update would show.
                            let sku = SKU("S\(round % 3)")
                            let known = try transaction.items([sku]).first
                            var item = known ?? Item(sku: sku)
                            item.onOrder += 1
                            var changes = Changes()
                            changes.items = [
                                .init(
                                    item: item, isNew: known == nil, headChanged: true, stock: [], lanes: [],
                                    deficitsChanged: false)
                            ]
                            var line = OrderLine(lineID: "1", sku: SKU("W\(worker)-\(round)"), ordered: 1)
                            line.waiting = 1
                            changes.orders = [
                                .init(
                                    order: Order(
                                        orderID: OrderID("o\(worker)-\(round)"), placedAt: start, lines: [line]),
                                    isNew: true, lines: [0], lead: 0)
                            ]
                            try transaction.apply(changes)
                        }
                    }
                } catch {
                    Issue.record("\(error)")
                }
            }
        }
        for thread in threads { thread.start() }
        let deadline = Date(timeIntervalSinceNow: 60)
        while threads.contains(where: { !$0.isFinished }), Date() < deadline { usleep(5000) }
        let store = try folder.store()
        let items = try store.write { try $0.items(["S0", "S1", "S2"]) }
        #expect(items.map(\.onOrder).reduce(0, +) == Units(2 * rounds))
        for worker in 0..<2 {
            for round in 0..<rounds {
                #expect(
                    try store.write {
                        try $0.waitingLines(sku: SKU("W\(worker)-\(round)"), pin: nil, after: nil, limit: 9)
                    }.map(\.key.orderID) == [OrderID("o\(worker)-\(round)")])
            }
        }
    }

    @Test func newFileIsMadeByManyAtOnce() throws {
        let folder = try Folder()
        let path = folder.file()
        let threads = (0..<4).map { _ in
            Thread {
                do {
                    let store = try SQLiteStore(path: path)
                    try store.migrate()
                    _ = try store.write { try $0.appendOutbox([], at: start) }
                } catch {
                    Issue.record("\(error)")
                }
            }
        }
        for thread in threads { thread.start() }
        let deadline = Date(timeIntervalSinceNow: 60)
        while threads.contains(where: { !$0.isFinished }), Date() < deadline { usleep(5000) }
        #expect(try segmentCount(try folder.store()) == 4)
    }

    @Test func aLockedFileIsUnavailable() throws {
        let folder = try Folder()
        let first = try folder.store()
        var options = SQLiteStore.Options()
        options.busySeconds = 0.05
        let second = try folder.store("store.db", options)
        try first.write { _ in
            expectError(.unavailable, containing: folder.file()) { try second.write { _ in } }
        }
        try second.write { _ in }
    }

    // MARK: Crashes

    @Test func filesCopiedInTheMiddleOfATransactionHoldWhatWasCommitted() throws {
        let folder = try Folder()
        let store = try folder.store()
        for number in 0..<20 {
            _ = try store.write { try $0.appendOutbox([message("\(number)", bytes: 5000)], at: start) }
        }
        try store.write { transaction in
            // More than the page cache holds, so that uncommitted pages are in the log too.
            for number in 20..<30 {
                _ = try transaction.appendOutbox([message("\(number)", bytes: 4_000_000)], at: start)
            }
            for suffix in ["", "-wal"] {
                try FileManager.default.copyItem(
                    atPath: folder.file() + suffix, toPath: folder.file("copy.db") + suffix)
            }
        }
        let copy = try folder.store("copy.db")
        #expect(try segmentCount(copy) == 20)
        #expect(try copy.write { try $0.appendOutbox([], at: start) } > 20)
    }

    @Test func aProcessKilledInTheMiddleOfATransactionLeavesNothingOfIt() throws {
        let folder = try Folder()
        let store = try folder.store()
        _ = try store.write { try $0.appendOutbox([message("1")], at: start) }
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/usr/bin/sqlite3")
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/sqlite3") else { return }
        shell.arguments = ["-batch", folder.file()]
        let input = Pipe()
        let output = Pipe()
        shell.standardInput = input
        shell.standardOutput = output
        try shell.run()
        input.fileHandleForWriting.write(
            Data(
                """
                PRAGMA cache_size = 10;
                BEGIN IMMEDIATE;
                WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000)
                INSERT INTO outbox (created_at, message_count, messages) SELECT 1, 1, randomblob(3000) FROM n;
                DELETE FROM outbox WHERE segment = 1;
                .print ready

                """.utf8))
        #expect(String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).contains("ready"))
        kill(shell.processIdentifier, SIGKILL)
        shell.waitUntilExit()
        #expect(try segmentCount(store) == 1)
        store.close()
        let again = try folder.store()
        #expect(try segmentCount(again) == 1)
        _ = try again.write { try $0.appendOutbox([message("2")], at: start) }
    }

    // MARK: Schema

    @Test func schemaComesFromScratchAndIsNamed() throws {
        let folder = try Folder()
        let store = try SQLiteStore(path: folder.file())
        #expect(try store.schemaVersion() == (0, SQLiteSchema.wanted))
        expectError(.schemaMissing, containing: "migrate") { try store.write { _ in } }
        expectError(.schemaMissing) { try store.read { _ in } }
        try store.migrate()
        #expect(try store.schemaVersion() == (SQLiteSchema.wanted, SQLiteSchema.wanted))
        try store.migrate()
    }

    @Test func aNewerSchemaIsLeftAlone() throws {
        let folder = try Folder()
        let store = try folder.store()
        let other = try DatabaseQueue(path: folder.file())
        try other.inDatabase { try $0.execute(sql: "PRAGMA user_version = 99") }
        expectError(.schemaTooNew, containing: "99") { try store.migrate() }
        expectError(.schemaTooNew) { try store.write { _ in } }
        expectError(.schemaTooNew) { try store.read { _ in } }
        #expect(try store.schemaVersion().found == 99)
        expectError(.schemaTooNew) { try folder.store().close() }
    }

    @Test func aMigrationThatFailsLeavesNothing() throws {
        let folder = try Folder()
        let store = try SQLiteStore(path: folder.file())
        let other = try DatabaseQueue(path: folder.file())
        try other.inDatabase { try $0.execute(sql: "CREATE TABLE outbox (x)") }
        #expect(throws: StoreError.self) { try store.migrate() }
        #expect(try store.schemaVersion().found == 0)
        try other.inDatabase { try $0.execute(sql: "DROP TABLE outbox") }
        try store.migrate()
    }

    // MARK: Paths

    @Test func pathsThatCanNotBeUsedSayWhy() throws {
        let folder = try Folder()
        func refused(_ path: String, _ part: String) {
            expectError(.misconfigured, containing: part) { _ = try SQLiteStore(path: path) }
            expectError(.misconfigured, containing: path) { _ = try SQLiteStore(path: path) }
        }
        refused(folder.file("none/store.db"), "is not there")
        refused(folder.path, "this is a folder")
        refused("/proc/store.db", "")
        refused("", "name a file")
        refused(":memory:", "name a file")
        try Data((0..<9000).map { UInt8($0 % 251) }).write(to: URL(fileURLWithPath: folder.file("noise.db")))
        refused(folder.file("noise.db"), "not an SQLite database")
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("noise.db"))).count == 9000)
        try Data("x".utf8).write(to: URL(fileURLWithPath: folder.file("plain")))
        refused(folder.file("plain/store.db"), "not a folder")
        try DatabaseQueue(path: folder.file("other.db")).inDatabase { try $0.execute(sql: "CREATE TABLE t (x)") }
        refused(folder.file("other.db"), "another program")
        if geteuid() != 0 {
            try folder.store("locked.db").close()
            chmod(folder.file("locked.db"), 0o400)
            refused(folder.file("locked.db"), "write access")
        }
    }

    @Test func aFullDiskIsUnavailableAndLeavesNothing() throws {
        let folder = try Folder()
        var options = SQLiteStore.Options()
        options.maximumPages = 200
        let store = try folder.store("store.db", options)
        _ = try store.write { try $0.appendOutbox([message("1")], at: start) }
        expectError(.unavailable, containing: "full") {
            _ = try store.write { try $0.appendOutbox([message("2", bytes: 2_000_000)], at: start) }
        }
        #expect(try segmentCount(store) == 1)
        _ = try store.write { try $0.appendOutbox([message("3")], at: start) }
    }

    @Test func aClosedStoreSaysSo() throws {
        let folder = try Folder()
        let store = try folder.store()
        store.close()
        store.close()
        expectError(.misconfigured, containing: "closed") { try store.write { _ in } }
    }

    @Test func damageIsCorruptAndNamed() throws {
        let folder = try Folder()
        let store = try folder.store()
        _ = try store.write { try $0.appendOutbox([message("1")], at: start) }
        let other = try DatabaseQueue(path: folder.file())
        try other.inDatabase { try $0.execute(sql: "UPDATE outbox SET messages = x'0102'") }
        expectError(.corrupt, containing: folder.file()) { _ = try segmentCount(store) }
    }

    @Test func checksOfTheDatabaseHoldWithoutThisProgram() throws {
        let folder = try Folder()
        let store = try folder.store()
        try store.write { transaction in
            var changes = Changes()
            changes.items = [
                .init(
                    item: Item(sku: "S", stock: [Stock(location: "a", onHand: 1)]), isNew: true, headChanged: true,
                    stock: [0], lanes: [], deficitsChanged: false)
            ]
            var line = OrderLine(lineID: "1", sku: "S", ordered: 5)
            line.waiting = 5
            changes.orders = [
                .init(order: Order(orderID: "o", placedAt: start, lines: [line]), isNew: true, lines: [0], lead: 0)
            ]
            try transaction.apply(changes)
        }
        let other = try DatabaseQueue(path: folder.file())
        for sql in [
            "UPDATE stock SET allocated = 2", "UPDATE stock SET on_hand = -1", "UPDATE order_line SET waiting = 4",
            "UPDATE order_line SET held = 1", "UPDATE order_line SET waiting = 'x'",
            "UPDATE order_line SET cancelled = -1",
        ] {
            #expect(throws: DatabaseError.self, "\(sql)") { try other.inDatabase { try $0.execute(sql: sql) } }
        }
    }

    @Test func settingsAreAsDesigned() throws {
        let folder = try Folder()
        let store = try folder.store()
        func pragma(_ name: String) throws -> Int64 {
            let sql = "PRAGMA \(name)"
            let statement = try store.connection.borrow(sql)
            defer { store.connection.giveBack(statement, sql) }
            _ = try store.connection.next(statement)
            return statement.integer(0)
        }
        #expect(try pragma("synchronous") == 2)
        #expect(try pragma("cache_size") == -16_384)
        #expect(try pragma("mmap_size") == 0)
        let sql = "PRAGMA journal_mode"
        let statement = try store.connection.borrow(sql)
        defer { store.connection.giveBack(statement, sql) }
        _ = try store.connection.next(statement)
        #expect(statement.text(0) == "wal")
    }

    // MARK: Plans

    /// Every kept statement finds its rows by an index and sorts nothing.
    @Test func everyStatementUsesAnIndexAndSortsNothing() throws {
        let folder = try Folder()
        let store = try folder.store()
        // The sweep's own tables are small, and what passed is grouped by SKU from an index on the date.
        let free: Set<SQLiteQuery> = [
            .beginImmediate, .beginDeferred, .commit, .rollback, .userVersion, .anyParked, .marks, .marksAfter,
            .ordersToTell, .passedPromises, .passedSupply, .leader,
        ]
        for query in SQLiteQuery.allCases where !free.contains(query) {
            let sql = "EXPLAIN QUERY PLAN " + query.sql
            let statement = try store.connection.borrow(sql)
            defer { store.connection.giveBack(statement, sql) }
            while try store.connection.next(statement) {
                let step = statement.text(3)
                #expect(!step.contains("TEMP B-TREE"), "\(query): \(step)")
                #expect(!step.hasPrefix("SCAN"), "\(query): \(step)")
            }
        }
        for (query, wanted) in [
            (SQLiteQuery.waitingFirst, "line_waiting (sku_id=? AND pin=?)"),
            (.waitingAfter, "line_waiting (sku_id=? AND pin=? AND (lead,rank,placed_at,order_id)>(?,?,?,?))"),
            (.waitingBefore, "line_waiting (sku_id=? AND pin=? AND (lead,rank,placed_at,order_id)<(?,?,?,?))"),
            (.allocatedBefore, "line_allocated (sku_id=? AND (lead,rank,placed_at,order_id)<(?,?,?,?))"),
            (.heldAfter, "line_held (sku_id=? AND (lead,rank,placed_at,order_id)>(?,?,?,?))"),
            (.outstandingAfter, "supply_outstanding (sku_id=? AND <expr>>?)"),
            (.outstandingLast, "supply_outstanding (sku_id=? AND <expr><?)"),
            (.passedPromises, "line_promised (promised_at>? AND promised_at<?)"),
            (.passedSupply, "supply_due (expected_at>? AND expected_at<?)"),
            (.nextPromise, "line_promised"), (.nextSupply, "supply_due (expected_at>?)"),
        ] {
            let sql = "EXPLAIN QUERY PLAN " + query.sql
            let statement = try store.connection.borrow(sql)
            defer { store.connection.giveBack(statement, sql) }
            _ = try store.connection.next(statement)
            #expect(statement.text(3).contains(wanted), "\(query): \(statement.text(3))")
        }
    }
}

/// Opens the file anew for every call.
final class Reopening: BackOrderStore {
    let path: String

    init(path: String) {
        self.path = path
    }

    private func opened<Result>(_ body: (SQLiteStore) throws -> Result) throws -> Result {
        let store = try SQLiteStore(path: path)
        defer { store.close() }
        return try body(store)
    }

    func write<Result>(_ body: (any StoreTransaction) throws -> Result) throws -> Result {
        try opened { try $0.write(body) }
    }

    func read<Result>(_ body: (any StoreQueries) throws -> Result) throws -> Result {
        try opened { try $0.read(body) }
    }

    func migrate() throws { try opened { try $0.migrate() } }
    func schemaVersion() throws -> (found: Int, wanted: Int) { try opened { try $0.schemaVersion() } }
    func adopt(_ strategy: InventoryCore.Strategy) throws { try opened { try $0.adopt(strategy) } }
    func close() {}
}
