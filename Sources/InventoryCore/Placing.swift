/// order-placed, and the release of a held order, which goes the same way.
extension Turn {
    mutating func place(_ placed: OrderPlaced) throws -> Decision.Effect {
        if let known = try ledger.order(placed.orderID) {
            // The inbox has forgotten the message (its retention is over), the books have not forgotten the order.
            if known.order.isSame(as: placed) { return .none }
            throw Rejection(.conflict, "order_id: \(placed.orderID) is known with other content")
        }
        let lines = placed.lines.map {
            OrderLine(lineID: $0.lineID, sku: $0.sku, pin: $0.location, unitPrice: $0.unitPrice, ordered: $0.quantity)
        }
        var order = Order(
            orderID: placed.orderID, placedAt: placed.placedAt, customer: placed.customer,
            priority: decider.priority(placed), requestedBy: placed.requestedBy,
            ship: try decider.ship(placed) { try ledger.item($0).item.settings }, currency: placed.currency,
            lines: lines)
        for position in order.lines.indices { order.lines[position].unplaced = order.lines[position].ordered }
        let record = ledger.insert(order)

        let releases = try applyParked(record)
        for line in record.order.lines where line.ordered > line.cancelled {
            ledger.addDemand(line.sku, of: record.order) { $0.units += line.ordered - line.cancelled }
        }
        if record.order.lines.contains(where: { $0.unplaced > 0 }) {
            try settlePlacing(record, holdAllowed: true)
        }
        for release in releases { try applyParkedRelease(release, record) }
        return .applied
    }

    /// Units that have looked for no stock yet look for it; then everybody is told.
    /// - Parameter holdAllowed: false for an order that was released: its lines are taken as `accept`.
    mutating func settlePlacing(_ record: OrderRecord, holdAllowed: Bool) throws {
        let wasUnplaced = record.order.lines.map(\.unplaced)
        try allocateUnplaced(record)
        if holdAllowed, try mustHold(record) {
            try hold(record, wasUnplaced)
            notify(
                record, .orderHeld,
                record.order.lines.indices.compactMap { position in
                    let held = record.order.lines[position].held
                    return held > 0 ? noticeLine(record, position, held) : nil
                })
            return
        }
        for (line, before) in zip(record.order.lines, wasUnplaced) where line.unplaced < before {
            ledger.addDemand(line.sku, of: record.order) { $0.filled += before - line.unplaced }
        }
        try waitOrRefuse(record, acceptAll: !holdAllowed)
        // What was refused changes neither stock nor demand.
        for (line, before) in zip(record.order.lines, wasUnplaced)
        where before > 0 && (line.waiting > 0 || line.allocated > 0) {
            touch(line.sku)
        }
        let reorders = try makeReorders()
        try promise(record)
        try tellPlacing(record, wasUnplaced)
        for reorder in reorders { emit(.reorderRequested(reorder)) }
    }

    // MARK: Taking stock

    /// With `fewest-shipments`: one location serves the order, if there is one that can; false: nothing was taken.
    mutating func takeFromOne(_ record: OrderRecord) throws -> Bool {
        guard rules.sourcing == .fewestShipments, let single = try singleSource(record) else { return false }
        for position in record.order.lines.indices {
            let line = record.order.lines[position]
            if line.unplaced == 0 { continue }
            if let pin = line.pin, pin != single {
                try takePinned(record, position, pin)
            } else {
                try take(record, position, single, line.unplaced)
            }
        }
        return true
    }

    private mutating func allocateUnplaced(_ record: OrderRecord) throws {
        if try takeFromOne(record) { return }
        for position in record.order.lines.indices {
            let line = record.order.lines[position]
            if line.unplaced == 0 { continue }
            if let pin = line.pin { try takePinned(record, position, pin) } else { try takeAnywhere(record, position) }
        }
    }

    private mutating func takePinned(_ record: OrderRecord, _ position: Int, _ pin: LocationID) throws {
        let item = try ledger.item(record.order.lines[position].sku)
        try take(record, position, pin, min(record.order.lines[position].unplaced, item.item.available(at: pin)))
    }

    /// The first location that has enough for the whole line; else several, as much as each has.
    mutating func takeAnywhere(_ record: OrderRecord, _ position: Int) throws {
        let line = record.order.lines[position]
        let sources = sources(try ledger.item(line.sku))
        if let whole = sources.first(where: { $0.available >= line.unplaced }) {
            return try take(record, position, whole.location, line.unplaced)
        }
        for source in sources {
            let rest = record.order.lines[position].unplaced
            if rest == 0 { return }
            try take(record, position, source.location, min(rest, source.available))
        }
    }

    /// Takes units for a line that still looks for stock.
    mutating func takeUnplaced(_ record: OrderRecord, _ position: Int) throws {
        if let pin = record.order.lines[position].pin {
            try takePinned(record, position, pin)
        } else {
            try takeAnywhere(record, position)
        }
    }

    private mutating func take(_ record: OrderRecord, _ position: Int, _ location: LocationID, _ units: Units) throws {
        if units <= 0 { return }
        try ledger.allocate(record, position, at: location, units)
        record.order.lines[position].unplaced -= units
    }

