public import InventoryCore
internal import Synchronization

/// The books in memory: the executable specification of `BackOrderStore`. Nothing outlives the process.
///
/// Several stores may share one set of books, each on its own thread; transactions then go one after the other.
public final class MemoryStore: BackOrderStore {
    private let books: MemoryBooks

    public init() {
        books = MemoryBooks()
    }

    /// Another store on the same books.
    public init(sharing other: MemoryStore) {
        books = other.books
    }

    public func write<Result>(_ body: (any StoreTransaction) throws -> Result) throws -> Result {
        try books.alone {
            books.begin()
            do {
                let result = try body(books)
                try books.commit()
                return result
            } catch {
                books.rollBack()
                throw error
            }
        }
    }

    public func read<Result>(_ body: (any StoreQueries) throws -> Result) throws -> Result {
        try books.alone { try body(books) }
    }

    public func migrate() throws {}

    public func schemaVersion() throws -> (found: Int, wanted: Int) { (1, 1) }

    public func adopt(_ strategy: Strategy) throws {
        try write { _ in books.adopt(strategy) }
    }

    public func close() {}
}

/// The books and the indexes over them. Every change goes through one of the `put` functions, which keeps the indexes
/// and writes down in the journal what was there before; rolling back puts that again, in reverse.
///
/// @unchecked Sendable: whatever is not in `alone` is a call from inside it.
final class MemoryBooks: @unchecked Sendable {
    struct StoredOrder {
        var order: Order
        /// By line: the leading value of its precedence.
        var leads: [Int64]
    }

    struct LaneKey: Hashable {
        var sku: SKU
        var pin: LocationID?
    }

    struct SupplyRowKey: Hashable, Comparable {
        var supplyID: SupplyID
        var sku: SKU
        var location: LocationID

        init(supplyID: SupplyID, sku: SKU, location: LocationID) {
            self.supplyID = supplyID
            self.sku = sku
            self.location = location
        }

        init(_ supply: Supply) {
            supplyID = supply.supplyID
            sku = supply.sku
            location = supply.location
        }

        static func < (left: SupplyRowKey, right: SupplyRowKey) -> Bool {
            (left.supplyID, left.sku, left.location) < (right.supplyID, right.sku, right.location)
        }
    }

    struct OutstandingKey: Comparable {
        var key: SupplyKey
        var row: SupplyRowKey

        static func < (left: OutstandingKey, right: OutstandingKey) -> Bool { left.key < right.key }
        static func == (left: OutstandingKey, right: OutstandingKey) -> Bool { left.key == right.key }
    }

    struct ParkedKey: Hashable, Comparable {
        var orderID: OrderID
        var messageID: Identifier

        static func < (left: ParkedKey, right: ParkedKey) -> Bool {
            (left.orderID, left.messageID) < (right.orderID, right.messageID)
        }
    }

    struct Aged<Key: Comparable>: Comparable {
        var time: Instant
        var key: Key

        static func < (left: Aged, right: Aged) -> Bool { (left.time, left.key) < (right.time, right.key) }
    }

    private enum Undo {
        case order(OrderID, StoredOrder?)
        case item(SKU, Item?)
        case supply(SupplyRowKey, Supply?)
        case parked(ParkedKey, ParkedMessage?)
        case inbox(Digest128, InboxRow?)
        case outbox(OutboxSegmentID, OutboxSegment?)
        case discrepancies(Int)
        case strategy(Strategy?)
        case event(OrderID)
        case demand(DemandKey, Demand?)
        case leadTimes(SupplierID, [Int64]?)
        case mark(SKU, SweepMark?)
        case toTell(OrderID, wasThere: Bool)
        case sweptThrough(Instant)
        case leader(Leader?)
        case suspect(Digest128, Suspect?)
        case claim(OutboxSegmentID, String?)
        case outboxLease(String, Instant?)
    }

    struct DemandKey: Hashable, Comparable {
        var sku: SKU
        var day: Int64

        static func < (left: DemandKey, right: DemandKey) -> Bool { (left.sku, left.day) < (right.sku, right.day) }
    }

