import BackOrderStore
import InventoryCore
import Testing

/// The sweep in steps of any size comes to the same, and what is loaded twice is there once.
@Suite struct SweepTests {
    private static let day = Instant.microsecondsPerDay

    /// Decides inputs one after the other on one working set, and writes what came of it.
    @discardableResult
    private static func decide(_ inputs: [Input], at day: Int64, _ store: MemoryStore, _ rules: Rulebook) throws
        -> [Output]
    {
        try store.write { transaction in
            let ledger = WorkingSet(reader: transaction, strategy: rules.strategy)
            var outputs: [Output] = []
            for (number, input) in inputs.enumerated() {
                let message = InputMessage(
                    id: "m\(day)-\(number)", time: Instant(microseconds: day * SweepTests.day), input: input)
                outputs += try Decider(rules: rules).decide(message, now: message.time, in: ledger).outputs
            }
            try transaction.apply(ledger.takeChanges())
            return outputs
        }
    }

    private static func sweep(_ sku: SKU, lines: Int, at now: Instant, _ store: MemoryStore, _ rules: Rulebook) throws
        -> (expedited: Set<SupplyID>, told: [Output])
    {
        var expedited: Set<SupplyID> = []
        var toTell: Set<OrderID> = []
        var cursor: SweepCursor?
        repeat {
            try store.write { transaction in
                let ledger = WorkingSet(reader: transaction, strategy: rules.strategy)
                let step = try Decider(rules: rules).estimate(sku, from: cursor, limit: lines, now: now, in: ledger)
                try transaction.apply(ledger.takeChanges())
                for output in step.outputs {
                    guard case .reorderExpedite(let expedite) = output.body else { continue }
                    #expect(expedited.insert(expedite.reorderID).inserted, "\(expedite.reorderID) was expedited twice")
                }
                toTell.formUnion(step.toTell)
                cursor = step.next
            }
        } while cursor != nil
        let told = try store.write { transaction in
            let ledger = WorkingSet(reader: transaction, strategy: rules.strategy)
            let outputs = try Decider(rules: rules).tell(toTell.sorted(), now: now, in: ledger)
            try transaction.apply(ledger.takeChanges())
            return outputs
        }
        return (expedited, told)
    }

    /// A queue with pins and priorities over supply on many dates, some overdue at the time of the sweep.
    private static func books(_ strategy: Strategy) throws -> (MemoryStore, Rulebook) {
        let store = MemoryStore()
        try store.adopt(strategy)
        var rules = Rulebook(strategy: strategy)
        rules.promise.defaultLeadTimeDays = 5
        for number in 0..<60 {
            let id = OrderID("O\(number)")
            let pin: LocationID? = number % 7 == 0 ? "WH-2" : nil
            let placed = OrderPlaced(
                orderID: id,
                lines: [
                    .init(lineID: "1", sku: "A", quantity: Int64(number % 5 + 1), location: pin),
                    .init(lineID: "2", sku: "A", quantity: 2),
                ], placedAt: Instant(microseconds: Int64(number) * day / 3), priority: number % 3,
                requestedBy: number % 4 == 0 ? nil : Instant(microseconds: Int64(60 - number) * day))
            try decide([.orderPlaced(placed)], at: Int64(number / 3), store, rules)
        }
        return (store, rules)
    }

    @Test(arguments: [Strategy.priority, .dueDate, .smallestFirst, .fairShare])
    func stepsOfAnySizeComeToTheSame(strategy: Strategy) throws {
        let (whole, rules) = try SweepTests.books(strategy)
        let now = Instant(microseconds: 20 * SweepTests.day)
        let wanted = try SweepTests.sweep("A", lines: .max, at: now, whole, rules)
        #expect(wanted.told.count > 20)
        #expect(wanted.expedited.count > 5)
        for lines in [1, 2, 7, 64] {
            let (store, _) = try SweepTests.books(strategy)
            let found = try SweepTests.sweep("A", lines: lines, at: now, store, rules)
            #expect(found.told == wanted.told, "steps of \(lines)")
            #expect(found.expedited == wanted.expedited, "steps of \(lines)")
        }
        // Nothing moved since: nobody is told again, nothing is expedited again.
        let again = try SweepTests.sweep("A", lines: 7, at: now, whole, rules)
        #expect(again.told.isEmpty && again.expedited.isEmpty)
    }

