public import InventoryCore

/// Where the books are kept.
///
/// One store value is used by **one thread at a time** (the pipeline's transact stage, or a command); several stores on
/// the same database, in one process or many, are correct. A store that fails for now throws a `StoreError` with
/// `isRetriable`; nothing of the transaction has happened then.
public protocol BackOrderStore: AnyObject {
    /// Runs the body in one read-write transaction: it commits when the body returns and rolls back when it throws.
    /// On return everything is durable. An error out of the body is thrown on as it is.
    func write<Result>(_ body: (any StoreTransaction) throws -> Result) throws -> Result

    /// Runs the body on one consistent snapshot; also while workers write.
    func read<Result>(_ body: (any StoreQueries) throws -> Result) throws -> Result

    /// Brings the schema up to date, or throws `StoreError.schemaTooNew`. Safe for several workers at once.
    func migrate() throws

    /// The version of the schema that is there, and the one this program wants. 0: there is none yet.
    func schemaVersion() throws -> (found: Int, wanted: Int)

    /// Tells the store by which strategy its waiting lines are ordered. Cheap when it is the one that was used before;
    /// else the precedence of every open line is worked out anew, in one transaction.
    func adopt(_ strategy: Strategy) throws

    func close()
}

/// A store that can show the books as they stand while another connection has a transaction open: as they were before it.
public protocol SnapshotStore: BackOrderStore {
    /// Runs the body on one consistent snapshot, as of its first question.
    func snapshot<Result>(_ body: (any BatchReader) throws -> Result) throws -> Result
}

/// What deciding a batch asks of the books.
public protocol BatchReader: LedgerReader {
    /// The inbox rows that exist for these keys.
    func inbox(_ keys: [Digest128]) throws -> [Digest128: InboxRow]
}

/// What one transaction of the pipeline does, in this order: inbox, reads of the ledger, apply, inbox rows, outbox.
public protocol StoreTransaction: BatchReader {
    /// Told at a batch's begin, before anything else is asked: a store may load and lock it all at once.
    func prepare(_ needs: BatchNeeds) throws
    /// How long `prepare` waited for locks that other workers held, beside what it took to begin.
    var lockWaitNanoseconds: Int64 { get }
    func appendInbox(_ rows: [InboxRow]) throws
    /// These messages and facts are no longer known: sent again, they are looked at anew. Unknown keys are passed over.
    func forgetInbox(_ keys: [Digest128]) throws
    func apply(_ changes: Changes) throws
    /// Appends the batch's outputs and dead letters as one segment and answers its number (greater than any before).
    /// `worker` sees to its sending; nil: nobody does yet.
    func appendOutbox(_ messages: [OutboxMessage], at: Instant, worker: String?) throws -> OutboxSegmentID
    /// Settled segments go; those that are gone already are passed over.
    func removeOutbox(_ segments: [OutboxSegmentID]) throws
    /// What is left of a segment after some of its messages were confirmed.
    func replaceOutbox(_ segment: OutboxSegmentID, with messages: [OutboxMessage]) throws
    /// Segments in order of number, for the relay.
    func outbox(after: OutboxSegmentID?, limit: Int) throws -> [OutboxSegment]
    /// Says that this worker lives until `until`, and hands it, in order of number, segments that nobody who lives sees
    /// to; no segment is handed to two.
    func claimOutbox(worker: String, now: Instant, until: Instant, limit: Int) throws -> [OutboxSegment]
    /// Workers that said that they live and did not leave, in byte order; also those whose time is over.
    func outboxWorkers() throws -> [String]
    /// This worker sees to nothing any more: what it had open is for others to claim.
    func leaveOutbox(worker: String) throws
    /// Inbox rows older than this go, at most `limit`; answers how many went.
    func pruneInbox(before: Instant, limit: Int) throws -> Int
    /// What the book of suspects says of these messages.
    func suspects(_ keys: [Digest128]) throws -> [Digest128: Suspect]
    /// Writes them as they stand now; no key twice.
    func putSuspects(_ suspects: [Suspect]) throws
    /// Unknown keys are passed over.
    func removeSuspects(_ keys: [Digest128]) throws
    /// Those written before this instant go: their messages went another way.
    func pruneSuspects(before: Instant) throws
    /// Parked before this instant, oldest first.
    func parkedMessages(before: Instant, limit: Int) throws -> [ParkedMessage]

