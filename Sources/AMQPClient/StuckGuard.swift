import Glibc

/// The supervisor of one connection: shuts its socket down when a call into the library does not come back.
///
/// `amqp_basic_publish` of 0.11 has no deadline and never returns on a half-open link or while the broker is under an
/// alarm. A shutdown from another thread makes it return at once with "connection closed"; the owner then destroys it.
final class StuckGuard: Sendable {
    private struct State {
        var fd: Int32 = -1
        var deadline: UInt64 = .max
        var ended = false
        var fired = 0
        /// When the owner thread last passed by here.
        var seen = Clock.now
    }

    private let state = Monitor(State())

    init() throws(AMQPError) {
        // Holds the state, not the guard, so that the guard's end is noticed by `end()` alone.
        let state = state
        try OwnerThread.spawn("amqp-guard", stackBytes: 128 << 10) { Self.run(state) }
    }

    deinit { end() }

    /// The owner is about to call what might block; it has until then.
    func arm(fd: Int32, milliseconds: Int) {
        let deadline = Clock.deadline(in: milliseconds)
        let now = Clock.now
        state.withLock {
            $0.fd = fd
            $0.deadline = deadline
            $0.seen = now
        }
    }

    /// The owner is back. Must be called before the descriptor is closed, lest its number be reused.
    func disarm() {
        let now = Clock.now
        state.withLock {
            $0.deadline = .max
            $0.seen = now
        }
    }

    /// The owner passed its checkpoint: it connects, waits for a broker that is away, or goes on with its work.
    func checkpoint() {
        let now = Clock.now
        state.withLock { $0.seen = now }
    }

    /// How long nothing has been seen of the owner; 0 while it is in a call that may take longer still.
    var silentMilliseconds: UInt64 {
        let now = Clock.now
        return state.withLock {
            if $0.deadline != .max, $0.deadline >= now { return 0 }
            return now > $0.seen ? now - $0.seen : 0
        }
    }

    func end() {
        state.withLock(wake: true) { $0.ended = true }
    }

    /// How often a connection had to be shut down.
    var firedCount: Int { state.withLock { $0.fired } }

    private static func run(_ state: Monitor<State>) {
        while true {
            // A coarse tick is enough, and spares the owner a wake-up for each call.
            let ended: Bool? = state.wait(until: Clock.deadline(in: 500)) { $0.ended ? true : nil }
            if ended == true { return }
            state.withLock {
                guard $0.deadline < Clock.now else { return }
                $0.deadline = .max
                $0.fired += 1
                shutdown($0.fd, Int32(SHUT_RDWR))
            }
        }
    }
}
