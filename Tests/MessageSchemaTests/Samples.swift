import InventoryCore

@testable import MessageSchema

/// One whole message of each type, with every key of the contract.
enum Samples {
    static let time = "2026-11-23T10:00:00Z"
    static let instant = Instant(microseconds: 1_795_428_000_000_000)
    static let arrival = Instant(microseconds: 1_795_000_000_000_000)

    static let all: [(type: InputType, body: J)] = [
        (.orderPlaced, orderPlaced), (.stockReceived, stockReceived), (.shipmentDispatched, shipmentDispatched),
        (.orderCancelled, orderCancelled), (.orderReleased, orderReleased), (.stockAdjusted, stockAdjusted),
        (.inboundScheduled, inboundScheduled), (.inboundCancelled, inboundCancelled), (.itemUpdated, itemUpdated),
    ]

    private static func message(_ type: InputType, _ content: J) -> J {
        guard case .object(let members) = content else { return content }
        return .object(
            [("type", .string(type.rawValue)), ("id", .string("id-\(type.rawValue)")), ("time", .string(time))]
                + members)
    }

    static let orderPlaced = message(
        .orderPlaced,
        [
            "order_id": "O-1",
            "lines": [
                ["sku": "A-100", "quantity": 2, "line_id": "L1", "location": "WH-1", "unit_price": .raw("12.50")],
                ["sku": "B-200", "quantity": 3, "line_id": "L2"],
            ],
            "placed_at": "2026-11-23T09:00:00+01:00",
            "customer": ["id": "C-1", "segment": "gold", "contact": ["email": "a@example.com"]], "priority": 3,
            "requested_by": "2026-12-01T00:00:00Z", "ship": "complete", "currency": "EUR",
        ])
    static let stockReceived = message(
        .stockReceived,
        [
            "receipt_id": "R-1", "location": "WH-1", "lines": [["sku": "A-100", "quantity": 5]], "supplier": "ACME",
            "reorder_id": "RO-1", "inbound_id": "I-1", "received_at": "2026-11-23T08:00:00Z",
        ])
    static let shipmentDispatched = message(
        .shipmentDispatched,
        [
            "shipment_id": "S-1", "order_id": "O-1",
            "lines": [["line_id": "L1", "sku": "A-100", "quantity": 2], ["sku": "B-200", "quantity": 1]],
            "location": "WH-1", "carrier": "DHL", "service": "express", "tracking_number": "T-1",
            "tracking_url": "https://example.com/T-1", "dispatched_at": "2026-11-23T09:30:00Z",
            "estimated_delivery": "2026-11-24T12:00:00Z",
        ])
    static let orderCancelled = message(
        .orderCancelled, ["order_id": "O-1", "lines": [["line_id": "L1", "quantity": 1]], "reason": "changed my mind"])
    static let orderReleased = message(.orderReleased, ["order_id": "O-1", "decision": "cancel"])
    static let stockAdjusted = message(
        .stockAdjusted,
        [
            "adjustment_id": "J-1", "location": "WH-1",
            "lines": [["sku": "A-100", "delta": .raw("-2")], ["sku": "B-200", "counted": 0]], "reason": "broken",
        ])
    static let inboundScheduled = message(
        .inboundScheduled,
        [
            "inbound_id": "I-1", "location": "WH-1", "expected_at": "2026-12-24T00:00:00Z",
            "lines": [["sku": "A-100", "quantity": 50]], "supplier": "ACME", "reorder_id": "RO-1", "carrier": "Maersk",
            "tracking_number": "T-2",
        ])
    static let inboundCancelled = message(.inboundCancelled, ["inbound_id": "I-1", "reason": "lost at sea"])
    static let itemUpdated = message(
        .itemUpdated,
        [
            "sku": "A-100", "supplier": "ACME", "lead_time_days": 7,
            "reorder": ["point": 10, "up_to": 60, "minimum": 12, "multiple": 6], "on_backorder": "hold",
            "backorder_limit": 100, "ship": "partial",
        ])
}

func decode(
    _ body: [UInt8], _ envelope: Envelope = Envelope(), _ options: DecodeOptions = DecodeOptions()
) -> Result<DecodedMessage, Rejection> {
    Decoder().decode(body, envelope: envelope, arrival: Samples.arrival, options: options)
}

func decode(
    _ body: J, _ envelope: Envelope = Envelope(), _ options: DecodeOptions = DecodeOptions()
) throws -> DecodedMessage {
    try decode(body.bytes, envelope, options).get()
}

func rejection(
    _ text: String, _ envelope: Envelope = Envelope(), _ options: DecodeOptions = DecodeOptions()
) -> Rejection? {
    if case .failure(let rejection) = decode(Array(text.utf8), envelope, options) { return rejection }
    return nil
}
