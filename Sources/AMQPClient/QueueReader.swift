/// Reads single messages out of a queue and puts single messages in, synchronously: for tools and tests.
///
/// Not Sendable: a connection belongs to the thread that made it. Unacknowledged messages go back when it closes.
public final class QueueReader {
    private let connection: BrokerConnection
    private let supervisor: StuckGuard
    private var table = ConfirmTable()
    private var nextHandle: UInt64 = 0
    private let timeoutMilliseconds: Int
    private var consumed = ""
    private var acknowledged = 0
    private var nextHeartbeat = Clock.deadline(in: 3_000)

    /// Connects to the first address that lets us in.
    public init(options: ConnectionOptions, messageBytesMax: Int = 128 << 20) throws(AMQPError) {
        let supervisor = try StuckGuard()
        self.supervisor = supervisor
        timeoutMilliseconds = options.rpcTimeoutMilliseconds
        do throws(AMQPError) {
            connection = try Self.connect(options, messageBytesMax, supervisor)
        } catch {
            supervisor.end()
            throw error
        }
    }

    private static func connect(
        _ options: ConnectionOptions, _ messageBytesMax: Int, _ supervisor: StuckGuard
    ) throws(AMQPError) -> BrokerConnection {
        var failure = AMQPError(.badAddress, "no broker address is configured", isRetriable: false)
        for address in options.addresses {
            do throws(AMQPError) {
                let connection = try BrokerConnection(
                    address: address, options: options, bodyBytesMax: messageBytesMax, supervisor: supervisor)
                try connection.openChannel()
                try connection.selectConfirms()
                return connection
            } catch {
                failure = error
            }
        }
        throw failure
    }

    deinit { supervisor.end() }

    /// Makes exchanges, queues and bindings, or looks for them.
    public func apply(_ plan: TopologyPlan) throws(AMQPError) { try connection.apply(plan) }

    /// Ready messages and consumers of a queue; throws `notFound` if there is none, and stays usable.
    public func counts(of queue: String) throws(AMQPError) -> (messages: Int, consumers: Int) {
        try connection.queueCounts(queue)
    }

    /// One message, unacknowledged; nil if the queue is empty.
    public func get(from queue: String) throws(AMQPError) -> Delivery? {
        guard try connection.get(queue: queue) else { return nil }
        let deadline = Clock.deadline(in: timeoutMilliseconds)
        while Clock.now < deadline {
            switch try connection.receive(waitMilliseconds: 100) {
            case .message(.getOk(let tag, let redelivered, let exchange, let routingKey, _), let decoded, let body):
                return Delivery(
                    generation: 1, tag: tag, queue: queue, redelivered: redelivered, exchange: exchange,
                    routingKey: routingKey, properties: decoded.properties,
                    headersTruncated: decoded.headersTruncated, headersInvalid: decoded.headersInvalid, body: body)
            case .skimmed(_, _, let size):
                throw AMQPError(
                    .invalidMessage, "the message at the head of '\(queue)' has \(size) bytes, over our limit",
                    isRetriable: false, endsConnection: false)
            default: continue
            }
        }
        throw AMQPError(.timeout, "the message from queue '\(queue)' did not arrive", isRetriable: true)
    }

    /// Has the messages of a queue sent here, in their order, to be taken one by one with `next`.
    ///
    /// What is not acknowledged goes back to its own place when the connection ends, however it ends. (What `get` took
    /// goes back to a quorum queue in any order.) While anything is published here, deliveries that come are passed
    /// over: publish on another reader.
    ///
    /// - Parameter inHandMax: how many may be unacknowledged; a quorum queue has a window of its own for "no limit".
    public func consume(_ queue: String, inHandMax: UInt16 = .max) throws(AMQPError) {
        try connection.setPrefetch(max(1, inHandMax))
        try connection.consume(queue: queue, tag: "reader")
        consumed = queue
    }

