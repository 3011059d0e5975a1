/// What `import` reads and `export` writes: the state that a store is seeded with.
public enum SeedKind: String, Sendable, CaseIterable {
    /// Units on hand, by SKU and location.
    case stock
    /// Open orders: what is still to be shipped of them, a row for each line.
    case orders
    /// Purchase orders: what is still to come of them, a row for each SKU.
    case supply

    public var columns: [SeedColumn] {
        switch self {
        case .stock: stockColumns
        case .orders: orderColumns
        case .supply: supplyColumns
        }
    }
}

/// One column of a CSV file, or key of an NDJSON row.
public struct SeedColumn: Sendable {
    enum Kind: Sendable {
        case text, number, object, flag
    }

    /// Where its value goes in the message that the row becomes.
    enum Place: Sendable, Equatable {
        /// A key of the message; the same in all rows of one message, or empty after the first.
        case head(String)
        /// A key of the row's own line.
        case line(String)
        /// A key of the customer.
        case customer(String)
        /// In no message.
        case aside
    }

    public var name: String
    public var isRequired: Bool
    public var summary: String
    /// How a right value looks.
    public var remedy: String
    var kind: Kind
    var place: Place

    init(
        _ name: String, _ place: Place, as kind: Kind = .text, required: Bool = false, _ summary: String,
        remedy: String
    ) {
        self.name = name
        self.kind = kind
        self.place = place
        self.isRequired = required
        self.summary = summary
        self.remedy = remedy
    }
}

private let nameRemedy = "write 1 to 128 bytes of text without control characters"
private let timeRemedy = "write a time with its zone, like 2026-11-23T10:00:00Z"
private let unitsRemedy = "write whole units, 1 to 1000000000"
private let sku = SeedColumn("sku", .line("sku"), required: true, "The stock keeping unit", remedy: nameRemedy)

private let stockColumns = [
    sku,
    SeedColumn("location", .head("location"), required: true, "The location", remedy: nameRemedy),
    SeedColumn(
        "on_hand", .line("counted"), as: .number, required: true,
        "Units that are there, those of open orders included; what is not listed stays as it is",
        remedy: "write whole units, 0 to 1000000000"),
]

private let orderColumns = [
    SeedColumn("order_id", .head("order_id"), required: true, "The order; its rows stand together", remedy: nameRemedy),
    SeedColumn("line_id", .line("line_id"), "Unique in its order; default: 1-based position", remedy: nameRemedy),
    sku,
    SeedColumn(
        "quantity", .line("quantity"), as: .number, required: true,
        "Open units: ordered, and neither dispatched nor cancelled", remedy: unitsRemedy),
    SeedColumn("location", .line("location"), "The only location that may serve this line", remedy: nameRemedy),
    SeedColumn(
        "unit_price", .line("unit_price"), as: .number, "The price of one unit", remedy: "write a number, like 12.50"),
    SeedColumn(
        "placed_at", .head("placed_at"), required: true, "When it was placed: decides who goes first",
        remedy: timeRemedy),
    SeedColumn(
        "priority", .head("priority"), as: .number, "9 goes first; default: the policy's", remedy: "write 0 to 9"),
    SeedColumn("requested_by", .head("requested_by"), "When the customer wants it", remedy: timeRemedy),
    SeedColumn(
        "ship", .head("ship"), "partial or complete; default: the policy's", remedy: "write partial or complete"),
    SeedColumn("currency", .head("currency"), "The currency of the prices", remedy: "write at most 1024 bytes of text"),
    SeedColumn(
        "customer", .head("customer"), as: .object, "The customer as a JSON object, given back in every message",
        remedy: "write a JSON object, like {\"id\": \"C-1\"}"),
    SeedColumn("customer_id", .customer("id"), "Instead of customer: who it is", remedy: "write text"),
    SeedColumn(
        "segment", .customer("segment"), "Instead of customer: looked at by policy rules",
        remedy: "write at most 1024 bytes of text"),
    SeedColumn("contact", .customer("contact"), "Instead of customer: how to reach them", remedy: "write text"),
    SeedColumn(
        "held", .aside, as: .flag, "true: it waits for a person's decision and takes no stock",
        remedy: "write true or false"),
]

private let supplyColumns = [
    SeedColumn(
        "inbound_id", .head("inbound_id"), required: true, "The purchase order or inbound; its rows stand together",
        remedy: nameRemedy),
    sku,
    SeedColumn(
        "quantity", .line("quantity"), as: .number, required: true, "Units that are still to come", remedy: unitsRemedy),
    SeedColumn("location", .head("location"), required: true, "Where they are to come", remedy: nameRemedy),
    SeedColumn("expected_at", .head("expected_at"), "When they are expected; empty: not known", remedy: timeRemedy),
    SeedColumn("supplier", .head("supplier"), "The supplier", remedy: nameRemedy),
    SeedColumn("reorder_id", .head("reorder_id"), "The request that it answers", remedy: nameRemedy),
    SeedColumn(
        "announced_at", .head("time"), "When it was announced: a later announcement replaces it; empty: any does",
        remedy: timeRemedy),
]
