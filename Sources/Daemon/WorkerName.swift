import Glibc

/// Who this process is among all that work on one store: host, process and, under systemd, the instance of the unit.
enum WorkerName {
    /// Whether a worker of this host has died. Of a worker on another host nothing is known. (In two containers that
    /// share a host name but not their processes it errs: then both send the same outputs, under the same ids.)
    static func isGone(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0] == own.prefix(while: { $0 != "/" }), let process = pid_t(parts[1]), process > 0
        else { return false }
        return kill(process, 0) != 0 && errno == ESRCH
    }

    static let own: String = {
        var buffer = [CChar](repeating: 0, count: 256)
        let host =
            gethostname(&buffer, buffer.count - 1) == 0
            ? String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : "unknown"
        var name = "\(host)/\(getpid())"
        if let instance = getenv("BACKORDERD_INSTANCE") { name += "/\(String(cString: instance))" }
        return name
    }()
}
