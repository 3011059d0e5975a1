/// Where a line stands among those that want the same units: smaller goes first.
///
/// Built so that every strategy compares the same five values and one index serves them all; only `lead` differs:
/// 0 for `priority` and `fair-share`, requested_by (none last) for `due-date`, the order's waiting units for
/// `smallest-first`.
public struct PrecedenceKey: Hashable, Comparable, Sendable, Codable {
    public var lead: Int64
    /// 0…9, 9 goes first.
    public var priority: Int
    public var placedAt: Instant
    public var orderID: OrderID
    /// The line's position in its message.
    public var position: Int

    public init(lead: Int64, priority: Int, placedAt: Instant, orderID: OrderID, position: Int) {
        self.lead = lead
        self.priority = priority
        self.placedAt = placedAt
        self.orderID = orderID
        self.position = position
    }

    public static func < (left: PrecedenceKey, right: PrecedenceKey) -> Bool {
        if left.lead != right.lead { return left.lead < right.lead }
        if left.priority != right.priority { return left.priority > right.priority }
        if left.placedAt != right.placedAt { return left.placedAt < right.placedAt }
        if left.orderID != right.orderID { return left.orderID < right.orderID }
        return left.position < right.position
    }
}

extension Strategy {
    /// The leading value of an order's precedence under this strategy, as the order stands.
    public func lead(of order: Order) -> Int64 {
        switch self {
        case .priority, .fairShare: 0
        case .dueDate: order.requestedBy?.microseconds ?? .max
        case .smallestFirst: order.waitingUnits
        }
    }

    public func key(of order: Order, position: Int) -> PrecedenceKey {
        PrecedenceKey(
            lead: lead(of: order), priority: order.priority, placedAt: order.placedAt, orderID: order.orderID,
            position: position)
    }
}
