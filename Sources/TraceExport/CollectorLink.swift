import Glibc

/// One request to a collector: HTTP/1.1, a connection of its own, everything bounded by one deadline.
struct CollectorLink {
    let address: CollectorAddress
    let headers: [(name: String, value: String)]
    let timeoutMilliseconds: Int

    /// Why a request did not get through.
    struct Failure: Error {
        var message: String
        /// It may get through later.
        var isPassing: Bool
    }

    /// Sends spans; answers the collector's body.
    func post(_ body: [UInt8]) throws(Failure) -> [UInt8] {
        let deadline = Self.now + Int64(timeoutMilliseconds)
        let descriptor = try connect(deadline)
        defer { close(descriptor) }
        var head = "POST \(address.path) HTTP/1.1\r\nHost: \(address.authority)\r\nContent-Type: application/json\r\n"
        head += "Content-Length: \(body.count)\r\nConnection: close\r\nUser-Agent: backorderd\r\n"
        for header in headers { head += "\(header.name): \(header.value)\r\n" }
        try send(Array((head + "\r\n").utf8) + body, descriptor, deadline)
        return try answer(descriptor, deadline)
    }

    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    private func connect(_ deadline: Int64) throws(Failure) -> Int32 {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(address.host, "\(address.port)", &hints, &list)
        guard status == 0, let list else {
            throw Failure(message: String(cString: gai_strerror(status)), isPassing: true)
        }
        defer { freeaddrinfo(list) }
        var failure = "no address"
        var entry: UnsafeMutablePointer<addrinfo>? = list
        while let info = entry?.pointee {
            let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            let descriptor = socket(info.ai_family, flags, 0)
            entry = info.ai_next
            if descriptor < 0 { continue }
            if Glibc.connect(descriptor, info.ai_addr, info.ai_addrlen) == 0 { return descriptor }
            var code = errno
            if code == EINPROGRESS {
                code = 0
                var length = socklen_t(MemoryLayout<Int32>.size)
                if !wait(descriptor, Int16(POLLOUT), deadline) {
                    code = ETIMEDOUT
                } else {
                    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
                }
                if code == 0 { return descriptor }
            }
            failure = String(cString: strerror(code))
            close(descriptor)
        }
        throw Failure(message: failure, isPassing: true)
    }

    /// False: the time was over first.
    private func wait(_ descriptor: Int32, _ events: Int16, _ deadline: Int64) -> Bool {
        while true {
            let left = deadline - Self.now
            if left <= 0 { return false }
            var entry = pollfd(fd: descriptor, events: events, revents: 0)
            let count = poll(&entry, 1, Int32(clamping: left))
            if count > 0 { return true }
            if count < 0, errno != EINTR { return false }
        }
    }

    private func send(_ bytes: [UInt8], _ descriptor: Int32, _ deadline: Int64) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                guard wait(descriptor, Int16(POLLOUT), deadline) else { throw late }
            } else if errno != EINTR {
                throw Failure(message: String(cString: strerror(errno)), isPassing: true)
            }
        }
    }

    private var late: Failure { Failure(message: "no answer within \(timeoutMilliseconds) ms", isPassing: true) }

    /// An answer is read up to this size; what is more is of no interest.
    private static let answerMax = 65_536

    private func answer(_ descriptor: Int32, _ deadline: Int64) throws(Failure) -> [UInt8] {
        var got: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 8_192)
        while got.count < Self.answerMax {
            let count = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count > 0 {
                got.append(contentsOf: chunk.prefix(count))
                if Self.isComplete(got) { break }
            } else if count == 0 {
                break
            } else if errno == EAGAIN {
                guard wait(descriptor, Int16(POLLIN), deadline) else { throw late }
            } else if errno != EINTR {
                throw Failure(message: String(cString: strerror(errno)), isPassing: true)
            }
        }
        let line = String(decoding: got.prefix { $0 != 0x0D }, as: UTF8.self)
        let words = line.split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            throw Failure(message: "what listens there does not answer as HTTP", isPassing: got.isEmpty)
        }
        guard (200..<300).contains(status) else {
            // These and no others are to be tried again, says OTLP.
            throw Failure(message: "HTTP status \(status)", isPassing: [429, 502, 503, 504].contains(status))
        }
        return Self.body(got)
    }

    private static func body(_ got: [UInt8]) -> [UInt8] {
        guard let end = got.firstRange(of: [0x0D, 0x0A, 0x0D, 0x0A]) else { return [] }
        return Array(got[end.upperBound...])
    }

    /// Whether all that a Content-Length promises is there; without one the end of the connection tells.
    private static func isComplete(_ got: [UInt8]) -> Bool {
        guard let end = got.firstRange(of: [0x0D, 0x0A, 0x0D, 0x0A]) else { return false }
        let head = String(decoding: got[..<end.lowerBound], as: UTF8.self).lowercased()
        for line in head.split(separator: "\r\n").dropFirst() where line.hasPrefix("content-length:") {
            guard let length = Int(line.dropFirst(15).filter { $0 != " " }) else { return false }
            return got.count - end.upperBound >= length
        }
        return false
    }
}
