import CRabbitMQ
import Glibc

/// Threads of our own, made with pthreads: librabbitmq pins a connection to its thread, decodes nested headers by
/// recursion and so needs a large stack, and blocks in ways that neither Dispatch nor Swift's pool may be made to bear.
enum OwnerThread {
    private final class Job {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// 25,000 levels of nesting fit one frame and take more than 2 MiB of stack in librabbitmq 0.11.
    static let ownerStackBytes = 16 << 20

    /// Runs the closure on a new, detached thread.
    static func spawn(
        _ name: String, stackBytes: Int = ownerStackBytes, body: @escaping @Sendable () -> Void
    ) throws(AMQPError) {
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        defer { unsafe pthread_attr_destroy(&attributes) }
        unsafe pthread_attr_setstacksize(&attributes, stackBytes)
        unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let job = unsafe Unmanaged.passRetained(Job(name: String(name.prefix(15)), body: body))
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread, &attributes,
            { argument in
                if let argument = unsafe argument {
                    let job = unsafe Unmanaged<Job>.fromOpaque(argument).takeRetainedValue()
                    unsafe job.name.withCString { unsafe crmq_name_thread($0) }
                    job.body()
                }
                return nil
            }, job.toOpaque())
        guard status == 0 else {
            unsafe job.release()
            throw AMQPError(
                .resources, "cannot start a thread (errno \(status)); raise TasksMax or the memory limit",
                isRetriable: true)
        }
    }
}

/// Wakes an owner thread out of its poll, from any thread.
final class WakeUp: Sendable {
    let fd: Int32

    init() throws(AMQPError) {
        fd = crmq_eventfd()
        guard fd >= 0 else {
            throw AMQPError(.resources, "no file descriptor to be had; raise LimitNOFILE", isRetriable: true)
        }
    }

    deinit { close(fd) }

    func signal() {
        var one: UInt64 = 1
        _ = unsafe write(fd, &one, 8)
    }

    func drain() {
        var count: UInt64 = 0
        _ = unsafe read(fd, &count, 8)
    }

    /// Waits for a signal or the deadline; false at the deadline.
    func wait(milliseconds: Int) -> Bool {
        var wait = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        let signalled = unsafe poll(&wait, 1, Int32(clamping: milliseconds)) > 0
        if signalled { drain() }
        return signalled
    }
}
