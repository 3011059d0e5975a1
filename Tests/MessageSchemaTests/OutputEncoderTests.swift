import Foundation
import InventoryCore
import Testing

@testable import MessageSchema

@Suite struct OutputEncoderTests {
    static let time = Instant(microseconds: 1_795_428_000_123_456)
    static let date = Instant(microseconds: 1_796_428_800_000_000)
    static let order = Output.OrderReference(orderID: "O-1", customer: #"{"id":"C-1"}"#, sequence: 4)

    static func output(
        _ body: Output.Body, order: Output.OrderReference? = order, cause: String = "m-1", ordinal: Int = 0
    ) -> Output {
        Output(cause: cause, ordinal: ordinal, time: time, order: order, body: body)
    }

    static func notice(_ kind: NotificationKind, promised: Instant? = nil, previous: Instant? = nil) -> Output {
        output(
            .notification(
                CustomerNotification(
                    kind: kind,
                    lines: [
                        .init(lineID: "1", sku: "A", quantity: 2, promisedAt: promised, previousPromisedAt: previous)
                    ])))
    }

    static let shipment = ShipmentDispatched(
        shipmentID: "S-1", orderID: "O-1", lines: [], carrier: "D\"H\\L\n\u{1}", trackingNumber: "é",
        dispatchedAt: time,
        estimatedDelivery: date)
    static let dispatched = output(
        .notification(
            CustomerNotification(
                kind: .orderDispatched, lines: [.init(lineID: "1", sku: "A", quantity: 2)], dispatch: .init(shipment))))
    static let fulfilment = Fulfilment(location: "WH-1", lines: [.init(lineID: "1", sku: "A", quantity: 2)])
    static func reorder(supplier: SupplierID?, expectedAt: Instant?) -> Output {
        output(
            .reorderRequested(
                ReorderRequested(
                    reorderID: "RO-1", sku: "A", location: "WH-1", supplier: supplier, quantity: 12, reason: .backOrder,
                    expectedAt: expectedAt, position: .init(onHand: 1, allocated: 1, backordered: 5, onOrder: 0),
                    backOrders: [.init(orderID: "O-1", lineID: "1", quantity: 5)])), order: nil)
    }
    static func expedite(expectedAt: Instant?, cause: String = "m-1") -> Output {
        output(
            .reorderExpedite(
                ReorderExpedite(reorderID: "RO-1", sku: "A", supplier: nil, expectedAt: expectedAt, promisedAt: date)),
            order: nil, cause: cause)
    }

    static let all: [Output] =
        NotificationKind.allCases.flatMap { [notice($0), notice($0, promised: date, previous: time)] } + [
            dispatched, output(.fulfilmentRequested(fulfilment)), output(.fulfilmentWithdrawn(fulfilment)),
            reorder(supplier: nil, expectedAt: nil), reorder(supplier: "ACME", expectedAt: date),
            expedite(expectedAt: nil),
            expedite(expectedAt: date, cause: "timer"),
        ]

    private func text(_ output: Output) -> String {
        String(decoding: OutputEncoder().encode(output).body, as: UTF8.self)
    }

    private func tail(_ output: Output) -> String {
        let text = text(output)
        guard let at = text.range(of: #""kind":"#) else { return text }
        return String(text[at.lowerBound...])
    }

    @Test func keysInTheirOrder() {
        let encoded = OutputEncoder().encode(Self.notice(.orderBackordered))
        #expect(encoded.routingKey == "customer-notification.order-backordered")
        #expect(encoded.type == "customer-notification")
        #expect(
            String(decoding: encoded.body, as: UTF8.self)
                == #"{"id":"\#(encoded.id)","type":"customer-notification","time":"2026-11-23T10:00:00.123Z","cause":"m-1","#
                + #""order_id":"O-1","customer":{"id":"C-1"},"sequence":4,"kind":"order-backordered","#
                + #""lines":[{"line_id":"1","sku":"A","quantity":2,"promised_at":null}],"promised_at":null}"#)
    }

    @Test func datesWhereTheyAreNews() {
        let when = formatRFC3339(Self.date)
        let before = formatRFC3339(Self.time)
        #expect(
            tail(Self.notice(.orderConfirmed))
                == #""kind":"order-confirmed","lines":[{"line_id":"1","sku":"A","quantity":2}]}"#)
        for kind in [NotificationKind.backorderDelayed, .backorderAdvanced] {
            #expect(
                tail(Self.notice(kind, promised: Self.date, previous: Self.time))
                    == #""kind":"\#(kind.rawValue)","lines":[{"line_id":"1","sku":"A","quantity":2,"promised_at":"\#(when)","#
                    + #""previous_promised_at":"\#(before)"}],"promised_at":"\#(when)"}"#)
            #expect(
                tail(Self.notice(kind))
                    == #""kind":"\#(kind.rawValue)","lines":[{"line_id":"1","sku":"A","quantity":2,"promised_at":null,"#
                    + #""previous_promised_at":null}],"promised_at":null}"#)
        }
    }

    @Test func dispatch() {
        #expect(
            tail(Self.dispatched)
                == #""kind":"order-dispatched","lines":[{"line_id":"1","sku":"A","quantity":2}],"shipment_id":"S-1","#
                + #""carrier":"D\"H\\L\n\u0001","tracking_number":"é","estimated_delivery":"\#(formatRFC3339(Self.date))"}"#
        )
    }

    @Test func theOthers() {
        let requested = text(Self.output(.fulfilmentRequested(Self.fulfilment)))
        #expect(
            requested.hasSuffix(#""sequence":4,"location":"WH-1","lines":[{"line_id":"1","sku":"A","quantity":2}]}"#))
        #expect(
            text(Self.reorder(supplier: nil, expectedAt: nil)).hasSuffix(
                #""cause":"m-1","reorder_id":"RO-1","sku":"A","location":"WH-1","supplier":null,"quantity":12,"reason":"back-order","#
                    + #""expected_at":null,"position":{"on_hand":1,"allocated":1,"backordered":5,"on_order":0},"#
                    + #""back_orders":[{"order_id":"O-1","line_id":"1","quantity":5}]}"#))
        #expect(
            text(Self.expedite(expectedAt: nil)).hasSuffix(
                #""reorder_id":"RO-1","sku":"A","supplier":null,"expected_at":null,"promised_at":"\#(formatRFC3339(Self.date))"}"#
            ))
    }

    @Test func idsAreStableAndApart() {
        let encoder = OutputEncoder()
        let ids = Self.all.map { encoder.encode($0).id }
        #expect(ids == Self.all.map { encoder.encode($0).id })
        // Time is not in it; cause, routing key, subject and ordinal are.
        let base = Self.output(.fulfilmentRequested(Self.fulfilment))
        var later = base
        later.time = Self.date
        #expect(encoder.encode(base).id == encoder.encode(later).id)
        var others = [Self.output(.fulfilmentWithdrawn(Self.fulfilment))]
        others.append(Self.output(.fulfilmentRequested(Self.fulfilment), cause: "m-2"))
        others.append(Self.output(.fulfilmentRequested(Self.fulfilment), ordinal: 1))
        others.append(
            Self.output(.fulfilmentRequested(Self.fulfilment), order: .init(orderID: "O-2", customer: nil, sequence: 4))
        )
        #expect(Set(([base] + others).map { encoder.encode($0).id }).count == 5)
        // Of the timer: the sequence or the date, whatever the ordinal.
        let told = Self.output(.fulfilmentRequested(Self.fulfilment), cause: "timer", ordinal: 0)
        let again = Self.output(.fulfilmentRequested(Self.fulfilment), cause: "timer", ordinal: 7)
        #expect(encoder.encode(told).id == encoder.encode(again).id)
        #expect(
            encoder.encode(Self.expedite(expectedAt: Self.date, cause: "timer")).id
                != encoder.encode(Self.expedite(expectedAt: Self.time, cause: "timer")).id)
        #expect(encoder.encode(base).id == "d9f829a6-1dbf-5607-a37b-628104757581")
    }

    @Test func traceGoesAlong() {
        var output = Self.dispatched
        output.trace = TraceContext(parent: "00-1-2-01", state: "a=1")
        let encoded = OutputEncoder().encode(output)
        #expect(encoded.traceparent == "00-1-2-01" && encoded.tracestate == "a=1")
        #expect(encoded.body == OutputEncoder().encode(Self.dispatched).body)
    }

    /// Our own parser reads every output, and finds the keys of the field table and no others, in an order of theirs.
    @Test func everyOutputIsOfItsTable() throws {
        for output in Self.all {
            let encoded = OutputEncoder().encode(output)
            let message = try #require(messageTable.first { $0.type == encoded.type })
            #expect(!encoded.body.contains(0x0A))
            try check(encoded.body, message, first: "id")
            try check(encoded.lineWithRoutingKey, message, first: "routing_key")
        }
    }

    private func check(_ bytes: [UInt8], _ message: MessageDescription, first: String) throws {
        try bytes.withUnsafeBufferPointer { text in
            try JSONDocument.withParsed(text) { (document) throws(Rejection) in
                #expect(document.compact(JSONDocument.root).utf8.count == bytes.count)
                #expect(document.string(1) == first)
                var fields = message.fields
                if first == "routing_key" {
                    fields.insert(Field("routing_key", .text(bytesMax: 255), required: true, ""), at: 0)
                }
                checkObject(document, JSONDocument.root, fields)
            }
        }
    }

    private func checkObject(_ document: JSONDocument, _ object: Int, _ fields: [Field]) {
        var found: Set<String> = []
        var key = object + 1
        while key < document.end(of: object) {
            let name = document.string(key)
            found.insert(name)
            let value = document[key + 1]
            if let field = fields.first(where: { $0.name == name }) {
                if value.kind == .null { #expect(field.isNullable, "\(name)") }
                if case .object(let inner) = field.kind, name != "customer" { checkObject(document, key + 1, inner) }
                if case .list(let inner, _, _) = field.kind {
                    var element = key + 2
                    while element < document.end(of: key + 1) {
                        checkObject(document, element, inner)
                        element = document.next(after: element)
                    }
                }
            } else {
                Issue.record("\(name) is not in the table")
            }
            key = document.next(after: key + 1)
        }
        for field in fields where field.isRequired { #expect(found.contains(field.name), "\(field.name)") }
    }
}
