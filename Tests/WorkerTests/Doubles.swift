import BackOrderStore
import Glibc
import InventoryCore
import MessageSchema
import Synchronization
import Worker

/// A queue in memory: what is not acknowledged when the "connection" drops comes again.
final class FakeQueue: DeliverySource {
    private struct State {
        var ready: [InboundDelivery] = []
        var unacked: [DeliveryToken: InboundDelivery] = [:]
        var acknowledged = 0
        var stopped = false
        var nextTag: UInt64 = 1
    }

    private let state = Mutex(State())

    func put(_ body: String, queue: String = "in", id: String? = nil, parent: String? = nil) {
        var envelope = Envelope(messageID: id)
        if let parent { envelope.headers.append((name: "traceparent", value: parent)) }
        state.withLock { [envelope] state in
            state.ready.append(
                InboundDelivery(
                    token: DeliveryToken(generation: 1, tag: state.nextTag), queue: queue, redelivered: false,
                    envelope: envelope, body: Array(body.utf8), properties: { [7] }))
            state.nextTag += 1
        }
    }

    func receive(max: Int, timeoutMilliseconds: Int) -> [InboundDelivery] {
        let taken = state.withLock { state -> [InboundDelivery] in
            if state.stopped { return [] }
            let taken = Array(state.ready.prefix(max))
            state.ready.removeFirst(taken.count)
            for delivery in taken { state.unacked[delivery.token] = delivery }
            return taken
        }
        if taken.isEmpty { usleep(1000) }
        return taken
    }

    func acknowledge(_ tokens: [DeliveryToken]) {
        state.withLock { state in
            for token in tokens where state.unacked.removeValue(forKey: token) != nil { state.acknowledged += 1 }
        }
    }

    var generation: UInt64? { 1 }

    func stopConsuming() { state.withLock { $0.stopped = true } }

    var acknowledged: Int { state.withLock { $0.acknowledged } }
    var unacknowledged: Int { state.withLock { $0.unacked.count } }
}

/// A broker in memory: confirms, or does to a message what the script says, once for each entry.
final class FakeSink: OutputSink {
    private struct State {
        var published: [OutboxMessage] = []
        var confirmed: [OutboxMessage] = []
        var script: [PublicationOutcome] = []
        var isFull = false
    }

    private let state = Mutex(State())
    private let tracker: OutboxTracker

    init(tracker: OutboxTracker, script: [PublicationOutcome] = []) {
        self.tracker = tracker
        state.withLock { $0.script = script }
    }

    func publish(_ messages: [PendingPublication], timeoutMilliseconds: Int) -> Bool {
        if state.withLock({ $0.isFull }) { return false }
        var outcomes: [(handle: UInt64, outcome: PublicationOutcome)] = []
        state.withLock { state in
            for message in messages {
                state.published.append(message.message)
                let outcome = state.script.isEmpty ? .confirmed : state.script.removeFirst()
                if outcome == .confirmed { state.confirmed.append(message.message) }
                outcomes.append((message.handle, outcome))
            }
        }
        _ = tracker.settle(outcomes, nowMilliseconds: monotonicMilliseconds())
        return true
    }

    func flush(deadlineMilliseconds: Int) -> Bool { true }

    func setFull(_ isFull: Bool) { state.withLock { $0.isFull = isFull } }

    var published: [OutboxMessage] { state.withLock { $0.published } }
    var confirmed: [OutboxMessage] { state.withLock { $0.confirmed } }
}

/// A store that is away for its first so many transactions.
final class FailingStore: BackOrderStore {
    private let inner: any BackOrderStore
    private var failures: Int
    /// Batches with outputs that are committed though the caller is told that they may not be.
    private var unknownCommits: Int

    init(_ inner: any BackOrderStore, failures: Int, unknownCommits: Int = 0) {
        self.inner = inner
        self.failures = failures
        self.unknownCommits = unknownCommits
    }

    func write<Result>(_ body: (any StoreTransaction) throws -> Result) throws -> Result {
        if unknownCommits > 0 {
            let result = try inner.write(body)
            guard let batch = result as? BatchResult, batch.segment != nil else { return result }
            unknownCommits -= 1
            var error = StoreError(.unavailable, "the connection broke")
            error.mayHaveCommitted = true
            throw error
        }
        guard failures > 0 else { return try inner.write(body) }
        failures -= 1
        // The worst moment: everything was done, the commit fails.
        return try inner.write { transaction in
            _ = try body(transaction)
            throw StoreError(.unavailable, "the disk is full")
        }
    }

    func read<Result>(_ body: (any StoreQueries) throws -> Result) throws -> Result { try inner.read(body) }
    func migrate() throws { try inner.migrate() }
    func schemaVersion() throws -> (found: Int, wanted: Int) { try inner.schemaVersion() }
    func adopt(_ strategy: Strategy) throws { try inner.adopt(strategy) }
    func close() { inner.close() }
}

/// A store that a test looks into while the pipeline's thread works with it.
///
/// @unchecked Sendable: MemoryStore guards itself; the test only reads.
final class SharedStore: @unchecked Sendable {
    let store: any BackOrderStore
    init(_ store: any BackOrderStore) { self.store = store }
}

func waitUntil(_ seconds: Int = 10, _ condition: () -> Bool) -> Bool {
    let deadline = monotonicMilliseconds() + Int64(seconds) * 1000
    while !condition() {
        if monotonicMilliseconds() > deadline { return false }
        usleep(2000)
    }
    return true
}

enum Sample {
    static func receipt(_ id: String, _ sku: String, _ quantity: Int) -> String {
        """
        {"type":"stock-received","id":"m-\(id)","time":"2026-11-23T10:00:00Z","receipt_id":"\(id)","location":"WH-1",\
        "lines":[{"sku":"\(sku)","quantity":\(quantity)}]}
        """
    }

    static func order(_ id: String, _ sku: String, _ quantity: Int, message: String? = nil) -> String {
        """
        {"type":"order-placed","id":"\(message ?? "m-\(id)")","time":"2026-11-23T11:00:00Z","order_id":"\(id)",\
        "lines":[{"sku":"\(sku)","quantity":\(quantity)}]}
        """
    }

    static func shipment(_ id: String, _ order: String, _ sku: String, _ quantity: Int) -> String {
        """
        {"type":"shipment-dispatched","id":"m-\(id)","time":"2026-11-23T12:00:00Z","shipment_id":"\(id)",\
        "order_id":"\(order)","location":"WH-1","lines":[{"sku":"\(sku)","quantity":\(quantity)}]}
        """
    }
}
