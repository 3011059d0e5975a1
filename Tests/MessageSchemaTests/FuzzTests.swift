import Foundation
import InventoryCore
import Testing

@testable import MessageSchema

/// Seeded mutations of good messages in all their envelopes. Whatever the bytes: no trap, a message or a rejection,
/// the same twice.
///
/// `BACKORDERD_FUZZ_MUTATIONS` says how many, `BACKORDERD_FUZZ_SEED` which.
@Suite struct FuzzTests {
    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }

        mutating func below(_ bound: Int) -> Int { bound <= 0 ? 0 : Int(next() % UInt64(bound)) }
    }

    private struct Seed: Sendable {
        var body: [UInt8]
        var envelope: Envelope
    }

    private static let seeds: [Seed] = Samples.all.flatMap { type, body -> [Seed] in
        let content = body.setting("type", nil).setting("id", nil).setting("time", nil)
        let event: J = [
            "specversion": "1.0", "source": "/shop", "type": .string("com.acme.\(type.rawValue)"), "id": "e-1",
            "time": "2026-11-23T10:00:00.5+01:00", "data": content,
        ]
        let base64 = Data(content.bytes).base64EncodedString()
        let headers = [
            (name: "cloudEvents:type", value: "com.acme.\(type.rawValue)"), (name: "cloudEvents:id", value: "e-2"),
            (name: "cloudEvents:time", value: Samples.time), (name: "traceparent", value: "00-1-2-01"),
        ]
        return [
            Seed(body: body.bytes, envelope: Envelope()),
            Seed(
                body: content.bytes,
                envelope: Envelope(type: type.rawValue, messageID: "m-1", timestamp: 1_795_428_000)),
            Seed(body: event.bytes, envelope: Envelope(contentType: "application/cloudevents+json")),
            Seed(
                body: event.setting("data", nil).setting("data_base64", .string(base64)).bytes,
                envelope: Envelope(contentType: "application/cloudevents+json")),
            Seed(body: content.bytes, envelope: Envelope(headers: headers)),
        ]
    }

    /// Pieces that have broken parsers before.
    private static let pieces: [[UInt8]] =
        [
            "\"", "\\", "\\u", "\\ud800", "\\udc00\\ud800", "\\u0000", "{", "}", "[", "]", ",", ":", "null", "true",
            "-", "-0", ".", "e", "1e",
            "1e309", "1E-99999999999999999999", "99999999999999999999999999", "0.0000000000000000000000001",
            "-9223372036854775808",
            "9223372036854775807", "NaN", "\"id\"", "\"type\"", "\"lines\":[]", "{\"sku\":\"A\"}",
            "9999-12-31T23:59:60Z",
            "0000-00-00T00:00:00Z", "2026-11-23T10:00:00+99:99", "T24", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
            "\u{FEFF}", "\u{85}", "\u{2028}",
        ].map { Array($0.utf8) } + [
            [0x00], [0x80], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF], [0xE2, 0x82],
        ]

    private static func mutate(_ body: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        var body = body
        for _ in 0...random.below(3) {
            let at = random.below(body.count + 1)
            switch random.below(8) {
            case 0 where at < body.count: body[at] ^= 1 << UInt8(random.below(8))
            case 1 where at < body.count: body[at] = UInt8(truncatingIfNeeded: random.next())
            case 2: body.insert(contentsOf: pieces[random.below(pieces.count)], at: at)
            case 3: body.removeSubrange(at..<min(body.count, at + 1 + random.below(12)))
            case 4:
                let piece = pieces[random.below(pieces.count)]
                body.replaceSubrange(at..<min(body.count, at + piece.count), with: piece)
            case 5:
                // A part of it comes twice.
                let end = min(body.count, at + random.below(60))
                body.insert(contentsOf: Array(body[at..<end]), at: random.below(body.count + 1))
            case 6 where at < body.count: body[at] = UInt8(ascii: "0") + UInt8(random.below(10))
            default:
                let other = seeds[random.below(seeds.count)].body
                let from = random.below(other.count)
                body.replaceSubrange(at..<min(body.count, at + 30), with: other[from..<min(other.count, from + 30)])
            }
        }
        return body
    }

    @Test(.timeLimit(.minutes(10))) func mutations() {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["BACKORDERD_FUZZ_MUTATIONS"].flatMap { Int($0) } ?? 1_000_000
        var random = SplitMix(state: environment["BACKORDERD_FUZZ_SEED"].flatMap { UInt64($0) } ?? 42)
        let decoder = Decoder()
        var accepted = 0
        var reasons: [RejectionReason: Int] = [:]
        for round in 0..<count {
            let seed = Self.seeds[round % Self.seeds.count]
            let body = Self.mutate(seed.body, &random)
            let result = decoder.decode(body, envelope: seed.envelope, arrival: Samples.arrival)
            switch result {
            case .success(let decoded):
                accepted += 1
                if !Self.isSound(decoded) { return Self.tell("unsound", round, body) }
            case .failure(let rejection):
                reasons[rejection.reason, default: 0] += 1
                if !Self.isSound(rejection) { return Self.tell(rejection.detail, round, body) }
            }
            if round % 8 == 0 {
                let again = decoder.decode(body, envelope: seed.envelope, arrival: Samples.arrival)
                if !Self.isSame(result, again) { return Self.tell("not the same twice", round, body) }
            }
        }
        print("fuzz: \(count) mutations, \(accepted) accepted, \(reasons)")
        #expect(accepted > count / 50)
        #expect(reasons[.malformed, default: 0] > count / 50)
        #expect(reasons[.invalid, default: 0] > count / 50)
    }

    private static func tell(_ what: String, _ round: Int, _ body: [UInt8]) {
        Issue.record("mutation \(round): \(what): \(Data(body).base64EncodedString())")
    }

    private static func isSound(_ rejection: Rejection) -> Bool {
        !rejection.detail.isEmpty && rejection.detail.utf8.count < 1000
            && rejection.detail.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F && $0.value != 0x2028 }
            && [.malformed, .invalid, .unknownType, .tooLarge].contains(rejection.reason)
    }

    private static func isSound(_ decoded: DecodedMessage) -> Bool {
        let time = decoded.message.time.microseconds
        guard !decoded.message.id.isEmpty, time >= earliestInstant, time <= latestInstant else { return false }
        guard case .orderPlaced(let order) = decoded.message.input else { return true }
        return !order.lines.isEmpty && order.lines.count <= 1000
            && Set(order.lines.map(\.lineID)).count == order.lines.count
            && order.lines.allSatisfy {
                (1...1_000_000_000).contains($0.quantity) && (1...128).contains($0.sku.text.utf8.count)
            }
    }

    private static func isSame(_ one: Result<DecodedMessage, Rejection>, _ other: Result<DecodedMessage, Rejection>)
        -> Bool
    {
        switch (one, other) {
        case (.success(let one), .success(let other)): one.message == other.message && one.identity == other.identity
        case (.failure(let one), .failure(let other)): one == other
        default: false
        }
    }
}
