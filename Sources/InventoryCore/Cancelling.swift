/// order-cancelled and order-released.
extension Turn {
    mutating func cancel(_ cancelled: OrderCancelled, _ record: OrderRecord) throws -> Decision.Effect {
        let shares: [LineShare]
        if let lines = cancelled.lines {
            shares = try resolve(lines, record, cap: .cancellable)
        } else {
            shares = record.order.lines.indices.map { position in
                let line = record.order.lines[position]
                return LineShare(
                    position: position, units: line.waiting + line.held + line.allocated + line.unplaced)
            }
        }
        return try cancel(shares.filter { $0.units > 0 }, record)
    }

    private mutating func cancel(_ shares: [LineShare], _ record: OrderRecord) throws -> Decision.Effect {
        if shares.isEmpty { return .none }
        var withdrawn = UnitsByLocation()
        var freed: [SKU] = []
        for share in shares.sorted(by: { $0.position < $1.position }) {
            let position = share.position
            let line = record.order.lines[position]
            // Held units are no demand yet.
            if line.waiting > 0 || line.allocated > 0 { touch(line.sku) }
            var rest = share.units
            let fromUnplaced = min(rest, line.unplaced)
            record.order.lines[position].unplaced -= fromUnplaced
            rest -= fromUnplaced
            let fromWaiting = min(rest, line.waiting)
            try ledger.setWaiting(record, position, line.waiting - fromWaiting)
            rest -= fromWaiting
            let fromHeld = min(rest, line.held)
            record.order.lines[position].held -= fromHeld
            rest -= fromHeld
            if fromWaiting + fromHeld > 0 {
                ledger.addDemand(line.sku, of: record.order) { $0.cancelledWaiting += fromWaiting + fromHeld }
            }
            // The last location in sourcing order gives first.
            for allocation in line.allocations.sorted(by: { isBefore($1.location, $0.location) }) where rest > 0 {
                let units = min(rest, allocation.units)
                let asked = try ledger.deallocate(record, position, at: allocation.location, units)
                rest -= units
                if !freed.contains(line.sku) { freed.append(line.sku) }
                withdrawn.add(line, asked, at: allocation.location)
            }
            record.order.lines[position].cancelled += share.units - rest
            ledger.markChanged(record, line: position)
        }
        if record.order.isHeld, !record.order.lines.contains(where: { $0.held > 0 }) {
            record.order.isHeld = false
            ledger.markChanged(record)
        }
        notify(
            record, .orderCancelled,
            shares.sorted { $0.position < $1.position }.map {
                noticeLine(record, $0.position, $0.units)
            })
        tell(record, withdrawn) { .fulfilmentWithdrawn($0) }
        try settleBooks(places: [], freed: freed, first: nil, own: record)
        return .applied
    }

    mutating func release(_ released: OrderReleased, _ record: OrderRecord) throws -> Decision.Effect {
        guard record.order.isHeld else { return .none }
        switch released.decision {
        case .cancel:
            return try cancel(OrderCancelled(orderID: released.orderID), record)
        case .wait:
            record.order.isHeld = false
            for position in record.order.lines.indices {
                let held = record.order.lines[position].held
                if held == 0 { continue }
                record.order.lines[position].held = 0
                record.order.lines[position].unplaced = held
                ledger.markChanged(record, line: position)
            }
            ledger.markChanged(record)
            try settlePlacing(record, holdAllowed: false)
            return .applied
        }
    }
}
