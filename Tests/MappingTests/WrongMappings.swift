import MessageSchema
import Testing

/// Wrong mappings are found at start, with line and column, and the way out.
@Suite struct WrongMappings {
    static let rest = "order_id: /n\nlines: /i\nlines[].sku: /s\nlines[].quantity: /q\n"

    @Test(arguments: [
        ("order_di: /x", "f:10:9: broker.inputs[0].map.order_di: unknown field; did you mean order_id?"),
        (
            "priority: 12",
            "f:10:19: broker.inputs[0].map.priority: 12 is not between 0 and 9; give a number between them"
        ),
        (
            "currency: EUR",
            #"f:10:19: broker.inputs[0].map.currency: "EUR" is not a JSON pointer; write "/EUR", or {value: …} for a constant"#
        ),
        (
            "ship: {value: all}",
            #"f:10:23: broker.inputs[0].map.ship: "all" is not one of partial, complete; did you mean partial?"#
        ),
        (
            "currency: {from: /c, as: uper}",
            #"f:10:34: broker.inputs[0].map.currency.as: "uper" is not known; did you mean upper?"#
        ),
        (
            "placed_at: {from: /c, as: times}",
            #"f:10:35: broker.inputs[0].map.placed_at.as: "times" is not known; did you mean {times: 12}?"#
        ),
        (
            "placed_at: {from: /c, as: string-integer}",
            "f:10:35: broker.inputs[0].map.placed_at.as: string-integer does not give a time; leave it out, or end with one that does"
        ),
        (
            "placed_at: {from: /c, as: [{before: 5}, local-time]}",
            #"f:10:45: broker.inputs[0].map.placed_at.as: 5 is no text to look for; write 1 to 64 bytes in quotes: {before: " "}"#
        ),
        (
            "unwrap: payload",
            #"f:10:17: broker.inputs[0].map.unwrap: "payload" is not a JSON pointer; write "/payload", or {value: …} for a constant"#
        ),
        ("unwrap: []", "f:10:17: broker.inputs[0].map.unwrap: names 0 texts; give 1 to 4 pointers"),
        ("currency: {form: /c}", "f:10:20: broker.inputs[0].map.currency.form: unknown key; did you mean from?"),
        (
            "currency: /a~2",
            #"f:10:19: broker.inputs[0].map.currency: "/a~2" has a ~ that is neither ~0 nor ~1; write ~ itself as ~0, and / in a name as ~1"#
        ),
        (
            "currency: /a/*/b",
            #"f:10:19: broker.inputs[0].map.currency: "/a/*/b" finds many values with its *, and one is needed; write a number in its place, or [name=text]"#
        ),
        (
            "type: {from: /t}",
            "f:10:15: broker.inputs[0].map.type: is mapped, and the input's type is pinned to order-placed; keep one of them"
        ),
        (
            "stock-received: {receipt_id: /x}",
            "f:10:9: broker.inputs[0].map.stock-received: no message gets this type; remove it, or name it in type (order-placed)"
        ),
        (
            "skip: {unles: {/a: 1}}",
            "f:10:16: broker.inputs[0].map.skip.unles: unknown key; did you mean unless?"
        ),
        (
            "currency: {value: 5}",
            #"f:10:27: broker.inputs[0].map.currency.value: 5 is no text; write it in quotes: "5""#
        ),
        (
            "customer: /c\ncustomer.id: /d",
            "f:11:9: broker.inputs[0].map.customer.id: stands beside customer, which is mapped as a whole; map the whole, or its parts"
        ),
    ])
    func areToldWithTheirPlace(line: String, expected: String) {
        let problems = MappedInput.problems(type: "order-placed", Self.rest + line)
        let wanted = expected.replacing("map.ship: ", with: "map.ship.value: ")
        #expect(problems == [wanted])
    }

    @Test func whatATypeNeedsMustBeMapped() {
        #expect(
            MappedInput.problems(type: "order-placed", "order_id: /n\nlines: /i\nlines[].sku: /s") == [
                "f:6:9: broker.inputs[0].map.lines[].quantity: is missing: order-placed needs it; add lines[].quantity: and the JSON pointer of it, or {value: …}"
            ])
        #expect(
            MappedInput.problems("type: {from: /t, is: {a: order-plcaed}}\norder_id: /n") == [
                #"f:5:34: broker.inputs[0].map.type: "order-plcaed" is no message type; did you mean order-placed?"#
            ])
    }

    @Test func withoutATypeOneMustBeWhole() throws {
        #expect(MappedInput.problems("order_id: /n").isEmpty)
        #expect(MappedInput.problems("location: /n").count == 1)
        let input = try MappedInput("order_id: /n")
        #expect(input.rejection(#"{"n":"1"}"#, envelope: .init(type: "order-placed")).hasPrefix("unknown-type: "))
        #expect(input.message(#"{"n":"1"}"#, envelope: .init(type: "order-released")) != nil)
    }
}
