/// Units of a line that are promised from one location's stock.
public struct Allocation: Sendable, Equatable, Codable {
    public var location: LocationID
    public var units: Units
    /// How many of them a fulfilment-requested has asked for; never more than `units`.
    public var requested: Units

    public init(location: LocationID, units: Units, requested: Units = 0) {
        self.location = location
        self.units = units
        self.requested = requested
    }
}

/// One line of an order. Between inputs always:
/// ordered = allocated + waiting + held + dispatched + cancelled + refused, save that `dispatched` may pass it by
/// over-shipment.
public struct OrderLine: Sendable, Equatable {
    public var lineID: LineID
    public var sku: SKU
    public var pin: LocationID?
    public var unitPrice: String?
    public var ordered: Units
    /// By location, in the order in which they were first taken. No entry has 0 units.
    public var allocations: [Allocation] = []
    public var waiting: Units = 0
    public var held: Units = 0
    public var dispatched: Units = 0
    public var cancelled: Units = 0
    public var refused: Units = 0
    /// Units of an order in the making that have looked for no stock yet. 0 between inputs; never stored.
    public var unplaced: Units = 0
    /// What the customer was first told; never changes.
    public var firstPromisedAt: Instant?
    /// What the customer was last told.
    public var promisedAt: Instant?
    /// What is true now.
    public var estimatedAt: Instant?

    public init(lineID: LineID, sku: SKU, pin: LocationID? = nil, unitPrice: String? = nil, ordered: Units) {
        self.lineID = lineID
        self.sku = sku
        self.pin = pin
        self.unitPrice = unitPrice
        self.ordered = ordered
    }

    public var allocated: Units {
        var sum: Units = 0
        for allocation in allocations { sum += allocation.units }
        return sum
    }
}

public struct Order: Sendable, Equatable {
    public var orderID: OrderID
    public var placedAt: Instant
    public var customer: Customer?
    public var priority: Int
    public var requestedBy: Instant?
    public var ship: ShipMode
    public var currency: String?
    /// The policy holds it; its units are in `held` and count as no demand.
    public var isHeld: Bool
    /// The sequence number of the last output that concerned it.
    public var sequence: Int64
    /// The number of the last event that its journal has.
    public var eventCount: Int64
    /// In the order of the message; a line's index is its position in precedence.
    public var lines: [OrderLine]

    public init(
        orderID: OrderID, placedAt: Instant, customer: Customer? = nil, priority: Int = 0,
        requestedBy: Instant? = nil, ship: ShipMode = .partial, currency: String? = nil, isHeld: Bool = false,
        sequence: Int64 = 0, eventCount: Int64 = 0, lines: [OrderLine]
    ) {
        self.orderID = orderID
        self.placedAt = placedAt
        self.customer = customer
        self.priority = priority
        self.requestedBy = requestedBy
        self.ship = ship
        self.currency = currency
        self.isHeld = isHeld
        self.sequence = sequence
        self.eventCount = eventCount
        self.lines = lines
    }

    public var waitingUnits: Units {
        var sum: Units = 0
        for line in lines { sum += line.waiting }
        return sum
    }

    /// One word for a person: where the order stands.
    public var status: OrderStatus {
        if isHeld { return .held }
        var waiting: Units = 0
        var allocated: Units = 0
        var dispatched: Units = 0
        var cancelled: Units = 0
        for line in lines {
            waiting += line.waiting
            allocated += line.allocated
            dispatched += line.dispatched
            cancelled += line.cancelled
        }
        if waiting > 0 { return .backOrdered }
        if allocated > 0 { return dispatched > 0 ? .partlyDispatched : .allocated }
        if dispatched > 0 { return .dispatched }
        return cancelled > 0 ? .cancelled : .refused
    }
}

public enum OrderStatus: String, Sendable, CaseIterable {
    case held, allocated, dispatched, cancelled, refused
    case backOrdered = "back-ordered"
    case partlyDispatched = "partly-dispatched"
}
