public import BackOrderStore
import InventoryCore
import MessageSchema
import Synchronization
public import Tracing

/// Tells a tracer what the pipeline did, after it was done: one tree of spans for each trace that has inputs in a batch,
/// and one, with a trace of its own, for all inputs of a queue that came without a trace.
///
/// `process` (parent: the sender's span) holds `receive`, `decide` and `commit`, which the trace shares with the other
/// inputs of the batch, and `publish` for the outputs of this trace, until the broker has confirmed them.
public final class PipelineSpans: Sendable {
    /// What the spans call the world around the pipeline.
    public struct Names: Sendable {
        /// As the conventions for databases have it: `sqlite`, `postgresql`; nil: the store is none.
        public var databaseSystem: String?
        public var outputExchange: String
        public var deadLetterExchange: String

        public init(databaseSystem: String?, outputExchange: String, deadLetterExchange: String) {
            self.databaseSystem = databaseSystem
            self.outputExchange = outputExchange
            self.deadLetterExchange = deadLetterExchange
        }
    }

    /// One batch, as it is known when it is committed.
    struct Batch {
        var deliveries: [InboundDelivery]
        var decoded: [DecodedDelivery]
        var result: BatchResult
        /// When it was taken in hand.
        var from: Instant
        /// When the commit had returned.
        var to: Instant
    }

    private let tracer: any Tracer
    private let names: Names
    /// Spans of publishing that wait for the last confirm of their segment.
    private let unconfirmed = Mutex(Unconfirmed())
    private let givenUp = Atomic<Int64>(0)
    /// While the broker confirms nothing, no more spans than this wait for it.
    private static let unconfirmedMax = 10_000

    private struct Unconfirmed {
        var segments: [OutboxSegmentID: [any Tracing.Span]] = [:]
        var count = 0
    }

    public init(_ tracer: any Tracer, _ names: Names) {
        self.tracer = tracer
        self.names = names
    }

    /// Spans of publishing that were not made, as too many waited for their confirms.
    public var spansGivenUp: Int64 { givenUp.load(ordering: .relaxed) }

    /// Everything of a segment is confirmed. Any thread.
    public func confirmed(_ segment: OutboxSegmentID) {
        let spans = unconfirmed.withLock { open in
            let spans = open.segments.removeValue(forKey: segment) ?? []
            open.count -= spans.count
            return spans
        }
        for span in spans { span.end() }
    }

    /// The daemon stops: what is not confirmed is told as such. Any thread.
    public func end() {
        let open = unconfirmed.withLock { open in
            defer { open = Unconfirmed() }
            return open.segments
        }
        for span in open.values.joined() {
            span.setStatus(SpanStatus(code: .error, message: "not confirmed when the daemon stopped"))
            span.end()
        }
    }

    // MARK: One batch

    /// Called before its outputs are handed to the sink, on the pipeline's thread.
    func committed(_ batch: Batch) {
        let outputs = Self.outputs(of: batch)
        var groups: [GroupKey: Group] = [:]
        var order: [GroupKey] = []
        for index in batch.deliveries.indices {
            let trace = Self.trace(of: batch, index)
            let key = GroupKey(parent: trace?.parent, queue: batch.deliveries[index].queue)
            if groups[key] == nil {
                order.append(key)
                groups[key] = Group(trace: trace, first: index)
            }
            groups[key]?.note(batch.result.outcomes[index])
        }
        var publishing: [any Tracing.Span] = []
        var parentsDone: Set<String?> = []
        for key in order {
            guard let group = groups[key] else { continue }
            // Two queues may have inputs of one trace: its outputs are told once.
            let isFirst = parentsDone.insert(key.parent).inserted
            tell(group, key, batch, isFirst ? outputs[key.parent] ?? [:] : [:], &publishing)
        }
        // What was parked until now goes out in the trace that it came with.
        for (parent, counts) in outputs where !parentsDone.contains(parent) {
            guard let parent else { continue }
            let context = context(of: TraceContext(parent: parent))
            for (exchange, count) in counts { publish(count, exchange, context, at: batch.to, &publishing) }
        }
        if publishing.isEmpty { return }
        guard let segment = batch.result.segment else {
            for span in publishing { span.end() }
            return
        }
        let isTaken = unconfirmed.withLock { open in
            if open.count + publishing.count > Self.unconfirmedMax { return false }
            open.segments[segment] = publishing
            open.count += publishing.count
            return true
        }
        if !isTaken { givenUp.add(Int64(publishing.count), ordering: .relaxed) }
    }

    private struct GroupKey: Hashable {
        var parent: String?
        var queue: String
    }

    /// Inputs of one queue and one trace in a batch.
    private struct Group {
        let trace: TraceContext?
        let first: Int
        var count = 0
        var deadLettered = 0
        var reason: RejectionReason?

        mutating func note(_ outcome: InputOutcome) {
            count += 1
            guard case .deadLettered(let rejection) = outcome else { return }
            deadLettered += 1
            if reason == nil { reason = rejection.reason }
        }
    }

    /// How many outputs, by trace and exchange; nil as the exchange: the one for all that is not mapped elsewhere.
    private static func outputs(of batch: Batch) -> [String?: [String?: Int]] {
        var found: [String?: [String?: Int]] = [:]
        for message in batch.result.messages where message.destination == .output {
            let parent = message.headers.first { $0.name == "traceparent" }?.value
            found[parent, default: [:]][message.exchange, default: 0] += 1
        }
        return found
    }

    /// The trace that an input belongs to; of one that could not be read, what its headers say.
    private static func trace(of batch: Batch, _ index: Int) -> TraceContext? {
        if let message = batch.decoded[index].message { return message.message.trace }
        guard batch.deliveries[index].traceID != nil else { return nil }
        let headers = batch.deliveries[index].envelope.headers
        return headers.last { $0.name.lowercased() == "traceparent" }.map { TraceContext(parent: $0.value) }
    }

