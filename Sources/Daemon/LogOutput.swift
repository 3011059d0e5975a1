import Configuration
import Glibc
import Logging
import MessageSchema
import Synchronization
import Worker

/// One line for each event on standard error: with journald priorities under systemd, as text on a terminal, as JSON
/// otherwise. No secrets and no customer's data ever go in here.
struct LogOutput: LogHandler {
    enum Format: Sendable {
        case journald, text, json
    }

    /// One level for the whole process, so that a reload reaches every copy of every logger.
    var logLevel: Logger.Level {
        get { LogOutput.processLevel.withLock { $0 } }
        set { LogOutput.processLevel.withLock { $0 = newValue } }
    }

    private static let processLevel = Mutex(Logger.Level.info)
    var metadata: Logger.Metadata = [:]
    let label: String
    let format: Format

    init(label: String, format: Format) {
        self.label = label
        self.format = format
    }

    /// From now on; any thread.
    static func setLevel(_ level: Configuration.Log.Level) {
        processLevel.withLock { $0 = Logger.Level(rawValue: level.rawValue) ?? .info }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let merged = metadata.merging(event.metadata ?? [:]) { _, newer in newer }
        let pairs = merged.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        let line: String
        switch format {
        case .journald:
            line = "<\(event.level.journaldPriority)>" + plain("\(event.message)", pairs)
        case .text:
            line = "\(formatRFC3339(wallClock())) \(event.level.rawValue) " + plain("\(event.message)", pairs)
        case .json:
            var members: [(String, JSONText)] = [
                ("time", .string(formatRFC3339(wallClock()))), ("level", .string(event.level.rawValue)),
                ("message", .string("\(event.message)")),
            ]
            for pair in pairs { members.append((pair.0, .string(pair.1))) }
            line = JSONText.object(members).rendered
        }
        writeAll(Array((line + "\n").utf8), to: STDERR_FILENO)
    }

    private func plain(_ message: String, _ pairs: [(String, String)]) -> String {
        var text = message
        for pair in pairs { text += " \(pair.0)=\(pair.1)" }
        return TextTable.printable(text)
    }

    /// Whether the descriptor is the stream that systemd names by device and inode; a child of a service may write
    /// elsewhere and inherit the variable.
    private static func isJournal(_ descriptor: Int32, _ stream: String?) -> Bool {
        var status = stat()
        guard let stream, fstat(descriptor, &status) == 0 else { return false }
        return stream == "\(status.st_dev):\(status.st_ino)"
    }

    static func logger(_ log: Configuration.Log) -> Logger {
        let format: Format =
            switch log.format {
            case .text: .text
            case .json: .json
            case .journald: .journald
            case .auto:
                if isJournal(STDERR_FILENO, getenv("JOURNAL_STREAM").map { String(cString: $0) }) {
                    .journald
                } else if isatty(STDERR_FILENO) == 1 {
                    .text
                } else {
                    .json
                }
            }
        setLevel(log.level)
        return Logger(label: "backorderd") { LogOutput(label: $0, format: format) }
    }
}

extension Logger.Level {
    fileprivate var journaldPriority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
