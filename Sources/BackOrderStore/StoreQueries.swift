public import InventoryCore

/// What people ask of the books (`backorderd show`, the dashboard). Reads only.
public protocol StoreQueries: SupplyReader {
    /// Sorted by SKU, then location. Only the given SKU, if one is given. Pages by key.
    func stock(sku: SKU?, after: StockRow?, limit: Int) throws -> [StockRow]
    func order(_ orderID: OrderID) throws -> Order?
    /// By SKU (bytes), then precedence; `place` counts from 1 within the SKU.
    func backOrders(sku: SKU?, after: BackOrderRow?, limit: Int) throws -> [BackOrderRow]
    /// Outstanding only, unless `settled`; sorted by SKU, then `SupplyKey`.
    func supplies(kind: Supply.Kind?, settled: Bool, after: Supply?, limit: Int) throws -> [Supply]
    /// In the order in which they were noted. Pages by key.
    func discrepancies(after: DiscrepancyRow?, limit: Int) throws -> [DiscrepancyRow]
    func totals() throws -> StoreTotals

    /// What one SKU has; nil: unknown.
    func item(_ sku: SKU) throws -> Item?
    /// How many waiting lines of the SKU, and units of them, go before this place.
    func waitingBefore(_ key: PrecedenceKey, sku: SKU) throws -> (lines: Int64, units: Units)
    /// An order's journal, first to last. Pages by number.
    func events(of orderID: OrderID, after: Int64, limit: Int) throws -> [OrderEvent]
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

public struct StoreTotals: Sendable, Equatable {
    public var orders: Int64 = 0
    public var waitingLines: Int64 = 0
    public var waitingUnits: Int64 = 0
    public var outboxMessages: Int64 = 0
    public var parkedMessages: Int64 = 0
    public var oldestOutboxAt: Instant?

    public init() {}
}
