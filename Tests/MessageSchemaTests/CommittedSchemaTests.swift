import Foundation
import Testing

@testable import MessageSchema

/// What is committed is what the field table says: config/schemas, and the generated parts of docs/messages.md.
/// `make schemas` (BACKORDERD_WRITE_SCHEMAS=1) writes them.
@Suite struct CommittedSchemaTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let schemas = root.appendingPathComponent("config/schemas")
    private static let page = root.appendingPathComponent("docs/messages.md")
    private static let writes = ProcessInfo.processInfo.environment["BACKORDERD_WRITE_SCHEMAS"] == "1"

    private static func hold(_ wanted: String, at url: URL) throws {
        if writes { try Data(wanted.utf8).write(to: url) }
        let found = try? String(contentsOf: url, encoding: .utf8)
        #expect(
            found == wanted,
            "\(url.lastPathComponent) is not what the code says: run make schemas and look at the change")
    }

    @Test func schemasAreCommitted() throws {
        if Self.writes { try FileManager.default.createDirectory(at: Self.schemas, withIntermediateDirectories: true) }
        for type in messageTypes {
            let schema = try #require(jsonSchema(for: type))
            try Self.hold(schema + "\n", at: Self.schemas.appendingPathComponent("\(type).json"))
        }
        try Self.hold(asyncAPI() + "\n", at: Self.schemas.appendingPathComponent("asyncapi.json"))
        let found = try FileManager.default.contentsOfDirectory(atPath: Self.schemas.path)
        #expect(Set(found) == Set(messageTypes.map { "\($0).json" } + ["asyncapi.json"]))
    }

    @Test func thePageIsMadeOfTheTable() throws {
        var text = try String(contentsOf: Self.page, encoding: .utf8)
        for (name, direction) in [("in", MessageDescription.Direction.input), ("out", .output)] {
            let begin = try #require(text.range(of: "<!-- \(name): made by make schemas -->\n"))
            let end = try #require(text.range(of: "<!-- end of \(name) -->"))
            text.replaceSubrange(begin.upperBound..<end.lowerBound, with: "\n" + MessagesPage.text(direction) + "\n")
        }
        try Self.hold(text, at: Self.page)
    }

    /// The examples tell every key of their message between them, and the decoder takes those of inputs.
    @Test func examplesAreWhole() throws {
        for message in messageTable {
            let examples = messageExamples(message.type)
            #expect(!examples.isEmpty, "\(message.type) has no example")
            for example in examples {
                let document = try JSONSerialization.jsonObject(with: Data(example.rendered.utf8))
                #expect((document as? [String: Any])?["type"] as? String == message.type)
                if message.direction == .input { _ = try decode(Array(example.rendered.utf8), Envelope()).get() }
            }
            let told = examples.map(\.rendered).joined()
            for field in message.fields {
                #expect(told.contains("\"\(field.name)\""), "no example of \(message.type) has \(field.name)")
            }
        }
    }
}
