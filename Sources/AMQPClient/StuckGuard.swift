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
        state.withLock {
            $0.fd = fd
            $0.deadline = deadline
        }
    }

    /// The owner is back. Must be called before the descriptor is closed, lest its number be reused.
    func disarm() {
        state.withLock { $0.deadline = .max }
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
