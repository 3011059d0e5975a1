/// The publisher's side on its owner thread: takes, sends, settles.
///
/// Not Sendable: made and used on the owner thread only.
final class PublisherOwner {
    private let publisher: Publisher
    private var table = ConfirmTable()
    private var settled: [ConfirmTable.Settled] = []
    /// Taken over and not sent yet: those from `nextIndex`. They outlive a connection.
    private var taken: [OutgoingMessage] = []
    private var nextIndex = 0
    private var isBlocked = false
    /// When the broker first refused something on this channel.
    private var refusedAt: UInt64?
    /// The kernel's send room as last asked, less what was sent since.
    private var room = 0

    /// Reading between publishes keeps the library from its endless wait (#780) and confirms flowing.
    private static let publishesPerRead = 32
    /// Frames around a message, with room to spare.
    private static let overheadBytes = 4_096
    /// RabbitMQ 3.10.8 goes on refusing on a channel though the queue's limit was lifted; a new channel asks anew.
    private static let refusedMilliseconds: UInt64 = 15_000

    init(_ publisher: Publisher) { self.publisher = publisher }

    func run() {
        let keeper = ConnectionKeeper(
            options: publisher.options, bodyBytesMax: publisher.bodyBytesMax, wake: publisher.wake,
            supervisor: publisher.supervisor, observer: publisher.observer)
        keeper.run(
            shouldStop: { [publisher] in
                publisher.shared.withLock {
                    guard let deadline = $0.closeDeadline else { return false }
                    return $0.unsettled == 0 || Clock.now >= deadline
                }
            },
            session: { connection throws(AMQPError) in try session(connection) },
            lost: { error in lost(error) })
        end()
    }

    private func session(_ connection: BrokerConnection) throws(AMQPError) {
        try connection.apply(publisher.topology)
        try connection.openChannel()
        try connection.selectConfirms()
        publisher.shared.withLock { $0.isConnected = true }
        room = 0
        refusedAt = nil
        let quarter = connection.heartbeat * 250
        while true {
            connection.supervisor.arm(fd: connection.fd, milliseconds: connection.rpcTimeoutMilliseconds)
            try read(connection)
            deliverOutcomes()
            try renewChannel(connection)
            takeOver()
            let sent = try send(connection)
            connection.supervisor.disarm()
            deliverOutcomes()
            if let deadline = endsAt() {
                let now = Clock.now
                if table.outstanding == 0 || now >= deadline {
                    connection.close(timeoutMilliseconds: deadline > now ? Int(deadline - now) : 1)
                    return
                }
            }
            try checkConfirmDeadline()
            switch sent {
            case .all, .waitsForBroker:
                let isClosing = publisher.shared.withLock { $0.closeDeadline != nil }
                connection.wait(
                    for: publisher.wake, milliseconds: isClosing ? min(quarter, 100) : quarter, readSocket: true)
            case .waitsForRoom:
                // POLLOUT says only that a third is free; a large message would make it spin.
                connection.wait(for: publisher.wake, milliseconds: 1, readSocket: true)
            case .mayGoOn: break
            }
        }
    }

    /// The deadline, once closing has begun and nothing waits to be sent (or the deadline has passed).
    private func endsAt() -> UInt64? {
        publisher.shared.withLock {
            guard let deadline = $0.closeDeadline else { return nil }
            return $0.waiting == 0 || Clock.now >= deadline ? deadline : nil
        }
    }

    /// Reads until nothing is there.
    private func read(_ connection: BrokerConnection) throws(AMQPError) {
        while true {
            switch try connection.receive() {
            case .nothing: return
            case .partial, .cancelled: continue
            case .confirm(let tag, let multiple, let nack):
                if nack, refusedAt == nil { refusedAt = Clock.now }
                guard table.confirmed(tag, multiple: multiple, nack: nack, settled: &settled) else {
                    throw AMQPError(
                        .protocolViolation, "the broker confirmed message \(tag), which was never sent",
                        isRetriable: true)
                }
            case .message(.returned(let code, let text, _, _), let decoded, _),
                .skimmed(.returned(let code, let text, _, _), let decoded, _):
                table.returned(messageID: decoded.properties.messageID, code: code, text: text)
            case .message, .skimmed: continue
            case .blocked(let reason): setBlocked(true, reason)
            case .unblocked: setBlocked(false, "")
            }
        }
    }

    /// While nothing is outstanding, so nothing becomes unknown.
    private func renewChannel(_ connection: BrokerConnection) throws(AMQPError) {
        guard let since = refusedAt, table.outstanding == 0, !isBlocked, Clock.now - since > Self.refusedMilliseconds
        else { return }
        refusedAt = nil
        try connection.closeChannel(BrokerConnection.workChannel)
        try connection.openChannel()
        try connection.selectConfirms()
        table.lost(error: nil, settled: &settled)
    }

