import Configuration
import Glibc
import Logging
import Synchronization
import Worker

/// Tells the service manager how the daemon is, in the protocol of sd_notify(3): datagrams to `$NOTIFY_SOCKET`.
/// Without that variable every call does nothing, so that nobody needs to ask whether systemd is there.
///
/// A thread of its own says READY once the daemon consumes, keeps STATUS true, and feeds the watchdog, but only while
/// every part has passed its checkpoint lately. Waiting for a broker or a store that is down is work; hanging is not.
final class ServiceNotifier: Sendable {
    /// A thread of the daemon, and how long nothing was seen of it.
    struct Part: Sendable {
        let name: String
        let silentMilliseconds: @Sendable () -> Int64
    }

    /// What is to be watched once the daemon is put together.
    struct Watch: Sendable {
        let parts: [Part]
        /// Deliveries flow and outputs can be sent.
        let isReady: @Sendable () -> Bool
        let progress: @Sendable () -> Progress
    }

    /// What the status line is made of.
    struct Progress: Sendable {
        /// Inputs dealt with since the start, whatever became of them.
        var handled: UInt64
        /// Outputs confirmed since the start.
        var confirmed: UInt64
        /// Messages that are here and not dealt with.
        var inHand: Int
        /// Outputs without a confirm.
        var unconfirmed: Int
        var isConsuming: Bool
        var isPublishing: Bool
        var isBlocked: Bool
    }

    private struct State {
        var watch: Watch?
        var isReady = false
        var isReloading = false
        var isStopping = false
        var isEnded = false
        var status = ""
        var line = StatusLine()
        var suspect: String?
    }

    private let socket: NotifySocket
    private let logger: Logger
    /// What systemd waits between two signs of life before it restarts us; nil: it does not watch.
    private let watchdogMilliseconds: Int64?
    private let state = Mutex(State())

    /// Silence longer than this is taken for a hang. Never shorter: an honest wait for a lock may take some seconds.
    static let silenceMillisecondsMin: Int64 = 10_000
    private static let startExtensionMicroseconds = 60_000_000

    init(_ environment: [String: String], _ logger: Logger) {
        socket = NotifySocket(environment["NOTIFY_SOCKET"])
        self.logger = logger
        let isOurs = environment["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
        watchdogMilliseconds =
            isOurs
            ? environment["WATCHDOG_USEC"].flatMap { Int64($0) }.flatMap { $0 > 0 ? max(1, $0 / 1_000) : nil } : nil
    }

    /// From here on systemd is told what happens; the first thing is the status of the start.
    func start(_ status: String) {
        guard socket.isOpen else { return }
        tell(status)
        _ = WorkThread(name: "service", stackBytes: 512 << 10) { [self] in run() }
    }

    /// The daemon is put together: from now on READY may be said, and its parts are watched.
    func watch(_ watch: Watch) {
        state.withLock { $0.watch = watch }
    }

    func reloading() {
        // The clock's value tells systemd 253 and later which reload this belongs to.
        state.withLock { $0.isReloading = true }
        socket.send(["RELOADING=1", "MONOTONIC_USEC=\(monotonicMicroseconds())"])
    }

    func reloaded() {
        let isReady = state.withLock {
            $0.isReloading = false
            return $0.isReady
        }
        if isReady { socket.send(["READY=1"]) }
    }

    /// The daemon finishes what is in hand, for so long at most.
    func stopping(withinMilliseconds: Int) {
        state.withLock { $0.isStopping = true }
        // What follows the drain, goodbyes to the broker and the like, takes a few seconds.
        socket.send(["STOPPING=1", "EXTEND_TIMEOUT_USEC=\((withinMilliseconds + 10_000) * 1_000)"])
        tell("Finishing what is in hand")
    }

    func end() {
        state.withLock { $0.isEnded = true }
    }

    // MARK: The thread

    private func run() {
        var nextStatus: Int64 = 0
        var nextFeed: Int64 = 0
        var nextExtension: Int64 = 0
        while true {
            let (isEnded, isReady, isStopping, watch) = state.withLock {
                ($0.isEnded, $0.isReady, $0.isStopping, $0.watch)
            }
            if isEnded { return }
            let now = monotonicMilliseconds()
            if !isReady, !isStopping {
                if let watch, watch.isReady() {
                    state.withLock { $0.isReady = true }
                    socket.send(["READY=1"])
                    nextStatus = 0
                } else if now >= nextExtension, allWell(watch) {
                    // A start that waits for its broker may take as long as the broker does.
                    socket.send(["EXTEND_TIMEOUT_USEC=\(Self.startExtensionMicroseconds)"])
                    nextExtension = now + 10_000
                }
            }
            if let watchdogMilliseconds, now >= nextFeed, allWell(watch) {
                socket.send(["WATCHDOG=1"])
                nextFeed = now + max(100, watchdogMilliseconds / 4)
            }
            if now >= nextStatus, let watch, !isStopping {
                let progress = watch.progress()
                tell(state.withLock { $0.line.text(progress, isReady: $0.isReady, nowMilliseconds: now) })
                nextStatus = now + 5_000
            }
            Timing.block(milliseconds: isReady ? 500 : 100)
        }
    }

    /// Whether every part has been seen lately. If not, systemd is asked to act at once, and the log says which it was.
    private func allWell(_ watch: Watch?) -> Bool {
        guard let watch else { return true }
        let limit = max(Self.silenceMillisecondsMin, (watchdogMilliseconds ?? 0) / 2)
        var hanging: (name: String, silent: Int64)?
        for part in watch.parts {
            let silent = part.silentMilliseconds()
            if silent > limit { hanging = (part.name, silent) }
        }
        guard let hanging else {
            state.withLock { $0.suspect = nil }
            return true
        }
        let isNews = state.withLock { state in
            defer { state.suspect = hanging.name }
            return state.suspect != hanging.name
        }
        if isNews {
            tell("\(hanging.name) hangs")
            if watchdogMilliseconds != nil { socket.send(["WATCHDOG=trigger"]) }
            // Last, for it is the log that may hang.
            logger.critical(
                "\(hanging.name) hangs: nothing was seen of it for \(hanging.silent) ms; the watchdog is not fed")
        }
        return false
    }

    private func tell(_ status: String) {
        let isNews = state.withLock { state in
            defer { state.status = status }
            return state.status != status
        }
        if isNews { socket.send(["STATUS=\(status)"]) }
    }

    private func monotonicMicroseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}

/// The line of `systemctl status`: what the daemon does, how fast, and what waits.
struct StatusLine {
    private struct Sample {
        var handled: UInt64
        var confirmed: UInt64
        var milliseconds: Int64
    }

