internal import BackOrderStore
internal import InventoryCore

/// The sweep's own book.
extension PostgresTransaction {
    /// A few marks are read under the locks of their SKUs: so nothing is added to one between reading it here and writing
    /// it again.
    func sweepMarks(after: SKU?, limit: Int) throws -> [SweepMark] {
        var parameters = Parameters()
        parameters.add(after?.text)
        parameters.add(Int64(limit))
        if limit <= 64 { try post(.lockMarks, parameters) }
        let rows = try answer(.marks, parameters)
        var result: [SweepMark] = []
        for row in 0..<rows.count {
            let sku = SKU(rows.text(row, 0))
            var mark = SweepMark(sku: sku, changedAt: rows.time(row, 1), changedAgainAt: rows.optionalTime(row, 2))
            if let cursor = rows.optionalText(row, 3) {
                mark.cursor = try JSONColumn.decode(SweepCursor.self, cursor, of: "sweep of \(sku)")
            }
            result.append(mark)
        }
        return result
    }

    func putSweepMark(_ mark: SweepMark) throws {
        try makeIDs(CollectionOfOne(mark.sku))
        var parameters = Parameters()
        parameters.add(knownID(mark.sku))
        parameters.add(mark.changedAt.microseconds)
        parameters.add(mark.changedAgainAt?.microseconds)
        var cursor: String?
        if let known = mark.cursor { cursor = try JSONColumn.encode(known) }
        parameters.add(cursor)
        try post(.putMark, parameters)
    }

    func removeSweepMark(_ sku: SKU) throws {
        guard let id = try id(sku) else { return }
        var parameters = Parameters()
        parameters.add(id)
        try post(.removeMark, parameters)
    }

    func ordersToTell(limit: Int) throws -> [OrderID] {
        var parameters = Parameters()
        parameters.add(Int64(limit))
        let rows = try answer(.ordersToTell, parameters)
        return (0..<rows.count).map { OrderID(rows.text($0, 0)) }
    }

    func addOrdersToTell(_ orderIDs: [OrderID]) throws {
        if orderIDs.isEmpty { return }
        var parameters = Parameters()
        parameters.texts(orderIDs) { $0.text }
        try post(.addOrdersToTell, parameters)
    }

    func removeOrdersToTell(_ orderIDs: [OrderID]) throws {
        if orderIDs.isEmpty { return }
        var parameters = Parameters()
        parameters.texts(orderIDs) { $0.text }
        try post(.removeOrdersToTell, parameters)
    }

    func sweptThrough() throws -> Instant {
        var parameters = Parameters()
        parameters.add("swept_through")
        let rows = try answer(.meta, parameters)
        if rows.count == 0 { return Instant(microseconds: .min) }
        guard let time = Int64(rows.text(0, 0)) else {
            throw StoreError(.corrupt, "store \(link.label): meta.swept_through is not a number")
        }
        return Instant(microseconds: time)
    }

    func setSweptThrough(_ time: Instant) throws {
        var parameters = Parameters()
        parameters.add("swept_through")
        parameters.add(String(time.microseconds))
        try post(.setMeta, parameters)
    }

    func passedDates(since: Instant, through: Instant, limit: Int) throws -> [(sku: SKU, date: Instant)] {
        var promises = Parameters()
        promises.add(through.microseconds)
        try ask(.kept(.passedPromises), promises)
        var supply = Parameters()
        supply.add(since.microseconds)
        supply.add(through.microseconds)
        try ask(.kept(.passedSupply), supply)
        var found: [SKU: Instant] = [:]
        for rows in try exchange() {
            for row in 0..<rows.count {
                let (sku, date) = (SKU(rows.text(row, 0)), rows.time(row, 1))
                found[sku] = min(found[sku] ?? date, date)
            }
        }
        return found.sorted { $0.key < $1.key }.prefix(limit).map { (sku: $0.key, date: $0.value) }
    }

    func nextDate(since: Instant) throws -> Instant? {
        try ask(.kept(.nextPromise))
        var parameters = Parameters()
        parameters.add(since.microseconds)
        try ask(.kept(.nextSupply), parameters)
        return try exchange().compactMap { $0.optionalTime(0, 0) }.min()
    }

    /// A lease in a row, not an advisory lock: it outlives a failover and a pooler between, people can read it, and a
    /// leader whose host vanished is followed when its time is over (8 s, and up to 2 s until the next worker asks)
    /// rather than when TCP gives up. Clocks that differ make two workers lead by turns, no more: the row is locked from
    /// here to the commit, so that two never sweep at once.
    func lead(worker: String, now: Instant, until: Instant) throws -> Bool {
        // Who does not lead must not wait for the leader's transaction: it reads without the lock first.
        let leader = try answer(.leader)
        if leader.count > 0, leader.text(0, 0) != worker, leader.integer(0, 1) > now.microseconds { return false }
        var parameters = Parameters()
        parameters.add(worker)
        parameters.add(until.microseconds)
        parameters.add(now.microseconds)
        return try answer(.setLeader, parameters).changed == 1
    }
}
