import InventoryCore
import Testing

@testable import MessageSchema

/// What shapes of other makers need beyond pointers and tables: values looked up elsewhere, alternatives that hold on a
/// condition, counting, and times as they are written there.
@Suite struct ForeignShapeTests {
    static let rest = "order_id: /n\nlines: /i\n"

    private func order(_ map: String, _ body: String) throws -> OrderPlaced {
        let message = try #require(try MappedInput(type: "order-placed", map).message(body))
        guard case .orderPlaced(let order) = message.message.input else {
            throw Rejection(.invalid, "\(message.message.input)")
        }
        return order
    }

    @Test func parallelListsAndListsThatAreReferredTo() throws {
        let map = """
            order_id: /n
            lines: /skus
            lines[].sku: ""
            lines[].quantity: {in: "$/counts/[*]", element: key, as: string-integer}
            lines[].line_id: {from: "", in: "$/names/[*]"}
            lines[].unit_price: {from: "", in: "$/articles/[sku=*]/price"}
            """
        let input = try MappedInput(type: "order-placed", map)
        let made = try order(
            map,
            #"{"n":"1","skus":["A","B"],"counts":["2","3.0"],"names":{"B":"b","A":"a"},"articles":[{"sku":"B","price":5}]}"#
        )
        #expect(made.lines.map(\.quantity) == [2, 3])
        #expect(made.lines.map(\.lineID.text) == ["a", "b"])
        #expect(
            input.rejection(#"{"n":"1","skus":["A","B"],"counts":["2"]}"#)
                == "invalid: lines[1].quantity: is missing (nothing at $/counts/[*] by element key)")
        #expect(
            input.rejection(#"{"n":"1","skus":["A"],"counts":["2.5"]}"#)
                == #"invalid: lines[0].quantity: "2.5" is not a whole number (at /counts/0)"#)
    }

    @Test func referencesMayBeNumbersOnOneSideAndTextsOnTheOther() throws {
        let map = Self.rest + "lines[].sku: {from: /p, in: \"$/all/[0=*]/1\"}\nlines[].quantity: 1"
        let made = try order(map, #"{"n":"1","i":[{"p":7},{"p":"8"}],"all":[["8","B"],[7,"A"]]}"#)
        #expect(made.lines.map(\.sku.text) == ["A", "B"])
    }

    @Test func alternativesThatHoldOnACondition() throws {
        let map = """
            order_id: "/s/[0=BEG]/3"
            lines: {from: /s, skip: {unless: {/0: PO1}}}
            lines[].sku: {any: [{from: /4, when: {/3: VP}}, {from: /6, when: {/5: VP}}]}
            lines[].quantity: /2
            """
        let body = #"{"s":[["BEG",0,0,"7"],["PO1","1",4,"UP","x","VP","A"],["PO1","2",1,"VP","B"]]}"#
        #expect(try order(map, body).lines.map(\.sku.text) == ["A", "B"])
        let input = try MappedInput(type: "order-placed", map)
        #expect(
            input.rejection(#"{"s":[["BEG",0,0,"7"],["PO1","1",4,"UP","x"]]}"#)
                == "invalid: lines[0].sku: is missing (nothing at /s/1/4 or /6)")
    }

    @Test func theTypeByWhatIsThere() throws {
        let map = """
            type: {any: [{value: order-released, when: {/released: {present: true}}}, {value: order-cancelled, when: {/a: {not-same: /b}}}], default: skip}
            order_id: /n
            """
        let input = try MappedInput(map)
        #expect(input.rejection(#"{"n":"1","released":{}}"#).contains("orderReleased"))
        #expect(input.rejection(#"{"n":"1","a":"2.0","b":3}"#).contains("orderCancelled"))
        #expect(input.rejection(#"{"n":"1","a":"2.0","b":2}"#).hasPrefix("skipped: "))
        #expect(input.rejection(#"{"n":"1"}"#).hasPrefix("skipped: "))
    }

    /// Of the type that the message has, not of another that has a field of the same name.
    @Test func aMissingFieldIsToldWithThePointerOfItsOwnType() throws {
        let input = try MappedInput(
            """
            type: /t
            order-placed: {order_id: /n, lines: /i, "lines[].sku": /one, "lines[].quantity": /q}
            stock-received: {receipt_id: /n, location: /l, lines: /i, "lines[].sku": /two, "lines[].quantity": /q}
            """)
        let body = #","n":"1","l":"W","i":[{"q":1}]}"#
        #expect(
            input.rejection(#"{"t":"order-placed""# + body) == "invalid: lines[0].sku: is missing (nothing at /i/0/one)"
        )
        #expect(
            input.rejection(#"{"t":"stock-received""# + body)
                == "invalid: lines[0].sku: is missing (nothing at /i/0/two)")
    }

    @Test func differencesAndSums() throws {
        let map =
            Self.rest + "lines[].sku: /s\nlines[].quantity: {from: /q, minus: /c, plus: 1, as: string-integer}"
        let input = try MappedInput(type: "order-placed", map)
        let made = try order(
            map, #"{"n":"1","i":[{"s":"A","q":"5.000","c":"2"},{"s":"A","q":5},{"s":"A","q":1,"c":null}]}"#)
        #expect(made.lines.map(\.quantity) == [4, 6, 2])
        #expect(
            input.rejection(#"{"n":"1","i":[{"s":"A","q":1,"c":4}]}"#)
                == "invalid: lines[0].quantity: -2 is not between 1 and 1000000000 (from /q plus 1 minus /c)")
        #expect(
            input.rejection(#"{"n":"1","i":[{"s":"A","q":1,"c":"x"}]}"#)
                == #"invalid: lines[0].quantity: "x" is not a whole number (at /i/0/c)"#)
        let plain = try MappedInput(
            type: "order-placed", Self.rest + "lines[].sku: /s\nlines[].quantity: {from: /q, minus: /c}")
        #expect(
            plain.rejection(#"{"n":"1","i":[{"s":"A","q":2,"c":1}]}"#).contains("quantity: 1"))
    }

    @Test func aBlankPartOfAJoinIsNone() throws {
        let map = "order_id: [x, /n]\nlines: /i\nlines[].sku: {any: [[/a, \"-\", /b], /a]}\nlines[].quantity: 1"
        let made = try order(map, #"{"n":"1","i":[{"a":"A","b":""},{"a":"A","b":" \t"},{"a":"A","b":"B"}]}"#)
        #expect(made.lines.map(\.sku.text) == ["A", "A", "A-B"])
        #expect(
            try MappedInput(type: "order-placed", map).rejection(#"{"n":" ","i":[{"a":"A"}]}"#)
                == "invalid: order_id: is missing (nothing at [\"x\", /n], or a blank text)")
    }

    @Test func aTextInBase64() throws {
        let map =
            "unwrap: {base64: /m/data}\norder_id: /m/data/n\nlines: /m/data/i\nlines[].sku: /s\nlines[].quantity: 1"
        // {"n":"1","i":[{"s":"\u00e9"}]}
        #expect(
            try order(map, #"{"m":{"data":"eyJuIjoiMSIsImkiOlt7InMiOiLDqSJ9XX0="}}"#).lines.map(\.sku.text) == ["é"])
        let input = try MappedInput(type: "order-placed", map)
        #expect(
            input.rejection(#"{"m":{"data":"!"}}"#)
                == "invalid: order_id: is missing (nothing at /m/data/n); the text at /m/data is not base64")
        #expect(
            input.rejection(#"{"m":{"data":"eyI="}}"#).hasSuffix(
                "; the text at /m/data is not JSON at byte 2: it ends inside a text"))
    }

    @Test func aWrongTypeIsToldAlone() {
        #expect(
            MappedInput.problems(
                "type: {any: [{value: order-plced, when: {/a: 1}}, {value: stock-received}]}\norder_id: /n")
                == [#"f:5:30: broker.inputs[0].map.type: "order-plced" is no message type; did you mean order-placed?"#]
        )
        #expect(
            MappedInput.problems("type: {from: /a, default: {b: 1}}\norder_id: /n").allSatisfy {
                !$0.contains("is missing")
            })
    }

    @Test func theLastOfAList() throws {
        let map = "order_id: \"/n/[last]/id\"\nlines: /i\nlines[].sku: /s\nlines[].quantity: 1"
        #expect(try order(map, #"{"n":[{"id":"1"},{"id":"2"}],"i":[{"s":"A"}]}"#).orderID.text == "2")
        #expect(try MappedInput(type: "order-placed", map).rejection(#"{"n":[],"i":[{"s":"A"}]}"#).contains("[last]"))
    }

    @Test(arguments: [
        ("{from: /t, as: unix-microseconds}", "1795428900000001", 1_795_428_900_000_001),
        ("{from: /t, as: unix-microseconds}", "\"1795428900000001.9\"", 1_795_428_900_000_001),
        ("{from: /t, as: unix-nanoseconds}", "1795428900000001999", 1_795_428_900_000_001),
        ("{from: /t, as: unix-nanoseconds}", "\"12.5\"", 0),
        ("{from: /t, as: unix-days}", "20780", 20_780 * 86_400_000_000),
        ("{from: /t, as: unix-seconds}", "1795428900", 1_795_428_900_000_000),
        ("{from: /t, as: unix-seconds}", "1795428900.5", 1_795_428_900_500_000),
        ("{from: /t, as: unix-seconds}", "-1.000001", -1_000_001),
        ("{from: /t, as: local-time}", "\"2026-11-23 14:05:00.25+00\"", 1_795_442_700_250_000),
        ("{from: /t, as: local-time}", "\"2026-11-23T14:05:00.000+0100\"", 1_795_439_100_000_000),
        ("{from: /t, as: {local-time: \"+05:00\"}}", "\"2026-11-23 14:05 UTC\"", 1_795_442_700_000_000),
        ("{from: /t, as: {local-time: \"+01:00\"}}", "\"2026-11-23 14:05\"", 1_795_439_100_000_000),
        (
            "{from: /t, as: {local-time: {format: \"DDD, D MMM YYYY hh:mm:ss Z\"}}}",
            "\"Mon, 23 Nov 2026 14:05:00 +0000\"", 1_795_442_700_000_000
        ),
        (
            "{from: /t, as: {local-time: {zone: UTC, format: \"M/D/YYYY h:mm AM\"}}}", "\"11/23/2026 2:05 pm\"",
            1_795_442_700_000_000
        ),
        (
            "{from: /t, as: {local-time: {zone: UTC, format: \"M/D/YYYY h:mm AM\"}}}", "\"1/2/1970 12:00 AM\"",
            86_400_000_000
        ),
    ])
    func times(value: String, found: String, microseconds: Int64) throws {
        let map = Self.rest + "lines[].sku: /s\nlines[].quantity: 1\ntime: \(value)"
        let message = try #require(
            try MappedInput(type: "order-placed", map).message("{\"n\":\"1\",\"i\":[{\"s\":\"A\"}],\"t\":\(found)}"))
        #expect(message.message.time == Instant(microseconds: microseconds))
    }

    /// In outputs, the other way round.
    @Test(arguments: [
        ("DDD, DD MMM YYYY hh:mm:ss Z", "Mon, 23 Nov 2026 15:05:07 +01:00"),
        ("M/D/YY h:mm:ss AM", "11/23/26 3:05:07 PM"),
        ("D.M.YYYY hh:mm:ss", "23.11.2026 15:05:07"),
    ])
    func timesAreWrittenAsTheyAreRead(format: String, expected: String) throws {
        let local = LocalTime(offset: 3600, format: LocalTime.Format(format))
        #expect(local.format != nil)
        let time = Instant(microseconds: 1_795_442_707_000_000)
        let written = try #require(local.written(time))
        #expect(String(decoding: written, as: UTF8.self) == expected)
        #expect(try written.withUnsafeBufferPointer { try local.read($0) } == time)
    }

    @Test(arguments: [
        ("unix-nanoseconds", "99999999999999999999999", "is no count of nanoseconds since 1970"),
        ("unix-days", "1.5", "is no count of days since 1970"),
        ("unix-days", "4000001", "is no count of days since 1970"),
        ("{local-time: {zone: UTC, format: M/D/YYYY}}", "\"13/1/2026\"", "is not in the calendar"),
        ("{local-time: {zone: UTC, format: D-MMM-YY}}", "\"1-Foo-26\"", "is not a time of the form D-MMM-YY"),
        ("{local-time: {zone: UTC, format: M/D/YY h AM}}", "\"1/1/26 13 PM\"", "is not in the calendar"),
        ("local-time", "\"2026-11-23 14:05 +1:x\"", "is not a local time"),
    ])
    func wrongTimes(coercion: String, found: String, cause: String) throws {
        let map = Self.rest + "lines[].sku: /s\nlines[].quantity: 1\ntime: {from: /t, as: \(coercion)}"
        #expect(
            try MappedInput(type: "order-placed", map).rejection("{\"n\":\"1\",\"i\":[{\"s\":\"A\"}],\"t\":\(found)}")
                == "invalid: time: \(found) \(cause) (at /t)")
    }

    @Test(arguments: [
        ("1299", "100", "12.99"), ("5", "100", "0.05"), ("-5", "1000", "-0.005"), ("2.5", "100", "0.025"),
        ("\"007\"", "100", "0.07"), ("1200", "100", "12"), ("36", "12", "3"), ("0", "7", "0"),
        ("\"-0012.5\"", "10", "-1.25"),
    ])
    func quotients(found: String, divisor: String, expected: String) throws {
        let input = try MappedInput(
            type: "order-placed",
            Self.rest
                + "lines[].sku: /s\nlines[].quantity: 1\nlines[].unit_price: {from: /p, as: [string-number, {divide: \(divisor)}]}"
        )
        let fields = Decoder().fields(
            Array("{\"n\":\"1\",\"i\":[{\"s\":\"A\",\"p\":\(found)}]}".utf8), envelope: Envelope(),
            arrival: Instant(microseconds: 0), options: input.options)
        #expect(fields.first { $0.key == "lines[0].unit_price" }?.value == expected)
    }

    @Test func aQuotientThatDoesNotComeOutIsTold() throws {
        let input = try MappedInput(
            type: "order-placed", Self.rest + "lines[].sku: /s\nlines[].quantity: {from: /q, as: {divide: 12}}")
        #expect(
            input.rejection(#"{"n":"1","i":[{"s":"A","q":30}]}"#)
                == "invalid: lines[0].quantity: 30 is not a multiple of 12 (at /i/0/q)")
    }

    @Test(arguments: [
        (
            "currency: {from: /c, in: $/all/sku}",
            #"f:10:34: broker.inputs[0].map.currency.in: "$/all/sku" does not say what is looked for; give one of its steps as [*] or [name=*], and no other as *"#
        ),
        (
            "currency: {from: /c, minus: /d}",
            "f:10:37: broker.inputs[0].map.currency.minus: there is no whole number to count with here; leave it out"
        ),
        (
            "priority: {from: /c, minus: 1.5}",
            "f:10:37: broker.inputs[0].map.priority.minus: 1.5 is not a whole number; write it without a point"
        ),
        (
            "currency: {any: [{from: /c, when: {/a: {}}}]}",
            "f:10:48: broker.inputs[0].map.currency.when: a map is nothing to compare with; write {not: …}, {present: true} or {same: /pointer}"
        ),
        (
            "currency: {any: [{from: /c, default: x}]}",
            "f:10:26: broker.inputs[0].map.currency: this map is no source; name one: from, any, property, header, element, value; beside it only in and when"
        ),
        (
            "lines[].unit_price: {from: /c, as: {divide: 1}}",
            "f:10:53: broker.inputs[0].map.lines[].unit_price.as: 1 is nothing to divide by; give a whole number above 1"
        ),
        (
            "placed_at: {from: /c, as: {local-time: {format: DD.MM.YYYY}}}",
            #"f:10:48: broker.inputs[0].map.placed_at.as.local-time: "" is no zone; write UTC, or an offset in quotes: "+01:00""#
        ),
        (
            "currency: {any: [{from: /c, wen: {/a: 1}}]}",
            "f:10:37: broker.inputs[0].map.currency.wen: unknown key; did you mean when?"
        ),
        (
            "currency: $.order.items[0].cur",
            #"f:10:19: broker.inputs[0].map.currency: "$.order.items[0].cur" is not a JSON pointer; write "/order/items/0/cur", or {value: …} for a constant"#
        ),
        (
            "priority: {from: /c, as: integer}",
            #"f:10:34: broker.inputs[0].map.priority.as: "integer" is not known; did you mean string-integer?"#
        ),
        (
            "unwrap: {bas64: /x}",
            "f:10:17: broker.inputs[0].map.unwrap: this map is not known; write a JSON pointer, or {base64: /message/data}"
        ),
    ])
    func wrongOnesAreToldWithTheirPlace(line: String, expected: String) {
        let all = Self.rest + "lines[].sku: /s\nlines[].quantity: /q\n" + line
        #expect(MappedInput.problems(type: "order-placed", all) == [expected])
    }

}
