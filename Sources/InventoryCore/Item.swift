/// Stock of a SKU at a location. Always 0 ≤ allocated ≤ on hand.
public struct Stock: Sendable, Equatable {
    public var location: LocationID
    public var onHand: Units
    public var allocated: Units

    public init(location: LocationID, onHand: Units = 0, allocated: Units = 0) {
        self.location = location
        self.onHand = onHand
        self.allocated = allocated
    }

    public var available: Units { onHand - allocated }
}

/// Kept totals of the lines of a SKU that wait with the same pin.
public struct WaitingLane: Sendable, Equatable {
    /// nil: the lines that any location may serve.
    public var pin: LocationID?
    public var units: Units
    public var lines: Int64

    public init(pin: LocationID?, units: Units = 0, lines: Int64 = 0) {
        self.pin = pin
        self.units = units
        self.lines = lines
    }
}

/// Units that were shipped from a location though the books had none: a receipt that was merely late settles them.
public struct Deficit: Sendable, Equatable {
    public var location: LocationID
    public var dispatchedAt: Instant
    public var units: Units

    public init(location: LocationID, dispatchedAt: Instant, units: Units) {
        self.location = location
        self.dispatchedAt = dispatchedAt
        self.units = units
    }
}

/// All that is known of one SKU over all locations, but not its queue and not its supply, which may be long.
public struct Item: Sendable, Equatable {
    public var sku: SKU
    /// By location, in byte order of the name.
    public var stock: [Stock]
    /// One for each pin that has ever waited; in byte order of the pin, none first.
    public var lanes: [WaitingLane]
    /// Kept total: outstanding units of all its reorders and inbounds.
    public var onOrder: Units
    /// Kept total: those of them that have an expected date.
    public var onOrderDated: Units
    /// Some waiting line may have a date, promised or estimated: the sweep has something to look at.
    public var hasDates: Bool
    /// How many reorders were made; numbers the next one.
    public var reorderCount: Int64
    /// What item-updated said; wins over the configuration, key by key.
    public var settings: ItemSettings?
    /// By location, then dispatchedAt.
    public var deficits: [Deficit]

    public init(
        sku: SKU, stock: [Stock] = [], lanes: [WaitingLane] = [], onOrder: Units = 0, onOrderDated: Units = 0,
        hasDates: Bool = false, reorderCount: Int64 = 0, settings: ItemSettings? = nil, deficits: [Deficit] = []
    ) {
        self.sku = sku
        self.stock = stock
        self.lanes = lanes
        self.onOrder = onOrder
        self.onOrderDated = onOrderDated
        self.hasDates = hasDates
        self.reorderCount = reorderCount
        self.settings = settings
        self.deficits = deficits
    }

    public var waiting: Units {
        var sum: Units = 0
        for lane in lanes { sum += lane.units }
        return sum
    }

    public var onHand: Units {
        var sum: Units = 0
        for entry in stock { sum += entry.onHand }
        return sum
    }

    public var allocated: Units {
        var sum: Units = 0
        for entry in stock { sum += entry.allocated }
        return sum
    }

    /// on hand − allocated − waiting + on order, over all locations.
    public var position: Units { onHand - allocated - waiting + onOrder }

    public func available(at location: LocationID) -> Units {
        for entry in stock where entry.location == location { return entry.available }
        return 0
    }

    public func onHand(at location: LocationID) -> Units {
        for entry in stock where entry.location == location { return entry.onHand }
        return 0
    }
}
