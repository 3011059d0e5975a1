import Glibc

/// Why the endpoint can't listen.
public struct ListenError: Error, Sendable, CustomStringConvertible {
    /// What is wrong and what to do, in one line.
    public let message: String
    public var description: String { message }
}

enum Socket {
    /// A listening socket that does not block, and its port. Tries every address of the name.
    static func listen(host: String, port: Int) throws(ListenError) -> (descriptor: Int32, port: Int) {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, "\(port)", &hints, &list)
        guard status == 0, let list else {
            throw ListenError(
                message:
                    "operations.listen: \(host) is no address of this machine (\(String(cString: gai_strerror(status))))"
            )
        }
        defer { freeaddrinfo(list) }
        var failure: Int32 = 0
        var entry: UnsafeMutablePointer<addrinfo>? = list
        while let address = entry?.pointee {
            if let descriptor = open(address) { return (descriptor, boundPort(descriptor) ?? port) }
            failure = errno
            entry = address.ai_next
        }
        let remedy = failure == EADDRINUSE ? "; another program has it: give each worker a port of its own" : ""
        throw ListenError(
            message:
                "operations.listen: can't listen on \(host):\(port): \(String(cString: strerror(failure)))\(remedy)")
    }

    /// To wake a thread that polls: what is written on one end makes the other readable.
    static func pipe() throws(ListenError) -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else {
            throw ListenError(message: "operations: no pipe could be made: \(String(cString: strerror(errno)))")
        }
        for end in ends { makeOurs(end) }
        return (ends[0], ends[1])
    }

    /// It never blocks, and no child gets it.
    static func makeOurs(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    private static func open(_ address: addrinfo) -> Int32? {
        let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.ai_family, flags, 0)
        guard descriptor >= 0 else { return nil }
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        if address.ai_family == AF_INET6 { setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &one, 4) }
        if bind(descriptor, address.ai_addr, address.ai_addrlen) == 0, Glibc.listen(descriptor, 128) == 0 {
            return descriptor
        }
        let code = errno
        close(descriptor)
        errno = code
        return nil
    }

    private static func boundPort(_ descriptor: Int32) -> Int? {
        var address = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        // The port lies at the same place in both families.
        return status == 0 ? Int(UInt16(bigEndian: address.sin6_port)) : nil
    }
}
