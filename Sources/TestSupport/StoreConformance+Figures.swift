internal import BackOrderStore
internal import InventoryCore

/// The books in numbers, and promises by date.
extension StoreConformance {
    private static func promised(
        _ id: OrderID, _ sku: SKU, _ units: Units, placed: Int64 = 5, priority: Int = 0, at promise: Int64?
    ) -> Order {
        var line = waitingLine(sku, units)
        line.promisedAt = promise.map(at)
        return order(id, placed: placed, priority: priority, [line])
    }

    private static let day = Instant.microsecondsPerDay

    static let figureCases: [Case] = [
        Case(name: "figures of an empty store are zeros") { make in
            try same(try make().read { try $0.figures(now: at(1)) }, StoreFigures(), "figures")
        },
        Case(name: "figures count what waits, is held, is promised, is coming and lies where") { make in
            let store = try make()
            let now = 100 * day
            try apply(
                new(
                    Item(
                        sku: "A",
                        stock: [Stock(location: "b", onHand: 5, allocated: 2), Stock(location: "a", onHand: 1)],
                        lanes: [
                            WaitingLane(pin: nil, units: 9, lines: 3), WaitingLane(pin: "a", units: 1, lines: 1),
                        ])), to: store)
            try apply(
                new(Item(sku: "B", stock: [Stock(location: "b", onHand: 4)], lanes: [WaitingLane(pin: nil)])),
                to: store)
            let pinned = order("pinned", placed: 3, [waitingLine("1", "A", 1, pin: "a")])
            try apply(
                new(
                    promised("late", "A", 3, placed: 7, priority: 9, at: now - 1),
                    promised("due", "A", 3, placed: 4, at: now + 5), promised("later", "A", 3, at: now + day), pinned,
                    order("held", placed: 1, [heldLine("B", 2)], isHeld: true)), to: store)
            try apply(
                supplied(
                    Supply(
                        supplyID: "R1", kind: .reorder, sku: "A", location: "a", quantity: 9, outstanding: 9,
                        expectedAt: at(now - 1), createdAt: at(1)),
                    Supply(
                        supplyID: "R2", kind: .reorder, sku: "A", location: "a", quantity: 9, outstanding: 4,
                        createdAt: at(1)),
                    Supply(
                        supplyID: "R3", kind: .reorder, sku: "A", location: "a", quantity: 9, outstanding: 0,
                        expectedAt: at(1), createdAt: at(1)),
                    Supply(
                        supplyID: "I1", kind: .inbound, sku: "B", location: "b", quantity: 2, outstanding: 2,
                        expectedAt: at(now + 1), createdAt: at(1))), to: store)
            var more = Changes()
            more.discrepancies = [
                Discrepancy(
                    time: at(1), kind: .overShipment, sku: "A", location: "a", quantity: 1, messageID: "m")
            ]
            try apply(more, to: store)
            var wanted = StoreFigures()
            wanted.waitingLines = 4
            wanted.waitingUnits = 10
            wanted.waitingSince = at(3)
            wanted.promisesOverdue = 1
            wanted.promisesDue = 1
            wanted.heldLines = 1
            wanted.reorders = .init(supplies: 2, units: 13, overdue: 1)
            wanted.inbounds = .init(supplies: 1, units: 2, overdue: 0)
            wanted.discrepancies = 1
            wanted.places = [
                .init(location: "a", onHand: 1, allocated: 0), .init(location: "b", onHand: 9, allocated: 2),
            ]
            try same(try store.read { try $0.figures(now: at(now)) }, wanted, "figures")
        },
        Case(name: "lines promised before a time come by date, and pages join without gap or repetition") { make in
            let store = try make()
            for sku in ["A", "B"] as [SKU] { try apply(new(Item(sku: sku)), to: store) }
            var wanted: Set<String> = []
            for number in 0..<7 {
                var first = waitingLine("1", "A", 1)
                var second = waitingLine("2", number < 3 ? "B" : "A", 2)
                first.promisedAt = at(Int64(10 + number / 3))
                second.promisedAt = at(10)
                try apply(new(order(OrderID("o\(number)"), [first, second])), to: store)
                wanted.insert("o\(number)/0")
                wanted.insert("o\(number)/1")
            }
            try apply(
                new(promised("none", "A", 1, at: nil), promised("beyond", "A", 1, at: 13)), to: store)
            var found: [PromisedLine] = []
            while true {
                let page = try store.read { try $0.promisedLines(before: at(13), after: found.last, limit: 3) }
                found += page
                if page.count < 3 { break }
            }
            try same(found.map(\.promisedAt), found.map(\.promisedAt).sorted(), "dates")
            try same(found.count, wanted.count, "lines")
            try same(Set(found.map { "\($0.orderID)/\($0.position)" }), wanted, "lines")
            for line in found { try same(line.waiting, line.position == 0 ? 1 : 2, "units of \(line)") }
            try same(
                try store.read { try $0.promisedLines(before: at(10), after: nil, limit: 9) }.count, 0, "none so early")
        },
    ]
}
