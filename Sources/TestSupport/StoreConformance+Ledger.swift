internal import BackOrderStore
internal import InventoryCore

/// Orders and the queues their lines stand in.
extension StoreConformance {
    /// An order with a value in every field.
    static func fullOrder() -> Order {
        var line = OrderLine(lineID: "l é", sku: "S", pin: "north", unitPrice: "19.90", ordered: 30)
        line.allocations = [
            Allocation(location: "a,b:c", units: 3, requested: 1), Allocation(location: "é", units: 2),
            Allocation(location: "4:x", units: 1, requested: 1),
        ]
        line.waiting = 4
        line.held = 5
        line.dispatched = 6
        line.cancelled = 7
        line.refused = 2
        line.firstPromisedAt = at(1)
        line.promisedAt = at(-2)
        line.estimatedAt = at(.max)
        var over = OrderLine(lineID: "over", sku: "T", ordered: 2)
        over.dispatched = 5
        return Order(
            orderID: "full", placedAt: at(77), customer: Customer(json: #"{"name":"Åsa"}"#, segment: "b2b"),
            priority: 9,
            requestedBy: at(99), ship: .complete, currency: "EUR", isHeld: true, sequence: 12, lines: [line, over])
    }

    static let orderCases: [Case] = [
        Case(name: "an order comes back as it was, every field") { make in
            let store = try make()
            try apply(new(fullOrder()), to: store)
            try same(try store.write { try $0.orders(["full"]) }, [fullOrder()], "order")
            try same(try store.read { try $0.order("full") }, Optional(fullOrder()), "order")
        },
        Case(name: "an order with nothing optional comes back as it was") { make in
            let store = try make()
            let bare = order("bare", [waitingLine("S", 1)])
            try apply(new(bare), to: store)
            try same(try store.write { try $0.orders(["bare"]) }, [bare], "order")
        },
        Case(name: "unknown orders are not answered") { make in
            let store = try make()
            try apply(new(order("a", [waitingLine("S", 1)])), to: store)
            try same(try store.write { try $0.orders(["b", "a", "c"]) }.map(\.orderID), ["a"], "orders")
            try same(try store.read { try $0.order("A") }, nil, "another case")
        },
        Case(name: "order ids are compared by bytes") { make in
            let store = try make()
            for id in ["é", "e\u{301}", "A", "a", "a ", "a\u{0}b", "a\u{0}c", ""] {
                try apply(new(order(OrderID(id), [waitingLine(LineID(id), "S", 1)])), to: store)
            }
            for id in ["é", "e\u{301}", "A", "a", "a ", "a\u{0}b", "a\u{0}c", ""] {
                let found = try store.write { try $0.orders([OrderID(id)]) }
                try same(found.map(\.lines[0].lineID), [LineID(id)], "order \(id.debugDescription)")
            }
        },
        Case(name: "only the lines that are named are written") { make in
            let store = try make()
            let first = order("o", [waitingLine("1", "S", 5), waitingLine("2", "S", 5)])
            try apply(new(first), to: store)
            var later = first
            later.sequence = 4
            for index in 0..<2 {
                later.lines[index].waiting = 1
                later.lines[index].cancelled = 4
            }
            try apply(changed(later, [1]), to: store)
            var wanted = first
            wanted.sequence = 4
            wanted.lines[1] = later.lines[1]
            try same(try store.write { try $0.orders(["o"]) }, [wanted], "order")
        },
        Case(name: "an order's head changes without its lines") { make in
            let store = try make()
            var value = order("o", [heldLine("S", 5)], isHeld: true)
            try apply(new(value), to: store)
            value.isHeld = false
            value.sequence = 3
            try apply(changed(value, []), to: store)
            try same(try store.write { try $0.orders(["o"]) }, [value], "order")
        },
        Case(name: "dates change and the queue stays") { make in
            let store = try make()
            var value = order("o", [waitingLine("S", 5)])
            try apply(new(value), to: store)
            value.lines[0].firstPromisedAt = at(1)
            value.lines[0].promisedAt = at(2)
            value.lines[0].estimatedAt = at(3)
            try store.write { transaction in
                _ = try transaction.orders(["o"])
                try transaction.apply(changed(value, [0]))
            }
            try same(try store.write { try $0.orders(["o"]) }, [value], "order")
            try same(try waiting(store, "S").count, 1, "queue")
            value.lines[0].promisedAt = nil
            value.lines[0].estimatedAt = nil
            try apply(changed(value, [0]), to: store)
            try same(try store.write { try $0.orders(["o"]) }, [value], "order")
        },
        Case(name: "a new order that is there, or a changed one that is not, is refused") { make in
            let store = try make()
            try apply(new(order("o", [waitingLine("S", 1)])), to: store)
            try refused("new again", .corrupt) { try apply(new(order("o", [waitingLine("S", 1)])), to: store) }
            try refused("unknown", .corrupt) { try apply(changed(order("p", [waitingLine("S", 1)]), [0]), to: store) }
        },
        Case(name: "lines whose units do not add up are refused") { make in
            let store = try make()
            func refuse(_ what: String, _ change: (inout OrderLine) -> Void) throws {
                var value = order("o", [waitingLine("S", 5)])
                change(&value.lines[0])
                try refused(what, .corrupt) { try apply(new(value), to: store) }
            }
            try refuse("too few") { $0.waiting = 4 }
            try refuse("too many") { $0.held = 1 }
            try refuse("negative") {
                $0.waiting = 6
                $0.cancelled = -1
            }
            try refuse("unplaced") { $0.unplaced = 1 }
            try refuse("allocated 0") { $0.allocations = [Allocation(location: "a", units: 0)] }
            try refuse("asked for more") {
                $0.waiting = 4
                $0.allocations = [Allocation(location: "a", units: 1, requested: 2)]
            }
            try same(try store.write { try $0.orders(["o"]) }, [], "orders")
        },
        Case(name: "over-shipment may pass what was ordered") { make in
            let store = try make()
            var value = order("o", [waitingLine("S", 5)])
            try apply(new(value), to: store)
            value.lines[0].waiting = 0
            value.lines[0].dispatched = 9
            try apply(changed(value, [0]), to: store)
            try same(try store.write { try $0.orders(["o"]) }, [value], "order")
        },
        Case(name: "an order of 1,000 lines") { make in
            let store = try make()
            let lines = (0..<1000).map { waitingLine(LineID("line-\($0)"), SKU("S\($0 % 3)"), Units($0 + 1)) }
            var value = order("big", lines)
            try apply(new(value), to: store)
            try same(try store.write { try $0.orders(["big"]) }, [value], "order")
            let queue = try waiting(store, "S1")
            try same(queue.map(\.key.position), Array(stride(from: 1, to: 1000, by: 3)), "positions")
            let page = try waiting(store, "S1", after: queue[100].key, limit: 5)
            try same(page, Array(queue[101..<106]), "a page in the middle of one order")
            for position in stride(from: 0, to: 1000, by: 2) {
                value.lines[position].cancelled = value.lines[position].waiting
                value.lines[position].waiting = 0
            }
            try apply(changed(value, Array(stride(from: 0, to: 1000, by: 2))), to: store)
            try same(try store.write { try $0.orders(["big"]) }, [value], "order")
            try same(try waiting(store, "S1").count, 167, "left in the queue")
        },
        Case(name: "quantities of 1,000,000,000 in many lines") { make in
            let store = try make()
            let lines = (0..<100).map { waitingLine(LineID("\($0)"), "S", 1_000_000_000) }
            var changes = new(order("huge", lines))
            let sum: Units = 100_000_000_000
            changes.items =
                new(
                    Item(
                        sku: "S", stock: [Stock(location: "a", onHand: sum * 1000, allocated: sum * 1000)],
                        lanes: [WaitingLane(pin: nil, units: sum, lines: 100)], onOrder: sum * 7)
                ).items
            try apply(changes, to: store)
            try same(try store.read { try $0.totals() }.waitingUnits, sum, "waiting")
            try same(try store.write { try $0.items(["S"]) }, [changes.items[0].item], "item")
        },
    ]

    /// Order ids that a wrong comparison sorts wrongly, in byte order.
    static let trickyIDs: [OrderID] = [
        "", "A", "B", "Z-0000000000000000000000001", "Z-0000000000000000000000002", "a", "aa", "b", "e", "e\u{301}",
        "z",
        "é", "ü", "\u{ffff}", "😀",
    ]

    static let queueCases: [Case] = [
        Case(name: "waiting lines go by lead, priority, time, id bytes, position") { make in
            let store = try make()
            try apply(new(order("lead", placed: 1, priority: 9, [waitingLine("S", 1)]), lead: 2), to: store)
            try apply(new(order("late", placed: 3, priority: 5, [waitingLine("S", 1)])), to: store)
            try apply(new(order("early", placed: 2, priority: 5, [waitingLine("S", 1)])), to: store)
            try apply(
                new(order("first", placed: 9, priority: 9, [waitingLine("1", "S", 1), waitingLine("2", "S", 1)])),
                to: store)
            try apply(new(order("none", placed: -8, priority: 0, [waitingLine("S", 1)])), to: store)
            try apply(new(order("due", placed: 100, [waitingLine("S", 1)]), lead: .min), to: store)
            try apply(new(order("never", placed: 0, [waitingLine("S", 1)]), lead: .max), to: store)
            try same(
                ids(try waiting(store, "S")),
                ["due/0", "first/0", "first/1", "early/0", "late/0", "none/0", "lead/0", "never/0"], "queue")
        },
        Case(name: "ids that are equal but for bytes keep byte order") { make in
            let store = try make()
            for id in trickyIDs.reversed() { try apply(new(order(id, [waitingLine("S", 1)])), to: store) }
            let queue = try waiting(store, "S")
            try same(queue.map(\.key.orderID), trickyIDs, "queue")
            for index in trickyIDs.indices {
                let page = try waiting(store, "S", after: queue[index].key, limit: 2)
                try same(page, Array(queue[(index + 1)...].prefix(2)), "after \(trickyIDs[index])")
            }
        },
        Case(name: "a queued line tells its line, pin and units") { make in
            let store = try make()
            try apply(
                new(
                    order("o", priority: 3, [waitingLine("x", "S", 2), waitingLine("y", "S", 7, pin: "north")]), lead: 5
                ), to: store)
            let key = PrecedenceKey(lead: 5, priority: 3, placedAt: at(1), orderID: "o", position: 1)
            try same(
                try waiting(store, "S", pin: "north"), [QueuedLine(key: key, lineID: "y", pin: "north", units: 7)],
                "line")
        },
        Case(name: "pins are queues of their own") { make in
            let store = try make()
            try apply(new(order("a", [waitingLine("1", "S", 1), waitingLine("2", "S", 1, pin: "n")])), to: store)
            try apply(new(order("b", [waitingLine("1", "S", 1, pin: "N"), waitingLine("2", "T", 1)])), to: store)
            try same(ids(try waiting(store, "S")), ["a/0"], "no pin")
            try same(ids(try waiting(store, "S", pin: "n")), ["a/1"], "n")
            try same(ids(try waiting(store, "S", pin: "N")), ["b/0"], "N")
            try same(ids(try waiting(store, "S", pin: "m")), [], "m")
            try same(ids(try waiting(store, "U")), [], "unknown SKU")
        },
        Case(name: "the queue pages after a key, also one that is gone") { make in
            let store = try make()
            for number in 0..<50 {
                try apply(
                    new(order(OrderID("o\(number + 100)"), placed: Int64(number), [waitingLine("S", 1)])), to: store)
            }
            var seen: [QueuedLine] = []
            while true {
                let page = try waiting(store, "S", after: seen.last?.key, limit: 7)
                if page.isEmpty { break }
                try check(page.count <= 7, "a page of \(page.count)")
                seen += page
            }
            try same(seen.map(\.key.placedAt.microseconds), Array(0..<50), "pages")
            let gone = PrecedenceKey(lead: 0, priority: 0, placedAt: at(20), orderID: "o", position: 0)
            try same(
                try waiting(store, "S", after: gone, limit: 1)[0].key.placedAt, at(20), "after a key that is not there")
            try same(try waiting(store, "S", after: nil, limit: 0), [], "limit 0")
        },
        Case(name: "the queue from its last line") { make in
            let store = try make()
            for number in 0..<20 {
                try apply(
                    new(
                        order(
                            OrderID("o\(number + 10)"), placed: Int64(number / 4),
                            [waitingLine("1", "S", 1), waitingLine("2", "S", 1)])), to: store)
            }
            let all = try waiting(store, "S")
            let last = try store.write { try $0.waitingLinesFromLast(sku: "S", pin: nil, before: nil, limit: 100) }
            try same(last, all.reversed(), "from the last")
            for index in all.indices {
                let page = try store.write {
                    try $0.waitingLinesFromLast(sku: "S", pin: nil, before: all[index].key, limit: 3)
                }
                try same(page, Array(all[..<index].reversed().prefix(3)), "before \(index)")
            }
        },
        Case(name: "a line leaves and enters the queues as its units move") { make in
            let store = try make()
            var value = order("o", [waitingLine("S", 5)])
            try apply(new(value), to: store)
            value.lines[0].waiting = 0
            value.lines[0].allocations = [Allocation(location: "a", units: 5)]
            try apply(changed(value, [0]), to: store)
            try same(try waiting(store, "S").count, 0, "waiting")
            func allocated() throws -> [Units] {
                try store.write { try $0.allocatedLinesFromLast(sku: "S", before: nil, limit: 5) }.map(\.units)
            }
            try same(try allocated(), [5], "allocated")
            value.lines[0].allocations = [Allocation(location: "b", units: 2, requested: 2)]
            value.lines[0].dispatched = 3
            try apply(changed(value, [0]), to: store)
            try same(try allocated(), [2], "allocated")
            value.lines[0].allocations = []
            value.lines[0].waiting = 2
            try apply(changed(value, [0]), to: store)
            try same(try allocated(), [], "allocated")
            try same(try waiting(store, "S").map(\.units), [2], "waiting")
        },
        Case(name: "a new lead moves the line") { make in
            let store = try make()
            for id in ["a", "b", "c"] { try apply(new(order(OrderID(id), [waitingLine("S", 2)]), lead: 2), to: store) }
            try apply(changed(order("c", [waitingLine("S", 2)]), [0], lead: 1), to: store)
            let queue = try waiting(store, "S")
            try same(ids(queue), ["c/0", "a/0", "b/0"], "queue")
            try same(queue.map(\.key.lead), [1, 2, 2], "leads")
        },
        Case(name: "allocated lines from the last, at any location") { make in
            let store = try make()
            for number in 0..<9 {
                try apply(
                    new(
                        order(
                            OrderID("o\(number)"), placed: Int64(number % 3), priority: number / 3,
                            [
                                allocatedLine("1", "S", 2, at: number % 2 == 0 ? "a" : "b"), waitingLine("2", "S", 1),
                            ])), to: store)
            }
            let all = try store.write { try $0.allocatedLinesFromLast(sku: "S", before: nil, limit: 100) }
            try same(all.map(\.key), all.map(\.key).sorted().reversed(), "order")
            try same(all.count, 9, "lines")
            try same(ids(Array(all.prefix(2))), ["o2/0", "o1/0"], "first")
            let page = try store.write { try $0.allocatedLinesFromLast(sku: "S", before: all[3].key, limit: 2) }
            try same(page, Array(all[4..<6]), "page")
        },
        Case(name: "allocated lines tell all units of the line") { make in
            let store = try make()
            try apply(new(fullOrder()), to: store)
            let all = try store.write { try $0.allocatedLinesFromLast(sku: "S", before: nil, limit: 9) }
            try same(all.map(\.units), [6], "units")
            try same(all.map(\.pin), ["north"], "pin")
        },
        Case(name: "held lines by precedence") { make in
            let store = try make()
            for number in 0..<6 {
                try apply(
                    new(
                        order(
                            OrderID("o\(number)"), placed: Int64(-number), [heldLine("S", Units(number + 1))],
                            isHeld: true)), to: store)
            }
            try apply(new(order("free", [waitingLine("S", 1)])), to: store)
            let all = try store.write { try $0.heldLines(sku: "S", after: nil, limit: 9) }
            try same(ids(all), ["o5/0", "o4/0", "o3/0", "o2/0", "o1/0", "o0/0"], "held")
            try same(all.map(\.units), [6, 5, 4, 3, 2, 1], "units")
            let page = try store.write { try $0.heldLines(sku: "S", after: all[1].key, limit: 2) }
            try same(page, Array(all[2..<4]), "page")
        },
        Case(name: "adopting due-date orders the open lines by requested date") { make in
            let store = try make()
            try store.adopt(.priority)
            for (id, due) in [("a", nil), ("b", 20), ("c", 10), ("d", nil)] as [(String, Int64?)] {
                var value = order(
                    OrderID(id), [waitingLine("1", "S", 1), allocatedLine("2", "S", 1), heldLine("3", "S", 1)])
                value.requestedBy = due.map { at($0) }
                try apply(new(value), to: store)
            }
            try store.adopt(.dueDate)
            let queue = try waiting(store, "S")
            try same(ids(queue), ["c/0", "b/0", "a/0", "d/0"], "waiting")
            try same(queue.map(\.key.lead), [10, 20, .max, .max], "leads")
            let last = try store.write { try $0.allocatedLinesFromLast(sku: "S", before: nil, limit: 9) }
            try same(ids(last), ["d/1", "a/1", "b/1", "c/1"], "allocated")
            let held = try store.write { try $0.heldLines(sku: "S", after: nil, limit: 9) }
            try same(ids(held), ["c/2", "b/2", "a/2", "d/2"], "held")
            try store.adopt(.fairShare)
            try same(ids(try waiting(store, "S")), ["a/0", "b/0", "c/0", "d/0"], "fair-share")
        },
        Case(
            name:
                "adopting smallest-first orders by the waiting units of the whole order; adopting it again does nothing"
        ) { make in
            let store = try make()
            try apply(new(order("big", [waitingLine("1", "S", 1), waitingLine("2", "T", 50)])), to: store)
            try apply(new(order("small", placed: 9, [waitingLine("1", "S", 10)])), to: store)
            try store.adopt(.smallestFirst)
            try same(try waiting(store, "S").map(\.key.lead), [10, 51], "leads")
            try apply(changed(order("small", placed: 9, [waitingLine("1", "S", 10)]), [0], lead: 99), to: store)
            try store.adopt(.smallestFirst)
            try same(try waiting(store, "S").map(\.key.lead), [51, 99], "leads")
        },
    ]
}
