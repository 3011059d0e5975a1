/// Units that became available go to those who wait, by precedence; then to held orders that can be filled whole.
extension Turn {
    /// What one order got in this turn.
    struct Served {
        var record: OrderRecord
        /// Of its first line served, as it stood then: decides when the order is told.
        var key: PrecedenceKey
        /// By line position.
        var units: [Int: Units]
    }

    /// Orders served in this turn, to be told together.
    struct Fills {
        private(set) var orders: [Served] = []
        private var index: [OrderID: Int] = [:]

        mutating func add(_ record: OrderRecord, _ key: PrecedenceKey, _ position: Int, _ units: Units) {
            if let known = index[record.order.orderID] {
                orders[known].units[position, default: 0] += units
            } else {
                index[record.order.orderID] = orders.count
                orders.append(Served(record: record, key: key, units: [position: units]))
            }
        }
    }

    struct Grant {
        var key: PrecedenceKey
        var location: LocationID
        var units: Units
    }

    /// Gives out what is available of a SKU. `first`: the location that is taken from first.
    mutating func fill(_ sku: SKU, first: LocationID?, _ fills: inout Fills) throws {
        let item = try ledger.item(sku)
        guard item.item.waiting > 0 else { return }
        var sources = sources(item)
        if sources.isEmpty { return }
        if let first, let index = sources.firstIndex(where: { $0.location == first }), index > 0 {
            sources.insert(sources.remove(at: index), at: 0)
        }
        touch(sku)
        let grants =
            rules.strategy == .fairShare ? try fairGrants(item, sources) : try grants(item, &sources)
        for grant in grants {
            guard let record = try ledger.order(grant.key.orderID) else { continue }
            let position = grant.key.position
            try ledger.setWaiting(record, position, record.order.lines[position].waiting - grant.units)
            try ledger.allocate(record, position, at: grant.location, grant.units)
            fills.add(record, grant.key, position, grant.units)
        }
    }

    /// By precedence, as much as each can. The plan is made before anything moves: under smallest-first the queue
    /// stands as it was when the SKU's turn began.
    private func grants(_ item: ItemRecord, _ sources: inout [(location: LocationID, available: Units)]) throws
        -> [Grant]
    {
        var grants: [Grant] = []
        var left = sources.reduce(0) { $0 + $1.available }
        try ledger.walkWaiting(item, .usable(at: sources.map(\.location))) { line in
            var wanted = line.units
            for index in sources.indices where wanted > 0 && sources[index].available > 0 {
                if let pin = line.pin, pin != sources[index].location { continue }
                let units = min(wanted, sources[index].available)
                sources[index].available -= units
                wanted -= units
                left -= units
                grants.append(Grant(key: line.key, location: sources[index].location, units: units))
            }
            return left > 0
        }
        try ledger.loadOrders(grants.map(\.key.orderID))
        return grants
    }

    /// Held orders that name one of these SKUs, by precedence, each only if all its units can be allocated now.
    mutating func fillHeld(_ skus: [SKU], _ fills: inout Fills) throws {
        var candidates: [(key: PrecedenceKey, record: OrderRecord)] = []
        var seen: Set<OrderID> = []
        for sku in skus {
            let item = try ledger.item(sku)
            if sources(item).isEmpty { continue }
            try ledger.walkHeld(sku) { record in
                if seen.insert(record.order.orderID).inserted {
                    candidates.append((ledger.key(record, 0), record))
                }
                return true
            }
        }
        candidates.sort { $0.key < $1.key }
        for candidate in candidates where try canCover(candidate.record) {
            let record = candidate.record
            record.order.isHeld = false
            for position in record.order.lines.indices {
                let units = record.order.lines[position].held
                if units == 0 { continue }
                record.order.lines[position].held = 0
                record.order.lines[position].unplaced = units
                ledger.markChanged(record, line: position)
            }
            let wanted = record.order.lines.map(\.unplaced)
            try allocateForRelease(record)
            for position in wanted.indices where wanted[position] > 0 {
                touch(record.order.lines[position].sku)
                fills.add(record, ledger.key(record, position), position, wanted[position])
            }
        }
    }

    /// Whether all held units of an order can be allocated now, pins kept.
    private func canCover(_ record: OrderRecord) throws -> Bool {
        var pinned: [SKU: [LocationID: Units]] = [:]
        var free: [SKU: Units] = [:]
        for line in record.order.lines where line.held > 0 {
            if let pin = line.pin {
                pinned[line.sku, default: [:]][pin, default: 0] += line.held
            } else {
                free[line.sku, default: 0] += line.held
            }
        }
        for sku in Set(pinned.keys).union(free.keys) {
            var left = free[sku] ?? 0
            var available: Units = 0
            for source in sources(try ledger.item(sku)) { available += source.available }
            for (location, units) in pinned[sku] ?? [:] {
                if try ledger.item(sku).item.available(at: location) < units { return false }
                left += units
            }
            if available < left { return false }
        }
        return true
    }

    /// As a new order looks for stock, but pinned lines first, so that a line that could go elsewhere does not take what
    /// they need.
    private mutating func allocateForRelease(_ record: OrderRecord) throws {
        if try takeFromOne(record) { return }
        for position in record.order.lines.indices where record.order.lines[position].pin != nil {
            try takeUnplaced(record, position)
        }
        for position in record.order.lines.indices where record.order.lines[position].pin == nil {
            try takeUnplaced(record, position)
        }
    }

    /// Tells the served orders, by precedence of the first line served: what was filled, and what may be shipped.
    mutating func tell(_ fills: Fills) throws {
        for served in fills.orders.sorted(by: { $0.key < $1.key }) {
            try tellFilled(served.record, served.units)
        }
    }

    /// For a `complete` order nothing is told until it is ready; then all of it that is allocated and unasked.
    mutating func tellFilled(_ record: OrderRecord, _ units: [Int: Units]) throws {
        if record.order.ship == .complete {
            if record.order.isHeld || record.order.lines.contains(where: { $0.waiting > 0 }) { return }
            // Told when it becomes ready, of all that it has; an order that was ready before has nothing unasked.
            if !record.order.lines.contains(where: { $0.allocations.contains { $0.requested < $0.units } }) { return }
            notify(
                record, .backorderFilled,
                record.order.lines.indices.compactMap { position in
                    let units = record.order.lines[position].allocated
                    return units > 0 ? noticeLine(record, position, units) : nil
                })
        } else {
            notify(
                record, .backorderFilled,
                units.keys.sorted().map { noticeLine(record, $0, units[$0] ?? 0) })
        }
        try requestFulfilment(record)
    }
}
