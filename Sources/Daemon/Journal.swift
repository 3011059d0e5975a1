import Glibc

/// systemd's journal in its own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): a datagram of fields for each entry, so that
/// `journalctl BACKORDERD_QUEUE=…` finds what it is about.
struct Journal: Sendable {
    private let socket: LocalSocket

    /// nil: standard error is not the journal. systemd names the stream by device and inode, for a child of a service
    /// inherits the variable and may write elsewhere.
    static let ofStandardError: Journal? = {
        var status = stat()
        guard let stream = currentEnvironment()["JOURNAL_STREAM"], fstat(STDERR_FILENO, &status) == 0,
            stream == "\(status.st_dev):\(status.st_ino)"
        else { return nil }
        return Journal(LocalSocket("/run/systemd/journal/socket"))
    }()

    init(_ socket: LocalSocket) {
        self.socket = socket
    }

    /// False: the journal did not take it, and it is to be told in another way.
    func write(_ message: String, priority: Int, fields: [(key: String, value: String)]) -> Bool {
        socket.send(Journal.entry(message, priority: priority, fields: fields))
    }

    static func entry(_ message: String, priority: Int, fields: [(key: String, value: String)]) -> [UInt8] {
        var bytes: [UInt8] = []
        append("MESSAGE", message, to: &bytes)
        append("PRIORITY", "\(priority)", to: &bytes)
        append("SYSLOG_IDENTIFIER", "backorderd", to: &bytes)
        for field in fields { append("BACKORDERD_" + name(field.key), field.value, to: &bytes) }
        return bytes
    }

    /// A value of several lines goes with its length before it; no value can begin a field of its own.
    private static func append(_ name: String, _ value: String, to bytes: inout [UInt8]) {
        let text = Array(value.utf8)
        bytes += Array(name.utf8)
        if text.contains(0x0A) {
            bytes.append(0x0A)
            withUnsafeBytes(of: UInt64(text.count).littleEndian) { bytes.append(contentsOf: $0) }
        } else {
            bytes.append(UInt8(ascii: "="))
        }
        bytes += text
        bytes.append(0x0A)
    }

    /// Field names are capitals, digits and underscores.
    private static func name(_ key: String) -> String {
        String(key.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }.prefix(50))
    }
}
