import InventoryCore
import Testing

@testable import MessageSchema

@Suite struct IdentityTests {
    private func identity(_ text: String, _ envelope: Envelope = Envelope()) throws -> MessageIdentity {
        try decode(Array(text.utf8), envelope).get().identity
    }

    private func order(_ rest: String) -> String {
        #"{"type":"order-placed","id":"m1","time":"2026-11-23T10:00:00Z","order_id":"O-1","lines":[{"sku":"A","quantity":2}]"#
            + rest + "}"
    }

    @Test(arguments: [
        // Order, space, escapes, numbers by value, id, time and type.
        #"{"order_id":"O-1","lines":[{"sku":"A","quantity":2}],"type":"order-placed"}"#,
        " {\n\"lines\" : [ { \"quantity\" : 2.0 , \"sku\" : \"\\u0041\" } ] , \"order_\\u0069d\" : \"O\\u002d1\" , \"type\":\"order-placed\" , \"id\":\"other\" }",
        #"{"type":"order-placed","time":"2027-01-01T00:00:00Z","order_id":"O-1","lines":[{"sku":"A","quantity":2e0}]}"#,
        #"{"specversion":"1.0","source":"/shop","type":"com.acme.order-placed","id":"x","data":{"order_id":"O-1","lines":[{"sku":"A","quantity":0.2e1}]}}"#,
    ])
    func sameContent(text: String) throws {
        let one = try identity(order(""))
        let other = try identity(text)
        #expect(one.content == other.content)
        #expect(one.factKey == other.factKey)
        #expect(one.messageKey != other.messageKey)
    }

    @Test(arguments: [
        #"{"type":"order-placed","order_id":"O-1","lines":[{"sku":"A","quantity":3}]}"#,
        #"{"type":"order-placed","order_id":"O-1","lines":[{"sku":"A","quantity":20}]}"#,
        #"{"type":"order-placed","order_id":"O-1","lines":[{"sku":"a","quantity":2}]}"#,
        #"{"type":"order-placed","order_id":"O-1","lines":[{"sku":"A","quantity":2}],"unknown":0}"#,
        #"{"type":"order-placed","order_id":"O-1","lines":[{"sku":"A","quantity":2,"x":{"id":1}}]}"#,
        #"{"type":"order-placed","order_id":"O-1","lines":[{"sku":"A","quantity":2},{"sku":"A","quantity":2}]}"#,
    ])
    func otherContent(text: String) throws {
        let one = try identity(order(""))
        let other = try identity(text)
        #expect(one.content != other.content)
        #expect(one.factKey == other.factKey)
    }

