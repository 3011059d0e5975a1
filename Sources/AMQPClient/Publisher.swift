/// Publishes with confirms over a connection of its own, which it makes again whenever it is lost.
///
/// Every message that is accepted gets exactly one outcome. Messages wait while there is no connection or the broker is
/// blocked, and are sent in the order in which they were handed in. All methods may be called from any thread.
public final class Publisher: Sendable {
    struct Shared {
        var queue: [OutgoingMessage] = []
        /// Accepted and not sent yet, including those the owner has already taken over.
        var waiting = 0
        /// Accepted and without outcome.
        var unsettled = 0
        var wakePending = false
        var isConnected = false
        var isBlocked = false
        var closeDeadline: UInt64?
        var started = false
        var finished = true
    }

    let shared = Monitor(Shared())
    let wake: WakeUp
    let supervisor: StuckGuard
    let options: ConnectionOptions
    let topology: TopologyPlan
    let window: Int
    let queueMax: Int
    let bodyBytesMax: Int
    let confirmTimeoutMilliseconds: Int
    let observer: @Sendable (ConnectionEvent) -> Void
    let settled: @Sendable ([(handle: UInt64, outcome: PublishOutcome)]) -> Void

    /// - Parameters:
    ///   - window: how many messages may await their confirm.
    ///   - queueMax: how many may wait to be sent before `publish` blocks.
    ///   - bodyBytesMax: larger messages are settled as `.invalid`; RabbitMQ's own limit is 128 MiB.
    ///   - confirmTimeoutMilliseconds: a confirm that takes longer ends the connection, unless the broker is blocked.
    ///   - observer: called on the owner thread; must return at once.
    ///   - settled: called on the owner thread, in batches; must return soon, and must not wait for this publisher.
    public init(
        options: ConnectionOptions, topology: TopologyPlan, window: Int = 1_000, queueMax: Int = 10_000,
        bodyBytesMax: Int = 128 << 20, confirmTimeoutMilliseconds: Int = 30_000,
        observer: @escaping @Sendable (ConnectionEvent) -> Void,
        settled: @escaping @Sendable ([(handle: UInt64, outcome: PublishOutcome)]) -> Void
    ) throws(AMQPError) {
        self.options = options
        self.topology = topology
        self.window = max(1, window)
        self.queueMax = max(1, queueMax)
        self.bodyBytesMax = bodyBytesMax
        self.confirmTimeoutMilliseconds = confirmTimeoutMilliseconds
        self.observer = observer
        self.settled = settled
        wake = try WakeUp()
        supervisor = try StuckGuard()
    }

    /// Begins, on a thread of its own. Once.
    public func start() throws(AMQPError) {
        let first = shared.withLock {
            let first = !$0.started
            $0.started = true
            if first { $0.finished = false }
            return first
        }
        guard first else { return }
        do throws(AMQPError) {
            try OwnerThread.spawn("amqp-publish") { PublisherOwner(self).run() }
        } catch {
            shared.withLock { $0.finished = true }
            throw error
        }
    }

    /// Hands messages in, all or none. Blocks while more than `queueMax` wait to be sent, at most so long.
    ///
    /// - Returns: false if none was taken, because the time was up or the publisher is closing. No outcome will come.
    @discardableResult
    public func publish(_ messages: [OutgoingMessage], timeoutMilliseconds: Int = .max) -> Bool {
        guard !messages.isEmpty else { return true }
        let queueMax = queueMax
        let answer: (accepted: Bool, wake: Bool)? = shared.wait(until: Clock.deadline(in: timeoutMilliseconds)) {
            state in
            guard state.closeDeadline == nil else { return (false, false) }
            // A batch larger than the whole queue must get through too, when it is alone.
            guard state.waiting == 0 || state.waiting + messages.count <= queueMax else { return nil }
            state.queue.append(contentsOf: messages)
            state.waiting += messages.count
            state.unsettled += messages.count
            let first = !state.wakePending
            state.wakePending = true
            return (true, first)
        }
        if answer?.wake == true { wake.signal() }
        return answer?.accepted ?? false
    }

    /// As `publish`, but never blocks.
    public func tryPublish(_ messages: [OutgoingMessage]) -> Bool { publish(messages, timeoutMilliseconds: 0) }

    /// Waits until everything has its outcome. False: the deadline came first.
    public func flush(deadlineMilliseconds: Int) -> Bool {
        let done: Bool? = shared.wait(until: Clock.deadline(in: deadlineMilliseconds)) {
            $0.unsettled == 0 ? true : nil
        }
        return done ?? false
    }

    /// Accepts no more, waits for outcomes until the deadline, settles the rest as unknown, and ends the thread.
    public func close(deadlineMilliseconds: Int) {
        let deadline = Clock.deadline(in: deadlineMilliseconds)
        shared.withLock(wake: true) { $0.closeDeadline = deadline }
        wake.signal()
        // A little longer than the owner itself waits, so that it can still settle what is left.
        let _: Bool? = shared.wait(until: deadline + 1_000) { $0.finished ? true : nil }
        supervisor.end()
    }

    public var isConnected: Bool { shared.withLock { $0.isConnected } }
    /// The broker takes no publishes for now (memory or disk alarm).
    public var isBlocked: Bool { shared.withLock { $0.isBlocked } }
    /// Messages without outcome, sent or not.
    public var outstanding: Int { shared.withLock { $0.unsettled } }
    /// How often a publish had to be cut off because it did not come back.
    public var stuckCount: Int { supervisor.firedCount }
    /// How long nothing has been seen of the thread that owns the connection, beyond what a call may take. A broker that
    /// is away does not make it grow; a thread that hangs does. 0: not started, or ended.
    public var silentMilliseconds: Int64 {
        let runs = shared.withLock { $0.started && !$0.finished }
        return runs ? Int64(clamping: supervisor.silentMilliseconds) : 0
    }
}
