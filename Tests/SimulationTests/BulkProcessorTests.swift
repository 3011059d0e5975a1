import BackOrderStore
import Foundation
import InventoryCore
import MessageSchema
import SQLiteStore
import Testing
import Worker

@testable import Simulation

/// Work in bulk: decided on one connection, written on another, and the same as message by message.
@Suite struct BulkProcessorTests {
    private static let now = Instant(microseconds: 1_800_000_000_000_000)

    private struct Stop: Error {}

    private final class Folder {
        let path: String

        init() throws {
            path = NSTemporaryDirectory() + "backorderd-bulk-" + UUID().uuidString
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func store(_ name: String, _ rules: Rulebook, _ options: SQLiteStore.Options = .init()) throws -> SQLiteStore {
            let store = try SQLiteStore(path: path + "/" + name, options: options)
            try store.migrate()
            try store.adopt(rules.strategy)
            return store
        }
    }

    /// Inputs of every type, with repeats, conflicts and nonsense, by seed.
    private static func deliveries(_ count: Int, seed: UInt64) -> (rules: Rulebook, deliveries: [DecodedDelivery]) {
        var random = SimRandom(seed: seed)
        let rules = SimRules(&random)
        var workload = Workload(skus: rules.skus, locations: rules.locations, random: SimRandom(seed: seed ^ 0xABCD))
        let decoder = Decoder()
        var made: [SimMessage] = []
        var result: [DecodedDelivery] = []
        for _ in 0..<count {
            var message = workload.next(now: now)
            if random.percent(8), let earlier = random.pick(made) { message = earlier }
            made.append(message)
            result.append(
                DecodedDelivery(
                    reading: decoder.read(message.body, envelope: message.envelope, arrival: now), queue: message.queue,
                    body: message.body, properties: { [] }))
        }
        return (rules.rulebook, result)
    }

    private func processor(_ store: any BackOrderStore, _ rules: Rulebook) -> BatchProcessor {
        BatchProcessor(store: store, rules: rules, clock: .system { Self.now }, keepsOutbox: true)
    }

    private struct Books: Equatable {
        var rows: [String]
        var events: [[OrderEvent]]
        var demand: [Demand]
        var marks: [SweepMark]
        var parked: [String]
        var outbox: [OutboxMessage]

        init(_ store: SQLiteStore) throws {
            let snapshot = try store.read { try Snapshot($0) }
            rows = snapshot.text()
            events = try store.read { queries in
                try snapshot.orders.map { try queries.events(of: $0.orderID, after: 0, limit: .max) }
            }
            demand = try store.read { try $0.demand(sku: nil, after: nil, limit: .max) }
            parked = try store.read { try $0.parked(after: nil, limit: .max).map { "\($0.orderID) \($0.message.id)" } }
            marks = try store.write { try $0.sweepMarks(after: nil, limit: .max) }
            outbox = try store.write { try $0.outbox(after: nil, limit: .max).flatMap(\.messages) }
        }
    }

    /// Takes all of it, some of it in each batch; answers the outcomes.
    private func run(
        _ deliveries: [DecodedDelivery], _ bulk: BulkProcessor, batches: inout SimRandom
    ) throws -> [InputOutcome] {
        var rest = deliveries[...]
        var outcomes: [InputOutcome] = []
        func next() -> [DecodedDelivery]? {
            if rest.isEmpty { return nil }
            let batch = Array(rest.prefix(1 + batches.below(9)))
            rest = rest.dropFirst(batch.count)
            return batch
        }
        while try bulk.span(next, { outcomes += $0.outcomes }) {}
        return outcomes
    }

    @Test(arguments: [UInt64](1...12)) func comesToTheSameAsOneByOne(_ seed: UInt64) throws {
        let folder = try Folder()
        let (rules, deliveries) = Self.deliveries(300, seed: seed)
        let plain = try folder.store("plain.db", rules)
        let one = processor(plain, rules)
        let expected = try deliveries.map { try one.process([$0]).outcomes[0] }

        let (writer, reader) = (try folder.store("bulk.db", rules), try folder.store("bulk.db", rules))
        var random = SimRandom(seed: seed)
        let bulk = BulkProcessor(
            processor(writer, rules), writer: writer, reader: reader,
            limits: .init(messages: 1 + random.below(120), seconds: 60))
        #expect(try run(deliveries, bulk, batches: &random) == expected)
        let (found, wanted) = (try Books(writer), try Books(plain))
        #expect(found == wanted)
        #expect(!wanted.outbox.isEmpty && !wanted.events.joined().isEmpty)
        // And what is known is known: the same file again changes nothing.
        let known = zip(deliveries, expected).filter { if case .deadLettered = $1 { false } else { true } }.map(\.0)
        _ = try run(known, bulk, batches: &random)
        #expect(try Books(writer).rows == wanted.rows)
    }

