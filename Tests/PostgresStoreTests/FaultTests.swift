import BackOrderStore
import Foundation
import InventoryCore
import TestSupport
import Testing

@testable import PostgresStore

/// What breaks, and what the store says and does then.
@Suite(.enabled(if: Server.url != nil), .serialized) struct FaultTests {
    private func segments(_ store: PostgresStore) throws -> Int {
        try store.write { try $0.outbox(after: nil, limit: .max) }.count
    }

    // MARK: Connections

    @Test func aBackendKilledInATransactionLeavesNothingAndIsTriedAgain() throws {
        let database = Database()
        let store = try database.store()
        let other = try database.other()
        expectError(.unavailable, containing: "lost") {
            try store.write { transaction in
                _ = try transaction.appendOutbox([message("1")], at: start)
                let backend = try #require(store.backend)
                _ = try other.ask("SELECT pg_terminate_backend(\(backend))")
                _ = try transaction.outbox(after: nil, limit: 1)
            }
        }
        #expect(try segments(store) == 0)
        _ = try store.write { try $0.appendOutbox([message("2")], at: start) }
        #expect(try segments(store) == 1)
    }

    @Test func aBackendKilledBetweenTransactionsCostsOneTry() throws {
        let database = Database()
        let store = try database.store()
        let backend = try #require(store.backend)
        _ = try database.other().ask("SELECT pg_terminate_backend(\(backend), 2000)")
        expectError(.unavailable) { try store.write { _ in } }
        try store.write { _ in }
    }

    /// The server dies while it commits: nothing was committed, and the store knows that.
    @Test func aBackendKilledAtCommitCommittedNothing() throws {
        let database = Database()
        let store = try database.store()
        try database.other().execute(
            """
            CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NULL; END';
            CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON outbox DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION die();
            """)
        expectError(.unavailable, containing: "lost") {
            _ = try store.write { try $0.appendOutbox([message("1")], at: start) }
        }
        try database.other().execute("DROP TRIGGER dies ON outbox")
        #expect(try segments(store) == 0)
        _ = try store.write { try $0.appendOutbox([message("2")], at: start) }
    }

    /// The reply to COMMIT is lost. Both ways are forced; the worker's own count of commits tells them apart.
    @Test func aConnectionCutAtCommitIsFoundOutAbout() throws {
        let database = Database()
        let parts = Server.url().split(separator: "/")[1].split(separator: ":")
        let proxy = try CuttingProxy(to: try #require(UInt16(parts[parts.count - 1])))
        defer { proxy.stop() }
        let url = database.url().replacingOccurrences(of: ":\(parts[parts.count - 1])/", with: ":\(proxy.port)/")
        let store = try PostgresStore(url: url, worker: "cut")
        try store.migrate()
        _ = try store.write { try $0.appendOutbox([message("first")], at: start) }
        // The statement's name in the Bind message.
        let commit = [0] + Array("s\(PostgresQuery.commit.rawValue)".utf8) + [0]

        proxy.cutNext(.after(commit))
        let segment = try store.write { try $0.appendOutbox([message("committed")], at: start) }
        #expect(segment > 0, "it was committed, though nobody said so")
        proxy.cutNext(.before(commit))
        expectError(.unavailable) { _ = try store.write { try $0.appendOutbox([message("not")], at: start) } }
        let found = try store.write { try $0.outbox(after: nil, limit: 9) }.flatMap(\.messages).map(\.messageID)
        #expect(found == ["first", "committed"])
    }

    @Test func theServerRestartsBetweenTransactions() throws {
        guard let folder = Server.folder else { return }
        let database = Database()
        let store = try database.store()
        _ = try store.write { try $0.appendOutbox([message("1")], at: start) }
        try tool("kill", folder)
        expectError(.unavailable) { try store.write { _ in } }
        expectError(.unavailable, containing: "server running") { try store.write { _ in } }
        try tool("start", folder)
        var attempts = 0
        while attempts < 50 {
            attempts += 1
            do {
                _ = try store.write { try $0.appendOutbox([message("2")], at: start) }
                break
            } catch let error as StoreError {
                #expect(error.isRetriable, "\(error)")
                usleep(100_000)
            }
        }
        #expect(try segments(store) == 2)
    }

    private func tool(_ command: String, _ folder: String) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let process = Process()
        process.executableURL = root.appendingPathComponent("deploy/lib/private-postgres")
        process.arguments = [command, folder]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    // MARK: Failover

    /// A balancer whose server is dead takes the connection and closes it; libpq alone would not try the next host.
    @Test func aHostThatClosesTheConnectionIsPassedOver() throws {
        let database = Database()
        let parts = Server.url().split(separator: "/")[1].split(separator: ":")
        let deadEnd = try CuttingProxy(to: 1)
        defer { deadEnd.stop() }
        let url = database.url().replacingOccurrences(
            of: "127.0.0.1:\(parts[parts.count - 1])/",
            with: "127.0.0.1:\(deadEnd.port),127.0.0.1:\(parts[parts.count - 1])/")
        #expect(url.contains(","))
        let store = try PostgresStore(url: url, worker: "two hosts")
        try store.migrate()
        _ = try store.write { try $0.appendOutbox([message("1")], at: start) }
        #expect(try segments(store) == 1)
        let nowhere = "postgres://u@127.0.0.1:\(deadEnd.port),127.0.0.1:\(deadEnd.port)/x"
        expectError(.unavailable, containing: "tried again") { _ = try PostgresStore(url: nowhere, worker: "none") }
    }

    /// A server that knows less than this process saw committed: what was acknowledged is gone.
    @Test func commitsThatWereLostAreToldLoudlyAndNothingMoreIsDone() throws {
        let database = Database()
        let store = try database.store()
        for number in 0..<3 { _ = try store.write { try $0.appendOutbox([message("\(number)")], at: start) } }
        let other = try database.other()
        let before = try other.ask("SELECT worker FROM worker_commit").text(0, 0)
        // As if a standby that was one commit behind had taken over.
        try other.execute("UPDATE worker_commit SET sequence = sequence - 1 WHERE worker = '\(before)'")
        let backend = try #require(store.backend)
        _ = try other.ask("SELECT pg_terminate_backend(\(backend), 2000)")
        expectError(.corrupt, containing: "COMMITS WERE LOST") { try store.write { _ in } }
        expectError(.corrupt, containing: "COMMITS WERE LOST") { try store.write { _ in } }
        expectError(.corrupt, containing: "COMMITS WERE LOST") { _ = try store.read { try $0.totals() } }
        // Another process knows nothing of it, and goes on.
        try database.store(worker: "another").write { _ in }
    }

    // MARK: Roles

    @Test func aRoleThatMayOnlyReadIsToldSo() throws {
        let database = Database()
        try database.store().close()
        let other = try database.other()
        let role = "r\(database.schema.prefix(12))"
        try other.execute(
            """
            CREATE ROLE \(role) LOGIN PASSWORD 'se%cret-word';
            GRANT USAGE ON SCHEMA \(database.schema) TO \(role);
            GRANT SELECT ON ALL TABLES IN SCHEMA \(database.schema) TO \(role);
            """)
        defer { try? other.execute("DROP OWNED BY \(role); DROP ROLE \(role)") }
        let url = replacingUser(database.url(), role, "se%25cret-word")
        let store = try PostgresStore(url: url, worker: "reader")
        #expect(try store.read { try $0.totals() } == StoreTotals())
        expectError(.misconfigured, containing: "permission denied") {
            _ = try store.write { try $0.appendOutbox([], at: start) }
        }
        // A session that takes no changes is no place for the books at all.
        expectError(.unavailable, containing: "read-only") {
            _ = try PostgresStore(url: database.url("-cdefault_transaction_read_only%3Don"), worker: "w")
        }
    }

    /// After migrate a role needs no right to make or change tables.
    @Test func aRoleWithoutRightsToTheSchemaRuns() throws {
        let database = Database()
        try database.store().close()
        let other = try database.other()
        let role = "d\(database.schema.prefix(12))"
        try other.execute(
            """
            CREATE ROLE \(role) LOGIN PASSWORD 'pw';
            GRANT USAGE ON SCHEMA \(database.schema) TO \(role);
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA \(database.schema) TO \(role);
            GRANT USAGE ON ALL SEQUENCES IN SCHEMA \(database.schema) TO \(role);
            REVOKE INSERT, UPDATE, DELETE ON \(database.schema).schema_version FROM \(role);
            """)
        defer { try? other.execute("DROP OWNED BY \(role); DROP ROLE \(role)") }
        let store = try PostgresStore(url: replacingUser(database.url(), role, "pw"), worker: "w")
        try store.migrate()
        try store.write { transaction in
            try writeSomeOfAll(transaction)
        }
        #expect(try store.read { try $0.totals() }.orders == 1)
    }

    private func replacingUser(_ url: String, _ user: String, _ password: String) -> String {
        guard let at = url.firstIndex(of: "@") else { return url }
        return "postgres://\(user):\(password)" + url[at...]
    }

    @Test func aWrongPasswordIsToldWithoutIt() throws {
        let url = replacingUser(Server.url(), "backorderd", "Wr0ng-se%25cret")
        do {
            _ = try PostgresStore(url: url, worker: "w")
            Issue.record("nothing was thrown")
        } catch {
            #expect(error.code == .misconfigured, "\(error.message)")
            #expect(error.message.contains("password"), "\(error.message)")
            #expect(!error.message.contains("Wr0ng"), "\(error.message)")
        }
    }

    @Test func addressesThatCanNotBeUsedSayWhy() throws {
        for url in [
            "postgres://u:S3cret@host/db?no_such=1", "postgres://u:S3cret@host:12:13/%zz", "postgres://[::1/S3cret",
        ] {
            expectError(.misconfigured, containing: "store.url") { _ = try PostgresStore(url: url, worker: "w") }
            do { _ = try PostgresStore(url: url, worker: "w") } catch { #expect(!error.message.contains("S3cret")) }
        }
        expectError(.unavailable, containing: "127.0.0.1:1") {
            _ = try PostgresStore(url: "postgres://u:S3cret@127.0.0.1:1/db?connect_timeout=2", worker: "w")
        }
        expectError(.misconfigured, containing: "Create the database") {
            _ = try PostgresStore(url: Server.url().replacingOccurrences(of: "/postgres", with: "/none"), worker: "w")
        }
        // The second of two hosts is the one that is there.
        let parts = Server.url().split(separator: "@")
        let store = try PostgresStore(url: "\(parts[0])@127.0.0.1:1,\(parts[1])", worker: "w")
        _ = try store.schemaVersion()
    }

    @Test func aClosedStoreSaysSo() throws {
        let store = try Database().store()
        store.close()
        store.close()
        expectError(.misconfigured, containing: "closed") { try store.write { _ in } }
    }

    // MARK: Schema

    @Test func schemaComesFromScratchAndIsNamed() throws {
        let database = Database()
        let store = try PostgresStore(url: database.url(), worker: "w")
        #expect(try store.schemaVersion() == (0, PostgresSchema.wanted))
        expectError(.schemaMissing, containing: "migrate") { try store.write { _ in } }
        expectError(.schemaMissing) { try store.read { _ in } }
        try store.migrate()
        #expect(try store.schemaVersion() == (PostgresSchema.wanted, PostgresSchema.wanted))
        try store.migrate()
        try store.write { _ in }
    }

    @Test func fourMigrateAtOnce() throws {
        let database = Database()
        atOnce(4) { number in
            let store = try PostgresStore(url: database.url(), worker: "w\(number)")
            try store.migrate()
            _ = try store.write { try $0.appendOutbox([], at: start) }
        }
        #expect(try segments(try database.store()) == 4)
    }

    @Test func theStepsComeOneByOne() throws {
        let database = Database()
        let other = try database.other()
        try other.execute("CREATE SCHEMA \(database.schema)")
        try other.execute(
            PostgresSchema.version + PostgresSchema.first + "INSERT INTO schema_version VALUES (true, 1, 1)")
        let store = try PostgresStore(url: database.url(), worker: "w")
        #expect(try store.schemaVersion().found == 1)
        expectError(.schemaMissing, containing: "version 1") { try store.write { _ in } }
        try store.migrate()
        #expect(try store.schemaVersion().found == PostgresSchema.wanted)
        try store.write { _ in }
    }

    @Test func aNewerSchemaIsLeftAloneUnlessItSaysThatWeMayGoOn() throws {
        let database = Database()
        let store = try database.store()
        let other = try database.other()
        try other.execute("UPDATE schema_version SET version = 99, oldest_program = 98")
        expectError(.schemaTooNew, containing: "99") { try store.migrate() }
        expectError(.schemaTooNew) { try store.write { _ in } }
        expectError(.schemaTooNew) { try store.read { _ in } }
        #expect(try store.schemaVersion().found == 99)
        // Workers are exchanged one by one: the older ones go on beside the newer.
        try other.execute("UPDATE schema_version SET oldest_program = \(PostgresSchema.wanted)")
        try store.migrate()
        try store.write { _ in }
        #expect(try store.schemaVersion().found == 99)
    }

    @Test func aMigrationThatFailsLeavesNothing() throws {
        let database = Database()
        let other = try database.other()
        try other.execute("CREATE SCHEMA \(database.schema); CREATE TABLE outbox (x int)")
        let store = try PostgresStore(url: database.url(), worker: "w")
        #expect(throws: StoreError.self) { try store.migrate() }
        #expect(try store.schemaVersion().found == 0)
        try other.execute("DROP TABLE outbox")
        try store.migrate()
        try store.write { _ in }
    }

    @Test func checksOfTheDatabaseHoldWithoutThisProgram() throws {
        let database = Database()
        let store = try database.store()
        try store.write { try writeSomeOfAll($0) }
        let other = try database.other()
        for sql in [
            "UPDATE stock SET allocated = on_hand + 1", "UPDATE stock SET on_hand = -1",
            "UPDATE order_line SET waiting = waiting - 1", "UPDATE order_line SET held = 1",
            "UPDATE order_line SET cancelled = -1", "UPDATE waiting_lane SET lines = units + 1",
            "UPDATE supply SET outstanding = -1",
        ] {
            #expect(throws: StoreError.self, "\(sql)") { try other.execute(sql) }
        }
    }

    @Test func damageIsCorruptAndNamed() throws {
        let database = Database()
        let store = try database.store()
        _ = try store.write { try $0.appendOutbox([message("1")], at: start) }
        try database.other().execute("UPDATE outbox SET messages = '\\x0102'")
        expectError(.corrupt, containing: "segment") { _ = try segments(store) }
    }

    @Test func sessionsAreAsDesigned() throws {
        let database = Database()
        let store = try database.store()
        try store.read { queries in
            let transaction = try #require(queries as? PostgresTransaction)
            for (name, wanted) in [
                ("statement_timeout", "30s"), ("lock_timeout", "10s"), ("synchronous_commit", "on"),
                ("idle_in_transaction_session_timeout", "10s"), ("enable_seqscan", "off"),
                ("plan_cache_mode", "force_generic_plan"), ("transaction_isolation", "repeatable read"),
            ] {
                #expect(try transaction.answer("SELECT current_setting('\(name)')").text(0, 0) == wanted, "\(name)")
            }
        }
    }

    /// Every kept statement finds its rows by an index, also on tables that were never analysed.
    @Test func everyStatementUsesAnIndex() throws {
        let database = Database()
        _ = try database.store()
        let link = try database.other()
        // The sweep's own tables, the parked messages and the leases (one for each worker) are small; the outbox is
        // freed when a worker begins, ends or has died.
        let free: Set<PostgresQuery> = [
            .begin, .beginReading, .commit, .rollback, .version, .marks, .lockMarks, .ordersToTell, .leader, .setLeader,
            .pruneLeases, .freeOutbox,
        ]
        for query in PostgresQuery.allCases where !free.contains(query) {
            let count = (1...30).last { query.sql.contains("$\($0)::") } ?? 0
            let nulls = Array(repeating: "NULL", count: count).joined(separator: ", ")
            try link.execute("PREPARE q AS \(query.sql)")
            try link.execute(
                "SELECT set_config('backorderd.skus', '{1}', false), set_config('backorderd.orders', '{1}', false)")
            let plan = try link.ask("EXPLAIN EXECUTE q\(count > 0 ? "(\(nulls))" : "")")
            for row in 0..<plan.count {
                #expect(!plan.text(row, 0).contains("Seq Scan"), "\(query): \(plan.text(row, 0))")
            }
            try link.execute("DEALLOCATE q")
        }
    }
}
