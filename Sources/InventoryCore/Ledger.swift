/// A line that waits, holds or is allocated, as an index lists it: enough to place it, without its order.
public struct QueuedLine: Sendable, Equatable {
    public var key: PrecedenceKey
    public var lineID: LineID
    public var pin: LocationID?
    /// Of the kind the list is about: waiting, held or allocated.
    public var units: Units
    public var promisedAt: Instant?
    public var estimatedAt: Instant?

    public init(
        key: PrecedenceKey, lineID: LineID, pin: LocationID?, units: Units, promisedAt: Instant? = nil,
        estimatedAt: Instant? = nil
    ) {
        self.key = key
        self.lineID = lineID
        self.pin = pin
        self.units = units
        self.promisedAt = promisedAt
        self.estimatedAt = estimatedAt
    }
}

/// A message that came before its order, kept until the order comes or `parking` is over.
public struct ParkedMessage: Sendable, Equatable {
    public var orderID: OrderID
    public var message: InputMessage
    public var parkedAt: Instant
    /// The message as it came (body, properties, queue), opaque here: what a dead letter needs.
    public var original: [UInt8]

    public init(orderID: OrderID, message: InputMessage, parkedAt: Instant, original: [UInt8]) {
        self.orderID = orderID
        self.message = message
        self.parkedAt = parkedAt
        self.original = original
    }
}

/// Something that the books and the world disagree about.
public struct Discrepancy: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
        /// More was dispatched than was ordered.
        case overShipment = "over-shipment"
        /// More left a location than was on hand there.
        case shippedWithoutStock = "shipped-without-stock"
        /// An adjustment would have made on hand negative.
        case adjustedBelowZero = "adjusted-below-zero"
    }

    public var time: Instant
    public var kind: Kind
    public var sku: SKU
    public var location: LocationID
    public var quantity: Units
    /// The id of the message that showed it.
    public var messageID: String

    public init(time: Instant, kind: Kind, sku: SKU, location: LocationID, quantity: Units, messageID: String) {
        self.time = time
        self.kind = kind
        self.sku = sku
        self.location = location
        self.quantity = quantity
        self.messageID = messageID
    }
}

/// What the decisions ask of the books. Synchronous, inside the caller's transaction; answers are as of its begin,
/// whatever the working set has changed since (`WorkingSet` lays its own changes over them).
///
/// Lists are bounded by `limit` and continue `after` the last key seen, so that no question grows with the queue.
public protocol LedgerReader: SupplyReader {
    /// The orders among these that exist, whole, in any order. Locks them where the store locks.
    func orders(_ orderIDs: [OrderID]) throws -> [Order]
    /// The items among these that exist, in any order. Locks them where the store locks.
    func items(_ skus: [SKU]) throws -> [Item]
    /// Lines of the SKU with exactly this pin (nil: none) and waiting > 0, by precedence, first to last.
    func waitingLines(sku: SKU, pin: LocationID?, after: PrecedenceKey?, limit: Int) throws -> [QueuedLine]
    /// Lines of the SKU with exactly this pin and waiting > 0, from the last in precedence up to (not with) `before`.
    func waitingLinesFromLast(sku: SKU, pin: LocationID?, before: PrecedenceKey?, limit: Int) throws -> [QueuedLine]
    /// Lines of the SKU with allocated units at any location, from the last in precedence up.
    func allocatedLinesFromLast(sku: SKU, before: PrecedenceKey?, limit: Int) throws -> [QueuedLine]
    /// Lines of the SKU in held orders with held > 0, by precedence.
    func heldLines(sku: SKU, after: PrecedenceKey?, limit: Int) throws -> [QueuedLine]
    /// What was observed between reorder and receipt for a supplier, in microseconds: the newest
    /// `LeadTime.keptForASupplier`, in any order.
    func leadTimes(_ supplier: SupplierID) throws -> [Int64]
    /// All rows of these supplies, outstanding or not, every SKU and location.
    func supplies(_ supplyIDs: [SupplyID]) throws -> [Supply]
    /// The inbounds tied to these reorders, outstanding or not.
    func inbounds(tiedTo reorderIDs: [SupplyID]) throws -> [Supply]
    /// What is parked for these orders.
    func parkedMessages(_ orderIDs: [OrderID]) throws -> [ParkedMessage]
}

/// What a run of inputs changed, to be written in one go. Rows are whole: a store writes what is named and knows
/// nothing of why.
public struct Changes: Sendable {
    public struct OrderChange: Sendable {
        public var order: Order
        public var isNew: Bool
        /// The positions of the lines that changed (all of a new order's).
        public var lines: [Int]
        /// What `PrecedenceKey.lead` of its lines is now.
        public var lead: Int64

        public init(order: Order, isNew: Bool, lines: [Int], lead: Int64) {
            self.order = order
            self.isNew = isNew
            self.lines = lines
            self.lead = lead
        }
    }

    public struct ItemChange: Sendable {
        public var item: Item
        public var isNew: Bool
        /// on order, reorder count or settings changed.
        public var headChanged: Bool
        /// Indexes into `item.stock` and `item.lanes` that changed.
        public var stock: [Int]
        public var lanes: [Int]
        /// All deficits of the item are to be written anew.
        public var deficitsChanged: Bool

        public init(
            item: Item, isNew: Bool, headChanged: Bool, stock: [Int], lanes: [Int], deficitsChanged: Bool
        ) {
            self.item = item
            self.isNew = isNew
            self.headChanged = headChanged
            self.stock = stock
            self.lanes = lanes
            self.deficitsChanged = deficitsChanged
        }
    }

    public var orders: [OrderChange] = []
    public var items: [ItemChange] = []
    /// Inserted, or replaced by (supplyID, sku, location).
    public var supplies: [Supply] = []
    public var discrepancies: [Discrepancy] = []
    public var parked: [ParkedMessage] = []
    /// Parked messages that were used up, by (orderID, message id).
    public var unparked: [ParkedMessage] = []
    /// Appended to the orders' journals.
    public var events: [OrderEvent] = []
    /// Added to what the books have for the SKU and day.
    public var demand: [Demand] = []
    public var leadTimes: [LeadTime] = []
    /// SKUs whose queue or supply changed, and when first: their dates are to be worked out anew by the sweep.
    public var marks: [SweepMark] = []

    public init() {}

    public var isEmpty: Bool {
        orders.isEmpty && items.isEmpty && supplies.isEmpty && discrepancies.isEmpty && parked.isEmpty
            && unparked.isEmpty && events.isEmpty && demand.isEmpty && leadTimes.isEmpty && marks.isEmpty
    }

    /// Brings what was taken unsorted into the order in which it is written: one order for all, so that workers lock rows
    /// alike, and the same rows are written for the same inputs.
    public mutating func sort() {
        let order = items.indices.sorted { items[$0].item.sku < items[$1].item.sku }
        items = order.map { items[$0] }
        supplies.sort(by: Changes.precedes)
        sortRest()
    }

    mutating func sortRest() {
        demand.sort { ($0.sku, $0.day) < ($1.sku, $1.day) }
        marks.sort { $0.sku < $1.sku }
    }

    static func precedes(_ left: Supply, _ right: Supply) -> Bool {
        (left.supplyID, left.sku, left.location) < (right.supplyID, right.sku, right.location)
    }
}
