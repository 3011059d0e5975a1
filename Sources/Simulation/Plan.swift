import InventoryCore

/// One simulation: everything that happens in it follows from these values.
public struct Plan: Sendable {
    public enum StoreKind: String, Sendable, CaseIterable {
        case memory, sqlite
    }

    public var seed: UInt64
    /// Turns of the scheduler while there are faults.
    public var steps: Int
    public var store: StoreKind
    /// Workers on the one store.
    public var workers: Int
    public var mutation: Mutation?
    /// The broker says which deliveries are repeats, and some messages kill. Without, worlds are those of before that was
    /// simulated, step by step: what a seed once showed it goes on showing.
    public var suspects: Bool

    // By seed.

    var batch = 8
    var prefetch = 20
    var publisherQueue = 2_000
    var outboxHighWater = 50_000
    var sweptLines = 1_000
    var inboxRetentionHours: Int64 = 24 * 365
    /// Of each fault: how often, in a thousand chances; by index in `Fault.allCases`.
    var rates: [Int] = []
    var skewMilliseconds: [Int] = []
    var deliveryLimit = 5
    /// What comes back goes behind all others, as RabbitMQ has it where the queue has no delivery limit.
    var requeuesAtBack = false

    /// - Parameters:
    ///   - store: nil: by seed, every fourth is SQLite.
    ///   - workers: nil: by seed, one to three.
    ///   - suspects: nil: by seed, two of three.
    public init(
        seed: UInt64, steps: Int, store: StoreKind? = nil, workers: Int? = nil, mutation: Mutation? = nil,
        suspects: Bool? = nil
    ) {
        self.seed = seed
        self.steps = steps
        self.mutation = mutation
        var random = SimRandom(seed: seed ^ 0x5157_5157)
        let seededStore: StoreKind = random.percent(25) ? .sqlite : .memory
        let seededWorkers = 1 + random.weighted([50, 30, 20])
        self.store = store ?? seededStore
        self.workers = max(1, workers ?? seededWorkers)
        batch = random.pick([1, 3, 8, 20]) ?? 8
        prefetch = random.pick([1, 5, 20, 60]) ?? 20
        outboxHighWater = random.pick([5, 50, 50_000]) ?? 50_000
        // A batch leaves fewer marks than its inputs would one by one; small steps of the sweep would show it.
        let step = random.pick([1, 3, 1_000]) ?? 1_000
        sweptLines = batch == 1 ? step : 1_000
        inboxRetentionHours = random.percent(20) ? 6 : 24 * 365
        // A calm world, a stormy one, or one with a few kinds of fault.
        let temper = random.weighted([10, 40, 50])
        for fault in Fault.allCases where fault != .deadly {
            let isUsed = temper == 1 || (temper == 2 && random.percent(30))
            var rate = isUsed ? random.within(fault.usual) : 0
            // What the inbox has forgotten may come again only by mistake: days must not pass then.
            if inboxRetentionHours < 24, fault == .timePasses || fault == .clockJumps { rate = 0 }
            rates.append(rate)
        }
        // Numbers of their own: those above stay what they were before there were suspects.
        var others = SimRandom(seed: seed ^ 0x0050_0150_4E01)
        let seededSuspects = others.below(3) > 0
        self.suspects = suspects ?? seededSuspects
        deliveryLimit = others.pick([1, 2, 3, 5]) ?? 5
        requeuesAtBack = others.percent(50)
        rates.append(self.suspects && others.percent(70) ? others.within(Fault.deadly.usual) : 0)
        skewMilliseconds = (0..<self.workers).map { _ in random.percent(30) ? random.within(-3_000...3_000) : 0 }
    }

    func rate(_ fault: Fault) -> Int {
        Fault.allCases.firstIndex(of: fault).map { rates[$0] } ?? 0
    }

    /// The command that repeats it.
    public var command: String {
        var words =
            "make sim SEED=\(seed) STEPS=\(steps) STORE=\(store.rawValue) WORKERS=\(workers) "
            + "SUSPECTS=\(suspects)"
        if let mutation { words += " MUTATION=\(mutation.rawValue)" }
        return words
    }
}

extension Fault {
    /// In a thousand chances.
    fileprivate var usual: ClosedRange<Int> {
        switch self {
        case .diesAfterReceive, .diesBeforeTransaction, .diesInTransaction, .diesBeforeCommit, .diesAfterCommit,
            .diesInAcknowledge, .diesInPublish:
            1...15
        case .diesWaiting: 20...120
        case .stopsAndStarts: 1...10
        case .storeAway: 1...6
        case .storeFailsCall, .storeFailsCommit: 1...40
        case .storeBreaks, .storeBreaksAfterCommit: 1...10
        case .consumerCut, .publisherCut: 1...40
        case .confirmLost: 1...30
        case .confirmLate: 1...500
        case .nacked, .returned: 1...100
        case .unsendable: 1000...1000
        case .sinkFull, .reordered: 1...60
        case .deadly: 5...80
        case .redelivered, .staleAck, .beforeItsOrder, .leaderChanges: 0...0
        case .sentTwice, .sentWithOtherID: 20...120
        case .sentLate: 20...300
        case .conflict, .badMessage: 10...60
        case .clockJumps: 1...8
        case .timePasses: 5...60
        case .rulesReplaced: 1...10
        }
    }
}
