/// Takes deliveries from queues over a connection of its own, which it makes again whenever it is lost.
///
/// All methods may be called from any thread; `receive` from one at a time. Deliveries and acknowledgements are handed
/// over in batches; nothing here waits for the network.
public final class Consumer: Sendable {
    struct Shared {
        var ready: [Delivery] = []
        var head = 0
        var readyBytes = 0
        var acks: [(generation: UInt64, tag: UInt64)] = []
        var isPaused = false
        var cancelRequested = false
        var closeDeadline: UInt64?
        var wakePending = false
        var isConsuming = false
        var isConnected = false
        /// Of the connection that is there now, or was last.
        var generation: UInt64 = 0
        var started = false
        /// The owner thread has ended, or never began.
        var finished = true

        var readyCount: Int { ready.count - head }
        mutating func dropReady() {
            ready.removeAll()
            head = 0
            readyBytes = 0
        }
    }

    let shared = Monitor(Shared())
    let wake: WakeUp
    let supervisor: StuckGuard
    let options: ConnectionOptions
    let topology: TopologyPlan
    let queues: [String]
    let prefetch: UInt16
    let messageBytesMax: Int
    let observer: @Sendable (ConnectionEvent) -> Void

    /// Over these, reading stops until the buffer is emptier; the broker's prefetch is not always kept (3.10.8).
    let bufferCountMax: Int
    let bufferBytesMax: Int

    /// - Parameters:
    ///   - prefetch: how many unacknowledged deliveries the broker may have out; at least 1.
    ///   - messageBytesMax: larger bodies are rejected without requeue and never held in memory.
    ///   - observer: called on the owner thread; must return at once.
    /// - Throws: `resources` when the machine has no descriptor or thread left.
    public init(
        options: ConnectionOptions, topology: TopologyPlan, queues: [String], prefetch: UInt16, messageBytesMax: Int,
        observer: @escaping @Sendable (ConnectionEvent) -> Void
    ) throws(AMQPError) {
        self.options = options
        self.topology = topology
        self.queues = queues
        self.prefetch = max(1, prefetch)
        self.messageBytesMax = messageBytesMax
        self.observer = observer
        bufferCountMax = max(1_000, Int(prefetch) * 2)
        bufferBytesMax = max(32 << 20, messageBytesMax * 2)
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
            try OwnerThread.spawn("amqp-consume") { ConsumerOwner(self).run() }
        } catch {
            shared.withLock { $0.finished = true }
            throw error
        }
    }

    /// What has arrived, at most `max`, as soon as there is anything; empty at the timeout, or when there will be no
    /// more. Blocks its thread.
    public func receive(max: Int, timeoutMilliseconds: Int) -> [Delivery] {
        let budget = (bufferCountMax, bufferBytesMax)
        let result: (batch: [Delivery], wasFull: Bool)? = shared.wait(until: Clock.deadline(in: timeoutMilliseconds)) {
            state in
            if state.readyCount == 0 {
                return (state.started && state.finished) || state.closeDeadline != nil ? ([], false) : nil
            }
            let wasFull = state.readyCount >= budget.0 || state.readyBytes >= budget.1
            if state.head == 0, state.ready.count <= max {
                let all = state.ready
                state.dropReady()
                return (all, wasFull)
            }
            let end = min(state.ready.count, state.head + max)
            let batch = Array(state.ready[state.head..<end])
            state.head = end
            state.readyBytes -= batch.reduce(0) { $0 + $1.body.count }
            // Moves the rest down at once: it shares no storage with the batch, and old bodies must not stay alive.
            state.ready.removeFirst(state.head)
            state.head = 0
            return (batch, wasFull)
        }
        if result?.wasFull == true { signal() }
        return result?.batch ?? []
    }

    /// Acknowledges, in any order. Returns at once; those of earlier generations are dropped and counted.
    public func acknowledge(_ tags: [(generation: UInt64, tag: UInt64)]) {
        guard !tags.isEmpty else { return }
        command { $0.acks.append(contentsOf: tags) }
    }

    /// The connection whose deliveries can be acknowledged now; nil: there is none.
    public var generation: UInt64? { shared.withLock { $0.isConnected ? $0.generation : nil } }

    /// Stops reading deliveries, while heartbeats go on; what has arrived can still be received.
    public func pause() { command { $0.isPaused = true } }

    public func resume() { command { $0.isPaused = false } }

    /// Takes no more deliveries. What was not received yet goes back to the broker at close; what was can still be
    /// acknowledged.
    public func cancelConsuming() {
        command {
            $0.cancelRequested = true
            $0.dropReady()
        }
    }

    /// Sends the acknowledgements handed in before, says goodbye, and waits for the thread's end or the deadline.
    public func close(deadlineMilliseconds: Int) {
        let deadline = Clock.deadline(in: deadlineMilliseconds)
        shared.withLock(wake: true) {
            $0.closeDeadline = deadline
            $0.dropReady()
        }
        wake.signal()
        let _: Bool? = shared.wait(until: deadline) { $0.finished ? true : nil }
        supervisor.end()
    }

    /// Deliveries of all queues flow, as far as we know.
    public var isConsuming: Bool { shared.withLock { $0.isConsuming } }
    public var isConnected: Bool { shared.withLock { $0.isConnected } }
    /// Deliveries that have arrived and were not received yet.
    public var bufferedCount: Int { shared.withLock { $0.readyCount } }

    /// How long nothing has been seen of the thread that owns the connection, beyond what a call may take. A broker that
    /// is away does not make it grow; a thread that hangs does. 0: not started, or ended.
    public var silentMilliseconds: Int64 {
        let runs = shared.withLock { $0.started && !$0.finished }
        return runs ? Int64(clamping: supervisor.silentMilliseconds) : 0
    }

    /// One wake-up for all commands since the owner last looked.
    private func command(_ change: (inout Shared) -> Void) {
        let mustWake = shared.withLock {
            change(&$0)
            let first = !$0.wakePending
            $0.wakePending = true
            return first
        }
        if mustWake { wake.signal() }
    }

    private func signal() { command { _ in } }
}
