internal import BackOrderStore
internal import InventoryCore

/// What runs between BEGIN and COMMIT. One value serves all transactions of its store, one after the other.
///
/// Changes are put in a row and travel with the next question, or with COMMIT; so an ordinary batch is one round trip
/// to lock and load, and one to write and commit. A change that the server refuses shows with the next answer.
final class PostgresTransaction {
    let link: Connection
    /// Mixed into the numbers that stand for names, so that several stores in one database don't wait for each other.
    let nameSeed: UInt64
    /// The first change that was refused: such a transaction does not commit, even if the body passed over the error.
    private(set) var failure: StoreError?
    private(set) var isOpen = false

    private enum Expected {
        case anything, version, answer
        case rows(Int, String)
    }

    private var row: [Expected] = []

    /// SKUs and their numbers never change once committed, so they outlive the transaction; bounded.
    private var skuIDs: [SKU: Int64] = [:]
    private var skuNames: [Int64: SKU] = [:]
    private var hasNewSKUs = false
    private static var knownSKUs: Int { 32_768 }

    /// Numbers for new orders that no one else has; what is left serves the next transaction.
    var orderNumbers: [Int64] = []
    /// A number for the outbox, taken under the locks of the batch.
    var reservedSegment: OutboxSegmentID?
    /// The orders of this transaction and their numbers.
    var orderNumber: [OrderID: Int64] = [:]
    /// What was loaded before it was asked for; all of it goes with the first change.
    var loaded = Loaded()
    /// Suppliers whose lead times were of interest lately; bounded.
    var suppliersAsked: Set<SupplierID> = []
    /// How long the server let this transaction's batch wait for its locks, as its own clock says.
    var lockWaitNanoseconds: Int64 = 0
    /// Keys whose absence this transaction has seen.
    var absentKeys: Set<Digest128> = []

    init(_ link: Connection, nameSeed: UInt64) {
        self.link = link
        self.nameSeed = nameSeed
    }

    // MARK: Begin and end

    func begin(reading: Bool = false) throws(StoreError) {
        failure = nil
        hasNewSKUs = false
        row.removeAll(keepingCapacity: true)
        lockWaitNanoseconds = 0
        orderNumber.removeAll(keepingCapacity: orderNumber.capacity <= 4096)
        absentKeys.removeAll(keepingCapacity: absentKeys.capacity <= 4096)
        loaded = Loaded()
        reservedSegment = nil
        isOpen = true
        try put(.begin, reading)
    }

    private func put(_ begin: PostgresQuery, _ reading: Bool) throws(StoreError) {
        try link.enqueue(.kept(reading ? .beginReading : begin))
        row.append(.anything)
        try link.enqueue(.kept(.version))
        row.append(.version)
    }

    /// One last round trip: what is in the row, and COMMIT.
    func commit() throws(StoreError) {
        if let failure { throw failure }
        try link.enqueue(.kept(.commit))
        row.append(.answer)
        let answers = try exchange()
        guard answers.last?.command == "COMMIT" else {
            throw fail(StoreError(.unavailable, "store \(link.label): the transaction was undone; it is tried again."))
        }
        isOpen = false
    }

    /// After an error: undoes what is open, and forgets what may not be so.
    func rollBack() {
        if isOpen, !link.isLost {
            row.removeAll(keepingCapacity: true)
            // A connection on which not even this works is dropped by the store.
            if (try? link.enqueue(.kept(.rollback))) != nil { _ = try? link.exchange() }
        }
        isOpen = false
        orderNumber.removeAll()
        loaded = Loaded()
        if hasNewSKUs {
            skuIDs.removeAll()
            skuNames.removeAll()
            hasNewSKUs = false
        }
    }

    // MARK: Statements

    /// Puts a change in the row. `expecting`: how many rows it must touch, and what it means if it does not.
    func post(
        _ query: PostgresQuery, _ parameters: Parameters, expecting: (rows: Int, orElse: String)? = nil
    ) throws(StoreError) {
        if let failure { throw failure }
        try link.enqueue(.kept(query), parameters)
        row.append(expecting.map { .rows($0.rows, $0.orElse) } ?? .anything)
    }

    /// Puts a question in the row, to be answered by the next `exchange`.
    func ask(_ statement: Statement, _ parameters: Parameters = Parameters()) throws(StoreError) {
        if let failure { throw failure }
        try link.enqueue(statement, parameters)
        row.append(.answer)
    }

    /// One question, one answer, now.
    func answer(_ query: PostgresQuery, _ parameters: Parameters = Parameters()) throws(StoreError) -> Rows {
        try ask(.kept(query), parameters)
        return try only(exchange())
    }

    /// The same for a question that is rarely asked.
    func answer(_ sql: String, _ parameters: Parameters = Parameters()) throws(StoreError) -> Rows {
        try ask(.text(sql), parameters)
        return try only(exchange())
    }

    private func only(_ answers: [Rows]) throws(StoreError) -> Rows {
        guard let answer = answers.last else {
            throw fail(StoreError(.corrupt, "store \(link.label): the server gave no answer: please report this."))
        }
        return answer
    }

