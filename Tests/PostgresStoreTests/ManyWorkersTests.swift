import BackOrderStore
import Foundation
import InventoryCore
import MessageSchema
import TestSupport
import Testing
import Worker

@testable import PostgresStore

/// Several stores on one database, each on its own thread, at the same rows.
@Suite(.enabled(if: Server.url != nil)) struct ManyWorkersTests {
    /// Tries until it succeeds, as the pipeline does; answers how often it was refused.
    static func retrying(_ conflicts: Shared? = nil, _ body: () throws -> Void) throws -> Int {
        var refused = 0
        while true {
            do {
                try body()
                return refused
            } catch let error as StoreError where error.isRetriable && refused < 200 {
                if error.conflict == .deadlock { conflicts?.add(1) }
                refused += 1
            }
        }
    }

    @Test(arguments: [2, 4]) func nothingIsLostWhenAllCountTheSameItems(_ workers: Int) throws {
        let database = Database()
        try database.store().close()
        let rounds = 100
        atOnce(workers) { worker in
            let store = try database.store(worker: "w\(worker)")
            for round in 0..<rounds {
                _ = try Self.retrying {
                    try store.write { transaction in
                        // A lost update would show in the sum; SKUs are named in another order by each worker.
                        let skus = (0..<3).map { SKU("S\(($0 * (worker + 1) + round) % 3)") }
                        let known = try transaction.items(Array(Set(skus)).sorted())
                        var changes = Changes()
                        for sku in Set(skus).sorted() {
                            var item = known.first { $0.sku == sku } ?? Item(sku: sku)
                            item.onOrder += 1
                            changes.items.append(
                                .init(
                                    item: item, isNew: !known.contains { $0.sku == sku }, headChanged: true, stock: [],
                                    lanes: [], deficitsChanged: false))
                        }
                        var line = OrderLine(lineID: "1", sku: SKU("W\(worker)-\(round)"), ordered: 1)
                        line.waiting = 1
                        changes.orders = [
                            .init(
                                order: Order(orderID: OrderID("o\(worker)-\(round)"), placedAt: start, lines: [line]),
                                isNew: true, lines: [0], lead: 0)
                        ]
                        try transaction.apply(changes)
                    }
                }
            }
        }
        let store = try database.store()
        let items = try store.write { try $0.items(["S0", "S1", "S2"]) }
        let wanted = (0..<workers).map { worker in
            (0..<rounds).map { round in Set((0..<3).map { ($0 * (worker + 1) + round) % 3 }).count }.reduce(0, +)
        }.reduce(0, +)
        #expect(items.map(\.onOrder).reduce(0, +) == Units(wanted))
        for worker in 0..<workers {
            for round in stride(from: 0, to: rounds, by: 7) {
                #expect(
                    try store.write {
                        try $0.waitingLines(sku: SKU("W\(worker)-\(round)"), pin: nil, after: nil, limit: 9)
                    }.map(\.key.orderID) == [OrderID("o\(worker)-\(round)")])
            }
        }
    }

    /// Locks in opposite order: what the rule of one order rules out, done by hand.
    @Test func aDeadlockIsUnavailableAndSucceedsWhenTriedAgain() throws {
        let database = Database()
        let first = try database.store("-cdeadlock_timeout%3D100")
        try first.write { transaction in
            var changes = Changes()
            for sku in ["A", "B"] as [SKU] {
                changes.items.append(
                    .init(
                        item: Item(sku: sku), isNew: true, headChanged: true, stock: [], lanes: [],
                        deficitsChanged: false))
            }
            try transaction.apply(changes)
        }
        let met = Meeting(2)
        let refusals = Shared(0)
        let deadlocks = Shared(0)
        atOnce(2) { number in
            let store = try database.store("-cdeadlock_timeout%3D100", worker: "w\(number)")
            let skus: [SKU] = number == 0 ? ["A", "B"] : ["B", "A"]
            let refused = try Self.retrying(deadlocks) {
                try store.write { transaction in
                    var changes = Changes()
                    for sku in skus {
                        var item = try #require(try transaction.items([sku]).first)
                        item.onOrder += 1
                        changes.items.append(
                            .init(
                                item: item, isNew: false, headChanged: true, stock: [], lanes: [],
                                deficitsChanged: false))
                        if sku == skus[0] { met.wait() }
                    }
                    try transaction.apply(changes)
                }
            }
            refusals.add(refused)
        }
        #expect(refusals.value >= 1, "one of the two was the victim")
        #expect(deadlocks.value == refusals.value, "and is told why, for the metrics")
        #expect(try first.write { try $0.items(["A", "B"]) }.map(\.onOrder) == [2, 2])
    }

    /// A message that comes to two workers at once has its effect once.
    @Test func theSameMessagesAtTwoWorkersCountOnce() throws {
        let database = Database()
        try database.store().close()
        let keys = (1...50).map { Digest128(high: UInt64($0), low: 7) }
        atOnce(3) { number in
            let store = try database.store(worker: "w\(number)")
            for key in number == 1 ? keys.reversed() : keys {
                _ = try Self.retrying {
                    try store.write { transaction in
                        if try transaction.inbox([key])[key] != nil { return }
                        var item = try transaction.items(["S"]).first ?? Item(sku: "S")
                        let isNew = item.onOrder == 0
                        item.onOrder += 1
                        var changes = Changes()
                        changes.items = [
                            .init(
                                item: item, isNew: isNew, headChanged: true, stock: [], lanes: [],
                                deficitsChanged: false)
                        ]
                        try transaction.apply(changes)
                        try transaction.appendInbox([InboxRow(key: key, content: key, receivedAt: start)])
                    }
                }
            }
        }
        #expect(try database.store().write { try $0.items(["S"]) }.first?.onOrder == 50)
    }

    /// What two workers find missing, only one adds while the other waits: nothing is parked for an order that is there.
    @Test func anOrderAndItsCancellationMeet() throws {
        let database = Database()
        try database.store().close()
        for round in 0..<30 {
            let orderID = OrderID("o\(round)")
            atOnce(2) { number in
                let store = try database.store(worker: "w\(number)")
                _ = try Self.retrying {
                    try store.write { transaction in
                        let isThere = try transaction.orders([orderID]).count == 1
                        let parked = try transaction.parkedMessages([orderID])
                        var changes = Changes()
                        if number == 0 {
                            var line = OrderLine(lineID: "1", sku: "S", ordered: 1)
                            line.waiting = parked.isEmpty ? 1 : 0
                            line.cancelled = parked.isEmpty ? 0 : 1
                            changes.orders = [
                                .init(
                                    order: Order(orderID: orderID, placedAt: start, lines: [line]), isNew: true,
                                    lines: [0], lead: 0)
                            ]
                            changes.unparked = parked
                        } else if isThere {
                            var order = try #require(try transaction.orders([orderID]).first)
                            order.lines[0].waiting = 0
                            order.lines[0].cancelled = 1
                            changes.orders = [.init(order: order, isNew: false, lines: [0], lead: 0)]
                        } else {
                            let input = Input.orderCancelled(OrderCancelled(orderID: orderID, lines: nil))
                            changes.parked = [
                                ParkedMessage(
                                    orderID: orderID, message: InputMessage(id: "m", time: start, input: input),
                                    parkedAt: start, original: [])
                            ]
                        }
                        try transaction.apply(changes)
                    }
                }
            }
            let store = try database.store()
            #expect(try store.read { try $0.order(orderID) }?.lines.map(\.cancelled) == [1], "round \(round)")
            #expect(try store.read { try $0.totals() }.parkedMessages == 0, "round \(round)")
            store.close()
        }
    }

    @Test func oneOfManyLeadsAndIsFollowed() throws {
        let database = Database()
        try database.store().close()
        let leaders = Shared(0)
        atOnce(4) { number in
            let store = try database.store(worker: "w\(number)")
            for _ in 0..<20
            where try store.write({
                try $0.lead(worker: "w\(number)", now: Instant(microseconds: 5), until: Instant(microseconds: 10))
            }) {
                leaders.add(1)
                break
            }
        }
        #expect(leaders.value == 1)
        let store = try database.store()
        let follows = try store.write {
            try $0.lead(worker: "next", now: Instant(microseconds: 10), until: Instant(microseconds: 20))
        }
        #expect(follows, "its time is over")
    }

    /// A batch locks and loads in one round trip, and writes and commits in another.
    @Test func aBatchIsTwoRoundTrips() throws {
        let database = Database()
        let store = try database.store()
        let processor = BatchProcessor(
            store: store, rules: Rulebook(), clock: .system { start }, keepsOutbox: true, worker: "w")
        func process(_ texts: [String]) throws -> BatchResult {
            try processor.process(
                texts.map { text in
                    DecodedDelivery(
                        reading: Decoder().read(
                            Array(text.utf8), envelope: Envelope(), arrival: start, options: DecodeOptions()),
                        queue: "q", body: Array(text.utf8), properties: { [] })
                })
        }
        func order(_ number: Int) -> String {
            let lines = (0..<4).map { #"{"sku":"S\#((number * 4 + $0) % 150)","quantity":2}"# }.joined(separator: ",")
            return #"{"type":"order-placed","id":"o\#(number)","order_id":"O\#(number)","lines":[\#(lines)]}"#
        }
        func receipt(_ number: Int) -> String {
            #"{"type":"stock-received","id":"r\#(number)","receipt_id":"R\#(number)","location":"WH","lines":[{"sku":"S\#(number % 150)","quantity":9}]}"#
        }
        func shipment(_ number: Int) -> String {
            #"{"type":"shipment-dispatched","id":"s\#(number)","shipment_id":"S\#(number)","order_id":"O\#(number)","lines":[{"line_id":"1","quantity":2}]}"#
        }
        // Statements are prepared and SKUs learnt on the way; both go with the same round trips.
        _ = try process((0..<7).map(receipt) + (0..<50).map(order))
        for round in 1...3 {
            let before = store.roundTrips
            let batch =
                (0..<5).map { receipt(round * 100 + $0) } + (0..<50).map { order(round * 100 + $0) }
                + (0..<40).map { shipment((round - 1) * 100 + $0) }
            let result = try process(batch)
            #expect(result.outcomes.allSatisfy { $0 == .applied })
            #expect(store.roundTrips - before == 2, "round \(round)")
        }
    }

    /// Who waits for a lock is told how long.
    @Test func theWaitForLocksIsMeasured() throws {
        let database = Database()
        let first = try database.store()
        try first.write { try writeSomeOfAll($0) }
        let met = Meeting(2)
        atOnce(2) { number in
            let store = try database.store(worker: "w\(number)")
            let needs = BatchNeeds(
                [
                    InputMessage(
                        id: "m", time: start,
                        input: .stockReceived(
                            StockReceived(
                                receiptID: "r", location: "a", lines: [.init(sku: "S", quantity: 1)], receivedAt: start)
                        ))
                ], inboxKeys: [])
            try store.write { transaction in
                if number == 0 {
                    try transaction.prepare(needs)
                    met.wait()
                    usleep(200_000)
                } else {
                    met.wait()
                    try transaction.prepare(needs)
                    #expect(transaction.lockWaitNanoseconds >= 100_000_000)
                }
            }
        }
    }

    @Test func readsSeeASnapshotWhileAnotherWrites() throws {
        let database = Database()
        let writer = try database.store()
        let reader = try database.store()
        try writer.write { transaction in
            _ = try transaction.appendOutbox([message("1")], at: start)
            #expect(try reader.read { try $0.totals() }.outboxMessages == 0)
        }
        try reader.read { queries in
            #expect(try queries.totals().outboxMessages == 1)
            _ = try writer.write { try $0.appendOutbox([message("2")], at: start) }
            #expect(try queries.totals().outboxMessages == 1)
        }
        #expect(try reader.read { try $0.totals() }.outboxMessages == 2)
    }
}

/// A number that threads add to.
final class Shared: @unchecked Sendable {
    private let lock = NSLock()
    private var sum: Int

    init(_ value: Int) { sum = value }

    func add(_ more: Int) { lock.withLock { sum += more } }
    var value: Int { lock.withLock { sum } }
}

/// Where threads wait for each other; who comes a second time goes on at once.
final class Meeting: @unchecked Sendable {
    private let lock = NSCondition()
    private var missing: Int

    init(_ count: Int) { missing = count }

    func wait() {
        lock.lock()
        defer { lock.unlock() }
        if missing == 0 { return }
        missing -= 1
        if missing == 0 { lock.broadcast() }
        while missing > 0 { if !lock.wait(until: Date(timeIntervalSinceNow: 10)) { return } }
    }
}
