/// One broker address: what an `amqp://` or `amqps://` URL says.
///
/// The description and every message made from an address leave the password out.
public struct AMQPAddress: Sendable, Hashable, CustomStringConvertible {
    /// Host name, IPv4 address, or IPv6 address without brackets.
    public var host: String
    public var port: Int
    public var usesTLS: Bool
    /// nil: no user in an `amqps://` URL, so that the client certificate is the identity (SASL EXTERNAL).
    public var user: String?
    public var password: String
    public var virtualHost: String

    public init(
        host: String, port: Int = 5672, usesTLS: Bool = false, user: String? = "guest", password: String = "guest",
        virtualHost: String = "/"
    ) {
        self.host = host
        self.port = port
        self.usesTLS = usesTLS
        self.user = user
        self.password = password
        self.virtualHost = virtualHost
    }

    /// Parses `amqp[s]://[user[:password]@]host[:port][/vhost]`.
    ///
    /// The virtual host is `/` when there is no path. `amqp://host/` means `/` too, though the AMQP URI specification
    /// would have it mean the virtual host without a name: nobody has one, and many write it so.
    public init(parsing text: String) throws(AMQPError) {
        func bad(_ why: String) -> AMQPError {
            AMQPError(
                .badAddress, "the broker address \(why); write amqp://user:password@host:5672/vhost",
                isRetriable: false)
        }
        var rest = Substring(text)
        if rest.lowercased().hasPrefix("amqp://") {
            usesTLS = false
            rest = rest.dropFirst("amqp://".count)
        } else if rest.lowercased().hasPrefix("amqps://") {
            usesTLS = true
            rest = rest.dropFirst("amqps://".count)
        } else {
            throw bad("does not begin with amqp:// or amqps://")
        }
        guard !rest.contains(where: { $0 == "?" || $0 == "#" || $0.isWhitespace }) else {
            throw bad("contains a space, '?' or '#', which it must not (write %20, %3F, %23)")
        }
        var path: Substring?
        if let slash = rest.firstIndex(of: "/") {
            path = rest[rest.index(after: slash)...]
            rest = rest[..<slash]
        }
        var login: Substring?
        if let at = rest.lastIndex(of: "@") {
            login = rest[..<at]
            rest = rest[rest.index(after: at)...]
        }
        let portText: Substring?
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { throw bad("has '[' without ']'") }
            host = String(rest[rest.index(after: rest.startIndex)..<end])
            let after = rest[rest.index(after: end)...]
            guard after.isEmpty || after.hasPrefix(":") else { throw bad("has something odd after ']'") }
            portText = after.isEmpty ? nil : after.dropFirst()
        } else if let colon = rest.firstIndex(of: ":") {
            guard let name = Self.decoded(rest[..<colon]) else { throw bad("has a bad % escape in the host") }
            host = name
            portText = rest[rest.index(after: colon)...]
        } else {
            guard let name = Self.decoded(rest) else { throw bad("has a bad % escape in the host") }
            host = name
            portText = nil
        }
        guard !host.isEmpty else { throw bad("names no host") }
        if let portText, !portText.isEmpty {
            guard let number = Int(portText), (1...65535).contains(number) else {
                throw bad("has a port that is not a number from 1 to 65535")
            }
            port = number
        } else {
            port = usesTLS ? 5671 : 5672
        }
        if let login, !login.isEmpty {
            let parts = login.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(parts[0]), let secret = Self.decoded(parts.count > 1 ? parts[1] : "") else {
                throw bad("has a bad % escape in user or password")
            }
            guard !name.isEmpty else { throw bad("has a password but no user") }
            user = name
            password = secret
        } else {
            user = usesTLS ? nil : "guest"
            password = usesTLS ? "" : "guest"
        }
        guard path == "/" || path?.contains("/") != true else {
            throw bad("has more than one '/' after the host (write %2F inside a vhost)")
        }
        guard let name = Self.decoded(path ?? "") else { throw bad("has a bad % escape in the vhost") }
        virtualHost = name.isEmpty ? "/" : name
        guard virtualHost.utf8.count <= 255 else { throw bad("has a vhost of more than 255 bytes") }
        // Names go through C strings; a NUL would silently cut them.
        guard ![host, user ?? "", password, virtualHost].contains(where: { $0.utf8.contains(0) }) else {
            throw bad("contains a NUL character")
        }
    }

    /// The host as a bare IP address cannot be checked against a certificate by librabbitmq 0.11.
    public var hostIsNumeric: Bool {
        host.contains(":") || (host.split(separator: ".").count == 4 && host.allSatisfy { $0.isNumber || $0 == "." })
    }

    public var description: String {
        let name = host.contains(":") ? "[\(host)]" : host
        let who = user.map { Self.encoded($0) + "@" } ?? ""
        return "\(usesTLS ? "amqps" : "amqp")://\(who)\(name):\(port)/\(Self.encoded(virtualHost))"
    }

    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var iterator = text.utf8.makeIterator()
        while let byte = iterator.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = iterator.next().flatMap(hexDigit), let low = iterator.next().flatMap(hexDigit) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = Array("0123456789ABCDEF")
                result += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return result
    }
}
