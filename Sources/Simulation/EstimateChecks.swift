import InventoryCore

/// After a sweep each waiting line's estimate is the date of the supply with which the cumulative quantity covers all
/// that waits ahead of it and its own.
struct EstimateChecks {
    let snapshot: Snapshot
    let rules: Rulebook
    let now: Instant
    let fail: (Failure.Check, String) -> Void

    private struct Waiting {
        var order: Order
        var position: Int
        var line: OrderLine { order.lines[position] }
    }

    func run() {
        for item in snapshot.items { check(item.sku) }
    }

    private func check(_ sku: SKU) {
        let supplies = snapshot.supplies.filter { $0.sku == sku && $0.outstanding > 0 && $0.expectedAt != nil }
            .sorted { left, right in
                let (leftDate, rightDate) = (left.expectedAt ?? now, right.expectedAt ?? now)
                if leftDate != rightDate { return leftDate < rightDate }
                return left.supplyID != right.supplyID ? left.supplyID < right.supplyID : left.location < right.location
            }
        // What is overdue counts from the sweep's own now, which is not known here.
        if supplies.contains(where: { ($0.expectedAt ?? now) <= now }) { return }
        var lines = (snapshot.lines[sku] ?? []).map { Waiting(order: snapshot.orders[$0.order], position: $0.position) }
        lines.removeAll { $0.line.waiting == 0 }
        lines.sort { precedes($0, $1) }
        var ahead: Units = 0
        for entry in lines {
            ahead += entry.line.waiting
            var covered: Units = 0
            let standsOn = supplies.first { supply in
                covered += supply.outstanding
                return covered >= ahead
            }
            let date = standsOn?.expectedAt?.adding(days: rules.promise.handlingDays)
            if entry.line.estimatedAt != date {
                fail(
                    .dates,
                    "order \(entry.order.orderID), line \(entry.line.lineID): estimated "
                        + "\(text(entry.line.estimatedAt)), \(ahead) units of \(sku) are covered \(text(date))")
            }
        }
    }

    private func text(_ instant: Instant?) -> String { instant.map { MessageText.time($0) } ?? "never" }

    private func lead(_ order: Order) -> Int64 {
        switch rules.strategy {
        case .priority, .fairShare: 0
        case .dueDate: order.requestedBy?.microseconds ?? .max
        case .smallestFirst: order.lines.reduce(0) { $0 + $1.waiting }
        }
    }

    private func precedes(_ left: Waiting, _ right: Waiting) -> Bool {
        let (leftLead, rightLead) = (lead(left.order), lead(right.order))
        if leftLead != rightLead { return leftLead < rightLead }
        if left.order.priority != right.order.priority { return left.order.priority > right.order.priority }
        if left.order.placedAt != right.order.placedAt { return left.order.placedAt < right.order.placedAt }
        if left.order.orderID != right.order.orderID {
            return left.order.orderID.text.utf8.lexicographicallyPrecedes(right.order.orderID.text.utf8)
        }
        return left.position < right.position
    }
}
