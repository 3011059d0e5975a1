/// Everything the company decided beforehand: locations, policy, items, suppliers, promises. The decisions read it and
/// never change it. Made from the configuration file by the Daemon; every default of the contract is the default here.
public struct Rulebook: Sendable, Equatable {
    /// The sourcing order.
    public var locations: [LocationID]
    public var strategy: Strategy
    public var sourcing: Sourcing
    public var policyDefault: PolicySettings
    /// First match wins, key by key.
    public var rules: [PolicyRule]
    /// By SKU pattern; the longest matching pattern that has the key wins.
    public var items: [ItemRule]
    public var suppliers: [SupplierID: SupplierSettings]
    public var promise: PromiseSettings
    /// How long a message waits for its order, in microseconds.
    public var parkingMicroseconds: Int64

    public init(
        locations: [LocationID] = ["WH-1", "WH-2"], strategy: Strategy = .priority, sourcing: Sourcing = .fewestSplits,
        policyDefault: PolicySettings = PolicySettings(), rules: [PolicyRule] = [], items: [ItemRule] = [],
        suppliers: [SupplierID: SupplierSettings] = [:], promise: PromiseSettings = PromiseSettings(),
        parkingMicroseconds: Int64 = Instant.microsecondsPerDay
    ) {
        self.locations = locations
        self.strategy = strategy
        self.sourcing = sourcing
        self.policyDefault = policyDefault
        self.rules = rules
        self.items = items
        self.suppliers = suppliers
        self.promise = promise
        self.parkingMicroseconds = parkingMicroseconds
    }
}

public enum Strategy: String, Sendable, CaseIterable, Codable {
    case priority
    case dueDate = "due-date"
    case smallestFirst = "smallest-first"
    case fairShare = "fair-share"
}

public enum Sourcing: String, Sendable, CaseIterable, Codable {
    case fewestSplits = "fewest-splits"
    case fewestShipments = "fewest-shipments"
}

public enum OnBackorder: String, Sendable, Codable, CaseIterable {
    case accept, hold, refuse
}

/// A limit that may be said to be none: "no limit" in a rule wins over a number further down.
public enum BackorderLimit: Sendable, Codable, Equatable {
    case none
    case units(Units)
}

public struct PolicySettings: Sendable, Equatable {
    public var onBackorder: OnBackorder?
    public var backorderLimit: BackorderLimit?
    public var ship: ShipMode?
    public var priority: Int?

    public init(
        onBackorder: OnBackorder? = nil, backorderLimit: BackorderLimit? = nil, ship: ShipMode? = nil,
        priority: Int? = nil
    ) {
        self.onBackorder = onBackorder
        self.backorderLimit = backorderLimit
        self.ship = ship
        self.priority = priority
    }
}

public struct PolicyRule: Sendable, Equatable {
    public var sku: Pattern?
    public var location: Pattern?
    public var segment: Pattern?
    public var settings: PolicySettings
    /// What explanations call it, where it is none of the configuration's; nil: its place there.
    public var name: String?

    public init(
        sku: Pattern? = nil, location: Pattern? = nil, segment: Pattern? = nil, settings: PolicySettings,
        name: String? = nil
    ) {
        self.name = name
        self.sku = sku
        self.location = location
        self.segment = segment
        self.settings = settings
    }
}

public struct ReorderSettings: Sendable, Codable, Equatable {
    public var point: Units?
    public var upTo: Units?
    public var minimum: Units?
    public var multiple: Units?

    public init(point: Units? = nil, upTo: Units? = nil, minimum: Units? = nil, multiple: Units? = nil) {
        self.point = point
        self.upTo = upTo
        self.minimum = minimum
        self.multiple = multiple
    }
}

/// What is said of one item. nil: not said here.
public struct ItemSettings: Sendable, Codable, Equatable {
    public var supplier: SupplierID?
    public var leadTimeDays: Int64?
    public var reorder: ReorderSettings?
    public var onBackorder: OnBackorder?
    public var backorderLimit: BackorderLimit?
    public var ship: ShipMode?

    public init(
        supplier: SupplierID? = nil, leadTimeDays: Int64? = nil, reorder: ReorderSettings? = nil,
        onBackorder: OnBackorder? = nil, backorderLimit: BackorderLimit? = nil, ship: ShipMode? = nil
    ) {
        self.supplier = supplier
        self.leadTimeDays = leadTimeDays
        self.reorder = reorder
        self.onBackorder = onBackorder
        self.backorderLimit = backorderLimit
        self.ship = ship
    }
}

public struct ItemRule: Sendable, Equatable {
    public var pattern: Pattern
    public var settings: ItemSettings

    public init(pattern: Pattern, settings: ItemSettings) {
        self.pattern = pattern
        self.settings = settings
    }
}

public struct SupplierSettings: Sendable, Equatable {
    public var leadTimeDays: Int64?

    public init(leadTimeDays: Int64? = nil) {
        self.leadTimeDays = leadTimeDays
    }
}

public struct PromiseSettings: Sendable, Equatable {
    public var defaultLeadTimeDays: Int64?
    public var handlingDays: Int64
    public var promiseQuantile: Double
    public var notifyAfterHours: Int64

    public init(
        defaultLeadTimeDays: Int64? = nil, handlingDays: Int64 = 1, promiseQuantile: Double = 0.8,
        notifyAfterHours: Int64 = 24
    ) {
        self.defaultLeadTimeDays = defaultLeadTimeDays
        self.handlingDays = handlingDays
        self.promiseQuantile = promiseQuantile
        self.notifyAfterHours = notifyAfterHours
    }
}

/// A name with `*` (any bytes, also none) and `?` (one character).
public struct Pattern: Sendable, Hashable {
    public let text: String
    private let scalars: [Unicode.Scalar]
    /// Whether there is no `*` and no `?` in it.
    public let isLiteral: Bool

    public init(_ text: String) {
        self.text = text
        self.scalars = Array(text.unicodeScalars)
        self.isLiteral = !scalars.contains("*") && !scalars.contains("?")
    }

    /// The longest match wins, in bytes; of two as long the one that is the name itself, then the first in the file.
    public var weight: Int { 2 * text.utf8.count + (isLiteral ? 1 : 0) }

    public func matches(_ name: String) -> Bool {
        if isLiteral { return Identifier(text) == Identifier(name) }
        let subject = Array(name.unicodeScalars)
        var patternIndex = 0
        var subjectIndex = 0
        var starIndex = -1
        var retryIndex = 0
        while subjectIndex < subject.count {
            if patternIndex < scalars.count, scalars[patternIndex] == "*" {
                starIndex = patternIndex
                retryIndex = subjectIndex
                patternIndex += 1
            } else if patternIndex < scalars.count,
                scalars[patternIndex] == "?" || scalars[patternIndex] == subject[subjectIndex]
            {
                patternIndex += 1
                subjectIndex += 1
            } else if starIndex >= 0 {
                retryIndex += 1
                subjectIndex = retryIndex
                patternIndex = starIndex + 1
            } else {
                return false
            }
        }
        while patternIndex < scalars.count, scalars[patternIndex] == "*" { patternIndex += 1 }
        return patternIndex == scalars.count
    }
}
