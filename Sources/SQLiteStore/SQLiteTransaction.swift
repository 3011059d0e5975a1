internal import BackOrderStore
internal import InventoryCore

/// What runs between BEGIN and COMMIT. One value serves all transactions of its store, one after the other.
final class SQLiteTransaction {
    let connection: SQLiteConnection
    /// The first change that was refused: such a transaction does not commit, even if the body passed over the error.
    private(set) var failure: StoreError?

    /// SKUs and their numbers never change once committed, so they outlive the transaction; bounded.
    private var skuIDs: [SKU: Int64] = [:]
    private var skus: [Int64: SKU] = [:]
    private var hasNewSKUs = false
    private let knownSKUs: Int

    /// Where a column's bytes are put together before they are bound.
    var scratch: [UInt8] = []

    /// The orders of this transaction as they are stored, so that a change can leave an index alone.
    var known: [OrderID: KnownOrder] = [:]

    struct KnownOrder {
        var number: Int64
        var lines: [LineState]
    }

    /// What the queue indexes of a line depend on.
    struct LineState: Equatable {
        var waiting: Units
        var held: Units
        var allocated: Units
        var lead: Int64
    }

    /// - Parameter knownSKUs: how many numbers of SKUs are kept in memory.
    init(_ connection: SQLiteConnection, knownSKUs: Int) {
        self.connection = connection
        self.knownSKUs = knownSKUs
    }

    func begin() {
        failure = nil
        hasNewSKUs = false
        known.removeAll(keepingCapacity: known.capacity <= 4096)
    }

    /// After a rollback: numbers that were given in it may be given to other SKUs.
    func forget() {
        failure = nil
        known.removeAll()
        if hasNewSKUs {
            skuIDs.removeAll()
            skus.removeAll()
            hasNewSKUs = false
        }
    }

    /// Runs a change; if it is refused the transaction can't commit any more.
    func changing<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
        do {
            return try body()
        } catch {
            failure = error
            throw error
        }
    }

    func schemaVersion() throws(StoreError) -> Int {
        let statement = try connection.statement(.userVersion)
        guard try connection.next(statement) else { return 0 }
        defer { statement.reset() }
        return Int(statement.integer(0))
    }

    func recordedStrategy() throws(StoreError) -> String? {
        let statement = try connection.statement(.strategy)
        guard try connection.next(statement) else { return nil }
        defer { statement.reset() }
        return statement.text(0)
    }

    // MARK: SKUs

    func skuID(_ sku: SKU) throws(StoreError) -> Int64? {
        if let id = skuIDs[sku] { return id }
        let statement = try connection.statement(.skuID)
        statement.bind(1, sku.text)
        guard try connection.next(statement) else { return nil }
        let id = statement.integer(0)
        statement.reset()
        remember(sku, id)
        return id
    }

    func makeSKUID(_ sku: SKU) throws(StoreError) -> Int64 {
        if let id = try skuID(sku) { return id }
        let statement = try connection.statement(.insertSKU)
        statement.bind(1, sku.text)
        try connection.run(statement)
        let id = connection.lastRowID
        hasNewSKUs = true
        remember(sku, id)
        return id
    }

    func sku(_ id: Int64) throws(StoreError) -> SKU {
        if let sku = skus[id] { return sku }
        let statement = try connection.statement(.skuText)
        statement.bind(1, id)
        guard try connection.next(statement) else {
            throw StoreError(.corrupt, "store \(connection.path): a row names the SKU number \(id), which is not there")
        }
        let sku = SKU(statement.text(0))
        statement.reset()
        remember(sku, id)
        return sku
    }

    private func remember(_ sku: SKU, _ id: Int64) {
        if skuIDs.count >= knownSKUs {
            skuIDs.removeAll(keepingCapacity: true)
            skus.removeAll(keepingCapacity: true)
        }
        skuIDs[sku] = id
        skus[id] = sku
    }
}

extension SQLiteTransaction: StoreTransaction {
    // MARK: Inbox

    func inbox(_ keys: [Digest128]) throws -> [Digest128: InboxRow] {
        var result: [Digest128: InboxRow] = [:]
        let statement = try connection.statement(.inbox)
        for key in keys.sorted() {
            statement.bind(1, Int64(bitPattern: key.high))
            statement.bind(2, Int64(bitPattern: key.low))
            guard try connection.next(statement) else { continue }
            result[key] = InboxRow(
                key: key,
                content: Digest128(
                    high: UInt64(bitPattern: statement.integer(0)), low: UInt64(bitPattern: statement.integer(1))),
                receivedAt: Instant(microseconds: statement.integer(2)))
            statement.reset()
        }
        return result
    }

    func appendInbox(_ rows: [InboxRow]) throws {
        try changing { () throws(StoreError) in
            // In key order neighbours meet the same page.
            let rows = rows.sorted { $0.receivedAt != $1.receivedAt ? $0.receivedAt < $1.receivedAt : $0.key < $1.key }
            let statement = try connection.statement(.insertInbox)
            for row in rows {
                statement.bind(1, Int64(bitPattern: row.key.high))
                statement.bind(2, Int64(bitPattern: row.key.low))
                statement.bind(3, Int64(bitPattern: row.content.high))
                statement.bind(4, Int64(bitPattern: row.content.low))
                statement.bind(5, row.receivedAt.microseconds)
                try connection.run(statement)
            }
            var start = 0
            while start < rows.count {
                var end = start + 1
                while end < rows.count, rows[end].receivedAt == rows[start].receivedAt { end += 1 }
                let batch = try connection.statement(.insertInboxBatch)
                batch.bind(1, rows[start].receivedAt.microseconds)
                batch.bind(2, InboxKeys.encode(rows[start..<end].lazy.map(\.key)))
                try connection.run(batch)
                start = end
            }
        }
    }

