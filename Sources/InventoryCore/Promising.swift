/// Promised dates: a waiting line's date stands on supply, in precedence order.
extension Turn {
    /// Works out and sets the dates of an order's waiting lines, as they are told to the customer now.
    mutating func promise(_ record: OrderRecord) throws {
        for position in record.order.lines.indices where record.order.lines[position].waiting > 0 {
            let date = try estimate(record, position)
            setPromise(record, position, date)
        }
    }

    func setPromise(_ record: OrderRecord, _ position: Int, _ date: Instant?) {
        let line = record.order.lines[position]
        if line.promisedAt == date && line.estimatedAt == date && (line.firstPromisedAt != nil || date == nil) {
            return
        }
        record.order.lines[position].promisedAt = date
        record.order.lines[position].estimatedAt = date
        if line.firstPromisedAt == nil { record.order.lines[position].firstPromisedAt = date }
        ledger.markChanged(record, line: position)
    }

    /// The date of the supply with which the outstanding quantity covers all that waits ahead and the line itself,
    /// plus handling; nil without a date or without enough supply.
    func estimate(_ record: OrderRecord, _ position: Int) throws -> Instant? {
        let line = record.order.lines[position]
        let item = try ledger.item(line.sku)
        guard line.waiting > 0, item.item.onOrder > 0, try hasDatedSupply(item) else { return nil }
        let needed = try ledger.waitingAhead(item, of: ledger.key(record, position)) + line.waiting
        if needed > item.item.onOrder { return nil }
        let tomorrow = now.adding(days: 1)
        var overdue: Units = 0
        var covered: Units = 0
        var date: Instant?
        try ledger.walkSupplies(item) { supply in
            let units = supply.supply.outstanding
            if let expected = supply.supply.expectedAt {
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
            return false
        }
        if date == nil, overdue > 0, covered + overdue >= needed { date = tomorrow }
        return date?.adding(days: rules.promise.handlingDays)
    }

    private func hasDatedSupply(_ item: ItemRecord) throws -> Bool {
        var dated = false
        try ledger.walkSupplies(item) { supply in
            dated = supply.supply.expectedAt != nil
            return false
        }
        return dated
    }
}
