/// Promised dates: a waiting line's date stands on supply, in precedence order.
extension Turn {
    /// Works out and sets the dates of an order's waiting lines, as they are told to the customer now.
    mutating func promise(_ record: OrderRecord) throws {
        for position in record.order.lines.indices where record.order.lines[position].waiting > 0 {
            let date = try estimate(record, position)
            try setPromise(record, position, date)
        }
    }

    func setPromise(_ record: OrderRecord, _ position: Int, _ date: Instant?) throws {
        let line = record.order.lines[position]
        if line.promisedAt == date && line.estimatedAt == date && (line.firstPromisedAt != nil || date == nil) {
            return
        }
        record.order.lines[position].promisedAt = date
        record.order.lines[position].estimatedAt = date
        if line.firstPromisedAt == nil { record.order.lines[position].firstPromisedAt = date }
        ledger.markChanged(record, line: position)
        if date != nil {
            try ledger.item(line.sku).setHasDates(true)
            ledger.noteDate(date)
        }
    }

    /// The date of the supply with which the outstanding quantity covers all that waits ahead and the line itself,
    /// plus handling; nil without a date or without enough supply.
    ///
    /// Looks from the nearer end of the supply, so that a newcomer behind a long queue is dated at once.
    func estimate(_ record: OrderRecord, _ position: Int) throws -> Instant? {
        let line = record.order.lines[position]
        let item = try ledger.item(line.sku)
        let dated = item.item.onOrderDated
        guard line.waiting > 0, dated > 0 else { return nil }
        let needed = try ledger.waitingAhead(item, of: ledger.key(record, position)) + line.waiting
        if needed > dated { return nil }
        var date: Instant?
        if needed > dated / 2 { date = try dateFromLast(item, needed: needed, total: dated) }
        if date == nil { date = try dateFromFirst(item, needed: needed) }
        return date?.adding(days: rules.promise.handlingDays)
    }

    /// nil: the answer is not among the supply that is more than a day ahead.
    private func dateFromLast(_ item: ItemRecord, needed: Units, total: Units) throws -> Instant? {
        let tomorrow = now.adding(days: 1)
        var covered = total
        var date: Instant?
        try ledger.walkDatedSuppliesFromLast(item) { supply in
            guard let expected = supply.expectedAt, expected > tomorrow else { return false }
            covered -= supply.outstanding
            if covered < needed {
                date = expected
                return false
            }
            return true
        }
        return date
    }

    private func dateFromFirst(_ item: ItemRecord, needed: Units) throws -> Instant? {
        let tomorrow = now.adding(days: 1)
        var overdue: Units = 0
        var covered: Units = 0
        var date: Instant?
        try ledger.walkSupplies(item) { supply in
            let units = supply.supply.outstanding
            guard let expected = supply.supply.expectedAt else { return false }
            // What is overdue counts as expected one day from now, and takes its place in line there.
            if expected <= now {
                overdue += units
                return true
            }
            if expected > tomorrow, overdue > 0 {
                covered += overdue
                overdue = 0
                if covered >= needed {
                    date = tomorrow
                    return false
                }
            }
            covered += units
            if covered >= needed {
                date = expected
                return false
            }
            return true
        }
        if date == nil, overdue > 0, covered + overdue >= needed { date = tomorrow }
        return date
    }
}
