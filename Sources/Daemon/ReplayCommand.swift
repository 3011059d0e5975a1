import ArgumentParser
import BackOrderStore
import Configuration
import Glibc
import InventoryCore
import MessageSchema
import Worker

/// `backorderd replay`: a history through the production path, without a broker.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Read messages from a file and print what comes out.",
        discussion: """
            One message body a line (NDJSON, native or CloudEvents structured). Each output is one JSON line on standard \
            output, each rejected line one JSON line on standard error. Now is each message's own time: the same input \
            gives the same bytes out. With --input the lines are read as that queue's messages, by its type and map; what \
            its filters pass over gives nothing. Exit 65 if any line was rejected; the rest is still done.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(name: .customLong("input"), help: "Read the lines as messages of this queue of broker.inputs.")
    var queue: String?

    @Argument(help: "The file to read (default: standard input).", completion: .file())
    var input: String?

    func run() throws {
        let configuration = try options.load()
        let decode = try configuration.decodeOptions(ofInput: queue)
        let descriptor = try openInput()
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        do {
            let store = try StoreFactory.open(configuration)
            defer { store.close() }
            try store.migrate()
            try store.adopt(configuration.rulebook.strategy)
            let replay = Replay(
                configuration: configuration, store: store, options: decode, encoder: try configuration.outputEncoder())
            let rejected = try replay.run(descriptor)
            if rejected { throw ExitCode(ExitStatus.rejectedLines) }
        } catch let error as StoreError {
            complain("backorderd: \(error.message)")
            throw ExitCode(ExitStatus.failed)
        } catch let failure as ReadFailure {
            complain("backorderd: \(input ?? "standard input") can't be read: \(failure.text)")
            throw ExitCode(ExitStatus.failed)
        }
    }

    private func openInput() throws -> Int32 {
        guard let input, input != "-" else { return STDIN_FILENO }
        let descriptor = open(input, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 {
            complain("backorderd: \(input) can't be opened: \(String(cString: strerror(errno)))")
            throw ExitCode(ExitStatus.failed)
        }
        return descriptor
    }
}

/// The history player's results, written on a thread of their own: three overlapping stages in all.
final class Replay {
    private struct Written: Sendable {
        var outputs: [UInt8] = []
        var rejections: [UInt8] = []
    }

    private let player: HistoryPlayer

    init(
        configuration: Configuration, store: any BackOrderStore, options: DecodeOptions?, encoder: OutputEncoder
    ) {
        player = HistoryPlayer(configuration: configuration, store: store, options: options, encoder: encoder)
    }

    /// Answers whether any line was rejected.
    func run(_ descriptor: Int32) throws -> Bool {
        let written = BoundedChannel<Written>(capacity: 4)
        let readerGone = Shared(false)
        var progress = Progress(besideOutput: true)
        let isWatched = progress.isShown
        let writer = WorkThread(name: "replay-write") {
            while let chunk = written.receive() {
                if readerGone.value { continue }
                if !writeAll(chunk.outputs, to: STDOUT_FILENO) { readerGone.value = true }
                if isWatched, !chunk.rejections.isEmpty {
                    writeAll(Array(Progress.clearLine.utf8), to: STDERR_FILENO)
                }
                writeAll(chunk.rejections, to: STDERR_FILENO)
            }
        }
        defer {
            written.close()
            writer.join()
            progress.clear()
        }
        var anyRejected = false
        var count = 0
        try player.play(descriptor) { batch, result in
            let chunk = Replay.render(batch, result)
            if !chunk.rejections.isEmpty { anyRejected = true }
            written.send(chunk)
            count += batch.deliveries.count
            progress.show("\(count) messages\(Progress.part(of: descriptor))")
            return !readerGone.value
        }
        return anyRejected
    }

    private static func render(_ batch: HistoryPlayer.Batch, _ result: BatchResult) -> Written {
        var written = Written()
        written.outputs.reserveCapacity(result.messages.reduce(0) { $0 + $1.body.count + 64 })
        for message in result.messages where message.destination == .output {
            append(message, to: &written.outputs)
        }
        for (index, outcome) in result.outcomes.enumerated() {
            if case .deadLettered(let rejection) = outcome {
                append(rejection, line: Int64(batch.lines[index]), to: &written.rejections)
            }
        }
        for rejected in result.rejectedParked {
            let line = OriginalMessage(decoding: rejected.message.original).flatMap { Int64($0.queue) }
            append(rejected.rejection, line: line, to: &written.rejections)
        }
        return written
    }

    /// The body is an object: the routing key becomes its first member, and the exchange, where it is not the output's.
    static func append(_ message: OutboxMessage, to bytes: inout [UInt8]) {
        bytes += "{\"routing_key\":".utf8
        bytes += JSONText.string(message.routingKey).rendered.utf8
        if let exchange = message.exchange {
            bytes += ",\"exchange\":".utf8
            bytes += JSONText.string(exchange).rendered.utf8
        }
        if message.body.count > 2 { bytes.append(UInt8(ascii: ",")) }
        bytes += message.body.dropFirst()
        bytes.append(0x0A)
    }

    private static func append(_ rejection: Rejection, line: Int64?, to bytes: inout [UInt8]) {
        let text = JSONText.object([
            ("line", line.map { .integer($0) } ?? .null), ("reason", .string(rejection.reason.rawValue)),
            ("detail", .string(rejection.detail)),
        ])
        bytes += text.rendered.utf8
        bytes.append(0x0A)
    }
}