    /// The next message of the queue that is consumed, unacknowledged; nil if none comes in time.
    public func next(timeoutMilliseconds: Int) throws(AMQPError) -> Delivery? {
        let deadline = Clock.deadline(in: timeoutMilliseconds)
        while true {
            // The library sends heartbeats only when it finds nothing to read, and here there may long be something.
            if Clock.now >= nextHeartbeat {
                try connection.sendHeartbeat()
                nextHeartbeat = Clock.deadline(in: 3_000)
            }
            let now = Clock.now
            switch try connection.receive(waitMilliseconds: deadline > now ? Int32(min(100, deadline - now)) : 0) {
            case .message(.deliver(_, let tag, let redelivered, let exchange, let routingKey), let decoded, let body):
                return Delivery(
                    generation: 1, tag: tag, queue: consumed, redelivered: redelivered, exchange: exchange,
                    routingKey: routingKey, properties: decoded.properties,
                    headersTruncated: decoded.headersTruncated, headersInvalid: decoded.headersInvalid, body: body)
            case .skimmed(_, _, let size):
                throw AMQPError(
                    .invalidMessage, "a message of '\(consumed)' has \(size) bytes, over our limit",
                    isRetriable: false, endsConnection: false)
            case .cancelled:
                throw AMQPError(.notFound, "queue '\(consumed)' went away", isRetriable: true, endsConnection: false)
            default: if Clock.now >= deadline { return nil }
            }
        }
    }

    /// Removes the message, and with `multiple` all got before it.
    public func acknowledge(_ delivery: Delivery, multiple: Bool = false) throws(AMQPError) {
        try connection.acknowledge(delivery.tag, multiple: multiple)
        acknowledged += 1
    }

    /// Waits until the queue has taken in all acknowledgements; call it before `close`, when nothing more is to be read.
    ///
    /// The broker's channel hands a quorum queue 32 commands at a time and keeps the rest to itself, and a channel that
    /// closes forgets them: a letter that was acknowledged would be back. A `get` is answered after what was handed over
    /// before it, so that so many of them leave nothing behind. What they bring goes back when the connection closes.
    public func awaitAcknowledgements(of queue: String) throws(AMQPError) {
        if acknowledged == 0 { return }
        for _ in 0...acknowledged / 16 { _ = try get(from: queue) }
        acknowledged = 0
    }

    /// Gives the message back, or (without requeue) to the queue's dead letters.
    public func reject(_ delivery: Delivery, requeue: Bool) throws(AMQPError) {
        try connection.reject(delivery.tag, requeue: requeue)
    }

    /// Removes all ready messages; answers how many.
    @discardableResult
    public func purge(_ queue: String) throws(AMQPError) -> Int { try connection.purge(queue: queue) }

    public func delete(queue: String) throws(AMQPError) { try connection.deleteQueue(queue) }

    /// Publishes one message and waits for its outcome. The handle is ignored.
    public func publish(_ message: OutgoingMessage) throws(AMQPError) -> PublishOutcome {
        if let problem = MessageRules.problem(of: message, frameMax: connection.frameMax, bodyBytesMax: 128 << 20) {
            return .invalid(problem)
        }
        supervisor.arm(fd: connection.fd, milliseconds: timeoutMilliseconds)
        defer { supervisor.disarm() }
        let deadline = Clock.deadline(in: timeoutMilliseconds)
        table.sent(message, at: 0)
        try connection.publish(message)
        var settled: [ConfirmTable.Settled] = []
        while Clock.now < deadline {
            switch try connection.receive(waitMilliseconds: 100) {
            case .confirm(let tag, let multiple, let nack):
                table.confirmed(tag, multiple: multiple, nack: nack, settled: &settled)
                if let last = settled.last { return last.outcome }
            case .message(.returned(let code, let text, _, _), let decoded, _),
                .skimmed(.returned(let code, let text, _, _), let decoded, _):
                table.returned(messageID: decoded.properties.messageID, code: code, text: text)
            default: continue
            }
        }
        return .unknown
    }

    /// Says goodbye; the broker has then seen every acknowledgement.
    public func close() { connection.close(timeoutMilliseconds: timeoutMilliseconds) }
}
