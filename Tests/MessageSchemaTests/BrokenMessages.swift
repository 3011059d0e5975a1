import InventoryCore

@testable import MessageSchema

/// A message that must be refused, and what its dead letter says.
struct BrokenMessage: Sendable {
    var name: String
    var body: [UInt8]
    var envelope: Envelope
    var reason: RejectionReason
    var detail: String

    init(_ name: String, _ body: [UInt8], _ reason: RejectionReason, _ detail: String) {
        self.init(name, body, Envelope(), reason, detail)
    }

    init(_ name: String, _ body: [UInt8], _ envelope: Envelope, _ reason: RejectionReason, _ detail: String) {
        self.name = name
        self.body = body
        self.envelope = envelope
        self.reason = reason
        self.detail = detail
    }
}

/// Every rule of the contract broken once, on every key that it holds for. Made from the field table and from lists,
/// always the same. Tests/Fixtures/broken-messages.ndjson is this, for the live tests.
enum BrokenMessages {
    static let all: [BrokenMessage] = notJSON + envelopes + lists + byField

    // MARK: By field

    private static let byField: [BrokenMessage] = Samples.all.flatMap { type, body -> [BrokenMessage] in
        guard let message = messageTable.first(where: { $0.type == type.rawValue }) else { return [] }
        return broken(message.fields, type, body, prefix: "", "lines[0].")
    }

    private static func broken(
        _ fields: [Field], _ type: InputType, _ body: J, prefix: String, _ linePrefix: String
    ) -> [BrokenMessage] {
        fields.flatMap { field -> [BrokenMessage] in
            let path = prefix + field.name
            func message(_ value: J?, _ cause: String) -> BrokenMessage {
                // A key that rules out another one takes its place.
                var body = body
                if field.name == "counted" { body = body.setting("lines[0].delta", nil) }
                return BrokenMessage(
                    "\(type.rawValue) \(path)", body.setting(path, value).bytes, .invalid, "\(path): \(cause)")
            }
            var result: [BrokenMessage] = []
            if field.isRequired {
                result += [message(nil, "is missing"), message(.null, "is missing")]
            }
            result += causes(field).map { message($0, $1) }
            switch field.kind {
            case .object(let members): result += broken(members, type, body, prefix: path + ".", linePrefix)
            case .list(let members, _, _): result += broken(members, type, body, prefix: linePrefix, linePrefix)
            default: break
            }
            return result
        }
    }

