/// After on hand fell: allocations that no longer stand are taken back, what was freed is given out.
extension Turn {
    /// What one order lost at one location.
    private struct Loss {
        var position: Int
        var location: LocationID
        var units: Units
        var asked: Units
    }

    private struct Affected {
        var record: OrderRecord
        var key: PrecedenceKey
        var losses: [Loss]
        /// By line position: what waits now and did not before.
        var waits: [Int: Units] = [:]
    }

    /// Brings the books in order after units left or were adjusted: takes back, finds other places, fills with what was
    /// freed, reorders; and tells all of it in the order of the contract.
    /// - Parameters:
    ///   - places: where on hand may have fallen below allocated.
    ///   - freed: SKUs of which units became available.
    ///   - own: the order the input is about; a `complete` one may have become ready by it.
    mutating func settleBooks(
        places: [(sku: SKU, location: LocationID)], freed: [SKU], first: LocationID?, own: OrderRecord?
    ) throws {
        var affected: [Affected] = []
        for place in places { try takeBack(place.sku, place.location, &affected) }
        affected.sort { $0.key < $1.key }
        for index in affected.indices { try resettle(&affected[index]) }
        var fills = Fills()
        for sku in freed { try fill(sku, first: first, &fills) }
        if !freed.isEmpty { try fillHeld(freed, &fills) }
        let reorders = try makeReorders()
        for entry in affected {
            // Who is served as well is asked for once, after it was told what it got.
            try tellLoss(entry, asks: !fills.orders.contains { $0.record === entry.record })
        }
        if let own, own.order.ship == .complete, !fills.orders.contains(where: { $0.record === own }) {
            try tellReadyComplete(own)
        }
        try tell(fills)
        for reorder in reorders { emit(.reorderRequested(reorder)) }
    }

    /// A `complete` order of which nothing waits any more is ready, whatever made it so.
    mutating func tellReadyComplete(_ record: OrderRecord) throws {
        if record.order.isHeld || record.order.lines.contains(where: { $0.unplaced > 0 }) { return }
        try tellFilled(record, [:])
    }

    /// From the lowest precedence up, as many units as are allocated beyond what is on hand.
    private mutating func takeBack(_ sku: SKU, _ location: LocationID, _ affected: inout [Affected]) throws {
        let item = try ledger.item(sku)
        var missing = item.item.onHandShortfall(at: location)
        if missing == 0 { return }
        touch(sku)
        var takes: [(record: OrderRecord, position: Int, units: Units)] = []
        try ledger.walkAllocatedFromLast(item, at: location) { record, position in
            let units = record.order.lines[position].allocations.first { $0.location == location }?.units ?? 0
            let taken = min(missing, units)
            missing -= taken
            takes.append((record, position, taken))
            return missing > 0
        }
        for take in takes {
            let key = ledger.key(take.record, take.position)
            let asked = try ledger.deallocate(take.record, take.position, at: location, take.units)
            take.record.order.lines[take.position].unplaced += take.units
            let loss = Loss(position: take.position, location: location, units: take.units, asked: asked)
            if let index = affected.firstIndex(where: { $0.record === take.record }) {
                affected[index].losses.append(loss)
                affected[index].key = min(affected[index].key, key)
            } else {
                affected.append(Affected(record: take.record, key: key, losses: [loss]))
            }
        }
    }

    /// Looks for another location, as a new line would; what finds none waits.
    private mutating func resettle(_ entry: inout Affected) throws {
        let record = entry.record
        for position in Set(entry.losses.map(\.position)).sorted() {
            try takeUnplaced(record, position)
            let waits = record.order.lines[position].unplaced
            record.order.lines[position].unplaced = 0
            if waits > 0 {
                try ledger.setWaiting(record, position, record.order.lines[position].waiting + waits)
                entry.waits[position] = waits
            }
            ledger.markChanged(record, line: position)
        }
    }

    private mutating func tellLoss(_ entry: Affected, asks: Bool) throws {
        let record = entry.record
        var withdrawn = UnitsByLocation()
        for loss in entry.losses.sorted(by: { $0.position < $1.position }) {
            withdrawn.add(record.order.lines[loss.position], loss.asked, at: loss.location)
        }
        tell(record, withdrawn) { .fulfilmentWithdrawn($0) }
        var delayed: [CustomerNotification.Line] = []
        for position in entry.waits.keys.sorted() {
            let line = record.order.lines[position]
            // What was freed in the same turn may have filled it again.
            let units = min(entry.waits[position] ?? 0, line.waiting)
            if units == 0 { continue }
            let previous = line.promisedAt
            try setPromise(record, position, try estimate(record, position))
            var notice = noticeLine(record, position, units, promised: true)
            notice.previousPromisedAt = previous
            delayed.append(notice)
        }
        notify(record, .backorderDelayed, delayed)
        if !asks { return }
        if record.order.ship == .partial || !record.order.lines.contains(where: { $0.waiting > 0 }) {
            try requestFulfilment(record)
        }
    }
}
