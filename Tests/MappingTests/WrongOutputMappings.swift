import Testing

/// Wrong mappings of outputs are found at start, with line and column, and the way out.
@Suite struct WrongOutputMappings {
    /// Under `body:` of `customer-notification:`; the field stands on line 6, column 11.
    @Test(arguments: [
        (
            "a: /ordr_id",
            #"f:6:14: body.a: "/ordr_id" finds nothing: there is no "ordr_id"; did you mean order_id?"#
        ),
        (
            "a: /kind/x",
            #"f:6:14: body.a: "/kind/x" finds nothing: it goes on where a single value stands; end it there"#
        ),
        (
            "a: /lines/x",
            #"f:6:14: body.a: "/lines/x" finds nothing: "x" is no place in a list; write a number, [name=text], or in a list of your own its [] on the left"#
        ),
        (
            "a: order_id",
            #"f:6:14: body.a: "order_id" is not a JSON pointer; write "/order_id", or {value: …} for a constant"#
        ),
        (
            "a: {from: /order_id, as: string-integer}",
            "f:6:36: body.a.as: string-integer may fail, and an output is never rejected; add else: and what stands in"
        ),
        (
            "a: {from: /order_id, as: unix-seconds}",
            "f:6:36: body.a.as: unix-seconds needs a time, and this is none; leave it out, or point at a time"
        ),
        (
            "a: {from: /time, as: absolute}",
            #"f:6:32: body.a.as: "absolute" is not known; did you mean "#
        ),
        (
            "a: {from: /order_id, is: {x: y}}",
            "f:6:36: body.a.is: not every value is in it, and an output is never rejected; add else: and what stands in"
        ),
        (
            "a: {from: /kind, is: {order-held: y}}",
            "f:6:32: body.a.is: says nothing of order-confirmed, order-backordered, order-refused, backorder-filled, backorder-delayed, backorder-advanced, order-dispatched, order-cancelled; add them, or else: and what stands in"
        ),
        ("a: {from: /lines, as: text}", #"f:6:21: body.a: "/lines" is a list or an object; point at one value in it"#),
        ("a: {header: X}", "f:6:23: body.a.header: an output has no headers to read; write a pointer, or {value: …}"),
        ("a: {property: time}", #"f:6:25: body.a.property: "time" is not known; did you mean type?"#),
        ("a[]: /sku", "f:6:11: body.a[]: has no list; say where its elements are: a: /lines"),
        ("a..b: /id", #"f:6:11: body.a..b: "a..b" has a step without a name; write "#),
        ("a: /id\n    a.b: /time", "f:7:11: body.a.b: is mapped as a whole and in parts; map the whole, or its parts"),
        ("a.b: /id\n    /a/b: /time", "f:7:11: body./a/b: stands there already; keep one of them"),
        (
            "a: /lines\n    \"a[].b\": /quantty",
            #"f:7:20: body.a[].b: "/quantty" finds nothing: there is no "quantty"; did you mean quantity?"#
        ),
        (
            "a: /lines\n    \"a[].b\": ^^/id",
            #"f:7:20: body.a[].b: "^^/id" begins further out than the message; begin with $/ for the message itself"#
        ),
        ("a: {element: key}", "f:6:24: body.a.element: there is no element here; use it in lines[]"),
    ])
    func bodies(line: String, expected: String) {
        let found = MappedOutputs.problems("customer-notification:\n  body:\n    \(line)")
        let place = expected.prefix { $0 != " " }
        let wanted = "\(place) broker.output.map.customer-notification.\(expected.dropFirst(place.count + 1))"
        #expect(found.count == 1 && found[0].hasPrefix(wanted), "\(found)")
    }

    @Test(arguments: [
        ("envelop: native", "f:4:7: broker.output.map.envelop: unknown key; did you mean envelope?"),
        (
            "envelope: cloudevent",
            #"f:4:17: broker.output.map.envelope: "cloudevent" is not one of native, cloudevents, cloudevents-binary; did you mean cloudevents?"#
        ),
        (
            "subject: /order_id",
            "f:4:7: broker.output.map.subject: is of CloudEvents, and the envelope is native; add envelope: cloudevents, or remove it"
        ),
        (
            "customer-notification: {number: /order_id}",
            "f:4:31: broker.output.map.customer-notification.number: unknown key; did you mean "
        ),
        (
            "customer-notification.order-hold: skip",
            "f:4:7: broker.output.map.customer-notification.order-hold: unknown key; did you mean customer-notification.order-held?"
        ),
        (
            "reorder-requested: skipp",
            #"f:4:26: broker.output.map.reorder-requested: "skipp" says nothing of it; write {body: {…}}, or skip to publish none"#
        ),
        (
            "reorder-requested: {body: {order: /order_id}}",
            #"f:4:41: broker.output.map.reorder-requested.body.order: "/order_id" finds nothing: there is no "order_id"; did you mean "#
        ),
        ("exchange: \"\"", #"f:4:17: broker.output.map.exchange: "" is no name; write a text of 1 to 255 bytes"#),
        (
            "exchange: backorderd.dead-letter",
            "f:4:17: broker.output.map: backorderd.dead-letter is also the dead-letter exchange; name another exchange"
        ),
        (
            "headers: {traceparent: x}",
            "f:4:17: broker.output.map.headers.traceparent: has a meaning of its own, to the daemon or the broker; take another name"
        ),
        (
            "headers: {BCC: /customer/contact}",
            "f:4:17: broker.output.map.headers.BCC: has a meaning of its own, to the daemon or the broker; take another name"
        ),
        (
            "without: [custmer]",
            #"f:4:17: broker.output.map.without: "custmer" finds nothing: there is no "custmer"; did you mean customer?"#
        ),
        (
            "without: cause\nbody: {a: /id}",
            "f:4:16: broker.output.map.without: trims the contract's body, and there is a body; remove it"
        ),
        (
            "skip: {when: {/stats: x}}",
            #"f:4:21: broker.output.map.skip.when: "/stats" finds nothing: there is no "stats"; did you mean "#
        ),
        ("body: {}", "f:4:13: broker.output.map.body: a map has no fields; write {number: /order_id}"),
    ])
    func settings(map: String, expected: String) {
        let found = MappedOutputs.problems(map)
        #expect(found.count == 1 && found[0].hasPrefix(expected), "\(found)")
    }

    /// All of them at once, in the order of the file; inputs' too.
    @Test func allAtOnce() {
        let found = MappedOutputs.problems(
            "type: {from: /typ}\nexchange: a\ncustomer-notification: {body: {a: b}}\nbody: {c: /idd}")
        #expect(found.count == 3)
        #expect(found.map { $0.prefix(4) } == ["f:4:", "f:6:", "f:7:"])
    }
}
