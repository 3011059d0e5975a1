import InventoryCore
import Testing

@testable import MessageSchema

@Suite struct DecoderTests {
    // MARK: Content

    @Test func orderPlaced() throws {
        let message = try decode(Samples.orderPlaced).message
        #expect(message.id == "id-order-placed")
        #expect(message.time == Samples.instant)
        #expect(
            message.input
                == .orderPlaced(
                    OrderPlaced(
                        orderID: "O-1",
                        lines: [
                            .init(lineID: "L1", sku: "A-100", quantity: 2, location: "WH-1", unitPrice: "12.50"),
                            .init(lineID: "L2", sku: "B-200", quantity: 3),
                        ], placedAt: Instant(microseconds: 1_795_420_800_000_000),
                        customer: Customer(
                            json: #"{"id":"C-1","segment":"gold","contact":{"email":"a@example.com"}}"#, segment: "gold"
                        ),
                        priority: 3, requestedBy: parseRFC3339("2026-12-01T00:00:00Z"), ship: .complete, currency: "EUR"
                    )))
    }

    @Test func defaults() throws {
        let order: J = [
            "type": "order-placed", "order_id": "O-1",
            "lines": [["sku": "A", "quantity": 1], ["sku": "A", "quantity": 1]],
        ]
        guard case .orderPlaced(let input) = try decode(order).message.input else { return }
        #expect(input.lines.map(\.lineID) == ["1", "2"])
        #expect(input.placedAt == Samples.arrival)
        #expect(input.priority == nil && input.ship == nil && input.customer == nil)
        // null is as good as absent, for every optional key.
        var nulls = order
        for key in ["placed_at", "customer", "priority", "requested_by", "ship", "currency", "id", "time"] {
            nulls = nulls.setting(key, .null)
        }
        nulls = nulls.setting("lines[0].line_id", .null).setting("lines[0].location", .null)
            .setting("lines[0].unit_price", .null)
        #expect(try decode(nulls).message.input == .orderPlaced(input))

        #expect(
            try decode(["type": "order-released", "order_id": "O-1"]).message.input
                == .orderReleased(OrderReleased(orderID: "O-1", decision: .wait)))
        #expect(
            try decode(["type": "order-cancelled", "order_id": "O-1"]).message.input
                == .orderCancelled(OrderCancelled(orderID: "O-1")))
        // A line without a quantity is cancelled whole.
        guard
            case .orderCancelled(let cancelled) = try decode(
                Samples.orderCancelled.setting("lines", [["sku": "A"]])
            ).message.input
        else { return }
        #expect(cancelled.lines?.first?.selector == .sku("A"))
        #expect(cancelled.lines?.first?.quantity ?? 0 > 1_000_000_000)
    }

    @Test func theOthers() throws {
        func input(_ body: J) throws -> Input { try decode(body).message.input }
        #expect(
            try input(Samples.stockReceived)
                == .stockReceived(
                    StockReceived(
                        receiptID: "R-1", location: "WH-1", lines: [SKUQuantity(sku: "A-100", quantity: 5)],
                        supplier: "ACME", reorderID: "RO-1", inboundID: "I-1",
                        receivedAt: Samples.instant.adding(microseconds: -7_200_000_000))))
        #expect(
            try input(Samples.shipmentDispatched)
                == .shipmentDispatched(
                    ShipmentDispatched(
                        shipmentID: "S-1", orderID: "O-1",
                        lines: [LineQuantity(.line("L1"), quantity: 2), LineQuantity(.sku("B-200"), quantity: 1)],
                        location: "WH-1", carrier: "DHL", service: "express", trackingNumber: "T-1",
                        trackingURL: "https://example.com/T-1",
                        dispatchedAt: Samples.instant.adding(microseconds: -1_800_000_000),
                        estimatedDelivery: parseRFC3339("2026-11-24T12:00:00Z"))))
        #expect(
            try input(Samples.orderReleased) == .orderReleased(OrderReleased(orderID: "O-1", decision: .cancel)))
        #expect(
            try input(Samples.stockAdjusted)
                == .stockAdjusted(
                    StockAdjusted(
                        adjustmentID: "J-1", location: "WH-1",
                        lines: [.init(sku: "A-100", change: .delta(-2)), .init(sku: "B-200", change: .counted(0))],
                        reason: "broken")))
        #expect(
            try input(Samples.inboundScheduled)
                == .inboundScheduled(
                    InboundScheduled(
                        inboundID: "I-1", location: "WH-1",
                        expectedAt: parseRFC3339("2026-12-24T00:00:00Z"),
                        lines: [SKUQuantity(sku: "A-100", quantity: 50)], supplier: "ACME", reorderID: "RO-1",
                        carrier: "Maersk", trackingNumber: "T-2")))
        #expect(
            try input(Samples.inboundCancelled)
                == .inboundCancelled(InboundCancelled(inboundID: "I-1", reason: "lost at sea")))
        let settings = ItemSettings(
            supplier: "ACME", leadTimeDays: 7, reorder: ReorderSettings(point: 10, upTo: 60, minimum: 12, multiple: 6),
            onBackorder: .hold, backorderLimit: .units(100), ship: .partial)
        #expect(try input(Samples.itemUpdated) == .itemUpdated(ItemUpdated(sku: "A-100", settings: settings)))
    }

    @Test(arguments: ["2", "2.0", "2e0", "20E-1", "0.2e1", "2.000000"])
    func wholeNumbers(text: String) throws {
        guard
            case .orderPlaced(let order) = try decode(Samples.orderPlaced.setting("lines[0].quantity", .raw(text)))
                .message.input
        else { return }
        #expect(order.lines[0].quantity == 2)
    }

    @Test func bounds() throws {
        for quantity in ["1", "1000000000", "1e9"] {
            _ = try decode(Samples.orderPlaced.setting("lines[0].quantity", .raw(quantity)))
        }
        for delta in ["-1000000000", "1000000000", "-1", "1"] {
            _ = try decode(Samples.stockAdjusted.setting("lines[0].delta", .raw(delta)))
        }
        let name = String(repeating: "é", count: 64)
        #expect(try decode(Samples.orderPlaced.setting("id", .string(name))).message.id == name)
        let lines = J.list(Array(repeating: ["sku": "A", "quantity": 1], count: 1000))
        _ = try decode(Samples.orderPlaced.setting("lines", lines))
        let options = DecodeOptions(linesMax: 999)
        #expect(
            decode(Samples.orderPlaced.setting("lines", lines).bytes, Envelope(), options).rejection?.detail
                == "lines: 1000 lines, at most 999 allowed")
    }

    @Test func unlimitedBackorders() throws {
        func limit(_ value: J?) throws -> BackorderLimit? {
            guard
                case .itemUpdated(let item) = try decode(Samples.itemUpdated.setting("backorder_limit", value)).message
                    .input
            else { return nil }
            return item.settings.backorderLimit
        }
        #expect(try limit(0) == .units(0))
        #expect(try limit(.null) == BackorderLimit.none)
        #expect(try limit(nil) == nil)
    }

    @Test func theCustomerIsKeptAsItCame() throws {
        let text =
            #"{"type":"order-placed","order_id":"O","lines":[{"sku":"A","quantity":1}],"#
            + #""customer" : { "z" : 1.0 , "a" : [ 1e2, "x y\u0041 " ] , "segment":"g\u006fld" }}"#
        guard case .orderPlaced(let order) = try decode(Array(text.utf8)).get().message.input else { return }
        #expect(
            order.customer
                == Customer(json: #"{"z":1.0,"a":[1e2,"x y\u0041 "],"segment":"g\u006fld"}"#, segment: "gold"))
    }

    @Test func identifiersAreComparedByteForByte() throws {
        let body = Samples.orderPlaced.setting("lines[0].line_id", "é").setting("lines[1].line_id", "e\u{301}")
        _ = try decode(body)
    }

    // MARK: Envelopes

    private static let content: J = ["order_id": "O-1", "lines": [["sku": "A", "quantity": 1]]]

    @Test func propertiesStandInForMissingKeys() throws {
        let envelope = Envelope(type: "order-placed", messageID: "m-1", timestamp: 1_795_428_000)
        let message = try decode(Self.content, envelope).message
        #expect(message.id == "m-1" && message.time == Samples.instant)
        // Keys of the body win.
        let own = try decode(Samples.stockReceived, Envelope(type: "order-placed", messageID: "m-2", timestamp: 5))
            .message
        #expect(own.id == "id-stock-received" && own.time == Samples.instant)
        #expect(own.input.type == .stockReceived)
        // An empty property is none.
        #expect(
            try decode(Self.content, Envelope(type: "order-placed", messageID: "")).message.id == "order-placed:O-1")
        #expect(rejection(Self.content.text, Envelope(type: "")) == Rejection(.unknownType, "type: is missing"))
    }

    @Test func structured() throws {
        let event: J = [
            "specversion": "1.0", "source": "/shop", "type": "com.acme.order-placed", "id": "e-1",
            "time": "2026-11-23T10:00:00Z", "data": Self.content, "traceparent": "00-1-2-01",
        ]
        for contentType in [
            "application/cloudevents+json", "Application/CloudEvents+JSON; charset=UTF-8", "application/json", nil,
        ] {
            let message = try decode(event, Envelope(contentType: contentType, messageID: "not this")).message
            #expect(message.id == "e-1" && message.time == Samples.instant && message.input.type == .orderPlaced)
            #expect(message.trace == TraceContext(parent: "00-1-2-01"))
        }
        // The payload as Base64.
        let encoded = event.setting("data", nil).setting(
            "data_base64", "eyJvcmRlcl9pZCI6Ik8tMSIsImxpbmVzIjpbeyJza3UiOiJBIiwicXVhbnRpdHkiOjF9XX0=")
        #expect(try decode(encoded).identity == decode(event).identity)
        // What is missing.
        let bare = event.setting("id", nil).setting("time", nil)
        let message = try decode(bare).message
        #expect(message.id == "order-placed:O-1" && message.time == Samples.arrival)
        // A prefix is not needed.
        #expect(try decode(event.setting("type", "order-placed")).identity == decode(event).identity)
    }

    @Test(arguments: [":", "_"])
    func binary(separator: String) throws {
        let headers = [
            ("specversion", "1.0"), ("type", "com.acme.order-placed"), ("id", "e-1"), ("source", "/shop"),
            ("time", "2026-11-23T11:00:00+01:00"), ("traceparent", "00-1-2-01"),
        ].map { (name: "cloudEvents\(separator)\($0.0)", value: $0.1) }
        let envelope = Envelope(
            contentType: "application/json", type: "ignored", messageID: "ignored", headers: headers)
        let message = try decode(Self.content, envelope).message
        #expect(message.id == "e-1" && message.time == Samples.instant && message.input.type == .orderPlaced)
        #expect(message.trace == TraceContext(parent: "00-1-2-01"))
        // Without id and time: the properties, then as ever.
        let bare = Envelope(messageID: "m-1", headers: Array(headers[..<2]))
        #expect(try decode(Self.content, bare).message.id == "m-1")
    }

    @Test func pinnedType() throws {
        let options = DecodeOptions(pinnedType: .orderPlaced)
        #expect(try decode(Self.content, Envelope(), options).message.input.type == .orderPlaced)
        for type: J in ["stock-received", "PLACED", 5, .null] {
            #expect(
                try decode(Self.content.setting("type", type), Envelope(), options).message.input.type == .orderPlaced)
        }
        let headers = [(name: "cloudEvents:type", value: "com.shop.created")]
        #expect(try decode(Self.content, Envelope(headers: headers), options).message.input.type == .orderPlaced)
    }

    @Test func traceContext() throws {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        func trace(_ headers: [(name: String, value: String)]) throws -> TraceContext? {
            try decode(Samples.orderPlaced, Envelope(headers: headers)).message.trace
        }
        #expect(try trace([("traceparent", parent)]) == TraceContext(parent: parent))
        #expect(
            try trace([("tracestate", "a=1,b=2"), ("x", "y"), ("traceparent", parent)])
                == TraceContext(parent: parent, state: "a=1,b=2"))
        #expect(try trace([("tracestate", "a=1")]) == nil)
        #expect(try trace([("traceparent", "a\nb")]) == nil)
        #expect(
            try trace([("traceparent", parent), ("tracestate", String(repeating: "x", count: 5000))])?.state == nil)
    }

    @Test func bytesOfSomeoneElse() throws {
        let owned = decode(Samples.orderPlaced.bytes)
        let borrowed = Samples.orderPlaced.bytes.withUnsafeBytes {
            Decoder().decode($0, envelope: Envelope(), arrival: Samples.arrival)
        }
        #expect(try owned.get().message == borrowed.get().message)
        #expect(
            Decoder().decode(
                UnsafeRawBufferPointer(start: nil, count: 0), envelope: Envelope(), arrival: Samples.arrival
            ).rejection?.reason == .malformed)
    }
}
