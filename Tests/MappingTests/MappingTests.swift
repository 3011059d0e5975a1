import InventoryCore
import MessageSchema
import Testing

/// What a mapping makes of a message, and what it says where it can't.
@Suite struct MappingTests {
    static let order = """
        order_id: /order/number
        lines: /order/items
        lines[].sku: /article
        lines[].quantity: /qty
        """

    /// The sample of the contract.
    @Test func aForeignOrderIsTheSameAsOurOwn() throws {
        let input = try MappedInput(type: "order-placed", Self.order)
        let foreign = try #require(
            input.message(#"{"order":{"number":"O-1","items":[{"article":"A","qty":2},{"article":"B","qty":1.0}]}}"#))
        let native = Decoder().decode(
            Array(
                #"{"type":"order-placed","order_id":"O-1","lines":[{"sku":"A","quantity":2},{"sku":"B","quantity":1}]}"#
                    .utf8),
            envelope: Envelope(), arrival: Instant(microseconds: 1_000_000))
        let own = try native.get()
        #expect(foreign.identity == own.identity)
        #expect("\(foreign.message)" == "\(own.message)")
    }

    @Test(arguments: [
        (
            #"{"order":{"number":7,"items":[{"article":"A","qty":2}]}}"#,
            "invalid: order_id: 7 is a number, text is needed (at /order/number)"
        ),
        (#"{"order":{"items":[{"article":"A","qty":2}]}}"#, "invalid: order_id: is missing (nothing at /order/number)"),
        (
            #"{"order":{"number":"1","items":[{"article":"A","qty":2},{"article":"A","qty":2.5}]}}"#,
            "invalid: lines[1].quantity: 2.5 is not a whole number (at /order/items/1/qty)"
        ),
        (
            #"{"order":{"number":"1","items":[{"article":"A"}]}}"#,
            "invalid: lines[0].quantity: is missing (nothing at /order/items/0/qty)"
        ),
        (#"{"order":{"number":"1","items":[]}}"#, "invalid: lines: is empty (from /order/items)"),
        (#"{"order":{"number":"1"}}"#, "invalid: lines: is missing (nothing at /order/items)"),
        (#"{"order":{"number":"1","items":"x"}}"#, "invalid: lines: \"x\" is text, a list is needed (at /order/items)"),
        (
            #"{"order":{"number":"1","items":[{"article":["A"],"qty":1}]}}"#,
            "invalid: lines[0].sku: is a list, text is needed (at /order/items/0/article)"
        ),
        (#"{"order":{"#, "malformed: not JSON at byte 10: it ends inside an object"),
        ("[]", "malformed: not an object: the body is a list"),
    ])
    func aRejectionSaysWhichPointerFoundWhat(body: String, expected: String) throws {
        #expect(try MappedInput(type: "order-placed", Self.order).rejection(body) == expected)
    }

    @Test func nestedListsJoinsTablesConstantsAndCoercions() throws {
        let input = try MappedInput(
            """
            type: {from: /event, is: {order.created: order-placed, stock.in: stock-received, ping: skip}}
            id: {from: /message, as: text}
            time: {from: /at, as: unix-milliseconds}
            order-placed:
              order_id: [/shop, "-", /number]
              lines: /shipments/*/packages/*/items
              lines[].sku: {from: /article, as: [trim, upper]}
              lines[].quantity: {from: /qty, as: string-integer}
              lines[].location: {from: ^^/warehouse, default: WH-9}
              lines[].line_id: ["p", ^/id, ".", {element: key}]
              priority: 3
              customer.id: {from: /buyer/id, as: text}
              customer.segment: {from: /buyer/tier, is: {1: gold}, else: normal}
              customer.contact.email: {any: [/buyer/mail, /mail]}
            stock-received:
              receipt_id: /number
              location: {value: WH-1}
              lines: /rows/*
              lines[].sku: {element: key}
              lines[].quantity: {from: /n, as: {times: 12}}
            """)
        let body = """
            {"event":"order.created","message":9007199254740993,"at":1767225600123,"shop":"DE","number":1001,"mail":"a@b.example",
             "buyer":{"id":5,"tier":1},"shipments":[
              {"warehouse":"WH-2","packages":[{"id":1,"items":[{"article":" a ","qty":" +3"},{"article":"g","qty":"007"}]},{"id":2,"items":[{"article":"b","qty":2}]}]},
              {"packages":[{"id":3,"items":[{"article":"c","qty":"1"}]}]}]}
            """
        let message = try #require(input.message(body), "\(input.rejection(body))")
        #expect(message.message.id == "9007199254740993")
        #expect(message.message.time == Instant(microseconds: 1_767_225_600_123_000))
        guard case .orderPlaced(let placed) = message.message.input else {
            Issue.record("not an order")
            return
        }
        #expect(placed.orderID == "DE-1001")
        #expect(
            placed.lines.map { "\($0.lineID) \($0.sku) \($0.quantity) \($0.location?.text ?? "-")" } == [
                "p1.1 A 3 WH-2", "p1.2 G 7 WH-2", "p2.1 B 2 WH-2", "p3.1 C 1 WH-9",
            ])
        #expect(placed.priority == 3)
        #expect(placed.customer?.json == #"{"id":"5","segment":"gold","contact":{"email":"a@b.example"}}"#)
        let received = try #require(
            input.message(#"{"event":"stock.in","number":"R1","rows":{"A":{"n":1},"B":{"n":2}}}"#))
        guard case .stockReceived(let receipt) = received.message.input else {
            Issue.record("not a receipt")
            return
        }
        #expect(receipt.lines.map { "\($0.sku) \($0.quantity)" } == ["A 12", "B 24"])
        #expect(input.rejection(#"{"event":"ping"}"#) == "skipped: type is skip, from /event")
        #expect(
            input.rejection(#"{"event":"x"}"#)
                == #"unknown-type: type: "x" is none of "order.created", "stock.in", "ping" (at /event)"#)
    }

    @Test func filtersPassMessagesAndLinesOver() throws {
        let input = try MappedInput(
            type: "order-placed",
            """
            skip: {unless: {/status: [paid, "part*"]}, when: [{/test: true}, {/kind: {not: [web, null]}}]}
            order_id: /id
            lines: {from: /items, skip: {when: {/virtual: true}}}
            lines[].sku: /sku
            lines[].quantity: /n
            """)
        func body(_ more: String, _ items: String = #"{"sku":"A","n":1},{"sku":"G","virtual":true}"#) -> String {
            #"{"id":"1","items":[\#(items)]\#(more)}"#
        }
        guard
            case .orderPlaced(let placed)? = input.message(body(#","status":"partly"}"#.dropLast().description))?
                .message.input
        else {
            Issue.record("not read: \(input.rejection(body(#","status":"partly""#)))")
            return
        }
        #expect(placed.lines.map(\.sku) == ["A"])
        #expect(input.rejection(body(#","status":"open""#)) == #"skipped: unless: /status is "open""#)
        #expect(input.rejection(body("")) == "skipped: unless: /status is not there")
        #expect(input.rejection(body(#","status":"paid","test":true"#)) == "skipped: when: /test is true")
        #expect(input.rejection(body(#","status":"paid","kind":"pos""#)) == #"skipped: when: /kind is "pos""#)
        #expect(input.message(body(#","status":"paid","kind":"web""#)) != nil)
        // Nothing of it concerns stock.
        #expect(
            input.rejection(body(#","status":"paid""#, #"{"virtual":true}"#))
                == "skipped: none of the 1 elements at /items is left")
    }

    @Test func eventsAreReadFromTheirData() throws {
        let input = try MappedInput(
            """
            type: {property: type, is: {com.shop.order.created.v1: order-placed}}
            order_id: [{property: source}, ":", /no]
            lines: /items
            lines[].sku: /sku
            lines[].quantity: /n
            """)
        let structured = """
            {"specversion":"1.0","id":"e1","type":"com.shop.order.created.v1","source":"/shop","time":"2026-01-01T00:00:00Z",
             "data":{"no":1,"items":[{"sku":"A","n":1}]}}
            """
        let message = try #require(input.message(structured), "\(input.rejection(structured))")
        #expect(message.message.id == "e1")
        #expect(message.message.time == parseRFC3339("2026-01-01T00:00:00Z"))
        let binary = input.message(
            #"{"no":1,"items":[{"sku":"A","n":1}]}"#,
            envelope: Envelope(headers: [
                ("cloudEvents:specversion", "1.0"), ("cloudEvents:type", "com.shop.order.created.v1"),
                ("cloudEvents:id", "e1"), ("cloudEvents:source", "/shop"), ("cloudEvents:time", "2026-01-01T00:00:00Z"),
            ]))
        #expect(binary?.identity == message.identity)
    }

    @Test func whatComesBesideTheBodyCanBeRead() throws {
        let input = try MappedInput(
            """
            type: {header: X-Shopify-Topic, is: {orders/create: order-placed}}
            order_id: [{property: routing_key}, "/", /id]
            lines: /items
            lines[].sku: /sku
            lines[].quantity: {value: 1}
            """)
        let envelope = Envelope(
            messageID: "m1", timestamp: 5, headers: [("x-shopify-topic", "orders/create")], routingKey: "eu")
        let message = try #require(input.message(#"{"id":1,"items":[{"sku":"A"}]}"#, envelope: envelope))
        #expect(message.message.id == "m1")
        #expect(message.message.time == Instant(microseconds: 5_000_000))
        guard case .orderPlaced(let placed) = message.message.input else { return }
        #expect(placed.orderID == "eu/1")
    }

    @Test(
        arguments: [
            ("string-integer", #""007""#, "7"), ("string-integer", #""1.50""#, nil), ("string-integer", "4", "4"),
            ("string-integer", #""2x""#, nil), ("string-integer", #""""#, nil), ("string-integer", "true", nil),
            ("string-integer", #""999999999999999999999""#, nil), ("{times: 6}", "2", "12"), ("absolute", "-3", "3"),
            ("[trim, string-integer]", #""\t5 ""#, "5"), ("[decimal-comma, string-integer]", #""5,0""#, "5"),
            ("{times: 1000000000}", "9999999999", nil),
            (#"[{before: " "}, string-integer]"#, #""2 pcs of 3 pcs""#, "2"),
            (#"[{before: " "}, string-integer]"#, #""2""#, "2"),
            (#"[{before: " "}, string-integer]"#, "4", "4"),
            (#"[{after: "x "}, string-integer]"#, #""qty\t\"x 7""#, "7"),
            (#"[{after: "x"}, string-integer]"#, #""x""#, nil),
            (#"[{remove: "."}, decimal-comma, string-integer]"#, #""1.000.000,0""#, "1000000"),
            (#"[{remove: "é"}, string-integer]"#, #""\u00e95é""#, "5"),
        ] as [(String, String, String?)])
    func quantitiesAreCoercedByName(coercion: String, value: String, expected: String?) throws {
        let input = try MappedInput(
            type: "stock-received",
            """
            receipt_id: {value: R}
            location: {value: L}
            lines: /l
            lines[].sku: {value: A}
            lines[].quantity: {from: /q, as: \(coercion)}
            """)
        let body = #"{"l":[{"q":\#(value)}]}"#
        if let expected {
            guard case .stockReceived(let receipt)? = input.message(body)?.message.input else {
                Issue.record("\(input.rejection(body))")
                return
            }
            #expect("\(receipt.lines[0].quantity)" == expected)
        } else {
            #expect(input.rejection(body).hasPrefix("invalid: lines[0].quantity: "))
            #expect(input.rejection(body).hasSuffix(" (at /l/0/q)"), "\(input.rejection(body))")
        }
    }

    @Test(
        arguments: [
            ("unix-seconds", "1767225600", "2026-01-01T00:00:00.000Z"),
            ("unix-seconds", #""1767225600.5""#, "2026-01-01T00:00:00.500Z"),
            ("unix-milliseconds", "1767225600123", "2026-01-01T00:00:00.123Z"), ("unix-seconds", "1e99", nil),
            (
                #"[{after: "("}, {before: ")"}, {before: "+"}, unix-milliseconds]"#, #""/Date(1767225600123+0100)/""#,
                "2026-01-01T00:00:00.123Z"
            ),
            ("local-time", #""2026-01-01 10:00:00""#, "2026-01-01T10:00:00.000Z"),
            ("{local-time: \"+01:00\"}", #""2026-01-01T10:00""#, "2026-01-01T09:00:00.000Z"),
            (
                "{local-time: {zone: UTC, format: \"DD.MM.YYYY hh:mm\"}}", #""31.12.2025 23:59""#,
                "2025-12-31T23:59:00.000Z"
            ),
            ("{local-time: {zone: UTC, format: \"DD.MM.YYYY\"}}", #""31.02.2025""#, nil),
        ] as [(String, String, String?)])
    func timesAreCoercedByName(coercion: String, value: String, expected: String?) throws {
        let input = try MappedInput(
            type: "order-released", "order_id: {value: O}\ntime: {from: /t, as: \(coercion)}")
        let body = #"{"t":\#(value)}"#
        if let expected {
            #expect(input.message(body).map { formatRFC3339($0.message.time) } == expected, "\(input.rejection(body))")
        } else {
            #expect(input.rejection(body).hasPrefix("invalid: time: "), "\(input.rejection(body))")
        }
    }

    // MARK: JSON in a text, and lists as messages

    static let wrapped = """
        unwrap: [/value, /value/note]
        type: {from: /kind, is: {new: order-placed}, else: skip}
        order_id: /value/no
        lines: /value/items
        lines[].sku: /sku
        lines[].quantity: /n
        customer.contact: /value/note/mail
        """

    /// Bridges carry a message as a text; pointers go on inside it, and one text may hold another.
    @Test func aTextThatIsJSONIsReadAsWhatItHolds() throws {
        let input = try MappedInput(Self.wrapped)
        let body =
            #"{"value":"{\"no\":\"O-\\u00e9\",\"note\":\"{\\\"mail\\\":\\\"a@b.example\\\"}\",\"items\":[{\"sku\":\"A\",\"n\":1},{\"sku\":\"B\",\"n\":0}]}","kind":"new"}"#
        #expect(input.rejection(body).hasSuffix("(at /value/items/1/n)"), "\(input.rejection(body))")
        let message = try #require(input.message(body.replacing(#"\"n\":0"#, with: #"\"n\":2"#)))
        guard case .orderPlaced(let placed) = message.message.input else {
            Issue.record("not an order")
            return
        }
        #expect(placed.orderID == "O-é")
        #expect(placed.lines.map { "\($0.sku) \($0.quantity)" } == ["A 1", "B 2"])
        #expect(placed.customer?.json == #"{"contact":"a@b.example"}"#)
        // The same, sent as it is: some senders wrap and others don't.
        let plain =
            #"{"kind":"new","value":{"no":"O-é","note":{"mail":"a@b.example"},"items":[{"sku":"A","n":1},{"sku":"B","n":2}]}}"#
        #expect(input.message(plain)?.identity == message.identity)
    }

    @Test func aTextThatIsNoJSONIsToldWhereItIsMissed() throws {
        let input = try MappedInput(Self.wrapped)
        #expect(
            input.rejection(#"{"kind":"new","value":"{\"no\":"}"#)
                == "invalid: order_id: is missing (nothing at /value/no); the text at /value is not JSON at byte 6: it ends too early"
        )
        #expect(input.rejection(#"{"kind":"other","value":"hello"}"#).hasPrefix("skipped: "))
        #expect(input.rejection(#"{"kind":"new"}"#) == "invalid: order_id: is missing (nothing at /value/no)")
    }

    @Test func aMessageThatIsAListHasItsLinesAsElements() throws {
        let input = try MappedInput(
            type: "stock-adjusted",
            """
            adjustment_id: /0/run
            location: {value: L}
            lines: /*
            lines[].sku: /sku
            lines[].counted: /n
            """)
        guard
            case .stockAdjusted(let stock)? = input.message(#"[{"run":"R","sku":"A","n":1},{"sku":"B","n":2}]"#)?
                .message.input
        else {
            Issue.record("not read")
            return
        }
        #expect(stock.adjustmentID == "R")
        #expect(stock.lines.map(\.sku.text) == ["A", "B"])
        #expect(input.rejection("[]") == "invalid: adjustment_id: is missing (nothing at /0/run)")
        #expect(input.rejection("[1]") == "invalid: adjustment_id: is missing (nothing at /0/run)")
        #expect(input.rejection("5") == "malformed: not an object: the body 5 is a number")
    }
}
