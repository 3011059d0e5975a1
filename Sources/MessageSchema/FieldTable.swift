import InventoryCore

/// One key of a message, as the schemas tell it. The decoder and the encoder are written by hand; the tests hold them
/// to this table.
struct Field: Sendable {
    indirect enum Kind: Sendable {
        case identifier
        case text(bytesMax: Int)
        case time
        case whole(ClosedRange<Int64>)
        /// The same, but never 0.
        case change(ClosedRange<Int64>)
        case number
        case choice([String])
        case uuid
        case messageType
        /// Taken and given back as it is.
        case anything
        /// Whatever the customer object holds; the fields are those that are known.
        case object([Field])
        case list([Field], atMost: Int?, rule: Rule?)
    }

    /// What holds between the keys of one element.
    enum Rule: Sendable {
        case anyOf([String])
        case oneOf([String])
    }

    var name: String
    var kind: Kind
    var isRequired: Bool
    /// In outputs: `null` says that it is not known. In inputs every optional key may be `null`.
    var isNullable: Bool
    var summary: String

    init(_ name: String, _ kind: Kind, required: Bool = false, nullable: Bool = false, _ summary: String) {
        self.name = name
        self.kind = kind
        self.isRequired = required
        self.isNullable = nullable
        self.summary = summary
    }
}

/// One row of the contract's tables.
struct MessageDescription: Sendable {
    enum Direction: Sendable {
        case input, output
    }

    var type: String
    var direction: Direction
    var summary: String
    /// All keys, those of the envelope included.
    var fields: [Field]
}

/// Every message type, inputs first, in the contract's order.
let messageTable: [MessageDescription] = inputTable + outputTable

// MARK: Parts

private let units: ClosedRange<Int64> = 1...1_000_000_000

private func text(_ name: String, _ summary: String, bytesMax: Int = ObjectReader.textBytesMax) -> Field {
    Field(name, .text(bytesMax: bytesMax), summary)
}

private func lines(
    _ fields: [Field], required: Bool = true, atMost: Int? = 1000, rule: Field.Rule? = nil, _ summary: String
) -> Field {
    Field("lines", .list(fields, atMost: atMost, rule: rule), required: required, summary)
}

private let sku = Field("sku", .identifier, required: true, "The stock keeping unit")
private let quantity = Field("quantity", .whole(units), required: true, "Whole units")
private let location = Field("location", .identifier, required: true, "The location")
private let supplier = Field("supplier", .identifier, "The supplier")
private let skuLines = lines([sku, quantity], "Units by SKU")
private let selectorFields = [
    Field("line_id", .identifier, "Names one line; wins over sku"),
    Field("sku", .identifier, "Names all lines of that SKU, in order"),
]
private let orderID = Field("order_id", .identifier, required: true, "The order")
private let reorderID = Field("reorder_id", .identifier, "The daemon's own request that this answers")
private let shipModes = ShipMode.allCases.map(\.rawValue)

private func customer(_ summary: String) -> Field {
    Field(
        "customer",
        .object([
            Field("id", .anything, "Who it is"), text("segment", "Looked at by policy rules"),
            Field("contact", .anything, "How to reach them"),
        ]), summary)
}

private func input(_ type: InputType, _ summary: String, _ fields: [Field]) -> MessageDescription {
    let envelope = [
        Field("type", .messageType, "The AMQP property type stands in"),
        Field(
            "id", .identifier,
            "Identifies the message. The AMQP property message_id stands in, then business key or content"),
        Field("time", .time, "When it happened. The AMQP property timestamp stands in, then the arrival"),
    ]
    return MessageDescription(type: type.rawValue, direction: .input, summary: summary, fields: envelope + fields)
}

// MARK: In

