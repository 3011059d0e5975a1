import Glibc
public import InventoryCore

/// Where the pipeline has its time from, and how it waits. Only `now` may jump.
public struct Timing: Sendable {
    public var now: @Sendable () -> Instant
    public var monotonicMilliseconds: @Sendable () -> Int64
    public var sleep: @Sendable (_ milliseconds: Int) -> Void

    public init(
        now: @escaping @Sendable () -> Instant,
        monotonicMilliseconds: @escaping @Sendable () -> Int64 = Worker.monotonicMilliseconds,
        sleep: @escaping @Sendable (_ milliseconds: Int) -> Void = Timing.block
    ) {
        self.now = now
        self.monotonicMilliseconds = monotonicMilliseconds
        self.sleep = sleep
    }

    /// Blocks the calling thread.
    public static func block(milliseconds: Int) {
        var duration = timespec(tv_sec: milliseconds / 1000, tv_nsec: (milliseconds % 1000) * 1_000_000)
        nanosleep(&duration, nil)
    }
}

/// Nanoseconds of a clock that never jumps, to measure with.
func monotonicNanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// Milliseconds of a clock that never jumps.
public func monotonicMilliseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}
