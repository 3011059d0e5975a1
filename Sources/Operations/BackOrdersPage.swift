import BackOrderStore
import InventoryCore
import MessageSchema
import Worker

/// Who waits, for what, since when, until when. Pages go by key: the last page is as quick as the first, however many
/// wait. SKU, customer, location and a passed promise each have an index, and the list is read through one of them. What
/// is asked for besides, and first promises, are looked for in a bounded number of lines, and from there on at the
/// reader's wish.
struct BackOrderList {
    struct Filter {
        var sku: SKU?
        var customer: String?
        /// Only lines that were ordered from this location and no other.
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
        /// nil: the source tells neither place nor order.
        var key: PrecedenceKey?
        /// nil: not worked out in this list.
        var place: Int64?
        /// Whether the place is worked out and is beyond `placesToldAtMost`.
        var isFarBack = false
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
    /// Whether the page ends because it took long, not because it is full.
    private(set) var isCut = false
    private let now: Instant
    private let source: Source

    private static let lookedAtMost = 5_000
    private static let milliseconds: Int64 = 1_000
    /// Lines ahead of one are counted so far.
    private static let placesToldAtMost: Int64 = 1_000

    /// What the list is read through. A customer has few lines, as a rule; few promises have passed.
    private enum Source {
        case customer(CustomerMatch)
        case late
        case lane(SKU, LocationID)
        case location(LocationID)
        case queues

        init(_ filter: Filter) {
            if let customer = filter.customer {
                self = .customer(CustomerMatch(id: customer) { $0.id.map { isSame($0, customer) } ?? false })
            } else if filter.isLate {
                self = .late
            } else if let location = filter.location {
                self = filter.sku.map { .lane($0, location) } ?? .location(location)
            } else {
                self = .queues
            }
        }
    }

    init(_ request: HTTPRequest, _ store: any StoreQueries, now: Instant, rows wanted: Int) throws {
        filter = Filter(
            sku: request.value("sku").map { SKU($0) }, customer: request.value("customer"),
            location: request.value("location").map { LocationID($0) }, isLate: request.value("late") == "1",
            isLateAtFirst: request.value("late") == "first")
        source = Source(filter)
        self.now = now
        let deadline = monotonicMilliseconds() + Self.milliseconds
        var looked = 0
        var cursor = cursor(request)
        while true {
            let page = try page(after: cursor, store, limit: wanted + 1)
            for (row, at) in page.rows {
                if rows.count == wanted {
                    next = cursor?.parameters
                    return
                }
                looked += 1
                if let full = try complete(row, store) { rows.append(full) }
                cursor = at
            }
            guard let end = page.end else { return }
            cursor = end
            if looked >= Self.lookedAtMost || monotonicMilliseconds() > deadline {
                isCut = true
                next = end.parameters
                return
            }
        }
    }

    /// With what the source does not tell; nil: it is not asked for.
    private func complete(_ row: Row, _ store: any StoreQueries) throws -> Row? {
        if let sku = filter.sku, row.sku != sku { return nil }
        var row = row
        if row.key == nil {
            guard let order = try store.order(row.orderID), order.lines.indices.contains(row.position) else {
                return nil
            }
            row.customer = order.customer?.id
            row.pin = order.lines[row.position].pin
            row.placedAt = order.placedAt
            row.firstPromisedAt = order.lines[row.position].firstPromisedAt
        }
        if filter.isLate, row.promisedAt.map({ $0 >= now }) ?? true { return nil }
        if filter.isLateAtFirst, row.firstPromisedAt.map({ $0 >= now }) ?? true { return nil }
        if let location = filter.location, row.pin != location { return nil }
        if let key = row.key {
            row.place = try store.place(of: key, sku: row.sku, atMost: Self.placesToldAtMost)
            row.isFarBack = row.place == nil
        }
        return row
    }

    /// Rows that may be wanted, and how far was looked for them; nil: that was all.
    private func page(
        after: Cursor?, _ store: any StoreQueries, limit: Int
    ) throws -> (rows: [(row: Row, at: Cursor)], end: Cursor?) {
        var rows: [(row: Row, at: Cursor)]
        switch source {
        case .customer(let customer):
            let page = try store.waiting(
                of: customer, sku: filter.sku, location: filter.location, after: after?.waiting, limit: limit)
            return (page.lines.map { (Row($0), Cursor(waiting: $0.place)) }, page.next.map { Cursor(waiting: $0) })
        case .location(let location):
            rows = try store.waiting(at: location, after: after?.waiting, limit: limit).map {
                (Row($0), Cursor(waiting: $0.place))
            }
        case .lane(let sku, let location):
            rows = try store.waiting(of: sku, at: location, after: after?.backOrder?.key, limit: limit).map { line in
                let at = BackOrderRow(
                    sku: sku, key: line.key, lineID: line.lineID, waiting: line.waiting, place: 0, promisedAt: nil)
                return (Row(line), Cursor(backOrder: at))
            }
        case .late:
            rows = try store.promisedLines(before: now, after: after?.promised, limit: limit).map { line in
                (
                    Row(
                        sku: line.sku, orderID: line.orderID, lineID: line.lineID, position: line.position,
                        waiting: line.waiting, promisedAt: line.promisedAt), Cursor(promised: line)
                )
            }
        case .queues:
            rows = try store.backOrders(sku: filter.sku, after: after?.backOrder, limit: limit).map { line in
                (
                    Row(
                        sku: line.sku, orderID: line.key.orderID, lineID: line.lineID, position: line.key.position,
                        waiting: line.waiting, place: line.place, promisedAt: line.promisedAt), Cursor(backOrder: line)
                )
            }
        }
        return (rows, rows.count < limit ? nil : rows.last?.at)
    }