    /// Two lines of one order are served by one receipt: the order is loaded once, and a second receipt finds no ghost.
    @Test func anOrderWithTwoLinesOfOneSKUStandsInTheQueueOnce() throws {
        let store = MemoryStore()
        try store.adopt(.priority)
        let rules = Rulebook()
        let placed = OrderPlaced(
            orderID: "O1",
            lines: [.init(lineID: "1", sku: "A", quantity: 2), .init(lineID: "2", sku: "A", quantity: 2)],
            placedAt: Instant(microseconds: 0))
        try SweepTests.decide([.orderPlaced(placed)], at: 0, store, rules)
        func receipt(_ id: Identifier, _ units: Units) -> Input {
            .stockReceived(
                StockReceived(
                    receiptID: id, location: "WH-1", lines: [.init(sku: "A", quantity: units)],
                    receivedAt: Instant(microseconds: 1)))
        }
        try SweepTests.decide([receipt("R1", 3), receipt("R2", 5)], at: 1, store, rules)
        try store.read { store in
            let order = try #require(try store.order("O1"))
            #expect(order.lines.map(\.allocated) == [2, 2])
            #expect(order.lines.map(\.waiting) == [0, 0])
            #expect(try store.stock(sku: "A", after: nil, limit: 9).map(\.allocated) == [4])
            var audit = StoreAudit(store)
            try audit.run()
            #expect(audit.findings == [])
        }
    }

    /// k = ⌈q·(n+1)⌉-th smallest; nothing is learned from fewer than five, or where k > n.
    @Test(arguments: [
        (quantile: 0.8, observed: 4, day: Int64?.none), (0.8, 5, 5), (0.5, 5, 3), (0.9, 5, nil), (0.9, 9, 9),
        (0.95, 20, 20),
        (0.96, 20, nil), (0.0, 5, 1), (0.7, 9, 7),
    ])
    func leadTimesAreLearned(quantile: Double, observed: Int, day: Int64?) throws {
        let store = MemoryStore()
        try store.adopt(.priority)
        var rules = Rulebook(items: [ItemRule(pattern: Pattern("*"), settings: ItemSettings(supplier: "ACME"))])
        rules.promise.promiseQuantile = quantile
        // Each reorder is received after as many days as its number, in an order that is not sorted.
        for number in (1...observed).sorted(by: { $0 % 3 != $1 % 3 ? $0 % 3 < $1 % 3 : $0 < $1 }) {
            let sku = SKU("S\(number)")
            let placed = OrderPlaced(
                orderID: OrderID("O\(number)"), lines: [.init(lineID: "1", sku: sku, quantity: 1)],
                placedAt: Instant(microseconds: 0))
            try SweepTests.decide([.orderPlaced(placed)], at: 0, store, rules)
            let receipt = StockReceived(
                receiptID: Identifier("R\(number)"), location: "WH-1", lines: [.init(sku: sku, quantity: 1)],
                receivedAt: Instant(microseconds: Int64(number) * SweepTests.day))
            try SweepTests.decide([.stockReceived(receipt)], at: Int64(number), store, rules)
        }
        let last = OrderPlaced(
            orderID: "last", lines: [.init(lineID: "1", sku: "NEW", quantity: 1)], placedAt: Instant(microseconds: 0))
        let outputs = try SweepTests.decide([.orderPlaced(last)], at: 100, store, rules)
        let expected = outputs.compactMap { output -> Instant? in
            if case .reorderRequested(let reorder) = output.body { reorder.expectedAt } else { nil }
        }
        #expect(expected.first == day.map { Instant(microseconds: (100 + $0) * SweepTests.day) })
    }
}
