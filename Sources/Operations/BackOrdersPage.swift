import BackOrderStore
import InventoryCore
import MessageSchema
import Worker

/// Who waits, for what, since when, until when. Pages go by key: the last page is as quick as the first, however many
/// wait. What no index finds is looked for in a bounded number of lines, and from there on at the reader's wish.
struct BackOrderList {
    struct Filter {
        var sku: SKU?
        var customer: String?
        var location: LocationID?
        /// Only those whose promised date has passed, the earliest first. Few: the sweep tells a new date soon.
        var isLate: Bool
        /// Only those that were first promised for a time that has passed.
        var isLateAtFirst: Bool
    }

    struct Row {
        var sku: SKU
        var orderID: OrderID
        var lineID: LineID
        var position: Int
        var waiting: Units
        /// nil: not worked out in this list.
        var place: Int64?
        var placedAt: Instant?
        var promisedAt: Instant?
        var firstPromisedAt: Instant?
        var customer: String?
        var pin: LocationID?
    }

    private(set) var filter: Filter
    private(set) var rows: [Row] = []
    /// How to go on; nil: that was all.
    private(set) var next: [(String, String?)]?
    /// Lines that were looked at without being asked for.
    private(set) var passed = 0
    private let now: Instant

    private static let lookedAtMost = 5_000
    private static let milliseconds: Int64 = 1_000

    init(_ request: HTTPRequest, _ store: any StoreQueries, now: Instant, rows wanted: Int) throws {
        filter = Filter(
            sku: request.value("sku").map { SKU($0) }, customer: request.value("customer"),
            location: request.value("location").map { LocationID($0) }, isLate: request.value("late") == "1",
            isLateAtFirst: request.value("late") == "first")
        self.now = now
        let deadline = monotonicMilliseconds() + Self.milliseconds
        var looked = 0
        var cursor = Cursor(request, isLate: filter.isLate)
        while true {
            let page = try Self.page(after: cursor, filter, store, now, limit: wanted + 1)
            for (row, at) in page {
                if rows.count == wanted {
                    next = cursor?.parameters
                    return
                }
                looked += 1
                if let full = try complete(row, store) { rows.append(full) }
                cursor = at
            }
            if page.count <= wanted { return }
            if looked >= Self.lookedAtMost || monotonicMilliseconds() > deadline {
                passed = looked
                next = cursor?.parameters
                return
            }
        }
    }

    /// With what only the order knows; nil: it is not asked for.
    private func complete(_ row: Row, _ store: any StoreQueries) throws -> Row? {
        if filter.isLate, let sku = filter.sku, row.sku != sku { return nil }
        guard let order = try store.order(row.orderID), order.lines.indices.contains(row.position) else { return nil }
        var row = row
        row.customer = order.customer?.id
        row.pin = order.lines[row.position].pin
        row.placedAt = order.placedAt
        row.firstPromisedAt = order.lines[row.position].firstPromisedAt
        if filter.isLateAtFirst, row.firstPromisedAt.map({ $0 >= now }) ?? true { return nil }
        if let customer = filter.customer, row.customer != customer { return nil }
        if let location = filter.location, row.pin != location { return nil }
        return row
    }

    private static func page(
        after: Cursor?, _ filter: Filter, _ store: any StoreQueries, _ now: Instant, limit: Int
    ) throws -> [(row: Row, at: Cursor)] {
        if filter.isLate {
            return try store.promisedLines(before: now, after: after?.promised, limit: limit).map { line in
                (
                    Row(
                        sku: line.sku, orderID: line.orderID, lineID: line.lineID, position: line.position,
                        waiting: line.waiting, promisedAt: line.promisedAt), Cursor(promised: line)
                )
            }
        }
        return try store.backOrders(sku: filter.sku, after: after?.backOrder, limit: limit).map { line in
            (
                Row(
                    sku: line.sku, orderID: line.key.orderID, lineID: line.lineID, position: line.key.position,
                    waiting: line.waiting, place: line.place, promisedAt: line.promisedAt), Cursor(backOrder: line)
            )
        }
    }

    /// Where a page ended, as it stands in an address.
    struct Cursor {
        var backOrder: BackOrderRow?
        var promised: PromisedLine?

        init(backOrder: BackOrderRow) { self.backOrder = backOrder }
        init(promised: PromisedLine) { self.promised = promised }

        /// nil: the beginning.
        init?(_ request: HTTPRequest, isLate: Bool) {
            let numbers = (request.value("after") ?? "").split(separator: ".").compactMap { Int64($0) }
            let sku = SKU(request.value("after-sku") ?? "")
            let order = OrderID(request.value("after-order") ?? "")
            if isLate, numbers.count == 4 {
                promised = PromisedLine(
                    promisedAt: Instant(microseconds: numbers[0]), sku: sku, orderID: order,
                    position: Int(clamping: numbers[1]), lineID: "", waiting: 0,
                    place: .init(item: numbers[2], line: numbers[3]))
            } else if !isLate, numbers.count == 5 {
                backOrder = BackOrderRow(
                    sku: sku,
                    key: PrecedenceKey(
                        lead: numbers[0], priority: Int(clamping: max(-1_000, min(1_000, numbers[1]))),
                        placedAt: Instant(microseconds: numbers[2]), orderID: order, position: Int(clamping: numbers[3])
                    ),
                    lineID: "", waiting: 0, place: max(0, min(numbers[4], 1 << 40)), promisedAt: nil)
            } else {
                return nil
            }
        }

