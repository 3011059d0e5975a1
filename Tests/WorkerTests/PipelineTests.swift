import BackOrderStore
import InventoryCore
import Logging
import MessageSchema
import Synchronization
import Testing
import Worker

@Suite struct PipelineTests {
    private struct Running {
        let queue: FakeQueue
        let sink: FakeSink
        let tracker: OutboxTracker
        let pipeline: Pipeline
        let memory: SharedStore
        let thread: WorkThread
        let ending: EndingBox

        func stop() -> Pipeline.Ending? {
            pipeline.stop()
            thread.join()
            return ending.value
        }
    }

    final class EndingBox: Sendable {
        private let state = Mutex<Pipeline.Ending?>(nil)
        var value: Pipeline.Ending? { state.withLock { $0 } }
        func set(_ ending: Pipeline.Ending) { state.withLock { $0 = ending } }
    }

    private func start(
        _ bodies: [String], memory: any BackOrderStore = MemoryStore(), storeFailures: Int = 0, unknownCommits: Int = 0,
        script: [PublicationOutcome] = [], now: @escaping @Sendable () -> Instant = { PipelineTests.start },
        isGone: @escaping @Sendable (String) -> Bool = { _ in false }
    ) -> Running {
        let queue = FakeQueue()
        for body in bodies { queue.put(body) }
        let tracker = OutboxTracker()
        let sink = FakeSink(tracker: tracker, script: script)
        let pipeline = Pipeline(
            source: queue, sink: sink, tracker: tracker,
            settings: .init(
                batch: 4, inboxRetentionMicroseconds: 1 << 50, drainMilliseconds: 5000, decode: [:], worker: "test",
                isGone: isGone),
            timing: Timing(now: now),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let shared = SharedStore(memory)
        let ending = EndingBox()
        let thread = WorkThread(name: "pipeline") {
            ending.set(
                pipeline.run(
                    store: FailingStore(shared.store, failures: storeFailures, unknownCommits: unknownCommits),
                    rules: Rulebook()))
        }
        return Running(
            queue: queue, sink: sink, tracker: tracker, pipeline: pipeline, memory: shared, thread: thread,
            ending: ending)
    }

    private static let start = Instant(microseconds: 1_763_900_000_000_000)

    private var bodies: [String] {
        [Sample.receipt("R1", "A", 9)] + (1...9).map { Sample.order("O\($0)", "A", 2) }
    }

    private func outboxIsEmpty(_ running: Running) throws -> Bool {
        try running.memory.store.write { try $0.outbox(after: nil, limit: 10) }.isEmpty
    }

    @Test func everythingIsAcknowledgedAndPublishedOnce() throws {
        let running = start(bodies)
        #expect(waitUntil { running.queue.acknowledged == 10 && running.tracker.openCount == 0 })
        #expect(running.stop() == .drained)
        let ids = running.sink.confirmed.map(\.messageID)
        #expect(Set(ids).count == ids.count)
        #expect(running.sink.confirmed.filter { $0.routingKey == "customer-notification.order-confirmed" }.count == 4)
        #expect(try outboxIsEmpty(running))
    }

    @Test func aStoreThatIsAwayCostsTimeAndNothingElse() throws {
        let running = start(bodies, storeFailures: 4)
        #expect(waitUntil { running.queue.acknowledged == 10 && running.tracker.openCount == 0 })
        #expect(running.stop() == .drained)
        #expect(running.pipeline.counts.storeRetries >= 3)
        #expect(running.pipeline.counts.applied == 10)
        let ids = running.sink.confirmed.map(\.messageID)
        #expect(Set(ids).count == ids.count)
    }

    /// The second try finds duplicates and makes no outputs; those of the first wait in the outbox.
    @Test func outputsOfACommitThatNobodyKnewOfAreSent() throws {
        let plain = start(bodies)
        #expect(waitUntil { plain.queue.acknowledged == 10 && plain.tracker.openCount == 0 })
        #expect(plain.stop() == .drained)
        let running = start(bodies, unknownCommits: 2)
        #expect(waitUntil { running.sink.confirmed.count == plain.sink.confirmed.count })
        #expect(waitUntil { (try? outboxIsEmpty(running)) == true })
        #expect(Set(running.sink.confirmed.map(\.messageID)) == Set(plain.sink.confirmed.map(\.messageID)))
        #expect(running.stop() == .drained)
        #expect(running.pipeline.counts.duplicates > 0)
    }

    @Test func whatTheBrokerDoesNotTakeIsSentAgainUnderTheSameID() throws {
        let running = start(
            bodies, script: [.confirmed, .unknown, .returned("312 NO_ROUTE"), .nacked, .unknown, .confirmed])
        #expect(waitUntil { running.queue.acknowledged == 10 && running.tracker.openCount == 0 })
        #expect(running.stop() == .drained)
        let published = running.sink.published.map(\.messageID)
        let confirmed = running.sink.confirmed.map(\.messageID)
        #expect(published.count == confirmed.count + 4)
        #expect(Set(published) == Set(confirmed))
        #expect(Set(confirmed).count == confirmed.count)
        #expect(try outboxIsEmpty(running))
    }

    @Test func aFullSinkHoldsNothingUpAndLosesNothing() throws {
        let running = start([])
        running.sink.setFull(true)
        for body in bodies { running.queue.put(body) }
        // Inputs are acknowledged though nothing can be published: the outbox owns the outputs.
        #expect(waitUntil { running.queue.acknowledged == 10 })
        #expect(running.sink.published.isEmpty)
        #expect(try !outboxIsEmpty(running))
        running.sink.setFull(false)
        #expect(waitUntil { running.tracker.openCount == 0 })
        #expect(running.stop() == .drained)
        #expect(try outboxIsEmpty(running))
    }

    @Test func theNextRunSendsWhatThisOneCouldNot() throws {
        let memory = MemoryStore()
        let first = start([], memory: memory)
        first.sink.setFull(true)
        for body in bodies { first.queue.put(body) }
        #expect(waitUntil { first.queue.acknowledged == 10 })
        // A crash: the outbox is all that is left.
        let left = try first.memory.store.write { try $0.outbox(after: nil, limit: 100) }.flatMap(\.messages)
        #expect(!left.isEmpty)
        let second = start([], memory: memory)
        #expect(waitUntil { second.sink.confirmed.count == left.count })
        #expect(second.sink.confirmed.map(\.messageID) == left.map(\.messageID))
        #expect(second.stop() == .drained)
        first.sink.setFull(false)
        _ = first.stop()
    }

    /// What a worker of another name has open, and for how long it said that it lives.
    private func leave(_ names: [String], by worker: String, livesSeconds: Int64, in store: any BackOrderStore) throws {
        let start = PipelineTests.start
        try store.write { transaction in
            _ = try transaction.claimOutbox(
                worker: worker, now: start, until: start.adding(microseconds: livesSeconds * 1_000_000), limit: 9)
            for name in names {
                _ = try transaction.appendOutbox(
                    [OutboxMessage(destination: .output, routingKey: "a", messageID: name, type: "t", body: [1])],
                    at: start, worker: worker)
            }
        }
    }

    @Test func whatALivingNeighbourHasOpenIsLeftToItAndTakenOverWhenItsTimeIsOver() throws {
        let memory = MemoryStore()
        try leave(["1", "2"], by: "neighbour", livesSeconds: 8, in: memory)
        let clock = Mutex<Int64>(0)
        let running = start(
            bodies, memory: memory,
            now: { PipelineTests.start.adding(microseconds: clock.withLock { $0 }) })
        #expect(waitUntil { running.queue.acknowledged == 10 && running.tracker.openCount == 0 })
        #expect(!running.sink.published.contains { ["1", "2"].contains($0.messageID) })
        clock.withLock { $0 = 8_000_000 }
        #expect(waitUntil { running.sink.confirmed.count { ["1", "2"].contains($0.messageID) } == 2 })
        #expect(running.stop() == .drained)
        #expect(running.sink.published.count { ["1", "2"].contains($0.messageID) } == 2)
        #expect(try outboxIsEmpty(running))
    }

    @Test func whatANeighbourThatIsKnownDeadHadOpenIsSentAtOnce() throws {
        let memory = MemoryStore()
        try leave(["1"], by: "dead", livesSeconds: 1_000_000, in: memory)
        try leave(["2"], by: "living", livesSeconds: 1_000_000, in: memory)
        let running = start([], memory: memory, isGone: { $0 == "dead" })
        #expect(waitUntil { running.sink.confirmed.map(\.messageID) == ["1"] })
        #expect(running.stop() == .drained)
        let left = try memory.write { try $0.outbox(after: nil, limit: 9) }.flatMap(\.messages).map(\.messageID)
        #expect(left == ["2"])
    }
}