    // The sweep's own book. Marks are written by `apply`, too: one that is there keeps its `changedAt` and takes the
    // new time as `changedAgainAt`, unless it has one.

    /// Marked SKUs in byte order.
    func sweepMarks(after: SKU?, limit: Int) throws -> [SweepMark]
    /// Writes a mark as it stands now.
    func putSweepMark(_ mark: SweepMark) throws
    func removeSweepMark(_ sku: SKU) throws
    /// Orders that a sweep found to be told, in byte order. Those that are there already are passed over.
    func ordersToTell(limit: Int) throws -> [OrderID]
    func addOrdersToTell(_ orderIDs: [OrderID]) throws
    func removeOrdersToTell(_ orderIDs: [OrderID]) throws
    /// Up to which time dates that passed were taken as changes; the beginning of time if never.
    func sweptThrough() throws -> Instant
    func setSweptThrough(_ time: Instant) throws
    /// What passed and is not marked: SKUs with a waiting line that was promised for `through` or earlier, and SKUs of
    /// which something waits with outstanding supply expected after `since` and not after `through`; each with the
    /// earliest such date, in byte order.
    func passedDates(since: Instant, through: Instant, limit: Int) throws -> [(sku: SKU, date: Instant)]
    /// The earliest promise of a waiting line, or expected date of outstanding supply after `since`.
    func nextDate(since: Instant) throws -> Instant?
    /// Whether this worker leads what only one may do (sweeping, others' outbox rows): it did until now, or nobody's
    /// turn is running. On true its turn lasts until `until`.
    func lead(worker: String, now: Instant, until: Instant) throws -> Bool
}

extension StoreTransaction {
    /// Appends a segment that nobody sees to yet.
    public func appendOutbox(_ messages: [OutboxMessage], at time: Instant) throws -> OutboxSegmentID {
        try appendOutbox(messages, at: time, worker: nil)
    }
}

/// One known message or fact.
public struct InboxRow: Sendable, Equatable {
    /// A message key or a fact key.
    public var key: Digest128
    public var content: Digest128
    public var receivedAt: Instant

    public init(key: Digest128, content: Digest128, receivedAt: Instant) {
        self.key = key
        self.content = content
        self.receivedAt = receivedAt
    }
}

public typealias OutboxSegmentID = Int64

/// The outputs and dead letters of one batch, that the broker has not confirmed yet.
public struct OutboxSegment: Sendable, Equatable {
    public var id: OutboxSegmentID
    public var createdAt: Instant
    public var messages: [OutboxMessage]

    public init(id: OutboxSegmentID, createdAt: Instant, messages: [OutboxMessage]) {
        self.id = id
        self.createdAt = createdAt
        self.messages = messages
    }
}

/// One message to publish, ready but for the exchange's name.
public struct OutboxMessage: Sendable, Equatable {
    public enum Destination: UInt8, Sendable {
        /// The output exchange.
        case output = 0
        /// The dead-letter exchange.
        case deadLetter = 1
        /// No exchange: what a worker in the shadow writes down for its report.
        case note = 2
    }

    public var destination: Destination
    public var routingKey: String
    /// The output's stable id. Unique in the outbox.
    public var messageID: String
    /// An output's `type`.
    public var type: String
    /// Text headers to add: trace context; `x-backorder-…` for a dead letter.
    public var headers: [Header]
    /// A dead letter's AMQP properties as they came, opaque here. Empty for outputs.
    public var originalProperties: [UInt8]
    public var body: [UInt8]
    /// Of an output whose mapping says so; nil: the output exchange, JSON.
    public var exchange: String?
    public var contentType: String?

    public struct Header: Sendable, Equatable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    public init(
        destination: Destination, routingKey: String, messageID: String, type: String, headers: [Header] = [],
        originalProperties: [UInt8] = [], body: [UInt8]
    ) {
        self.destination = destination
        self.routingKey = routingKey
        self.messageID = messageID
        self.type = type
        self.headers = headers
        self.originalProperties = originalProperties
        self.body = body
    }
}
