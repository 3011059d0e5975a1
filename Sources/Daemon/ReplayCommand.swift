import ArgumentParser
import BackOrderStore
import Configuration
import Glibc
import InventoryCore
import MessageSchema
import Synchronization
import Worker

/// `backorderd replay`: a history through the production path, without a broker.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Read messages from a file and print what comes out.",
        discussion: """
            One message body a line (NDJSON, native or CloudEvents structured). Each output is one JSON line on standard \
            output, each rejected line one JSON line on standard error. Now is each message's own time: the same input \
            gives the same bytes out. Exit 65 if any line was rejected; the rest is still done.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "The file to read (default: standard input).", completion: .file())
    var input: String?

    func run() throws {
        let configuration = try options.load()
        let descriptor = try openInput()
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        do {
            let store = try StoreFactory.open(configuration)
            defer { store.close() }
            try store.migrate()
            try store.adopt(configuration.rulebook.strategy)
            let replay = Replay(configuration: configuration, store: store)
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

/// Three overlapping stages: read and decode, transact, write. The hand-over is bounded; the order is kept.
private final class Replay {
    private struct Batch: Sendable {
        var deliveries: [DecodedDelivery] = []
        var lines: [Int] = []
    }

    private struct Written: Sendable {
        var outputs: [UInt8] = []
        var rejections: [UInt8] = []
    }

    private let configuration: Configuration
    private let store: any BackOrderStore

    init(configuration: Configuration, store: any BackOrderStore) {
        self.configuration = configuration
        self.store = store
    }

    /// Answers whether any line was rejected.
    func run(_ descriptor: Int32) throws -> Bool {
        let decoded = BoundedChannel<Batch>(capacity: 4)
        let written = BoundedChannel<Written>(capacity: 4)
        let readFailure = Shared<ReadFailure?>(nil)
        let readerGone = Shared(false)
        let size = configuration.worker.batch
        let limits = DecodeOptions(
            linesMax: configuration.limits.lines, messageBytesMax: configuration.limits.messageBytes)

        let reader = WorkThread(name: "replay-read") {
            do throws(ReadFailure) {
                try Replay.read(descriptor, limits, size, into: decoded)
            } catch {
                readFailure.value = error
            }
            decoded.close()
        }
        let writer = WorkThread(name: "replay-write") {
            while let chunk = written.receive() {
                if readerGone.value { continue }
                if !writeAll(chunk.outputs, to: STDOUT_FILENO) { readerGone.value = true }
                writeAll(chunk.rejections, to: STDERR_FILENO)
            }
        }
        defer {
            decoded.close()
            written.close()
            reader.join()
            writer.join()
        }
        var anyRejected = false
        let processor = BatchProcessor(
            store: store, rules: configuration.rulebook, clock: .messageTime, keepsOutbox: false)
        while let batch = decoded.receive() {
            let result = try transact { try processor.process(batch.deliveries) }
            let chunk = Replay.render(batch, result)
            if !chunk.rejections.isEmpty { anyRejected = true }
            written.send(chunk)
            if readerGone.value { break }
        }
        if let failure = readFailure.value { throw failure }
        written.send(Replay.render(Batch(), try transact { try processor.finishReplay() }))
        return anyRejected
    }

    private func transact(_ body: () throws -> BatchResult) throws -> BatchResult {
        var failures = 0
        while true {
            do {
                return try body()
            } catch let error as StoreError where error.isRetriable && failures < 5 {
                failures += 1
                usleep(UInt32(100_000 << failures))
            }
        }
    }

    private static func read(
        _ descriptor: Int32, _ options: DecodeOptions, _ size: Int, into channel: BoundedChannel<Batch>
    ) throws(ReadFailure) {
        let decoder = Decoder()
        var reader = LineReader(descriptor: descriptor, limit: options.messageBytesMax)
        var batch = Batch()
        var number = 0
        // A message without a time arrives when the one before it did: the replay asks no clock.
        var arrival = Instant(microseconds: 0)
        while let line = try reader.next() {
            number += 1
            let result: Result<DecodedMessage, Rejection>
            var body: [UInt8] = []
            switch line {
            case .tooLong(let bytes):
                result = .failure(
                    Rejection(.tooLarge, "\(bytes) bytes, at most \(options.messageBytesMax) allowed"))
            case .bytes(let bytes):
                if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
                body = bytes
                result = decoder.decode(bytes, envelope: Envelope(), arrival: arrival, options: options)
            }
            if case .success(let decoded) = result { arrival = max(arrival, decoded.message.time) }
            // A parked line that is rejected later is told with its number: it travels as the queue's name.
            batch.deliveries.append(
                DecodedDelivery(result: result, queue: String(number), body: body, properties: { [] }))
            batch.lines.append(number)
            if batch.lines.count >= size {
                if !channel.send(batch) { return }
                batch = Batch()
            }
        }
        if !batch.lines.isEmpty { channel.send(batch) }
    }

    private static func render(_ batch: Batch, _ result: BatchResult) -> Written {
        var written = Written()
        written.outputs.reserveCapacity(result.messages.reduce(0) { $0 + $1.body.count + 64 })
        for message in result.messages where message.destination == .output {
            // The body is an object: the routing key becomes its first member.
            written.outputs += "{\"routing_key\":\"\(message.routingKey)\",".utf8
            written.outputs += message.body.dropFirst()
            written.outputs.append(0x0A)
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

    private static func append(_ rejection: Rejection, line: Int64?, to bytes: inout [UInt8]) {
        let text = JSONText.object([
            ("line", line.map { .integer($0) } ?? .null), ("reason", .string(rejection.reason.rawValue)),
            ("detail", .string(rejection.detail)),
        ])
        bytes += text.rendered.utf8
        bytes.append(0x0A)
    }
}

/// One value that two stages share.
private final class Shared<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    init(_ value: Value) {
        state = Mutex(value)
    }

    var value: Value {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}
