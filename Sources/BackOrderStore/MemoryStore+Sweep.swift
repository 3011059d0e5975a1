internal import InventoryCore

/// The sweep's own book.
extension MemoryBooks {
    func sweepMarks(after: SKU?, limit: Int) throws -> [SweepMark] {
        markedSKUs.first(limit, after: after).compactMap { marks[$0] }
    }

    func putSweepMark(_ mark: SweepMark) throws { put(mark: mark, mark.sku) }

    func removeSweepMark(_ sku: SKU) throws {
        if marks[sku] != nil { put(mark: nil, sku) }
    }

    func ordersToTell(limit: Int) throws -> [OrderID] { Array(toTell.sorted().prefix(limit)) }

    func addOrdersToTell(_ orderIDs: [OrderID]) throws {
        for orderID in orderIDs { put(toTell: orderID, true) }
    }

    func removeOrdersToTell(_ orderIDs: [OrderID]) throws {
        for orderID in orderIDs { put(toTell: orderID, false) }
    }

    func sweptThrough() throws -> Instant { sweptTime }

    func setSweptThrough(_ time: Instant) throws { put(sweptThrough: time) }

    func passedDates(since: Instant, through: Instant, limit: Int) throws -> [(sku: SKU, date: Instant)] {
        var found: [SKU: Instant] = [:]
        func note(_ sku: SKU, _ date: Instant) {
            if marks[sku] == nil { found[sku] = min(found[sku] ?? date, date) }
        }
        promises.forEach(after: nil) { entry in
            if entry.time > through { return false }
            if let line = orders[entry.key.orderID]?.order.lines[entry.key.position] { note(line.sku, entry.time) }
            return true
        }
        expected.forEach(after: Self.end(of: since)) { entry in
            if entry.time > through { return false }
            if (items[entry.key.sku]?.waiting ?? 0) > 0 { note(entry.key.sku, entry.time) }
            return true
        }
        return found.sorted { $0.key < $1.key }.prefix(limit).map { (sku: $0.key, date: $0.value) }
    }

    func nextDate(since: Instant) throws -> Instant? {
        let promise = promises.first(1).first?.time
        var date: Instant?
        expected.forEach(after: Self.end(of: since)) { entry in
            date = supplies[entry.key]?.dateToPass
            return date == nil
        }
        guard let promise, let date else { return promise ?? date }
        return min(promise, date)
    }

    /// Behind everything that is expected then or earlier.
    private static func end(of time: Instant) -> Aged<SupplyRowKey> {
        Aged(
            time: time.adding(microseconds: 1), key: SupplyRowKey(supplyID: "", sku: "", location: ""))
    }

    func lead(worker: String, now: Instant, until: Instant) throws -> Bool {
        if let leader, leader.worker != worker, leader.until > now { return false }
        put(leader: Leader(worker: worker, until: until))
        return true
    }
}

extension Supply {
    /// Its expected date, unless that was over when it was announced: then it passes no more.
    var dateToPass: Instant? { expectedAt.flatMap { $0 > createdAt ? $0 : nil } }
}
