import InventoryCore
import MessageSchema

/// Messages that nobody can use, and what is wrong with each.
extension Workload {
    mutating func bad(now: Instant) -> SimMessage {
        let number = nextCount()
        if let order = random.pick(orders), random.percent(30) { return phantom(order, number, now) }
        let samples: [(reason: String, body: String)] = [
            ("malformed", "{\"type\":\"order-placed\",\"id\":\"b\(number)\""),
            ("malformed", "[\(number)]"),
            ("unknown-type", "{\"type\":\"order-guessed\",\"id\":\"b\(number)\"}"),
            ("invalid", "{\"type\":\"order-placed\",\"id\":\"b\(number)\",\"order_id\":\"B\(number)\",\"lines\":[]}"),
            (
                "invalid",
                "{\"type\":\"order-placed\",\"id\":\"b\(number)\",\"order_id\":\"B\(number)\",\"lines\":[{\"sku\":\"A\",\"quantity\":2.5}]}"
            ),
            (
                "invalid",
                "{\"type\":\"stock-received\",\"id\":\"b\(number)\",\"receipt_id\":\"B\(number)\",\"lines\":[{\"sku\":\"A\",\"quantity\":2}]}"
            ),
            (
                "invalid",
                "{\"type\":\"stock-adjusted\",\"id\":\"b\(number)\",\"adjustment_id\":\"B\(number)\",\"location\":\"WH-1\",\"lines\":[{\"sku\":\"A\",\"delta\":0}]}"
            ),
            (
                "invalid",
                "{\"type\":\"order-cancelled\",\"id\":\"b\(number)\",\"order_id\":\"B\(number)\",\"time\":\"2026-11-23T10:00:00\"}"
            ),
        ]
        let sample = samples[random.below(samples.count)]
        return SimMessage(
            number: number, queue: random.percent(50) ? "orders" : "stock",
            envelope: Envelope(contentType: "application/json"), body: Array(sample.body.utf8),
            properties: random.percent(30) ? [0xEE] : [UInt8(number & 0x7F)],
            knowledge: Knowledge(
                id: "b\(number)", fact: nil, content: -number, unusable: sample.reason, time: nil, deed: .nothing))
    }

    /// A shipment or cancellation of a line that the order does not have.
    private mutating func phantom(_ order: SimOrder, _ number: Int, _ now: Instant) -> SimMessage {
        let lines = MessageText.array([
            MessageText.object([("line_id", "\"phantom\""), ("quantity", "1")])
        ])
        if random.percent(50) {
            let shipment = SimShipment(
                orderID: order.orderID, location: "WH-1", lines: [SKUQuantity(sku: "A", quantity: 1)], dispatchedAt: nil
            )
            return message(
                "shipment-dispatched", ("shipment_id", "P\(number)"),
                [("order_id", MessageText.quoted(order.orderID.text)), ("lines", lines), ("location", "\"WH-1\"")],
                .shipped(shipment), now: now, mayLackID: false, namesUnknownLine: true)
        }
        return message(
            "order-cancelled", nil, [("order_id", MessageText.quoted(order.orderID.text)), ("lines", lines)],
            .cancelled(order.orderID), now: now, mayLackID: false, namesUnknownLine: true)
    }
}
