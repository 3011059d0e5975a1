extension Decider {
    /// How a line's item, pin and customer answer one key: the first matching rule that has it, else what item-updated
    /// said, else the item of the configuration (longest matching pattern that has it). nil: nobody says.
    private func setting<Value>(
        _ sku: SKU, _ pin: LocationID?, _ segment: String?, override: ItemSettings?,
        rule: (PolicySettings) -> Value?, item: (ItemSettings) -> Value?
    ) -> Value? {
        for candidate in rules.rules {
            guard let value = rule(candidate.settings), candidate.matches(sku, pin, segment) else { continue }
            return value
        }
        return itemSetting(sku, override: override, item)
    }

    /// What the item says for itself: item-updated first, then the longest matching pattern that has the key.
    func itemSetting<Value>(_ sku: SKU, override: ItemSettings?, _ item: (ItemSettings) -> Value?) -> Value? {
        if let override, let value = item(override) { return value }
        var best: (weight: Int, value: Value)?
        for candidate in rules.items {
            guard let value = item(candidate.settings), candidate.pattern.weight > (best?.weight ?? -1),
                candidate.pattern.matches(sku.text)
            else { continue }
            best = (candidate.pattern.weight, value)
        }
        return best?.value
    }

    func onBackorder(_ line: OrderLine, segment: String?, override: ItemSettings?) -> OnBackorder {
        setting(line.sku, line.pin, segment, override: override, rule: \.onBackorder, item: \.onBackorder)
            ?? rules.policyDefault.onBackorder ?? .accept
    }

    /// For people: what the policy says of units that are out of stock, and where it says so.
    func policyNote(_ line: OrderLine, segment: String?, override: ItemSettings?) -> String {
        let answer = onBackorder(line, segment: segment, override: override)
        var note =
            "\(answer.rawValue), by \(source(line, segment, override, rule: { $0.onBackorder != nil }) { $0.onBackorder != nil })"
        if answer != .refuse, let limit = backorderLimit(line, segment: segment, override: override) {
            let place = source(line, segment, override, rule: { $0.backorderLimit != nil }) { $0.backorderLimit != nil }
            note += "; at most \(limit) waiting, by \(place)"
        }
        return note
    }

    /// Which part of the configuration has a key for this line.
    private func source(
        _ line: OrderLine, _ segment: String?, _ override: ItemSettings?, rule: (PolicySettings) -> Bool,
        item: (ItemSettings) -> Bool
    ) -> String {
        var index = 0
        for candidate in rules.rules {
            if rule(candidate.settings) && candidate.matches(line.sku, line.pin, segment) {
                return candidate.name ?? "policy.rules[\(index)]"
            }
            if candidate.name == nil { index += 1 }
        }
        if let override, item(override) { return "item-updated" }
        var best: Pattern?
        for candidate in rules.items
        where item(candidate.settings) && candidate.pattern.weight > (best?.weight ?? -1)
            && candidate.pattern.matches(line.sku.text)
        {
            best = candidate.pattern
        }
        return best.map { "items.\($0.text)" } ?? "policy.default"
    }

    /// nil: no limit.
    func backorderLimit(_ line: OrderLine, segment: String?, override: ItemSettings?) -> Units? {
        let limit =
            setting(line.sku, line.pin, segment, override: override, rule: \.backorderLimit, item: \.backorderLimit)
            ?? rules.policyDefault.backorderLimit ?? .none
        switch limit {
        case .none: return nil
        case .units(let units): return units
        }
    }

    /// ship and priority belong to the order: the first of its lines for which a rule or an item says one decides.
    func ship(_ placed: OrderPlaced, override: (SKU) throws -> ItemSettings?) rethrows -> ShipMode {
        if let ship = placed.ship { return ship }
        if !rules.rules.isEmpty || !rules.items.isEmpty {
            for line in placed.lines {
                let answer = setting(
                    line.sku, line.location, placed.customer?.segment, override: try override(line.sku),
                    rule: \.ship, item: \.ship)
                if let answer { return answer }
            }
        } else {
            for line in placed.lines {
                if let answer = try override(line.sku)?.ship { return answer }
            }
        }
        return rules.policyDefault.ship ?? .partial
    }

    /// What the message says, else the policy.
    public func priority(_ placed: OrderPlaced) -> Int {
        if let priority = placed.priority { return priority }
        for line in placed.lines {
            for candidate in rules.rules {
                guard let priority = candidate.settings.priority,
                    candidate.matches(line.sku, line.location, placed.customer?.segment)
                else { continue }
                return priority
            }
        }
        return rules.policyDefault.priority ?? 0
    }

    struct ReorderLevels {
        var point: Units
        var upTo: Units
        var minimum: Units
        var multiple: Units
    }

    func reorderLevels(_ sku: SKU, override: ItemSettings?) -> ReorderLevels {
        if rules.items.isEmpty && override == nil { return ReorderLevels(point: 0, upTo: 0, minimum: 0, multiple: 1) }
        // Its four numbers belong together: one of them is not taken from here and another from there.
        let reorder = itemSetting(sku, override: override, \.reorder) ?? ReorderSettings()
        return ReorderLevels(
            point: reorder.point ?? 0, upTo: reorder.upTo ?? max(0, reorder.point ?? 0),
            minimum: reorder.minimum ?? 0, multiple: max(1, reorder.multiple ?? 1))
    }

    func supplier(_ sku: SKU, override: ItemSettings?) -> SupplierID? {
        itemSetting(sku, override: override, \.supplier)
    }

    /// The lead time that somebody wrote down: the item's, else the supplier's.
    func statedLeadTimeDays(_ sku: SKU, override: ItemSettings?) -> Int64? {
        if let days = itemSetting(sku, override: override, \.leadTimeDays) { return days }
        guard let supplier = supplier(sku, override: override) else { return nil }
        return rules.suppliers[supplier]?.leadTimeDays
    }
}

extension PolicyRule {
    /// A key of `match` that is absent matches everything; one that is there wants a value that fits.
    func matches(_ sku: SKU, _ pin: LocationID?, _ segment: String?) -> Bool {
        if let pattern = self.sku, !pattern.matches(sku.text) { return false }
        if let pattern = self.location {
            guard let pin, pattern.matches(pin.text) else { return false }
        }
        if let pattern = self.segment {
            guard let segment, pattern.matches(segment) else { return false }
        }
        return true
    }
}
