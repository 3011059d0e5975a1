import BackOrderStore
import Configuration
import InventoryCore
import MessageSchema
import Worker

@testable import Daemon

/// Outputs by a mapping, as a configuration file has it.
struct MappedOutputs {
    let configuration: Configuration
    private let encoder: OutputEncoder

    /// - Parameter map: the lines under `map:`, as YAML.
    init(_ map: String) throws {
        try self.init(file: MappedOutputs.file(map))
    }

    /// - Parameter yaml: the whole file.
    init(file yaml: String) throws {
        configuration = try Configuration.parse(Array(yaml.utf8), named: "f")
        try configuration.checkMappings(source: "f")
        encoder = try configuration.outputEncoder()
    }

    static func file(_ map: String) -> String {
        let lines = map.split(separator: "\n").map { "      \($0)" }.joined(separator: "\n")
        return "broker:\n  output:\n    map:\n\(lines)\nlocations: [{id: WH-1}]\n"
    }

    /// What is wrong with a mapping, one line for each cause; the map begins on line 4, column 7.
    static func problems(_ map: String) -> [String] {
        do {
            _ = try MappedOutputs(map)
            return []
        } catch let error as ConfigurationError {
            return error.problems.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    /// An order of three lines, of which one waits for a reorder; and its outputs: confirmed in part, requested, reordered.
    static let messages = [
        #"{"type":"stock-received","id":"r1","time":"2026-06-01T09:00:00Z","receipt_id":"R1","location":"WH-1","lines":[{"sku":"A","quantity":2}]}"#,
        #"{"type":"order-placed","id":"m1","time":"2026-06-01T10:00:00.500Z","order_id":"1042","customer":{"id":7,"segment":"gold","contact":"a@b.example","more":{"list":[1,2]}},"lines":[{"sku":"A","quantity":2},{"sku":"B/1","quantity":3},{"sku":"C","quantity":4}]}"#,
    ]

    /// What is published of `messages`.
    func published(_ messages: [String] = MappedOutputs.messages) throws -> [OutboxMessage] {
        try result(messages).flatMap { $0.messages.filter { $0.destination == .output } }
    }

    func result(_ messages: [String]) throws -> [BatchResult] {
        let processor = BatchProcessor(
            store: MemoryStore(), rules: configuration.rulebook, clock: .messageTime, keepsOutbox: false,
            encoder: encoder)
        return try messages.map { text in
            let reading = Decoder().read(
                Array(text.utf8), envelope: Envelope(), arrival: Instant(microseconds: 0), options: DecodeOptions())
            return try processor.process([
                DecodedDelivery(reading: reading, queue: "q", body: Array(text.utf8), properties: { [] })
            ])
        }
    }

    /// The body of the first output of a type, or of a kind of notification.
    func body(_ type: String = "order-backordered") throws -> String {
        let native = try MappedOutputs("source: x\nenvelope: cloudevents").published()
        guard let place = native.firstIndex(where: { $0.routingKey.hasSuffix(type) }) else { return "no \(type)" }
        return String(decoding: try published()[place].body, as: UTF8.self)
    }
}
