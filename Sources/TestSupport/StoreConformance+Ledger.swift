internal import BackOrderStore
internal import InventoryCore

/// Orders, queues, items, supply, and the questions of people.
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
            orderID: "full", placedAt: at(77), customer: Customer(json: #"{"name":"Åsa"}"#, segment: "b2b"), priority: 9,
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
            changes.items = new(
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
        "", "A", "B", "Z-0000000000000000000000001", "Z-0000000000000000000000002", "a", "aa", "b", "e", "e\u{301}", "z",
        "é", "ü", "\u{ffff}", "😀",
    ]

    static let queueCases: [Case] = [
        Case(name: "waiting lines go by lead, priority, time, id bytes, position") { make in
            let store = try make()
            try apply(new(order("lead", placed: 1, priority: 9, [waitingLine("S", 1)]), lead: 2), to: store)
            try apply(new(order("late", placed: 3, priority: 5, [waitingLine("S", 1)])), to: store)
            try apply(new(order("early", placed: 2, priority: 5, [waitingLine("S", 1)])), to: store)
            try apply(new(order("first", placed: 9, priority: 9, [waitingLine("1", "S", 1), waitingLine("2", "S", 1)])), to: store)
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
            try apply(new(order("o", priority: 3, [waitingLine("x", "S", 2), waitingLine("y", "S", 7, pin: "north")]), lead: 5), to: store)
            let key = PrecedenceKey(lead: 5, priority: 3, placedAt: at(1), orderID: "o", position: 1)
            try same(
                try waiting(store, "S", pin: "north"), [QueuedLine(key: key, lineID: "y", pin: "north", units: 7)], "line")
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
            for number in 0..<50 { try apply(new(order(OrderID("o\(number + 100)"), placed: Int64(number), [waitingLine("S", 1)])), to: store) }
            var seen: [QueuedLine] = []
            while true {
                let page = try waiting(store, "S", after: seen.last?.key, limit: 7)
                if page.isEmpty { break }
                try check(page.count <= 7, "a page of \(page.count)")
                seen += page
            }
            try same(seen.map(\.key.placedAt.microseconds), Array(0..<50), "pages")
            let gone = PrecedenceKey(lead: 0, priority: 0, placedAt: at(20), orderID: "o", position: 0)
            try same(try waiting(store, "S", after: gone, limit: 1)[0].key.placedAt, at(20), "after a key that is not there")
            try same(try waiting(store, "S", after: nil, limit: 0), [], "limit 0")
        },
        Case(name: "the queue from its last line") { make in
            let store = try make()
            for number in 0..<20 { try apply(new(order(OrderID("o\(number + 10)"), placed: Int64(number / 4), [waitingLine("1", "S", 1), waitingLine("2", "S", 1)])), to: store) }
            let all = try waiting(store, "S")
            let last = try store.write { try $0.waitingLinesFromLast(sku: "S", pin: nil, before: nil, limit: 100) }
            try same(last, all.reversed(), "from the last")
            for index in all.indices {
                let page = try store.write { try $0.waitingLinesFromLast(sku: "S", pin: nil, before: all[index].key, limit: 3) }
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
                    new(order(OrderID("o\(number)"), placed: Int64(number % 3), priority: number / 3, [
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
                try apply(new(order(OrderID("o\(number)"), placed: Int64(-number), [heldLine("S", Units(number + 1))], isHeld: true)), to: store)
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
                var value = order(OrderID(id), [waitingLine("1", "S", 1), allocatedLine("2", "S", 1), heldLine("3", "S", 1)])
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
        Case(name: "adopting smallest-first orders by the waiting units of the whole order; adopting it again does nothing") { make in
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

    static let itemCases: [Case] = [
        Case(name: "an item comes back as it was, every field") { make in
            let store = try make()
            let item = Item(
                sku: "S", stock: [Stock(location: "A", onHand: 5, allocated: 2), Stock(location: "a", onHand: 1)],
                lanes: [WaitingLane(pin: nil, units: 9, lines: 2), WaitingLane(pin: "n", units: 1, lines: 1)], onOrder: 7,
                reorderCount: 3,
                settings: ItemSettings(
                    supplier: "é", leadTimeDays: 3,
                    reorder: ReorderSettings(point: 1, upTo: 2, minimum: 3, multiple: 4), ship: .complete),
                deficits: [
                    Deficit(location: "A", dispatchedAt: at(2), units: 1), Deficit(location: "a", dispatchedAt: at(1), units: 4),
                ])
            try apply(new(item), to: store)
            try same(try store.write { try $0.items(["S", "none"]) }, [item], "item")
        },
        Case(name: "items are found by the bytes of their SKU") { make in
            let store = try make()
            for id in trickyIDs { try apply(new(Item(sku: id, onOrder: Units(id.text.utf8.count))), to: store) }
            for id in trickyIDs {
                try same(try store.write { try $0.items([id]) }, [Item(sku: id, onOrder: Units(id.text.utf8.count))], "item \(id)")
            }
        },
        Case(name: "stock and lanes are sorted by bytes however they came") { make in
            let store = try make()
            try apply(new(Item(sku: "S")), to: store)
            var item = Item(sku: "S")
            for name in ["é", "b", "a", "B", "e\u{301}"] as [LocationID] {
                item.stock = [Stock(location: name, onHand: 1)]
                item.lanes = [WaitingLane(pin: name, units: 1, lines: 1)]
                var changes = Changes()
                changes.items = [.init(item: item, isNew: false, headChanged: false, stock: [0], lanes: [0], deficitsChanged: false)]
                try apply(changes, to: store)
            }
            item.lanes = [WaitingLane(pin: nil)]
            var changes = Changes()
            changes.items = [.init(item: item, isNew: false, headChanged: false, stock: [], lanes: [0], deficitsChanged: false)]
            try apply(changes, to: store)
            let found = try store.write { try $0.items(["S"]) }
            try same(found[0].stock.map(\.location), ["B", "a", "b", "e\u{301}", "é"], "stock")
            try same(found[0].lanes.map(\.pin), [nil, "B", "a", "b", "e\u{301}", "é"], "lanes")
        },
        Case(name: "only what is named of an item is written") { make in
            let store = try make()
            let first = Item(
                sku: "S", stock: [Stock(location: "a", onHand: 1), Stock(location: "b", onHand: 1)],
                lanes: [WaitingLane(pin: nil, units: 1, lines: 1), WaitingLane(pin: "n", units: 1, lines: 1)], onOrder: 1,
                deficits: [Deficit(location: "a", dispatchedAt: at(1), units: 1)])
            try apply(new(first), to: store)
            let other = Item(
                sku: "S", stock: [Stock(location: "a", onHand: 2), Stock(location: "b", onHand: 2)],
                lanes: [WaitingLane(pin: nil, units: 2, lines: 2), WaitingLane(pin: "n", units: 2, lines: 2)], onOrder: 2,
                settings: ItemSettings(leadTimeDays: 1))
            func change(_ change: Changes.ItemChange) throws -> Item {
                var changes = Changes()
                changes.items = [change]
                try apply(changes, to: store)
                return try store.write { try $0.items(["S"]) }[0]
            }
            var wanted = first
            wanted.stock[1] = other.stock[1]
            try same(try change(.init(item: other, isNew: false, headChanged: false, stock: [1], lanes: [], deficitsChanged: false)), wanted, "stock")
            wanted.lanes[1] = other.lanes[1]
            try same(try change(.init(item: other, isNew: false, headChanged: false, stock: [], lanes: [1], deficitsChanged: false)), wanted, "lane")
            wanted.onOrder = 2
            wanted.settings = other.settings
            try same(try change(.init(item: other, isNew: false, headChanged: true, stock: [], lanes: [], deficitsChanged: false)), wanted, "head")
            wanted.deficits = []
            try same(try change(.init(item: other, isNew: false, headChanged: false, stock: [], lanes: [], deficitsChanged: true)), wanted, "deficits")
        },
        Case(name: "stock below 0 or allocated above on hand is refused") { make in
            let store = try make()
            for stock in [
                Stock(location: "a", onHand: 1, allocated: 2), Stock(location: "a", onHand: -1, allocated: -1),
                Stock(location: "a", onHand: 1, allocated: -1),
            ] {
                try refused("\(stock)", .corrupt) { try apply(new(Item(sku: "S", stock: [stock])), to: store) }
            }
            try refused("lane", .corrupt) { try apply(new(Item(sku: "S", lanes: [WaitingLane(pin: nil, units: 1, lines: 2)])), to: store) }
            try same(try store.write { try $0.items(["S"]) }, [], "items")
        },
        Case(name: "an order may name a SKU that is no item yet") { make in
            let store = try make()
            try apply(new(order("o", [waitingLine("S", 1)])), to: store)
            try same(try store.write { try $0.items(["S"]) }, [], "items")
            try apply(new(Item(sku: "S", onOrder: 4)), to: store)
            try same(try store.write { try $0.items(["S"]) }, [Item(sku: "S", onOrder: 4)], "items")
            try same(try waiting(store, "S").count, 1, "queue")
        },
    ]

    static func supply(
        _ id: SupplyID, sku: SKU = "S", at location: LocationID = "main", _ outstanding: Units, expected: Int64? = nil,
        kind: Supply.Kind = .reorder, tiedTo: SupplyID? = nil
    ) -> Supply {
        Supply(
            supplyID: id, kind: kind, sku: sku, location: location, quantity: 10, outstanding: outstanding,
            expectedAt: expected.map { at($0) }, createdAt: at(1), reorderID: tiedTo)
    }

    static let supplyCases: [Case] = [
        Case(name: "supply comes back as it was, every field") { make in
            let store = try make()
            let full = Supply(
                supplyID: "R é", kind: .inbound, sku: "S", location: "a", supplier: "v", quantity: 9, outstanding: 4,
                expectedAt: at(5), createdAt: at(6), reorderID: "r", takenOver: 3, expeditedAt: at(7), isCancelled: true)
            let bare = supply("B", 0)
            try apply(supplied(full, bare), to: store)
            try same(try store.write { try $0.supplies(["R é"]) }, [full], "supply")
            try same(try store.write { try $0.supplies(["B", "none"]) }, [bare], "supply")
        },
        Case(name: "outstanding supply by expected date, none last, then id, then location") { make in
            let store = try make()
            try apply(
                supplied(
                    supply("n", 1), supply("b", 1, expected: 5), supply("a", at: "y", 1, expected: 5), supply("a", at: "x", 1, expected: 5),
                    supply("z", 1, expected: -4), supply("done", 0, expected: 1), supply("N", 1), supply("o", sku: "T", 1),
                    supply("late", 1, expected: .max - 1)),
                to: store)
            let all = try store.write { try $0.outstandingSupplies(sku: "S", after: nil, limit: 99) }
            try same(all.map { "\($0.supplyID)@\($0.location)" }, ["z@main", "a@x", "a@y", "b@main", "late@main", "N@main", "n@main"], "order")
            for index in all.indices {
                let page = try store.write { try $0.outstandingSupplies(sku: "S", after: all[index].key, limit: 2) }
                try same(page, Array(all[(index + 1)...].prefix(2)), "after \(all[index].supplyID)")
            }
        },
        Case(name: "supply is replaced by id, SKU and location; its place follows its date") { make in
            let store = try make()
            try apply(supplied(supply("a", 5, expected: 1), supply("a", sku: "T", 5), supply("b", 5, expected: 2)), to: store)
            try apply(supplied(supply("a", 3, expected: 9)), to: store)
            let all = try store.write { try $0.outstandingSupplies(sku: "S", after: nil, limit: 9) }
            try same(all, [supply("b", 5, expected: 2), supply("a", 3, expected: 9)], "supplies")
            let rows = try store.write { try $0.supplies(["a"]) }.sorted { $0.sku < $1.sku }
            try same(rows, [supply("a", 3, expected: 9), supply("a", sku: "T", 5)], "rows")
            try apply(supplied(supply("a", 0, expected: 9)), to: store)
            try same(try store.write { try $0.outstandingSupplies(sku: "S", after: nil, limit: 9) }.count, 1, "settled")
        },
        Case(name: "inbounds tied to reorders, outstanding or not") { make in
            let store = try make()
            try apply(
                supplied(
                    supply("r", 5), supply("i1", 0, kind: .inbound, tiedTo: "r"), supply("i2", sku: "T", 3, kind: .inbound, tiedTo: "r"),
                    supply("i3", 3, kind: .inbound, tiedTo: "R"), supply("i4", 3, kind: .inbound)),
                to: store)
            let tied = try store.write { try $0.inbounds(tiedTo: ["r", "none"]) }
            try same(tied.map(\.supplyID).sorted(), ["i1", "i2"], "tied")
        },
        Case(name: "outstanding below 0 is refused") { make in
            let store = try make()
            try refused("supply", .corrupt) { try apply(supplied(supply("a", -1)), to: store) }
        },
    ]

    static let queryCases: [Case] = [
        Case(name: "stock rows by SKU and location, in pages") { make in
            let store = try make()
            for sku in ["b", "a", "é", "B"] as [SKU] {
                try apply(new(Item(sku: sku, stock: [Stock(location: "x", onHand: 2, allocated: 1), Stock(location: "y", onHand: 3)])), to: store)
            }
            let all = try store.read { try $0.stock(sku: nil, after: nil, limit: 99) }
            try same(all.map { "\($0.sku)@\($0.location)" }, ["B@x", "B@y", "a@x", "a@y", "b@x", "b@y", "é@x", "é@y"], "rows")
            try same(all[0], StockRow(sku: "B", location: "x", onHand: 2, allocated: 1), "row")
            try same(try store.read { try $0.stock(sku: nil, after: all[2], limit: 2) }, Array(all[3..<5]), "page")
            try same(try store.read { try $0.stock(sku: "b", after: nil, limit: 99) }, Array(all[4..<6]), "one SKU")
            try same(try store.read { try $0.stock(sku: "b", after: all[4], limit: 99) }, [all[5]], "one SKU, page")
        },
        Case(name: "back orders by SKU, then precedence over all pins; places count on over pages") { make in
            let store = try make()
            for number in 0..<6 {
                var line = waitingLine("1", number % 2 == 0 ? "S" : "B", Units(number + 1), pin: number % 3 == 0 ? "n" : nil)
                line.promisedAt = at(Int64(number))
                try apply(new(order(OrderID("o\(number)"), placed: Int64(10 - number), [line, waitingLine("2", "S", 1)])), to: store)
            }
            let all = try store.read { try $0.backOrders(sku: nil, after: nil, limit: 99) }
            try same(all.prefix(3).map { "\($0.sku) \($0.key.orderID) \($0.place)" }, ["B o5 1", "B o3 2", "B o1 3"], "B")
            try same(all.map(\.sku), Array(repeating: "B", count: 3) + Array(repeating: "S", count: 9), "SKUs")
            try same(all.map(\.place), [1, 2, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9], "places")
            try same(all[3...].map(\.key), all[3...].map(\.key).sorted(), "precedence")
            try same(all[1].promisedAt, at(3), "promise")
            var paged: [BackOrderRow] = []
            while true {
                let page = try store.read { try $0.backOrders(sku: nil, after: paged.last, limit: 2) }
                if page.isEmpty { break }
                paged += page
            }
            try same(paged, all, "pages")
            let one = try store.read { try $0.backOrders(sku: "S", after: nil, limit: 4) }
            try same(one, Array(all[3..<7]), "one SKU")
            try same(try store.read { try $0.backOrders(sku: "S", after: one[3], limit: 99) }, Array(all[7...]), "one SKU, page")
        },
        Case(name: "supplies by SKU, then key; outstanding alone unless settled are asked for") { make in
            let store = try make()
            try apply(
                supplied(
                    supply("r2", sku: "b", 1), supply("r1", sku: "b", 1, expected: 3), supply("i", sku: "a", 2, kind: .inbound),
                    supply("done", sku: "a", 0)),
                to: store)
            func ids(_ kind: Supply.Kind?, _ settled: Bool, after: Supply? = nil) throws -> [SupplyID] {
                try store.read { try $0.supplies(kind: kind, settled: settled, after: after, limit: 9) }.map(\.supplyID)
            }
            try same(try ids(nil, false), ["i", "r1", "r2"], "outstanding")
            try same(try ids(nil, true), ["done", "i", "r1", "r2"], "all")
            try same(try ids(.reorder, false), ["r1", "r2"], "reorders")
            try same(try ids(.inbound, true), ["i"], "inbounds")
            try same(try ids(nil, true, after: supply("i", sku: "a", 2, kind: .inbound)), ["r1", "r2"], "page")
        },
        Case(name: "discrepancies in the order in which they were noted") { make in
            let store = try make()
            let noted = (0..<5).map {
                Discrepancy(time: at(Int64(9 - $0)), kind: Discrepancy.Kind.allCases[$0 % 3], sku: "S", location: "a", quantity: Units($0), messageID: "m\($0)")
            }
            for discrepancy in noted {
                var changes = Changes()
                changes.discrepancies = [discrepancy]
                try apply(changes, to: store)
            }
            let all = try store.read { try $0.discrepancies(after: nil, limit: 99) }
            try same(all.map(\.discrepancy), noted, "discrepancies")
            try same(try store.read { try $0.discrepancies(after: all[1], limit: 2) }, Array(all[2..<4]), "page")
        },
        Case(name: "totals") { make in
            let store = try make()
            try same(try store.read { try $0.totals() }, StoreTotals(), "empty")
            try someBooks(store)
            try store.write { transaction in
                _ = try transaction.appendOutbox([message("2"), message("3")], at: at(-7))
                try transaction.apply(new(Item(sku: "P", lanes: [WaitingLane(pin: "n", units: 4, lines: 2)])))
            }
            let totals = try store.read { try $0.totals() }
            var wanted = StoreTotals()
            wanted.orders = 1
            wanted.waitingLines = 3
            wanted.waitingUnits = 9
            wanted.outboxMessages = 3
            wanted.parkedMessages = 1
            wanted.oldestOutboxAt = at(-7)
            try same(totals, wanted, "totals")
        },
    ]
}
