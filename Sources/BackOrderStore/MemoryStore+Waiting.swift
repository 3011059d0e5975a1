internal import InventoryCore

/// Lists of waiting lines, by looking at all of them: nobody pages through books in memory but tests.
extension MemoryBooks {
    private func waiting(_ isWanted: (Order, OrderLine) -> Bool) -> [WaitingLine] {
        var lines: [WaitingLine] = []
        for stored in orders.values {
            for (position, line) in stored.order.lines.enumerated()
            where line.waiting > 0 && isWanted(stored.order, line) {
                lines.append(
                    WaitingLine(
                        sku: line.sku, key: stored.key(position), lineID: line.lineID, waiting: line.waiting,
                        pin: line.pin, firstPromisedAt: line.firstPromisedAt, promisedAt: line.promisedAt,
                        customer: stored.order.customer))
            }
        }
        return lines
    }

    private func page(_ lines: [WaitingLine], after: WaitingPlace?, limit: Int) -> [WaitingLine] {
        let rest = lines.filter { line in after.map { $0 < line.place } ?? true }
        return Array(rest.sorted { $0.place < $1.place }.prefix(limit))
    }

    func waiting(
        of customer: CustomerMatch, sku: SKU?, location: LocationID?, after: WaitingPlace?, limit: Int
    ) throws -> WaitingPage {
        let lines = waiting { order, line in
            order.customer.map(customer.isOf) ?? false && (sku == nil || line.sku == sku)
                && (location == nil || line.pin == location)
        }
        let found = page(lines, after: after, limit: limit)
        return WaitingPage(lines: found, next: found.count == limit ? found.last?.place : nil)
    }

    func waiting(at location: LocationID, after: WaitingPlace?, limit: Int) throws -> [WaitingLine] {
        page(waiting { $1.pin == location }, after: after, limit: limit)
    }

    func waiting(of sku: SKU, at location: LocationID, after: PrecedenceKey?, limit: Int) throws -> [WaitingLine] {
        let lines = waiting { $1.sku == sku && $1.pin == location }
        let rest = lines.filter { line in after.map { $0 < line.key } ?? true }
        return Array(rest.sorted { $0.key < $1.key }.prefix(limit))
    }

    func place(of key: PrecedenceKey, sku: SKU, atMost: Int64) throws -> Int64? {
        let place = try waitingBefore(key, sku: sku).lines + 1
        return place <= atMost ? place : nil
    }
}
