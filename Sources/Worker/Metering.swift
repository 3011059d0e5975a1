public import BackOrderStore
public import InventoryCore

/// What one committed batch did, for gauges and dashboards. Numbers only: no names, nothing that grows with use.
public struct BatchFigures: Sendable {
    /// Nanoseconds of one batch, stage by stage.
    public struct Stages: Sendable {
        public var decode: Int64 = 0
        /// Until the store let us begin: with SQLite the wait for another writer.
        public var begin: Int64 = 0
        /// Inbox and working set; with PostgreSQL also the wait for locks.
        public var load: Int64 = 0
        public var decide: Int64 = 0
        /// Changes, inbox rows and outbox.
        public var write: Int64 = 0
        public var commit: Int64 = 0

        public init() {}
    }

    public enum Outcome: Int, Sendable, CaseIterable {
        case applied, noEffect, duplicate, parked, deadLettered, skipped
    }

    public var inputs = 0
    public var outputs = 0
    /// Outputs that their mapping passes over.
    public var outputsSkipped = 0
    public var stages = Stages()
    /// Nanoseconds until the store let the batch begin and gave it its locks.
    public var lockWait: Int64 = 0
    /// By `InputType` (the last row: not known), then `Outcome`.
    public private(set) var outcomes = [Int64](repeating: 0, count: (inputTypes.count + 1) * Outcome.allCases.count)
    /// Microseconds from each message's own time to the commit.
    public var ages: [Int64] = []
    /// Dead letters, those of parked messages included.
    public var rejections: [RejectionReason: Int64] = [:]

    // What the books changed by.
    public var promisesKept: Int64 = 0
    public var promisesLate: Int64 = 0
    public var unitsOrdered: Int64 = 0
    public var unitsFilled: Int64 = 0
    public var unitsBackOrdered: Int64 = 0
    public var discrepancies: [Discrepancy.Kind: Int64] = [:]

    public init() {}

    public static let inputTypes = InputType.allCases

    public func count(_ type: InputType?, _ outcome: Outcome) -> Int64 { outcomes[Self.index(type, outcome)] }

    mutating func note(_ type: InputType?, _ outcome: InputOutcome) {
        inputs += 1
        let counted: Outcome =
            switch outcome {
            case .applied: .applied
            case .noEffect: .noEffect
            case .duplicate: .duplicate
            case .parked: .parked
            case .deadLettered: .deadLettered
            case .skipped: .skipped
            }
        outcomes[Self.index(type, counted)] += 1
        if case .deadLettered(let rejection) = outcome { rejections[rejection.reason, default: 0] += 1 }
    }

    private static func index(_ type: InputType?, _ outcome: Outcome) -> Int {
        let row = type.flatMap { type in inputTypes.firstIndex(of: type) } ?? inputTypes.count
        return row * Outcome.allCases.count + outcome.rawValue
    }

    /// Counts what is of interest to a planner in what is about to be written.
    mutating func note(_ changes: Changes) {
        for demand in changes.demand {
            unitsOrdered += demand.units
            unitsFilled += demand.filled
            unitsBackOrdered += demand.backOrdered
        }
        for discrepancy in changes.discrepancies { discrepancies[discrepancy.kind, default: 0] += 1 }
        let dispatched = changes.events.filter { event in event.lines.contains { $0.dispatched > 0 } }
        if dispatched.isEmpty { return }
        var orders: [OrderID: Order] = [:]
        for change in changes.orders { orders[change.order.orderID] = change.order }
        for event in dispatched {
            guard let order = orders[event.orderID] else { continue }
            for change in event.lines where change.dispatched > 0 {
                guard order.lines.indices.contains(change.position),
                    let promised = order.lines[change.position].firstPromisedAt
                else { continue }
                if event.time <= promised { promisesKept += 1 } else { promisesLate += 1 }
            }
        }
    }
}

/// Is told what the pipeline does. Called on the pipeline's thread; must return at once.
public protocol PipelineMeter: Sendable {
    /// A batch was committed.
    func committed(_ figures: BatchFigures)
    /// The store failed for now; the transaction is tried again. `conflict`: for the sake of another worker.
    func storeFailed(_ conflict: StoreError.Conflict?)
    /// A transaction succeeded, after failures or not.
    func storeSucceeded()
}

/// Counts nothing.
public struct NoMeter: PipelineMeter {
    public init() {}
    public func committed(_ figures: BatchFigures) {}
    public func storeFailed(_ conflict: StoreError.Conflict?) {}
    public func storeSucceeded() {}
}

/// Measures stages: nanoseconds since it was last asked.
struct Lap {
    private var last = monotonicNanoseconds()

    mutating func lap() -> Int64 {
        let now = monotonicNanoseconds()
        defer { last = now }
        return now - last
    }
}
