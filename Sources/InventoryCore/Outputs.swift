/// What the daemon tells the world. MessageSchema turns it into the contract's JSON.
public struct Output: Sendable, Equatable {
    /// The `cause` of what no message caused.
    public static let timerCause = "timer"

    /// `id` of the input behind it; `timer` for none.
    public var cause: String
    /// 0, 1, 2 … among the outputs of that cause: with the cause it makes the stable output id.
    public var ordinal: Int
    public var time: Instant
    /// Present where it concerns an order.
    public var order: OrderReference?
    public var body: Body
    public var trace: TraceContext?

    public struct OrderReference: Sendable, Equatable {
        public var orderID: OrderID
        /// The customer object as received, JSON.
        public var customer: String?
        /// 1, 2, 3 … for that order, no gap.
        public var sequence: Int64

        public init(orderID: OrderID, customer: String?, sequence: Int64) {
            self.orderID = orderID
            self.customer = customer
            self.sequence = sequence
        }
    }

    public enum Body: Sendable, Equatable {
        case notification(CustomerNotification)
        case fulfilmentRequested(Fulfilment)
        case fulfilmentWithdrawn(Fulfilment)
        case reorderRequested(ReorderRequested)
        case reorderExpedite(ReorderExpedite)
    }

    public init(
        cause: String, ordinal: Int, time: Instant, order: OrderReference? = nil, body: Body,
        trace: TraceContext? = nil
    ) {
        self.cause = cause
        self.ordinal = ordinal
        self.time = time
        self.order = order
        self.body = body
        self.trace = trace
    }
}

public enum NotificationKind: String, Sendable, CaseIterable {
    case orderConfirmed = "order-confirmed"
    case orderBackordered = "order-backordered"
    case orderHeld = "order-held"
    case orderRefused = "order-refused"
    case backorderFilled = "backorder-filled"
    case backorderDelayed = "backorder-delayed"
    case backorderAdvanced = "backorder-advanced"
    case orderDispatched = "order-dispatched"
    case orderCancelled = "order-cancelled"
}

public struct CustomerNotification: Sendable, Equatable {
    public struct Line: Sendable, Equatable {
        public var lineID: LineID
        public var sku: SKU
        public var quantity: Units
        public var promisedAt: Instant?
        public var previousPromisedAt: Instant?

        public init(
            lineID: LineID, sku: SKU, quantity: Units, promisedAt: Instant? = nil, previousPromisedAt: Instant? = nil
        ) {
            self.lineID = lineID
            self.sku = sku
            self.quantity = quantity
            self.promisedAt = promisedAt
            self.previousPromisedAt = previousPromisedAt
        }
    }

    /// What only `order-dispatched` carries.
    public struct Dispatch: Sendable, Equatable {
        public var shipmentID: Identifier
        public var carrier: String?
        public var service: String?
        public var trackingNumber: String?
        public var trackingURL: String?
        public var estimatedDelivery: Instant?

        public init(_ shipment: ShipmentDispatched) {
            shipmentID = shipment.shipmentID
            carrier = shipment.carrier
            service = shipment.service
            trackingNumber = shipment.trackingNumber
            trackingURL = shipment.trackingURL
            estimatedDelivery = shipment.estimatedDelivery
        }
    }

    public var kind: NotificationKind
    public var lines: [Line]
    public var dispatch: Dispatch?

    public init(kind: NotificationKind, lines: [Line], dispatch: Dispatch? = nil) {
        self.kind = kind
        self.lines = lines
        self.dispatch = dispatch
    }

    /// The latest of its lines' dates; nil if one of them has none.
    public var promisedAt: Instant? {
        var latest: Instant?
        for line in lines {
            guard let date = line.promisedAt else { return nil }
            if let known = latest { latest = max(known, date) } else { latest = date }
        }
        return latest
    }
}

/// What may be picked now (requested), or may not after all (withdrawn), at one location.
public struct Fulfilment: Sendable, Equatable {
    public struct Line: Sendable, Equatable {
        public var lineID: LineID
        public var sku: SKU
        public var quantity: Units

        public init(lineID: LineID, sku: SKU, quantity: Units) {
            self.lineID = lineID
            self.sku = sku
            self.quantity = quantity
        }
    }

    public var location: LocationID
    public var lines: [Line]

    public init(location: LocationID, lines: [Line]) {
        self.location = location
        self.lines = lines
    }
}

public struct ReorderRequested: Sendable, Equatable {
    public enum Reason: String, Sendable {
        case backOrder = "back-order"
        case reorderPoint = "reorder-point"
    }

    public struct Position: Sendable, Equatable {
        public var onHand: Units
        public var allocated: Units
        public var backordered: Units
        public var onOrder: Units

        public init(onHand: Units, allocated: Units, backordered: Units, onOrder: Units) {
            self.onHand = onHand
            self.allocated = allocated
            self.backordered = backordered
            self.onOrder = onOrder
        }
    }

    public struct BackOrder: Sendable, Equatable {
        public var orderID: OrderID
        public var lineID: LineID
        public var quantity: Units

        public init(orderID: OrderID, lineID: LineID, quantity: Units) {
            self.orderID = orderID
            self.lineID = lineID
            self.quantity = quantity
        }
    }

    public var reorderID: SupplyID
    public var sku: SKU
    public var location: LocationID
    public var supplier: SupplierID?
    public var quantity: Units
    public var reason: Reason
    public var expectedAt: Instant?
    /// As it was before this reorder.
    public var position: Position
    /// The first 100 waiting lines of the SKU, by precedence.
    public var backOrders: [BackOrder]

    public init(
        reorderID: SupplyID, sku: SKU, location: LocationID, supplier: SupplierID?, quantity: Units, reason: Reason,
        expectedAt: Instant?, position: Position, backOrders: [BackOrder]
    ) {
        self.reorderID = reorderID
        self.sku = sku
        self.location = location
        self.supplier = supplier
        self.quantity = quantity
        self.reason = reason
        self.expectedAt = expectedAt
        self.position = position
        self.backOrders = backOrders
    }
}

public struct ReorderExpedite: Sendable, Equatable {
    public var reorderID: SupplyID
    public var sku: SKU
    public var supplier: SupplierID?
    public var expectedAt: Instant?
    public var promisedAt: Instant?

    public init(
        reorderID: SupplyID, sku: SKU, supplier: SupplierID?, expectedAt: Instant?, promisedAt: Instant?
    ) {
        self.reorderID = reorderID
        self.sku = sku
        self.supplier = supplier
        self.expectedAt = expectedAt
        self.promisedAt = promisedAt
    }
}

/// Why a message goes to the dead-letter queue (`x-backorder-reason`).
public enum RejectionReason: String, Sendable, CaseIterable {
    case malformed, invalid, conflict, expired, poison
    case unknownType = "unknown-type"
    case tooLarge = "too-large"
}

/// A message that can't be used, and why, in one line: field and cause.
public struct Rejection: Error, Sendable, Equatable {
    public var reason: RejectionReason
    public var detail: String

    public init(_ reason: RejectionReason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }
}
