/// What one input (or the sweep) did to one order: its journal answers "what did it get, from where, when, and why".
public struct OrderEvent: Sendable, Equatable {
    /// What moved on one line. Numbers are differences.
    public struct LineChange: Sendable, Equatable {
        public var position: Int
        /// By location; negative: given up, dispatched or taken back.
        public var allocated: [Move] = []
        public var waiting: Units = 0
        public var held: Units = 0
        public var dispatched: Units = 0
        public var cancelled: Units = 0
        public var refused: Units = 0
        /// The customer was told another date: this one (nil in it: none).
        public var promised: Promise?
        /// Where units were left over: what the policy said of them, and where it says so.
        public var policy: String?

        public struct Move: Sendable, Equatable {
            public var location: LocationID
            public var units: Units

            public init(location: LocationID, units: Units) {
                self.location = location
                self.units = units
            }
        }

        public struct Promise: Sendable, Equatable {
            public var at: Instant?

            public init(at: Instant?) { self.at = at }
        }

        public init(position: Int) { self.position = position }

        /// Takes down the differences between two states of the line.
        mutating func note(from old: OrderLine, to new: OrderLine) {
            waiting = new.waiting - old.waiting
            held = new.held - old.held
            dispatched = new.dispatched - old.dispatched
            cancelled = new.cancelled - old.cancelled
            refused = new.refused - old.refused
            if new.promisedAt != old.promisedAt { promised = Promise(at: new.promisedAt) }
            for entry in new.allocations {
                let before = old.allocations.first { $0.location == entry.location }?.units ?? 0
                if entry.units != before {
                    allocated.append(Move(location: entry.location, units: entry.units - before))
                }
            }
            for entry in old.allocations where !new.allocations.contains(where: { $0.location == entry.location }) {
                allocated.append(Move(location: entry.location, units: -entry.units))
            }
        }
    }

    public var orderID: OrderID
    /// 1, 2, 3 … for that order.
    public var number: Int64
    public var time: Instant
    /// The id of the message; `timer` for the sweep.
    public var cause: String
    /// The message's type; `sweep` for the sweep.
    public var kind: String
    public var lines: [LineChange]

    public init(
        orderID: OrderID, number: Int64, time: Instant, cause: String, kind: String, lines: [LineChange]
    ) {
        self.orderID = orderID
        self.number = number
        self.time = time
        self.cause = cause
        self.kind = kind
        self.lines = lines
    }
}

/// Unconstrained demand for a SKU on one day (UTC) of order-placed: what customers wanted, whether there was stock or not.
public struct Demand: Sendable, Equatable {
    public var sku: SKU
    /// Days since 1970-01-01, of the orders' placed_at.
    public var day: Int64
    /// Units ordered, also those that were refused, and those cancelled while they waited. Not: those that were
    /// cancelled before their order arrived.
    public var units: Units = 0
    /// Of them: found in stock when the order was placed.
    public var filled: Units = 0
    /// Of them: had to wait when the order was placed or released.
    public var backOrdered: Units = 0
    public var held: Units = 0
    public var refused: Units = 0
    /// Cancelled while they waited or were held.
    public var cancelledWaiting: Units = 0

    public init(sku: SKU, day: Int64) {
        self.sku = sku
        self.day = day
    }

    public mutating func add(_ other: Demand) {
        units += other.units
        filled += other.filled
        backOrdered += other.backOrdered
        held += other.held
        refused += other.refused
        cancelledWaiting += other.cancelledWaiting
    }
}

/// One observation of how long a supplier took from reorder to receipt.
public struct LeadTime: Sendable, Equatable {
    /// Of one supplier the newest so many are kept: enough for any quantile, and bounded.
    public static let keptForASupplier = 1_000
    /// With fewer observations than this nothing is learned.
    static let neededAtLeast = 5

    public var supplier: SupplierID
    public var microseconds: Int64

    public init(supplier: SupplierID, microseconds: Int64) {
        self.supplier = supplier
        self.microseconds = microseconds
    }

    /// The k-th smallest of n, k = ⌈quantile·(n+1)⌉, needing k ≤ n and n ≥ 5.
    static func quantile(_ quantile: Double, of observed: [Int64]) -> Int64? {
        let count = observed.count
        if count < neededAtLeast { return nil }
        // A product such as 0.7 · 10 may come out a hair above the whole number it is meant to be.
        let rank = Int((quantile * Double(count + 1) - 1e-9).rounded(.up))
        if rank > count { return nil }
        return observed.sorted()[max(1, rank) - 1]
    }
}
