import Glibc
public import Logging
import Synchronization
import Worker

/// What answers requests. Called on the server's thread, which serves everybody: an answer that may take time, because
/// it reads the store, is to be given `later`.
public protocol HTTPAnswering: Sendable {
    func answer(_ request: HTTPRequest) -> HTTPAnswer
}

public enum HTTPAnswer: Sendable {
    case now(HTTPResponse)
    /// Runs on the pages' thread.
    case later(@Sendable (PageStore) -> HTTPResponse)
}

/// A small HTTP/1.1 server: one thread that polls all its connections, and one that makes the pages that read the store.
///
/// Everything is bounded: connections, a request's head, the time to send it, to answer it and to take the answer. One
/// answer a connection. A store that hangs holds up pages, which are then answered with 503, and nothing else.
public final class HTTPServer: Sendable {
    public struct Limits: Sendable {
        public var connections = 128
        /// Pages that wait for the pages' thread.
        public var pagesWaiting = 32
        public var requestMilliseconds: Int64 = 5_000
        public var pageMilliseconds: Int64 = 10_000
        public var sendMilliseconds: Int64 = 10_000

        public init() {}
    }

    private struct Page: Sendable {
        var connection: UInt64
        var make: @Sendable (PageStore) -> HTTPResponse
    }

    private let listener: Int32
    private let wake: (reader: Int32, writer: Int32)
    private let answering: any HTTPAnswering
    private let limits: Limits
    private let logger: Logger
    private let pages = BoundedChannel<Page>(capacity: 1 << 16)
    private let pagesWaiting = Atomic<Int>(0)
    private let finished = Mutex<[(connection: UInt64, response: HTTPResponse)]>([])
    private let isStopping = Atomic<Bool>(false)
    private let store: PageStore
    /// The port it listens on; of interest when 0 was asked for.
    public let port: Int

    /// Listens from here on; `start` begins to answer.
    public init(
        host: String, port: Int, limits: Limits = Limits(), store: PageStore, answering: any HTTPAnswering,
        logger: Logger
    ) throws(ListenError) {
        (listener, self.port) = try Socket.listen(host: host, port: port)
        wake = try Socket.pipe()
        self.limits = limits
        self.store = store
        self.answering = answering
        self.logger = logger
    }

    deinit {
        close(listener)
        close(wake.reader)
        close(wake.writer)
    }

    public func start() {
        _ = WorkThread(name: "http", stackBytes: 1 << 20) { [self] in serve() }
        _ = WorkThread(name: "http-pages", stackBytes: 2 << 20) { [self] in makePages() }
    }

    /// Takes no more connections; those that are open are closed.
    public func stop() {
        isStopping.store(true, ordering: .releasing)
        pages.close()
        signal()
    }

    private func signal() {
        var one: UInt8 = 1
        _ = write(wake.writer, &one, 1)
    }

    // MARK: The pages' thread

    private func makePages() {
        while let page = pages.receive() {
            let response = page.make(store)
            pagesWaiting.subtract(1, ordering: .relaxed)
            finished.withLock { $0.append((page.connection, response)) }
            signal()
        }
        store.close()
    }

    // MARK: The server's thread

    private func serve() {
        var connections: [UInt64: HTTPConnection] = [:]
        var next: UInt64 = 1
        var acceptsAgain: Int64 = 0
        while !isStopping.load(ordering: .acquiring) {
            let now = monotonicMilliseconds()
            let order = connections.keys.sorted()
            let mayAccept = connections.count < limits.connections && now >= acceptsAgain
            var polled = [
                pollfd(fd: mayAccept ? listener : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wake.reader, events: Int16(POLLIN), revents: 0),
            ]
            var deadline = now + 1_000
            for id in order {
                guard let connection = connections[id] else { continue }
                polled.append(pollfd(fd: connection.descriptor, events: connection.events, revents: 0))
                deadline = min(deadline, connection.deadline)
            }
            _ = poll(&polled, nfds_t(polled.count), Int32(max(0, deadline - now)))
            let after = monotonicMilliseconds()
            if polled[1].revents != 0 {
                var rest = [UInt8](repeating: 0, count: 256)
                while read(wake.reader, &rest, rest.count) == rest.count {}
            }
            for (id, response) in takeFinished() { connections[id]?.answer(response, limits, after) }
            for (index, id) in order.enumerated() {
                guard var connection = connections.removeValue(forKey: id) else { continue }
                if polled[index + 2].revents != 0 { step(&connection, id, after) }
                if connection.isExpired(after) { connection.expire(limits, after) }
                if connection.isDone { close(connection.descriptor) } else { connections[id] = connection }
            }
            if polled[0].revents != 0 {
                acceptsAgain = accept(&connections, &next, after) ? 0 : after + 100
            }
        }
        for connection in connections.values { close(connection.descriptor) }
    }

