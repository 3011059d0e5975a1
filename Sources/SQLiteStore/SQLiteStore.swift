public import BackOrderStore
internal import GRDB
public import InventoryCore

/// The books in one SQLite file: the embedded default. WAL, synchronous FULL: what `write` returned from is on disk.
///
/// Several stores on one file, in one process or many, are correct: writers take turns, readers see a snapshot.
public final class SQLiteStore: BackOrderStore {
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
        /// While transactions are gathered: at most so many become durable together, and so long others wait for theirs.
        public var gatheredTransactions: Int = 32
        public var gatheredSeconds: Double = 20
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
    /// Transactions that become durable together; nil: each does by itself.
    private var gathered: Gathered?

    private struct Gathered {
        /// Of the transaction that is open now: those in it that have returned.
        var pending = 0
        var committed = 0
        var since = ContinuousClock.now
    }

    /// Opens the file, or makes an empty one; `migrate` makes the tables.
    public init(path: String, options: Options = Options()) throws(StoreError) {
        self.path = path
        self.options = options
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
        // A gathered transaction stays open between two of ours.
        configuration.allowsUnsafeTransactions = true
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

    public func gathering<Result>(_ body: () throws -> Result) throws -> Result {
        if gathered != nil { return try body() }
        gathered = Gathered()
        let result: Result
        do {
            result = try body()
        } catch {
            // What has returned is whole; if it can't be kept either, the first cause is the one to tell.
            try? commitGathered()
            gathered = nil
            throw error
        }
        defer { gathered = nil }
        try commitGathered()
        return result
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
        if gathered != nil, begin == .beginImmediate { return try inGathered(body) }
        return try alone {
            // A read between transactions that are gathered sees what they wrote.
            if connection.isInTransaction { return try checked(isContinued: true, body) }
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

    private func checked<Result>(isContinued: Bool = false, _ body: () throws -> Result) throws -> Result {
        let found = try transaction.schemaVersion()
        if found != SQLiteSchema.wanted {
            try requireNotNewer(found)
            throw StoreError(
                .schemaMissing,
                "store \(path): its schema is version \(found), this program wants \(SQLiteSchema.wanted). Run: backorderd migrate"
            )
        }
        transaction.begin(isContinued: isContinued)
        let result = try body()
        if let failure = transaction.failure { throw failure }
        return result
    }

    // MARK: Transactions that are gathered

    /// One more transaction in the one that is open. There is no savepoint, for which SQLite would copy every page that
    /// is touched: what fails takes with it what has not been committed.
    private func inGathered<Result>(_ body: () throws -> Result) throws -> Result {
        let (result, isDue) = try alone {
            let isContinued = connection.isInTransaction
            if !isContinued {
                try connection.run(.beginImmediate)
                gathered?.pending = 0
                gathered?.since = .now
            }
            do {
                let result = try checked(isContinued: isContinued, body)
                gathered?.pending += 1
                return (result, isCommitDue)
            } catch {
                throw lost(error)
            }
        }
        if isDue { try commitGathered() }
        return result
    }

    /// The first ones soon, so that what can't be done is known before much was; then more and more at a time.
    private var isCommitDue: Bool {
        guard let gathered else { return true }
        return gathered.pending > gathered.committed || gathered.pending >= options.gatheredTransactions
            || gathered.since.duration(to: .now) >= .seconds(options.gatheredSeconds)
    }

    private func commitGathered() throws {
        try alone {
            guard connection.isInTransaction else { return }
            do {
                try connection.run(.commit)
            } catch {
                throw lost(error)
            }
            guard let pending = gathered?.pending else { return }
            gathered?.committed += pending
            gathered?.pending = 0
        }
    }

    /// Rolls back; the error tells if more went than the caller can do again.
    private func lost(_ error: any Error) -> any Error {
        rollBack()
        guard let pending = gathered?.pending, pending > 0, var failure = error as? StoreError else { return error }
        gathered?.pending = 0
        if failure.isRetriable {
            failure.code = .misconfigured
            failure.message += " What was not durable yet is undone: begin again."
        }
        return failure
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
