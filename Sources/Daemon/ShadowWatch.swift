import AMQPClient
import InventoryCore
import Logging
import MessageSchema
import Synchronization
import Worker

/// Looks now and then whether a shadow's own queues are full: then the broker drops their oldest messages, and the
/// report has to say so. On a thread and a connection of its own. What the limit in bytes drops it can't see.
final class ShadowWatch: Sendable {
    /// While a queue stays full.
    static let toldEveryMilliseconds: Int64 = 60_000
    private static let everyMilliseconds: Int64 = 5_000

    private let queues: [String]
    private let limit: Int
    private let options: ConnectionOptions
    private let sink: ShadowSink
    private let logger: Logger
    private let isStopping = Atomic<Bool>(false)

    /// - Parameter limit: messages that each of the queues holds at most.
    init(queues: [String], limit: Int, options: ConnectionOptions, sink: ShadowSink, logger: Logger) {
        self.queues = queues
        self.limit = limit
        self.options = options
        self.sink = sink
        self.logger = logger
    }

    func start() { _ = WorkThread(name: "shadow-watch", stackBytes: 2 << 20) { [self] in run() } }
    func stop() { isStopping.store(true, ordering: .relaxed) }

    private func run() {
        var reader: QueueReader?
        var next: Int64 = 0
        var toldAt: [String: Int64] = [:]
        while !isStopping.load(ordering: .relaxed) {
            if monotonicMilliseconds() >= next {
                next = monotonicMilliseconds() + Self.everyMilliseconds
                do throws(AMQPError) {
                    let open = if let reader { reader } else { try QueueReader(options: options, messageBytesMax: 0) }
                    reader = open
                    try look(open, &toldAt)
                } catch {
                    logger.debug("the shadow's queues are not known for now: \(error.message)")
                    reader = nil
                }
            }
            Timing.block(milliseconds: 200)
        }
        reader?.close()
    }

    private func look(_ reader: QueueReader, _ toldAt: inout [String: Int64]) throws(AMQPError) {
        var full: [ShadowEntry.QueueState] = []
        for queue in queues {
            do throws(AMQPError) {
                let messages = try reader.counts(of: queue).messages
                if messages < limit {
                    if toldAt.removeValue(forKey: queue) != nil {
                        logger.notice("\(queue) is no longer full: the shadow sees everything again")
                    }
                } else if monotonicMilliseconds() - (toldAt[queue] ?? .min / 2) >= Self.toldEveryMilliseconds {
                    if toldAt[queue] == nil {
                        logger.warning(
                            """
                            \(queue) is full with \(messages) messages: the broker drops the oldest, and the report will \
                            have a gap. The shadow is slower than what comes, or its store is; --queue-messages makes room
                            """)
                    }
                    toldAt[queue] = monotonicMilliseconds()
                    full.append(.init(queue: queue, messages: messages, limit: limit))
                }
            } catch {
                if error.endsConnection { throw error }
            }
        }
        if !full.isEmpty { sink.note(full: full) }
    }
}
