internal import InventoryCore

extension MemoryBooks: StoreQueries {
    func stock(sku: SKU?, after: StockRow?, limit: Int) throws -> [StockRow] {
        var rows: [StockRow] = []
        for item in items.values where sku == nil || item.sku == sku {
            for stock in item.stock {
                rows.append(
                    StockRow(sku: item.sku, location: stock.location, onHand: stock.onHand, allocated: stock.allocated))
            }
        }
        rows.sort { ($0.sku, $0.location) < ($1.sku, $1.location) }
        if let after { rows.removeAll { ($0.sku, $0.location) <= (after.sku, after.location) } }
        return Array(rows.prefix(limit))
    }

    func order(_ orderID: OrderID) throws -> Order? { orders[orderID]?.order }

    func backOrders(sku: SKU?, after: BackOrderRow?, limit: Int) throws -> [BackOrderRow] {
        var rows: [BackOrderRow] = []
        for stored in orders.values {
            for (position, line) in stored.order.lines.enumerated() where line.waiting > 0 {
                if let sku, line.sku != sku { continue }
                rows.append(
                    BackOrderRow(
                        sku: line.sku, key: stored.key(position), lineID: line.lineID, waiting: line.waiting, place: 0,
                        promisedAt: line.promisedAt))
            }
        }
        rows.sort { ($0.sku, $0.key) < ($1.sku, $1.key) }
        if let after { rows.removeAll { ($0.sku, $0.key) <= (after.sku, after.key) } }
        rows = Array(rows.prefix(limit))
        var place: (sku: SKU, last: Int64)? = after.map { ($0.sku, $0.place) }
        for index in rows.indices {
            let last = place?.sku == rows[index].sku ? place?.last ?? 0 : 0
            rows[index].place = last + 1
            place = (rows[index].sku, last + 1)
        }
        return rows
    }

    func supplies(kind: Supply.Kind?, settled: Bool, after: Supply?, limit: Int) throws -> [Supply] {
        var rows = supplies.values.filter { (kind == nil || $0.kind == kind) && (settled || $0.outstanding > 0) }
        rows.sort { ($0.sku, $0.key) < ($1.sku, $1.key) }
        if let after { rows.removeAll { ($0.sku, $0.key) <= (after.sku, after.key) } }
        return Array(rows.prefix(limit))
    }

    func discrepancies(after: DiscrepancyRow?, limit: Int) throws -> [DiscrepancyRow] {
        let first = Int(after?.number ?? 0)
        return discrepancies.dropFirst(first).prefix(limit).enumerated().map { offset, discrepancy in
            DiscrepancyRow(number: Int64(first + offset + 1), discrepancy: discrepancy)
        }
    }

    func totals() throws -> StoreTotals {
        var totals = StoreTotals()
        totals.orders = Int64(orders.count)
        for item in items.values {
            for lane in item.lanes {
                totals.waitingLines += lane.lines
                totals.waitingUnits += lane.units
            }
        }
        for segment in outbox.values { totals.outboxMessages += Int64(segment.messages.count) }
        totals.oldestOutboxAt = outbox.values.map(\.createdAt).min()
        totals.parkedMessages = Int64(parked.count)
        return totals
    }

    func item(_ sku: SKU) throws -> Item? { items[sku] }

    func waitingBefore(_ key: PrecedenceKey, sku: SKU) throws -> (lines: Int64, units: Units) {
        var result: (lines: Int64, units: Units) = (0, 0)
        for (lane, list) in waiting where lane.sku == sku {
            list.forEach(after: nil) { entry in
                if !(entry < key) { return false }
                result.lines += 1
                result.units += queued(entry) { $0.waiting }.units
                return true
            }
        }
        return result
    }

    func events(of orderID: OrderID, after: Int64, limit: Int) throws -> [OrderEvent] {
        Array((events[orderID] ?? []).drop { $0.number <= after }.prefix(limit))
    }

    func demand(sku: SKU?, after: Demand?, limit: Int) throws -> [Demand] {
        let rows = demand.values.filter { row in
            (sku == nil || row.sku == sku) && after.map { ($0.sku, $0.day) < (row.sku, row.day) } ?? true
        }
        return Array(rows.sorted { ($0.sku, $0.day) < ($1.sku, $1.day) }.prefix(limit))
    }

    func parked(after: ParkedMessage?, limit: Int) throws -> [ParkedMessage] {
        let keys = parked.keys.sorted().drop { key in after.map { key <= ParkedKey($0) } ?? false }
        return keys.prefix(limit).compactMap { parked[$0] }
    }

    func adoptedStrategy() throws -> Strategy? { strategy }

    func auditOrders(after: OrderID?, limit: Int) throws -> [AuditedOrder] {
        orders.keys.sorted().drop { key in after.map { key <= $0 } ?? false }.prefix(limit)
            .compactMap { orders[$0] }.map { AuditedOrder(order: $0.order, leads: $0.leads) }
    }

    func auditItems(after: SKU?, limit: Int) throws -> [AuditedItem] {
        items.keys.sorted().drop { key in after.map { key <= $0 } ?? false }.prefix(limit)
            .compactMap { items[$0] }.map { AuditedItem(item: $0) }
    }

    func auditSupplies(after: Supply?, limit: Int) throws -> [AuditedSupply] {
        supplies.keys.sorted().drop { key in after.map { key <= SupplyRowKey($0) } ?? false }.prefix(limit)
            .compactMap { supplies[$0] }.map { AuditedSupply(supply: $0) }
    }
}
