import Glibc

/// A bounded hand-over between two stages that run on threads of their own: the producer waits while it is full, the
/// consumer while it is empty.
///
/// @unchecked Sendable: every access to `elements` and `isClosed` is made under `mutex`.
public final class BoundedChannel<Element: Sendable>: @unchecked Sendable {
    private let capacity: Int
    private var elements: [Element] = []
    private var isClosed = false
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    public init(capacity: Int) {
        self.capacity = capacity
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// False when the channel is closed: the element was not taken.
    @discardableResult
    public func send(_ element: Element) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while elements.count >= capacity && !isClosed { pthread_cond_wait(changed, mutex) }
        if isClosed { return false }
        elements.append(element)
        pthread_cond_broadcast(changed)
        return true
    }

    /// nil when the channel is closed and empty.
    public func receive() -> Element? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while elements.isEmpty && !isClosed { pthread_cond_wait(changed, mutex) }
        if elements.isEmpty { return nil }
        let first = elements.removeFirst()
        pthread_cond_broadcast(changed)
        return first
    }

    /// No more is taken; what is there can still be received.
    public func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }
}

/// A thread with a name and a stack of its own, that can be waited for. Blocking work (a database, a file) runs here and
/// never on Swift's cooperative pool.
///
/// @unchecked Sendable: the handle is written once, before the value is shared, and `join` is called by one owner.
public final class WorkThread: @unchecked Sendable {
    private var handle = pthread_t()

    public init(name: String, stackBytes: Int = 16 << 20, _ body: @escaping @Sendable () -> Void) {
        let box = Unmanaged.passRetained(
            Body {
                WorkThread.setName(name)
                body()
            })
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, stackBytes)
        let status = pthread_create(
            &handle, &attributes,
            { context in
                if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, box.toOpaque())
        precondition(status == 0, "no thread could be started (error \(status))")
        pthread_attr_destroy(&attributes)
    }

    /// Shown by `top -H` and in core dumps; Glibc's own call is not visible to Swift, the kernel's file is.
    private static func setName(_ name: String) {
        let descriptor = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        if descriptor < 0 { return }
        let bytes = Array(name.utf8.prefix(15))
        _ = write(descriptor, bytes, bytes.count)
        close(descriptor)
    }

    public func join() { pthread_join(handle, nil) }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
