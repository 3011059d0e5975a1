/// inbound-scheduled and inbound-cancelled: what suppliers and carriers announce.
extension Turn {
    /// A later version (by time) of an inbound replaces the earlier; an older one that comes late has no effect.
    mutating func schedule(_ inbound: InboundScheduled) throws -> Decision.Effect {
        let earlier = try ledger.supplies(inbound.inboundID)
        if let newest = earlier.map(\.supply.createdAt).max(), newest >= origin.time { return .none }
        // What has come of the earlier version has come: a replaced quantity is what is still to come.
        let withdrawn = earlier.filter { $0.supply.outstanding > 0 }.map(\.supply.sku)
        for record in earlier { try giveBack(record) }
        var wanted: [(sku: SKU, units: Units)] = []
        for line in inbound.lines {
            if let index = wanted.firstIndex(where: { $0.sku == line.sku }) {
                wanted[index].units += line.quantity
            } else {
                wanted.append((line.sku, line.quantity))
            }
        }
        for entry in wanted {
            touch(entry.sku)
            var supply = Supply(
                supplyID: inbound.inboundID, kind: .inbound, sku: entry.sku, location: inbound.location,
                supplier: inbound.supplier, quantity: entry.units, outstanding: entry.units,
                expectedAt: inbound.expectedAt, createdAt: origin.time, reorderID: inbound.reorderID)
            if let reorderID = inbound.reorderID { supply.takenOver = try takeOver(reorderID, entry.sku, entry.units) }
            // A date that was told as late is not told again by whoever announces it again.
            let told =
                try earlier.first { $0.supply.sku == entry.sku }?.supply.expeditedAt ?? toldLate(inbound, entry.sku)
            if told == inbound.expectedAt { supply.expeditedAt = told }
            if let known = earlier.first(where: {
                $0.supply.sku == entry.sku && $0.supply.location == inbound.location
            }) {
                try ledger.change(known) { $0 = supply }
            } else {
                try ledger.insertSupply(supply)
            }
        }
        // After those of the message, whose reorders come in the order of its lines. What had come before, or was off
        // already, changes nothing for its SKU.
        withdrawn.forEach { touch($0) }
        try tellReorders()
        return .applied
    }

    private func toldLate(_ inbound: InboundScheduled, _ sku: SKU) throws -> Instant? {
        guard let reorderID = inbound.reorderID else { return nil }
        return try ledger.supplies(reorderID).first { $0.supply.kind == .reorder && $0.supply.sku == sku }?.supply
            .expeditedAt
    }

    /// Takes over the reorder's outstanding units of the SKU, as many as the inbound carries.
    private mutating func takeOver(_ reorderID: SupplyID, _ sku: SKU, _ units: Units) throws -> Units {
        var taken: Units = 0
        for record in try ledger.supplies(reorderID)
        where record.supply.kind == .reorder && record.supply.sku == sku {
            let share = min(units - taken, record.supply.outstanding)
            try ledger.setOutstanding(record, record.supply.outstanding - share)
            taken += share
        }
        return taken
    }

    /// Before a later version is booked, the earlier one's units go, and the reorder has again what it gave.
    private mutating func giveBack(_ record: SupplyRecord) throws {
        // Units that have come are not given back: only what is outstanding can be.
        let back = min(record.supply.takenOver, record.supply.outstanding)
        if let reorderID = record.supply.reorderID, back > 0 {
            let reorder = try ledger.supplies(reorderID).first {
                $0.supply.kind == .reorder && $0.supply.sku == record.supply.sku
            }
            if let reorder { try ledger.setOutstanding(reorder, reorder.supply.outstanding + back) }
        }
        try ledger.change(record) {
            $0.outstanding = 0
            $0.takenOver = 0
            $0.createdAt = origin.time
        }
    }

    /// Its outstanding units are off; a reorder it took over does not get them back.
    mutating func cancelInbound(_ cancelled: InboundCancelled) throws -> Decision.Effect {
        let records = try ledger.supplies(cancelled.inboundID).filter { $0.supply.kind == .inbound }
        if records.allSatisfy({ $0.supply.outstanding == 0 }) { return .none }
        for record in records {
            if record.supply.outstanding > 0 { touch(record.supply.sku) }
            try ledger.change(record) {
                $0.outstanding = 0
                $0.isCancelled = true
            }
        }
        try tellReorders()
        return .applied
    }
}
