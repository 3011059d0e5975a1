public import InventoryCore

/// Why each line of an order is where it is: what it got, from where and when, who is ahead, and which supply its date
/// stands on. Made from the books alone; a planner and the dashboard read it.
public struct Explanation: Sendable {
    public struct Line: Sendable {
        public var line: OrderLine
        /// Where it waits; nil: nothing of it does.
        public var queue: Queue?
        /// What its estimated date stands on; nil: nothing of it waits, or no dated supply covers it.
        public var standsOn: StandingSupply?
        /// What happened to it, first to last.
        public var events: [Event]
        /// What the policy said when units were left over, and where it says so; the last time it did.
        public var policy: String?
    }

    public struct Queue: Sendable {
        /// 1 goes first.
        public var place: Int64
        public var linesWaiting: Int64
        public var unitsAhead: Units
        public var unitsWaiting: Units
        /// Some of those ahead, the first ones first.
        public var ahead: [BackOrderRow]
        /// Units of the SKU that are on order, and those of them with a date.
        public var onOrder: Units
        public var onOrderDated: Units
    }

    public struct Event: Sendable {
        public var number: Int64
        public var time: Instant
        public var cause: String
        public var kind: String
        public var change: OrderEvent.LineChange
    }

    public var order: Order
    public var lines: [Line]
    /// The journal was longer than was read.
    public var isCut: Bool

    /// How many of those ahead are named.
    static let namedAhead = 5
    /// An order's events that are read, at most.
    static let eventsRead = 10_000

    /// nil: no such order.
    /// - Parameter now: what counts as overdue.
    public init?(_ orderID: OrderID, now: Instant, in store: any StoreQueries) throws {
        guard let order = try store.order(orderID) else { return nil }
        self.order = order
        let events = try store.events(of: orderID, after: 0, limit: Self.eventsRead)
        isCut = events.count == Self.eventsRead
        var byLine: [Int: [Event]] = [:]
        for event in events {
            for change in event.lines {
                byLine[change.position, default: []].append(
                    Event(number: event.number, time: event.time, cause: event.cause, kind: event.kind, change: change))
            }
        }
        let strategy = try store.adoptedStrategy() ?? .priority
        lines = try order.lines.indices.map { position in
            let line = order.lines[position]
            let own = byLine[position] ?? []
            var result = Line(
                line: line, queue: nil, standsOn: nil, events: own, policy: own.last { $0.change.policy != nil }?.change.policy)
            guard line.waiting > 0, let item = try store.item(line.sku) else { return result }
            let key = strategy.key(of: order, position: position)
            let before = try store.waitingBefore(key, sku: line.sku)
            let ahead = before.lines == 0 ? [] : try store.backOrders(sku: line.sku, after: nil, limit: Self.namedAhead)
            result.queue = Queue(
                place: before.lines + 1, linesWaiting: item.lanes.reduce(0) { $0 + $1.lines }, unitsAhead: before.units,
                unitsWaiting: item.waiting, ahead: Array(ahead.prefix(Int(min(before.lines, Int64(Self.namedAhead))))),
                onOrder: item.onOrder, onOrderDated: item.onOrderDated)
            result.standsOn = try StandingSupply.covering(
                before.units + line.waiting, of: item, now: now, in: store)
            return result
        }
    }
}
