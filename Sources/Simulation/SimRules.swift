import InventoryCore

/// A company's rules by seed: small, and colliding.
struct SimRules {
    private(set) var rulebook: Rulebook
    let skus: [SKU]
    /// Where things happen; the last one may be unknown to the rules.
    let locations: [LocationID]
    static let suppliers: [SupplierID] = ["acme", "globex"]

    init(_ random: inout SimRandom) {
        let configured = random.within(1...3)
        let names: [LocationID] = ["WH-1", "WH-2", "WH-3"]
        var order = random.shuffled(Array(names.prefix(configured)))
        var places = order
        if random.percent(30) { places.append("ANNEX") }
        if random.percent(5) { order = [] }
        locations = places
        skus = Array((["A", "B", "C", "D"] as [SKU]).prefix(random.within(1...4)))
        rulebook = Rulebook(locations: order)
        rulebook.strategy = random.pick(Strategy.allCases) ?? .priority
        rulebook.sourcing = random.percent(60) ? .fewestSplits : .fewestShipments
        rulebook.parkingMicroseconds = Int64(random.within(1...24)) * Instant.microsecondsPerHour
        rulebook.promise = PromiseSettings(
            defaultLeadTimeDays: random.percent(60) ? Int64(random.within(1...5)) : nil,
            handlingDays: Int64(random.within(0...2)),
            promiseQuantile: random.percent(50) ? 0.8 : 0.5, notifyAfterHours: Int64(random.within(1...48)))
        if random.percent(50) {
            rulebook.suppliers["acme"] = SupplierSettings(leadTimeDays: Int64(random.within(1...6)))
        }
        SimRules.setPolicy(&rulebook, skus, &random)
    }

    private static func setPolicy(_ rulebook: inout Rulebook, _ skus: [SKU], _ random: inout SimRandom) {
        rulebook.policyDefault = PolicySettings()
        if random.percent(20) { rulebook.policyDefault.backorderLimit = .units(Int64(random.within(0...12))) }
        if random.percent(15) { rulebook.policyDefault.ship = .complete }
        if random.percent(8) { rulebook.policyDefault.onBackorder = .refuse }
        rulebook.rules = []
        if random.percent(40) {
            var vip = PolicySettings(onBackorder: .accept)
            vip.priority = 7
            rulebook.rules.append(PolicyRule(segment: Pattern("vip*"), settings: vip))
        }
        if random.percent(30) {
            rulebook.rules.append(
                PolicyRule(
                    sku: Pattern(random.pick(skus)?.text ?? "A"), location: random.percent(30) ? Pattern("WH-*") : nil,
                    settings: PolicySettings(onBackorder: random.percent(70) ? .hold : .refuse)))
        }
        if random.percent(20) {
            rulebook.rules.append(
                PolicyRule(settings: PolicySettings(backorderLimit: random.percent(30) ? .some(.none) : .units(5))))
        }
        rulebook.items = []
        for sku in skus where random.percent(35) {
            rulebook.items.append(ItemRule(pattern: Pattern(sku.text), settings: item(&random)))
        }
        if random.percent(25) { rulebook.items.append(ItemRule(pattern: Pattern("*"), settings: item(&random))) }
    }

    static func item(_ random: inout SimRandom) -> ItemSettings {
        var settings = ItemSettings()
        if random.percent(50) { settings.supplier = random.pick(suppliers) }
        if random.percent(40) { settings.leadTimeDays = Int64(random.within(0...6)) }
        if random.percent(50) {
            settings.reorder = ReorderSettings(point: Int64(random.within(0...6)))
            if random.percent(70) { settings.reorder?.upTo = Int64(random.within(6...15)) }
            if random.percent(30) { settings.reorder?.minimum = Int64(random.within(1...10)) }
            if random.percent(30) { settings.reorder?.multiple = Int64(random.within(2...6)) }
        }
        if random.percent(10) { settings.onBackorder = random.pick(OnBackorder.allCases) }
        if random.percent(10) { settings.backorderLimit = .units(Int64(random.within(0...10))) }
        if random.percent(10) { settings.ship = random.pick(ShipMode.allCases) }
        return settings
    }

    /// What SIGHUP may bring: policy and items, not what a restart needs.
    mutating func replace(_ random: inout SimRandom) -> Rulebook {
        SimRules.setPolicy(&rulebook, skus, &random)
        rulebook.promise.notifyAfterHours = Int64(random.within(1...48))
        return rulebook
    }
}
