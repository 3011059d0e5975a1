public import InventoryCore

/// An output as it is published.
public struct EncodedOutput: Sendable, Equatable {
    /// The same whenever the same output is made again; goes into `message_id` too.
    public var id: String
    public var routingKey: String
    public var type: String
    /// One JSON object on one line.
    public var body: [UInt8]
    public var traceparent: String?
    public var tracestate: String?
    /// nil: the output exchange.
    public var exchange: String?
    /// nil: `application/json`.
    public var contentType: String?
    /// Those that a mapping adds.
    public var headers: [Header] = []

    public struct Header: Sendable, Equatable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    public init(
        id: String, routingKey: String, type: String, body: [UInt8], traceparent: String? = nil,
        tracestate: String? = nil
    ) {
        self.id = id
        self.routingKey = routingKey
        self.type = type
        self.body = body
        self.traceparent = traceparent
        self.tracestate = tracestate
    }

    /// The body with `routing_key` as its first key: a line of `replay`, without the line feed.
    public var lineWithRoutingKey: [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(body.count + routingKey.utf8.count + 20)
        line.append(contentsOf: "{\"routing_key\":\"".utf8)
        line.append(contentsOf: routingKey.utf8)
        line.append(contentsOf: "\",".utf8)
        line.append(contentsOf: body.dropFirst())
        return line
    }
}

/// Writes outputs by the contract, or as a mapping has them. Unchangeable: one can serve any number of threads.
public struct OutputEncoder: Sendable {
    private let mapping: OutputMapping?

    /// - Parameter mapping: nil: everything is published as the contract has it.
    public init(mapping: OutputMapping? = nil) {
        self.mapping = mapping
    }

    /// - Returns: the output as it is published; nil: the mapping passes it over.
    public func publication(of output: Output) -> EncodedOutput? {
        let native = encode(output)
        guard let mapping else { return native }
        return mapping.applied(to: native)
    }

    /// The output as the contract has it.
    public func encode(_ output: Output) -> EncodedOutput {
        let routingKey = OutputEncoder.routingKey(output.body)
        let type = OutputEncoder.type(output.body)
        let id = OutputEncoder.id(output, routingKey)
        var writer = JSONWriter(capacity: 512 + output.body.lineCount * 128)
        writer.openObject()
        writer.member("id", id)
        writer.member("type", type)
        writer.member("time", output.time)
        writer.member("cause", output.cause)
        if let order = output.order {
            writer.member("order_id", order.orderID)
            if let customer = order.customer { writer.member("customer", json: customer) }
            writer.member("sequence", order.sequence)
        }
        switch output.body {
        case .notification(let notification): write(notification, to: &writer)
        case .fulfilmentRequested(let fulfilment), .fulfilmentWithdrawn(let fulfilment): write(fulfilment, to: &writer)
        case .reorderRequested(let reorder): write(reorder, to: &writer)
        case .reorderExpedite(let expedite): write(expedite, to: &writer)
        }
        writer.closeObject()
        return EncodedOutput(
            id: id, routingKey: routingKey, type: type, body: writer.bytes, traceparent: output.trace?.parent,
            tracestate: output.trace?.state)
    }

    // MARK: Names

    private static func type(_ body: Output.Body) -> String {
        switch body {
        case .notification: "customer-notification"
        case .fulfilmentRequested: "fulfilment-requested"
        case .fulfilmentWithdrawn: "fulfilment-withdrawn"
        case .reorderRequested: "reorder-requested"
        case .reorderExpedite: "reorder-expedite"
        }
    }

    public static func routingKey(_ body: Output.Body) -> String {
        guard case .notification(let notification) = body else { return type(body) }
        return "customer-notification." + notification.kind.rawValue
    }

    /// A constant of ours. Never to be changed: re-publications would get other ids.
    static let namespace: [UInt8] = [
        0x6B, 0x1D, 0x0C, 0x5E, 0x9A, 0x47, 0x4F, 0x2B, 0x8E, 0x33, 0xD2, 0x70, 0x5A, 0xC8, 0x16, 0xF4,
    ]

    /// A UUID of version 5 over cause, routing key, subject and a number among them. What no message caused has no
    /// ordinal that would stay: there the order's sequence, or the new date of the supply, tells outputs apart.
    private static func id(_ output: Output, _ routingKey: String) -> String {
        var name: [UInt8] = []
        name.reserveCapacity(256)
        name.append(contentsOf: output.cause.utf8)
        name.append(0)
        name.append(contentsOf: routingKey.utf8)
        name.append(0)
        let reorder = output.body.reorder
        if let subject = output.order?.orderID ?? reorder?.id { name.append(contentsOf: subject.text.utf8) }
        name.append(0)
        if output.cause != "timer" {
            appendDecimal(Int64(output.ordinal), to: &name)
        } else if let order = output.order {
            appendDecimal(order.sequence, to: &name)
        } else if let expectedAt = reorder?.expectedAt {
            appendDecimal(expectedAt.microseconds, to: &name)
        }
        return uuidVersion5(namespace: namespace, name: name)
    }