    /// Where a page ended, as it stands in an address.
    struct Cursor {
        var backOrder: BackOrderRow?
        var promised: PromisedLine?
        var waiting: WaitingPlace?

        init(backOrder: BackOrderRow) { self.backOrder = backOrder }
        init(promised: PromisedLine) { self.promised = promised }
        init(waiting: WaitingPlace) { self.waiting = waiting }

        var parameters: [(String, String?)] {
            func joined(_ numbers: Int64...) -> String { numbers.map { "\($0)" }.joined(separator: ".") }
            if let place = waiting {
                return [
                    ("after", joined(place.placedAt.microseconds, Int64(place.position))),
                    ("after-order", place.orderID.text),
                ]
            }
            if let line = promised {
                return [
                    (
                        "after",
                        joined(line.promisedAt.microseconds, Int64(line.position), line.place.item, line.place.line)
                    ), ("after-sku", line.sku.text), ("after-order", line.orderID.text),
                ]
            }
            guard let line = backOrder else { return [] }
            let key = line.key
            return [
                (
                    "after",
                    joined(key.lead, Int64(key.priority), key.placedAt.microseconds, Int64(key.position), line.place)
                ), ("after-sku", line.sku.text), ("after-order", key.orderID.text),
            ]
        }
    }

    /// nil: the beginning.
    private func cursor(_ request: HTTPRequest) -> Cursor? {
        let numbers = (request.value("after") ?? "").split(separator: ".").compactMap { Int64($0) }
        let sku = SKU(request.value("after-sku") ?? "")
        let order = OrderID(request.value("after-order") ?? "")
        switch source {
        case .customer, .location:
            guard numbers.count == 2 else { return nil }
            return Cursor(
                waiting: WaitingPlace(
                    placedAt: Instant(microseconds: numbers[0]), orderID: order, position: Int(clamping: numbers[1])))
        case .late:
            guard numbers.count == 4 else { return nil }
            return Cursor(
                promised: PromisedLine(
                    promisedAt: Instant(microseconds: numbers[0]), sku: sku, orderID: order,
                    position: Int(clamping: numbers[1]), lineID: "", waiting: 0,
                    place: .init(item: numbers[2], line: numbers[3])))
        case .lane, .queues:
            guard numbers.count == 5 else { return nil }
            let key = PrecedenceKey(
                lead: numbers[0], priority: Int(clamping: max(-1_000, min(1_000, numbers[1]))),
                placedAt: Instant(microseconds: numbers[2]), orderID: order, position: Int(clamping: numbers[3]))
            return Cursor(
                backOrder: BackOrderRow(
                    sku: sku, key: key, lineID: "", waiting: 0, place: max(0, min(numbers[4], 1 << 40)),
                    promisedAt: nil))
        }
    }

    // MARK: Shown

    private var parameters: [(String, String?)] {
        [
            ("sku", filter.sku?.text), ("customer", filter.customer), ("location", filter.location?.text),
            ("late", filter.isLate ? "1" : filter.isLateAtFirst ? "first" : nil),
        ]
    }

    private var caption: String {
        switch source {
        case .customer: "Waiting lines of the customer, the longest wait first"
        case .late: "Waiting lines whose promise has passed, the earliest first"
        case .location: "Waiting lines that may only come from this location, the longest wait first"
        case .lane: "Waiting lines that may only come from this location, first in line first"
        case .queues: "Waiting lines by SKU, first in line first"
        }
    }

    private static var farBack: String { "over \(Layout.number(placesToldAtMost))" }

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
            caption,
            [
                ("Order", false), ("Line", false), ("SKU", false), ("Units", true), ("Place", true), ("Placed", false),
                ("First promised", false), ("Promised", false), ("Customer", false), ("Only from", false),
            ],
            rows.map { row in
                """
                <tr><td>\(Layout.order(row.orderID))</td><td>\(row.lineID.text)</td><td>\(Layout.item(row.sku))</td>
                <td class="n">\(Layout.number(row.waiting))</td><td class="n">\(row.place.map { Layout.number($0) } ?? (row.isFarBack ? Self.farBack : ""))</td>
                <td>\(Layout.time(row.placedAt))</td><td>\(Layout.promise(row.firstPromisedAt, now: now))</td>
                <td>\(Layout.promise(row.promisedAt, now: now))</td>
                <td>\(row.customer ?? "–")</td><td>\(row.pin?.text ?? "–")</td></tr>
                """
            })
        if rows.isEmpty { body += "<p>\(isCut ? "None so far." : "Nothing waits here.")</p>" }
        if isCut { body += "<p class=\"soft\">Not all was looked through for this page.</p>" }
        if let next {
            let address = Address.query("/back-orders", parameters + next)
            body +=
                "<p class=\"more\"><a rel=\"next\" href=\"\(address)\">\(isCut ? "Look on from here" : "The next ones")</a></p>"
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

extension BackOrderList.Row {
    init(_ line: WaitingLine) {
        self.init(
            sku: line.sku, orderID: line.key.orderID, lineID: line.lineID, position: line.key.position,
            waiting: line.waiting, key: line.key, placedAt: line.key.placedAt, promisedAt: line.promisedAt,
            firstPromisedAt: line.firstPromisedAt, customer: line.customer?.id, pin: line.pin)
    }
}

/// By their bytes, as in an index; Swift's own equality takes a letter and its composed form for the same.
private func isSame(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }

extension Pages {
    func backOrders(_ request: HTTPRequest, _ store: any StoreQueries) throws -> BackOrderList {
        try BackOrderList(request, store, now: setting.now(), rows: Self.pageRows)
    }
}
