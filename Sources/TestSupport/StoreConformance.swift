public import BackOrderStore
internal import InventoryCore

/// What every store must do, as plain functions: a store's tests run each case on a store that is new and empty.
public enum StoreConformance {
    /// A fresh, migrated store for each call.
    public typealias MakeStore = () throws -> any BackOrderStore

    public struct Case: Sendable, CustomStringConvertible {
        public let name: String
        public let run: @Sendable (MakeStore) throws -> Void

        public var description: String { name }
    }

    /// A case that did not hold.
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    public static let cases: [Case] =
        inboxCases + suspectCases + outboxCases + claimCases + transactionCases + orderCases + queueCases + itemCases
        + supplyCases
        + parkedCases
        + queryCases + waitingCases + sweepCases + journalCases + figureCases

    // MARK: Tools of the cases

    static func check(_ condition: Bool, _ what: @autoclosure () -> String) throws {
        if !condition { throw Failure(description: what()) }
    }

    static func same<Value: Equatable>(_ found: Value, _ wanted: Value, _ what: String) throws {
        try check(found == wanted, "\(what): found \(found), wanted \(wanted)")
    }

    /// Answers the `StoreError` that the body must throw.
    @discardableResult
    static func refused(_ what: String, _ code: StoreError.Code, _ body: () throws -> Void) throws -> StoreError {
        do {
            try body()
        } catch let error as StoreError {
            try check(error.code == code, "\(what): \(error.code), wanted \(code): \(error.message)")
            return error
        }
        throw Failure(description: "\(what): was not refused")
    }

    static func at(_ microseconds: Int64) -> Instant { Instant(microseconds: microseconds) }

    static func digest(_ number: UInt64) -> Digest128 { Digest128(high: ~number, low: number) }

    static func row(_ number: UInt64, at time: Int64 = 1) -> InboxRow {
        InboxRow(key: digest(number), content: digest(number &* 31), receivedAt: at(time))
    }

    static func waitingLine(_ id: LineID, _ sku: SKU, _ units: Units, pin: LocationID? = nil) -> OrderLine {
        var line = OrderLine(lineID: id, sku: sku, pin: pin, ordered: units)
        line.waiting = units
        return line
    }

    static func waitingLine(_ sku: SKU, _ units: Units) -> OrderLine { waitingLine("1", sku, units) }
    static func heldLine(_ sku: SKU, _ units: Units) -> OrderLine { heldLine("1", sku, units) }

    static func heldLine(_ id: LineID, _ sku: SKU, _ units: Units) -> OrderLine {
        var line = OrderLine(lineID: id, sku: sku, ordered: units)
        line.held = units
        return line
    }

    static func allocatedLine(_ id: LineID, _ sku: SKU, _ units: Units, at location: LocationID = "main") -> OrderLine {
        var line = OrderLine(lineID: id, sku: sku, ordered: units)
        line.allocations = [Allocation(location: location, units: units)]
        return line
    }

    static func order(
        _ orderID: OrderID, placed: Int64 = 1, priority: Int = 0, _ lines: [OrderLine], isHeld: Bool = false
    ) -> Order {
        Order(orderID: orderID, placedAt: at(placed), priority: priority, isHeld: isHeld, lines: lines)
    }

    static func new(_ orders: Order..., lead: Int64 = 0) -> Changes {
        var changes = Changes()
        for order in orders {
            changes.orders.append(.init(order: order, isNew: true, lines: Array(order.lines.indices), lead: lead))
        }
        return changes
    }

    static func changed(_ order: Order, _ lines: [Int], lead: Int64 = 0) -> Changes {
        var changes = Changes()
        changes.orders = [.init(order: order, isNew: false, lines: lines, lead: lead)]
        return changes
    }

    static func new(_ item: Item) -> Changes {
        var changes = Changes()
        changes.items = [
            .init(
                item: item, isNew: true, headChanged: true, stock: Array(item.stock.indices),
                lanes: Array(item.lanes.indices), deficitsChanged: !item.deficits.isEmpty)
        ]
        return changes
    }

    static func supplied(_ supplies: Supply...) -> Changes {
        var changes = Changes()
        changes.supplies = supplies
        return changes
    }

    static func ids(_ lines: [QueuedLine]) -> [String] { lines.map { "\($0.key.orderID)/\($0.key.position)" } }

    static func waiting(
        _ store: any BackOrderStore, _ sku: SKU, pin: LocationID? = nil, after: PrecedenceKey? = nil, limit: Int = .max
    ) throws -> [QueuedLine] {
        try store.write { try $0.waitingLines(sku: sku, pin: pin, after: after, limit: limit) }
    }

    static func apply(_ changes: Changes, to store: any BackOrderStore) throws {
        try store.write { try $0.apply(changes) }
    }
}
