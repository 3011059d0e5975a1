import BackOrderStore
import Foundation
import MessageSchema
import Testing
import Worker

@testable import Daemon

/// Mappings of outputs made by chance, seeded, over outputs of orders that hold whatever customers sent: nothing traps,
/// nothing is lost, and every body is JSON.
@Suite struct OutputMappingFuzzTests {
    typealias Dice = MappingFuzzTests.Dice

    static let pointers = [
        "/order_id", "/sequence", "/lines", "/lines/0/sku", "/customer", "/customer/a", "/customer/b/1/c", "/time",
        "/customer/*", "/kind", "/promised_at", "$/customer/a", "^/id", "$", "/lines/*", "/sku", "/quantity", "",
        "/position/on_hand", "/back_orders", "/customer/b/*", "/nothing", "/customer/[a=1]", "^^/x", "~", "x",
    ]
    static let keys = [
        "a", "a.b", "a.c", "b", "b[].x", "b[].y.z", "c", "c[]", "d[].e[].f", "d", "d[].e", "/x.y/z", "b[].w[]", "b[].w",
        "a..", "[]",
    ]

    static func value(_ dice: inout Dice, depth: Int = 0) -> String {
        let pointer = "\"\(dice.pick(pointers))\""
        switch dice.next() % (depth > 2 ? 2 : 9) {
        case 0, 1: return pointer
        case 2: return "[\(pointer), \"-\", \"\(dice.pick(pointers))\"]"
        case 3:
            let other = dice.chance(60) ? ", else: \(dice.pick(["0", "null", "{value: x}", "x"]))" : ""
            return "{from: \(pointer), as: \(dice.pick(MappingFuzzTests.coercions))\(other)}"
        case 4: return "{from: \(pointer), default: \(dice.pick(["5", "x", "null", "true"]))}"
        case 5: return "{from: \(pointer), is: {order-held: y, 1: 2}, else: z}"
        case 6: return "{any: [\(pointer), \"\(dice.pick(pointers))\"]}"
        case 7: return "{from: \(pointer), skip: {when: {\"\(dice.pick(pointers))\": [\"A*\", null]}}}"
        default: return dice.pick(["5", "{value: x}", "{element: key}", "{property: type}", "{property: id}", "null"])
        }
    }

    static func map(_ dice: inout Dice) -> String {
        var lines = ["envelope: \(dice.pick(["native", "cloudevents", "cloudevents-binary"]))"]
        for name in ["routing_key", "type", "subject"] where dice.chance(30) {
            lines.append("\(name): \(value(&dice))")
        }
        if dice.chance(20) { lines.append("without: [\(dice.pick(["customer", "lines[].sku", "id", "\"\""]))]") }
        if dice.chance(20) { lines.append("skip: {unless: {\"\(dice.pick(pointers))\": [\"*\", null]}}") }
        for section in ["", "customer-notification", "reorder-requested"] where dice.chance(60) {
            let indent = section.isEmpty ? "" : "  "
            let own = keys.filter { _ in dice.chance(25) }.map { "\(indent)  \"\($0)\": \(value(&dice))" }
            if own.isEmpty { continue }
            if !section.isEmpty { lines.append("\(section):") }
            lines.append("\(indent)body:")
            lines += own
        }
        return lines.joined(separator: "\n")
    }

    /// One that is right, of keys and values that go together in any way.
    static func sound(_ dice: inout Dice) -> String {
        let values = [
            "/customer/a", "/customer/b", "[/order_id, /customer/c]", "{from: /customer/a, as: string-number, else: 0}",
            "{from: /customer/b, as: [trim, unix-seconds], else: null}", "{from: /customer/c, as: {times: 3}, else: x}",
            "{from: /customer/a, is: {x: y}, else: 5}", "{any: [/customer/a, /customer/b, /id]}",
            "{from: /customer/b, as: local-time, else: never}", "{from: /customer/c, as: text, else: none}",
        ]
        var lines = [
            "envelope: \(dice.pick(["native", "cloudevents", "cloudevents-binary"]))", "customer-notification:",
        ]
        lines += ["routing_key", "type"].map { "  \($0): \(dice.pick(values))" }
        lines.append("  body:")
        for key in ["a", "b.c", "/d.e", "b.f.g"] { lines.append("    \(key): \(dice.pick(values))") }
        lines += [
            "    l: \(dice.pick(["/customer/a", "/customer/b/*", "/customer/*/*", "$", "/lines", "/customer/c"]))",
            "    \(dice.pick(["l[]", "l[].x", "l[].y.z"])): \(dice.pick(["$/customer/a", "{element: key}", "^/id", "\"\""]))",
        ]
        return lines.joined(separator: "\n")
    }

    @Test(arguments: 0..<8)
    func nothingTraps(seed: Int) throws {
        var dice = Dice(state: UInt64(seed) &* 6151 &+ 3)
        var usable = 0
        var published = 0
        for round in 0..<60 {
            let map = round % 2 == 0 ? Self.map(&dice) : Self.sound(&dice)
            guard let outputs = try? MappedOutputs(map) else {
                #expect(MappedOutputs.problems(map).allSatisfy { $0.hasPrefix("f:") })
                continue
            }
            usable += 1
            for number in 0..<5 {
                let message =
                    #"{"type":"order-placed","id":"m\#(number)","time":"2026-06-01T10:00:00Z","order_id":"O\#(number)","customer":{"a":\#(MappingFuzzTests.json(&dice)),"b":\#(MappingFuzzTests.json(&dice)),"c":\#(MappingFuzzTests.json(&dice))},"lines":[{"sku":"A","quantity":1},{"sku":"B","quantity":2}]}"#
                for result in try outputs.result([message]) {
                    // One notice and two reorders, or none of the order at all.
                    let isRead = !result.messages.contains { $0.destination == .deadLetter }
                    #expect(result.messages.count + result.figures.outputsSkipped == (isRead ? 3 : 1))
                    for output in result.messages where output.destination == .output {
                        published += 1
                        #expect((1...255).contains(output.routingKey.utf8.count) && output.type.utf8.count <= 255)
                        let made = try? JSONSerialization.jsonObject(with: Data(output.body))
                        #expect(
                            made is [String: Any], "\(map)\n\(message)\n\(String(decoding: output.body, as: UTF8.self))"
                        )
                    }
                }
            }
        }
        #expect(usable > 27 && published > 200)
    }
}
