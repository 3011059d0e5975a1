public import BackOrderStore
import Synchronization

/// Knows which messages of which outbox segments the broker has not confirmed yet.
///
/// Filled by the pipeline's thread, told of outcomes by the sink's thread. Bounded by the pipeline, which stops taking
/// inputs while more than `highWater` messages are open.
public final class OutboxTracker: Sendable {
    /// Something that has to be sent again, and when.
    struct Retry: Sendable {
        var publication: PendingPublication
        var dueMilliseconds: Int64
    }

    private struct Open {
        var publication: PendingPublication
        var segment: OutboxSegmentID
        var failures: Int
        var openedMilliseconds: Int64
    }

    private struct State {
        var nextHandle: UInt64 = 1
        var open: [UInt64: Open] = [:]
        var left: [OutboxSegmentID: Int] = [:]
        var settled: [OutboxSegmentID] = []
        var retries: [Retry] = []
        var confirmed: UInt64 = 0
    }

    /// What a person or a gauge wants to know.
    public struct Summary: Sendable {
        /// Messages without a confirm.
        public var open: Int
        /// Those of them that wait to be sent again after a refusal.
        public var waitingForRetry: Int
        /// Messages that came back unroutable and were not confirmed since.
        public var unroutable: Int
        public var confirmed: UInt64
        /// How long the oldest of them has been open.
        public var oldestMilliseconds: Int64
    }

    private let state = Mutex(State())
    static let retryMillisecondsMin: Int64 = 500
    static let retryMillisecondsMax: Int64 = 30_000

    /// Is told, of every confirm, the milliseconds since its message's commit. On the sink's thread, under the lock.
    private let confirmedAfter: @Sendable (Int64) -> Void

    /// Is told of every segment of which everything is confirmed. On the sink's thread, under the lock.
    private let segmentConfirmed: (@Sendable (OutboxSegmentID) -> Void)?

    public init(
        confirmedAfter: @escaping @Sendable (_ milliseconds: Int64) -> Void = { _ in },
        segmentConfirmed: (@Sendable (OutboxSegmentID) -> Void)? = nil
    ) {
        self.confirmedAfter = confirmedAfter
        self.segmentConfirmed = segmentConfirmed
    }

    /// Takes a committed segment in; answers its messages, ready to be published in order.
    func open(
        _ segment: OutboxSegmentID, _ messages: [OutboxMessage], nowMilliseconds: Int64 = monotonicMilliseconds()
    ) -> [PendingPublication] {
        state.withLock { state in
            if state.left[segment] != nil || messages.isEmpty { return [] }
            state.left[segment] = messages.count
            return messages.map { message in
                let publication = PendingPublication(handle: state.nextHandle, message: message)
                state.nextHandle += 1
                state.open[publication.handle] = Open(
                    publication: publication, segment: segment, failures: 0,
                    openedMilliseconds: nowMilliseconds)
                return publication
            }
        }
    }

    /// Takes outcomes in. Answers what came back unroutable or refused for the first time, for the log.
    public func settle(_ outcomes: [(handle: UInt64, outcome: PublicationOutcome)], nowMilliseconds: Int64)
        -> [(message: OutboxMessage, outcome: PublicationOutcome)]
    {
        state.withLock { state in
            var loud: [(message: OutboxMessage, outcome: PublicationOutcome)] = []
            for (handle, outcome) in outcomes {
                guard var open = state.open[handle] else { continue }
                switch outcome {
                case .confirmed:
                    state.open[handle] = nil
                    state.confirmed += 1
                    confirmedAfter(max(0, nowMilliseconds - open.openedMilliseconds))
                    let left = (state.left[open.segment] ?? 1) - 1
                    state.left[open.segment] = left == 0 ? nil : left
                    if left == 0 {
                        state.settled.append(open.segment)
                        segmentConfirmed?(open.segment)
                    }
                case .unknown:
                    state.retries.append(Retry(publication: open.publication, dueMilliseconds: nowMilliseconds))
                case .unsendable(let why)
                where open.publication.message.destination == .deadLetter
                    && !open.publication.message.originalProperties.isEmpty:
                    // Better a dead letter without its properties than none: body and reason are what matters.
                    open.publication.message.originalProperties = []
                    open.publication.message.headers.append(
                        .init(name: "x-backorder-properties-dropped", value: String(why.prefix(200))))
                    state.open[handle] = open
                    state.retries.append(Retry(publication: open.publication, dueMilliseconds: nowMilliseconds))
                case .nacked, .returned, .unsendable:
                    if open.failures == 0 { loud.append((open.publication.message, outcome)) }
                    open.failures += 1
                    state.open[handle] = open
                    let wait = min(
                        OutboxTracker.retryMillisecondsMax,
                        OutboxTracker.retryMillisecondsMin << Int64(min(open.failures - 1, 10)))
                    state.retries.append(
                        Retry(publication: open.publication, dueMilliseconds: nowMilliseconds + wait))
                }
            }
            return loud
        }
    }

    /// Segments of which everything is confirmed; asked for once, then forgotten here.
    func takeSettled() -> [OutboxSegmentID] {
        state.withLock { state in
            defer { state.settled.removeAll(keepingCapacity: true) }
            return state.settled
        }
    }

    /// The transaction that was to remove them failed.
    func putBackSettled(_ segments: [OutboxSegmentID]) {
        state.withLock { $0.settled.append(contentsOf: segments) }
    }

    /// What is due to be sent again, in the order in which it was first sent.
    func takeDueRetries(nowMilliseconds: Int64) -> [PendingPublication] {
        state.withLock { state in
            if state.retries.isEmpty { return [] }
            let due = state.retries.filter { $0.dueMilliseconds <= nowMilliseconds }
            if due.isEmpty { return [] }
            state.retries.removeAll { $0.dueMilliseconds <= nowMilliseconds }
            return due.map(\.publication).sorted { $0.handle < $1.handle }
        }
    }

    public var openCount: Int { state.withLock { $0.open.count } }

    public var summary: Summary {
        state.withLock { state in
            let now = monotonicMilliseconds()
            let oldest = state.open.values.reduce(now) { min($0, $1.openedMilliseconds) }
            return Summary(
                open: state.open.count, waitingForRetry: state.retries.count,
                unroutable: state.open.values.reduce(0) { $0 + ($1.failures > 0 ? 1 : 0) }, confirmed: state.confirmed,
                oldestMilliseconds: now - oldest)
        }
    }
}