    // MARK: Bodies

    private func write(_ notification: CustomerNotification, to writer: inout JSONWriter) {
        let kind = notification.kind
        // Where the date is the news, its absence is said too.
        let tellsDates = kind == .orderBackordered || kind == .backorderDelayed || kind == .backorderAdvanced
        let tellsPrevious = kind == .backorderDelayed || kind == .backorderAdvanced
        writer.member("kind", kind.rawValue)
        writer.key("lines")
        writer.openArray()
        for line in notification.lines {
            writer.openObject()
            writer.member("line_id", line.lineID)
            writer.member("sku", line.sku)
            writer.member("quantity", line.quantity)
            if tellsDates || line.promisedAt != nil { writer.memberOrNull("promised_at", line.promisedAt) }
            if tellsPrevious { writer.memberOrNull("previous_promised_at", line.previousPromisedAt) }
            writer.closeObject()
        }
        writer.closeArray()
        let promisedAt = notification.promisedAt
        if tellsDates || promisedAt != nil { writer.memberOrNull("promised_at", promisedAt) }
        if let dispatch = notification.dispatch {
            writer.member("shipment_id", dispatch.shipmentID)
            writer.memberIfKnown("carrier", dispatch.carrier)
            writer.memberIfKnown("service", dispatch.service)
            writer.memberIfKnown("tracking_number", dispatch.trackingNumber)
            writer.memberIfKnown("tracking_url", dispatch.trackingURL)
            writer.memberIfKnown("estimated_delivery", dispatch.estimatedDelivery)
        }
    }

    private func write(_ fulfilment: Fulfilment, to writer: inout JSONWriter) {
        writer.member("location", fulfilment.location)
        writer.key("lines")
        writer.openArray()
        for line in fulfilment.lines {
            writer.openObject()
            writer.member("line_id", line.lineID)
            writer.member("sku", line.sku)
            writer.member("quantity", line.quantity)
            writer.closeObject()
        }
        writer.closeArray()
    }

    private func write(_ reorder: ReorderRequested, to writer: inout JSONWriter) {
        writer.member("reorder_id", reorder.reorderID)
        writer.member("sku", reorder.sku)
        writer.member("location", reorder.location)
        writer.memberOrNull("supplier", reorder.supplier)
        writer.member("quantity", reorder.quantity)
        writer.member("reason", reorder.reason.rawValue)
        writer.memberOrNull("expected_at", reorder.expectedAt)
        writer.key("position")
        writer.openObject()
        writer.member("on_hand", reorder.position.onHand)
        writer.member("allocated", reorder.position.allocated)
        writer.member("backordered", reorder.position.backordered)
        writer.member("on_order", reorder.position.onOrder)
        writer.closeObject()
        writer.key("back_orders")
        writer.openArray()
        for backOrder in reorder.backOrders {
            writer.openObject()
            writer.member("order_id", backOrder.orderID)
            writer.member("line_id", backOrder.lineID)
            writer.member("quantity", backOrder.quantity)
            writer.closeObject()
        }
        writer.closeArray()
    }

    private func write(_ expedite: ReorderExpedite, to writer: inout JSONWriter) {
        writer.member("reorder_id", expedite.reorderID)
        writer.member("sku", expedite.sku)
        writer.memberOrNull("supplier", expedite.supplier)
        writer.memberOrNull("expected_at", expedite.expectedAt)
        writer.memberOrNull("promised_at", expedite.promisedAt)
    }
}

extension Output.Body {
    fileprivate var lineCount: Int {
        switch self {
        case .notification(let notification): notification.lines.count
        case .fulfilmentRequested(let fulfilment), .fulfilmentWithdrawn(let fulfilment): fulfilment.lines.count
        case .reorderRequested(let reorder): reorder.backOrders.count
        case .reorderExpedite: 0
        }
    }

    fileprivate var reorder: (id: SupplyID, expectedAt: Instant?)? {
        switch self {
        case .reorderRequested(let reorder): (reorder.reorderID, reorder.expectedAt)
        case .reorderExpedite(let expedite): (expedite.reorderID, expedite.expectedAt)
        case .notification, .fulfilmentRequested, .fulfilmentWithdrawn: nil
        }
    }
}
