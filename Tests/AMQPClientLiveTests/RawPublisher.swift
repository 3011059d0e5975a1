import AMQPClient
import Foundation

/// AMQP by hand over a plain socket: publishes what no sound client library would let through.
struct RawPublisher {
    enum Failure: Error { case connect, closed, unexpected }

    private let fd: Int32

    /// Publishes one message with this encoded header table (without its length) to the default exchange, and waits
    /// until the broker has taken it.
    static func publish(_ address: AMQPAddress, queue: String, headerTable: [UInt8], body: [UInt8]) throws {
        let raw = try RawPublisher(address)
        defer { close(raw.fd) }
        try raw.send(Array("AMQP".utf8) + [0, 0, 9, 1])
        try raw.expect(method: 10 << 16 | 10)
        let login = [UInt8(0)] + Array((address.user ?? "").utf8) + [0] + Array(address.password.utf8)
        try raw.method(0, 10, 11, long(0) + short("PLAIN") + long(UInt32(login.count)) + login + short("en_US"))
        try raw.expect(method: 10 << 16 | 30)
        try raw.method(0, 10, 31, word(8) + long(131_072) + word(0))
        try raw.method(0, 10, 40, short(address.virtualHost) + short("") + [0])
        try raw.expect(method: 10 << 16 | 41)
        try raw.method(1, 20, 10, short(""))
        try raw.expect(method: 20 << 16 | 11)
        try raw.method(1, 60, 40, word(0) + short("") + short(queue) + [0])
        let table = long(UInt32(headerTable.count)) + headerTable
        let size = withUnsafeBytes(of: UInt64(body.count).bigEndian) { Array($0) }
        // Flags: headers and message id.
        try raw.frame(2, 1, word(60) + word(0) + size + word(1 << 13 | 1 << 7) + table + short("raw"))
        if !body.isEmpty { try raw.frame(3, 1, body) }
        // The answer to the channel's close comes after the publish is done.
        try raw.method(1, 20, 40, word(200) + short("") + word(0) + word(0))
        try raw.expect(method: 20 << 16 | 41)
    }

    /// Arrays within arrays, under the header "n".
    static func nestedArrays(levels: Int) -> [UInt8] {
        var value: [UInt8] = []
        value.reserveCapacity(levels * 5)
        for level in stride(from: levels - 1, through: 0, by: -1) {
            value.append(UInt8(ascii: "A"))
            value += long(UInt32(level * 5))
        }
        return short("n") + value
    }

    private init(_ address: AMQPAddress) throws {
        fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = in_port_t(address.port).bigEndian
        target.sin_addr.s_addr = inet_addr(address.host)
        let status = withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Failure.connect }
    }

    private static func long(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
    private static func word(_ value: UInt16) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
    private static func short(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }

    private func method(_ channel: UInt16, _ classID: UInt16, _ methodID: UInt16, _ arguments: [UInt8]) throws {
        try frame(1, channel, Self.word(classID) + Self.word(methodID) + arguments)
    }

    private func frame(_ type: UInt8, _ channel: UInt16, _ payload: [UInt8]) throws {
        try send([type] + Self.word(channel) + Self.long(UInt32(payload.count)) + payload + [0xCE])
    }

    private func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { write(fd, $0.baseAddress.map { $0 + sent }, bytes.count - sent) }
            guard count > 0 else { throw Failure.closed }
            sent += count
        }
    }

    private func receive(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var have = 0
        while have < count {
            let more = bytes.withUnsafeMutableBytes { read(fd, $0.baseAddress.map { $0 + have }, count - have) }
            guard more > 0 else { throw Failure.closed }
            have += more
        }
        return bytes
    }

    private func expect(method: UInt32) throws {
        while true {
            let header = try receive(7)
            let size = header[3...6].reduce(0) { $0 << 8 | Int($1) }
            let payload = try receive(size + 1)
            guard header[0] == 1 else { continue }
            guard payload[0...3].reduce(UInt32(0), { $0 << 8 | UInt32($1) }) == method else { throw Failure.unexpected }
            return
        }
    }
}