    /// Wrong values of a field with the cause that each is refused for.
    private static func causes(_ field: Field) -> [(J, String)] {
        switch field.kind {
        case .identifier:
            return [
                (5, "5 is a number, text is needed"), (.raw("true"), "true is no text and no number, text is needed"),
                ([], "is a list, text is needed"), ([:], "is an object, text is needed"), ("", "is empty"),
                (.string(String(repeating: "x", count: 129)), "129 bytes, at most 128 allowed"),
                (.string(String(repeating: "é", count: 70)), "140 bytes, at most 128 allowed"),
                ("a\u{7}b", #""a\u0007b" has a control character"#), ("a\u{85}", #""a\u0085" has a control character"#),
            ]
        case .text(let bytesMax):
            return [
                (5, "5 is a number, text is needed"), ([:], "is an object, text is needed"),
                (
                    .string(String(repeating: "x", count: bytesMax + 1)),
                    "\(bytesMax + 1) bytes, at most \(bytesMax) allowed"
                ),
                ("a\u{0}", "has a NUL character"),
            ]
        case .time:
            return [
                (1_795_428_000, "1795428000 is a number, a time is needed"),
                ("2026-11-23T10:00:00", #""2026-11-23T10:00:00" has no zone"#),
                ("yesterday", #""yesterday" is not a time (RFC 3339)"#),
                ("2026-02-30T10:00:00Z", #""2026-02-30T10:00:00Z" is not in the calendar"#),
            ]
        case .whole(let range), .change(let range):
            let (low, high) = (range.lowerBound, range.upperBound)
            let bounds = "is not between \(low) and \(high)"
            return [
                (.raw("2.5"), "2.5 is not a whole number"), ("2", #""2" is text, a whole number is needed"#),
                (.raw("1e300"), "1e300 \(bounds)"), (.raw("1e-3"), "1e-3 is not a whole number"),
                (.raw("\(low - 1)"), "\(low - 1) \(bounds)"), (.raw("\(high + 1)"), "\(high + 1) \(bounds)"),
                (.raw("true"), "true is no text and no number, a whole number is needed"),
                ([1], "is a list, a whole number is needed"), ("NaN", #""NaN" is text, a whole number is needed"#),
            ]
        case .number:
            return [
                ("9.99", #""9.99" is text, a number is needed"#),
                (.raw(String(repeating: "9", count: 65)), "a number of 65 bytes, at most 64 allowed"),
            ]
        case .choice(let words):
            return [
                ("perhaps", "\"perhaps\" is not one of \(words.joined(separator: ", "))"),
                (1, "1 is a number, text is needed"),
            ]
        case .object:
            return [([], "is a list, an object is needed"), ("x", #""x" is text, an object is needed"#)]
        case .list:
            return [
                ([], "is empty"), ([:], "is an object, a list is needed"),
                (.list(Array(repeating: [:], count: 1001)), "1001 lines, at most 1000 allowed"),
            ]
        case .uuid, .messageType, .anything: return []
        }
    }

    // MARK: Lists

    private static let order = Samples.orderPlaced

    private static let lists: [BrokenMessage] = {
        func broken(_ name: String, _ body: J, _ detail: String) -> BrokenMessage {
            BrokenMessage(name, body.bytes, .invalid, detail)
        }
        let line: J = ["sku": "A-100", "quantity": 1]
        let adjusted = Samples.stockAdjusted
        return [
            broken(
                "the example", order.setting("lines", [line, line, ["sku": "A", "quantity": .raw("2.5")]]),
                "lines[2].quantity: 2.5 is not a whole number"),
            broken(
                "a line that is a number", order.setting("lines", [5]), "lines[0]: 5 is a number, an object is needed"),
            broken(
                "a line that is null", order.setting("lines", [line, .null]), "lines[1]: is null, an object is needed"),
            broken(
                "a line that is a list", order.setting("lines", [line, []]), "lines[1]: is a list, an object is needed"),
            broken("line_id twice", order.setting("lines[1].line_id", "L1"), #"lines[1].line_id: "L1" is used twice"#),
            broken(
                "line_id as a default",
                order.setting("lines", [line.setting("line_id", "2"), line]), #"lines[1].line_id: "2" is used twice"#),
            broken(
                "the last of ten line_ids",
                order.setting("lines", .list((0..<10).map { line.setting("line_id", .string("x\($0 % 9)")) })),
                #"lines[9].line_id: "x0" is used twice"#),
            broken(
                "neither line_id nor sku", Samples.shipmentDispatched.setting("lines", [["quantity": 1]]),
                "lines[0]: has neither line_id nor sku"),
            broken(
                "line_id null, no sku", Samples.orderCancelled.setting("lines", [["line_id": .null]]),
                "lines[0]: has neither line_id nor sku"),
            broken(
                "delta and counted", adjusted.setting("lines[0].counted", 3),
                "lines[0]: has both delta and counted, one is needed"),
            broken(
                "neither delta nor counted", adjusted.setting("lines[1].counted", nil),
                "lines[1]: has neither delta nor counted"),
            broken("delta 0", adjusted.setting("lines[0].delta", 0), "lines[0].delta: must not be 0"),
            broken(
                "a long text is cut", order.setting("placed_at", .string(String(repeating: "x", count: 500))),
                "placed_at: \"\(String(repeating: "x", count: 60))…\" is not a time (RFC 3339)"),
            broken(
                "a foreign line feed", order.setting("ship", "a\r\nb\u{2028}"),
                #"ship: "a\u000d\u000ab\u2028" is not one of partial, complete"#),
        ]
    }()

    // MARK: Envelopes

    private static let envelopes: [BrokenMessage] = {
        let content = order.setting("type", nil).setting("id", nil).setting("time", nil)
        func event(_ key: String, _ value: J?) -> [UInt8] {
            let event: J = [
                "specversion": "1.0", "source": "/shop", "type": "com.acme.order-placed", "id": "e-1",
                "time": "2026-11-23T10:00:00Z",
                "datacontenttype": "application/json", "data": content,
            ]
            return event.setting(key, value).bytes
        }
        let structured = Envelope(contentType: "application/cloudevents+json; charset=utf-8")
        func binary(_ headers: [(name: String, value: String)]) -> Envelope { Envelope(headers: headers) }
        return [
            BrokenMessage("no type", content.bytes, .unknownType, "type: is missing"),
            BrokenMessage("type null", order.setting("type", .null).bytes, .unknownType, "type: is missing"),
            BrokenMessage(
                "unknown type", order.setting("type", "order-lost").bytes, .unknownType,
                #"type: "order-lost" is not known"#),
            BrokenMessage("empty type", order.setting("type", "").bytes, .unknownType, #"type: "" is not known"#),
            BrokenMessage(
                "type in capitals", order.setting("type", "Order-Placed").bytes, .unknownType,
                #"type: "Order-Placed" is not known"#),
            BrokenMessage(
                "prefix in the native form", order.setting("type", "com.acme.order-placed").bytes, .unknownType,
                #"type: "com.acme.order-placed" is not known"#),
            BrokenMessage(
                "type 5", order.setting("type", 5).bytes, .unknownType, "type: 5 is a number, a message type is needed"),
            BrokenMessage(
                "unknown type property", content.bytes, Envelope(type: "x"), .unknownType, #"type: "x" is not known"#),
            BrokenMessage(
                "message_id too long", content.bytes,
                Envelope(type: "order-placed", messageID: String(repeating: "i", count: 200)), .invalid,
                "id: 200 bytes, at most 128 allowed"),
            BrokenMessage(
                "timestamp in milliseconds", content.bytes,
                Envelope(type: "order-placed", timestamp: 1_795_428_000_000),
                .invalid, "time: timestamp 1795428000000 is not in seconds of the years 1 to 9999"),
            BrokenMessage(
                "structured, unknown type", event("type", "com.acme.order-lost"), structured, .unknownType,
                #"type: "com.acme.order-lost" is not known"#),
            BrokenMessage(
                "structured, type ends in a dot", event("type", "order-placed."), structured, .unknownType,
                #"type: "order-placed." is not known"#),
            BrokenMessage("structured, no data", event("data", nil), structured, .invalid, "data: is missing"),
            BrokenMessage(
                "structured, data is text", event("data", "{}"), structured, .invalid,
                #"data: "{}" is text, an object is needed"#),
            BrokenMessage(
                "structured, wrong time", event("time", "2026-11-23T10:00:00"), structured, .invalid,
                #"time: "2026-11-23T10:00:00" has no zone"#),
            BrokenMessage("structured, empty id", event("id", ""), structured, .invalid, "id: is empty"),
            BrokenMessage(
                "structured, a field", event("data.order_id", nil), structured, .invalid, "order_id: is missing"),
            BrokenMessage(
                "structured, found by its keys", event("data.lines[1].sku", nil), .invalid, "lines[1].sku: is missing"),
            BrokenMessage(
                "structured, data twice encoded", event("data", nil).dropLast() + Array(#","data_base64":"e30"}"#.utf8),
                structured, .invalid, "data_base64: is not Base64"),
            BrokenMessage(
                "structured, base64 of no JSON", event("data", nil).dropLast() + Array(#","data_base64":"eyg="}"#.utf8),
                structured, .malformed, "not JSON at byte 1: a key in double quotes is expected"),
            BrokenMessage(
                "structured, base64 of a list", event("data", nil).dropLast() + Array(#","data_base64":"W10="}"#.utf8),
                structured, .invalid, "data_base64: is a list, an object is needed"),
            BrokenMessage(
                "binary, unknown type", content.bytes, binary([("cloudEvents:type", "com.acme.x")]), .unknownType,
                #"type: "com.acme.x" is not known"#),
            BrokenMessage(
                "binary, no type", content.bytes, binary([("cloudEvents:specversion", "1.0")]), .unknownType,
                "type: is missing"),
            BrokenMessage(
                "binary, wrong time", content.bytes,
                binary([("cloudEvents:type", "order-placed"), ("cloudEvents:time", "noon")]), .invalid,
                #"time: "noon" is not a time (RFC 3339)"#),
            BrokenMessage(
                "binary, id with a tab", content.bytes,
                binary([("cloudEvents_type", "order-placed"), ("cloudEvents_id", "a\tb")]), .invalid,
                #"id: "a\u0009b" has a control character"#),
        ]
    }()

    // MARK: Not JSON

    private static let notJSON: [BrokenMessage] = {
        let text = order.text
        func malformed(_ name: String, _ bytes: [UInt8], _ detail: String) -> BrokenMessage {
            BrokenMessage(name, bytes, .malformed, detail)
        }
        func malformed(_ text: String, _ detail: String) -> BrokenMessage {
            BrokenMessage("the body \(text.prefix(20))", Array(text.utf8), .malformed, detail)
        }
        let bytes = Array(text.utf8)
        // The same order, cut after every 20th byte.
        let cut = stride(from: 1, to: bytes.count, by: 20).map { length -> BrokenMessage in
            let part = Array(bytes[..<length])
            return malformed("cut after \(length) bytes", part, detail(part))
        }
        let duplicate = order.text.dropLast() + #","order_id":"O-2"}"#
        return [
            malformed("empty", [], "not JSON: it is empty"), malformed("blank", [0x20, 0x0A], "not JSON: it is empty"),
            malformed("[]", "not an object: the body is a list"), malformed("null", "not an object: the body is null"),
            malformed("5", "not an object: the body 5 is a number"),
            malformed("\"{}\"", #"not an object: the body "{}" is text"#),
            malformed("true", "not an object: the body true is no text and no number"),
            malformed("<order/>", "not JSON at byte 0: a value is expected"),
            malformed("type: order-placed", "not JSON at byte 0: a value is expected"),
            malformed("{} {}", "not JSON at byte 3: there is more after the end of the value"),
            malformed(#"{"quantity":NaN}"#, "not JSON at byte 12: a value is expected"),
            malformed(#"{"quantity":Infinity}"#, "not JSON at byte 12: a value is expected"),
            malformed(#"{"quantity":02}"#, "not JSON at byte 12: a number must not begin with 0"),
            malformed(#"{"type":"order-placed",}"#, "not JSON at byte 23: a key in double quotes is expected"),
            malformed("key given twice", Array(duplicate.utf8), #"duplicate key "order_id""#),
            malformed(
                #"{"type":"order-placed","lines":[{"sku":"A","quantity":1,"quantity":9}]}"#,
                #"duplicate key "quantity""#),
            malformed(
                "Latin-1", [0x7B, 0x22, 0x61, 0x22, 0x3A, 0x22, 0xE9, 0x22, 0x7D], "not JSON at byte 6: not UTF-8"),
            malformed("UTF-16", [0xFF, 0xFE, 0x7B, 0x00], "not JSON at byte 0: a value is expected"),
            malformed("gzip", [0x1F, 0x8B, 0x08, 0x00], "not JSON at byte 0: a value is expected"),
            malformed(#"{"a":"\ud800"}"#, "not JSON at byte 6: half of a surrogate pair"),
            malformed(
                "deep", Array((#"{"a":"# + String(repeating: "[", count: 1000)).utf8), "nested deeper than 64 levels"),
        ] + cut
    }()

    /// What the parser says of a text that ends too early; here only the reason is held, the details in JSONParserTests.
    private static func detail(_ bytes: [UInt8]) -> String {
        guard case .failure(let rejection) = decode(bytes) else { return "" }
        return rejection.detail
    }
}
