import Glibc
import MessageSchema
import Synchronization
import Worker

/// One part of the daemon, as it was found when it was last looked at.
public struct HealthCheck: Sendable {
    public enum Verdict: String, Sendable {
        case fine
        /// Work goes on, but an operator should look.
        case warning
        /// It takes no part in the work for now.
        case failed
        /// It hangs: only a restart helps.
        case hung
    }

    public var verdict: Verdict
    /// What is the matter, in one line, without secrets; empty when all is well.
    public var message: String
    /// What an operator does about it; empty when all is well.
    public var remedy: String

    public init(_ verdict: Verdict = .fine, _ message: String = "", remedy: String = "") {
        self.verdict = verdict
        self.message = message
        self.remedy = remedy
    }

    public static let fine = HealthCheck()
}

/// Looks at every part twice a second, on a thread of its own; whoever asks gets what was seen last, at once.
public final class HealthBoard: Sendable {
    public struct Part: Sendable {
        let name: String
        let look: @Sendable () -> HealthCheck

        /// - Parameter look: must not wait for anything.
        public init(_ name: String, look: @escaping @Sendable () -> HealthCheck) {
            self.name = name
            self.look = look
        }
    }

    struct Finding: Sendable {
        var name: String
        var check: HealthCheck
        /// Since when it has had this verdict.
        var sinceMilliseconds: Int64
        /// When it was looked at.
        var seenMilliseconds: Int64
    }

    private let parts: [Part]
    private let findings: Mutex<[Finding]>
    private let isStopping = Atomic<Bool>(false)
    /// When the board itself has not looked for so long, what it shows is not to be trusted.
    private static let staleMilliseconds: Int64 = 10_000

    public init(_ parts: [Part]) {
        self.parts = parts
        findings = Mutex([])
        look()
    }

    public func start() {
        _ = WorkThread(name: "health", stackBytes: 512 << 10) { [self] in
            while !isStopping.load(ordering: .relaxed) {
                look()
                Timing.block(milliseconds: 500)
            }
        }
    }

    public func stop() { isStopping.store(true, ordering: .relaxed) }

    func look() {
        let before = findings.withLock { $0 }
        let now = monotonicMilliseconds()
        let new = parts.enumerated().map { index, part in
            let check = part.look()
            let isSame = before.indices.contains(index) && before[index].check.verdict == check.verdict
            return Finding(
                name: part.name, check: check, sinceMilliseconds: isSame ? before[index].sinceMilliseconds : now,
                seenMilliseconds: now)
        }
        findings.withLock { $0 = new }
    }

    var current: [Finding] {
        let now = monotonicMilliseconds()
        var all = findings.withLock { $0 }
        if let seen = all.first?.seenMilliseconds, now - seen > Self.staleMilliseconds {
            all.append(
                Finding(
                    name: "health",
                    check: HealthCheck(
                        .hung, "nobody has looked at the parts for \((now - seen) / 1_000) s",
                        remedy: "restart the daemon"),
                    sinceMilliseconds: seen, seenMilliseconds: now))
        }
        return all
    }

    public var isReady: Bool { current.allSatisfy { $0.check.verdict == .fine || $0.check.verdict == .warning } }

    /// Not whether work can be done now, but whether only a restart would help.
    func live() -> HTTPResponse {
        let all = current
        let hung = all.filter { $0.check.verdict == .hung }
        return answer(hung.isEmpty, good: "live", bad: "hung", failing: hung, checks: hung)
    }

    func ready() -> HTTPResponse {
        let all = current
        let failing = all.filter { $0.check.verdict == .failed || $0.check.verdict == .hung }
        return answer(failing.isEmpty, good: "ready", bad: "not-ready", failing: failing, checks: all)
    }

    private func answer(_ isGood: Bool, good: String, bad: String, failing: [Finding], checks: [Finding])
        -> HTTPResponse
    {
        let now = monotonicMilliseconds()
        return .json(
            isGood ? 200 : 503,
            .object([
                ("status", .string(isGood ? good : bad)), ("failing", .array(failing.map { .string($0.name) })),
                (
                    "checks",
                    .array(
                        checks.map { finding in
                            var members: [(String, JSONText)] = [
                                ("part", .string(finding.name)), ("status", .string(finding.check.verdict.rawValue)),
                                ("for_seconds", .integer(max(0, now - finding.sinceMilliseconds) / 1_000)),
                                ("age_milliseconds", .integer(max(0, now - finding.seenMilliseconds))),
                            ]
                            if !finding.check.message.isEmpty {
                                members.append(("message", .string(finding.check.message)))
                            }
                            if !finding.check.remedy.isEmpty {
                                members.append(("remedy", .string(finding.check.remedy)))
                            }
                            return .object(members)
                        })
                ),
            ]))
    }
}
