/// shipment-dispatched. The truck is right and the books are wrong.
extension Turn {
    mutating func dispatch(_ shipment: ShipmentDispatched, _ record: OrderRecord) throws {
        let shares = try resolve(shipment.lines, record, cap: .notDispatched)
        var shipped: [Int: Units] = [:]
        var places: [(sku: SKU, location: LocationID)] = []
        var freed: [SKU] = []
        for share in shares {
            shipped[share.position, default: 0] += share.units
            let sku = record.order.lines[share.position].sku
            touch(sku)
            for leg in try legs(shipment, record, share) {
                if !places.contains(where: { $0.sku == sku && $0.location == leg.location }) {
                    places.append((sku, leg.location))
                }
                if try pay(shipment, record, share.position, leg.location, leg.units), !freed.contains(sku) {
                    freed.append(sku)
                }
            }
        }
        notify(
            record, .orderDispatched,
            shipped.keys.sorted().map { noticeLine(record, $0, shipped[$0] ?? 0) },
            dispatch: CustomerNotification.Dispatch(shipment))
        try settleBooks(places: places, freed: freed, first: nil, own: record)
    }

    private struct Leg {
        var location: LocationID
        var units: Units
    }

    /// Where the units left from: the message's location; else the line's allocations in sourcing order, and what is
    /// beyond them from the first configured location with units on hand, else from the first configured.
    private func legs(_ shipment: ShipmentDispatched, _ record: OrderRecord, _ share: LineShare) throws -> [Leg] {
        if let location = shipment.location { return [Leg(location: location, units: share.units)] }
        var rest = share.units
        var legs: [Leg] = []
        func add(_ location: LocationID, _ units: Units) {
            if units <= 0 { return }
            rest -= units
            // What left from an allocation is paid by it before the rest is, even where both left from one place.
            legs.append(Leg(location: location, units: units))
        }
        let line = record.order.lines[share.position]
        for allocation in line.allocations.sorted(by: { isBefore($0.location, $1.location) }) {
            add(allocation.location, min(rest, allocation.units))
        }
        if rest > 0 {
            let item = try ledger.item(line.sku).item
            func left(at location: LocationID) -> Units {
                item.onHand(at: location) - legs.reduce(0) { $0 + ($1.location == location ? $1.units : 0) }
            }
            // Without any configured location those with stock stand for them, by name.
            let places = rules.locations.isEmpty ? item.stock.map(\.location) : rules.locations
            add(places.first { left(at: $0) > 0 } ?? places.first ?? "default", rest)
        }
        return legs
    }

    /// Books what left one location. Answers whether units elsewhere became available.
    private mutating func pay(
        _ shipment: ShipmentDispatched, _ record: OrderRecord, _ position: Int, _ location: LocationID, _ units: Units
    ) throws -> Bool {
        let sku = record.order.lines[position].sku
        let item = try ledger.item(sku)
        var rest = units
        var freed = false

        let here = record.order.lines[position].allocations.first { $0.location == location }?.units ?? 0
        let fromHere = min(rest, here)
        try ledger.deallocate(record, position, at: location, fromHere)
        rest -= fromHere

        let onHand = item.item.onHand(at: location)
        item.changeStock(at: location) { $0.onHand = max(0, onHand - units) }
        if units > onHand {
            note(.shippedWithoutStock, sku, location, units - onHand)
            addDeficit(item, location, shipment.dispatchedAt, units - onHand)
        }

        for allocation in record.order.lines[position].allocations.sorted(by: { isBefore($0.location, $1.location) })
        where rest > 0 {
            let fromThere = min(rest, allocation.units)
            try ledger.deallocate(record, position, at: allocation.location, fromThere)
            rest -= fromThere
            freed = true
        }
        let fromUnplaced = min(rest, record.order.lines[position].unplaced)
        record.order.lines[position].unplaced -= fromUnplaced
        rest -= fromUnplaced
        let fromWaiting = min(rest, record.order.lines[position].waiting)
        try ledger.setWaiting(record, position, record.order.lines[position].waiting - fromWaiting)
        rest -= fromWaiting
        let fromHeld = min(rest, record.order.lines[position].held)
        record.order.lines[position].held -= fromHeld
        rest -= fromHeld
        if rest > 0 { note(.overShipment, sku, location, rest) }

        record.order.lines[position].dispatched += units
        ledger.markChanged(record, line: position)
        if record.order.isHeld, !record.order.lines.contains(where: { $0.held > 0 }) { record.order.isHeld = false }
        return freed
    }

    private func addDeficit(_ item: ItemRecord, _ location: LocationID, _ dispatchedAt: Instant, _ units: Units) {
        var deficits = item.item.deficits
        if let index = deficits.firstIndex(where: { $0.location == location && $0.dispatchedAt == dispatchedAt }) {
            deficits[index].units += units
        } else {
            deficits.append(Deficit(location: location, dispatchedAt: dispatchedAt, units: units))
        }
        item.replaceDeficits(deficits)
    }

    func note(_ kind: Discrepancy.Kind, _ sku: SKU, _ location: LocationID, _ units: Units) {
        ledger.note(
            Discrepancy(
                time: now, kind: kind, sku: sku, location: location, quantity: units, messageID: origin.id))
    }
}

/// How many units of which line.
struct LineShare {
    var position: Int
    var units: Units
}

enum SelectionCap {
    /// What was not dispatched, cancelled: the last line takes any excess.
    case notDispatched
    /// What can still be cancelled; excess is passed over.
    case cancellable
}

extension Turn {
    /// Finds the lines a message names. Throws `Rejection` before anything is changed.
    func resolve(_ selections: [LineQuantity], _ record: OrderRecord, cap: SelectionCap) throws -> [LineShare] {
        var shares: [LineShare] = []
        var planned = Array(repeating: Units(0), count: record.order.lines.count)
        func room(_ position: Int) -> Units {
            let line = record.order.lines[position]
            switch cap {
            case .notDispatched: return max(0, line.ordered - line.dispatched - line.cancelled - planned[position])
            case .cancellable:
                return max(0, line.waiting + line.held + line.allocated + line.unplaced - planned[position])
            }
        }
        func add(_ position: Int, _ units: Units) {
            if units <= 0 { return }
            planned[position] += units
            // A truck is booked message line by message line: where one left from decides what the next one finds.
            if cap == .cancellable, let known = shares.firstIndex(where: { $0.position == position }) {
                shares[known].units += units
            } else {
                shares.append(LineShare(position: position, units: units))
            }
        }
        for (index, selection) in selections.enumerated() {
            switch selection.selector {
            case .line(let lineID):
                guard let position = record.order.lines.firstIndex(where: { $0.lineID == lineID }) else {
                    throw Rejection(
                        .invalid, "lines[\(index)].line_id: order \(record.order.orderID) has no line \"\(lineID)\"")
                }
                add(position, cap == .cancellable ? min(selection.quantity, room(position)) : selection.quantity)
            case .sku(let sku):
                let positions = record.order.lines.indices.filter { record.order.lines[$0].sku == sku }
                guard let last = positions.last else {
                    throw Rejection(
                        .invalid, "lines[\(index)].sku: order \(record.order.orderID) has no SKU \"\(sku)\"")
                }
                var rest = selection.quantity
                for position in positions {
                    let units = min(rest, room(position))
                    add(position, units)
                    rest -= units
                }
                if cap == .notDispatched { add(last, rest) }
            }
        }
        return shares
    }
}
