import Glibc

/// Who this process is among all that work on one store: host, process and, under systemd, the instance of the unit.
enum WorkerName {
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
