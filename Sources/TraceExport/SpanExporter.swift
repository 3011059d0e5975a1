public import Logging
import Synchronization
import Worker

/// Sends spans to a collector, on a thread of its own. What can't be sent in time is dropped and counted: nobody ever
/// waits for a collector.
public final class SpanExporter: Sendable {
    /// Why spans did not reach the collector.
    public enum Drop: String, Sendable, CaseIterable {
        /// More came than could be sent.
        case queueFull = "queue-full"
        /// The collector could not be reached, or was busy, several times in a row.
        case unreachable
        /// The collector did not want them.
        case refused
    }

    private struct State {
        var waiting: [EndedSpan] = []
        /// Those that the thread took out of `waiting` and has not sent yet.
        var taken = 0
        var isStopping = false
    }

    private let settings: ExportSettings
    private let version: String
    private let logger: Logger
    private let link: CollectorLink
    private let state = Mutex(State())
    private let sent = Atomic<Int64>(0)
    private let drops: [Drop: Tally]
    /// How often a request is made before its spans are dropped, and the first wait in between.
    private static let triesMax = 4
    private static let waitMilliseconds = 500

    private final class Tally: Sendable {
        let count = Atomic<Int64>(0)
    }

    public init(_ settings: ExportSettings, version: String, logger: Logger) {
        self.settings = settings
        self.version = version
        self.logger = logger
        link = CollectorLink(
            address: settings.address, headers: settings.headers, timeoutMilliseconds: settings.timeoutMilliseconds)
        drops = Dictionary(uniqueKeysWithValues: Drop.allCases.map { ($0, Tally()) })
    }

    /// Spans that the collector took.
    public var spansSent: Int64 { sent.load(ordering: .relaxed) }

    public func spansDropped(_ cause: Drop) -> Int64 { drops[cause]?.count.load(ordering: .relaxed) ?? 0 }

    /// Takes a span, or drops it while the queue is full. Any thread; returns at once.
    public func offer(_ span: EndedSpan) {
        let isTaken = state.withLock { state in
            if state.waiting.count + state.taken >= settings.queueMax { return false }
            state.waiting.append(span)
            return true
        }
        if !isTaken { drop(1, .queueFull) }
    }

    private func drop(_ count: Int, _ cause: Drop) { drops[cause]?.count.add(Int64(count), ordering: .relaxed) }

    // MARK: Its thread

    /// Begins to send. Call once.
    public func start() {
        _ = WorkThread(name: "traces", stackBytes: 512 << 10) { [self] in
            var isFailing = false
            var waited = 0
            while true {
                let (count, isStopping) = state.withLock { ($0.waiting.count, $0.isStopping) }
                if count == 0, isStopping { break }
                if count < settings.batchMax, waited < settings.delayMilliseconds, !isStopping {
                    Timing.block(milliseconds: Self.stepMilliseconds)
                    waited = count == 0 ? 0 : waited + Self.stepMilliseconds
                    continue
                }
                waited = 0
                if count > 0 { sendAll(&isFailing) }
            }
            finished.store(true, ordering: .releasing)
        }
    }

    private let finished = Atomic<Bool>(false)
    private static let stepMilliseconds = 20

    /// Sends what waits, for so long at most; what is left then is dropped. Blocks.
    public func stop(withinMilliseconds limit: Int) {
        state.withLock { $0.isStopping = true }
        let deadline = monotonicMilliseconds() + Int64(limit)
        while !finished.load(ordering: .acquiring), monotonicMilliseconds() < deadline {
            Timing.block(milliseconds: 5)
        }
    }

    private func sendAll(_ isFailing: inout Bool) {
        // All at once, so that nobody who offers a span waits while the others are moved up.
        let spans = state.withLock { state in
            defer { state.waiting = [] }
            state.taken = state.waiting.count
            return state.waiting
        }
        var rest = spans[...]
        while !rest.isEmpty {
            let batch = Array(rest.prefix(settings.batchMax))
            rest = rest.dropFirst(batch.count)
            send(batch, &isFailing)
            state.withLock { $0.taken = rest.count }
        }
    }

    private func send(_ spans: [EndedSpan], _ isFailing: inout Bool) {
        let body = OTLPText.request(spans, resource: settings.resource, version: version)
        var tries = 0
        while true {
            do throws(CollectorLink.Failure) {
                let refused = min(spans.count, Self.refused(try link.post(body)))
                sent.add(Int64(spans.count - refused), ordering: .relaxed)
                if refused > 0 { drop(refused, .refused) }
                if isFailing { logger.notice("traces are sent again to \(settings.address.text)") }
                isFailing = false
                return
            } catch {
                tries += 1
                let isStopping = state.withLock { $0.isStopping }
                if error.isPassing, tries < Self.triesMax, !isStopping {
                    pause(milliseconds: Self.waitMilliseconds << (tries - 1))
                    continue
                }
                drop(spans.count, error.isPassing ? .unreachable : .refused)
                if !isFailing {
                    logger.warning(
                        "traces can't be sent to \(settings.address.text): \(error.message); they are dropped and counted, orders are not touched by it"
                    )
                }
                isFailing = true
                return
            }
        }
    }

    /// Waits, but not once it is told to stop.
    private func pause(milliseconds: Int) {
        let end = monotonicMilliseconds() + Int64(Double(milliseconds) * .random(in: 0.5...1.5))
        while monotonicMilliseconds() < end, !state.withLock({ $0.isStopping }) {
            Timing.block(milliseconds: Self.stepMilliseconds)
        }
    }

    /// How many spans the collector says, in an answer that is otherwise good, it did not take: `rejectedSpans`, a number
    /// that JSON may have as a string.
    static func refused(_ answer: [UInt8]) -> Int {
        guard let name = answer.firstRange(of: Array(#""rejectedSpans""#.utf8)) else { return 0 }
        let digits = answer[name.upperBound...].drop { $0 == 0x20 || $0 == 0x3A || $0 == 0x22 }
            .prefix { (0x30...0x39).contains($0) }
        return Int(String(decoding: digits, as: UTF8.self)) ?? 0
    }
}
