internal import InventoryCore

extension MemoryBooks {
    func figures(now: Instant) throws -> StoreFigures {
        let totals = try totals()
        var figures = StoreFigures()
        figures.waitingLines = totals.waitingLines
        figures.waitingUnits = totals.waitingUnits
        figures.outboxMessages = totals.outboxMessages
        figures.oldestOutboxAt = totals.oldestOutboxAt
        figures.parkedMessages = totals.parkedMessages
        figures.discrepancies = Int64(discrepancies.count)
        let most = StoreFigures.countedAtMost
        for stored in orders.values {
            for line in stored.order.lines {
                if line.held > 0 { figures.heldLines = min(most, figures.heldLines + 1) }
                if line.waiting == 0 { continue }
                figures.waitingSince =
                    figures.waitingSince.map { min($0, stored.order.placedAt) } ?? stored.order.placedAt
                guard let promised = line.promisedAt else { continue }
                if promised < now {
                    figures.promisesOverdue = min(most, figures.promisesOverdue + 1)
                } else if promised < now.adding(days: 1) {
                    figures.promisesDue = min(most, figures.promisesDue + 1)
                }
            }
        }
        for supply in supplies.values where supply.outstanding > 0 {
            let isOverdue = supply.expectedAt.map { $0 < now } ?? false
            let coming = supply.kind == .reorder ? \StoreFigures.reorders : \StoreFigures.inbounds
            figures[keyPath: coming].supplies += 1
            figures[keyPath: coming].units += supply.outstanding
            if isOverdue { figures[keyPath: coming].overdue += 1 }
        }
        var places: [LocationID: StoreFigures.Place] = [:]
        for item in items.values {
            for stock in item.stock {
                var place = places[stock.location] ?? .init(location: stock.location, onHand: 0, allocated: 0)
                place.onHand += stock.onHand
                place.allocated += stock.allocated
                places[stock.location] = place
            }
        }
        figures.places = places.values.sorted { $0.location < $1.location }
        return figures
    }

    func promisedLines(before: Instant, after: PromisedLine?, limit: Int) throws -> [PromisedLine] {
        func key(_ line: PromisedLine) -> (Instant, SKU, OrderID, Int) {
            (line.promisedAt, line.sku, line.orderID, line.position)
        }
        var rows: [PromisedLine] = []
        for stored in orders.values {
            for (position, line) in stored.order.lines.enumerated() where line.waiting > 0 {
                guard let promised = line.promisedAt, promised < before else { continue }
                let row = PromisedLine(
                    promisedAt: promised, sku: line.sku, orderID: stored.order.orderID, position: position,
                    lineID: line.lineID, waiting: line.waiting, place: .init(item: 0, line: 0))
                if let after, key(row) <= key(after) { continue }
                rows.append(row)
            }
        }
        return Array(rows.sorted { key($0) < key($1) }.prefix(limit))
    }
}
