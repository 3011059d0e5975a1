import BackOrderStore
import Configuration
import Foundation
import InventoryCore
import MessageSchema
import Testing
import Worker

@testable import Daemon

/// Every folder of `config/examples/mapped`: its samples through its own configuration, and what has to come of them.
/// Samples are `N-QUEUE.ndjson`, read in that order on an empty store. `UPDATE_EXAMPLES=1` writes what comes now.
@Suite struct ExampleTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("config/examples/mapped")

    static let names =
        ((try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []).filter { !$0.hasPrefix(".") }.sorted()

    @Test func allOfThemAreHere() {
        #expect(
            Self.names == [
                "bridge", "cloudevents", "commercetools", "debezium", "edi-x12", "legacy-csv", "magento", "medusa",
                "odoo",
                "sap-idoc", "shopify", "woocommerce",
            ])
    }

    @Test(arguments: names)
    func givesWhatIsExpected(name: String) throws {
        let folder = Self.root.appendingPathComponent(name)
        let expected = folder.appendingPathComponent("expected.ndjson")
        let made = try Self.run(folder).joined(separator: "\n") + "\n"
        if ProcessInfo.processInfo.environment["UPDATE_EXAMPLES"] == "1" {
            try Data(made.utf8).write(to: expected)
        }
        #expect(made == (try String(contentsOf: expected, encoding: .utf8)))
        // An example that shows no back order shows nothing.
        #expect(made.contains("order-backordered") || made.contains("backorder-filled"))
    }

    /// What comes of each sample: outputs, rejections, and what is passed over.
    static func run(_ folder: URL) throws -> [String] {
        let file = folder.appendingPathComponent("backorderd.yaml")
        let configuration = try Configuration.parse(Array(Data(contentsOf: file)), named: file.path)
        try configuration.checkMappings(source: file.path)
        let options = try configuration.decodeOptions(source: file.path)
        let store = MemoryStore()
        let processor = BatchProcessor(
            store: store, rules: configuration.rulebook, clock: .messageTime, keepsOutbox: false,
            encoder: try configuration.outputEncoder())
        let samples = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".ndjson") && $0 != "expected.ndjson" }.sorted()
        var lines: [String] = []
        for sample in samples {
            let queue = String(sample.dropFirst(2).dropLast(".ndjson".count))
            let decode = try #require(options[queue], "no input reads \(queue)")
            for body in try Data(contentsOf: folder.appendingPathComponent(sample)).split(separator: 0x0A) {
                let reading = Decoder().read(
                    Array(body), envelope: Envelope(), arrival: Instant(microseconds: 0), options: decode)
                let result = try processor.process([
                    DecodedDelivery(reading: reading, queue: queue, body: Array(body), properties: { [] })
                ])
                switch result.outcomes[0] {
                case .deadLettered(let rejection):
                    lines.append(
                        "{\"rejected\":\"\(rejection.reason.rawValue)\",\"detail\":\(quoted(rejection.detail))}")
                case .skipped(let cause): lines.append("{\"skipped\":\(quoted(cause))}")
                default: break
                }
                lines += result.messages.filter { $0.destination == .output }.map(line)
            }
        }
        return lines
    }

    private static func line(_ message: OutboxMessage) -> String {
        var bytes: [UInt8] = []
        Replay.append(message, to: &bytes)
        return String(decoding: bytes.dropLast(), as: UTF8.self)
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
