/// stock-adjusted and item-updated.
extension Turn {
    mutating func adjust(_ adjusted: StockAdjusted) throws {
        var places: [(sku: SKU, location: LocationID)] = []
        var freed: [SKU] = []
        for line in adjusted.lines {
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
            touch(line.sku)
            item.changeStock(at: adjusted.location) { $0.onHand = after }
            if after > before {
                if !freed.contains(line.sku) { freed.append(line.sku) }
            }
            if !places.contains(where: { $0.sku == line.sku }) { places.append((line.sku, adjusted.location)) }
        }
        try settleBooks(places: places, freed: freed, first: adjusted.location, own: nil)
    }

    /// Changes neither stock nor demand nor supply, so nothing is asked for before one of them changes.
    func update(_ updated: ItemUpdated) throws {
        let item = try ledger.item(updated.sku)
        item.replaceSettings((item.item.settings ?? ItemSettings()).replaced(by: updated.settings))
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
        // Its four numbers belong together.
        if let value = newer.reorder { result.reorder = value }
        return result
    }
}
