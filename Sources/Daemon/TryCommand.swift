import ArgumentParser
import BackOrderStore
import Configuration
import Glibc
import InventoryCore
import MessageSchema
import Worker

/// `backorderd try`: how sample messages are read and what would come of them. Changes nothing.
struct TryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "try",
        abstract: "Show how sample messages are read, what would be decided and what would be published.",
        discussion: """
            Each sample is a file with one JSON message, or one message a line (.ndjson, .jsonl, or - for standard input). \
            Every field is shown with the place in the message that it came from. The decisions are those of an empty \
            store, one sample after the other; with --live of the configured store, each sample as if it came next, and \
            nothing is kept. Exit 65 if any sample was rejected.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(name: .long, help: "Read them as messages of this queue of broker.inputs (default: the first with a map).")
    var input: String?

    @Option(name: .long, help: "The AMQP property type that they would have.")
    var type: String?

    @Option(name: .long, help: "The AMQP property message_id that they would have.")
    var id: String?

    @Option(name: .long, help: "The routing key that they would have.")
    var routingKey: String?

    @Option(name: .long, help: "A header that they would have, as NAME=VALUE. May be given more than once.")
    var header: [String] = []

    @Flag(name: .long, help: "Decide on the configured store; all of it is rolled back.")
    var live = false

    @Argument(help: "Files with sample messages.", completion: .file())
    var samples: [String]

    func run() throws {
        let configuration = try options.load()
        let queue =
            input ?? configuration.broker.inputs.first { $0.map != nil }?.queue ?? configuration.broker.inputs[0].queue
        let decode = try configuration.decodeOptions(ofInput: queue) ?? DecodeOptions()
        var envelope = Envelope(type: type, messageID: id, routingKey: routingKey)
        for text in header {
            guard let equals = text.firstIndex(of: "=") else {
                complain("backorderd: a header is written as NAME=VALUE")
                throw ExitCode(EX_USAGE)
            }
            envelope.headers.append((String(text[..<equals]), String(text[text.index(after: equals)...])))
        }
        do {
            let store: any BackOrderStore = live ? try StoreFactory.openForReading(configuration) : MemoryStore()
            defer { store.close() }
            if !live { try store.migrate() }
            let trial = try Trial(configuration, store, decode, envelope, isLive: live)
            var isClean = true
            for sample in samples {
                for (name, body) in try messages(of: sample, limit: decode.messageBytesMax) {
                    print("\(name), read as a message of \(queue)")
                    isClean = try trial.show(body) && isClean
                }
            }
            if !isClean { throw ExitCode(ExitStatus.rejectedLines) }
        } catch let error as StoreError {
            complain("backorderd: \(error.message)")
            throw ExitCode(ExitStatus.failed)
        }
    }

    private func messages(of sample: String, limit: Int) throws -> [(name: String, body: [UInt8])] {
        let descriptor = sample == "-" ? STDIN_FILENO : open(sample, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 {
            complain("backorderd: \(sample) can't be opened: \(String(cString: strerror(errno)))")
            throw ExitCode(ExitStatus.notFound)
        }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= max(limit, 64 << 20) {
            let count = read(descriptor, &chunk, chunk.count)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                complain("backorderd: \(sample) can't be read: \(String(cString: strerror(errno)))")
                throw ExitCode(ExitStatus.failed)
            }
            bytes += chunk[..<count]
        }
        guard sample == "-" || sample.hasSuffix(".ndjson") || sample.hasSuffix(".jsonl") else {
            return [(sample, bytes)]
        }
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return lines.enumerated().compactMap { index, line in
            line.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D } ? nil : ("\(sample):\(index + 1)", Array(line))
        }
    }
}

/// One sample after the other, on one store.
private final class Trial {
    private let configuration: Configuration
    private let decode: DecodeOptions
    private let envelope: Envelope
    private let processor: BatchProcessor
    private let isLive: Bool

    init(
        _ configuration: Configuration, _ store: any BackOrderStore, _ decode: DecodeOptions, _ envelope: Envelope,
        isLive: Bool
    ) throws(ConfigurationError) {
        self.configuration = configuration
        self.decode = decode
        self.envelope = envelope
        self.isLive = isLive
        processor = BatchProcessor(
            store: isLive ? Rehearsal(store) : store, rules: configuration.rulebook,
            clock: isLive ? .system(wallClock) : .messageTime, keepsOutbox: false,
            encoder: try configuration.outputEncoder())
    }

    /// Answers whether the sample was not rejected.
    func show(_ body: [UInt8]) throws -> Bool {
        let decoder = Decoder()
        let arrival = wallClock()
        let reading = decoder.read(body, envelope: envelope, arrival: arrival, options: decode)
        var rows = decoder.fields(body, envelope: envelope, arrival: arrival, options: decode).map {
            ($0.key, $0.value, $0.origin)
        }
        if case .message(let decoded) = reading {
            rows.insert(("type", decoded.message.input.type.rawValue, ""), at: 0)
            if !rows.contains(where: { $0.0 == "id" }) { rows.append(("id", decoded.message.id, "stands in")) }
            if !rows.contains(where: { $0.0 == "time" }) {
                rows.append(("time", formatRFC3339(decoded.message.time), "stands in"))
            }
        }
        let keyWidth = rows.map(\.0.count).max() ?? 0
        let valueWidth = min(rows.map(\.1.count).max() ?? 0, 40)
        for (key, value, origin) in rows {
            print("  \(padded(key, keyWidth))  \(padded(value, valueWidth))  \(origin)".trimmedAtEnd)
        }
        let result = try processor.process([
            DecodedDelivery(reading: reading, queue: "try", body: body, properties: { [] })
        ])
        print("  => \(described(result.outcomes.first))")
        let outputs = result.messages.filter { $0.destination == .output }
        for output in outputs {
            let exchange = output.exchange ?? configuration.broker.output
            print("  publishes to \(exchange), \(TextTable.printable(output.routingKey)):")
            if let contentType = output.contentType { print("    \(contentType)") }
            for header in output.headers { print("    \(header.name): \(TextTable.printable(header.value))") }
            print("    \(TextTable.printable(String(decoding: output.body, as: UTF8.self)))")
        }
        if result.figures.outputsSkipped > 0 { print("  passes over \(result.figures.outputsSkipped) outputs") }
        if outputs.isEmpty, case .message = reading { print("  publishes nothing") }
        print("")
        if case .deadLettered? = result.outcomes.first { return false }
        return true
    }

    private func described(_ outcome: InputOutcome?) -> String {
        switch outcome {
        case .applied: "applied"
        case .noEffect: "valid, nothing to do"
        case .duplicate: "a duplicate, no effect"
        case .parked: "parked until its order comes"
        case .skipped(let cause): "passed over, \(cause)"
        case .deadLettered(let rejection): "dead letter, \(rejection.reason.rawValue): \(rejection.detail)"
        case nil: "nothing"
        }
    }

    private func padded(_ text: String, _ width: Int) -> String {
        let text = TextTable.printable(text)
        return text + String(repeating: " ", count: max(0, width - text.count))
    }
}

extension String {
    fileprivate var trimmedAtEnd: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}

/// A store whose transactions are all rolled back: decisions are made on what it holds, and nothing of them stays.
private final class Rehearsal: BackOrderStore {
    private struct RolledBack: Error {}

    private let store: any BackOrderStore

    init(_ store: any BackOrderStore) {
        self.store = store
    }

    func write<Result>(_ body: (any StoreTransaction) throws -> Result) throws -> Result {
        var result: Result?
        do {
            try store.write { (transaction) throws -> Void in
                result = try body(transaction)
                throw RolledBack()
            }
        } catch is RolledBack {
            if let result { return result }
        }
        throw StoreError(.corrupt, "a rehearsal was kept")
    }

    func read<Result>(_ body: (any StoreQueries) throws -> Result) throws -> Result { try store.read(body) }
    func migrate() throws {}
    func schemaVersion() throws -> (found: Int, wanted: Int) { try store.schemaVersion() }
    func adopt(_ strategy: Strategy) throws {}
    func close() { store.close() }
}
