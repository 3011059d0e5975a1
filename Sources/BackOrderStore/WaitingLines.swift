public import InventoryCore

/// A waiting line as a list of them shows it.
public struct WaitingLine: Sendable, Equatable {
    public var sku: SKU
    public var key: PrecedenceKey
    public var lineID: LineID
    public var waiting: Units
    public var pin: LocationID?
    public var firstPromisedAt: Instant?
    public var promisedAt: Instant?
    public var customer: Customer?

    public init(
        sku: SKU, key: PrecedenceKey, lineID: LineID, waiting: Units, pin: LocationID?, firstPromisedAt: Instant?,
        promisedAt: Instant?, customer: Customer?
    ) {
        self.sku = sku
        self.key = key
        self.lineID = lineID
        self.waiting = waiting
        self.pin = pin
        self.firstPromisedAt = firstPromisedAt
        self.promisedAt = promisedAt
        self.customer = customer
    }

    public var place: WaitingPlace { WaitingPlace(key) }
}

/// Where a line stands in a list that goes by the time of the order, over all SKUs.
public struct WaitingPlace: Sendable, Hashable, Comparable {
    public var placedAt: Instant
    public var orderID: OrderID
    /// The line's position in its order.
    public var position: Int

    public init(placedAt: Instant, orderID: OrderID, position: Int) {
        self.placedAt = placedAt
        self.orderID = orderID
        self.position = position
    }

    public init(_ key: PrecedenceKey) {
        self.init(placedAt: key.placedAt, orderID: key.orderID, position: key.position)
    }

    public static func < (left: WaitingPlace, right: WaitingPlace) -> Bool {
        (left.placedAt, left.orderID, left.position) < (right.placedAt, right.orderID, right.position)
    }
}

public struct WaitingPage: Sendable, Equatable {
    public var lines: [WaitingLine]
    /// Where to go on; nil: that was all.
    public var next: WaitingPlace?

    public init(lines: [WaitingLine], next: WaitingPlace?) {
        self.lines = lines
        self.next = next
    }
}

/// Which orders are a customer's. A store keeps customers as they were received and finds candidates through an index on
/// what it can tell of their ids; `isOf` decides.
public struct CustomerMatch: Sendable {
    public let id: String
    public let isOf: @Sendable (Customer) -> Bool

    /// - Parameter isOf: must answer true for no customer whose member `id` is not `id`.
    public init(id: String, isOf: @escaping @Sendable (Customer) -> Bool) {
        self.id = id
        self.isOf = isOf
    }

    /// An index holds no more of an id than this, in Unicode scalars.
    public static let keyLength = 128
    /// What stands in the index for a customer whose id the store can't tell from the text.
    public static let unsure = "\\"

    /// The entries of the index under which the customer's orders stand.
    public var keys: [String] {
        var key = String.UnicodeScalarView()
        key.append(contentsOf: id.unicodeScalars.prefix(Self.keyLength))
        return String(key) == Self.unsure ? [Self.unsure] : [String(key), Self.unsure]
    }
}

/// An order that an index named, by the store's own number.
public struct CandidateOrder: Sendable {
    public var number: Int64
    public var placedAt: Instant
    public var orderID: OrderID
    public var customer: Customer

    public init(number: Int64, placedAt: Instant, orderID: OrderID, customer: Customer) {
        self.number = number
        self.placedAt = placedAt
        self.orderID = orderID
        self.customer = customer
    }

    var end: WaitingPlace { WaitingPlace(endOf: orderID, placedAt: placedAt) }
}

extension WaitingPlace {
    /// Behind all lines of an order.
    public init(endOf orderID: OrderID, placedAt: Instant) {
        self.init(placedAt: placedAt, orderID: orderID, position: .max)
    }
}

/// A stretch of an index over orders.
public struct CandidateOrders: Sendable {
    /// Those of the stretch of which something waits that is asked for.
    public var orders: [CandidateOrder] = []
    /// How many orders the stretch has.
    public var count = 0
    /// Behind the last of them.
    public var end: WaitingPlace?

    public init() {}
}

extension WaitingPage {
    /// Orders that one page looks at before it answers with what it has: a customer of many years has mostly orders of
    /// which nothing waits.
    public static let ordersLookedAt = 5_000

    /// The walk that all stores with an index share.
    /// - Parameters:
    ///   - candidates: the orders under a key of the index from the order of a place on, that one included: so many,
    ///     unless there are no more.
    ///   - lines: the waiting lines of these orders, sorted, from beyond a place, so many at most.
    public static func walk(
        _ customer: CustomerMatch, after: WaitingPlace?, limit: Int,
        candidates: (_ key: String, _ from: WaitingPlace?, _ limit: Int) throws -> CandidateOrders,
        lines: (_ orders: [CandidateOrder], _ after: WaitingPlace?, _ limit: Int) throws -> [WaitingLine]
    ) throws -> WaitingPage {
        var page = WaitingPage(lines: [], next: nil)
        var from = after
        var looked = 0
        var size = 16
        while true {
            var found: [CandidateOrder] = []
            // Up to here every key was read.
            var horizon: WaitingPlace?
            for key in customer.keys {
                let stretch = try candidates(key, from, size)
                if stretch.count == size, let end = stretch.end { horizon = min(horizon ?? end, end) }
                looked += stretch.count
                found += stretch.orders
            }
            if let horizon { found.removeAll { horizon < $0.end } }
            found.removeAll { !customer.isOf($0.customer) }
            found.sort { $0.end < $1.end }
            let room = limit - page.lines.count
            if !found.isEmpty { page.lines += try lines(found, from, room) }
            if page.lines.count >= limit {
                page.next = page.lines.last?.place
                return page
            }
            guard let horizon else { return page }
            if looked >= ordersLookedAt {
                page.next = horizon
                return page
            }
            from = horizon
            size = min(size * 4, 1_024)
        }
    }
}
