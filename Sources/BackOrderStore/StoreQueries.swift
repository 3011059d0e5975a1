public import InventoryCore

/// What people ask of the books (`backorderd show`, the dashboard). Reads only.
public protocol StoreQueries: AnyObject {
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