    func forgetInbox(_ keys: [Digest128]) throws {
        try changing { () throws(StoreError) in
            let statement = try connection.statement(.deleteInbox)
            for key in keys {
                statement.bind(1, Int64(bitPattern: key.high))
                statement.bind(2, Int64(bitPattern: key.low))
                try connection.run(statement)
            }
        }
    }

    func pruneInbox(before: Instant, limit: Int) throws -> Int {
        try changing { () throws(StoreError) in
            var pruned = 0
            while pruned < limit {
                let batch = try connection.statement(.oldInboxBatch)
                batch.bind(1, before.microseconds)
                guard try connection.next(batch) else { break }
                let number = batch.integer(0)
                let keys = InboxKeys.decode(batch.blob(1))
                batch.reset()
                let going = keys.prefix(limit - pruned)
                let delete = try connection.statement(.deleteInbox)
                for key in going {
                    delete.bind(1, Int64(bitPattern: key.high))
                    delete.bind(2, Int64(bitPattern: key.low))
                    try connection.run(delete)
                }
                pruned += going.count
                let rest = keys.dropFirst(going.count)
                let settle = try connection.statement(rest.isEmpty ? .deleteInboxBatch : .replaceInboxBatch)
                settle.bind(1, number)
                if !rest.isEmpty { settle.bind(2, InboxKeys.encode(rest)) }
                try connection.run(settle)
            }
            return pruned
        }
    }

    // MARK: Outbox

    func appendOutbox(_ messages: [OutboxMessage], at time: Instant, worker: String?) throws -> OutboxSegmentID {
        try changing { () throws(StoreError) in
            let statement = try connection.statement(.appendOutbox)
            statement.bind(1, time.microseconds)
            statement.bind(2, Int64(messages.count))
            statement.bind(3, OutboxCoding.encode(messages))
            statement.bind(4, worker)
            try connection.run(statement)
            return connection.lastRowID
        }
    }

    func removeOutbox(_ segments: [OutboxSegmentID]) throws {
        try changing { () throws(StoreError) in
            let statement = try connection.statement(.removeOutbox)
            for segment in segments {
                statement.bind(1, segment)
                try connection.run(statement)
            }
        }
    }

    func replaceOutbox(_ segment: OutboxSegmentID, with messages: [OutboxMessage]) throws {
        try changing { () throws(StoreError) in
            let statement = try connection.statement(.replaceOutbox)
            statement.bind(1, segment)
            statement.bind(2, Int64(messages.count))
            statement.bind(3, OutboxCoding.encode(messages))
            try connection.run(statement)
        }
    }

    func outbox(after: OutboxSegmentID?, limit: Int) throws -> [OutboxSegment] {
        var result: [OutboxSegment] = []
        let statement = try connection.statement(.outboxAfter)
        defer { statement.reset() }
        statement.bind(1, after ?? 0)
        while result.count < limit, try connection.next(statement) {
            result.append(try outboxSegment(statement))
        }
        return result
    }

    /// From the columns segment, created_at, messages.
    func outboxSegment(_ statement: SQLiteStatement) throws(StoreError) -> OutboxSegment {
        let id = statement.integer(0)
        do {
            return OutboxSegment(
                id: id, createdAt: Instant(microseconds: statement.integer(1)),
                messages: try OutboxCoding.decode(statement.blob(2)))
        } catch {
            throw StoreError(.corrupt, "store \(connection.path), segment \(id): \(error.message)")
        }
    }

    // MARK: Parked messages

    func parkedMessages(_ orderIDs: [OrderID]) throws -> [ParkedMessage] {
        let any = try connection.statement(.anyParked)
        let isEmpty = try connection.next(any) && any.integer(0) == 0
        any.reset()
        if isEmpty { return [] }
        var result: [ParkedMessage] = []
        let statement = try connection.statement(.parkedOf)
        for orderID in orderIDs {
            statement.bind(1, orderID.text)
            while try connection.next(statement) { result.append(try parked(statement)) }
        }
        return result
    }

    func parkedMessages(before: Instant, limit: Int) throws -> [ParkedMessage] {
        var result: [ParkedMessage] = []
        let statement = try connection.statement(.parkedBefore)
        defer { statement.reset() }
        statement.bind(1, before.microseconds)
        while result.count < limit, try connection.next(statement) { result.append(try parked(statement)) }
        return result
    }

    func parked(_ statement: SQLiteStatement) throws(StoreError) -> ParkedMessage {
        let orderID = OrderID(statement.text(0))
        return ParkedMessage(
            orderID: orderID,
            message: try JSONColumn.decode(
                InputMessage.self, statement.text(2), of: "parked message of order \(orderID)"),
            parkedAt: Instant(microseconds: statement.integer(1)), original: statement.blob(3))
    }
}

/// Digests one after the other, 16 bytes each, big-endian.
enum InboxKeys {
    static func encode(_ keys: some Collection<Digest128>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(keys.count * 16)
        for key in keys {
            withUnsafeBytes(of: key.high.bigEndian) { bytes.append(contentsOf: $0) }
            withUnsafeBytes(of: key.low.bigEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    static func decode(_ bytes: [UInt8]) -> [Digest128] {
        func number(_ start: Int) -> UInt64 {
            bytes[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) }
        }
        return stride(from: 0, to: bytes.count / 16 * 16, by: 16).map {
            Digest128(high: number($0), low: number($0 + 8))
        }
    }
}
