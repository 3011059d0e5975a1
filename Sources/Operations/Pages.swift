import BackOrderStore
import InventoryCore
import MessageSchema
import Worker

/// The dashboard: which page answers which path.
struct Pages: Sendable {
    let endpoint: Endpoint
    static let pageRows = 50

    init(_ endpoint: Endpoint) { self.endpoint = endpoint }

    var setting: Endpoint.Setting { endpoint.setting }

    func answer(_ request: HTTPRequest) -> HTTPAnswer {
        switch request.path {
        case []: .now(overview())
        case ["dead-letters"]: .now(deadLetters())
        case ["api", "overview"]: .now(.json(200, overviewJSON))
        case ["search"]: reading { try search(request, $0) }
        case ["back-orders"]: reading { try backOrders(request, $0).page(self) }
        case ["api", "back-orders"]: reading { .json(200, try backOrders(request, $0).json) }
        case ["order"]: reading { try order(request, $0) }
        case ["api", "order"]: reading { try orderJSON(request, $0) }
        case ["item"]: reading { try item(request, $0) }
        case ["api", "item"]: reading { try itemJSON(request, $0) }
        case ["supply"]: reading { try supply(request, $0) }
        case ["api", "supply"]: reading { try supplyJSON(request, $0) }
        case ["discrepancies"]: reading { try discrepancies(request, $0) }
        case ["api", "discrepancies"]: reading { try discrepanciesJSON(request, $0) }
        default:
            .now(
                request.path.first == "api"
                    ? .json(404, .object([("error", .string("there is nothing at this address"))]))
                    : Layout.message(404, "Not found", "There is nothing at this address.", setting))
        }
    }

    /// On the pages' thread, in one snapshot of the store.
    private func reading(_ make: @escaping @Sendable (any StoreQueries) throws -> HTTPResponse) -> HTTPAnswer {
        if let why = setting.storeIsHidden { return .now(Layout.message(503, "Not to be seen", why, setting)) }
        let setting = setting
        return .later { store in
            do {
                return try store.read { try make($0) }
            } catch {
                let text = (error as? StoreError)?.message ?? "The store can't be read."
                return Layout.message(503, "The store does not answer", text, setting)
            }
        }
    }

    func badRequest(_ text: String) -> HTTPResponse { Layout.message(400, "Not understood", text, setting) }
    func notFound(_ text: String) -> HTTPResponse { Layout.message(404, "Not found", text, setting) }

    // MARK: Search

    private func search(_ request: HTTPRequest, _ store: any StoreQueries) throws -> HTTPResponse {
        guard let text = request.value("q") else { return badRequest("Say what to look for.") }
        var found: [HTML] = []
        if try store.order(OrderID(text)) != nil { found.append("<li>Order \(Layout.order(OrderID(text)))</li>") }
        if try store.item(SKU(text)) != nil { found.append("<li>SKU \(Layout.item(SKU(text)))</li>") }
        let customers = Address.query("/back-orders", [("customer", text)])
        found.append("<li><a href=\"\(customers)\">Back orders of the customer \(text)</a></li>")
        return Layout.page(
            "Search", tab: nil, setting: setting,
            "\(Self.searchForm(text))<p>What goes by the name of <b>\(text)</b>:</p><ul>\(found)</ul>")
    }

    static func searchForm(_ text: String = "") -> HTML {
        """
        <form action="/search" role="search"><div><label for="q">Order, SKU or customer, exactly</label>
        <input id="q" name="q" value="\(text)" maxlength="128" required></div><button>Find</button></form>
        """
    }

    // MARK: Dead letters

    private func deadLetters() -> HTTPResponse {
        let queue = setting.deadLetterQueue
        let depth: HTML = setting.messagesIn(queue).map { "\(Layout.number($0))" } ?? "not known"
        let rows = endpoint.metrics.deadLetterCounts.map { reason, count -> HTML in
            "<tr><td>\(reason)</td><td>\(Self.reasons[reason] ?? "")</td><td class=\"n\">\(Layout.number(count))</td></tr>"
        }
        return Layout.page(
            "Dead letters", tab: .deadLetters, liveSeconds: 10, setting: setting,
            """
            <ul class="cards">\(Layout.card("In the queue \(queue)", depth, "messages ready"))</ul>
            <h2>Since this worker started</h2>
            \(Layout.table("By reason", [("Reason", false), ("What it means", false), ("Messages", true)], rows))
            <p>To read them: <code>backorderd dead-letters list</code> and <code>backorderd dead-letters show ID</code>.
            When the cause is gone: <code>backorderd dead-letters replay</code>. Nothing can be changed from here.</p>
            """)
    }

    private static let reasons = [
        "malformed": "The body is not JSON, or not an object.",
        "invalid": "A field is missing or can't be as it is.",
        "conflict": "The same fact came before, with other content.",
        "expired": "Its order did not arrive in time.",
        "poison": "The daemon died of it again and again.",
        "unknown-type": "Its type is none that is known.",
        "too-large": "The body is larger than limits.message_bytes.",
    ]

    // MARK: Discrepancies

    private func discrepancies(_ request: HTTPRequest, _ store: any StoreQueries) throws -> HTTPResponse {
        let rows = try discrepancyRows(request, store)
        let cells = rows.map { row -> HTML in
            let found = row.discrepancy
            return """
                <tr><td>\(Layout.time(found.time))</td><td>\(found.kind.rawValue)</td><td>\(Layout.item(found.sku))</td>
                <td>\(found.location.text)</td><td class="n">\(Layout.number(found.quantity))</td><td>\(found.messageID)</td></tr>
                """
        }
        var body: HTML = "<p>What the books and the world disagree about, in the order in which it was noted.</p>"
        body += Layout.table(
            "Discrepancies",
            [
                ("Noted", false), ("Kind", false), ("SKU", false), ("Location", false), ("Units", true),
                ("Message", false),
            ],
            cells)
        if rows.isEmpty { body += "<p>There is none here.</p>" }
        if rows.count == Self.pageRows, let last = rows.last {
            let next = Address.query("/discrepancies", [("after", "\(last.number)")])
            body += "<p class=\"more\"><a rel=\"next\" href=\"\(next)\">The next ones</a></p>"
        }
        return Layout.page("Discrepancies", tab: .discrepancies, setting: setting, body)
    }

    private func discrepanciesJSON(_ request: HTTPRequest, _ store: any StoreQueries) throws -> HTTPResponse {
        let rows = try discrepancyRows(request, store)
        return .json(
            200,
            .array(
                rows.map { row in
                    .object([
                        ("number", .integer(row.number)), ("time", .string(formatRFC3339(row.discrepancy.time))),
                        ("kind", .string(row.discrepancy.kind.rawValue)), ("sku", .string(row.discrepancy.sku.text)),
                        ("location", .string(row.discrepancy.location.text)),
                        ("quantity", .integer(row.discrepancy.quantity)),
                        ("message_id", .string(row.discrepancy.messageID)),
                    ])
                }))
    }

    private func discrepancyRows(_ request: HTTPRequest, _ store: any StoreQueries) throws -> [DiscrepancyRow] {
        let after = request.value("after").flatMap { Int64($0) }.map { number in
            DiscrepancyRow(
                number: number,
                discrepancy: Discrepancy(
                    time: Instant(microseconds: 0), kind: .overShipment, sku: "", location: "", quantity: 0,
                    messageID: ""))
        }
        return try store.discrepancies(after: after, limit: Self.pageRows)
    }
}
