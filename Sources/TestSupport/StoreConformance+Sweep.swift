internal import BackOrderStore
internal import InventoryCore

/// The sweep's book, dates that pass, journals, demand, lead times, and what an audit reads.
extension StoreConformance {
    static let sweepCases: [Case] = [
        Case(name: "a mark keeps when it changed first, and when it changed again") { make in
            let store = try make()
            try apply(marked("b", 5), to: store)
            try apply(marked("a", 7), to: store)
            try apply(marked("b", 9), to: store)
            try apply(marked("b", 11), to: store)
            try same(
                try marks(store),
                [
                    SweepMark(sku: "a", changedAt: at(7)),
                    SweepMark(sku: "b", changedAt: at(5), changedAgainAt: at(9)),
                ], "marks")
            try same(try marks(store, after: "a").map(\.sku), ["b"], "after a")
            try same(try marks(store, limit: 1).map(\.sku), ["a"], "one")
            try store.write { try $0.removeSweepMark("a") }
            try store.write { try $0.removeSweepMark("never") }
            try store.write { try $0.putSweepMark(SweepMark(sku: "b", changedAt: at(1))) }
            try same(try marks(store), [SweepMark(sku: "b", changedAt: at(1))], "after put and remove")
        },
        Case(name: "a mark keeps how far a sweep has come") { make in
            let store = try make()
            let cursor = try cursorOfALongQueue(store)
            let mark = SweepMark(sku: "long", changedAt: at(3), changedAgainAt: at(4), cursor: cursor)
            try store.write { try $0.putSweepMark(mark) }
            try same(try marks(store), [mark], "marks")
            try apply(marked("long", 9), to: store)
            try same(try marks(store), [mark], "changed a third time")
        },
        Case(name: "orders to be told are a set, in order") { make in
            let store = try make()
            try store.write { try $0.addOrdersToTell(["o2", "o1", "o2"]) }
            try store.write { try $0.addOrdersToTell(["o3", "o1"]) }
            try same(try store.write { try $0.ordersToTell(limit: 2) }, ["o1", "o2"], "two")
            try store.write { try $0.removeOrdersToTell(["o1", "o9"]) }
            try same(try store.write { try $0.ordersToTell(limit: 9) }, ["o2", "o3"], "rest")
            do {
                try store.write { transaction in
                    try transaction.removeOrdersToTell(["o2"])
                    try transaction.addOrdersToTell(["o7"])
                    throw Failure(description: "rolled back")
                }
            } catch is Failure {}
            try same(try store.write { try $0.ordersToTell(limit: 9) }, ["o2", "o3"], "after a rollback")
        },
        Case(name: "passed promises and dates of supply are found once each SKU") { make in
            let store = try make()
            try apply(new(item("a", waiting: 6), item("b", waiting: 1), item("c", waiting: 0)), to: store)
            try apply(
                new(
                    order("o1", [promisedLine("1", "a", 5, at: 100), promisedLine("2", "b", 1, at: 300)]),
                    order("o2", [promisedLine("1", "a", 1, at: 90)])), to: store)
            try apply(
                supplied(supply("s1", "a", 5, at: 50), supply("s2", "b", 5, at: 60), supply("s3", "c", 5, at: 61)),
                to: store)
            try same(try passed(store, since: 0, through: 70), ["a@50", "b@60"], "supply, where something waits")
            try same(try passed(store, since: 50, through: 70), ["b@60"], "only later than since")
            try same(try passed(store, since: 70, through: 100), ["a@90"], "the earliest promise")
            try same(try passed(store, since: 70, through: 300), ["a@90", "b@300"], "both")
            try same(try passed(store, since: 70, through: 300, limit: 1), ["a@90"], "one")
            try apply(marked("a", 1), to: store)
            try same(try passed(store, since: 70, through: 300), ["b@300"], "not what is marked")
            try same(try next(store, since: 0), 50, "next")
            try same(try next(store, since: 61), 90, "next promise, whatever since says")
        },
        Case(name: "what waits no longer and what has come passes no more") { make in
            let store = try make()
            try apply(new(item("a", waiting: 5)), to: store)
            var placed = order("o1", [promisedLine("1", "a", 5, at: 100)])
            try apply(new(placed), to: store)
            try apply(supplied(supply("s1", "a", 5, at: 120)), to: store)
            try same(try next(store, since: 0), 100, "next")
            placed.lines[0].promisedAt = at(110)
            try apply(changed(placed, [0]), to: store)
            try same(try next(store, since: 0), 110, "promised anew")
            placed.lines[0].waiting = 0
            placed.lines[0].cancelled = 5
            try apply(changed(placed, [0]), to: store)
            try same(try next(store, since: 0), 120, "nothing waits")
            try apply(supplied(supply("s1", "a", 0, at: 120)), to: store)
            try same(try next(store, since: 0), nil, "all has come")
        },
        Case(name: "how far dates were swept is kept") { make in
            let store = try make()
            try same(try store.write { try $0.sweptThrough() }, at(.min), "never")
            try store.write { try $0.setSweptThrough(at(-7)) }
            try store.write { try $0.setSweptThrough(at(1_790_000_000_000_000)) }
            try same(try store.write { try $0.sweptThrough() }, at(1_790_000_000_000_000), "kept")
        },
        Case(name: "one worker leads, until its time is over") { make in
            let store = try make()
            try same(try lead(store, "one", now: 0, until: 10), true, "nobody led")
            try same(try lead(store, "two", now: 5, until: 15), false, "one leads")
            try same(try lead(store, "one", now: 6, until: 16), true, "goes on")
        },
    ]

