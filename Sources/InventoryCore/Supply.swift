/// Units of one SKU that are to come to one location: a reorder of our own, or what a supplier or carrier announced.
public struct Supply: Sendable, Equatable {
    public enum Kind: String, Sendable, Codable {
        case reorder, inbound
    }

    public var supplyID: SupplyID
    public var kind: Kind
    public var sku: SKU
    public var location: LocationID
    public var supplier: SupplierID?
    /// What was asked for or announced.
    public var quantity: Units
    /// What has not come yet.
    public var outstanding: Units
    public var expectedAt: Instant?
    /// When the reorder was made, or the time of the inbound's current version.
    public var createdAt: Instant
    /// An inbound's: the reorder it is tied to.
    public var reorderID: SupplyID?
    /// An inbound's: how many units it took over from that reorder.
    public var takenOver: Units
    /// The expected date that a reorder-expedite has told already.
    public var expeditedAt: Instant?
    /// An inbound that was called off; a later version does not bring it back unless it is newer.
    public var isCancelled: Bool

    public init(
        supplyID: SupplyID, kind: Kind, sku: SKU, location: LocationID, supplier: SupplierID? = nil, quantity: Units,
        outstanding: Units, expectedAt: Instant? = nil, createdAt: Instant, reorderID: SupplyID? = nil,
        takenOver: Units = 0, expeditedAt: Instant? = nil, isCancelled: Bool = false
    ) {
        self.supplyID = supplyID
        self.kind = kind
        self.sku = sku
        self.location = location
        self.supplier = supplier
        self.quantity = quantity
        self.outstanding = outstanding
        self.expectedAt = expectedAt
        self.createdAt = createdAt
        self.reorderID = reorderID
        self.takenOver = takenOver
        self.expeditedAt = expeditedAt
        self.isCancelled = isCancelled
    }

    /// Outstanding units that have an expected date.
    public var datedOutstanding: Units { expectedAt == nil ? 0 : outstanding }

    public var key: SupplyKey { SupplyKey(expectedAt: expectedAt, supplyID: supplyID, location: location) }
}

/// The order in which supply is settled and promised on: by expected date, none last, then id.
public struct SupplyKey: Hashable, Comparable, Sendable, Codable {
    public var expectedAt: Instant?
    public var supplyID: SupplyID
    public var location: LocationID

    public init(expectedAt: Instant?, supplyID: SupplyID, location: LocationID) {
        self.expectedAt = expectedAt
        self.supplyID = supplyID
        self.location = location
    }

    public static func < (left: SupplyKey, right: SupplyKey) -> Bool {
        let leftTime = left.expectedAt?.microseconds ?? .max
        let rightTime = right.expectedAt?.microseconds ?? .max
        if leftTime != rightTime { return leftTime < rightTime }
        if left.supplyID != right.supplyID { return left.supplyID < right.supplyID }
        return left.location < right.location
    }
}
