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
        var views: [SKU: SKUView] = [:]
        lines = try order.lines.indices.map { position in
            let line = order.lines[position]
            let own = byLine[position] ?? []
            let policy = own.last { $0.change.policy != nil }?.change.policy
            var result = Line(line: line, queue: nil, standsOn: nil, events: own, policy: policy)
            if line.waiting == 0 { return result }
            var view: SKUView
            if let known = views[line.sku] {
                view = known
            } else {
                guard let found = try SKUView(line.sku, strategy.key(of: order, position: position), store) else {
                    return result
                }
                view = found
            }
            result.queue = view.queue
            result.standsOn = try view.standing(through: view.queue.unitsAhead + line.waiting, now: now, store)
            view.pass(line, strategy.key(of: order, position: position))
            views[line.sku] = view
            return result
        }
    }

    /// A SKU's queue as the lines of one order stand in it: between two of them stand only lines of the same order.
    private struct SKUView {
        let item: Item
        var queue: Queue
        private var standsOn: StandingSupply?
        private var covered: Units = 0

        /// nil: the SKU is not known.
        init?(_ sku: SKU, _ key: PrecedenceKey, _ store: any StoreQueries) throws {
            guard let item = try store.item(sku) else { return nil }
            self.item = item
            let before = try store.waitingBefore(key, sku: sku)
            let ahead = before.lines == 0 ? [] : try store.backOrders(sku: sku, after: nil, limit: namedAhead)
            queue = Queue(
                place: before.lines + 1, linesWaiting: item.lanes.reduce(0) { $0 + $1.lines }, unitsAhead: before.units,
                unitsWaiting: item.waiting, ahead: Array(ahead.prefix(Int(min(before.lines, Int64(namedAhead))))),
                onOrder: item.onOrder, onOrderDated: item.onOrderDated)
        }

        mutating func standing(through needed: Units, now: Instant, _ store: any StoreQueries) throws
            -> StandingSupply?
        {
            if let standsOn, needed <= covered { return standsOn }
            let found = try StandingSupply.covering(needed, of: item, now: now, in: store)
            standsOn = found
            covered = found?.covers ?? 0
            return found
        }

        mutating func pass(_ line: OrderLine, _ key: PrecedenceKey) {
            // Fewer than could be named: all of them are, and this one stands behind them.
            if queue.ahead.count < namedAhead {
                queue.ahead.append(
                    BackOrderRow(
                        sku: line.sku, key: key, lineID: line.lineID, waiting: line.waiting, place: queue.place,
                        promisedAt: line.promisedAt))
            }
            queue.place += 1
            queue.unitsAhead += line.waiting
        }
    }
}
