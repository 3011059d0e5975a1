import Configuration
import InventoryCore
import MessageSchema
import Testing

@testable import Daemon

/// Mappings and messages made by chance, seeded: nothing traps, and what can't be used is rejected with its place.
@Suite struct MappingFuzzTests {
    /// SplitMix64.
    struct Dice: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        mutating func pick<Element>(_ elements: [Element]) -> Element { elements[Int(next() % UInt64(elements.count))] }
        mutating func chance(_ percent: UInt64) -> Bool { next() % 100 < percent }
    }

    static let pointers = [
        "/a", "/b", "/a/b", "/a/0", "/b/1/c", "$/a", "^/b", "^^/c", "$", "/", "/x~1y", "/x~0y", "/[a=1]/b", "/a/[c=x]",
        "/\u{e9}", "/a/*", "/a/*/b", "/*", "/[last]", "/a/[0=x]/b", "/b/[last]/c", "/a/[*]", "~", "a", "/a~",
        "/99999999999", "/01", "^", "^^^^^^^^/a",
    ]
    static let keys = [
        "order_id", "lines", "lines[].sku", "lines[].quantity", "lines[].line_id", "priority", "customer",
        "customer.id",
        "customer.a.b", "time", "id", "type", "skip", "ship", "unknown", "lines[].unit_price", "order-placed",
        "placed_at", "currency", "unwrap",
    ]
    static let coercions = [
        "string-integer", "string-number", "decimal-comma", "text", "unix-seconds", "unix-milliseconds", "local-time",
        "unix-microseconds", "unix-nanoseconds", "unix-days", "{divide: 100}", "[string-integer, {divide: 7}]",
        "[string-number, {divide: 1000}]", "{local-time: {zone: UTC, format: \"M/D/YY h:mm AM\"}}",
        "{local-time: {format: \"DDD, D MMM YYYY hh:mm:ss Z\"}}", "trim", "upper", "lower", "blank-null", "absolute",
        "{times: 12}", "{times: 9000000000}",
        #"{before: " "}"#, #"{after: b}"#, #"{remove: "1"}"#, #"[{before: x}, {after: y}, trim]"#,
        "{local-time: {zone: \"+01:00\", format: \"DD.MM.YY hh\"}}", "nonsense", "[trim, text]",
    ]

    static func value(_ dice: inout Dice, depth: Int = 0) -> String {
        func quoted(_ text: String) -> String { "\"\(text)\"" }
        switch dice.next() % (depth > 2 ? 3 : 13) {
        case 0, 1, 2: return quoted(dice.pick(pointers))
        case 3: return "[\(quoted(dice.pick(pointers))), \"-\", \(value(&dice, depth: depth + 1))]"
        case 4: return "{from: \(value(&dice, depth: depth + 1)), as: \(dice.pick(coercions))}"
        case 5:
            return
                "{from: \(quoted(dice.pick(pointers))), default: \(dice.pick(["5", "x", "\"5\"", "null", "true", "[]"]))}"
        case 6:
            return
                "{from: \(quoted(dice.pick(pointers))), is: {x: y, 1: 2, \"true\": order-placed}, else: order-placed}"
        case 8:
            let open = dice.pick(["$/a/[*]", "$/b/[a=*]/b", "/[*]", "$/a/[0=*]/1", "$/b/[*]/[*]", "/a"])
            return "{from: \(value(&dice, depth: depth + 1)), in: \"\(open)\", as: \(dice.pick(coercions))}"
        case 9, 10:
            let other = value(&dice, depth: depth + 1)
            return
                "{from: \(quoted(dice.pick(pointers))), \(dice.pick(["plus", "minus"])): \(other), as: string-integer}"
        case 11:
            let test = dice.pick(["x", "{present: true}", "{same: /b}", "{not-same: $/a}", "{not: [null, 1]}", "{}"])
            return "{any: [{from: /a, when: {/b: \(test)}}, {value: x, when: [{/a: \(test)}, {/c: 1}]}, /a]}"
        case 7: return "{any: [\(quoted(dice.pick(pointers))), \(quoted(dice.pick(pointers)))]}"
        default:
            return dice.pick([
                "5", "{value: x}", "{element: key}", "{header: h}", "{property: type}", "null", "{}", "[]",
            ])
        }
    }

    static func json(_ dice: inout Dice, depth: Int = 0) -> String {
        switch dice.next() % (depth > 4 ? 6 : 10) {
        case 0: return "null"
        case 1: return dice.pick(["true", "false"])
        case 2: return dice.pick(["0", "1", "-1", "2.5", "1e99", "-0", "99999999999999999999", "1767225600", "1.0"])
        case 3, 4, 5:
            return dice.pick([
                #""x""#, #""1""#, #"" 7 ""#, #""""#, #""\u0000""#, #""\ud83d\ude00\"""#, #""2026-01-01T00:00:00Z""#,
                #""2026-01-01 00:00:00""#, #""order-placed""#, #""-007""#, #""1,5""#,
                #""eyJhIjoieCIsImIiOlt7ImEiOjF9XX0=""#, #""e30""#,
                #""{\"a\":\"x\",\"b\":[{\"a\":1}]}""#, #""[{\"c\":\"\u00e9\"},2]""#, #""{\"a\":""#,
            ])
        case 6, 7:
            return "[" + (0..<(dice.next() % 4)).map { _ in json(&dice, depth: depth + 1) }.joined(separator: ",") + "]"
        default:
            let names = ["a", "b", "c", "x/y", "\\u00e9", "1"].filter { _ in dice.chance(50) }
            return "{" + names.map { "\"\($0)\":\(json(&dice, depth: depth + 1))" }.joined(separator: ",") + "}"
        }
    }

    @Test(arguments: 0..<8)
    func nothingTraps(seed: Int) {
        var dice = Dice(state: UInt64(seed) &* 7919 &+ 1)
        var usable = 0
        var rejected = 0
        var unplaced: Set<String> = []
        for _ in 0..<150 {
            var lines: [String] = []
            if dice.chance(80) {
                lines = [
                    "order_id: {from: \"/\(dice.pick(["a", "b", "c"]))\", as: text}",
                    "lines: \(dice.pick(["/a", "/b/*", "$", "/*/*"]))",
                    "lines[].sku: [x, {any: [/a, /b, $/c]}]",
                    "lines[].quantity: {from: \"/\(dice.pick(["a", "b", "1"]))\", as: string-integer, default: 1}",
                ]
            }
            for key in Self.keys where dice.chance(6) && !lines.contains(where: { $0.hasPrefix("\(key):") }) {
                lines.append("\(key): \(Self.value(&dice))")
            }
            if dice.chance(20), !lines.contains(where: { $0.hasPrefix("unwrap:") }) {
                lines.append(
                    "unwrap: \(dice.pick(["/a", "/b", "[/a, /a/b, /c]", "/a/0", "{base64: /a}", "[{base64: /b}, /b/a]"]))"
                )
            }
            let type = dice.chance(70) ? "order-placed" : nil
            // No line at all is no mapping.
            if lines.isEmpty { continue }
            guard let input = try? MappedInput(type: type, lines.joined(separator: "\n")) else { continue }
            usable += 1
            for _ in 0..<60 {
                var body = Array(Self.json(&dice).utf8)
                if dice.chance(10), !body.isEmpty {
                    body[Int(dice.next() % UInt64(body.count))] = UInt8(dice.next() & 0xFF)
                }
                let envelope = Envelope(
                    type: dice.pick([nil, "order-placed", "stock-received"]), headers: [("h", "x")])
                let reading = Decoder().read(
                    body, envelope: envelope, arrival: Instant(microseconds: 0), options: input.options)
                _ = Decoder().fields(
                    body, envelope: envelope, arrival: Instant(microseconds: 0), options: input.options)
                guard case .rejected(let rejection) = reading else { continue }
                rejected += 1
                #expect(!rejection.detail.isEmpty && !rejection.detail.contains("\n"))
                // What a mapped field is rejected for names its place in the foreign message, or in the mapping.
                let places = [" (at ", " (from ", " (nothing at ", " (the mapping"]
                if rejection.reason == .invalid, !places.contains(where: { rejection.detail.contains($0) }) {
                    unplaced.insert(rejection.detail)
                }
            }
        }
        #expect(unplaced.isEmpty)
        #expect(usable > 20 && rejected > 100)
    }
}
