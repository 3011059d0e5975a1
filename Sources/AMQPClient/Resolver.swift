import Glibc

/// Host names to numeric addresses, with a deadline: `getaddrinfo` has none of its own and cannot be interrupted.
enum Resolver {
    private enum Answer {
        case pending
        case addresses([String])
        case failure(String)
    }

    /// The numeric addresses of a host, in the resolver's order. A thread that is still waiting for the name server at
    /// the deadline is left to end by itself.
    static func addresses(of host: String, timeoutMilliseconds: Int) throws(AMQPError) -> [String] {
        let answer = Monitor(Answer.pending)
        try OwnerThread.spawn("amqp-resolver", stackBytes: 512 << 10) {
            let result = lookUp(host)
            answer.withLock(wake: true) { $0 = result }
        }
        let result: Answer? = answer.wait(until: Clock.deadline(in: timeoutMilliseconds)) {
            if case .pending = $0 { nil } else { $0 }
        }
        switch result {
        case .addresses(let found): return found
        case .failure(let why):
            throw .network("the host name '\(host)' cannot be resolved (\(why)); check it and the name server")
        case .pending, nil:
            throw AMQPError(
                .timeout, "no answer from the name server for '\(host)' within \(timeoutMilliseconds) ms",
                isRetriable: true)
        }
    }

    private static func lookUp(_ host: String) -> Answer {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(host, nil, &hints, &list)
        guard status == 0 else { return unsafe .failure(String(cString: gai_strerror(status))) }
        defer { unsafe freeaddrinfo(list) }
        var found: [String] = []
        var next = unsafe list
        while let entry = unsafe next {
            var name = [CChar](repeating: 0, count: 256)
            let named = unsafe getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST)
            if named == 0 {
                let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                if !found.contains(text) { found.append(text) }
            }
            unsafe next = entry.pointee.ai_next
        }
        return found.isEmpty ? .failure("no address") : .addresses(found)
    }
}
