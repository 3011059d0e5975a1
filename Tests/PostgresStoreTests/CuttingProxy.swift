import Foundation

/// A TCP proxy on loopback that cuts its connections on command: before or after what was sent has reached the server.
final class CuttingProxy: @unchecked Sendable {
    enum Cut {
        /// The next bytes that hold this text are not passed on.
        case before([UInt8])
        /// They are passed on, and the server's answer is not.
        case after([UInt8])
    }

    private let lock = NSLock()
    private var cut: Cut?
    private var listener: Int32
    private let target: UInt16
    let port: UInt16

    init(to target: UInt16) throws {
        // A peer that is gone is what this is for.
        signal(SIGPIPE, SIG_IGN)
        self.target = target
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let socket = listener
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 && listen(socket, 8) == 0 && getsockname(socket, $0, &length) == 0
            }
        }
        guard bound else { throw POSIXError(.EADDRNOTAVAIL) }
        port = UInt16(bigEndian: address.sin_port)
        Thread { [self] in accepting() }.start()
    }

    deinit { stop() }

    func stop() {
        lock.withLock {
            if listener >= 0 {
                shutdown(listener, Int32(SHUT_RDWR))
                close(listener)
            }
            listener = -1
        }
    }

    /// The next one is cut there.
    func cutNext(_ cut: Cut) { lock.withLock { self.cut = cut } }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return address
    }

    private func accepting() {
        while true {
            let listener = lock.withLock { self.listener }
            if listener < 0 { return }
            let client = accept(listener, nil, nil)
            if client < 0 { return }
            let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = Self.loopback(target)
            let isConnected = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            if !isConnected {
                close(client)
                close(server)
                continue
            }
            Thread { [self] in pass(from: client, to: server, watched: true) }.start()
            Thread { [self] in pass(from: server, to: client, watched: false) }.start()
        }
    }

    private func pass(from source: Int32, to sink: Int32, watched: Bool) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(source, &buffer, buffer.count)
            if count <= 0 { break }
            var cutAfter = false
            if watched, let cut = lock.withLock({ cut }) {
                switch cut {
                case .before(let text) where Self.contains(buffer[..<count], text):
                    lock.withLock { self.cut = nil }
                    shutdown(source, Int32(SHUT_RDWR))
                    shutdown(sink, Int32(SHUT_RDWR))
                    return
                case .after(let text) where Self.contains(buffer[..<count], text):
                    lock.withLock { self.cut = nil }
                    // Nothing more goes back to the client.
                    shutdown(source, Int32(SHUT_RDWR))
                    cutAfter = true
                default: break
                }
            }
            var sent = 0
            while sent < count {
                let written = buffer[sent..<count].withUnsafeBytes { write(sink, $0.baseAddress, $0.count) }
                if written <= 0 { break }
                sent += written
            }
            if cutAfter { break }
        }
        // What was sent is still to arrive: the other side sees an orderly end behind it.
        shutdown(sink, Int32(SHUT_WR))
    }

    private static func contains(_ bytes: ArraySlice<UInt8>, _ text: [UInt8]) -> Bool {
        guard bytes.count >= text.count else { return false }
        return (bytes.startIndex...(bytes.endIndex - text.count)).contains {
            bytes[$0..<$0 + text.count].elementsEqual(text)
        }
    }
}