    struct Leader {
        var worker: String
        var until: Instant
    }

    private(set) var orders: [OrderID: StoredOrder] = [:]
    private(set) var items: [SKU: Item] = [:]
    private(set) var supplies: [SupplyRowKey: Supply] = [:]
    private(set) var parked: [ParkedKey: ParkedMessage] = [:]
    private(set) var inbox: [Digest128: InboxRow] = [:]
    private(set) var outbox: [OutboxSegmentID: OutboxSegment] = [:]
    private(set) var discrepancies: [Discrepancy] = []
    private(set) var strategy: Strategy?
    private(set) var events: [OrderID: [OrderEvent]] = [:]
    private(set) var demand: [DemandKey: Demand] = [:]
    private(set) var leadTimes: [SupplierID: [Int64]] = [:]
    private(set) var marks: [SKU: SweepMark] = [:]
    private(set) var toTell: Set<OrderID> = []
    private(set) var sweptTime = Instant(microseconds: .min)
    private(set) var leader: Leader?
    private(set) var suspectBook: [Digest128: Suspect] = [:]
    /// Who sees to a segment.
    private(set) var claims: [OutboxSegmentID: String] = [:]
    private(set) var outboxLeases: [String: Instant] = [:]
    /// Goes on counting through rollbacks.
    private var lastSegment: OutboxSegmentID = 0

    // Indexes: only what can be told from the above.
    private(set) var waiting: [LaneKey: SortedList<PrecedenceKey>] = [:]
    private(set) var allocated: [SKU: SortedList<PrecedenceKey>] = [:]
    private(set) var held: [SKU: SortedList<PrecedenceKey>] = [:]
    private(set) var outstanding: [SKU: SortedList<OutstandingKey>] = [:]
    /// Waiting lines that were promised a date, and outstanding supply that is expected at one.
    private(set) var promises = SortedList<Aged<PrecedenceKey>>()
    private(set) var expected = SortedList<Aged<SupplyRowKey>>()
    private(set) var markedSKUs = SortedList<SKU>()
    private(set) var supplyRows: [SupplyID: SortedList<SupplyRowKey>] = [:]
    private(set) var tiedRows: [SupplyID: SortedList<SupplyRowKey>] = [:]
    private(set) var parkedRows: [OrderID: SortedList<ParkedKey>] = [:]
    private(set) var parkedByAge = SortedList<Aged<ParkedKey>>()
    private(set) var inboxByAge = SortedList<Aged<Digest128>>()
    private(set) var segments = SortedList<OutboxSegmentID>()

    private var journal: [Undo] = []
    private var failure: StoreError?
    private let turn = Mutex<Void>(())

    /// Runs the body while nobody else is at the books. Not to be nested.
    func alone<Result>(_ body: () throws -> Result) rethrows -> Result {
        var result: Result?
        try turn.withLock { _ in result = try body() }
        guard let result else { preconditionFailure("the body did not run") }
        return result
    }

    // MARK: Transactions

    func begin() {
        journal.removeAll(keepingCapacity: true)
        failure = nil
    }

    /// A transaction in which a change was refused does not commit, even if the body passed over the error.
    func commit() throws {
        if let failure { throw failure }
        journal.removeAll(keepingCapacity: true)
    }

    func rollBack() {
        let undone = journal
        for entry in undone.reversed() {
            switch entry {
            case .order(let key, let old): put(order: old, key)
            case .item(let key, let old): put(item: old, key)
            case .supply(let key, let old): put(supply: old, key)
            case .parked(let key, let old): put(parked: old, key)
            case .inbox(let key, let old): put(inbox: old, key)
            case .outbox(let key, let old): put(outbox: old, key)
            case .discrepancies(let count): discrepancies.removeLast(discrepancies.count - count)
            case .strategy(let old): strategy = old
            case .event(let orderID): events[orderID]?.removeLast()
            case .demand(let key, let old): demand[key] = old
            case .leadTimes(let supplier, let old): leadTimes[supplier] = old
            case .mark(let sku, let old): put(mark: old, sku)
            case .toTell(let orderID, let wasThere): put(toTell: orderID, wasThere)
            case .sweptThrough(let old): sweptTime = old
            case .leader(let old): leader = old
            case .suspect(let key, let old): put(suspect: old, key)
            case .claim(let segment, let old): put(claim: old, segment)
            case .outboxLease(let worker, let old): put(outboxLease: old, worker)
            }
        }
        journal.removeAll(keepingCapacity: true)
    }

