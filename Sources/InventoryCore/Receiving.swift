/// stock-received.
extension Turn {
    mutating func receive(_ receipt: StockReceived) throws {
        var skus: [SKU] = []
        for line in receipt.lines {
            if !skus.contains(line.sku) { skus.append(line.sku) }
            touch(line.sku)
            let item = try ledger.item(line.sku)
            let units = settleDeficits(item, receipt.location, line.quantity, receivedAt: receipt.receivedAt)
            item.changeStock(at: receipt.location) { $0.onHand += units }
        }
        var observed: Set<SupplyID> = []
        for line in receipt.lines { try settleSupply(receipt, line, &observed) }
        var fills = Fills()
        for sku in skus { try fill(sku, first: receipt.location, &fills) }
        try fillHeld(skus, &fills)
        let reorders = try makeReorders()
        try tell(fills)
        for reorder in reorders { emit(.reorderRequested(reorder)) }
    }

    /// A receipt that was merely late: its units are those that already left. Answers what remains.
    private mutating func settleDeficits(
        _ item: ItemRecord, _ location: LocationID, _ quantity: Units, receivedAt: Instant
    ) -> Units {
        if item.item.deficits.isEmpty { return quantity }
        var rest = quantity
        var deficits = item.item.deficits
        for index in deficits.indices
        where deficits[index].location == location && deficits[index].dispatchedAt >= receivedAt {
            let units = min(rest, deficits[index].units)
            deficits[index].units -= units
            rest -= units
        }
        if rest != quantity { item.replaceDeficits(deficits.filter { $0.units > 0 }) }
        return rest
    }

    /// A receipt settles the inbound it names, or the reorder (inbounds tied to it first), else the oldest outstanding
    /// supply of that SKU at that location. More than was outstanding is simply stock.
    private mutating func settleSupply(
        _ receipt: StockReceived, _ line: SKUQuantity, _ observed: inout Set<SupplyID>
    ) throws {
        var rest = line.quantity
        func settle(_ record: SupplyRecord) throws {
            let units = min(rest, record.supply.outstanding)
            if units == 0 { return }
            try observeLeadTime(receipt, record.supply, &observed)
            try ledger.setOutstanding(record, record.supply.outstanding - units)
            rest -= units
        }
        if let inboundID = receipt.inboundID {
            for record in try ledger.supplies(inboundID) where record.supply.sku == line.sku { try settle(record) }
        } else if let reorderID = receipt.reorderID {
            for record in try ledger.inbounds(tiedTo: reorderID) where record.supply.sku == line.sku {
                try settle(record)
            }
            for record in try ledger.supplies(reorderID) where record.supply.sku == line.sku { try settle(record) }
        } else {
            let item = try ledger.item(line.sku)
            if item.item.onOrder == 0 { return }
            try ledger.walkSupplies(item) { record in
                if record.supply.location == receipt.location { try settle(record) }
                return rest > 0
            }
        }
    }

    /// How long the reorder took that this supply is or is tied to; one observation for each receipt and reorder.
    private func observeLeadTime(_ receipt: StockReceived, _ supply: Supply, _ observed: inout Set<SupplyID>) throws {
        guard let reorderID = supply.kind == .reorder ? supply.supplyID : supply.reorderID,
            observed.insert(reorderID).inserted
        else { return }
        let reorder = try ledger.supplies(reorderID).first { $0.supply.kind == .reorder }?.supply
        guard let reorder, let supplier = reorder.supplier ?? receipt.supplier else { return }
        let taken = receipt.receivedAt.microseconds.subtractingReportingOverflow(reorder.createdAt.microseconds)
        if taken.overflow { return }
        try ledger.observe(LeadTime(supplier: supplier, microseconds: max(0, taken.partialValue)))
    }
}
