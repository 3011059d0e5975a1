import BackOrderStore
import InventoryCore
import MessageSchema

/// One SKU: what lies where, who waits, what comes when, what was asked for. And the list of all supply.
extension Pages {
    private static let demandDays: Int64 = 90

    func item(_ request: HTTPRequest, _ store: any StoreQueries) throws -> HTTPResponse {
        guard let sku = request.value("sku").map({ SKU($0) }) else { return badRequest("Which SKU? Say sku=…") }
        guard let item = try store.item(sku) else { return notFound("No SKU \(sku.text) is known.") }
        let now = setting.now()
        let lines = item.lanes.reduce(0) { $0 + $1.lines }
        let late: HTML =
            item.deficits.isEmpty
            ? "" : "\(Layout.number(item.deficits.reduce(0) { $0 + $1.units })) shipped before their receipt"
        var body: HTML = """
            <ul class="cards">\(Layout.card("On hand", "\(Layout.number(item.onHand))", late))
            \(Layout.card("Allocated", "\(Layout.number(item.allocated))"))
            \(Layout.card("Waiting", "\(Layout.number(item.waiting))", "on \(Layout.number(lines)) lines"))
            \(Layout.card("On order", "\(Layout.number(item.onOrder))", "\(Layout.number(item.onOrderDated)) of them with a date"))
            \(Layout.card("Position", "\(Layout.number(item.position))", "on hand − allocated − waiting + on order"))</ul>
            """
        body += "<h2>Stock</h2>"
        if item.stock.isEmpty { body += "<p>There never was any.</p>" }
        body +=
            item.stock.isEmpty
            ? ""
            : Layout.table(
                "Stock by location", [("Location", false), ("On hand", true), ("Allocated", true), ("Free", true)],
                item.stock.map { stock in
                    """
                    <tr><td>\(stock.location.text)</td><td class="n">\(Layout.number(stock.onHand))</td>
                    <td class="n">\(Layout.number(stock.allocated))</td><td class="n">\(Layout.number(stock.available))</td></tr>
                    """
                })
        body += try queue(of: sku, now: now, store)
        let supplies = try store.outstandingSupplies(sku: sku, after: nil, limit: 200)
        body += "<h2>Supply</h2>\(Chart.supply(supplies, now: now))"
        body += supplyTable(supplies, now: now)
        let today = now.day
        let demand = try demand(of: sku, through: today, store)
        body += "<h2>Demand</h2>"
        body +=
            demand.isEmpty
            ? "<p>Nothing was ordered in the last \(Self.demandDays) days.</p>"
            : Chart.demand(demand, from: today - Self.demandDays + 1, through: today)
        return Layout.page("SKU \(sku.text)", tab: nil, setting: setting, body)
    }

    private func demand(of sku: SKU, through today: Int64, _ store: any StoreQueries) throws -> [Demand] {
        try store.demand(
            sku: sku, after: Demand(sku: sku, day: today - Self.demandDays), limit: Int(Self.demandDays)
        ).filter { $0.day <= today }
    }

    private func queue(of sku: SKU, now: Instant, _ store: any StoreQueries) throws -> HTML {
        let rows = try store.backOrders(sku: sku, after: nil, limit: 20)
        var body: HTML = "<h2>Who waits</h2>"
        if rows.isEmpty { return body + "<p>Nobody.</p>" }
        body += Layout.table(
            "The first in line",
            [
                ("Place", true), ("Order", false), ("Line", false), ("Units", true), ("Placed", false),
                ("Promised", false),
            ],
            rows.map { row in
                """
                <tr><td class="n">\(row.place)</td><td>\(Layout.order(row.key.orderID))</td><td>\(row.lineID.text)</td>
                <td class="n">\(Layout.number(row.waiting))</td><td>\(Layout.time(row.key.placedAt))</td>
                <td>\(Layout.promise(row.promisedAt, now: now))</td></tr>
                """
            })
        let all = Address.query("/back-orders", [("sku", sku.text)])
        return body + "<p class=\"more\"><a href=\"\(all)\">The whole queue</a></p>"
    }

    private func supplyTable(_ supplies: [Supply], now: Instant) -> HTML {
        if supplies.isEmpty { return "<p>None is on its way.</p>" }
        return Layout.table(
            "Outstanding supply",
            [
                ("Id", false), ("Kind", false), ("SKU", false), ("To", false), ("Supplier", false), ("Units", true),
                ("Expected", false),
            ],
            supplies.map { supply in
                """
                <tr><td>\(supply.supplyID.text)</td><td>\(supply.kind.rawValue)</td><td>\(Layout.item(supply.sku))</td>
                <td>\(supply.location.text)</td><td>\(supply.supplier?.text ?? "–")</td>
                <td class="n">\(Layout.number(supply.outstanding)) of \(Layout.number(supply.quantity))</td>
                <td>\(Layout.promise(supply.expectedAt, now: now))</td></tr>
                """
            })
    }

