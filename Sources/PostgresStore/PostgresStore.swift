public import BackOrderStore
public import InventoryCore

/// The books in PostgreSQL: for many workers on many hosts.
///
/// One value is one connection, used by one thread at a time. It is made anew at the next transaction after it broke.
/// `docs/decisions/0013-locks-in-postgres.md` says what is locked, in which order and why.
public final class PostgresStore: BackOrderStore {
    private let address: PostgresAddress
    private var transaction: PostgresTransaction?
    private var isClosed = false
    /// A server was reached once: from then on one that can't be reached is waited for, whatever it says.
    private var hasWorked = false
    private var watch: CommitWatch
    private var closedRoundTrips = 0

    /// Connects. `worker` names this store among all that work on the database (it need not outlive the process).
    public init(url: String, worker: String) throws(StoreError) {
        address = try PostgresAddress(url: url)
        watch = CommitWatch(worker: worker)
        _ = try connected()
    }

    deinit {
        close()
    }

    /// Round trips to the server so far: what tests and benchmarks count.
    public var roundTrips: Int { closedRoundTrips + (transaction?.link.roundTrips ?? 0) }

    /// The server's process that serves this store.
    var backend: Int32? { transaction?.link.backend }

    // MARK: BackOrderStore

    public func write<Result>(_ body: (any StoreTransaction) throws -> Result) throws -> Result {
        let transaction = try connected()
        let result: Result
        do {
            try transaction.begin()
            result = try body(transaction)
            if let failure = transaction.failure { throw failure }
            try watch.count(in: transaction)
        } catch {
            rollBack(transaction)
            throw error
        }
        do {
            try transaction.commit()
        } catch {
            let isUnknown = transaction.link.isLost
            rollBack(transaction)
            guard isUnknown else { throw error }
            if try isCommittedAfterAll() { return result }
            var unknown = error
            unknown.mayHaveCommitted = true
            throw unknown
        }
        watch.committed()
        return result
    }

    public func read<Result>(_ body: (any StoreQueries) throws -> Result) throws -> Result {
        let transaction = try connected()
        do {
            try transaction.begin(reading: true)
            let result = try body(transaction)
            if let failure = transaction.failure { throw failure }
            try transaction.commit()
            return result
        } catch {
            rollBack(transaction)
            throw error
        }
    }

    public func schemaVersion() throws -> (found: Int, wanted: Int) {
        let transaction = try connected()
        return (
            try guarding(transaction) { () throws(StoreError) in try Migration.version(transaction.link).found },
            PostgresSchema.wanted
        )
    }

    public func migrate() throws {
        let transaction = try connected()
        try guarding(transaction) { () throws(StoreError) in
            try Migration.run(transaction.link, nameSeed: transaction.nameSeed)
        }
    }

    public func adopt(_ strategy: Strategy) throws {
        let isKnown = try read { try $0.adoptedStrategy() == strategy }
        if isKnown { return }
        let transaction = try connected()
        do {
            try transaction.begin()
            try transaction.adopt(strategy)
            try watch.count(in: transaction)
            try transaction.commit()
            watch.committed()
        } catch {
            rollBack(transaction)
            throw error
        }
    }

    public func close() {
        isClosed = true
        drop()
    }

    // MARK: The connection

    private func connected() throws(StoreError) -> PostgresTransaction {
        if isClosed { throw StoreError(.misconfigured, "store \(address.label): it was closed") }
        if let lost = watch.loss { throw lost }
        if let transaction, !transaction.link.isLost { return transaction }
        drop()
        do {
            let link = try Connection(address)
            let seed = try Migration.prepare(link)
            try watch.check(link)
            hasWorked = true
            let made = PostgresTransaction(link, nameSeed: seed)
            transaction = made
            return made
        } catch {
            if hasWorked, error.code == .misconfigured { throw StoreError(.unavailable, error.message) }
            throw error
        }
    }

    private func drop() {
        closedRoundTrips += transaction?.link.roundTrips ?? 0
        transaction = nil
    }

    private func rollBack(_ transaction: PostgresTransaction) {
        transaction.rollBack()
        if transaction.link.isLost { drop() }
    }

    /// A connection was lost while COMMIT was under way. The worker's own count of commits, read on a new connection,
    /// says what became of it; if there is none to be had, it stays unknown, and the inbox knows when the batch is tried
    /// again.
    private func isCommittedAfterAll() throws(StoreError) -> Bool {
        do {
            _ = try connected()
            return watch.wasLastCommitted
        } catch {
            if watch.loss != nil { throw error }
            return false
        }
    }

    /// Runs what is no transaction of its own kind; a connection that breaks in it is dropped.
    private func guarding<Result>(
        _ transaction: PostgresTransaction, _ body: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        do {
            return try body()
        } catch {
            if transaction.link.isLost { drop() }
            throw error
        }
    }
}
