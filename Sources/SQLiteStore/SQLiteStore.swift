public import BackOrderStore
internal import GRDB
public import InventoryCore

/// The books in one SQLite file: the embedded default. WAL, synchronous FULL: what `write` returned from is on disk.
///
/// Several stores on one file, in one process or many, are correct: writers take turns, readers see a snapshot.
public final class SQLiteStore: SnapshotStore {
    /// Bounds that tests and benchmarks turn; the defaults are measured.
    public struct Options: Sendable {
        /// How long to wait for another writer before `StoreError.unavailable`.
        public var busySeconds: Double = 5
        public var cacheKiB: Int = 16_384
        /// Of a file that is made; one that is there keeps its own.
        public var pageBytes: Int = 4_096
        /// The log is written back to the file when it has this many pages of 4 KiB.
        public var checkpointPages: Int = 16_000
        /// SKUs whose numbers are kept in memory: more than one transaction names.
        public var knownSKUs: Int = 32_768
        /// The file grows no further than this many pages of 4 KiB. nil: no bound.
        public var maximumPages: Int?

        public init() {}
    }

    private let path: String
    private let queue: DatabaseQueue
    let connection: SQLiteConnection
    private let transaction: SQLiteTransaction
    private let options: Options
    private var isClosed = false

    /// Opens the file, or makes an empty one; `migrate` makes the tables.
    public init(path: String, options: Options = Options()) throws(StoreError) {
        self.path = path
        self.options = options
        SQLitePlumbing.setUp
        queue = try Self.open(path, options)
        let (handle, isReadOnly, applicationID, tables): (OpaquePointer?, Bool, Int64, Int64)
        do {
            (handle, isReadOnly, applicationID, tables) = try queue.inDatabase { database in
                (
                    database.sqliteConnection, SQLitePlumbing.isReadOnly(database.sqliteConnection),
                    try Int64.fetchOne(database, sql: "PRAGMA application_id") ?? 0,
                    try Int64.fetchOne(database, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
                )
            }
        } catch {
            throw SQLiteErrors.error(error, path: path, isOpening: true)
        }
        guard let handle else { throw StoreError(.misconfigured, "store \(path): the connection is gone") }
        if isReadOnly {
            throw StoreError(
                .misconfigured,
                "store \(path): the file can only be read. Give this user write access to the file and its folder.")
        }
        if applicationID != SQLiteSchema.applicationID, applicationID != 0 || tables > 0 {
            throw StoreError(
                .misconfigured,
                "store \(path): this SQLite file belongs to another program. Name a file of backorderd's own; it was not changed."
            )
        }
        connection = SQLiteConnection(handle: handle, path: path)
        transaction = SQLiteTransaction(connection, knownSKUs: options.knownSKUs)
    }

    deinit {
        close()
    }

    private static func open(_ path: String, _ options: Options) throws(StoreError) -> DatabaseQueue {
        if path.isEmpty || path.hasPrefix(":") || path.hasPrefix("file:") {
            throw StoreError(.misconfigured, "store \(path): name a file, as in /var/lib/backorderd/store.db")
        }
        if let problem = SQLitePlumbing.problem(withFolderOf: path) {
            throw StoreError(.misconfigured, "store \(path): \(problem)")
        }
        var configuration = GRDB.Configuration()
        configuration.label = "backorderd.store"
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .timeout(options.busySeconds)
        configuration.prepareDatabase { database in
            try database.execute(
                sql: """
                    PRAGMA page_size = \(options.pageBytes);
                    PRAGMA journal_mode = WAL;
                    PRAGMA synchronous = FULL;
                    PRAGMA cache_size = -\(options.cacheKiB);
                    PRAGMA wal_autocheckpoint = \(options.checkpointPages);
                    PRAGMA journal_size_limit = 67108864;
                    PRAGMA temp_store = MEMORY;
                    PRAGMA secure_delete = OFF;
                    PRAGMA mmap_size = 0;
                    PRAGMA trusted_schema = OFF;
                    """)
            if let pages = options.maximumPages { try database.execute(sql: "PRAGMA max_page_count = \(pages)") }
        }
        // The first openers of a new file race for its journal mode, for which SQLite does not wait.
        var attempts = 0
        while true {
            do {
                return try DatabaseQueue(path: path, configuration: configuration)
            } catch {
                attempts += 1
                let known = SQLiteErrors.error(error, path: path, isOpening: true)
                if !known.isRetriable || Double(attempts) * 0.02 > options.busySeconds { throw known }
                SQLitePlumbing.pause(milliseconds: 20)
            }
        }
    }

    // MARK: BackOrderStore

    public func write<Result>(_ body: (any StoreTransaction) throws -> Result) throws -> Result {
        try inTransaction(.beginImmediate) { try body(transaction) }
    }

    public func read<Result>(_ body: (any StoreQueries) throws -> Result) throws -> Result {
        try inTransaction(.beginDeferred) { try body(transaction) }
    }

    public func snapshot<Result>(_ body: (any BatchReader) throws -> Result) throws -> Result {
        try inTransaction(.beginDeferred) { try body(transaction) }
    }

    public func schemaVersion() throws -> (found: Int, wanted: Int) {
        try alone { (try transaction.schemaVersion(), SQLiteSchema.wanted) }
    }

    public func migrate() throws {
        try alone {
            try requireNotNewer(try transaction.schemaVersion())
            if try transaction.schemaVersion() == SQLiteSchema.wanted { return }
            try connection.run(.beginImmediate)
            do {
                // Another worker may have been first.
                let found = try transaction.schemaVersion()
                try requireNotNewer(found)
                for step in SQLiteSchema.steps[found...] { try connection.execute(step) }
                try connection.execute(
                    "PRAGMA application_id = \(SQLiteSchema.applicationID); PRAGMA user_version = \(SQLiteSchema.wanted)"
                )
                try connection.run(.commit)
            } catch {
                rollBack()
                throw error
            }
        }
    }

    public func adopt(_ strategy: Strategy) throws {
        let isKnown = try inTransaction(.beginDeferred) { try transaction.recordedStrategy() == strategy.rawValue }
        if isKnown { return }
        try inTransaction(.beginImmediate) { try transaction.adopt(strategy) }
    }

    public func close() {
        if isClosed { return }
        isClosed = true
        queue.inDatabase { _ in connection.finalize() }
        // Nothing can be done about a close that fails; the file is whole in any case.
        try? queue.close()
    }

    // MARK: Transactions

    private func inTransaction<Result>(_ begin: SQLiteQuery, _ body: () throws -> Result) throws -> Result {
        try alone {
            try connection.run(begin)
            do {
                let result = try checked(body)
                try connection.run(.commit)
                return result
            } catch {
                rollBack()
                throw error
            }
        }
    }

    private func checked<Result>(_ body: () throws -> Result) throws -> Result {
        let found = try transaction.schemaVersion()
        if found != SQLiteSchema.wanted {
            try requireNotNewer(found)
            throw StoreError(
                .schemaMissing,
                "store \(path): its schema is version \(found), this program wants \(SQLiteSchema.wanted). Run: backorderd migrate"
            )
        }
        transaction.begin()
        let result = try body()
        if let failure = transaction.failure { throw failure }
        return result
    }

    private func rollBack() {
        transaction.forget()
        // SQLite has rolled back by itself after some errors.
        if connection.isInTransaction { try? connection.run(.rollback) }
    }

    private func alone<Result>(_ body: () throws -> Result) throws -> Result {
        if isClosed { throw StoreError(.misconfigured, "store \(path): it was closed") }
        return try queue.inDatabase { _ in try body() }
    }

    private func requireNotNewer(_ found: Int) throws(StoreError) {
        if found <= SQLiteSchema.wanted { return }
        throw StoreError(
            .schemaTooNew,
            """
            store \(path): its schema is version \(found), made by a newer backorderd; this one knows \
            \(SQLiteSchema.wanted). Run the newer program, or restore a backup from before it.
            """)
    }
}
