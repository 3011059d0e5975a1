internal import BackOrderStore
internal import InventoryCore

/// What a transaction has loaded ahead of the questions. Good until the transaction's first change.
struct Loaded {
    struct Lane: Hashable {
        var sku: SKU
        var pin: LocationID?
    }

    /// The beginning of a list in order.
    struct Page<Row, Key: Comparable> {
        var found: [Row] = []
        /// There is nothing behind what was found.
        var isWhole: Bool
        let key: (Row) -> Key
        /// Tells whether the left goes before the right, in the order of the list.
        let precedes: (Key, Key) -> Bool

        /// The answer to a question for at most so many behind a key (nil: from the first); nil: not enough is known.
        func after(_ bound: Key?, _ limit: Int) -> [Row]? {
            var start = 0
            if let bound {
                while start < found.count, !precedes(bound, key(found[start])) { start += 1 }
            }
            if limit <= found.count - start { return Array(found[start..<(start + limit)]) }
            return isWhole ? Array(found[start...]) : nil
        }

        /// The same backwards, which only a whole list can answer.
        func before(_ bound: Key?, _ limit: Int) -> [Row]? {
            if !isWhole { return nil }
            var end = found.count
            if let bound {
                while end > 0, !precedes(key(found[end - 1]), bound) { end -= 1 }
            }
            return found[..<end].suffix(limit).reversed()
        }
    }

    /// Waiting lines of a lane that are loaded ahead: as many as a reorder lists.
    static let linesAhead = 100
    static let tailsAhead = 32
    static let suppliesAhead = 32
    static let supplyTailsAhead = 8

    typealias Lines = Page<QueuedLine, PrecedenceKey>
    typealias Supplies = Page<Supply, SupplyKey>

    /// nil: known not to be there.
    var orders: [OrderID: Order?] = [:]
    var items: [SKU: Item?] = [:]
    var parked: [OrderID: [ParkedMessage]] = [:]
    var inbox: [Digest128: InboxRow?] = [:]
    var heads: [Lane: Lines] = [:]
    /// From the last.
    var tails: [Lane: Lines] = [:]
    /// SKUs of which nothing is held.
    var unheld: Set<SKU> = []
    var supplyHeads: [SKU: Supplies] = [:]
    /// Of what has a date, from the last.
    var supplyTails: [SKU: Supplies] = [:]
    var suppliesByID: [SupplyID: [Supply]] = [:]
    var suppliesTied: [SupplyID: [Supply]] = [:]
    var leadTimes: [SupplierID: [Int64]] = [:]

    /// nil: not all are known.
    func items(_ skus: [SKU]) -> [Item]? {
        var result: [Item] = []
        result.reserveCapacity(skus.count)
        for sku in skus {
            guard let known = items[sku] else { return nil }
            if let item = known { result.append(item) }
        }
        return result
    }

    func supplies(_ query: PostgresQuery, _ ids: [SupplyID]) -> [Supply]? {
        let known = query == .suppliesTied ? suppliesTied : suppliesByID
        var result: [Supply] = []
        for id in ids {
            guard let rows = known[id] else { return nil }
            result += rows
        }
        return result
    }
}
