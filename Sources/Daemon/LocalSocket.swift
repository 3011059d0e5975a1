import Glibc

/// A datagram socket to a program on this machine that may not be there; `@` at the beginning of its path names an
/// abstract address. Any thread.
final class LocalSocket: Sendable {
    private let descriptor: Int32
    private let address: [UInt8]

    init(_ path: String?) {
        guard let path, path.hasPrefix("/") || path.hasPrefix("@"), path.utf8.count < 108 else {
            descriptor = -1
            address = []
            return
        }
        var name = Array(path.utf8)
        if name[0] == UInt8(ascii: "@") { name[0] = 0 }
        address = name
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    var isOpen: Bool { descriptor >= 0 }

    /// Sends without waiting; false: it was not taken.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        guard isOpen else { return false }
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: address) }
        // An abstract name has its length and no more; a path is followed by its zero.
        let length = MemoryLayout<sa_family_t>.size + address.count + (address[0] == 0 ? 0 : 1)
        let sent = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(
                    descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT), $0, socklen_t(length))
            }
        }
        return sent == bytes.count
    }
}
