public import InventoryCore

/// What a worker in the shadow writes down of one input, or of one step of the sweep: enough to compare later what it
/// would have asked for with what was really shipped. Its form is the program's own, whatever outputs are mapped to.
public struct ShadowNote: Sendable, Equatable {
    /// The type of a note that tells what the books held when the journal began.
    public static let opening = "opening"

    /// The input behind it.
    public struct Cause: Sendable, Equatable {
        public var id: String
        public var type: String
        /// The message's own time.
        public var time: Instant

        public init(id: String, type: String, time: Instant) {
            self.id = id
            self.type = type
            self.time = time
        }
    }

    public struct Line: Sendable, Equatable {
        public var lineID: LineID
        public var sku: SKU
        public var quantity: Units
        public var promisedAt: Instant?

        public init(lineID: LineID, sku: SKU, quantity: Units, promisedAt: Instant? = nil) {
            self.lineID = lineID
            self.sku = sku
            self.quantity = quantity
            self.promisedAt = promisedAt
        }
    }

    /// An order that was placed.
    public struct Placed: Sendable, Equatable {
        public var orderID: OrderID
        public var placedAt: Instant
        public var lines: [Line]

        public init(orderID: OrderID, placedAt: Instant, lines: [Line]) {
            self.orderID = orderID
            self.placedAt = placedAt
            self.lines = lines
        }
    }

    /// A shipment that was really dispatched. Its lines are those of the `order-dispatched` that it causes.
    public struct Shipped: Sendable, Equatable {
        public var shipmentID: Identifier
        public var orderID: OrderID
        /// nil: not told.
        public var location: LocationID?
        public var dispatchedAt: Instant

        public init(shipmentID: Identifier, orderID: OrderID, location: LocationID?, dispatchedAt: Instant) {
            self.shipmentID = shipmentID
            self.orderID = orderID
            self.location = location
            self.dispatchedAt = dispatchedAt
        }
    }

    /// An output that concerns an order.
    public struct Effect: Sendable, Equatable {
        /// `fulfilment-requested`, `fulfilment-withdrawn`, or a notice's kind.
        public var kind: String
        public var cause: String
        public var time: Instant
        public var orderID: OrderID
        public var location: LocationID?
        public var lines: [Line]

        public init(
            kind: String, cause: String, time: Instant, orderID: OrderID, location: LocationID? = nil, lines: [Line]
        ) {
            self.kind = kind
            self.cause = cause
            self.time = time
            self.orderID = orderID
            self.location = location
            self.lines = lines
        }
    }

    /// nil: the sweep.
    public var cause: Cause?
    public var placed: Placed?
    public var shipped: Shipped?
    public var effects: [Effect]

    public init(cause: Cause?, placed: Placed? = nil, shipped: Shipped? = nil, effects: [Effect] = []) {
        self.cause = cause
        self.placed = placed
        self.shipped = shipped
        self.effects = effects
    }

    /// nil: there is nothing to write down.
    public init?(_ input: InputMessage?, _ outputs: [Output]) {
        let effects = outputs.compactMap(Effect.init)
        if input == nil, effects.isEmpty { return nil }
        self.init(
            cause: input.map { Cause(id: $0.id, type: $0.input.type.rawValue, time: $0.time) }, effects: effects)
        switch input?.input {
        case .orderPlaced(let order):
            placed = Placed(
                orderID: order.orderID, placedAt: order.placedAt,
                lines: order.lines.map { Line(lineID: $0.lineID, sku: $0.sku, quantity: $0.quantity) })
        case .shipmentDispatched(let shipment):
            shipped = Shipped(
                shipmentID: shipment.shipmentID, orderID: shipment.orderID, location: shipment.location,
                dispatchedAt: shipment.dispatchedAt)
        default: break
        }
    }

    /// The same for the same input, or the same step of the sweep: what is written twice after a crash is told by it.
    public var key: String {
        if let cause { return cause.id }
        guard let first = effects.first else { return "" }
        return "\(Output.timerCause) \(first.time.microseconds) \(first.kind) \(first.orderID)"
    }
}

extension ShadowNote.Effect {
    init?(_ output: Output) {
        guard let order = output.order else { return nil }
        switch output.body {
        case .fulfilmentRequested(let fulfilment):
            self.init(output, order, "fulfilment-requested", fulfilment.location, fulfilment.noted)
        case .fulfilmentWithdrawn(let fulfilment):
            self.init(output, order, "fulfilment-withdrawn", fulfilment.location, fulfilment.noted)
        case .notification(let notice):
            self.init(
                output, order, notice.kind.rawValue, nil,
                notice.lines.map {
                    ShadowNote.Line(lineID: $0.lineID, sku: $0.sku, quantity: $0.quantity, promisedAt: $0.promisedAt)
                })
        case .reorderRequested, .reorderExpedite: return nil
        }
    }

    private init(
        _ output: Output, _ order: Output.OrderReference, _ kind: String, _ location: LocationID?,
        _ lines: [ShadowNote.Line]
    ) {
        self.init(
            kind: kind, cause: output.cause, time: output.time, orderID: order.orderID, location: location, lines: lines
        )
    }
}

extension Fulfilment {
    fileprivate var noted: [ShadowNote.Line] {
        lines.map { ShadowNote.Line(lineID: $0.lineID, sku: $0.sku, quantity: $0.quantity) }
    }
}
