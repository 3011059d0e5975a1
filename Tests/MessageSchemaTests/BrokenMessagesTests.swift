import Foundation
import InventoryCore
import Testing

@testable import MessageSchema

@Suite struct BrokenMessagesTests {
    @Test func everyOneIsRefusedForItsReason() {
        #expect(BrokenMessages.all.count >= 200)
        for message in BrokenMessages.all {
            switch decode(message.body, message.envelope) {
            case .success: Issue.record("\(message.name) is accepted")
            case .failure(let rejection):
                #expect(rejection == Rejection(message.reason, message.detail), "\(message.name)")
                #expect(rejection.detail.utf8.allSatisfy { $0 >= 0x20 }, "\(message.name)")
            }
        }
    }

    /// A text cut anywhere is not JSON, and never anything worse.
    @Test func cutTexts() {
        for (_, body) in Samples.all {
            let bytes = body.bytes
            for length in 0..<bytes.count {
                guard case .failure(let rejection) = decode(Array(bytes[..<length])) else {
                    Issue.record("\(length) bytes of \(body.text) are accepted")
                    continue
                }
                #expect(rejection.reason == .malformed)
            }
        }
    }

    @Test func tooLarge() throws {
        let order = Samples.orderPlaced.bytes
        let padded = order + [UInt8](repeating: 0x20, count: 1_048_576 - order.count)
        _ = try decode(padded).get()
        #expect(decode(padded + [0x20]).rejection == Rejection(.tooLarge, "1048577 bytes, at most 1048576 allowed"))
        let small = DecodeOptions(messageBytesMax: 10)
        #expect(
            decode(order, Envelope(), small).rejection
                == Rejection(.tooLarge, "\(order.count) bytes, at most 10 allowed"))
    }

    /// `BACKORDERD_GOLDEN_UPDATE=1 swift test --filter fixture` writes the file anew.
    @Test func fixtureIsThisTable() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/broken-messages.ndjson")
        let text = BrokenMessages.all.map(line).joined(separator: "\n") + "\n"
        if ProcessInfo.processInfo.environment["BACKORDERD_GOLDEN_UPDATE"] != nil {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == text)
    }

    private func line(_ message: BrokenMessage) -> String {
        var properties: [(String, J)] = []
        if let contentType = message.envelope.contentType { properties.append(("content_type", .string(contentType))) }
        if let type = message.envelope.type { properties.append(("type", .string(type))) }
        if let id = message.envelope.messageID { properties.append(("message_id", .string(id))) }
        if let timestamp = message.envelope.timestamp { properties.append(("timestamp", .raw(String(timestamp)))) }
        if !message.envelope.headers.isEmpty {
            properties.append(("headers", .object(message.envelope.headers.map { ($0.name, .string($0.value)) })))
        }
        let body = Data(message.body).base64EncodedString()
        return J.object([
            ("name", .string(message.name)), ("body_base64", .string(body)), ("properties", .object(properties)),
            ("reason", .string(message.reason.rawValue)), ("detail", .string(message.detail)),
        ]).text
    }
}

extension Result where Success == DecodedMessage, Failure == Rejection {
    var rejection: Rejection? {
        if case .failure(let rejection) = self { return rejection }
        return nil
    }
}