    private func setBlocked(_ blocked: Bool, _ reason: String) {
        guard blocked != isBlocked else { return }
        isBlocked = blocked
        publisher.shared.withLock { $0.isBlocked = blocked }
        if !blocked { table.restartClocks(at: Clock.now) }
        publisher.observer(blocked ? .blocked(reason) : .unblocked)
    }

    private func takeOver() {
        guard nextIndex == taken.count else { return }
        taken.removeAll(keepingCapacity: true)
        nextIndex = 0
        publisher.shared.withLock {
            $0.wakePending = false
            swap(&$0.queue, &taken)
        }
    }

    private enum Sent {
        case all, mayGoOn, waitsForBroker, waitsForRoom
    }

    /// Sends one burst.
    private func send(_ connection: BrokerConnection) throws(AMQPError) -> Sent {
        var count = 0
        let now = Clock.now
        let isBurst = taken.count - nextIndex > 1 && !isBlocked && table.outstanding < publisher.window
        if isBurst { connection.cork(true) }
        defer {
            if isBurst { connection.cork(false) }
            if count > 0 {
                let count = count
                publisher.shared.withLock(wake: true) { $0.waiting -= count }
            }
        }
        while nextIndex < taken.count {
            guard !isBlocked, table.outstanding < publisher.window else { return .waitsForBroker }
            guard count < Self.publishesPerRead else { return .mayGoOn }
            let message = taken[nextIndex]
            guard
                let problem = MessageRules.problem(
                    of: message, frameMax: connection.frameMax, bodyBytesMax: publisher.bodyBytesMax)
            else {
                guard hasRoom(for: message, connection) else { return .waitsForRoom }
                // Noted before it is sent: if the send fails, the broker may have it all the same.
                table.sent(message, at: now)
                nextIndex += 1
                count += 1
                if message.body.count > 1 << 20 {
                    // A large body has to wait for the network; 100 kB/s is granted.
                    connection.supervisor.arm(
                        fd: connection.fd,
                        milliseconds: connection.rpcTimeoutMilliseconds + message.body.count / 100)
                }
                try connection.publish(message)
                continue
            }
            settled.append(.init(handle: message.handle, outcome: .invalid(problem)))
            nextIndex += 1
            count += 1
        }
        return publisher.shared.withLock { $0.queue.isEmpty } ? .all : .mayGoOn
    }

    /// The library's send has no deadline, so nothing is sent that the kernel cannot take at once.
    private func hasRoom(for message: OutgoingMessage, _ connection: BrokerConnection) -> Bool {
        // Small writes cost the kernel more than their bytes: three buffers of their own.
        let need = message.body.count + message.body.count / 4 + Self.overheadBytes
        if room < need {
            guard let now = connection.sendRoom else { return true }
            room = now
            // What is larger than the whole buffer can only be tried when it is empty; the supervisor watches.
            if room < need { return table.outstanding == 0 && room > 0 }
        }
        room -= need
        return true
    }

    private func checkConfirmDeadline() throws(AMQPError) {
        guard !isBlocked, let oldest = table.oldestSentAt else { return }
        guard Clock.now - oldest > UInt64(publisher.confirmTimeoutMilliseconds) else { return }
        throw AMQPError(
            .timeout,
            "no confirm within \(publisher.confirmTimeoutMilliseconds) ms; the queue may have lost its "
                + "majority of nodes", isRetriable: true)
    }

    private func lost(_ error: AMQPError) {
        table.lost(error: error, settled: &settled)
        let wasBlocked = isBlocked
        isBlocked = false
        publisher.shared.withLock {
            $0.isConnected = false
            $0.isBlocked = false
        }
        if wasBlocked { publisher.observer(.unblocked) }
        deliverOutcomes()
    }

    private func deliverOutcomes() {
        guard !settled.isEmpty else { return }
        publisher.settled(settled.map { (handle: $0.handle, outcome: $0.outcome) })
        let count = settled.count
        settled.removeAll(keepingCapacity: true)
        publisher.shared.withLock(wake: true) { $0.unsettled -= count }
    }

    /// Whatever has no outcome by now gets it.
    private func end() {
        table.lost(error: nil, settled: &settled)
        publisher.shared.withLock {
            taken.append(contentsOf: $0.queue)
            $0.queue = []
            $0.waiting = 0
            $0.isConnected = false
        }
        for message in taken[nextIndex...] { settled.append(.init(handle: message.handle, outcome: .unknown)) }
        taken = []
        nextIndex = 0
        deliverOutcomes()
        publisher.shared.withLock(wake: true) { $0.finished = true }
    }
}
