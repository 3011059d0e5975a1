public import InventoryCore

/// What people ask of the books (`backorderd show`, the dashboard). Reads only.
public protocol StoreQueries: SupplyReader {
    /// Sorted by SKU, then location. Only the given SKU, if one is given. Pages by key.
    func stock(sku: SKU?, after: StockRow?, limit: Int) throws -> [StockRow]
    func order(_ orderID: OrderID) throws -> Order?
    /// By SKU (bytes), then precedence; `place` counts from 1 within the SKU.
    func backOrders(sku: SKU?, after: BackOrderRow?, limit: Int) throws -> [BackOrderRow]
    /// Waiting lines of a customer, by `WaitingPlace`; only of the SKU, and only those pinned to the location, if one is
    /// given. Looks at a bounded number of orders: it may answer fewer lines than asked for, or none, and still go on.
    func waiting(
        of customer: CustomerMatch, sku: SKU?, location: LocationID?, after: WaitingPlace?, limit: Int
    ) throws -> WaitingPage
    /// Waiting lines that are pinned to the location, by `WaitingPlace`. Pages by key.
    func waiting(at location: LocationID, after: WaitingPlace?, limit: Int) throws -> [WaitingLine]
    /// Waiting lines of the SKU that are pinned to the location, by precedence. Pages by key.
    func waiting(of sku: SKU, at location: LocationID, after: PrecedenceKey?, limit: Int) throws -> [WaitingLine]
    /// The place in the SKU's queue, 1 goes first; nil: it is beyond `atMost`.
    func place(of key: PrecedenceKey, sku: SKU, atMost: Int64) throws -> Int64?
    /// Outstanding only, unless `settled`; sorted by SKU, then `SupplyKey`.
    func supplies(kind: Supply.Kind?, settled: Bool, after: Supply?, limit: Int) throws -> [Supply]
    /// In the order in which they were noted. Pages by key.
    func discrepancies(after: DiscrepancyRow?, limit: Int) throws -> [DiscrepancyRow]
    func totals() throws -> StoreTotals
    /// What a planner wants to see at a glance. Reads kept sums and bounded stretches of indexes, never all lines.
    func figures(now: Instant) throws -> StoreFigures
    /// Waiting lines that were promised for a time before `before`, the earliest first. Pages by key.
    func promisedLines(before: Instant, after: PromisedLine?, limit: Int) throws -> [PromisedLine]

    /// What one SKU has; nil: unknown.
    func item(_ sku: SKU) throws -> Item?
    /// How many waiting lines of the SKU, and units of them, go before this place.
    func waitingBefore(_ key: PrecedenceKey, sku: SKU) throws -> (lines: Int64, units: Units)
    /// An order's journal, first to last. Pages by number.
    func events(of orderID: OrderID, after: Int64, limit: Int) throws -> [OrderEvent]
    /// The beginnings of several orders' journals, at most `limit` events of each; an order without one is missing.
    func firstEvents(of orderIDs: [OrderID], limit: Int) throws -> [OrderID: [OrderEvent]]
    /// By SKU, then day. Pages by key.
    func demand(sku: SKU?, after: Demand?, limit: Int) throws -> [Demand]
    /// By order id, then message id. Pages by key.
    func parked(after: ParkedMessage?, limit: Int) throws -> [ParkedMessage]
    /// The strategy that the waiting lines are ordered by; nil: none was adopted yet.
    func adoptedStrategy() throws -> Strategy?

    // Rows as they stand, for an audit.

    /// In byte order of the order id.
    func auditOrders(after: OrderID?, limit: Int) throws -> [AuditedOrder]
    /// In byte order of the SKU.
    func auditItems(after: SKU?, limit: Int) throws -> [AuditedItem]
    /// All supply, also settled, in order of (supply id, SKU, location).
    func auditSupplies(after: Supply?, limit: Int) throws -> [AuditedSupply]
}

extension StoreQueries {
    /// One by one: for stores that are not behind a network.
    public func firstEvents(of orderIDs: [OrderID], limit: Int) throws -> [OrderID: [OrderEvent]] {
        var result: [OrderID: [OrderEvent]] = [:]
        for orderID in orderIDs {
            let events = try events(of: orderID, after: 0, limit: limit)
            if !events.isEmpty { result[orderID] = events }
        }
        return result
    }
}

/// An order with what the store keeps beside it.
public struct AuditedOrder: Sendable {
    public var order: Order
    /// By line: the leading value of its precedence.
    public var leads: [Int64]
    /// By line: the sum of its allocations, where the store keeps one; else empty.
    public var allocated: [Units]
    /// `RowSum`s as they were written; nil: the row is older than sums, or the store keeps none.
    public var sum: Int64?
    public var lineSums: [Int64?]
    /// What the store itself found wrong with its own bookkeeping of the order.
    public var faults: [String] = []

    public init(
        order: Order, leads: [Int64], allocated: [Units] = [], sum: Int64? = nil, lineSums: [Int64?] = []
    ) {
        self.order = order
        self.leads = leads
        self.allocated = allocated
        self.sum = sum
        self.lineSums = lineSums
    }
}