    func refuse(_ message: String) -> StoreError {
        let error = StoreError(.corrupt, message)
        failure = error
        return error
    }

    // MARK: Changes, one row at a time

    func put(order new: StoredOrder?, _ orderID: OrderID) {
        let old = orders[orderID]
        if let old {
            for position in old.order.lines.indices {
                index(old, position, unlessSameAs: new) { $0.remove($1) }
            }
        }
        if let new {
            for position in new.order.lines.indices {
                index(new, position, unlessSameAs: old) { $0.insert($1) }
            }
        }
        indexPromises(old, new)
        orders[orderID] = new
        journal.append(.order(orderID, old))
    }

    /// Changes one line's entries in the three queues, save those that are the same in the other state of the order.
    private func index(
        _ stored: StoredOrder, _ position: Int, unlessSameAs other: StoredOrder?,
        _ change: (inout SortedList<PrecedenceKey>, PrecedenceKey) -> Void
    ) {
        let line = stored.order.lines[position]
        var twin: OrderLine?
        if let other, other.leads[position] == stored.leads[position] { twin = other.order.lines[position] }
        let key = stored.key(position)
        if line.waiting > 0, twin.map({ $0.waiting > 0 }) != true {
            change(&waiting[LaneKey(sku: line.sku, pin: line.pin), default: SortedList()], key)
        }
        if !line.allocations.isEmpty, twin.map({ !$0.allocations.isEmpty }) != true {
            change(&allocated[line.sku, default: SortedList()], key)
        }
        if line.held > 0, twin.map({ $0.held > 0 }) != true {
            change(&held[line.sku, default: SortedList()], key)
        }
    }

    /// The promise that a waiting line stands under.
    private func promise(_ stored: StoredOrder, _ position: Int) -> Aged<PrecedenceKey>? {
        let line = stored.order.lines[position]
        guard line.waiting > 0, let promised = line.promisedAt else { return nil }
        return Aged(time: promised, key: stored.key(position))
    }

    private func indexPromises(_ old: StoredOrder?, _ new: StoredOrder?) {
        for position in (new ?? old)?.order.lines.indices ?? 0..<0 {
            let before = old.flatMap { promise($0, position) }
            let after = new.flatMap { promise($0, position) }
            if before == after { continue }
            if let before { promises.remove(before) }
            if let after { promises.insert(after) }
        }
    }

    func put(item new: Item?, _ sku: SKU) {
        journal.append(.item(sku, items[sku]))
        items[sku] = new
    }

    func put(supply new: Supply?, _ row: SupplyRowKey) {
        let old = supplies[row]
        journal.append(.supply(row, old))
        if let old {
            if old.outstanding > 0 {
                outstanding[row.sku]?.remove(OutstandingKey(key: old.key, row: row))
                if let date = old.expectedAt { expected.remove(Aged(time: date, key: row)) }
            }
            supplyRows[row.supplyID]?.remove(row)
            if let reorderID = old.reorderID { tiedRows[reorderID]?.remove(row) }
        }
        if let new {
            if new.outstanding > 0 {
                outstanding[row.sku, default: SortedList()].insert(OutstandingKey(key: new.key, row: row))
                if let date = new.expectedAt { expected.insert(Aged(time: date, key: row)) }
            }
            supplyRows[row.supplyID, default: SortedList()].insert(row)
            if let reorderID = new.reorderID { tiedRows[reorderID, default: SortedList()].insert(row) }
        }
        supplies[row] = new
    }