private let inputTable: [MessageDescription] = [
    input(
        .orderPlaced, "A customer ordered",
        [
            orderID,
            lines(
                [
                    sku, quantity, Field("line_id", .identifier, "Unique in its order; default: 1-based position"),
                    Field("location", .identifier, "The only location that may serve this line"),
                    Field("unit_price", .number, "The price of one unit"),
                ], "What was ordered"),
            Field("placed_at", .time, "Default: time"), customer("Given back in every message about the order"),
            Field("priority", .whole(0...9), "9 goes first; default 0"),
            Field("requested_by", .time, "When the customer wants it"), text("currency", "The currency of the prices"),
            Field("ship", .choice(shipModes), "partial: what is there goes now; complete: all at once"),
        ]),
    input(
        .stockReceived, "Goods came in",
        [
            Field("receipt_id", .identifier, required: true, "The receipt"), location, skuLines, supplier, reorderID,
            Field("inbound_id", .identifier, "The announced inbound that this is"),
            Field("received_at", .time, "Default: time"),
        ]),
    input(
        .shipmentDispatched, "Goods left",
        [
            Field("shipment_id", .identifier, required: true, "The shipment"), orderID,
            lines(selectorFields + [quantity], rule: .anyOf(["line_id", "sku"]), "What left"),
            Field("location", .identifier, "Where it left"), text("carrier", "The carrier"),
            text("service", "The carrier's service"), text("tracking_number", "The carrier's number"),
            text("tracking_url", "Where to follow it", bytesMax: ObjectReader.addressBytesMax),
            Field("dispatched_at", .time, "Default: time"),
            Field("estimated_delivery", .time, "The carrier's estimate"),
        ]),
    input(
        .orderCancelled, "An order, or a part of it, is not wanted any more",
        [
            orderID,
            lines(
                selectorFields + [Field("quantity", .whole(units), "Absent: all of it")], required: false,
                rule: .anyOf(["line_id", "sku"]), "Absent: all that is not dispatched"),
            text("reason", "Why"),
        ]),
    input(
        .orderReleased, "What the customer or a clerk said about a held order",
        [orderID, Field("decision", .choice(OrderReleased.Decision.allCases.map(\.rawValue)), "Default: wait")]),
    input(
        .stockAdjusted, "The books are put right",
        [
            Field("adjustment_id", .identifier, required: true, "The adjustment"), location,
            lines(
                [
                    sku, Field("delta", .change(-1_000_000_000...1_000_000_000), "More or less; never 0"),
                    Field("counted", .whole(0...1_000_000_000), "What was counted"),
                ], rule: .oneOf(["delta", "counted"]), "The changes by SKU"),
            text("reason", "Why"),
        ]),
    input(
        .inboundScheduled, "Supply is announced; a later one of the same inbound_id replaces it",
        [
            Field("inbound_id", .identifier, required: true, "The inbound"), location,
            Field("expected_at", .time, required: true, "When it is expected"), skuLines, supplier, reorderID,
            text("carrier", "The carrier"), text("tracking_number", "The carrier's number"),
        ]),
    input(
        .inboundCancelled, "Announced supply does not come",
        [Field("inbound_id", .identifier, required: true, "The inbound"), text("reason", "Why")]),
    input(
        .itemUpdated, "Replaces what the configuration says of one item",
        [
            sku, supplier, Field("lead_time_days", .whole(0...36_500), "From request to receipt"),
            Field(
                "reorder",
                .object([
                    Field("point", .whole(0...1_000_000_000), "Ask for more at this position"),
                    Field("up_to", .whole(0...1_000_000_000), "Ask up to this position"),
                    Field("minimum", .whole(0...1_000_000_000), "Never ask for less"),
                    Field("multiple", .whole(units), "Ask for whole packs of this many"),
                ]), "When and how much to ask for"),
            Field("on_backorder", .choice(OnBackorder.allCases.map(\.rawValue)), "What is done when it is short"),
            Field("backorder_limit", .whole(0...1_000_000_000_000), "Waiting units at most; null: no limit"),
            Field("ship", .choice(shipModes), "partial: what is there goes now; complete: all at once"),
        ]),
]

