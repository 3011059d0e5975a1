/// Reorders: one shortage is asked for once; what is on order sees to it.
extension Turn {
    /// How many waiting lines a reorder lists.
    static let backOrdersListed = 100

    /// Looks at every touched SKU and asks for what is missing. The supply is in the books at once; the messages are
    /// told by the caller, after everything else.
    mutating func makeReorders() throws -> [ReorderRequested] {
        var reorders: [ReorderRequested] = []
        for sku in touched {
            let item = try ledger.item(sku)
            let levels = decider.reorderLevels(sku, override: item.item.settings)
            let position = item.item.position
            if position > levels.point { continue }
            let missing = levels.upTo - position
            if missing <= 0 { continue }
            reorders.append(try reorder(item, roundUp(max(missing, levels.minimum), levels.multiple)))
        }
        return reorders
    }

    mutating func tellReorders() throws {
        for reorder in try makeReorders() { emit(.reorderRequested(reorder)) }
    }

    private func roundUp(_ units: Units, _ multiple: Units) -> Units {
        let rest = units % multiple
        return rest == 0 ? units : units + (multiple - rest)
    }

    private mutating func reorder(_ item: ItemRecord, _ quantity: Units) throws -> ReorderRequested {
        let before = item.item
        var backOrders: [ReorderRequested.BackOrder] = []
        var firstPin: LocationID?
        if before.waiting > 0 {
            try ledger.walkWaiting(item, .all, chunk: Turn.backOrdersListed) { line in
                if backOrders.isEmpty { firstPin = line.pin }
                backOrders.append(.init(orderID: line.key.orderID, lineID: line.lineID, quantity: line.units))
                return backOrders.count < Turn.backOrdersListed
            }
        }
        // Where nothing lies, no place has most: whether its empty row is on the books makes no difference.
        let fullest = before.stock.filter { $0.onHand > 0 }.max {
            $0.onHand != $1.onHand ? $0.onHand < $1.onHand : $1.location < $0.location
        }
        let location = firstPin ?? rules.locations.first ?? fullest?.location ?? "default"
        let supplier = decider.supplier(item.sku, override: before.settings)
        let expectedAt = try expectedArrival(item.sku, supplier, override: before.settings)
        let reorderID = Turn.reorderID(item.sku, item.nextReorderNumber())
        try ledger.insertSupply(
            Supply(
                supplyID: reorderID, kind: .reorder, sku: item.sku, location: location, supplier: supplier,
                quantity: quantity, outstanding: quantity, expectedAt: expectedAt, createdAt: now))
        return ReorderRequested(
            reorderID: reorderID, sku: item.sku, location: location, supplier: supplier, quantity: quantity,
            reason: before.waiting > 0 ? .backOrder : .reorderPoint, expectedAt: expectedAt,
            position: .init(
                onHand: before.onHand, allocated: before.allocated, backordered: before.waiting,
                onOrder: before.onOrder),
            backOrders: backOrders)
    }

    /// Now + lead time: the item's, else the supplier's, else what was observed of that supplier, else the default.
    private func expectedArrival(_ sku: SKU, _ supplier: SupplierID?, override: ItemSettings?) throws -> Instant? {
        if let days = decider.statedLeadTimeDays(sku, override: override) { return now.adding(days: days) }
        if let supplier {
            let observed = try ledger.leadTimes(supplier)
            if let learned = LeadTime.quantile(rules.promise.promiseQuantile, of: observed) {
                return now.adding(microseconds: learned)
            }
        }
        return rules.promise.defaultLeadTimeDays.map { now.adding(days: $0) }
    }

    /// `RO-<sku>-<number>`: readable, unique, and for one SKU in byte order of age. A long SKU is cut and told apart by
    /// a hash, so that the id stays within the contract's 128 bytes.
    static func reorderID(_ sku: SKU, _ number: Int64) -> SupplyID {
        let digits = String(number)
        let padded = String(repeating: "0", count: max(0, 7 - digits.utf8.count)) + digits
        if sku.text.utf8.count <= 96 { return SupplyID("RO-\(sku.text)-\(padded)") }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in sku.text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        var head = ""
        for scalar in sku.text.unicodeScalars {
            if head.utf8.count + 4 > 72 { break }
            head.unicodeScalars.append(scalar)
        }
        return SupplyID("RO-\(head)~\(String(hash, radix: 16))-\(padded)")
    }
}