    func put(parked new: ParkedMessage?, _ key: ParkedKey) {
        let old = parked[key]
        journal.append(.parked(key, old))
        if let old {
            parkedRows[key.orderID]?.remove(key)
            parkedByAge.remove(Aged(time: old.parkedAt, key: key))
        }
        if let new {
            parkedRows[key.orderID, default: SortedList()].insert(key)
            parkedByAge.insert(Aged(time: new.parkedAt, key: key))
        }
        parked[key] = new
    }

    func put(inbox new: InboxRow?, _ key: Digest128) {
        let old = inbox[key]
        journal.append(.inbox(key, old))
        if let old { inboxByAge.remove(Aged(time: old.receivedAt, key: key)) }
        if let new { inboxByAge.insert(Aged(time: new.receivedAt, key: key)) }
        inbox[key] = new
    }

    func put(outbox new: OutboxSegment?, _ id: OutboxSegmentID) {
        journal.append(.outbox(id, outbox[id]))
        if new == nil { segments.remove(id) } else { segments.insert(id) }
        outbox[id] = new
    }

    func append(_ event: OrderEvent) {
        journal.append(.event(event.orderID))
        events[event.orderID, default: []].append(event)
    }

    func add(_ added: Demand) {
        let key = DemandKey(sku: added.sku, day: added.day)
        journal.append(.demand(key, demand[key]))
        demand[key, default: Demand(sku: added.sku, day: added.day)].add(added)
    }

    func append(_ leadTime: LeadTime) {
        journal.append(.leadTimes(leadTime.supplier, leadTimes[leadTime.supplier]))
        var kept = leadTimes[leadTime.supplier] ?? []
        kept.append(leadTime.microseconds)
        leadTimes[leadTime.supplier] = kept.suffix(LeadTime.keptForASupplier)
    }

    func put(mark new: SweepMark?, _ sku: SKU) {
        journal.append(.mark(sku, marks[sku]))
        if new == nil { markedSKUs.remove(sku) } else if marks[sku] == nil { markedSKUs.insert(sku) }
        marks[sku] = new
    }

    func put(toTell orderID: OrderID, _ isThere: Bool) {
        journal.append(.toTell(orderID, wasThere: toTell.contains(orderID)))
        if isThere { toTell.insert(orderID) } else { toTell.remove(orderID) }
    }

    func put(sweptThrough time: Instant) {
        journal.append(.sweptThrough(sweptTime))
        sweptTime = time
    }

    func put(leader new: Leader) {
        journal.append(.leader(leader))
        leader = new
    }

    func put(suspect new: Suspect?, _ key: Digest128) {
        journal.append(.suspect(key, suspectBook[key]))
        suspectBook[key] = new
    }

    func put(claim worker: String?, _ segment: OutboxSegmentID) {
        journal.append(.claim(segment, claims[segment]))
        claims[segment] = worker
    }

    func put(outboxLease until: Instant?, _ worker: String) {
        journal.append(.outboxLease(worker, outboxLeases[worker]))
        outboxLeases[worker] = until
    }

    func append(_ discrepancy: Discrepancy) {
        journal.append(.discrepancies(discrepancies.count))
        discrepancies.append(discrepancy)
    }

    func nextSegment() -> OutboxSegmentID {
        lastSegment += 1
        return lastSegment
    }

    func adopt(_ new: Strategy) {
        if strategy == new { return }
        journal.append(.strategy(strategy))
        strategy = new
        for (orderID, stored) in orders {
            let lead = new.lead(of: stored.order)
            let leads = stored.order.lines.indices.map { position in
                stored.order.lines[position].isOpen ? lead : stored.leads[position]
            }
            if leads != stored.leads { put(order: StoredOrder(order: stored.order, leads: leads), orderID) }
        }
    }
}

extension MemoryBooks.StoredOrder {
    func key(_ position: Int) -> PrecedenceKey {
        PrecedenceKey(
            lead: leads[position], priority: order.priority, placedAt: order.placedAt, orderID: order.orderID,
            position: position)
    }
}

extension OrderLine {
    /// It stands in a queue: it waits, is held or has units allocated.
    var isOpen: Bool { waiting > 0 || held > 0 || !allocations.isEmpty }
}
