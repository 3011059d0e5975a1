import BackOrderStore
import InventoryCore
import SQLiteStore

/// One transaction that took place, as the checkers need it.
struct Committed {
    enum Kind {
        /// Inputs, in their order.
        case batch
        case sweep(leads: Bool)
        case expiry
        case prune
        case relay
        /// Settled segments went, nothing else.
        case settle
    }

    var worker: Int
    var life: Int
    var kind = Kind.settle
    /// The inputs of a batch.
    var copies: [SimBroker.Copy] = []
    /// The batch was not read: its inputs are dead letters.
    var isPoison = false
    /// Written into the book of suspects.
    var noted: [Suspect] = []
    /// Taken out of it.
    var cleared: [Digest128] = []
    /// When the batch was taken in hand: the time of messages that have none.
    var arrival = Instant(microseconds: 0)
    /// The transaction's own now.
    var now = Instant(microseconds: 0)
    var rules: Rulebook
    var appended: [OutboxMessage] = []
    var segment: OutboxSegmentID?
    var removed: [OutboxSegmentID] = []
    /// A round of the sweep began with this time.
    var roundStartedAt: Instant?
    var leadUntil = Instant(microseconds: 0)
    var prunedBefore = Instant(microseconds: 0)
    var calls = 0
}

/// Watches a transaction, and fails its n-th call if told to.
final class WatchedTransaction: ForwardingTransaction {
    private(set) var record: Committed
    /// Asked at every call; throws what happens there.
    private let atCall: (Int) throws -> Void

    init(_ inner: any StoreTransaction, _ record: Committed, atCall: @escaping (Int) throws -> Void) {
        self.record = record
        self.atCall = atCall
        super.init(inner)
    }

    override func called(_ name: StaticString) throws {
        record.calls += 1
        try atCall(record.calls)
    }

    override func prepare(_ needs: BatchNeeds) throws {
        record.kind = .batch
        try super.prepare(needs)
    }

    override func appendOutbox(_ messages: [OutboxMessage], at time: Instant, worker: String?) throws -> OutboxSegmentID
    {
        let id = try super.appendOutbox(messages, at: time, worker: worker)
        record.appended += messages
        record.segment = id
        return id
    }

    override func removeOutbox(_ segments: [OutboxSegmentID]) throws {
        record.removed += segments
        try super.removeOutbox(segments)
    }

    override func putSuspects(_ suspects: [Suspect]) throws {
        record.noted += suspects
        try super.putSuspects(suspects)
    }

    override func removeSuspects(_ keys: [Digest128]) throws {
        record.cleared += keys
        try super.removeSuspects(keys)
    }

    override func claimOutbox(worker: String, now: Instant, until: Instant, limit: Int) throws -> [OutboxSegment] {
        record.kind = .relay
        return try super.claimOutbox(worker: worker, now: now, until: until, limit: limit)
    }

    override func pruneInbox(before: Instant, limit: Int) throws -> Int {
        record.kind = .prune
        record.prunedBefore = before
        return try super.pruneInbox(before: before, limit: limit)
    }

    override func parkedMessages(before: Instant, limit: Int) throws -> [ParkedMessage] {
        if case .settle = record.kind {
            record.kind = .expiry
            // The first question names the time: whatever was parked up to `parking` before now.
            record.now = before.adding(microseconds: record.rules.parkingMicroseconds - 1)
        }
        return try super.parkedMessages(before: before, limit: limit)
    }

    override func passedDates(since: Instant, through: Instant, limit: Int) throws -> [(sku: SKU, date: Instant)] {
        record.roundStartedAt = through
        return try super.passedDates(since: since, through: through, limit: limit)
    }

    override func lead(worker: String, now: Instant, until: Instant) throws -> Bool {
        let leads = try super.lead(worker: worker, now: now, until: until)
        record.kind = .sweep(leads: leads)
        record.now = now
        record.leadUntil = until
        return leads
    }
}

/// A worker's store: the real one, with weather.
final class SimStore: BackOrderStore {
    private let inner: any BackOrderStore
    private unowned let worker: SimWorker
    private let mutation: Mutation?
    private var memory = MutationMemory()

    init(_ inner: any BackOrderStore, _ worker: SimWorker, _ mutation: Mutation?) {
        self.inner = inner
        self.worker = worker
        self.mutation = mutation
    }

    func write<Result>(_ body: (any StoreTransaction) throws -> Result) throws -> Result {
        let weather = try worker.beginTransaction()
        var record: Committed?
        var kept: Result?
        do {
            try inner.write { transaction in
                let lying = mutation.map { MutatedTransaction(transaction, $0, memory) } ?? transaction
                let watched = WatchedTransaction(lying, worker.newRecord()) { call in
                    if call == weather.failsAtCall { throw weather.error }
                }
                kept = try body(watched)
                record = watched.record
                if weather.failsAtCommit { throw weather.error }
                if mutation == .losesCommit, memory.isTime(for: .losesCommit, every: 9) { throw LostCommit() }
            }
        } catch is LostCommit {}
        guard let record, let kept else { throw StoreError(.corrupt, "the transaction did not run") }
        try worker.committed(record)
        if mutation == .hidesCommit, memory.isTime(for: .hidesCommit, every: 9) {
            throw StoreError(.unavailable, "a commit that was hidden on purpose")
        }
        return kept
    }

    private struct LostCommit: Error {}

    func read<Result>(_ body: (any StoreQueries) throws -> Result) throws -> Result { try inner.read(body) }
    func migrate() throws { try inner.migrate() }
    func schemaVersion() throws -> (found: Int, wanted: Int) { try inner.schemaVersion() }
    func adopt(_ strategy: Strategy) throws { try inner.adopt(strategy) }
    func close() { inner.close() }
}

/// What outlives a process: the books.
final class Disk {
    private let memory: MemoryStore?
    private let path: String

    /// - Parameter path: of the SQLite file; nil: books in memory, which then stand for a disk.
    init(path: String?) {
        memory = path == nil ? MemoryStore() : nil
        self.path = path ?? ""
    }

    /// A process opens its store.
    func open() throws -> any BackOrderStore {
        if let memory { return MemoryStore(sharing: memory) }
        var options = SQLiteStore.Options()
        options.busySeconds = 0.1
        options.cacheKiB = 512
        return try SQLiteStore(path: path, options: options)
    }
}
