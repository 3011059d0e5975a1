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
        let pairs = merged.sorted { $0.key < $1.key }.map { (key: $0.key, value: "\($0.value)") }
        let line: String
        switch format {
        case .journald:
            let text = plain("\(event.message)", pairs)
            if let journal = Journal.ofStandardError,
                journal.write(text, priority: event.level.journaldPriority, fields: pairs)
            {
                return
            }
            line = "<\(event.level.journaldPriority)>" + text
        case .text:
            let level = Terminal.errors.styled(event.level.rawValue, event.level.style)
            line = "\(formatRFC3339(wallClock())) \(level) " + plain("\(event.message)", pairs)
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

    static func logger(_ log: Configuration.Log) -> Logger {
        let format: Format =
            switch log.format {
            case .text: .text
            case .json: .json
            case .journald: .journald
            case .auto:
                if getenv("JOURNAL_STREAM") != nil {
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
    /// On a terminal with colours.
    fileprivate var style: Terminal.Style? {
        switch self {
        case .trace, .debug: .dim
        case .info, .notice: nil
        case .warning: .yellow
        case .error, .critical: .red
        }
    }

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
