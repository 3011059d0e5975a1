/// The consumer's side on its owner thread: reads, hands over, acknowledges.
///
/// Not Sendable: made and used on the owner thread only.
final class ConsumerOwner {
    private let consumer: Consumer
    private var generation: UInt64 = 0
    private var tracker = AckTracker()
    private var subscriptions: [Subscription] = []
    private var isCancelled = false
    private var collected: [Delivery] = []
    private var collectedBytes = 0
    private var random = SystemRandomNumberGenerator()

    private struct Subscription {
        let queue: String
        let tag: String
        var isActive = false
        var retryAt: UInt64 = 0
        var backoff: Backoff
    }

    /// Frames read before acknowledgements and commands have their turn.
    private static let framesPerTurn = 1_024
    /// Frames read in a quarter of a heartbeat while paused: enough to notice a close, too few to fill memory.
    private static let framesWhilePaused = 64

    init(_ consumer: Consumer) { self.consumer = consumer }

    func run() {
        let keeper = ConnectionKeeper(
            options: consumer.options, bodyBytesMax: consumer.messageBytesMax, wake: consumer.wake,
            supervisor: consumer.supervisor, observer: consumer.observer)
        keeper.run(
            shouldStop: { [consumer] in consumer.shared.withLock { $0.closeDeadline != nil } },
            session: { connection throws(AMQPError) in try session(connection) },
            lost: { _ in lost() })
        consumer.shared.withLock(wake: true) {
            $0.isConsuming = false
            $0.isConnected = false
            $0.finished = true
        }
    }

    private func lost() {
        collected.removeAll()
        collectedBytes = 0
        consumer.shared.withLock {
            $0.isConsuming = false
            $0.isConnected = false
            // They will come again; handing them out now would only make their acknowledgements stale.
            $0.dropReady()
        }
    }

    private func session(_ connection: BrokerConnection) throws(AMQPError) {
        generation += 1
        tracker = AckTracker()
        isCancelled = consumer.shared.withLock { $0.cancelRequested }
        try connection.apply(consumer.topology)
        try connection.openChannel()
        try connection.setPrefetch(consumer.prefetch)
        let options = consumer.options
        subscriptions = consumer.queues.enumerated().map { index, queue in
            Subscription(
                queue: queue, tag: "\(options.name).\(generation).\(index)",
                backoff: Backoff(
                    minimumMilliseconds: options.backoffMillisecondsMin,
                    maximumMilliseconds: options.backoffMillisecondsMax))
        }
        let present = generation
        consumer.shared.withLock {
            $0.isConnected = true
            $0.generation = present
        }
        if !isCancelled {
            for index in subscriptions.indices { try subscribe(index, connection) }
            consumer.observer(.consuming)
        }
        let quarter = UInt64(connection.heartbeat * 250)
        var nextPausedRead: UInt64 = 0
        while true {
            connection.supervisor.checkpoint()
            if try takeCommands(connection) { return }
            let state = consumer.shared.withLock { ($0.isPaused, $0.readyCount, $0.readyBytes) }
            let holdsBack = state.0 || state.1 >= consumer.bufferCountMax || state.2 >= consumer.bufferBytesMax
            var drained = true
            if !holdsBack {
                drained = try read(connection, frames: Self.framesPerTurn)
            } else if Clock.now >= nextPausedRead {
                try connection.sendHeartbeat()
                _ = try read(connection, frames: Self.framesWhilePaused)
                nextPausedRead = Clock.now + quarter
            }
            handOver()
            try subscribeAgain(connection)
            if drained {
                connection.wait(for: consumer.wake, milliseconds: waitTime(quarter), readSocket: !holdsBack)
            }
        }
    }

    private func waitTime(_ quarter: UInt64) -> Int {
        var wait = quarter
        let now = Clock.now
        for subscription in subscriptions where !subscription.isActive && !isCancelled {
            wait = min(wait, subscription.retryAt > now ? subscription.retryAt - now : 0)
        }
        return Int(wait)
    }

    /// Acknowledges and obeys. True: the end has come, and the connection is closed.
    private func takeCommands(_ connection: BrokerConnection) throws(AMQPError) -> Bool {
        let (acks, cancel, closeDeadline) = consumer.shared.withLock { state in
            state.wakePending = false
            let acks = state.acks
            if !acks.isEmpty { state.acks = [] }
            return (acks, state.cancelRequested, state.closeDeadline)
        }
        if !acks.isEmpty { try acknowledge(acks, connection) }
        if cancel, !isCancelled {
            isCancelled = true
            for subscription in subscriptions where subscription.isActive {
                try connection.cancel(tag: subscription.tag)
            }
            consumer.shared.withLock { $0.isConsuming = false }
        }
        guard let closeDeadline else { return false }
        let now = Clock.now
        connection.close(timeoutMilliseconds: closeDeadline > now ? Int(closeDeadline - now) : 1)
        return true
    }