public struct AuditedItem: Sendable {
    public var item: Item
    public var sum: Int64?
    /// By index of `item.stock`.
    public var stockSums: [Int64?]
    /// By index of `item.deficits`.
    public var deficitSums: [Int64?]
    /// The settings as the store keeps them: what the sum was made of.
    public var settings: String?
    /// What the store itself found wrong with its own bookkeeping of the item.
    public var faults: [String] = []

    public init(
        item: Item, sum: Int64? = nil, stockSums: [Int64?] = [], deficitSums: [Int64?] = [], settings: String? = nil
    ) {
        self.item = item
        self.sum = sum
        self.stockSums = stockSums
        self.deficitSums = deficitSums
        self.settings = settings
    }
}

public struct AuditedSupply: Sendable {
    public var supply: Supply
    public var sum: Int64?

    public init(supply: Supply, sum: Int64? = nil) {
        self.supply = supply
        self.sum = sum
    }
}

public struct StockRow: Sendable, Equatable {
    public var sku: SKU
    public var location: LocationID
    public var onHand: Units
    public var allocated: Units

    public init(sku: SKU, location: LocationID, onHand: Units, allocated: Units) {
        self.sku = sku
        self.location = location
        self.onHand = onHand
        self.allocated = allocated
    }
}

public struct BackOrderRow: Sendable, Equatable {
    public var sku: SKU
    public var key: PrecedenceKey
    public var lineID: LineID
    public var waiting: Units
    /// 1 goes first.
    public var place: Int64
    public var promisedAt: Instant?

    public init(sku: SKU, key: PrecedenceKey, lineID: LineID, waiting: Units, place: Int64, promisedAt: Instant?) {
        self.sku = sku
        self.key = key
        self.lineID = lineID
        self.waiting = waiting
        self.place = place
        self.promisedAt = promisedAt
    }
}

public struct DiscrepancyRow: Sendable, Equatable {
    /// Grows in the order in which they were noted.
    public var number: Int64
    public var discrepancy: Discrepancy

    public init(number: Int64, discrepancy: Discrepancy) {
        self.number = number
        self.discrepancy = discrepancy
    }
}

/// The books in numbers.
public struct StoreFigures: Sendable, Equatable {
    /// Counts that stand for "so many at least" when they reach this.
    public static let countedAtMost: Int64 = 100_000

    public struct Place: Sendable, Equatable {
        public var location: LocationID
        public var onHand: Units
        public var allocated: Units

        public init(location: LocationID, onHand: Units, allocated: Units) {
            self.location = location
            self.onHand = onHand
            self.allocated = allocated
        }
    }

    public struct Coming: Sendable, Equatable {
        public var supplies: Int64 = 0
        public var units: Units = 0
        /// Of the supplies: expected earlier than now.
        public var overdue: Int64 = 0

        public init(supplies: Int64 = 0, units: Units = 0, overdue: Int64 = 0) {
            self.supplies = supplies
            self.units = units
            self.overdue = overdue
        }
    }

    public var waitingLines: Int64 = 0
    public var waitingUnits: Units = 0
    /// `placed_at` of the order that has waited longest. nil: none waits, or it would have taken too long to find.
    public var waitingSince: Instant?
    /// Waiting lines that were promised for a time that has passed; at most `countedAtMost`.
    public var promisesOverdue: Int64 = 0
    /// Waiting lines that are promised for the next 24 hours; at most `countedAtMost`.
    public var promisesDue: Int64 = 0
    /// Lines of orders that the policy holds; at most `countedAtMost`.
    public var heldLines: Int64 = 0
    public var reorders = Coming()
    public var inbounds = Coming()
    public var discrepancies: Int64 = 0
    public var parkedMessages: Int64 = 0
    /// Of all workers together.
    public var outboxMessages: Int64 = 0
    public var oldestOutboxAt: Instant?
    /// In byte order of the location.
    public var places: [Place] = []

    public init() {}
}

/// A waiting line and its promise.
public struct PromisedLine: Sendable, Equatable {
    public var promisedAt: Instant
    public var sku: SKU
    public var orderID: OrderID
    /// The line's position in its order.
    public var position: Int
    public var lineID: LineID
    public var waiting: Units
    /// The store's own numbers, by which it finds its way on from here among lines of one date.
    public var place: Place

    public struct Place: Sendable, Equatable {
        public var item: Int64
        public var line: Int64

        public init(item: Int64, line: Int64) {
            self.item = item
            self.line = line
        }
    }

    public init(
        promisedAt: Instant, sku: SKU, orderID: OrderID, position: Int, lineID: LineID, waiting: Units, place: Place
    ) {
        self.promisedAt = promisedAt
        self.sku = sku
        self.orderID = orderID
        self.position = position
        self.lineID = lineID
        self.waiting = waiting
        self.place = place
    }
}

public struct StoreTotals: Sendable, Equatable {
    public var orders: Int64 = 0
    public var waitingLines: Int64 = 0
    public var waitingUnits: Int64 = 0
    public var outboxMessages: Int64 = 0
    public var parkedMessages: Int64 = 0
    public var oldestOutboxAt: Instant?

    public init() {}
}
