import Glibc
import Synchronization
import Worker

/// What a person reads in. A file or a pipe has no width and no colours, and nothing is ever shown in place there.
struct Terminal: Sendable {
    /// Letters in a line; nil: no terminal, or it does not say.
    let columns: Int?
    let isTerminal: Bool
    /// Colours and bold letters are wanted: NO_COLOR (no-color.org) and a terminal without them are respected.
    let hasColours: Bool

    static let output = Terminal(STDOUT_FILENO)
    static let errors = Terminal(STDERR_FILENO)

    init(columns: Int?, isTerminal: Bool, hasColours: Bool) {
        self.columns = columns
        self.isTerminal = isTerminal
        self.hasColours = hasColours
    }

    private init(_ descriptor: Int32) {
        isTerminal = isatty(descriptor) == 1
        guard isTerminal else {
            columns = nil
            hasColours = false
            return
        }
        let environment = currentEnvironment()
        var size = winsize()
        let known = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        columns = known ? Int(size.ws_col) : environment["COLUMNS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
        let kind = environment["TERM"] ?? "dumb"
        hasColours = (environment["NO_COLOR"] ?? "").isEmpty && kind != "dumb"
    }

    enum Style: String {
        case bold = "1"
        case red = "31"
        case yellow = "33"
        case dim = "2"
    }

    func styled(_ text: String, _ style: Style?) -> String {
        guard hasColours, let style else { return text }
        return "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
    }

    /// Places that a letter takes in a terminal: two in most East Asian scripts and for pictures.
    static func places(_ character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first?.value else { return 0 }
        switch scalar {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }

    static func places(_ text: some StringProtocol) -> Int { text.reduce(0) { $0 + places($1) } }
}

/// A line of standard error that is written over and over; nothing if nobody watches. Used by one thread.
struct Progress {
    static let clearLine = "\r\u{1B}[K"

    let isShown: Bool
    private var last: Int64 = 0

    /// - Parameter beside: what the command prints goes to standard output meanwhile; where that is the same terminal,
    ///   the two would run into each other.
    init(besideOutput beside: Bool = false) {
        isShown = Terminal.errors.isTerminal && !(beside && Terminal.output.isTerminal)
    }

    mutating func show(_ text: @autoclosure () -> String, now: Bool = false) {
        if !isShown { return }
        let time = monotonicMilliseconds()
        if !now, time - last < 200 { return }
        last = time
        writeAll(Array((Progress.clearLine + fitted(TextTable.printable(text()))).utf8), to: STDERR_FILENO)
    }

    func clear() {
        if isShown { writeAll(Array(Progress.clearLine.utf8), to: STDERR_FILENO) }
    }

    /// A longer line would wrap, and could not be written over.
    private func fitted(_ text: String) -> String {
        Terminal.errors.columns.map { TextTable.cut(text, to: max(1, $0 - 1)) } ?? text
    }

    /// How far the reader of a plain file has come: " (43 %)"; nothing for a pipe.
    static func part(of descriptor: Int32) -> String {
        var status = stat()
        let position = lseek(descriptor, 0, SEEK_CUR)
        guard position >= 0, fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > 0
        else { return "" }
        return " (\(min(100, Int64(position) * 100 / Int64(status.st_size))) %)"
    }

    /// Shows for how long something has been going on that tells nothing of itself.
    static func during<Value>(_ text: String, _ body: () throws -> Value) rethrows -> Value {
        guard Progress().isShown else { return try body() }
        let isOver = Shared(false)
        let began = monotonicMilliseconds()
        let ticker = WorkThread(name: "progress") {
            var progress = Progress()
            while !isOver.value {
                Timing.block(milliseconds: 50)
                let seconds = (monotonicMilliseconds() - began) / 1_000
                // What is done at once needs no telling.
                if seconds > 0 { progress.show("\(text), \(seconds) s") }
            }
            progress.clear()
        }
        defer {
            isOver.value = true
            ticker.join()
        }
        return try body()
    }
}
