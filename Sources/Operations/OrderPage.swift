import BackOrderStore
import InventoryCore
import MessageSchema

/// One order: where each line stands, why, and all that happened to it.
extension Pages {
    func order(_ request: HTTPRequest, _ store: any StoreQueries) throws -> HTTPResponse {
        guard let id = request.value("id").map({ OrderID($0) }) else { return badRequest("Which order? Say id=…") }
        let now = setting.now()
        guard let explanation = try Explanation(id, now: now, in: store) else {
            return notFound("No order \(id.text) is known.")
        }
        let order = explanation.order
        var body: HTML = """
            <ul class="cards">\(Layout.card("Status", "\(order.status.rawValue)"))
            \(Layout.card("Placed", Layout.time(order.placedAt)))
            \(Layout.card("Priority", "\(order.priority)", "9 goes first"))
            \(Layout.card("Ships", "\(order.ship.rawValue)"))
            \(Layout.card("Customer", "\(order.customer?.id ?? "–")", "\(order.customer?.segment ?? "")"))
            \(Layout.card("Wanted by", Layout.time(order.requestedBy)))</ul>
            """
        body += Layout.table(
            "Lines",
            [
                ("Line", false), ("SKU", false), ("Ordered", true), ("Allocated", true), ("Waiting", true),
                ("Held", true),
                ("Dispatched", true), ("Cancelled", true), ("Refused", true), ("Place", true), ("Promised", false),
            ],
            explanation.lines.map { line in
                """
                <tr><td>\(line.line.lineID.text)</td><td>\(Layout.item(line.line.sku))</td>
                <td class="n">\(line.line.ordered)</td><td class="n">\(line.line.allocated)</td>
                <td class="n">\(line.line.waiting)</td><td class="n">\(line.line.held)</td>
                <td class="n">\(line.line.dispatched)</td><td class="n">\(line.line.cancelled)</td>
                <td class="n">\(line.line.refused)</td>
                <td class="n">\(line.queue.map { "\($0.place) of \($0.linesWaiting)" } ?? "–")</td>
                <td>\(Layout.promise(line.line.waiting > 0 ? line.line.promisedAt : nil, now: now))</td></tr>
                """
            })
        body += "<h2>Why it is where it is</h2><pre>\(setting.explain(explanation, now))</pre>"
        body += try timeline(of: order, after: request.value("after").flatMap { Int64($0) } ?? 0, store)
        return Layout.page("Order \(order.orderID.text)", tab: .backOrders, setting: setting, body)
    }

    private func timeline(of order: Order, after: Int64, _ store: any StoreQueries) throws -> HTML {
        let events = try store.events(of: order.orderID, after: after, limit: Self.pageRows)
        let items = events.map { event -> HTML in
            let cause: HTML = event.cause == Output.timerCause ? "\(event.kind)" : "\(event.kind) \(event.cause)"
            let lines = event.lines.map { change -> HTML in
                let line =
                    order.lines.indices.contains(change.position) ? order.lines[change.position].lineID.text : "?"
                return "<br>Line \(line): \(Self.words(change))"
            }
            return "<li>\(Layout.time(event.time))\(cause)\(lines)</li>"
        }
        var body: HTML = "<h2>What happened to it</h2><ol class=\"time\">\(items)</ol>"
        if items.isEmpty { body += "<p>Nothing\(after > 0 ? " more" : "").</p>" }
        if events.count == Self.pageRows, let last = events.last {
            let next = Address.query("/order", [("id", order.orderID.text), ("after", "\(last.number)")])
            body += "<p class=\"more\"><a rel=\"next\" href=\"\(next)\">What happened then</a></p>"
        }
        return body
    }

    private static func words(_ change: OrderEvent.LineChange) -> String {
        var parts = change.allocated.map { move in
            move.units > 0
                ? "\(move.units) allocated at \(move.location)"
                : "\(-move.units) no longer allocated at \(move.location)"
        }
        if change.waiting > 0 { parts.append("\(change.waiting) more wait") }
        if change.waiting < 0 { parts.append("\(-change.waiting) fewer wait") }
        if change.held > 0 { parts.append("\(change.held) held") }
        if change.held < 0 { parts.append("\(-change.held) no longer held") }
        for (units, what) in [
            (change.dispatched, "dispatched"), (change.cancelled, "cancelled"), (change.refused, "refused"),
        ] where units > 0 {
            parts.append("\(units) \(what)")
        }
        if let promised = change.promised {
            parts.append(promised.at.map { "promised for \(formatRFC3339($0))" } ?? "no date any more")
        }
        return parts.joined(separator: ", ")
    }

    func orderJSON(_ request: HTTPRequest, _ store: any StoreQueries) throws -> HTTPResponse {
        let id = OrderID(request.value("id") ?? "")
        guard let order = try store.order(id) else {
            return .json(404, .object([("error", .string("no such order is known"))]))
        }
        let after = request.value("after").flatMap { Int64($0) } ?? 0
        let events = try store.events(of: id, after: after, limit: Self.pageRows)
        return .json(
            200,
            .object([
                ("order_id", .string(order.orderID.text)), ("status", .string(order.status.rawValue)),
                ("placed_at", .string(formatRFC3339(order.placedAt))), ("customer_id", .optional(order.customer?.id)),
                (
                    "lines",
                    .array(
                        order.lines.map { line in
                            .object([
                                ("line_id", .string(line.lineID.text)), ("sku", .string(line.sku.text)),
                                ("ordered", .integer(line.ordered)), ("allocated", .integer(line.allocated)),
                                ("waiting", .integer(line.waiting)), ("held", .integer(line.held)),
                                ("dispatched", .integer(line.dispatched)), ("cancelled", .integer(line.cancelled)),
                                ("refused", .integer(line.refused)),
                                ("first_promised_at", .optional(line.firstPromisedAt.map(formatRFC3339))),
                                ("promised_at", .optional(line.promisedAt.map(formatRFC3339))),
                                ("estimated_at", .optional(line.estimatedAt.map(formatRFC3339))),
                            ])
                        })
                ),
                (
                    "events",
                    .array(
                        events.map { event in
                            .object([
                                ("number", .integer(event.number)), ("time", .string(formatRFC3339(event.time))),
                                ("cause", .string(event.cause)), ("kind", .string(event.kind)),
                                ("changes", .array(event.lines.map { .string(Self.words($0)) })),
                            ])
                        })
                ),
            ]))
    }
}
