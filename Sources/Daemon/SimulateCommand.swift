import ArgumentParser
import BackOrderStore
import Configuration
import Glibc
import InventoryCore
import MessageSchema
import Worker

/// `backorderd simulate`: what would another configuration have made of this history?
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "The same history under several configurations, in memory, side by side.",
        discussion: """
            Reads one message body a line, as replay does, once for each configuration, and touches neither store nor \
            broker. Now is each message's own time: the same input gives the same figures.

            A unit is filled when it may be shipped: with ship: complete that is when nothing of its order waits any \
            more. fill_rate is what was allocated when the order was placed, of all units ordered. Waiting times are of \
            units that were filled later, from placed_at, percentiles by units; those that never were are in \
            units_waiting and units_held. A line's promise is kept if the last of it was filled by that date: by the \
            first the customer was told, and by the last; broken also if the date passed before the history ended; \
            lines that were called off or are not due yet count in neither. shipments_per_order is fulfilment-requested \
            messages for each order of which something could be shipped.
            """)

    @Option(
        name: .long, help: "A configuration file; repeat it to compare several.",
        completion: .file(extensions: ["yaml", "yml"]))
    var config: [String] = []

    @Argument(help: "The history (- or nothing: standard input).", completion: .file())
    var input: String?

    @Option(name: .long, help: "table, json or csv.")
    var format: ShowCommand.Format = .table

    func validate() throws {
        if config.isEmpty {
            throw ValidationError("Say which configurations to compare: --config A.yaml --config B.yaml")
        }
    }

    func run() throws {
        // All are read before any is tried: a mistake in the last one is told at once.
        let configurations = try config.map { try SimulateCommand.load($0) }
        let names = SimulateCommand.shortNames(config)
        let history = try RereadableInput(input)
        defer { history.close() }
        var all: [SimulationFigures] = []
        var rejections = Rejections()
        do {
            for (name, configuration) in zip(names, configurations) {
                try history.rewind()
                all.append(try simulate(name, configuration, history, &rejections))
            }
        } catch let failure as ReadFailure {
            complain("backorderd: \(input ?? "standard input") can't be read: \(failure.text)")
            throw ExitCode(ExitStatus.failed)
        } catch let error as StoreError {
            complain("backorderd: \(error.message)")
            throw ExitCode(ExitStatus.failed)
        }
        if let text = rejections.told { complain("backorderd: \(text)") }
        writeAll(Array(SimulationReport(all).rendered(format).utf8), to: STDOUT_FILENO)
    }

    private func simulate(
        _ name: String, _ configuration: Configuration, _ history: RereadableInput, _ rejections: inout Rejections
    ) throws -> SimulationFigures {
        let store = MemoryStore()
        try store.adopt(configuration.rulebook.strategy)
        var figures = SimulationFigures(configuration: name)
        var progress = Progress()
        let end = try HistoryPlayer(configuration: configuration, store: store).play(history.descriptor) {
            batch, result in
            figures.take(result)
            rejections.take(batch, result, in: name)
            progress.show("\(name): \(figures.inputs) messages")
            return true
        }
        progress.show("\(name): counting", now: true)
        try store.read { try figures.take(end: end, $0) }
        progress.clear()
        return figures
    }

    private static func load(_ path: String) throws -> Configuration {
        var options = ConfigurationOptions()
        options.config = path
        options.store = nil
        options.logLevel = nil
        return try options.load()
    }

    /// File names without their ending; with as much of the path as tells two of one name apart.
    static func shortNames(_ paths: [String]) -> [String] {
        let parts = paths.map { path in
            var components = path.split(separator: "/").map(String.init)
            if let last = components.popLast() {
                let stem =
                    [".yaml", ".yml"].first { last.hasSuffix($0) }.map { String(last.dropLast($0.count)) } ?? last
                components.append(stem.isEmpty ? last : stem)
            }
            return components
        }
        var names: [String] = []
        for own in parts {
            var length = 1
            while length < own.count,
                parts.contains(where: { $0 != own && $0.suffix(length) == own.suffix(length) })
            {
                length += 1
            }
            let name = own.suffix(length).joined(separator: "/")
            // The same file given twice has one name, and is still two columns.
            var unique = name
            var number = 2
            while names.contains(unique) {
                unique = "\(name)#\(number)"
                number += 1
            }
            names.append(unique)
        }
        return names
    }

    /// Lines that can't be used: the first is told with its reason, the rest as a number.
    private struct Rejections {
        private var firstText: String?
        private var configuration: String?
        private var count = 0

        mutating func take(_ batch: HistoryPlayer.Batch, _ result: BatchResult, in name: String) {
            // The same lines come again for each configuration.
            guard configuration == nil || configuration == name else { return }
            for (index, outcome) in result.outcomes.enumerated() {
                guard case .deadLettered(let rejection) = outcome else { continue }
                configuration = name
                count += 1
                if firstText == nil {
                    firstText = "line \(batch.lines[index]): \(rejection.reason.rawValue), \(rejection.detail)"
                }
            }
        }

        var told: String? {
            guard let firstText, let configuration else { return nil }
            let text = count == 1 ? "1 line was rejected" : "\(count) lines were rejected"
            return TextTable.printable(
                "\(text) under \(configuration), the first: \(firstText). backorderd replay tells them all")
        }
    }
}

/// A line of the terminal that is written over and over; nothing if nobody watches.
struct Progress {
    private let isShown = isatty(STDERR_FILENO) == 1
    private var last: Int64 = 0

    mutating func show(_ text: @autoclosure () -> String, now: Bool = false) {
        if !isShown { return }
        let time = monotonicMilliseconds()
        if !now, time - last < 200 { return }
        last = time
        writeAll(Array("\r\u{1B}[K\(TextTable.printable(text()))".utf8), to: STDERR_FILENO)
    }

    func clear() {
        if isShown { writeAll(Array("\r\u{1B}[K".utf8), to: STDERR_FILENO) }
    }
}

/// An input that can be read again from its beginning: what is no plain file is kept in one without a name.
private struct RereadableInput {
    let descriptor: Int32
    private let start: off_t

    init(_ path: String?) throws {
        let name = path ?? "-"
        let opened = name == "-" ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC)
        if opened < 0 {
            complain("backorderd: \(name) can't be opened: \(String(cString: strerror(errno)))")
            throw ExitCode(ExitStatus.failed)
        }
        let position = lseek(opened, 0, SEEK_CUR)
        if position >= 0 {
            descriptor = opened
            start = position
            return
        }
        defer { Glibc.close(opened) }
        descriptor = try RereadableInput.kept(opened)
        start = 0
    }

    private static func kept(_ source: Int32) throws -> Int32 {
        var template = Array(((currentEnvironment()["TMPDIR"] ?? "/tmp") + "/backorderd-XXXXXX").utf8CString)
        let copy = mkstemp(&template)
        if copy >= 0 { unlink(template) }
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while copy >= 0 {
            let count = read(source, &buffer, buffer.count)
            if count == 0 { return copy }
            if count < 0, errno == EINTR { continue }
            if count < 0 || !writeAll(Array(buffer[..<count]), to: copy) { break }
        }
        complain("backorderd: the input can't be kept in a temporary file: \(String(cString: strerror(errno)))")
        throw ExitCode(ExitStatus.failed)
    }

    func rewind() throws(ReadFailure) {
        if lseek(descriptor, start, SEEK_SET) < 0 { throw ReadFailure(code: errno) }
    }

    func close() { Glibc.close(descriptor) }
}
