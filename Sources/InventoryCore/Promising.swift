/// Promised dates: a waiting line's date stands on supply, in precedence order.
extension Turn {
    /// Works out and sets the dates of an order's waiting lines, as they are told to the customer now.
    mutating func promise(_ record: OrderRecord) throws {
        // Between two lines of one order stand only lines of that order: what is ahead is asked once for a SKU.
        var through: [SKU: Units] = [:]
        var dates: [SKU: CoveredDate] = [:]
        for position in record.order.lines.indices where record.order.lines[position].waiting > 0 {
            let line = record.order.lines[position]
            let item = try ledger.item(line.sku)
            if item.item.onOrderDated == 0 {
                try setPromise(record, position, nil)
                continue
            }
            let ahead = try through[line.sku] ?? ledger.waitingAhead(item, of: ledger.key(record, position))
            let needed = ahead + line.waiting
            through[line.sku] = needed
            if let known = dates[line.sku], needed <= known.covers {
                try setPromise(record, position, known.date)
                continue
            }
            let found = try date(item, needed: needed)
            dates[line.sku] = found
            try setPromise(record, position, found?.date)
        }
    }

    /// A date, and the units that are covered up to it.
    struct CoveredDate {
        var date: Instant
        var covers: Units
    }

    func setPromise(_ record: OrderRecord, _ position: Int, _ date: Instant?) throws {
        let line = record.order.lines[position]
        // Also for a date that is as it was: while the line was filled, the sweep may have forgotten that there are dates.
        if date != nil {
            try ledger.item(line.sku).setHasDates(true)
            ledger.noteDate(date)
        }
        if line.promisedAt == date && line.estimatedAt == date && (line.firstPromisedAt != nil || date == nil) {
            return
        }
        record.order.lines[position].promisedAt = date
        record.order.lines[position].estimatedAt = date
        if line.firstPromisedAt == nil { record.order.lines[position].firstPromisedAt = date }
        ledger.markChanged(record, line: position)
    }

    /// What is true now of a line that waits.
    func estimate(_ record: OrderRecord, _ position: Int) throws -> Instant? {
        let line = record.order.lines[position]
        let item = try ledger.item(line.sku)
        guard line.waiting > 0, item.item.onOrderDated > 0 else { return nil }
        let needed = try ledger.waitingAhead(item, of: ledger.key(record, position)) + line.waiting
        return try date(item, needed: needed)?.date
    }

    /// The date of the supply with which the outstanding quantity covers so many units, plus handling; nil without a
    /// date or without enough supply.
    ///
    /// Looks from the nearer end of the supply, so that a newcomer behind a long queue is dated at once.
    private func date(_ item: ItemRecord, needed: Units) throws -> CoveredDate? {
        let dated = item.item.onOrderDated
        if needed > dated { return nil }
        var found: CoveredDate?
        if needed > dated / 2 { found = try dateFromLast(item, needed: needed, total: dated) }
        if found == nil { found = try dateFromFirst(item, needed: needed) }
        return found.map { CoveredDate(date: $0.date.adding(days: rules.promise.handlingDays), covers: $0.covers) }
    }

    /// nil: the answer is not among the supply that is more than a day ahead.
    private func dateFromLast(_ item: ItemRecord, needed: Units, total: Units) throws -> CoveredDate? {
        let tomorrow = now.adding(days: 1)
        var covered = total
        var found: CoveredDate?
        try ledger.walkDatedSuppliesFromLast(item) { supply in
            guard let expected = supply.expectedAt, expected > tomorrow else { return false }
            let before = covered - supply.outstanding
            if before < needed {
                found = CoveredDate(date: expected, covers: covered)
                return false
            }
            covered = before
            return true
        }
        return found
    }

    private func dateFromFirst(_ item: ItemRecord, needed: Units) throws -> CoveredDate? {
        let tomorrow = now.adding(days: 1)
        var overdue: Units = 0
        var covered: Units = 0
        var found: CoveredDate?
        func takes(_ units: Units, _ date: Instant) -> Bool {
            covered += units
            if covered >= needed { found = CoveredDate(date: date, covers: covered) }
            return found != nil
        }
        try ledger.walkSupplies(item) { supply in
            guard let expected = supply.supply.expectedAt else { return false }
            // What is overdue counts as expected one day from now, and takes its place in line there.
            if expected <= now {
                overdue += supply.supply.outstanding
                return true
            }
            if expected > tomorrow, overdue > 0 {
                let units = overdue
                overdue = 0
                if takes(units, tomorrow) { return false }
            }
            return !takes(supply.supply.outstanding, expected)
        }
        if found == nil, overdue > 0 { _ = takes(overdue, tomorrow) }
        return found
    }
}