    private var last: Sample?
    /// When anything was last seen to move.
    private var movedMilliseconds: Int64?

    mutating func text(_ progress: ServiceNotifier.Progress, isReady: Bool, nowMilliseconds now: Int64) -> String {
        let before = last ?? Sample(handled: progress.handled, confirmed: progress.confirmed, milliseconds: now)
        last = Sample(handled: progress.handled, confirmed: progress.confirmed, milliseconds: now)
        let seconds = max(0.001, Double(now - before.milliseconds) / 1_000)
        let inputs = Double(progress.handled - min(progress.handled, before.handled)) / seconds
        let outputs = Double(progress.confirmed - min(progress.confirmed, before.confirmed)) / seconds
        let isIdle = progress.inHand + progress.unconfirmed == 0
        if inputs + outputs > 0 || isIdle || movedMilliseconds == nil { movedMilliseconds = now }
        let backlog = "\(progress.inHand) in hand, \(progress.unconfirmed) outputs unconfirmed"
        // What waits at the broker can't be seen without it: no word of a lag then.
        if !progress.isConsuming { return "\(state(progress, isReady)): \(backlog)" }
        return "\(state(progress, isReady)): \(Int(inputs.rounded())) messages/s, \(backlog), "
            + "\(isIdle ? "no lag" : lag(progress, inputs, outputs, now))"
    }

    private func state(_ progress: ServiceNotifier.Progress, _ isReady: Bool) -> String {
        if !progress.isConsuming { return isReady ? "Waiting for the broker" : "Starting: waiting for the broker" }
        if progress.isBlocked { return "Consuming; the broker takes no publishes" }
        return progress.isPublishing ? "Consuming" : "Consuming; no connection to publish on"
    }

    /// How long what waits here takes at the present rate; or how long nothing has moved.
    private func lag(_ progress: ServiceNotifier.Progress, _ inputs: Double, _ outputs: Double, _ now: Int64) -> String
    {
        if inputs + outputs == 0 { return "nothing has moved for \((now - (movedMilliseconds ?? now)) / 1_000) s" }
        let lag =
            (progress.inHand == 0 ? 0 : Double(progress.inHand) / max(inputs, 1))
            + (progress.unconfirmed == 0 ? 0 : Double(progress.unconfirmed) / max(outputs, 1))
        return lag < 1 ? "lag below 1 s" : "lag about \(Int(min(lag, 1e6).rounded())) s"
    }
}

/// When each loop was last seen. A loop touches its own place; the notifier looks at all.
final class Heartbeat: Sendable {
    private let last = Atomic<Int64>(0)

    func beat() { last.store(monotonicMilliseconds(), ordering: .relaxed) }

    /// The loop has come to its end, or has not begun: nothing is expected of it.
    func rest() { last.store(0, ordering: .relaxed) }

    var silentMilliseconds: Int64 {
        let last = last.load(ordering: .relaxed)
        return last == 0 ? 0 : max(0, monotonicMilliseconds() - last)
    }

    /// The pipeline's own time: it looks at the clock in every turn and between two tries, and each look is a beat.
    var timing: Timing {
        Timing(
            now: wallClock,
            monotonicMilliseconds: { [self] in
                beat()
                return monotonicMilliseconds()
            },
            sleep: { [self] milliseconds in
                beat()
                Timing.block(milliseconds: milliseconds)
            })
    }
}

/// A datagram socket to the service manager; `@` at the beginning names an abstract address.
final class NotifySocket: Sendable {
    private let descriptor: Int32
    private let address: [UInt8]

    init(_ path: String?) {
        guard let path, path.hasPrefix("/") || path.hasPrefix("@"), path.utf8.count < 108 else {
            descriptor = -1
            address = []
            return
        }
        var name = Array(path.utf8)
        if name[0] == UInt8(ascii: "@") { name[0] = 0 }
        address = name
        descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    var isOpen: Bool { descriptor >= 0 }

    /// Best effort: a service manager that does not listen is no reason to stop work.
    func send(_ lines: [String]) {
        guard isOpen else { return }
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: address) }
        // An abstract name has its length and no more; a path is followed by its zero.
        let length = MemoryLayout<sa_family_t>.size + address.count + (address[0] == 0 ? 0 : 1)
        let text = Array(lines.joined(separator: "\n").utf8)
        withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(
                    descriptor, text, text.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT), $0,
                    socklen_t(length))
            }
        }
    }
}