    static let journalCases: [Case] = [
        Case(name: "an order's journal comes back as it was, in order, by pages") { make in
            let store = try make()
            try apply(new(order("o1", [waitingLine("a", 5)]), order("o2", [waitingLine("a", 1)])), to: store)
            let events = (1...5).map { event("o1", Int64($0)) }
            var changes = Changes()
            changes.events = Array(events[..<3])
            try apply(changes, to: store)
            changes.events = Array(events[3...]) + [event("o2", 1)]
            try apply(changes, to: store)
            try store.read { store in
                try same(try store.events(of: "o1", after: 0, limit: 99), events, "all")
                try same(try store.events(of: "o1", after: 2, limit: 2), Array(events[2..<4]), "page")
                try same(try store.events(of: "o2", after: 0, limit: 99).map(\.number), [1], "the other")
                try same(try store.events(of: "o9", after: 0, limit: 99), [], "of nobody")
                try same(
                    try store.firstEvents(of: ["o2", "o9", "o1"], limit: 4),
                    ["o1": Array(events[..<4]), "o2": [event("o2", 1)]],
                    "the beginnings of several")
            }
        },
        Case(name: "demand adds up by SKU and day") { make in
            let store = try make()
            var changes = Changes()
            changes.demand = [demand("a", 3, 5), demand("b", 3, 1), demand("a", -1, 2)]
            try apply(changes, to: store)
            changes.demand = [demand("a", 3, 7)]
            try apply(changes, to: store)
            try store.read { store in
                let all = [demand("a", -1, 2), demand("a", 3, 12), demand("b", 3, 1)]
                try same(try store.demand(sku: nil, after: nil, limit: 99), all, "all")
                try same(try store.demand(sku: "a", after: nil, limit: 99), Array(all[..<2]), "of a")
                try same(try store.demand(sku: nil, after: all[0], limit: 1), [all[1]], "page")
            }
        },
        Case(name: "of lead times the newest are kept, supplier by supplier") { make in
            let store = try make()
            var changes = Changes()
            let many = LeadTime.keptForASupplier + 5
            changes.leadTimes = (1...many).map { LeadTime(supplier: "acme", microseconds: Int64($0)) }
            changes.leadTimes.append(LeadTime(supplier: "other", microseconds: 77))
            try apply(changes, to: store)
            let kept = try store.write { try $0.leadTimes("acme") }.sorted()
            try same(kept, (6...Int64(many)).map { $0 }, "kept")
            try same(try store.write { try $0.leadTimes("other") }, [77], "other")
            try same(try store.write { try $0.leadTimes("nobody") }, [], "nobody")
        },
        Case(name: "supply comes from the last as well as from the first") { make in
            let store = try make()
            let rows = [
                supply("s1", "a", 1, at: 5), supply("s2", "a", 1, at: 5), supply("s0", "a", 1, at: 9),
                supply("s9", "a", 1, at: nil),
            ]
            for row in rows.reversed() { try apply(supplied(row), to: store) }
            try apply(supplied(supply("gone", "a", 0, at: 6), supply("x", "b", 1, at: 1)), to: store)
            try store.write { store in
                let last = try store.outstandingSuppliesFromLast(sku: "a", before: nil, limit: 99)
                try same(last.map(\.supplyID), ["s9", "s0", "s2", "s1"], "all")
                let dated = SupplyKey(expectedAt: nil, supplyID: "", location: "")
                let before = try store.outstandingSuppliesFromLast(sku: "a", before: dated, limit: 2)
                try same(before.map(\.supplyID), ["s0", "s2"], "dated")
                let rest = try store.outstandingSuppliesFromLast(sku: "a", before: rows[1].key, limit: 9)
                try same(rest.map(\.supplyID), ["s1"], "before s2")
            }
        },
        Case(name: "a place in the queue is counted over all pins") { make in
            let store = try make()
            try apply(new(item("a", waiting: 1)), to: store)
            var changes = new(
                order(
                    "o1", placed: 1,
                    [waitingLine("1", "a", 5), waitingLine("2", "a", 2, pin: "w"), waitingLine("3", "a", 4)]),
                order("o2", placed: 2, [waitingLine("1", "a", 3, pin: "w"), waitingLine("2", "b", 3)]))
            let lanes = [WaitingLane(pin: nil, units: 9, lines: 2), WaitingLane(pin: "w", units: 5, lines: 2)]
            changes.items = new(Item(sku: "a", lanes: lanes)).items
            try apply(changes, to: store)
            func before(_ orderID: OrderID, _ placed: Int64, _ position: Int) throws -> String {
                let key = PrecedenceKey(
                    lead: 0, priority: 0, placedAt: at(placed), orderID: orderID, position: position)
                let found = try store.read { try $0.waitingBefore(key, sku: "a") }
                return "\(found.lines) lines, \(found.units) units"
            }
            try same(try before("o1", 1, 0), "0 lines, 0 units", "first")
            try same(try before("o1", 1, 2), "2 lines, 7 units", "third line")
            try same(try before("o2", 2, 0), "3 lines, 11 units", "second order")
            try same(try before("o9", 9, 0), "4 lines, 14 units", "at the end")
        },
        Case(name: "an audit of what was just written finds nothing") { make in
            let store = try make()
            try apply(new(item("a", waiting: 0)), to: store)
            try store.read { store in
                var audit = StoreAudit(store, page: 2)
                try audit.run()
                try same(audit.findings, [], "findings")
                try same(audit.items, 1, "items")
            }
        },
    ]