    private func acknowledge(
        _ acks: [(generation: UInt64, tag: UInt64)], _ connection: BrokerConnection
    ) throws(AMQPError) {
        var stale = 0
        for ack in acks {
            if ack.generation != generation || !tracker.finish(ack.tag) { stale += 1 }
        }
        if stale > 0 { consumer.observer(.staleAcks(stale)) }
        let due = tracker.takeAcks()
        guard !due.isEmpty else { return }
        connection.supervisor.arm(fd: connection.fd, milliseconds: connection.rpcTimeoutMilliseconds)
        defer { connection.supervisor.disarm() }
        for ack in due { try connection.acknowledge(ack.tag, multiple: ack.multiple) }
    }

    /// Reads up to so many frames. True: nothing more is there.
    private func read(_ connection: BrokerConnection, frames: Int) throws(AMQPError) -> Bool {
        // The library may send a heartbeat here, which blocks like any send on a dead link.
        connection.supervisor.arm(fd: connection.fd, milliseconds: connection.rpcTimeoutMilliseconds)
        defer { connection.supervisor.disarm() }
        for _ in 0..<frames {
            switch try connection.receive() {
            case .nothing: return true
            case .partial, .blocked, .unblocked, .confirm: continue
            case .message(let content, let properties, let body): collect(content, properties, body)
            case .skimmed(let content, let properties, let size):
                try reject(content, properties, size, connection)
            case .cancelled(let tag): cancelledByBroker(tag)
            }
            if collectedBytes >= consumer.bufferBytesMax { return false }
        }
        return false
    }

    private func collect(_ content: FrameAssembler.Content, _ decoded: DecodedProperties, _ body: [UInt8]) {
        guard case .deliver(let consumerTag, let tag, let redelivered, let exchange, let routingKey) = content else {
            return
        }
        tracker.delivered(tag)
        collectedBytes += body.count
        collected.append(
            Delivery(
                generation: generation, tag: tag, queue: queue(of: consumerTag), redelivered: redelivered,
                exchange: exchange, routingKey: routingKey, properties: decoded.properties,
                headersTruncated: decoded.headersTruncated, headersInvalid: decoded.headersInvalid, body: body))
    }

    private func queue(of consumerTag: String) -> String {
        if subscriptions.count == 1 { return subscriptions[0].queue }
        return subscriptions.first { $0.tag == consumerTag }?.queue ?? ""
    }

    private func reject(
        _ content: FrameAssembler.Content, _ decoded: DecodedProperties, _ size: UInt64, _ connection: BrokerConnection
    ) throws(AMQPError) {
        guard case .deliver(let consumerTag, let tag, _, _, _) = content else { return }
        tracker.delivered(tag)
        tracker.rejected(tag)
        try connection.reject(tag, requeue: false)
        consumer.observer(
            .oversized(queue: queue(of: consumerTag), bodyBytes: size, messageID: decoded.properties.messageID))
    }

    private func handOver() {
        guard !collected.isEmpty else { return }
        let discard = isCancelled
        consumer.shared.withLock(wake: true) { state in
            guard !discard, !state.cancelRequested, state.closeDeadline == nil else { return }
            state.readyBytes += collectedBytes
            if state.readyCount == 0 {
                // The common case under load: the reader has taken all, and the batch moves without copying.
                swap(&state.ready, &collected)
                state.head = 0
            } else {
                state.ready.append(contentsOf: collected)
            }
        }
        collected.removeAll(keepingCapacity: true)
        collectedBytes = 0
    }

    private func subscribe(_ index: Int, _ connection: BrokerConnection) throws(AMQPError) {
        try connection.consume(queue: subscriptions[index].queue, tag: subscriptions[index].tag)
        subscriptions[index].isActive = true
        let all = subscriptions.allSatisfy(\.isActive)
        consumer.shared.withLock { $0.isConsuming = all }
    }

    private func cancelledByBroker(_ tag: String) {
        guard let index = subscriptions.firstIndex(where: { $0.tag == tag }) else { return }
        subscriptions[index].isActive = false
        subscriptions[index].retryAt = Clock.deadline(in: subscriptions[index].backoff.next(using: &random))
        consumer.shared.withLock { $0.isConsuming = false }
        consumer.observer(.consumerCancelledByBroker(queue: subscriptions[index].queue))
    }

    /// Queues whose consumer the broker cancelled: verifies the topology on a channel of its own first, since a refusal
    /// on the working channel would cost the deliveries of all other queues.
    private func subscribeAgain(_ connection: BrokerConnection) throws(AMQPError) {
        guard !isCancelled, subscriptions.contains(where: { !$0.isActive }) else { return }
        let now = Clock.now
        for index in subscriptions.indices where !subscriptions[index].isActive && subscriptions[index].retryAt <= now {
            do throws(AMQPError) {
                try connection.apply(consumer.topology)
                try connection.ensureQueueExists(subscriptions[index].queue)
            } catch {
                guard !error.endsConnection, !connection.isBroken else { throw error }
                subscriptions[index].retryAt = Clock.deadline(in: subscriptions[index].backoff.next(using: &random))
                continue
            }
            try subscribe(index, connection)
            subscriptions[index].backoff.reset()
            if subscriptions.allSatisfy(\.isActive) { consumer.observer(.consuming) }
        }
    }
}
