import BackOrderStore
import Foundation
import InventoryCore

/// What customers were told of dates is what is kept, and the previous date is the one they were told before.
struct PromiseChecks {
    let before: Snapshot
    let after: Snapshot
    let fail: (Failure.Check, String) -> Void

    private static let kinds: Set<String> = ["order-backordered", "backorder-delayed", "backorder-advanced"]

    func run(_ messages: [OutboxMessage]) {
        var told: [Snapshot.LineRef: String?] = [:]
        for message in messages where message.type == "customer-notification" {
            guard let object = OutputBook.object(message.body), let kind = object["kind"] as? String,
                PromiseChecks.kinds.contains(kind), let orderID = object["order_id"] as? String,
                let order = after.order(OrderID(orderID)), let lines = object["lines"] as? [[String: Any]]
            else { continue }
            for line in lines {
                guard let lineID = line["line_id"] as? String,
                    let position = order.lines.firstIndex(where: { $0.lineID.text == lineID })
                else {
                    fail(.dates, "\(kind) of order \(orderID) names a line that it does not have")
                    continue
                }
                let ref = Snapshot.LineRef(order: order.orderID, position: position)
                if kind != "order-backordered", told[ref] == nil, let old = before.order(order.orderID) {
                    let previous = line["previous_promised_at"] as? String
                    let was = old.lines[position].promisedAt.map(PromiseChecks.text)
                    if previous != was {
                        fail(
                            .dates,
                            "\(kind) of order \(orderID), line \(lineID): previous date \(previous ?? "none"), it was \(was ?? "none")"
                        )
                    }
                }
                told[ref] = .some(line["promised_at"] as? String)
            }
        }
        for (ref, date) in told {
            guard let line = after.order(ref.order)?.lines[ref.position], line.waiting > 0 else { continue }
            let kept = line.promisedAt.map(PromiseChecks.text)
            if kept != date {
                fail(
                    .dates,
                    "order \(ref.order), line \(line.lineID): told \(date ?? "no date"), kept \(kept ?? "none")")
            }
        }
    }

    /// Milliseconds, as written times have.
    private static func text(_ instant: Instant) -> String {
        let text = MessageText.time(instant)
        return String(text.dropLast(4)) + "Z"
    }
}
