import InventoryCore

/// When a worker looks whether there is something to sweep. Estimates are at most 60 s old: a round begins every 15 s.
struct SweepSchedule {
    private var phase: SweepPhase?
    private var nextMilliseconds: Int64 = 0

    var isUnderWay: Bool { phase != nil }

    /// The round to go on with; nil: it is not time yet.
    mutating func due(nowMilliseconds: Int64, now: () -> Instant) -> SweepPhase? {
        if let phase { return phase }
        return nowMilliseconds < nextMilliseconds ? nil : SweepPhase(startedAt: now())
    }

    mutating func took(_ phase: SweepPhase, leads: Bool, nowMilliseconds: Int64) {
        if leads, !phase.isDone {
            self.phase = phase
            return
        }
        self.phase = nil
        nextMilliseconds = nowMilliseconds + (leads ? 15_000 : 2_000)
    }
}
