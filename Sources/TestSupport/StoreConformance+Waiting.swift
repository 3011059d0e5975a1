internal import BackOrderStore
internal import InventoryCore

/// Lists of waiting lines by customer and by location.
extension StoreConformance {
    private static let long = String(repeating: "é", count: 130)

    /// Customers as they are received, compact, and their ids.
    private static let customers: [(json: String, id: String?)] = [
        (#"{"id":"C-1"}"#, "C-1"), (#"{"id":"C-1","contact":{"id":"C-2"}}"#, "C-1"), (#"{"id":"C-2"}"#, "C-2"),
        (#"{"segment":"b2b","id":"C-1"}"#, "C-1"), (#"{"contact":{"id":"C-2"},"id":"C-1"}"#, "C-1"),
        (#"{"contact":{"id":"C-1"}}"#, nil), (#"{"\u0069d":"C-1"}"#, "C-1"), (#"{"\"id":"C-1"}"#, nil),
        (#"{"contact":{"id":"C-2"},"i\u0064":"C-1"}"#, "C-1"), (#"{"id":"C\u002d1"}"#, "C-1"),
        (#"{"id":12}"#, "12"), (#"{"id":"12"}"#, "12"), (#"{"id":12.0}"#, "12.0"), (#"{"id":12,"segment":"x"}"#, "12"),
        (#"{"id":123456789012345678901234567890}"#, "123456789012345678901234567890"), (#"{"id":-1e5}"#, "-1e5"),
        (#"{"id":true}"#, nil), (#"{"id":null}"#, nil), (#"{"id":{"a":12}}"#, nil), (#"{"id":["12"]}"#, nil),
        (#"{"id":"é\/1"}"#, "é/1"), (#"{"id":"\u00e9/1","name":"\ud83d\ude00"}"#, "é/1"),
        (#"{"id":"é\\/1"}"#, #"é\/1"#),
        (#"{"id":"\\"}"#, #"\"#), (#"{"id":"a\"b"}"#, #"a"b"#), (#"{"id":"C-1\u0000"}"#, "C-1\u{0}"),
        (#"{"id":"C-1","name":"\u0000"}"#, "C-1"), (#"{"id":""}"#, ""), ("{}", nil), (#"{"name":"\u00e9"}"#, nil),
        (#"{"id":"\#(long)a"}"#, long + "a"), (#"{"id":"\#(long)b"}"#, long + "b"),
    ]

    private static func match(_ id: String) -> CustomerMatch {
        let known = Dictionary(uniqueKeysWithValues: customers.map { ($0.json, $0.id) })
        return CustomerMatch(id: id) { customer in
            known[customer.json].flatMap { $0 }.map { $0.utf8.elementsEqual(id.utf8) } ?? false
        }
    }

    private static func pages(
        _ store: any BackOrderStore, of id: String, sku: SKU? = nil, at location: LocationID? = nil, limit: Int
    ) throws -> [WaitingLine] {
        var lines: [WaitingLine] = []
        var after: WaitingPlace?
        repeat {
            let page = try store.read {
                try $0.waiting(of: match(id), sku: sku, location: location, after: after, limit: limit)
            }
            try check(page.lines.count <= limit, "a page of \(page.lines.count), \(limit) asked for")
            if let after, let next = page.next { try check(after < next, "it goes on from \(next), after \(after)") }
            lines += page.lines
            after = page.next
        } while after != nil
        return lines
    }

    private static func names(_ lines: [WaitingLine]) -> [String] {
        lines.map { "\($0.key.orderID)/\($0.key.position)" }
    }

    private static func order(
        _ id: OrderID, placed: Int64, of customer: String?, _ lines: [OrderLine]
    ) -> Order {
        var order = order(id, placed: placed, lines)
        order.customer = customer.map { Customer(json: $0, segment: nil) }
        return order
    }

    static let waitingCases: [Case] = [
        Case(name: "a customer's lines, however the id is written, the longest wait first") { make in
            let store = try make()
            var wanted: [String: [(placed: Int64, name: String)]] = [:]
            for round in 0..<2 {
                for (number, customer) in customers.enumerated() {
                    let id = OrderID("o\(round).\(number)")
                    let placed = Int64((number * 7 + round) % 11)
                    try apply(
                        new(
                            order(
                                id, placed: placed, of: customer.json,
                                [waitingLine("1", "S", 1), allocatedLine("2", "S", 1), waitingLine("3", "T", 2)])),
                        to: store)
                    if let id = customer.id {
                        wanted[id, default: []].append((placed, "o\(round).\(number)"))
                    }
                }
            }
            try apply(new(order("none", placed: 1, of: nil, [waitingLine("S", 1)])), to: store)
            for (id, orders) in wanted {
                let sorted = orders.sorted { ($0.placed, OrderID($0.name)) < ($1.placed, OrderID($1.name)) }
                let lines = sorted.flatMap { ["\($0.name)/0", "\($0.name)/2"] }
                for limit in [1, 2, 3, 99] {
                    try same(names(try pages(store, of: id, limit: limit)), lines, "\(id) by \(limit)")
                }
                try same(
                    names(try pages(store, of: id, sku: "T", limit: 2)), sorted.map { "\($0.name)/2" }, "\(id), SKU")
            }
            for id in ["C", "C-10", "true", "null", "none", long, "12.00"] {
                try same(names(try pages(store, of: id, limit: 5)), [], id)
            }
            try same(names(try pages(store, of: "C-1", sku: "U", limit: 5)), [], "a SKU that none has")
        },
        Case(name: "a line of a list has its dates, its place and its customer") { make in
            let store = try make()
            var line = waitingLine("a", "S", 3, pin: "n")
            line.firstPromisedAt = at(5)
            line.promisedAt = at(6)
            var whole = order("o", placed: 4, of: #"{"id":"C-1"}"#, [waitingLine("z", "S", 1), line])
            whole.customer?.segment = "b2b"
            whole.priority = 7
            try apply(new(whole, lead: -2), to: store)
            let wanted = WaitingLine(
                sku: "S", key: PrecedenceKey(lead: -2, priority: 7, placedAt: at(4), orderID: "o", position: 1),
                lineID: "a", waiting: 3, pin: "n", firstPromisedAt: at(5), promisedAt: at(6),
                customer: Customer(json: #"{"id":"C-1"}"#, segment: "b2b"))
            try same(try pages(store, of: "C-1", at: "n", limit: 9), [wanted], "by customer and location")
            try same(try store.read { try $0.waiting(at: "n", after: nil, limit: 9) }, [wanted], "by location")
            try same(
                try store.read { try $0.waiting(of: "S", at: "n", after: nil, limit: 9) }, [wanted],
                "by SKU and location")
        },
        Case(name: "a customer's few waiting lines among thousands of orders that are done") { make in
            let store = try make()
            var changes = Changes()
            for number in 0..<5_000 {
                let line = number % 1_700 == 1_699 ? waitingLine("S", 1) : allocatedLine("1", "S", 1)
                let placed = order(OrderID("o\(10_000 + number)"), placed: Int64(number), of: #"{"id":"C-1"}"#, [line])
                changes.orders.append(.init(order: placed, isNew: true, lines: [0], lead: 0))
            }
            try apply(changes, to: store)
            for limit in [1, 50] {
                try same(names(try pages(store, of: "C-1", limit: limit)), ["o11699/0", "o13399/0"], "by \(limit)")
            }
        },
        Case(name: "lines pinned to a location, the longest wait first, as long as they wait") { make in
            let store = try make()
            var orders: [Order] = []
            for number in 0..<6 {
                let made = order(
                    OrderID("o\(number)"), placed: Int64(9 - number / 2), of: nil,
                    [
                        waitingLine("1", number < 3 ? "S" : "T", 1, pin: "n"), waitingLine("2", "S", 1),
                        waitingLine("3", "S", 1, pin: "m"), waitingLine("4", "S", 1, pin: number == 4 ? nil : "n"),
                    ])
                orders.append(made)
                try apply(new(made, lead: Int64(number)), to: store)
            }
            func pages(_ location: LocationID, limit: Int) throws -> [WaitingLine] {
                var lines: [WaitingLine] = []
                while true {
                    let page = try store.read {
                        try $0.waiting(at: location, after: lines.last?.place, limit: limit)
                    }
                    lines += page
                    if page.count < limit { return lines }
                }
            }
            var wanted = ["o4/0", "o5/0", "o5/3", "o2/0", "o2/3", "o3/0", "o3/3", "o0/0", "o0/3", "o1/0", "o1/3"]
            for limit in [1, 2, 3, 50] { try same(names(try pages("n", limit: limit)), wanted, "by \(limit)") }
            try same(try pages("m", limit: 4).count, 6, "another location")
            try same(try pages("", limit: 4).count, 0, "lines without a pin are no location's")
            orders[5].lines[0].waiting = 0
            orders[5].lines[0].allocations = [Allocation(location: "n", units: 1)]
            orders[2].lines[3].waiting = 0
            orders[2].lines[3].cancelled = 1
            try apply(changed(orders[5], [0]), to: store)
            try apply(changed(orders[2], [3]), to: store)
            wanted.removeAll { $0 == "o5/0" || $0 == "o2/3" }
            try same(names(try pages("n", limit: 3)), wanted, "afterwards")
        },
        Case(name: "a SKU's lines pinned to a location by precedence, and the place of each in the whole queue") {
            make in
            let store = try make()
            try apply(
                new(
                    Item(
                        sku: "S",
                        lanes: [
                            WaitingLane(pin: nil, units: 5, lines: 5), WaitingLane(pin: "m", units: 5, lines: 5),
                            WaitingLane(pin: "n", units: 5, lines: 5),
                        ])), to: store)
            for number in 0..<5 {
                let lines = [
                    waitingLine("1", "S", 1), waitingLine("2", "S", 1, pin: "n"), waitingLine("3", "T", 1, pin: "n"),
                    waitingLine("4", "S", 1, pin: "m"),
                ]
                try apply(
                    new(order(OrderID("o\(number)"), placed: 5, of: nil, lines), lead: Int64(9 - number)), to: store)
            }
            var lines: [WaitingLine] = []
            while true {
                let page = try store.read { try $0.waiting(of: "S", at: "n", after: lines.last?.key, limit: 2) }
                lines += page
                if page.count < 2 { break }
            }
            try same(names(lines), ["o4/1", "o3/1", "o2/1", "o1/1", "o0/1"], "lines")
            var places: [Int64?] = []
            for line in lines { places.append(try store.read { try $0.place(of: line.key, sku: "S", atMost: 8) }) }
            try same(places, [2, 5, 8, nil, nil], "places")
            let queue = try store.read { try $0.backOrders(sku: "S", after: nil, limit: 99) }
            for row in queue {
                try same(
                    try store.read { try $0.place(of: row.key, sku: "S", atMost: 99) ?? 0 }, row.place, "\(row.key)")
            }
            try same(try store.read { try $0.waiting(of: "U", at: "n", after: nil, limit: 9) }, [], "no such SKU")
        },
    ]
}
