import BackOrderStore
import InventoryCore
import TestSupport
import Testing

@testable import SQLiteStore

/// Transactions that become durable together.
@Suite struct GatheringTests {
    private struct Stop: Error {}

    private func place(_ number: Int, _ store: SQLiteStore) throws {
        try store.write { transaction in
            var line = OrderLine(lineID: "1", sku: SKU("S\(number)"), ordered: 2)
            line.waiting = 2
            let order = Order(orderID: OrderID("O\(number)"), placedAt: start, lines: [line])
            var changes = Changes()
            changes.orders = [.init(order: order, isNew: true, lines: [0], lead: 0)]
            let lane = WaitingLane(pin: nil, units: 2, lines: 1)
            changes.items = [
                .init(
                    item: Item(sku: SKU("S\(number)"), lanes: [lane]), isNew: true, headChanged: true, stock: [],
                    lanes: [0], deficitsChanged: false)
            ]
            try transaction.apply(changes)
        }
    }

    private func count(_ store: SQLiteStore) throws -> Int { Int(try store.read { try $0.totals().orders }) }

    @Test func othersSeeThemAFewAtATimeAndAllInTheEnd() throws {
        let folder = try Folder()
        var options = SQLiteStore.Options()
        options.gatheredTransactions = 4
        let (store, other) = (try folder.store("store.db", options), try folder.store())
        var seen: [Int] = []
        try store.gathering {
            for number in 0..<14 {
                try place(number, store)
                seen.append(try count(other))
                #expect(try count(store) == number + 1, "its own reads see what is not durable yet")
            }
        }
        // Committed at 1, then with as many again and one, then four by four.
        #expect(seen == [1, 1, 3, 3, 3, 3, 7, 7, 7, 7, 11, 11, 11, 11])
        #expect(try count(other) == 14)
        try place(14, store)
        #expect(try count(other) == 15, "by itself again")
    }

    @Test func theTimeThatOthersWaitIsBounded() throws {
        let folder = try Folder()
        var options = SQLiteStore.Options()
        options.gatheredSeconds = 0
        let (store, other) = (try folder.store("store.db", options), try folder.store())
        try store.gathering {
            for number in 0..<5 {
                try place(number, store)
                #expect(try count(other) == number + 1)
            }
        }
    }

    /// What the caller throws for reasons of its own undoes nothing.
    @Test func whatReturnedIsKeptWhenTheCallerStops() throws {
        let folder = try Folder()
        let store = try folder.store()
        #expect(throws: Stop.self) {
            try store.gathering {
                for number in 0..<6 { try place(number, store) }
                throw Stop()
            }
        }
        #expect(try count(try folder.store()) == 6)
    }

    /// A transaction that fails takes those with it that were not durable; the names that they made are forgotten, too.
    @Test func whatFailsLeavesWholeTransactions() throws {
        let folder = try Folder()
        let store = try folder.store()
        try store.gathering {
            for number in 0..<6 { try place(number, store) }
            #expect(throws: Stop.self) { try store.write { _ in throw Stop() } }
            #expect(try count(store) == 3)
            for number in [5, 4, 3, 6] { try place(number, store) }
        }
        let other = try folder.store()
        #expect(try count(other) == 7)
        for number in 0..<7 {
            let lines = try other.write {
                try $0.waitingLines(sku: SKU("S\(number)"), pin: nil, after: nil, limit: 9)
            }
            #expect(lines.map(\.key.orderID) == [OrderID("O\(number)")])
        }
    }

    /// The same transaction again would leave out those before it.
    @Test func aLossOfSeveralIsNotToBeTriedAgain() throws {
        let folder = try Folder()
        let store = try folder.store()
        let full = StoreError(.unavailable, "full")
        try store.gathering {
            expectError(.unavailable) { try store.write { _ in throw full } }
            for number in 0..<2 { try place(number, store) }
            expectError(.misconfigured, containing: "begin again") { try store.write { _ in throw full } }
        }
        #expect(try count(store) == 1)
    }
}
