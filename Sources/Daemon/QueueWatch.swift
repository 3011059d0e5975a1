import AMQPClient
import Logging
import Operations
import Synchronization
import Worker

/// Asks the broker now and then how much lies in our queues, over a connection of its own: input queues, output queues
/// and dead letters. On a thread that nobody waits for; what can't be known is not shown.
final class QueueWatch: Sendable {
    private struct Depth {
        var messages: Int
        var consumers: Int
    }

    private let queues: [String]
    private let options: ConnectionOptions
    private let logger: Logger
    private let depths = Mutex<[String: Depth]>([:])
    private let isStopping = Atomic<Bool>(false)
    private static let everyMilliseconds: Int64 = 10_000

    /// - Parameter queues: as the configuration names them, so that there are not many.
    init(queues: [String], options: ConnectionOptions, logger: Logger) {
        self.queues = queues
        self.options = options
        self.logger = logger
    }

    func start() { _ = WorkThread(name: "queue-watch", stackBytes: 2 << 20) { [self] in run() } }
    func stop() { isStopping.store(true, ordering: .relaxed) }

    private func run() {
        var reader: QueueReader?
        var next: Int64 = 0
        while !isStopping.load(ordering: .relaxed) {
            if monotonicMilliseconds() >= next {
                next = monotonicMilliseconds() + Self.everyMilliseconds
                do throws(AMQPError) {
                    let open = if let reader { reader } else { try QueueReader(options: options, messageBytesMax: 0) }
                    reader = open
                    try look(open)
                } catch {
                    logger.debug("queue depths are not known for now: \(error.message)")
                    reader = nil
                    depths.withLock { $0 = [:] }
                }
            }
            Timing.block(milliseconds: 200)
        }
        reader?.close()
    }

    private func look(_ reader: QueueReader) throws(AMQPError) {
        var found: [String: Depth] = [:]
        for queue in queues {
            do throws(AMQPError) {
                let counts = try reader.counts(of: queue)
                found[queue] = Depth(messages: counts.messages, consumers: counts.consumers)
            } catch {
                if error.endsConnection { throw error }
            }
        }
        depths.withLock { $0 = found }
    }

    /// nil: not known.
    func messages(in queue: String) -> Int? { depths.withLock { $0[queue]?.messages } }

    var families: [MetricFamily] {
        func gauge(_ name: String, _ help: String, _ value: @escaping @Sendable (Depth) -> Int) -> MetricFamily {
            MetricFamily(.gauge, name, help, labels: ["queue"]) { [self] in
                let known = depths.withLock { $0 }
                return queues.compactMap { queue in
                    known[queue].map { .init([queue], Double(value($0))) }
                }
            }
        }
        return [
            gauge("backorderd_queue_messages", "Messages ready in a queue of ours at the broker.") { $0.messages },
            gauge("backorderd_queue_consumers", "Consumers of a queue of ours at the broker.") { $0.consumers },
        ]
    }
}