    // MARK: Tools

    private static func marked(_ sku: SKU, _ time: Int64) -> Changes {
        var changes = Changes()
        changes.marks = [SweepMark(sku: sku, changedAt: at(time))]
        return changes
    }

    private static func marks(_ store: any BackOrderStore, after: SKU? = nil, limit: Int = .max) throws -> [SweepMark] {
        try store.write { try $0.sweepMarks(after: after, limit: limit) }
    }

    private static func lead(_ store: any BackOrderStore, _ worker: String, now: Int64, until: Int64) throws -> Bool {
        try store.write { try $0.lead(worker: worker, now: at(now), until: at(until)) }
    }

    private static func passed(_ store: any BackOrderStore, since: Int64, through: Int64, limit: Int = 99) throws
        -> [String]
    {
        try store.write { try $0.passedDates(since: at(since), through: at(through), limit: limit) }
            .map { "\($0.sku)@\($0.date.microseconds)" }
    }

    private static func next(_ store: any BackOrderStore, since: Int64) throws -> Int64? {
        try store.write { try $0.nextDate(since: at(since)) }?.microseconds
    }

    private static func item(_ sku: SKU, waiting: Units) -> Item {
        Item(sku: sku, lanes: waiting > 0 ? [WaitingLane(pin: nil, units: waiting, lines: 1)] : [])
    }

    private static func new(_ items: Item...) -> Changes {
        var changes = Changes()
        for item in items { changes.items += new(item).items }
        return changes
    }

    private static func promisedLine(_ id: LineID, _ sku: SKU, _ units: Units, at time: Int64) -> OrderLine {
        var line = waitingLine(id, sku, units)
        line.promisedAt = at(time)
        line.firstPromisedAt = at(time)
        line.estimatedAt = at(time)
        return line
    }

    private static func supply(_ id: SupplyID, _ sku: SKU, _ outstanding: Units, at time: Int64?) -> Supply {
        Supply(
            supplyID: id, kind: .reorder, sku: sku, location: "main", quantity: 5, outstanding: outstanding,
            expectedAt: time.map { at($0) }, createdAt: at(0))
    }

    private static func demand(_ sku: SKU, _ day: Int64, _ units: Units) -> Demand {
        var demand = Demand(sku: sku, day: day)
        demand.units = units
        demand.filled = units
        demand.backOrdered = units
        demand.held = units
        demand.refused = units
        demand.cancelledWaiting = units
        return demand
    }

    private static func event(_ orderID: OrderID, _ number: Int64) -> OrderEvent {
        var first = OrderEvent.LineChange(position: 0)
        first.allocated = [.init(location: "é/'1", units: -number), .init(location: "main", units: 1 << 40)]
        first.waiting = -5
        first.held = 1_000_000_000
        first.dispatched = 2
        first.cancelled = 3
        first.refused = 4
        first.promised = number % 2 == 0 ? .init(at: nil) : .init(at: at(-number))
        first.policy = number % 2 == 0 ? nil : "accept, by policy.rules[0]"
        return OrderEvent(
            orderID: orderID, number: number, time: at(number), cause: "m\(number)", kind: "stock-received",
            lines: [first, OrderEvent.LineChange(position: 999)])
    }

    /// A cursor can only come out of a sweep: one step of three over a queue of nine lines.
    private static func cursorOfALongQueue(_ store: any BackOrderStore) throws -> SweepCursor {
        var long = Item(
            sku: "long", lanes: [WaitingLane(pin: nil, units: 9, lines: 9)], onOrder: 5, onOrderDated: 5, hasDates: true
        )
        long.reorderCount = 1
        var changes = new(long)
        for number in 1...9 {
            changes.orders += new(order(OrderID("L\(number)"), placed: Int64(number), [waitingLine("long", 1)])).orders
        }
        changes.supplies = [supply("s", "long", 5, at: 100)]
        try apply(changes, to: store)
        return try store.write { transaction in
            let ledger = WorkingSet(reader: transaction, strategy: .priority)
            let step = try Decider(rules: Rulebook()).estimate("long", from: nil, limit: 3, now: at(1), in: ledger)
            guard let cursor = step.next else { throw Failure(description: "the step was the last") }
            return cursor
        }
    }
}