    /// The first location that can cover all the unpinned lines and those pinned to it.
    private func singleSource(_ record: OrderRecord) throws -> LocationID? {
        let lines = record.order.lines.filter { $0.unplaced > 0 }
        guard lines.contains(where: { $0.pin == nil }) else { return nil }
        var candidates: Set<LocationID> = []
        for line in lines where line.pin == nil {
            for source in sources(try ledger.item(line.sku)) { candidates.insert(source.location) }
        }
        for candidate in candidates.sorted(by: isBefore) {
            var wanted: [SKU: Units] = [:]
            for line in lines where line.pin == nil || line.pin == candidate {
                wanted[line.sku, default: 0] += line.unplaced
            }
            let covers = try wanted.allSatisfy { try ledger.item($0.key).item.available(at: candidate) >= $0.value }
            if covers { return candidate }
        }
        return nil
    }

    // MARK: What is left over

    private func mustHold(_ record: OrderRecord) throws -> Bool {
        let segment = record.order.customer?.segment
        for position in record.order.lines.indices where record.order.lines[position].unplaced > 0 {
            let line = record.order.lines[position]
            let override = try ledger.item(line.sku).item.settings
            if decider.onBackorder(line, segment: segment, override: override) == .hold {
                record.policyNotes[position] = decider.policyNote(line, segment: segment, override: override)
                return true
            }
        }
        return false
    }

    /// The whole order is held: it gives back what it took and counts as no demand.
    private mutating func hold(_ record: OrderRecord, _ wasUnplaced: [Units]) throws {
        for position in record.order.lines.indices {
            for allocation in record.order.lines[position].allocations {
                try ledger.deallocate(record, position, at: allocation.location, allocation.units)
            }
            record.order.lines[position].held += wasUnplaced[position]
            if wasUnplaced[position] > 0 {
                ledger.addDemand(record.order.lines[position].sku, of: record.order) {
                    $0.held += wasUnplaced[position]
                }
            }
            record.order.lines[position].unplaced = 0
            ledger.markChanged(record, line: position)
        }
        record.order.isHeld = true
    }

    private mutating func waitOrRefuse(_ record: OrderRecord, acceptAll: Bool) throws {
        let segment = record.order.customer?.segment
        for position in record.order.lines.indices {
            let line = record.order.lines[position]
            if line.unplaced == 0 { continue }
            let item = try ledger.item(line.sku)
            var accepted = line.unplaced
            if !acceptAll, decider.onBackorder(line, segment: segment, override: item.item.settings) == .refuse {
                accepted = 0
            } else if let limit = decider.backorderLimit(line, segment: segment, override: item.item.settings) {
                accepted = min(accepted, max(0, limit - item.item.waiting))
            }
            record.order.lines[position].unplaced = 0
            record.order.lines[position].refused += line.unplaced - accepted
            record.policyNotes[position] =
                acceptAll
                ? "accept, by order-released"
                : decider.policyNote(line, segment: segment, override: item.item.settings)
            ledger.addDemand(line.sku, of: record.order) {
                $0.backOrdered += accepted
                $0.refused += line.unplaced - accepted
            }
            try ledger.setWaiting(record, position, line.waiting + accepted)
            ledger.markChanged(record, line: position)
        }
    }

    // MARK: Telling

    private mutating func tellPlacing(_ record: OrderRecord, _ wasUnplaced: [Units]) throws {
        let indices = record.order.lines.indices
        notify(
            record, .orderRefused,
            indices.compactMap { position in
                let refused = record.order.lines[position].refused
                return refused > 0 && wasUnplaced[position] > 0 ? noticeLine(record, position, refused) : nil
            })
        let waits = indices.contains { record.order.lines[$0].waiting > 0 }
        if waits {
            notify(
                record, .orderBackordered,
                indices.compactMap { position in
                    let waiting = record.order.lines[position].waiting
                    return waiting > 0 ? noticeLine(record, position, waiting, promised: true) : nil
                })
        } else {
            notify(
                record, .orderConfirmed,
                indices.compactMap { position in
                    let allocated = record.order.lines[position].allocated
                    return allocated > 0 ? noticeLine(record, position, allocated) : nil
                })
        }
        if record.order.ship == .partial || !waits { try requestFulfilment(record) }
    }

    /// Asks for what is allocated and was not asked for, one message for each location in sourcing order.
    mutating func requestFulfilment(_ record: OrderRecord) throws {
        var requested = UnitsByLocation()
        for position in record.order.lines.indices {
            let line = record.order.lines[position]
            for index in line.allocations.indices {
                let allocation = line.allocations[index]
                let units = allocation.units - allocation.requested
                if units == 0 { continue }
                record.order.lines[position].allocations[index].requested = allocation.units
                ledger.markChanged(record, line: position)
                requested.add(line, units, at: allocation.location)
            }
        }
        tell(record, requested) { .fulfilmentRequested($0) }
    }
}

extension Order {
    func isSame(as placed: OrderPlaced) -> Bool {
        lines.count == placed.lines.count && placedAt == placed.placedAt
            && zip(lines, placed.lines).allSatisfy {
                $0.lineID == $1.lineID && $0.sku == $1.sku && $0.ordered == $1.quantity && $0.pin == $1.location
            }
    }
}
