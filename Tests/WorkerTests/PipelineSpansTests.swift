import BackOrderStore
import InMemoryTracing
import InventoryCore
import Logging
import MessageSchema
import Testing
import Tracing
import Worker

@Suite struct PipelineSpansTests {
    private static let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    /// The in-memory tracer, with the W3C header as the way in.
    private struct W3CTracer: Tracer {
        let inner = InMemoryTracer()

        func startSpan<Instant: TracerInstant>(
            _ operationName: String, context: @autoclosure () -> InstrumentationContext, ofKind kind: SpanKind,
            at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
        ) -> InMemorySpan {
            inner.startSpan(
                operationName, context: context(), ofKind: kind, at: instant(), function: function, file: fileID,
                line: line)
        }

        func extract<Carrier, Extract: Extractor>(
            _ carrier: Carrier, into context: inout InstrumentationContext, using extractor: Extract
        ) where Extract.Carrier == Carrier {
            guard let parts = extractor.extract(key: "traceparent", from: carrier)?.split(separator: "-") else {
                return
            }
            context.inMemorySpanContext = InMemorySpanContext(
                traceID: String(parts[1]), spanID: String(parts[2]), parentSpanID: nil)
        }

        func inject<Carrier, Inject: Injector>(
            _ context: InstrumentationContext, into carrier: inout Carrier, using injector: Inject
        ) where Inject.Carrier == Carrier {}

        func forceFlush() {}
    }

    /// Runs a pipeline over the bodies until it is drained, in one batch; the second entry is the input's traceparent.
    private func spans(
        _ inputs: [(body: String, parent: String?)], confirms: Bool = true
    ) -> [FinishedInMemorySpan] {
        let tracer = W3CTracer()
        let spans = PipelineSpans(
            tracer, .init(databaseSystem: "sqlite", outputExchange: "backorder", deadLetterExchange: "dead"))
        let queue = FakeQueue()
        for (index, input) in inputs.enumerated() { queue.put(input.body, id: "id-\(index)", parent: input.parent) }
        let tracker = OutboxTracker(segmentConfirmed: { spans.confirmed($0) })
        let sink = FakeSink(
            tracker: tracker, script: confirms ? [] : Array(repeating: .nacked, count: 1_000))
        let pipeline = Pipeline(
            source: queue, sink: sink, tracker: tracker,
            settings: .init(
                batch: 100, inboxRetentionMicroseconds: 1 << 50, drainMilliseconds: 1, decode: [:], worker: "test"),
            timing: Timing(now: { Instant(microseconds: 1_795_000_000_000_000) }),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, spans: spans)
        let store = SharedStore(MemoryStore())
        let thread = WorkThread(name: "pipeline") { _ = pipeline.run(store: store.store, rules: Rulebook()) }
        #expect(waitUntil { queue.acknowledged == inputs.count })
        if confirms { #expect(waitUntil { tracker.openCount == 0 }) }
        pipeline.stop()
        thread.join()
        spans.end()
        #expect(tracer.inner.activeSpans.isEmpty)
        return tracer.inner.finishedSpans
    }

    private func text(_ span: FinishedInMemorySpan, _ name: String) -> String? {
        switch span.attributes.get(name) {
        case .string(let text): text
        case .int64(let number): "\(number)"
        case .int32(let number): "\(number)"
        default: nil
        }
    }

    @Test func anInputWithATraceIsToldInThatTrace() throws {
        let found = spans([(Sample.order("O-1", "A", 3), Self.parent)])
        #expect(Set(found.map(\.traceID)) == ["0af7651916cd43dd8448eb211c80319c"])
        #expect(
            found.map(\.operationName).sorted() == [
                "commit", "decide", "process in", "publish backorder", "receive in",
            ])
        let process = try #require(found.first { $0.operationName == "process in" })
        #expect(process.parentSpanID == "b7ad6b7169203331" && process.kind == .consumer && process.status == nil)
        #expect(text(process, "messaging.system") == "rabbitmq")
        #expect(text(process, "messaging.operation.type") == "process")
        #expect(text(process, "messaging.destination.name") == "in")
        #expect(text(process, "messaging.message.id") == "id-0")
        #expect(text(process, "messaging.batch.message_count") == nil)
        #expect(text(process, "backorderd.input.type") == "order-placed")
        for span in found where span.operationName != "process in" {
            #expect(span.parentSpanID == process.spanID)
            #expect(text(span, "messaging.system") == "rabbitmq")
            #expect(span.startInstant.nanosecondsSinceEpoch <= span.endInstant.nanosecondsSinceEpoch)
        }
        let publish = try #require(found.first { $0.operationName == "publish backorder" })
        #expect(publish.kind == .producer && text(publish, "messaging.operation.type") == "send")
        let commit = try #require(found.first { $0.operationName == "commit" })
        #expect(text(commit, "db.system.name") == "sqlite")
    }

    @Test func eachTraceOfABatchHasItsOwnTreeAndTheRestOneTogether() throws {
        let other = "00-11111111111111111111111111111111-2222222222222222-01"
        let found = spans([
            (Sample.order("O-1", "A", 3), Self.parent), (Sample.order("O-2", "A", 3), other),
            (Sample.order("O-3", "A", 3), nil), (Sample.order("O-4", "A", 3), nil),
        ])
        let processes = found.filter { $0.operationName == "process in" }
        #expect(processes.count == 3)
        let traces = Set(processes.map(\.traceID))
        #expect(traces.isSuperset(of: ["0af7651916cd43dd8448eb211c80319c", "11111111111111111111111111111111"]))
        #expect(processes.allSatisfy { text($0, "messaging.batch.message_count") == "4" })
        let own = try #require(processes.first { $0.parentSpanID == nil })
        #expect(text(own, "backorderd.trace.message_count") == "2" && text(own, "messaging.message.id") == nil)
        for trace in traces {
            #expect(
                found.filter { $0.traceID == trace }.count == 5, "receive, decide, commit, publish and what holds them")
        }
        let counts = found.filter { $0.operationName == "publish backorder" }.map {
            text($0, "messaging.batch.message_count") ?? "1"
        }
        // Each order is told to its customer, and asks purchasing for more.
        #expect(counts.sorted() == ["2", "2", "4"])
    }

    @Test func aDeadLetterIsAnErrorOfItsTrace() throws {
        let found = spans([("{\"type\": \"order-placed\"}", Self.parent)])
        let process = try #require(found.first { $0.operationName == "process in" })
        #expect(process.traceID == "0af7651916cd43dd8448eb211c80319c")
        #expect(process.status?.code == .error && text(process, "error.type") != nil)
        #expect(found.contains { $0.operationName == "publish dead" && $0.parentSpanID == process.spanID })
    }

    @Test func whatIsNotConfirmedIsToldAtTheEnd() throws {
        let found = spans([(Sample.order("O-1", "A", 3), Self.parent)], confirms: false)
        let publish = try #require(found.first { $0.operationName == "publish backorder" })
        #expect(publish.status?.code == .error)
        #expect(found.filter { $0.status != nil }.count == 1)
    }
}
