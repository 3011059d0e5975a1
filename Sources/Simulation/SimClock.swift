import InventoryCore

/// The world's time. It passes when somebody sleeps or waits, never by itself.
final class SimClock {
    /// 2026-11-23T10:00:00Z, in microseconds.
    static let start: Int64 = 1_795_428_000_000_000

    private(set) var monotonicMilliseconds: Int64 = 1_000
    /// What was added to the wall clock alone.
    private var jumped: Int64 = 0

    var now: Instant {
        Instant(microseconds: SimClock.start + monotonicMilliseconds * 1_000 + jumped)
    }

    func advance(milliseconds: Int) { monotonicMilliseconds += Int64(max(0, milliseconds)) }

    /// Somebody set the clock; only the wall clock knows.
    func jump(milliseconds: Int) { jumped += Int64(milliseconds) * 1_000 }
}
