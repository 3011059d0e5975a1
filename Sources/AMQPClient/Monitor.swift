import Glibc

/// A value under a lock with a condition to wait for. `Synchronization.Mutex` has no condition variable.
///
/// Safe to use from any thread; the pointers never leave this class.
// @unchecked Sendable: `state` is touched only between lock and unlock of the pthread mutex that belongs to it.
@safe
final class Monitor<State>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State
    private var waiters = 0

    init(_ state: State) {
        self.state = state
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Runs the closure under the lock; `wake` wakes all who wait.
    func withLock<R>(wake: Bool = false, _ body: (inout State) -> R) -> R {
        unsafe pthread_mutex_lock(mutex)
        defer {
            let anyWaiter = waiters > 0
            unsafe pthread_mutex_unlock(mutex)
            if wake && anyWaiter { unsafe pthread_cond_broadcast(condition) }
        }
        return body(&state)
    }

    /// Waits until the closure answers something, or the deadline (of `Clock.now`) has passed; nil then.
    func wait<R>(until deadline: UInt64, _ attempt: (inout State) -> R?) -> R? {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        var time = timespec(tv_sec: Int(deadline / 1_000), tv_nsec: Int(deadline % 1_000) * 1_000_000)
        waiters += 1
        defer { waiters -= 1 }
        while true {
            if let result = attempt(&state) { return result }
            if Clock.now >= deadline { return nil }
            unsafe pthread_cond_timedwait(condition, mutex, &time)
        }
    }
}

/// Monotonic time in milliseconds.
enum Clock {
    static var now: UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }

    /// Now plus that, without overflow for absurd waits.
    static func deadline(in milliseconds: Int) -> UInt64 {
        now + UInt64(max(0, min(milliseconds, 1_000_000_000)))
    }
}