// MARK: Out

private func output(_ type: String, _ summary: String, ofOrder: Bool, _ fields: [Field]) -> MessageDescription {
    var all = [
        Field("id", .uuid, required: true, "Stable: a re-publication has the same"),
        Field("type", .messageType, required: true, "The type"),
        Field("time", .time, required: true, "When it was decided; UTC, milliseconds"),
        Field("cause", .text(bytesMax: 1024), required: true, "id of the input behind it; timer for none"),
    ]
    if ofOrder {
        all += [
            orderID, customer("As received with the order"),
            Field("sequence", .whole(1...Int64.max), required: true, "1, 2, 3 … for that order, no gap"),
        ]
    }
    return MessageDescription(type: type, direction: .output, summary: summary, fields: all + fields)
}

private let lineID = Field("line_id", .identifier, required: true, "The line of the order")
private let anyUnits: ClosedRange<Int64> = 0...Int64.max
private let outUnits = Field("quantity", .whole(1...Int64.max), required: true, "Whole units")
private let fulfilmentFields = [location, lines([lineID, sku, outUnits], atMost: nil, "What is to be picked")]

private let outputTable: [MessageDescription] = [
    output(
        "customer-notification", "Something that the customer should be told", ofOrder: true,
        [
            Field("kind", .choice(NotificationKind.allCases.map(\.rawValue)), required: true, "What it is about"),
            lines(
                [
                    lineID, sku, outUnits, Field("promised_at", .time, nullable: true, "null: no date is known"),
                    Field("previous_promised_at", .time, nullable: true, "The date that was told before"),
                ], atMost: nil, "The lines that it is about"),
            Field("promised_at", .time, nullable: true, "The latest of its lines; null: one has none"),
            Field("shipment_id", .identifier, "The shipment, for order-dispatched"), text("carrier", "The carrier"),
            text("service", "The carrier's service"), text("tracking_number", "The carrier's number"),
            text("tracking_url", "Where to follow it", bytesMax: ObjectReader.addressBytesMax),
            Field("estimated_delivery", .time, "The carrier's estimate"),
        ]),
    output("fulfilment-requested", "This may be picked and shipped now", ofOrder: true, fulfilmentFields),
    output(
        "fulfilment-withdrawn", "Stock that was asked for is not there, or its order was cancelled", ofOrder: true,
        fulfilmentFields),
    output(
        "reorder-requested", "Purchasing is asked for more", ofOrder: false,
        [
            Field("reorder_id", .identifier, required: true, "The request"), sku, location,
            Field("supplier", .identifier, required: true, nullable: true, "null: not known"), outUnits,
            Field("reason", .choice(["back-order", "reorder-point"]), required: true, "Why"),
            Field("expected_at", .time, required: true, nullable: true, "From the lead time; null: not known"),
            Field(
                "position",
                .object([
                    Field("on_hand", .whole(anyUnits), required: true, "Over all locations"),
                    Field("allocated", .whole(anyUnits), required: true, "Of on_hand"),
                    Field("backordered", .whole(anyUnits), required: true, "Units that wait"),
                    Field("on_order", .whole(anyUnits), required: true, "Outstanding supply"),
                ]), required: true, "The position before this request"),
            Field(
                "back_orders", .list([orderID, lineID, outUnits], atMost: 100, rule: nil), required: true,
                "The first 100 lines that wait, by precedence"),
        ]),
    output(
        "reorder-expedite", "Supply that is promised to customers is now late", ofOrder: false,
        [
            Field("reorder_id", .identifier, required: true, "The request"), sku,
            Field("supplier", .identifier, required: true, nullable: true, "null: not known"),
            Field("expected_at", .time, required: true, nullable: true, "When it is expected now"),
            Field("promised_at", .time, required: true, nullable: true, "What customers were told"),
        ]),
]
