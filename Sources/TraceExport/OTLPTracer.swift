import Synchronization
public import Tracing

/// Makes spans and hands those that are sampled to an exporter when they end. Any thread; nothing here waits.
public final class OTLPTracer: Tracer {
    private let sampler: Sampler
    private let ended: @Sendable (EndedSpan) -> Void

    /// - Parameter ended: takes a span that has ended; called on the thread that ended it.
    public init(sampler: Sampler, ended: @escaping @Sendable (EndedSpan) -> Void) {
        self.sampler = sampler
        self.ended = ended
    }

    public func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> InstrumentationContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> OTLPSpan {
        var context = context()
        let parent = context.traceParent
        let high = parent?.traceHigh ?? .random(in: .min ... .max)
        let low = parent?.traceLow ?? .random(in: 1 ... .max)
        let isSampled = sampler.takes(parent, traceLow: low)
        let place = TraceParent(
            traceHigh: high, traceLow: low, span: .random(in: 1 ... .max), isSampled: isSampled, state: parent?.state)
        context.traceParent = place
        return OTLPSpan(
            EndedSpan(
                place: place, parent: parent?.span, name: operationName, kind: kind,
                from: instant().nanosecondsSinceEpoch),
            context, ended: isSampled ? ended : nil)
    }

    public func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout InstrumentationContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let text = extractor.extract(key: "traceparent", from: carrier) else { return }
        context.traceParent = TraceParent(text, state: extractor.extract(key: "tracestate", from: carrier))
    }

    public func inject<Carrier, Inject: Injector>(
        _ context: InstrumentationContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let place = context.traceParent else { return }
        injector.inject(place.text, forKey: "traceparent", into: &carrier)
        if let state = place.state { injector.inject(state, forKey: "tracestate", into: &carrier) }
    }

    /// What has ended is with the exporter already.
    public func forceFlush() {}
}

/// All that is told of a span.
public struct EndedSpan: Sendable {
    public var place: TraceParent
    public var parent: UInt64?
    public var name: String
    public var kind: SpanKind
    /// Nanoseconds since 1970.
    public var from: UInt64
    public var to: UInt64 = 0
    public var attributes: SpanAttributes = [:]
    public var status: SpanStatus?
    public var events: [SpanEvent] = []
    public var links: [TraceParent] = []

    /// More events or links of one span than this are passed over.
    static let extrasMax = 128
}

/// A span under way. Any thread.
public final class OTLPSpan: Span {
    public let context: InstrumentationContext
    private let state: Mutex<EndedSpan>
    private let ended: (@Sendable (EndedSpan) -> Void)?
    private let hasEnded = Atomic<Bool>(false)

    /// - Parameter ended: nil: it is not sampled, and nothing is kept of it.
    init(_ span: EndedSpan, _ context: InstrumentationContext, ended: (@Sendable (EndedSpan) -> Void)?) {
        self.context = context
        self.ended = ended
        state = Mutex(span)
    }

    public var isRecording: Bool { ended != nil && !hasEnded.load(ordering: .relaxed) }

    public var operationName: String {
        get { state.withLock { $0.name } }
        set { change { $0.name = newValue } }
    }

    public var attributes: SpanAttributes {
        get { state.withLock { $0.attributes } }
        set { change { $0.attributes = newValue } }
    }

    public func setStatus(_ status: SpanStatus) { change { $0.status = status } }

    public func addEvent(_ event: SpanEvent) {
        change { if $0.events.count < EndedSpan.extrasMax { $0.events.append(event) } }
    }

    public func addLink(_ link: SpanLink) {
        guard let place = link.context.traceParent else { return }
        change { if $0.links.count < EndedSpan.extrasMax { $0.links.append(place) } }
    }

    public func recordError<Instant: TracerInstant>(
        _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
    ) {
        var attributes = attributes
        attributes["exception.type"] = "\(type(of: error))"
        attributes["exception.message"] = "\(error)"
        addEvent(SpanEvent(name: "exception", at: instant(), attributes: attributes))
    }

    public func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        guard let ended, !hasEnded.exchange(true, ordering: .acquiringAndReleasing) else { return }
        let time = instant().nanosecondsSinceEpoch
        let span = state.withLock { span in
            // A clock that was set back meanwhile makes no span of less than nothing.
            span.to = max(span.from, time)
            return span
        }
        ended(span)
    }

    private func change(_ body: (inout EndedSpan) -> Void) {
        if isRecording { state.withLock { body(&$0) } }
    }
}
