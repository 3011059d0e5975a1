import Glibc
import InventoryCore

func currentProcess() -> Int32 { getpid() }

/// The only place that asks what time it is.
func wallClock() -> Instant {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Instant(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
}