        var parameters: [(String, String?)] {
            func joined(_ numbers: [Int64]) -> String { numbers.map { "\($0)" }.joined(separator: ".") }
            if let line = promised {
                return [
                    (
                        "after",
                        joined([line.promisedAt.microseconds, Int64(line.position), line.place.item, line.place.line])
                    ), ("after-sku", line.sku.text), ("after-order", line.orderID.text),
                ]
            }
            guard let line = backOrder else { return [] }
            let key = line.key
            return [
                (
                    "after",
                    joined([key.lead, Int64(key.priority), key.placedAt.microseconds, Int64(key.position), line.place])
                ), ("after-sku", line.sku.text), ("after-order", key.orderID.text),
            ]
        }
    }

    // MARK: Shown

    private var parameters: [(String, String?)] {
        [
            ("sku", filter.sku?.text), ("customer", filter.customer), ("location", filter.location?.text),
            ("late", filter.isLate ? "1" : filter.isLateAtFirst ? "first" : nil),
        ]
    }

    func page(_ pages: Pages) -> HTTPResponse {
        let now = pages.setting.now()
        var body: HTML = """
            <form action="/back-orders" role="search">
            <div><label for="sku">SKU</label><input id="sku" name="sku" value="\(filter.sku?.text ?? "")" maxlength="128"></div>
            <div><label for="customer">Customer</label><input id="customer" name="customer" value="\(filter.customer ?? "")" maxlength="128"></div>
            <div><label for="location">Only from location</label><input id="location" name="location" value="\(filter.location?.text ?? "")" maxlength="128"></div>
            <div><label for="late">Which</label><select id="late" name="late">
            <option value="0">all that wait</option><option value="first"\(filter.isLateAtFirst ? " selected" as HTML : "")>first promise passed</option>
            <option value="1"\(filter.isLate ? " selected" as HTML : "")>promised date passed, not told yet</option>
            </select></div><button>Show</button></form>
            """
        body += Layout.table(
            filter.isLate
                ? "Waiting lines whose promise has passed, the earliest first"
                : "Waiting lines by SKU, first in line first",
            [
                ("Order", false), ("Line", false), ("SKU", false), ("Units", true), ("Place", true), ("Placed", false),
                ("First promised", false), ("Promised", false), ("Customer", false), ("Only from", false),
            ],
            rows.map { row in
                """
                <tr><td>\(Layout.order(row.orderID))</td><td>\(row.lineID.text)</td><td>\(Layout.item(row.sku))</td>
                <td class="n">\(Layout.number(row.waiting))</td><td class="n">\(row.place.map { Layout.number($0) } ?? "")</td>
                <td>\(Layout.time(row.placedAt))</td><td>\(Layout.promise(row.firstPromisedAt, now: now))</td>
                <td>\(Layout.promise(row.promisedAt, now: now))</td>
                <td>\(row.customer ?? "–")</td><td>\(row.pin?.text ?? "–")</td></tr>
                """
            })
        if rows.isEmpty { body += "<p>\(passed == 0 ? "Nothing waits here." : "None so far.")</p>" }
        if passed > 0 { body += "<p class=\"soft\">\(Layout.number(passed)) lines were looked at for this page.</p>" }
        if let next {
            let address = Address.query("/back-orders", parameters + next)
            body +=
                "<p class=\"more\"><a rel=\"next\" href=\"\(address)\">\(passed > 0 ? "Look on from here" : "The next ones")</a></p>"
        }
        return Layout.page("Back orders", tab: .backOrders, setting: pages.setting, body)
    }

    var json: JSONText {
        .object([
            (
                "back_orders",
                .array(
                    rows.map { row in
                        .object([
                            ("order_id", .string(row.orderID.text)), ("line_id", .string(row.lineID.text)),
                            ("sku", .string(row.sku.text)), ("waiting", .integer(row.waiting)),
                            ("place", row.place.map { .integer($0) } ?? .null),
                            ("placed_at", .optional(row.placedAt.map(formatRFC3339))),
                            ("first_promised_at", .optional(row.firstPromisedAt.map(formatRFC3339))),
                            ("promised_at", .optional(row.promisedAt.map(formatRFC3339))),
                            ("customer_id", .optional(row.customer)), ("location", .optional(row.pin?.text)),
                        ])
                    })
            ), ("next", .optional(next.map { Address.query("/api/back-orders", parameters + $0) })),
        ])
    }
}

extension Pages {
    func backOrders(_ request: HTTPRequest, _ store: any StoreQueries) throws -> BackOrderList {
        try BackOrderList(request, store, now: setting.now(), rows: Self.pageRows)
    }
}