    @Test func nestedIDsAndOrderInsideListsAreContent() throws {
        let pairs = [
            (#","customer":{"id":"1"}"#, #","customer":{"id":"2"}"#), (#","x":[1,2]"#, #","x":[2,1]"#),
            (#","x":"1""#, #","x":1"#), (#","x":null"#, ""), (#","x":["a,b"]"#, #","x":["a","b"]"#),
            (#","x":"\"""#, #","x":"\\\"""#), (#","x":{}"#, #","x":[]"#), (#","x":0.1"#, #","x":0.01"#),
            (#","x":true"#, #","x":false"#),
            (#","x":"é""#, #","x":"e\u0301""#),
        ]
        for (left, right) in pairs {
            #expect(try identity(order(left)).content != identity(order(right)).content, "\(left) \(right)")
        }
        let same = [
            (#","x":{"a":1,"b":{"d":1.10,"c":[]}}"#, #","x":{"b":{"c":[],"d":11E-1},"a":1.0}"#),
            (#","x":"\u00e9\/""#, #","x":"é/""#), (#","x":-0.0"#, #","x":0"#),
            (#","ab":1,"a":2,"\u0061c":3"#, #","ac":3,"a":2,"ab":1"#),
        ]
        for (left, right) in same {
            #expect(try identity(order(left)).content == identity(order(right)).content, "\(left) \(right)")
        }
    }

    @Test func manyKeysAreSorted() throws {
        let names = (0..<100).map { "\"k\($0)\":\($0)" }
        let forth = "," + names.joined(separator: ",")
        let back = "," + names.reversed().joined(separator: ",")
        #expect(try identity(order(forth)).content == identity(order(back)).content)
    }

    @Test func standInIDs() throws {
        let expected: [InputType: String] = [
            .orderPlaced: "order-placed:O-1", .stockReceived: "stock-received:R-1",
            .shipmentDispatched: "shipment-dispatched:S-1", .stockAdjusted: "stock-adjusted:J-1",
            .inboundScheduled: "inbound-scheduled:I-1:2026-11-23T10:00:00.000Z",
        ]
        for (type, body) in Samples.all {
            let message = try decode(body.setting("id", nil))
            let again = try decode(body.setting("id", .null))
            #expect(message.identity == again.identity)
            if let id = expected[type] {
                #expect(message.message.id == id)
            } else {
                #expect(message.message.id.hasPrefix("digest:"))
                #expect(message.message.id.utf8.count == 39)
                #expect(message.identity.factKey == nil)
                // Another type with the same content is another message.
                #expect(try decode(body.setting("reason", "other").setting("id", nil)).message.id != message.message.id)
            }
            #expect(message.identity.messageKey == messageKey(message.message.id))
            let withID = try decode(body)
            #expect(withID.identity.messageKey == messageKey("id-\(type.rawValue)"))
            #expect(withID.identity.factKey == message.identity.factKey)
            #expect(withID.identity.content == message.identity.content)
        }
        let released = try decode(#"{"order_id":"O-1"}"#.utf8.map { $0 }, Envelope(type: "order-released")).get()
        let cancelled = try decode(#"{"order_id":"O-1"}"#.utf8.map { $0 }, Envelope(type: "order-cancelled")).get()
        #expect(released.message.id != cancelled.message.id)
        #expect(released.identity.content == cancelled.identity.content)
    }

    @Test func anInboundIsNamedByItsTime() throws {
        let one = try decode(Samples.inboundScheduled)
        let later = try decode(Samples.inboundScheduled.setting("time", "2026-11-23T10:00:00.000001Z"))
        #expect(one.identity.factKey != later.identity.factKey)
        let nameless = Samples.inboundScheduled.setting("id", nil)
        #expect(
            try decode(nameless.setting("time", "2026-11-23T10:00:00.000001Z")).message.id
                == "inbound-scheduled:I-1:2026-11-23T10:00:00.000001Z")
        // Without a time there is no business key: whenever it comes again, it is the same message.
        let timeless = try decode(nameless.setting("time", nil))
        #expect(timeless.identity.factKey == nil)
        #expect(timeless.message.id.hasPrefix("digest:"))
        #expect(timeless.message.time == Samples.arrival)
    }

    @Test func businessKeysOfTypesAreApart() throws {
        let keys = try Samples.all.compactMap { try decode($0.body).identity.factKey }
        #expect(keys.count == 5)
        #expect(Set(keys).count == 5)
    }

    /// NIST's one-block vector, and RFC 9562's example of a version 5 UUID (DNS namespace).
    @Test func digestVectors() {
        let abc = Array("abc".utf8).withUnsafeBytes { digest128($0) }
        #expect(abc.hexadecimal == "ba7816bf8f01cfea414140de5dae2223")
        let dns: [UInt8] = [
            0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8,
        ]
        #expect(
            uuidVersion5(namespace: dns, name: Array("www.example.com".utf8)) == "2ed6657d-e927-568b-95e1-2665a8aea6a2")
        #expect(uuidVersion5(namespace: dns, name: Array("python.org".utf8)) == "886313e1-3b8a-5372-9b90-0c9aee199e5d")
    }

    /// Facts are mostly numbered one after the other; their keys stay together in the inbox's index.
    @Test func neighboursKeepTogether() {
        let keys = (1000...1999).map { messageKey("O\($0)") }
        #expect(Set(keys).count == 1000)
        #expect(Set(keys.map(\.high)).count == 1)
        #expect(keys == keys.sorted())
        #expect(messageKey("O2000").high != keys[0].high)
        #expect(Set(["", "1", "12", "123", "1234"].map { messageKey($0) }).count == 5)
    }

    /// Written down once: keys live in stores, so what they are made of must never change.
    @Test func keysAreForEver() throws {
        let order = try decode(Samples.orderPlaced).identity
        #expect(messageKey("m1").hexadecimal == Golden.messageKey)
        #expect(order.content.hexadecimal == Golden.content)
        #expect(order.factKey?.hexadecimal == Golden.factKey)
    }
}

/// Worked out by another program (Python's hashlib).
private enum Golden {
    static let messageKey = "62c66a7a5dd70c31006d3146618063c3"
    static let factKey = "37ba0869d3de64b54f2d31f4be06a436"
    static let content = "21b5569e8dc6f17ebd53e68b7cbc22f1"
}