    private func context(of trace: TraceContext?) -> InstrumentationContext {
        var context = InstrumentationContext.topLevel
        if let trace { tracer.extract(trace, into: &context, using: TraceExtractor()) }
        return context
    }

    private func tell(
        _ group: Group, _ key: GroupKey, _ batch: Batch, _ outputs: [String?: Int],
        _ publishing: inout [any Tracing.Span]
    ) {
        let stages = batch.result.figures.stages
        let from = SpanInstant(batch.from)
        let to = SpanInstant(batch.to)
        let process = tracer.startSpan(
            "process \(key.queue)", context: context(of: group.trace), ofKind: .consumer, at: from)
        // Not sampled: nothing below it is, either.
        guard process.isRecording else { return process.end(at: to) }
        var shared: SpanAttributes = ["messaging.system": "rabbitmq", "messaging.destination.name": .string(key.queue)]
        if batch.deliveries.count > 1 {
            shared["messaging.batch.message_count"] = batch.deliveries.count
        }
        describe(process, group, batch, shared)
        func stage(
            _ name: String, _ title: String, _ kind: SpanKind, _ from: SpanInstant, _ to: SpanInstant,
            _ more: (inout SpanAttributes) -> Void = { _ in }
        ) {
            let span = tracer.startSpan(title, context: process.context, ofKind: kind, at: from)
            var attributes = shared
            attributes["messaging.operation.name"] = name
            more(&attributes)
            span.attributes = attributes
            span.end(at: to)
        }
        let commit = max(from, to - stages.commit - stages.write)
        stage("receive", "receive \(key.queue)", .client, from, min(to, from + stages.decode)) {
            $0["messaging.operation.type"] = "receive"
        }
        stage("decide", "decide", .internal, max(from, commit - stages.decide - stages.load), commit)
        stage("commit", "commit", names.databaseSystem == nil ? .internal : .client, commit, to) {
            guard let system = names.databaseSystem else { return }
            $0["db.system.name"] = system
            $0["db.operation.name"] = "COMMIT"
        }
        for (exchange, count) in outputs.sorted(by: { ($0.key ?? "") < ($1.key ?? "") }) {
            publish(count, exchange, process.context, at: batch.to, &publishing)
        }
        if group.deadLettered > 0 {
            publish(group.deadLettered, names.deadLetterExchange, process.context, at: batch.to, &publishing)
        }
        process.end(at: to)
    }

    private func describe(
        _ process: any Tracing.Span, _ group: Group, _ batch: Batch, _ shared: SpanAttributes
    ) {
        var attributes = shared
        attributes["messaging.operation.type"] = "process"
        attributes["messaging.operation.name"] = "process"
        attributes["backorderd.store.lock_wait"] = Double(batch.result.figures.lockWait) / 1e9
        if group.count == 1 {
            let delivery = batch.deliveries[group.first]
            let message = batch.decoded[group.first].message?.message
            if let id = delivery.envelope.messageID ?? message?.id { attributes["messaging.message.id"] = id }
            attributes["messaging.message.body.size"] = delivery.body.count
            if let type = message?.input.type { attributes["backorderd.input.type"] = type.rawValue }
            if let key = delivery.envelope.routingKey {
                attributes["messaging.rabbitmq.destination.routing_key"] = key
            }
        } else {
            attributes["backorderd.trace.message_count"] = group.count
        }
        if let reason = group.reason {
            attributes["error.type"] = reason.rawValue
            process.setStatus(SpanStatus(code: .error, message: "dead-lettered: \(reason.rawValue)"))
        }
        process.attributes = attributes
    }

    private func publish(
        _ count: Int, _ exchange: String?, _ context: InstrumentationContext, at time: Instant,
        _ publishing: inout [any Tracing.Span]
    ) {
        let name = exchange ?? names.outputExchange
        let span = tracer.startSpan("publish \(name)", context: context, ofKind: .producer, at: SpanInstant(time))
        guard span.isRecording else { return span.end(at: SpanInstant(time)) }
        var attributes: SpanAttributes = [
            "messaging.system": "rabbitmq", "messaging.operation.type": "send", "messaging.operation.name": "publish",
            "messaging.destination.name": .string(name),
        ]
        if count > 1 { attributes["messaging.batch.message_count"] = count }
        span.attributes = attributes
        publishing.append(span)
    }
}

/// A time of the pipeline as tracers want it.
private struct SpanInstant: TracerInstant {
    var nanosecondsSinceEpoch: UInt64

    init(_ time: Instant) { nanosecondsSinceEpoch = UInt64(clamping: time.microseconds) &* 1_000 }
    private init(nanoseconds: UInt64) { nanosecondsSinceEpoch = nanoseconds }

    static func < (left: Self, right: Self) -> Bool { left.nanosecondsSinceEpoch < right.nanosecondsSinceEpoch }
    static func + (time: Self, nanoseconds: Int64) -> Self {
        Self(nanoseconds: time.nanosecondsSinceEpoch &+ UInt64(clamping: nanoseconds))
    }
    static func - (time: Self, nanoseconds: Int64) -> Self {
        let less = min(UInt64(clamping: nanoseconds), time.nanosecondsSinceEpoch)
        return Self(nanoseconds: time.nanosecondsSinceEpoch - less)
    }
}

/// Hands a tracer the W3C headers of an input.
private struct TraceExtractor: Extractor {
    func extract(key: String, from carrier: TraceContext) -> String? {
        switch key.lowercased() {
        case "traceparent": carrier.parent
        case "tracestate": carrier.state
        default: nil
        }
    }
}