    /// A round trip: sends the row, checks the changes in it, answers the questions in it.
    func exchange() throws(StoreError) -> [Rows] {
        let expected = row
        row.removeAll(keepingCapacity: true)
        let answers: [Rows]
        let refusal: Refusal?
        do {
            (answers, refusal) = try link.exchange()
        } catch {
            throw fail(error)
        }
        var result: [Rows] = []
        for (answer, expected) in zip(answers, expected) {
            switch expected {
            case .anything: break
            case .version: try check(version: answer)
            case .answer: result.append(answer)
            case .rows(let count, let problem):
                if answer.changed != count { throw fail(StoreError(.corrupt, problem)) }
            }
        }
        if let refusal { throw fail(error(refusal)) }
        return result
    }

    private func error(_ refusal: Refusal) -> StoreError {
        // Another worker handled the same message while this one did: next time the inbox knows it.
        if refusal.state == "23505", refusal.constraint == "inbox_pkey", isInboxRace {
            return StoreError(
                .unavailable,
                "store \(link.label): another worker has just handled a message of this batch; the batch is tried again.",
                conflict: .sameMessage)
        }
        return PostgresErrors.error(refusal, link.label)
    }

    /// All keys that were appended had been looked up and were not there.
    var isInboxRace = false

    private func check(version answer: Rows) throws(StoreError) {
        let found = answer.count == 0 ? 0 : Int(answer.integer(0, 0))
        let oldest = answer.count == 0 ? 0 : Int(answer.integer(0, 1))
        if let error = Self.refusal(found: found, oldestProgram: oldest, link.label) { throw fail(error) }
    }

    /// What is wrong with a schema for this program, if anything.
    static func refusal(found: Int, oldestProgram: Int, _ label: String) -> StoreError? {
        let wanted = PostgresSchema.wanted
        if found > wanted, oldestProgram > wanted {
            return StoreError(
                .schemaTooNew,
                """
                store \(label): its schema is version \(found), made by a newer backorderd; this one knows \(wanted). \
                Run the newer program, or restore a backup from before it.
                """)
        }
        if found < wanted {
            return StoreError(
                .schemaMissing,
                "store \(label): its schema is version \(found), this program wants \(wanted). Run: backorderd migrate")
        }
        return nil
    }

    /// Runs a change; if it is refused the transaction can't commit any more.
    func changing<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
        if let failure { throw failure }
        loaded = Loaded()
        do {
            return try body()
        } catch {
            throw fail(error)
        }
    }

    func fail(_ error: StoreError) -> StoreError {
        if failure == nil { failure = error }
        return failure ?? error
    }

    // MARK: SKUs

    func knownID(_ sku: SKU) -> Int64? { skuIDs[sku] }

    /// The numbers of the SKUs that exist.
    func ids(_ skus: some Sequence<SKU>) throws(StoreError) -> [SKU: Int64] {
        let missing = Array(Set(skus.filter { skuIDs[$0] == nil })).sorted()
        if !missing.isEmpty {
            var parameters = Parameters()
            parameters.texts(missing) { $0.text }
            remember(try answer(.skuIDs, parameters))
        }
        var result: [SKU: Int64] = [:]
        for sku in skus { result[sku] = skuIDs[sku] }
        return result
    }

    func id(_ sku: SKU) throws(StoreError) -> Int64? {
        if let id = skuIDs[sku] { return id }
        return try ids(CollectionOfOne(sku))[sku]
    }

    /// The numbers of the SKUs; those that are new are added.
    func makeIDs(_ skus: some Sequence<SKU>) throws(StoreError) {
        let missing = Array(Set(skus.filter { skuIDs[$0] == nil })).sorted()
        if missing.isEmpty { return }
        var parameters = Parameters()
        parameters.texts(missing) { $0.text }
        hasNewSKUs = true
        try post(.addSKUs, parameters)
        remember(try answer(.skuIDs, parameters))
    }

    /// SKUs that this transaction may have added: forgotten if it does not commit.
    func noteNewSKUs() { hasNewSKUs = true }

    func sku(_ id: Int64) throws(StoreError) -> SKU {
        if let sku = skuNames[id] { return sku }
        try learnNames([id])
        guard let sku = skuNames[id] else {
            throw StoreError(.corrupt, "store \(link.label): a row names the SKU number \(id), which is not there")
        }
        return sku
    }

    /// Asks for the names of all numbers that are not known, at once.
    func learnNames(_ ids: some Sequence<Int64>) throws(StoreError) {
        let missing = Array(Set(ids.filter { skuNames[$0] == nil })).sorted()
        if missing.isEmpty { return }
        var parameters = Parameters()
        parameters.integers(missing) { $0 }
        remember(try answer(.skuNames, parameters))
    }

    /// From the columns sku_id, sku.
    func remember(_ rows: Rows) {
        for row in 0..<rows.count { remember(SKU(rows.text(row, 1)), rows.integer(row, 0)) }
    }

    func remember(_ sku: SKU, _ id: Int64) {
        if skuIDs.count >= Self.knownSKUs {
            skuIDs.removeAll(keepingCapacity: true)
            skuNames.removeAll(keepingCapacity: true)
        }
        skuIDs[sku] = id
        skuNames[id] = sku
    }

    /// A number that stands for a name which has no row yet. The same at every worker.
    func number(of name: String, kind: UInt64) -> Int64 {
        var state = nameSeed ^ kind
        for byte in name.utf8 { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
        state = (state ^ (state >> 31)) &* 0x9e37_79b9_7f4a_7c15
        return Int64(bitPattern: state ^ (state >> 29))
    }
}
