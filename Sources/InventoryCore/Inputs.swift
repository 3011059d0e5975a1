/// What can be told to the daemon, decoded and validated. One case for each `type` of the contract.
public enum Input: Sendable, Codable, Equatable {
    case orderPlaced(OrderPlaced)
    case stockReceived(StockReceived)
    case shipmentDispatched(ShipmentDispatched)
    case orderCancelled(OrderCancelled)
    case orderReleased(OrderReleased)
    case stockAdjusted(StockAdjusted)
    case inboundScheduled(InboundScheduled)
    case inboundCancelled(InboundCancelled)
    case itemUpdated(ItemUpdated)

    public var type: InputType {
        switch self {
        case .orderPlaced: .orderPlaced
        case .stockReceived: .stockReceived
        case .shipmentDispatched: .shipmentDispatched
        case .orderCancelled: .orderCancelled
        case .orderReleased: .orderReleased
        case .stockAdjusted: .stockAdjusted
        case .inboundScheduled: .inboundScheduled
        case .inboundCancelled: .inboundCancelled
        case .itemUpdated: .itemUpdated
        }
    }
}

public enum InputType: String, Sendable, Codable, CaseIterable {
    case orderPlaced = "order-placed"
    case stockReceived = "stock-received"
    case shipmentDispatched = "shipment-dispatched"
    case orderCancelled = "order-cancelled"
    case orderReleased = "order-released"
    case stockAdjusted = "stock-adjusted"
    case inboundScheduled = "inbound-scheduled"
    case inboundCancelled = "inbound-cancelled"
    case itemUpdated = "item-updated"
}

/// One message as the core sees it: its identity, its time, and what it says.
public struct InputMessage: Sendable, Codable, Equatable {
    /// The envelope's `id`, or what stands in for it. Becomes the `cause` of every output.
    public var id: String
    /// The envelope's `time`; the time of arrival where there was none.
    public var time: Instant
    public var input: Input
    /// W3C trace context, carried on to every output that this message causes.
    public var trace: TraceContext?

    public init(id: String, time: Instant, input: Input, trace: TraceContext? = nil) {
        self.id = id
        self.time = time
        self.input = input
        self.trace = trace
    }
}

public struct TraceContext: Sendable, Codable, Equatable {
    public var parent: String
    public var state: String?

    public init(parent: String, state: String? = nil) {
        self.parent = parent
        self.state = state
    }
}

/// The customer as received. `json` is the object as the message had it (compact, keys in their order); the core only
/// looks at the segment.
public struct Customer: Sendable, Codable, Equatable {
    public var json: String
    public var segment: String?

    public init(json: String, segment: String? = nil) {
        self.json = json
        self.segment = segment
    }
}

/// `partial`: what is there goes now. `complete`: the order goes when none of it waits.
public enum ShipMode: String, Sendable, Codable, CaseIterable {
    case partial, complete
}

public struct OrderPlaced: Sendable, Codable, Equatable {
    public struct Line: Sendable, Codable, Equatable {
        public var lineID: LineID
        public var sku: SKU
        public var quantity: Units
        /// The pin: the only location that may serve this line.
        public var location: LocationID?
        /// As written in the message, a JSON number.
        public var unitPrice: String?

        public init(
            lineID: LineID, sku: SKU, quantity: Units, location: LocationID? = nil, unitPrice: String? = nil
        ) {
            self.lineID = lineID
            self.sku = sku
            self.quantity = quantity
            self.location = location
            self.unitPrice = unitPrice
        }
    }

    public var orderID: OrderID
    public var lines: [Line]
    /// Default: the message's time.
    public var placedAt: Instant
    public var customer: Customer?
    /// 0…9, 9 first. nil: the message does not say, the policy may.
    public var priority: Int?
    public var requestedBy: Instant?
    public var ship: ShipMode?
    public var currency: String?

    public init(
        orderID: OrderID, lines: [Line], placedAt: Instant, customer: Customer? = nil, priority: Int? = nil,
        requestedBy: Instant? = nil, ship: ShipMode? = nil, currency: String? = nil
    ) {
        self.orderID = orderID
        self.lines = lines
        self.placedAt = placedAt
        self.customer = customer
        self.priority = priority
        self.requestedBy = requestedBy
        self.ship = ship
        self.currency = currency
    }
}

/// Units of one SKU, as receipts and inbounds list them.
public struct SKUQuantity: Sendable, Codable, Equatable {
    public var sku: SKU
    public var quantity: Units

    public init(sku: SKU, quantity: Units) {
        self.sku = sku
        self.quantity = quantity
    }
}

/// Names a line of an order: by its id, or by SKU (then all the order's lines of that SKU, in order).
public enum LineSelector: Sendable, Codable, Equatable {
    case line(LineID)
    case sku(SKU)
}

public struct LineQuantity: Sendable, Codable, Equatable {
    public var selector: LineSelector
    public var quantity: Units