    private func takeFinished() -> [(connection: UInt64, response: HTTPResponse)] {
        finished.withLock { finished in
            defer { finished.removeAll() }
            return finished
        }
    }

    /// False: the process has no descriptor left, or so; try again a little later.
    private func accept(_ connections: inout [UInt64: HTTPConnection], _ next: inout UInt64, _ now: Int64) -> Bool {
        while connections.count < limits.connections {
            let descriptor = Glibc.accept(listener, nil, nil)
            if descriptor < 0 { return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED }
            Socket.makeOurs(descriptor)
            connections[next] = HTTPConnection(descriptor: descriptor, deadline: now + limits.requestMilliseconds)
            next += 1
        }
        return true
    }

    private func step(_ connection: inout HTTPConnection, _ id: UInt64, _ now: Int64) {
        switch connection.step(limits, now) {
        case nil: return
        case .failure(let refusal): connection.answer(refusal.response, limits, now)
        case .success(let request):
            switch answering.answer(request) {
            case .now(let response): connection.answer(response, limits, now)
            case .later(let make):
                if pagesWaiting.load(ordering: .relaxed) >= limits.pagesWaiting {
                    return connection.answer(.busy, limits, now)
                }
                pagesWaiting.add(1, ordering: .relaxed)
                connection.await(until: now + limits.pageMilliseconds)
                pages.send(Page(connection: id, make: make))
            }
        }
    }
}

extension HTTPResponse {
    static let busy = HTTPResponse.plain(
        503, "The store does not answer in time, or too many pages are asked for. /health/ready says more.\n",
        [("Retry-After", "5")])
}

/// One connection's way: read a head, wait for the answer, send it, see the other side go.
struct HTTPConnection {
    private enum State {
        case reading, waiting, sending, closing, done
    }

    let descriptor: Int32
    private(set) var deadline: Int64
    private var state = State.reading
    private var input: [UInt8] = []
    private var output: [UInt8] = []
    private var sent = 0
    private var isHead = false

    init(descriptor: Int32, deadline: Int64) {
        self.descriptor = descriptor
        self.deadline = deadline
    }

    var isDone: Bool { state == .done }
    func isExpired(_ now: Int64) -> Bool { now >= deadline }

    var events: Int16 {
        switch state {
        case .reading, .closing: Int16(POLLIN)
        case .sending: Int16(POLLOUT)
        case .waiting, .done: 0
        }
    }

    /// Something can be done on the socket. Answers a request, or why there will be none, once.
    mutating func step(_ limits: HTTPServer.Limits, _ now: Int64) -> Result<HTTPRequest, HTTPRefusal>? {
        switch state {
        case .reading: return receive()
        case .sending:
            send(limits, now)
            return nil
        case .waiting:
            // Only an error or a hang-up is told without being asked for.
            state = .done
            return nil
        case .closing:
            var rest = [UInt8](repeating: 0, count: 4096)
            let count = read(descriptor, &rest, rest.count)
            if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { state = .done }
            return nil
        case .done: return nil
        }
    }

    private mutating func receive() -> Result<HTTPRequest, HTTPRefusal>? {
        var chunk = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &chunk, chunk.count)
        if count < 0, errno == EAGAIN || errno == EINTR { return nil }
        guard count > 0 else {
            state = .done
            return nil
        }
        input += chunk[..<count]
        guard let end = HTTPRequest.headEnd(in: input), end <= HTTPRequest.headBytesMax else {
            return input.count > HTTPRequest.headBytesMax ? .failure(.tooLong) : nil
        }
        do throws(HTTPRefusal) {
            let request = try HTTPRequest(head: Array(input[..<end]))
            isHead = request.isHead
            return .success(request)
        } catch {
            return .failure(error)
        }
    }

    mutating func await(until deadline: Int64) {
        state = .waiting
        self.deadline = deadline
    }

    mutating func answer(_ response: HTTPResponse, _ limits: HTTPServer.Limits, _ now: Int64) {
        guard state == .reading || state == .waiting else { return }
        output = response.encoded(isHead: isHead)
        state = .sending
        deadline = now + limits.sendMilliseconds
        send(limits, now)
    }

    private mutating func send(_ limits: HTTPServer.Limits, _ now: Int64) {
        while sent < output.count {
            let count = output.withUnsafeBytes { bytes in
                Glibc.send(
                    descriptor, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return }
            if count <= 0 {
                state = .done
                return
            }
            sent += count
            deadline = now + limits.sendMilliseconds
        }
        // What of the request was not read would make the kernel throw the answer away if we just closed.
        shutdown(descriptor, Int32(SHUT_WR))
        state = .closing
        deadline = now + 1_000
    }

    mutating func expire(_ limits: HTTPServer.Limits, _ now: Int64) {
        switch state {
        case .reading where !input.isEmpty: answer(.plain(408, "The request took too long.\n"), limits, now)
        case .waiting: answer(.busy, limits, now)
        default: state = .done
        }
    }
}
