import AMQPClient
import BackOrderStore
import Configuration
import Foundation
import InventoryCore
import MessageSchema
import Testing
import Worker

@testable import Daemon

/// Outputs in somebody else's shape: what a mapping makes of them.
@Suite struct OutputMappingTests {
    @Test(arguments: [
        // Renamed, nested, constant, joined.
        ("number: /order_id", #"{"number":"1042"}"#),
        ("order.number: /order_id\norder.seq: /sequence", #"{"order":{"number":"1042","seq":1}}"#),
        ("/a.b/c: /order_id", #"{"a.b":{"c":"1042"}}"#),
        ("shop: {value: B}\nfast: true\nweight: 2.50", #"{"shop":"B","fast":true,"weight":2.50}"#),
        (#"key: [/order_id, "-", /sequence]"#, #"{"key":"1042-1"}"#),
        ("who: /customer/contact\nall: /customer/more", #"{"who":"a@b.example","all":{"list":[1,2]}}"#),
        ("key: {property: routing_key}", #"{"key":"customer-notification.order-backordered"}"#),
        // What is not there is left out; null stays null.
        ("x: /customer/nothing\ny: /sequence", #"{"y":1}"#),
        ("x.y: /customer/nothing", "{}"),
        ("x: {from: /customer/nothing, default: null}", #"{"x":null}"#),
        ("x: {any: [/customer/nothing, /customer/segment]}", #"{"x":"gold"}"#),
        ("x: /promised_at\ny: {from: /promised_at, as: unix-seconds}", #"{"x":null,"y":null}"#),
        ("y: {from: /promised_at, as: unix-seconds, default: 0}", #"{"y":0}"#),
        // Coercions, the other way round.
        ("x: {from: /order_id, as: string-integer, else: 0}", #"{"x":1042}"#),
        ("x: {from: /cause, as: string-integer, else: -1}", #"{"x":-1}"#),
        ("x: {from: /customer/more, as: string-integer, else: -1}", #"{"x":-1}"#),
        ("x: {from: /sequence, as: text}", #"{"x":"1"}"#),
        (
            "x: {from: /time, as: unix-seconds}\ny: {from: /time, as: unix-milliseconds}",
            #"{"x":1780308000,"y":1780308000500}"#
        ),
        ("x: {from: /time, as: local-time}", #"{"x":"2026-06-01T10:00:00"}"#),
        (
            #"x: {from: /time, as: {local-time: {zone: "-11:00", format: "DD.MM.YY hh:mm"}}}"#,
            #"{"x":"31.05.26 23:00"}"#
        ),
        ("x: {from: /kind, as: upper}", #"{"x":"ORDER-BACKORDERED"}"#),
        ("x: {from: /customer/id, is: {7: seven}, else: other}", #"{"x":"seven"}"#),
        ("x: {from: /kind, is: {order-backordered: LATE}, else: null}", #"{"x":"LATE"}"#),
        // Lists.
        (
            "items: /lines\nitems[].no: /line_id\nitems[].of: $/order_id",
            #"{"items":[{"no":"2","of":"1042"},{"no":"3","of":"1042"}]}"#
        ),
        ("skus: /lines\nskus[]: /sku", #"{"skus":["B/1","C"]}"#),
        (#"skus: {from: /lines, skip: {unless: {/sku: "B*"}}}"# + "\nskus[]: /sku", #"{"skus":["B/1"]}"#),
        ("skus: {from: /lines, skip: {when: {/sku: \"*\"}}}\nskus[]: /sku", #"{"skus":[]}"#),
        (
            "parcels: $\nparcels[].things: /lines\nparcels[].things[].sku: /sku\nparcels[].things[].order: ^/order_id",
            #"{"parcels":[{"things":[{"sku":"B/1","order":"1042"},{"sku":"C","order":"1042"}]}]}"#
        ),
        ("lines: /lines\nlines[].pos: {element: key}", #"{"lines":[{"pos":"1"},{"pos":"2"}]}"#),
        ("n: /customer/more/list\nn[]: \"\"", #"{"n":[1,2]}"#),
        ("n: /customer/id\nn[]: \"\"", "{}"),
        ("first: /lines/0/sku\nother: /lines/[sku=C]/quantity", #"{"first":"B/1","other":4}"#),
    ])
    func bodies(map: String, expected: String) throws {
        let body = map.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
        let outputs = try MappedOutputs("customer-notification:\n  body:\n\(body)")
        #expect(try outputs.body() == expected)
    }

    @Test func theMoreSpecialPartWins() throws {
        let outputs = try MappedOutputs(
            """
            routing_key: all
            body: {id: /id, what: {value: all}}
            customer-notification:
              routing_key: notices
              body: {what: {value: notice}, order: /order_id}
            customer-notification.order-backordered:
              body: {what: {value: late}}
            reorder-requested: {body: {sku: /sku}}
            """)
        let found = try outputs.published().map {
            "\($0.routingKey) \(String(decoding: $0.body, as: UTF8.self).replacing($0.messageID, with: "ID"))"
        }
        #expect(
            found == [
                #"notices {"id":"ID","what":"late","order":"1042"}"#, #"all {"id":"ID","what":"all"}"#,
                #"all {"id":"ID","what":"all","sku":"B/1"}"#, #"all {"id":"ID","what":"all","sku":"C"}"#,
            ])
    }

    @Test func trimmed() throws {
        let outputs = try MappedOutputs(
            """
            customer-notification: {without: [customer.contact, customer.more, "lines[].promised_at", id, cause, promised_at]}
            """)
        #expect(
            try outputs.body()
                == #"{"type":"customer-notification","time":"2026-06-01T10:00:00.500Z","order_id":"1042","customer":{"id":7,"segment":"gold"},"sequence":1,"kind":"order-backordered","lines":[{"line_id":"2","sku":"B/1","quantity":3},{"line_id":"3","sku":"C","quantity":4}]}"#
        )
    }

    @Test func whatIsNotMappedIsTheContracts() throws {
        let native = try MappedOutputs("reorder-expedite: {routing_key: x}").published()
        #expect(native.map(\.routingKey).sorted().first == "customer-notification.order-backordered")
        #expect(native.allSatisfy { $0.exchange == nil && $0.contentType == nil && $0.headers.isEmpty })
        let mapped = try MappedOutputs(
            "customer-notification: {exchange: mail, type: notice, headers: {X-Shop: berlin, X-No: /customer/nothing}}"
        )
        .published()
        #expect(mapped.map(\.body) == native.map(\.body))
        #expect(mapped.map(\.messageID) == native.map(\.messageID))
        let notice = mapped.first { $0.routingKey.hasPrefix("customer-notification") }
        #expect(notice?.exchange == "mail")
        #expect(notice?.type == "notice")
        #expect(notice?.headers == [.init(name: "X-Shop", value: "berlin")])
    }

    @Test func skipped() throws {
        let outputs = try MappedOutputs(
            """
            skip: {when: {/sku: C}}
            fulfilment-requested: skip
            customer-notification: skip
            customer-notification.order-backordered: {skip: {unless: {/customer/segment: gold}}}
            """)
        let results = try outputs.result(MappedOutputs.messages)
        #expect(
            results.flatMap(\.messages).map(\.routingKey) == [
                "customer-notification.order-backordered", "reorder-requested",
            ])
        #expect(results.map(\.figures.outputsSkipped) == [0, 2])
    }

    @Test func cloudEvents() throws {
        let settings = "source: /shop\nsubject: /order_id\ntype: [com.example., {property: routing_key}]"
        let structured = try MappedOutputs("envelope: cloudevents\n\(settings)").published()
        let event = try #require(structured.first)
        #expect(event.contentType == "application/cloudevents+json")
        #expect(event.type == "com.example.customer-notification.order-backordered")
        let id = event.messageID
        #expect(
            String(decoding: event.body, as: UTF8.self).hasPrefix(
                #"{"specversion":"1.0","id":"\#(id)","source":"/shop","type":"com.example.customer-notification.order-backordered","subject":"1042","time":"2026-06-01T10:00:00.500Z","datacontenttype":"application/json","data":{"cause":"m1","order_id":"1042","#
            ))
        let binary = try MappedOutputs("envelope: cloudevents-binary\n\(settings)").published()
        #expect(binary[0].contentType == nil)
        #expect(
            binary[0].headers.map { "\($0.name)=\($0.value)" } == [
                "cloudEvents:specversion=1.0", "cloudEvents:id=\(id)", "cloudEvents:source=/shop",
                "cloudEvents:type=com.example.customer-notification.order-backordered", "cloudEvents:subject=1042",
                "cloudEvents:time=2026-06-01T10:00:00.500Z",
            ])
        #expect(String(decoding: binary[0].body, as: UTF8.self).hasPrefix(#"{"cause":"m1","order_id":"1042","#))
        // What is not there is no attribute.
        #expect(!binary.last!.headers.contains { $0.name == "cloudEvents:subject" })
    }

    /// What comes from a customer's message never makes a message that the broker refuses.
    @Test func propertiesAreBounded() throws {
        let long = String(repeating: "k", count: 256)
        let outputs = try MappedOutputs(
            "customer-notification: {routing_key: /customer/a, type: /customer/a, headers: {X: /customer/b}}")
        for value in [#""\#(long)""#, #""a\nb""#, #""""#, "null", "[1]", #""\#(String(repeating: "x", count: 9000))""#]
        {
            let message =
                #"{"type":"order-placed","id":"m","time":"2026-06-01T10:00:00Z","order_id":"1","customer":{"a":\#(value),"b":\#(value.replacing("kk", with: "kkkkkkkkkk"))},"lines":[{"sku":"A","quantity":1}]}"#
            let notice = try #require(try outputs.published([message]).first)
            #expect(notice.routingKey == "customer-notification.order-backordered")
            #expect(notice.type == "customer-notification")
            #expect(notice.headers.isEmpty)
        }
    }

    /// The example of docs/mapping.md gives what stands below it.
    @Test func exampleOfTheDocument() throws {
        let file = ExampleTests.root.appendingPathComponent("../../../docs/mapping.md")
        let page = try String(contentsOf: file, encoding: .utf8)
        let parts = page.components(separatedBy: "<!-- example: outputs -->\n```yaml\n")
        try #require(parts.count == 2)
        let blocks = parts[1].components(separatedBy: "```")
        let expected = blocks[2].split(separator: "\n").dropFirst().map(String.init)
        let message =
            #"{"type":"order-placed","id":"m-1","time":"2026-06-01T10:00:00Z","order_id":"O-1","lines":[{"sku":"ACME-1","quantity":2}]}"#
        let made = try MappedOutputs(file: blocks[0]).published([message]).map { output in
            var bytes: [UInt8] = []
            Replay.append(output, to: &bytes)
            return String(decoding: bytes.dropLast(), as: UTF8.self)
        }
        #expect(made == expected)
    }

    @Test func replayLines() {
        func line(_ key: String, _ body: String, exchange: String? = nil) -> String {
            var message = OutboxMessage(
                destination: .output, routingKey: key, messageID: "", type: "", body: Array(body.utf8))
            message.exchange = exchange
            var bytes: [UInt8] = []
            Replay.append(message, to: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(line("a", #"{"b":1}"#) == "{\"routing_key\":\"a\",\"b\":1}\n")
        #expect(line("a\"", "{}", exchange: "x") == "{\"routing_key\":\"a\\\"\",\"exchange\":\"x\"}\n")
    }

    @Test func topology() throws {
        let map = "exchange: all\ncustomer-notification: {exchange: mail}\nreorder-requested: {exchange: all}"
        let file = MappedOutputs.file(map).replacing(
            "  output:\n", with: "  output_queues: {m: {exchange: mail, keys: [\"#\"]}, o: [x]}\n  output:\n")
        let plan = try Configuration.parse(Array(file.utf8), named: "f").topologyPlan
        #expect(plan.exchanges.map(\.name) == ["backorderd.dead-letter", "orders", "backorder", "all", "mail"])
        let bindings = plan.bindings.suffix(2).map { "\($0.exchange) \($0.queue) \($0.key)" }
        #expect(bindings == ["mail m #", "backorder o x"])
    }

    // MARK: Ways that nobody takes

    /// An own key or exchange without a queue is told at the start: a warning, since others may bind queues of theirs.
    @Test(
        arguments: [
            (
                "reorder-requested: {routing_key: purchase}",
                "reorder-requested go to the exchange backorder with the key purchase,"
            ),
            ("reorder-requested: {routing_key: reorder-expedite}", nil),
            ("customer-notification: {routing_key: [customer-notification., /kind, /order_id]}", nil),
            (
                "reorder-requested: {exchange: erp}",
                "reorder-requested go to the exchange erp with the key reorder-requested,"
            ),
            (
                "{routing_key: [a, /order_id], exchange: erp, reorder-requested: skip, reorder-expedite: skip}",
                " more go to the exchange erp, and"
            ),
            ("customer-notification.order-held: skip", nil), ("{envelope: cloudevents}", nil),
        ] as [(String, String?)])
    func anOwnWayWithoutAQueueIsTold(map: String, expected: String?) throws {
        let warnings = try MappedOutputs(map).configuration.outputWarnings
        if let expected {
            #expect(warnings.count == 1 && warnings[0].contains(expected), "\(warnings)")
        } else {
            #expect(warnings.isEmpty, "\(warnings)")
        }
    }

    @Test func aTopicTakesWhatTheBrokerSaysItTakes() {
        let taken = [
            ("#", ""), ("#", "a.b"), ("a.#", "a"), ("a.*", "a.b"), ("#.c", "a.b.c"), ("a.#.c", "a.c"), ("*.#.*", "a.b"),
            ("a..b", "a..b"),
        ]
        for (binding, key) in taken { #expect(topicMatches(binding, key), "\(binding) \(key)") }
        let refused = [
            ("", "a"), ("a", ""), ("a.*", "a"), ("*", "a.b"), ("#.c", "a.b"), ("a.#.c", "a.b.c.d"), ("*.#.*", "a"),
            ("A", "a"),
        ]
        for (binding, key) in refused { #expect(!topicMatches(binding, key), "\(binding) \(key)") }
    }
}
