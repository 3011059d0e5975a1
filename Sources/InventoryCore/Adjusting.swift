/// stock-adjusted and item-updated.
extension Turn {
    mutating func adjust(_ adjusted: StockAdjusted) throws {
        var places: [(sku: SKU, location: LocationID)] = []
        var freed: [SKU] = []
        for line in adjusted.lines {
            touch(line.sku)
            let item = try ledger.item(line.sku)
            let before = item.item.onHand(at: adjusted.location)
            var after: Units
            switch line.change {
            case .counted(let counted):
                after = counted
                if item.item.deficits.contains(where: { $0.location == adjusted.location }) {
                    item.replaceDeficits(item.item.deficits.filter { $0.location != adjusted.location })
                }
            case .delta(let delta):
                after = before + delta
                if after < 0 {
                    note(.adjustedBelowZero, line.sku, adjusted.location, -after)
                    after = 0
                }
            }
            if after == before { continue }
            item.changeStock(at: adjusted.location) { $0.onHand = after }
            if after > before {
                if !freed.contains(line.sku) { freed.append(line.sku) }
            }
            if !places.contains(where: { $0.sku == line.sku }) { places.append((line.sku, adjusted.location)) }
        }
        try settleBooks(places: places, freed: freed, first: adjusted.location, own: nil)
    }

    mutating func update(_ updated: ItemUpdated) throws {
        touch(updated.sku)
        let item = try ledger.item(updated.sku)
        item.replaceSettings((item.item.settings ?? ItemSettings()).replaced(by: updated.settings))
        try tellReorders()
    }
}

extension ItemSettings {
    /// Key by key: what the newer one says wins.
    func replaced(by newer: ItemSettings) -> ItemSettings {
        var result = self
        if let value = newer.supplier { result.supplier = value }
        if let value = newer.leadTimeDays { result.leadTimeDays = value }
        if let value = newer.onBackorder { result.onBackorder = value }
        if let value = newer.backorderLimit { result.backorderLimit = value }
        if let value = newer.ship { result.ship = value }
        if let value = newer.reorder {
            var reorder = result.reorder ?? ReorderSettings()
            if let point = value.point { reorder.point = point }
            if let upTo = value.upTo { reorder.upTo = upTo }
            if let minimum = value.minimum { reorder.minimum = minimum }
            if let multiple = value.multiple { reorder.multiple = multiple }
            result.reorder = reorder
        }
        return result
    }
}