    /// Others see whole spans, and nothing of one that was given up.
    @Test func aSpanIsThereWhollyOrNotAtAll() throws {
        let folder = try Folder()
        let (rules, deliveries) = Self.deliveries(60, seed: 5)
        let (writer, reader) = (try folder.store("bulk.db", rules), try folder.store("bulk.db", rules))
        let other = try folder.store("bulk.db", rules)
        let bulk = BulkProcessor(
            processor(writer, rules), writer: writer, reader: reader, limits: .init(messages: 30, seconds: 60))
        var rest = deliveries[...]
        let empty = try Books(other)
        let hasMore = try bulk.span {
            let seen = try other.read { try Snapshot($0) }.text()
            #expect(seen == empty.rows)
            return rest.popFirst().map { [$0] }
        } _: { _ in
        }
        #expect(hasMore && rest.count == 30)
        let half = try Books(other)
        #expect(half != empty)
        #expect(throws: Stop.self) {
            _ = try bulk.span({ rest.popFirst().map { [$0] } }, { _ in if rest.count == 20 { throw Stop() } })
        }
        #expect(try Books(other) == half)
        // Nobody is kept waiting by what was given up.
        try other.write { _ in }
    }

    /// Whoever has the books keeps a span from beginning; it is tried again, and then told.
    @Test func theBooksAreItsOwnFromTheBegin() throws {
        let folder = try Folder()
        let (rules, deliveries) = Self.deliveries(20, seed: 7)
        var options = SQLiteStore.Options()
        options.busySeconds = 0.01
        let (writer, reader) = (try folder.store("bulk.db", rules, options), try folder.store("bulk.db", rules))
        let other = try folder.store("bulk.db", rules, options)
        let bulk = BulkProcessor(processor(writer, rules), writer: writer, reader: reader)
        var rest = deliveries[...]
        _ = try bulk.span {
            if rest.count < 20 {
                // Nobody else writes between what is read and what is written.
                let error = #expect(throws: StoreError.self) { try other.write { _ in } }
                #expect(error?.isRetriable == true)
            }
            return rest.popFirst().map { [$0] }
        } _: { _ in
        }
        let before = try Books(writer)
        rest = deliveries[...]
        try other.write { _ in
            let error = #expect(throws: StoreError.self) {
                _ = try bulk.span({ rest.popFirst().map { [$0] } }, { _ in })
            }
            #expect(error?.isRetriable == true)
        }
        #expect(try Books(writer) == before)
    }

    /// What can't be written is told, and the spans before it stay.
    @Test func aFullDiskEndsItWithWhatWasDurable() throws {
        let folder = try Folder()
        let (rules, deliveries) = Self.deliveries(2_000, seed: 9)
        _ = try folder.store("bulk.db", rules)
        var options = SQLiteStore.Options()
        options.maximumPages = 130
        let (writer, reader) = (try folder.store("bulk.db", rules, options), try folder.store("bulk.db", rules))
        let bulk = BulkProcessor(
            processor(writer, rules), writer: writer, reader: reader, limits: .init(messages: 50, seconds: 60))
        var rest = deliveries[...]
        var taken = 0
        let error = #expect(throws: StoreError.self) {
            while try bulk.span({ rest.popFirst().map { [$0] } }, { _ in }) { taken = 2_000 - rest.count }
        }
        #expect(error.map { "\($0)".contains("full") } == true)
        #expect(taken > 0 && taken < 2_000)
        let plain = try folder.store("plain.db", rules)
        let one = processor(plain, rules)
        for delivery in deliveries.prefix(taken) { _ = try one.process([delivery]) }
        #expect(try Books(reader) == Books(plain))
    }
}
