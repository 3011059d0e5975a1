internal import BackOrderStore
internal import Glibc

/// Counts what this store committed, in a row of its own, so that it can tell after a failure of connection or server
/// what became of it.
///
/// A new primary that has less than this process saw committed was behind when it took over: work that was acknowledged
/// is gone. Nothing can bring it back from here, so it is said as loudly as there is: the store refuses to go on.
struct CommitWatch {
    /// No two stores share a row, not even of one process.
    private let worker: String
    /// The last commit that was seen to succeed, and the one that was tried last.
    private var seen: Int64 = 0
    private var tried: Int64 = 0
    private var timeline: Int64?
    /// The server's process of the last connection.
    private var backend: Int32 = 0
    private(set) var wasLastCommitted = false
    /// Commits were lost.
    private(set) var loss: StoreError?

    init(worker: String) {
        self.worker = "\(worker)/\(String(UInt64.random(in: .min ... .max), radix: 36))"
    }

    /// Writes the next number, in the transaction that is about to commit.
    mutating func count(in transaction: PostgresTransaction) throws(StoreError) {
        if tried == 0 {
            // Those of processes that are long gone.
            try transaction.ask(.text("DELETE FROM worker_commit WHERE seen_at < now() - interval '30 days'"))
        }
        tried = seen + 1
        var parameters = Parameters()
        parameters.add(worker)
        parameters.add(tried)
        parameters.add(timeline)
        try transaction.post(.commitCount, parameters)
    }

    mutating func committed() { seen = tried }

    /// Asks a new connection what it has of this worker.
    mutating func check(_ link: Connection) throws(StoreError) {
        wasLastCommitted = false
        if tried > seen { try awaitEnd(of: backend, link) }
        backend = link.backend
        let now = try Self.timeline(link)
        defer { timeline = now ?? timeline }
        let version = try Migration.version(link)
        guard version.found >= 1 else {
            if seen > 0 { throw lost(0, now, link) }
            return
        }
        // Nothing was tried yet, so there is nothing to find out; and a role that may only read can't lock the row.
        if tried == 0 { return }
        var parameters = Parameters()
        parameters.add(worker)
        // A transaction of ours whose connection was cut may still be ending: it is waited for.
        let rows = try Migration.ask(
            link, "SELECT sequence FROM worker_commit WHERE worker = $1::text FOR UPDATE", parameters)
        let found = rows.count == 0 ? 0 : rows.integer(0, 0)
        if found < seen { throw lost(found, now, link) }
        wasLastCommitted = found == tried && tried > seen
        seen = found
    }

    /// What was sent on the former connection may not even have been begun: a server that is busy reads it later, and
    /// ends then. Waits two seconds at the most.
    private func awaitEnd(of former: Int32, _ link: Connection) throws(StoreError) {
        var parameters = Parameters()
        parameters.add(Int64(former))
        for _ in 0..<40 {
            let rows = try Migration.ask(
                link, "SELECT 1::int8 FROM pg_stat_activity WHERE pid = $1::int8 AND pid <> pg_backend_pid()",
                parameters)
            if rows.count == 0 { return }
            usleep(50_000)
        }
    }

    private mutating func lost(_ found: Int64, _ now: Int64?, _ link: Connection) -> StoreError {
        let moved = now != timeline ? " (timeline \(timeline ?? 0), now \(now ?? 0))" : ""
        let error = StoreError(
            .corrupt,
            """
            store \(link.label): COMMITS WERE LOST: this worker has seen \(seen) commits, the server knows \
            \(found)\(moved). A standby that was behind has taken over, or a backup was restored. What was \
            acknowledged since is not in the books: find it in the broker's and the senders' records and send it again \
            (what is known is passed over), then start the worker again. Use synchronous_standby_names to prevent it.
            """)
        loss = error
        return error
    }

    /// A failover raises it. Not every server of this protocol tells. From the name of the log's present file: the
    /// control file names the former one until the new primary's first checkpoint, which is too late.
    private static func timeline(_ link: Connection) throws(StoreError) -> Int64? {
        try link.enqueue(
            .text("SELECT ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int8"))
        let (answers, refusal) = try link.exchange()
        guard refusal == nil, let answer = answers.last, answer.count == 1 else { return nil }
        return answer.integer(0, 0)
    }
}