    public init(_ selector: LineSelector, quantity: Units) {
        self.selector = selector
        self.quantity = quantity
    }
}

public struct StockReceived: Sendable, Codable, Equatable {
    public var receiptID: Identifier
    public var location: LocationID
    public var lines: [SKUQuantity]
    public var supplier: SupplierID?
    public var reorderID: SupplyID?
    public var inboundID: SupplyID?
    /// Default: the message's time.
    public var receivedAt: Instant

    public init(
        receiptID: Identifier, location: LocationID, lines: [SKUQuantity], supplier: SupplierID? = nil,
        reorderID: SupplyID? = nil, inboundID: SupplyID? = nil, receivedAt: Instant
    ) {
        self.receiptID = receiptID
        self.location = location
        self.lines = lines
        self.supplier = supplier
        self.reorderID = reorderID
        self.inboundID = inboundID
        self.receivedAt = receivedAt
    }
}

public struct ShipmentDispatched: Sendable, Codable, Equatable {
    public var shipmentID: Identifier
    public var orderID: OrderID
    public var lines: [LineQuantity]
    public var location: LocationID?
    public var carrier: String?
    public var service: String?
    public var trackingNumber: String?
    public var trackingURL: String?
    /// Default: the message's time.
    public var dispatchedAt: Instant
    public var estimatedDelivery: Instant?

    public init(
        shipmentID: Identifier, orderID: OrderID, lines: [LineQuantity], location: LocationID? = nil,
        carrier: String? = nil, service: String? = nil, trackingNumber: String? = nil, trackingURL: String? = nil,
        dispatchedAt: Instant, estimatedDelivery: Instant? = nil
    ) {
        self.shipmentID = shipmentID
        self.orderID = orderID
        self.lines = lines
        self.location = location
        self.carrier = carrier
        self.service = service
        self.trackingNumber = trackingNumber
        self.trackingURL = trackingURL
        self.dispatchedAt = dispatchedAt
        self.estimatedDelivery = estimatedDelivery
    }
}

public struct OrderCancelled: Sendable, Codable, Equatable {
    public var orderID: OrderID
    /// nil: all that is not dispatched.
    public var lines: [LineQuantity]?
    public var reason: String?

    public init(orderID: OrderID, lines: [LineQuantity]? = nil, reason: String? = nil) {
        self.orderID = orderID
        self.lines = lines
        self.reason = reason
    }
}

public struct OrderReleased: Sendable, Codable, Equatable {
    public enum Decision: String, Sendable, Codable, CaseIterable {
        case wait, cancel
    }

    public var orderID: OrderID
    public var decision: Decision

    public init(orderID: OrderID, decision: Decision = .wait) {
        self.orderID = orderID
        self.decision = decision
    }
}

public struct StockAdjusted: Sendable, Codable, Equatable {
    public enum Change: Sendable, Codable, Equatable {
        /// May be negative, never 0.
        case delta(Units)
        /// May be 0.
        case counted(Units)
    }

    public struct Line: Sendable, Codable, Equatable {
        public var sku: SKU
        public var change: Change

        public init(sku: SKU, change: Change) {
            self.sku = sku
            self.change = change
        }
    }

    public var adjustmentID: Identifier
    public var location: LocationID
    public var lines: [Line]
    public var reason: String?

    public init(adjustmentID: Identifier, location: LocationID, lines: [Line], reason: String? = nil) {
        self.adjustmentID = adjustmentID
        self.location = location
        self.lines = lines
        self.reason = reason
    }
}

public struct InboundScheduled: Sendable, Codable, Equatable {
    public var inboundID: SupplyID
    public var location: LocationID
    /// nil: nobody knows. A message always says it, an imported purchase order may not.
    public var expectedAt: Instant?
    public var lines: [SKUQuantity]
    public var supplier: SupplierID?
    public var reorderID: SupplyID?
    public var carrier: String?
    public var trackingNumber: String?

    public init(
        inboundID: SupplyID, location: LocationID, expectedAt: Instant?, lines: [SKUQuantity],
        supplier: SupplierID? = nil, reorderID: SupplyID? = nil, carrier: String? = nil, trackingNumber: String? = nil
    ) {
        self.inboundID = inboundID
        self.location = location
        self.expectedAt = expectedAt
        self.lines = lines
        self.supplier = supplier
        self.reorderID = reorderID
        self.carrier = carrier
        self.trackingNumber = trackingNumber
    }
}

public struct InboundCancelled: Sendable, Codable, Equatable {
    public var inboundID: SupplyID
    public var reason: String?

    public init(inboundID: SupplyID, reason: String? = nil) {
        self.inboundID = inboundID
        self.reason = reason
    }
}

/// Replaces, key by key, what the configuration says of one item.
public struct ItemUpdated: Sendable, Codable, Equatable {
    public var sku: SKU
    public var settings: ItemSettings

    public init(sku: SKU, settings: ItemSettings) {
        self.sku = sku
        self.settings = settings
    }
}
