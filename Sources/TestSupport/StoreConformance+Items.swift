internal import BackOrderStore
internal import InventoryCore

/// Items, supply, and the questions of people.
extension StoreConformance {
    static let itemCases: [Case] = [
        Case(name: "an item comes back as it was, every field") { make in
            let store = try make()
            let item = Item(
                sku: "S", stock: [Stock(location: "A", onHand: 5, allocated: 2), Stock(location: "a", onHand: 1)],
                lanes: [WaitingLane(pin: nil, units: 9, lines: 2), WaitingLane(pin: "n", units: 1, lines: 1)],
                onOrder: 7,
                reorderCount: 3,
                settings: ItemSettings(
                    supplier: "é", leadTimeDays: 3,
                    reorder: ReorderSettings(point: 1, upTo: 2, minimum: 3, multiple: 4), ship: .complete),
                deficits: [
                    Deficit(location: "A", dispatchedAt: at(2), units: 1),
                    Deficit(location: "a", dispatchedAt: at(1), units: 4),
                ])
            try apply(new(item), to: store)
            try same(try store.write { try $0.items(["S", "none"]) }, [item], "item")
        },
        Case(name: "items are found by the bytes of their SKU") { make in
            let store = try make()
            for id in trickyIDs { try apply(new(Item(sku: id, onOrder: Units(id.text.utf8.count))), to: store) }
            for id in trickyIDs {
                try same(
                    try store.write { try $0.items([id]) }, [Item(sku: id, onOrder: Units(id.text.utf8.count))],
                    "item \(id)")
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
                changes.items = [
                    .init(item: item, isNew: false, headChanged: false, stock: [0], lanes: [0], deficitsChanged: false)
                ]
                try apply(changes, to: store)
            }
            item.lanes = [WaitingLane(pin: nil)]
            var changes = Changes()
            changes.items = [
                .init(item: item, isNew: false, headChanged: false, stock: [], lanes: [0], deficitsChanged: false)
            ]
            try apply(changes, to: store)
            let found = try store.write { try $0.items(["S"]) }
            try same(found[0].stock.map(\.location), ["B", "a", "b", "e\u{301}", "é"], "stock")
            try same(found[0].lanes.map(\.pin), [nil, "B", "a", "b", "e\u{301}", "é"], "lanes")
        },
        Case(name: "only what is named of an item is written") { make in
            let store = try make()
            let first = Item(
                sku: "S", stock: [Stock(location: "a", onHand: 1), Stock(location: "b", onHand: 1)],
                lanes: [WaitingLane(pin: nil, units: 1, lines: 1), WaitingLane(pin: "n", units: 1, lines: 1)],
                onOrder: 1,
                deficits: [Deficit(location: "a", dispatchedAt: at(1), units: 1)])
            try apply(new(first), to: store)
            let other = Item(
                sku: "S", stock: [Stock(location: "a", onHand: 2), Stock(location: "b", onHand: 2)],
                lanes: [WaitingLane(pin: nil, units: 2, lines: 2), WaitingLane(pin: "n", units: 2, lines: 2)],
                onOrder: 2,
                settings: ItemSettings(leadTimeDays: 1))
            func change(_ change: Changes.ItemChange) throws -> Item {
                var changes = Changes()
                changes.items = [change]
                try apply(changes, to: store)
                return try store.write { try $0.items(["S"]) }[0]
            }
            var wanted = first
            wanted.stock[1] = other.stock[1]
            try same(
                try change(
                    .init(item: other, isNew: false, headChanged: false, stock: [1], lanes: [], deficitsChanged: false)),
                wanted, "stock")
            wanted.lanes[1] = other.lanes[1]
            try same(
                try change(
                    .init(item: other, isNew: false, headChanged: false, stock: [], lanes: [1], deficitsChanged: false)),
                wanted, "lane")
            wanted.onOrder = 2
            wanted.settings = other.settings
            try same(
                try change(
                    .init(item: other, isNew: false, headChanged: true, stock: [], lanes: [], deficitsChanged: false)),
                wanted, "head")
            wanted.deficits = []
            try same(
                try change(
                    .init(item: other, isNew: false, headChanged: false, stock: [], lanes: [], deficitsChanged: true)),
                wanted, "deficits")
        },
        Case(name: "stock below 0 or allocated above on hand is refused") { make in
            let store = try make()
            for stock in [
                Stock(location: "a", onHand: 1, allocated: 2), Stock(location: "a", onHand: -1, allocated: -1),
                Stock(location: "a", onHand: 1, allocated: -1),
            ] {
                try refused("\(stock)", .corrupt) { try apply(new(Item(sku: "S", stock: [stock])), to: store) }
            }
            try refused("lane", .corrupt) {
                try apply(new(Item(sku: "S", lanes: [WaitingLane(pin: nil, units: 1, lines: 2)])), to: store)
            }
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
                expectedAt: at(5), createdAt: at(6), reorderID: "r", takenOver: 3, expeditedAt: at(7), isCancelled: true
            )
            let bare = supply("B", 0)
            try apply(supplied(full, bare), to: store)
            try same(try store.write { try $0.supplies(["R é"]) }, [full], "supply")
            try same(try store.write { try $0.supplies(["B", "none"]) }, [bare], "supply")
        },
        Case(name: "outstanding supply by expected date, none last, then id, then location") { make in
            let store = try make()
            try apply(
                supplied(
                    supply("n", 1), supply("b", 1, expected: 5), supply("a", at: "y", 1, expected: 5),
                    supply("a", at: "x", 1, expected: 5),
                    supply("z", 1, expected: -4), supply("done", 0, expected: 1), supply("N", 1),
                    supply("o", sku: "T", 1),
                    supply("late", 1, expected: .max - 1)),
                to: store)
            let all = try store.write { try $0.outstandingSupplies(sku: "S", after: nil, limit: 99) }
            try same(
                all.map { "\($0.supplyID)@\($0.location)" },
                ["z@main", "a@x", "a@y", "b@main", "late@main", "N@main", "n@main"], "order")
            for index in all.indices {
                let page = try store.write { try $0.outstandingSupplies(sku: "S", after: all[index].key, limit: 2) }
                try same(page, Array(all[(index + 1)...].prefix(2)), "after \(all[index].supplyID)")
            }
        },
        Case(name: "supply is replaced by id, SKU and location; its place follows its date") { make in
            let store = try make()
            try apply(
                supplied(supply("a", 5, expected: 1), supply("a", sku: "T", 5), supply("b", 5, expected: 2)), to: store)
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
                    supply("r", 5), supply("i1", 0, kind: .inbound, tiedTo: "r"),
                    supply("i2", sku: "T", 3, kind: .inbound, tiedTo: "r"),
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
                try apply(
                    new(
                        Item(
                            sku: sku,
                            stock: [Stock(location: "x", onHand: 2, allocated: 1), Stock(location: "y", onHand: 3)])),
                    to: store)
            }
            let all = try store.read { try $0.stock(sku: nil, after: nil, limit: 99) }
            try same(
                all.map { "\($0.sku)@\($0.location)" }, ["B@x", "B@y", "a@x", "a@y", "b@x", "b@y", "é@x", "é@y"], "rows"
            )
            try same(all[0], StockRow(sku: "B", location: "x", onHand: 2, allocated: 1), "row")
            try same(try store.read { try $0.stock(sku: nil, after: all[2], limit: 2) }, Array(all[3..<5]), "page")
            try same(try store.read { try $0.stock(sku: "b", after: nil, limit: 99) }, Array(all[4..<6]), "one SKU")
            try same(try store.read { try $0.stock(sku: "b", after: all[4], limit: 99) }, [all[5]], "one SKU, page")
        },
        Case(name: "back orders by SKU, then precedence over all pins; places count on over pages") { make in
            let store = try make()
            for number in 0..<6 {
                var line = waitingLine(
                    "1", number % 2 == 0 ? "S" : "B", Units(number + 1), pin: number % 3 == 0 ? "n" : nil)
                line.promisedAt = at(Int64(number))
                try apply(
                    new(order(OrderID("o\(number)"), placed: Int64(10 - number), [line, waitingLine("2", "S", 1)])),
                    to: store)
            }
            let all = try store.read { try $0.backOrders(sku: nil, after: nil, limit: 99) }
            try same(
                all.prefix(3).map { "\($0.sku) \($0.key.orderID) \($0.place)" }, ["B o5 1", "B o3 2", "B o1 3"], "B")
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
            try same(
                try store.read { try $0.backOrders(sku: "S", after: one[3], limit: 99) }, Array(all[7...]),
                "one SKU, page")
        },
        Case(name: "supplies by SKU, then key; outstanding alone unless settled are asked for") { make in
            let store = try make()
            try apply(
                supplied(
                    supply("r2", sku: "b", 1), supply("r1", sku: "b", 1, expected: 3),
                    supply("i", sku: "a", 2, kind: .inbound),
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
                Discrepancy(
                    time: at(Int64(9 - $0)), kind: Discrepancy.Kind.allCases[$0 % 3], sku: "S", location: "a",
                    quantity: Units($0), messageID: "m\($0)")
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