    func itemJSON(_ request: HTTPRequest, _ store: any StoreQueries) throws -> HTTPResponse {
        let sku = SKU(request.value("sku") ?? "")
        guard let item = try store.item(sku) else {
            return .json(404, .object([("error", .string("no such SKU is known"))]))
        }
        let supplies = try store.outstandingSupplies(sku: sku, after: nil, limit: 200)
        let demand = try demand(of: sku, through: setting.now().day, store)
        return .json(
            200,
            .object([
                ("sku", .string(sku.text)), ("waiting", .integer(item.waiting)), ("on_order", .integer(item.onOrder)),
                ("position", .integer(item.position)),
                (
                    "stock",
                    .array(
                        item.stock.map {
                            .object([
                                ("location", .string($0.location.text)), ("on_hand", .integer($0.onHand)),
                                ("allocated", .integer($0.allocated)),
                            ])
                        })
                ), ("supply", .array(supplies.map(json))),
                (
                    "demand",
                    .array(
                        demand.map {
                            .object([
                                ("day", .integer($0.day)), ("units", .integer($0.units)),
                                ("filled", .integer($0.filled)),
                            ])
                        })
                ),
            ]))
    }

    private func json(_ supply: Supply) -> JSONText {
        .object([
            ("id", .string(supply.supplyID.text)), ("kind", .string(supply.kind.rawValue)),
            ("sku", .string(supply.sku.text)), ("location", .string(supply.location.text)),
            ("supplier", .optional(supply.supplier?.text)), ("quantity", .integer(supply.quantity)),
            ("outstanding", .integer(supply.outstanding)),
            ("expected_at", .optional(supply.expectedAt.map(formatRFC3339))),
        ])
    }

    // MARK: All supply

    func supply(_ request: HTTPRequest, _ store: any StoreQueries) throws -> HTTPResponse {
        let kind = request.value("kind").flatMap { Supply.Kind(rawValue: $0) }
        let (rows, next) = try supplyRows(request, kind, store)
        func option(_ value: String, _ text: String) -> HTML {
            kind?.rawValue ?? "" == value
                ? "<option value=\"\(value)\" selected>\(text)</option>" : "<option value=\"\(value)\">\(text)</option>"
        }
        var body: HTML = """
            <form action="/supply"><div><label for="kind">Which</label><select id="kind" name="kind">
            \(option("", "reorders and inbounds"))\(option("reorder", "reorders"))\(option("inbound", "inbounds"))
            </select></div><button>Show</button></form>
            """
        body += supplyTable(rows, now: setting.now())
        if let next {
            body += "<p class=\"more\"><a rel=\"next\" href=\"\(Address.query("/supply", next))\">The next ones</a></p>"
        }
        return Layout.page("Supply", tab: .supply, setting: setting, body)
    }

    func supplyJSON(_ request: HTTPRequest, _ store: any StoreQueries) throws -> HTTPResponse {
        let kind = request.value("kind").flatMap { Supply.Kind(rawValue: $0) }
        let (rows, next) = try supplyRows(request, kind, store)
        return .json(
            200,
            .object([
                ("supply", .array(rows.map(json))), ("next", .optional(next.map { Address.query("/api/supply", $0) })),
            ]))
    }

    private func supplyRows(_ request: HTTPRequest, _ kind: Supply.Kind?, _ store: any StoreQueries) throws
        -> (rows: [Supply], next: [(String, String?)]?)
    {
        var after: Supply?
        if let id = request.value("after"), let sku = request.value("after-sku") {
            after = Supply(
                supplyID: SupplyID(id), kind: .reorder, sku: SKU(sku),
                location: LocationID(request.value("after-to") ?? ""),
                quantity: 0, outstanding: 0,
                expectedAt: request.value("after-at").flatMap { Int64($0) }.map { Instant(microseconds: $0) },
                createdAt: Instant(microseconds: 0))
        }
        let rows = try store.supplies(kind: kind, settled: false, after: after, limit: Self.pageRows)
        guard rows.count == Self.pageRows, let last = rows.last else { return (rows, nil) }
        return (
            rows,
            [
                ("kind", kind?.rawValue), ("after", last.supplyID.text), ("after-sku", last.sku.text),
                ("after-to", last.location.text), ("after-at", last.expectedAt.map { "\($0.microseconds)" }),
            ]
        )
    }
}
