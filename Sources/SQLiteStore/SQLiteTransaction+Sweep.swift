internal import BackOrderStore
internal import InventoryCore

/// The sweep's own book.
extension SQLiteTransaction {
    func sweepMarks(after: SKU?, limit: Int) throws -> [SweepMark] {
        let statement = try connection.statement(after == nil ? .marks : .marksAfter)
        defer { statement.reset() }
        if let after { statement.bind(1, after.text) }
        var result: [SweepMark] = []
        while result.count < limit, try connection.next(statement) {
            let sku = SKU(statement.text(0))
            var mark = SweepMark(
                sku: sku, changedAt: Instant(microseconds: statement.integer(1)),
                changedAgainAt: Instant?(statement.optionalInteger(2)))
            if let cursor = statement.optionalText(3) {
                mark.cursor = try JSONColumn.decode(SweepCursor.self, cursor, of: "sweep of \(sku)")
            }
            result.append(mark)
        }
        return result
    }

    func putSweepMark(_ mark: SweepMark) throws {
        try changing { () throws(StoreError) in
            let statement = try connection.statement(.putMark)
            statement.bind(1, try makeSKUID(mark.sku))
            statement.bind(2, mark.changedAt.microseconds)
            statement.bind(3, mark.changedAgainAt?.microseconds)
            var cursor: String?
            if let known = mark.cursor { cursor = try JSONColumn.encode(known) }
            statement.bind(4, cursor)
            try connection.run(statement)
        }
    }

    func removeSweepMark(_ sku: SKU) throws {
        try changing { () throws(StoreError) in
            guard let id = try skuID(sku) else { return }
            let statement = try connection.statement(.removeMark)
            statement.bind(1, id)
            try connection.run(statement)
        }
    }

    func ordersToTell(limit: Int) throws -> [OrderID] {
        let statement = try connection.statement(.ordersToTell)
        defer { statement.reset() }
        var result: [OrderID] = []
        while result.count < limit, try connection.next(statement) { result.append(OrderID(statement.text(0))) }
        return result
    }

    func addOrdersToTell(_ orderIDs: [OrderID]) throws { try forEach(orderIDs, .addOrderToTell) }

    func removeOrdersToTell(_ orderIDs: [OrderID]) throws { try forEach(orderIDs, .removeOrderToTell) }

    private func forEach(_ orderIDs: [OrderID], _ query: SQLiteQuery) throws(StoreError) {
        try changing { () throws(StoreError) in
            let statement = try connection.statement(query)
            for orderID in orderIDs {
                statement.bind(1, orderID.text)
                try connection.run(statement)
            }
        }
    }

    func sweptThrough() throws -> Instant {
        let statement = try connection.statement(.sweptThrough)
        guard try connection.next(statement) else { return Instant(microseconds: .min) }
        defer { statement.reset() }
        guard let time = Int64(statement.text(0)) else {
            throw StoreError(.corrupt, "store \(connection.path): meta.swept_through is not a number")
        }
        return Instant(microseconds: time)
    }

    func setSweptThrough(_ time: Instant) throws {
        try changing { () throws(StoreError) in
            let statement = try connection.statement(.setSweptThrough)
            statement.bind(1, String(time.microseconds))
            try connection.run(statement)
        }
    }

    func passedDates(since: Instant, through: Instant, limit: Int) throws -> [(sku: SKU, date: Instant)] {
        var found: [SKU: Instant] = [:]
        let promises = try connection.statement(.passedPromises)
        promises.bind(1, through.microseconds)
        try noteDates(promises, in: &found)
        let supply = try connection.statement(.passedSupply)
        supply.bind(1, since.microseconds)
        supply.bind(2, through.microseconds)
        try noteDates(supply, in: &found)
        return found.sorted { $0.key < $1.key }.prefix(limit).map { (sku: $0.key, date: $0.value) }
    }

    private func noteDates(_ statement: SQLiteStatement, in found: inout [SKU: Instant]) throws(StoreError) {
        defer { statement.reset() }
        var rows: [(id: Int64, date: Instant)] = []
        while try connection.next(statement) {
            rows.append((statement.integer(0), Instant(microseconds: statement.integer(1))))
        }
        for row in rows {
            let sku = try sku(row.id)
            found[sku] = min(found[sku] ?? row.date, row.date)
        }
    }

    func nextDate(since: Instant) throws -> Instant? {
        var dates: [Instant] = []
        for query in [SQLiteQuery.nextPromise, .nextSupply] {
            let statement = try connection.statement(query)
            defer { statement.reset() }
            if query == .nextSupply { statement.bind(1, since.microseconds) }
            if try connection.next(statement), let date = statement.optionalInteger(0) {
                dates.append(Instant(microseconds: date))
            }
        }
        return dates.min()
    }

    func lead(worker: String, now: Instant, until: Instant) throws -> Bool {
        try changing { () throws(StoreError) in
            let leader = try connection.statement(.leader)
            if try connection.next(leader) {
                defer { leader.reset() }
                if leader.text(0) != worker, leader.integer(1) > now.microseconds { return false }
            }
            leader.reset()
            let statement = try connection.statement(.setLeader)
            statement.bind(1, worker)
            statement.bind(2, until.microseconds)
            try connection.run(statement)
            return true
        }
    }
}
