/// Who knows a SKU's outstanding supply, in order.
public protocol SupplyReader: AnyObject {
    /// Supply of the SKU with outstanding > 0, at all locations, by `SupplyKey`, first to last.
    func outstandingSupplies(sku: SKU, after: SupplyKey?, limit: Int) throws -> [Supply]
    /// The same from the last up to (not with) `before`.
    func outstandingSuppliesFromLast(sku: SKU, before: SupplyKey?, limit: Int) throws -> [Supply]
}

/// The supply that a waiting line's date stands on.
public struct StandingSupply: Sendable, Equatable {
    public var supply: Supply
    /// Its expected date; for what is overdue one day from now. Without handling.
    public var countsAs: Instant
    /// Units that are covered up to and with it.
    public var covers: Units

    /// The supply with which the outstanding quantity covers so many units; nil without a date or without enough.
    /// Looks from the nearer end.
    public static func covering(_ needed: Units, of item: Item, now: Instant, in reader: any SupplyReader) throws
        -> StandingSupply?
    {
        if needed > item.onOrderDated { return nil }
        if needed > item.onOrderDated / 2, let peg = try fromLast(needed, item, now, reader) { return peg }
        var pegs = Pegging(item.sku, reader, now: now, from: PegCursor())
        return try pegs.supply(covering: needed)
    }

    private static func fromLast(_ needed: Units, _ item: Item, _ now: Instant, _ reader: any SupplyReader) throws
        -> StandingSupply?
    {
        let tomorrow = now.adding(days: 1)
        var covered = item.onOrderDated
        var before = SupplyKey(expectedAt: nil, supplyID: "", location: "")
        while true {
            let rows = try reader.outstandingSuppliesFromLast(sku: item.sku, before: before, limit: 64)
            for supply in rows {
                guard let expected = supply.expectedAt, expected > tomorrow else { return nil }
                let before = covered - supply.outstanding
                if before < needed { return StandingSupply(supply: supply, countsAs: expected, covers: covered) }
                covered = before
            }
            guard rows.count == 64, let last = rows.last else { return nil }
            before = last.key
        }
    }
}

/// How far the supply was walked that waiting lines are pegged to.
struct PegCursor: Sendable, Equatable, Codable {
    enum Part: String, Sendable, Codable {
        /// Expected within a day from now.
        case near
        /// Overdue: counts as expected one day from now.
        case overdue
        case far
        case none
    }

    var part = Part.near
    /// The key of the last supply taken, of which `covered` counts all units up to and with it.
    var last: SupplyKey?
    var covered: Units = 0
}

/// Dated supply of a SKU in the order in which it counts: within a day, then what is overdue, then the rest.
struct Pegging {
    typealias Peg = StandingSupply

    private(set) var cursor: PegCursor
    private let sku: SKU
    private let reader: any SupplyReader
    private let now: Instant
    private let tomorrow: Instant
    private var current: Peg?
    private var rows: [Supply] = []
    private var nextRow = 0
    private static let chunk = 64

    init(_ sku: SKU, _ reader: any SupplyReader, now: Instant, from cursor: PegCursor) {
        self.sku = sku
        self.reader = reader
        self.now = now
        tomorrow = now.adding(days: 1)
        self.cursor = cursor
    }

    /// The supply with which the units walked come to at least so many; asked for in rising order.
    mutating func supply(covering needed: Units) throws -> Peg? {
        if cursor.covered >= needed, current == nil, let last = cursor.last { try read(again: last) }
        while cursor.covered < needed || current == nil {
            guard let supply = try nextSupply(), let expected = supply.expectedAt else { return nil }
            cursor.covered += supply.outstanding
            cursor.last = supply.key
            current = Peg(
                supply: supply, countsAs: cursor.part == .overdue ? tomorrow : expected, covers: cursor.covered)
        }
        return current
    }

    /// A cursor that was kept names the supply it stands on; it may have gone since.
    private mutating func read(again key: SupplyKey) throws {
        let before = SupplyKey(expectedAt: key.expectedAt, supplyID: key.supplyID, location: "")
        let found = try reader.outstandingSupplies(sku: sku, after: before, limit: Pegging.chunk).first {
            $0.key == key
        }
        guard let found, let expected = found.expectedAt else { return }
        current = Peg(supply: found, countsAs: cursor.part == .overdue ? tomorrow : expected, covers: cursor.covered)
    }

    private mutating func nextSupply() throws -> Supply? {
        while cursor.part != .none {
            if nextRow == rows.count {
                rows = try reader.outstandingSupplies(sku: sku, after: cursor.last ?? start, limit: Pegging.chunk)
                nextRow = 0
            }
            if nextRow < rows.count, let expected = rows[nextRow].expectedAt, isIn(expected) {
                nextRow += 1
                return rows[nextRow - 1]
            }
            cursor.part =
                switch cursor.part {
                case .near: .overdue
                case .overdue: .far
                case .far, .none: .none
                }
            cursor.last = nil
            rows = []
            nextRow = 0
        }
        return nil
    }

    /// The part's supply begins behind this key; nil: at the first.
    private var start: SupplyKey? {
        switch cursor.part {
        case .near: SupplyKey(expectedAt: now.adding(microseconds: 1), supplyID: "", location: "")
        case .overdue, .none: nil
        case .far: SupplyKey(expectedAt: tomorrow.adding(microseconds: 1), supplyID: "", location: "")
        }
    }

    private func isIn(_ expected: Instant) -> Bool {
        switch cursor.part {
        case .near: now < expected && expected <= tomorrow
        case .overdue: expected <= now
        case .far: tomorrow < expected
        case .none: false
        }
    }
}
