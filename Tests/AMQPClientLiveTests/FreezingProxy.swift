import AMQPClient
import Foundation
import Synchronization

/// A TCP proxy to the broker that can stop forwarding without closing anything: a half-open link.
final class FreezingProxy: Sendable {
    let port: Int
    private let listener: Int32
    private let frozen = Atomic<Bool>(false)
    private let ended = Atomic<Bool>(false)

    init(to address: AMQPAddress) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var own = Self.loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &own) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 8) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard bound else { throw RawPublisher.Failure.connect }
        port = Int(UInt16(bigEndian: own.sin_port))
        let upstreamPort = address.port
        Thread.detachNewThread { [self] in
            while !ended.load(ordering: .relaxed) {
                guard Self.readable(listener) else { continue }
                let client = accept(listener, nil, nil)
                let upstream = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                var target = Self.loopback(port: upstreamPort)
                let connected = withUnsafePointer(to: &target) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        connect(upstream, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
                guard client >= 0, connected == 0 else {
                    close(client)
                    close(upstream)
                    continue
                }
                Thread.detachNewThread { [self] in forward(client, upstream) }
            }
            close(listener)
        }
    }

    /// From now on nothing passes, on old connections and new ones.
    func freeze() { frozen.store(true, ordering: .relaxed) }
    func thaw() { frozen.store(false, ordering: .relaxed) }
    func end() { ended.store(true, ordering: .relaxed) }

    private func forward(_ left: Int32, _ right: Int32) {
        defer {
            close(left)
            close(right)
        }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while !ended.load(ordering: .relaxed) {
            if frozen.load(ordering: .relaxed) {
                usleep(20_000)
                continue
            }
            var set = [
                pollfd(fd: left, events: Int16(POLLIN), revents: 0),
                pollfd(fd: right, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&set, 2, 20) > 0 else { continue }
            for (from, to) in [(0, right), (1, left)] where set[from].revents != 0 {
                let count = read(set[from].fd, &buffer, buffer.count)
                guard count > 0 else { return }
                var sent = 0
                while sent < count {
                    let more = buffer.withUnsafeBytes { write(to, $0.baseAddress.map { $0 + sent }, count - sent) }
                    guard more > 0 else { return }
                    sent += more
                }
            }
        }
    }

    private static func readable(_ fd: Int32) -> Bool {
        var set = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        return poll(&set, 1, 50) > 0
    }

    private static func loopback(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return address
    }
}
