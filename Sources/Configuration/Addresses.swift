/// What is wrong with a value, and what to write instead. Never holds any of a URL but its scheme: the rest may be secret.
struct Fault: Error, Equatable {
    var cause: String
    var remedy: String

    init(_ cause: String, _ remedy: String) {
        self.cause = cause
        self.remedy = remedy
    }
}

/// The URL with passwords replaced by `***`, in the authority and in the parameters that libpq knows. Rather masks too
/// much than too little where the URL is not well formed.
public func redactedURL(_ url: String) -> String {
    guard let scheme = url.firstRange(of: "://") else { return url.contains("@") ? "***" : url }
    var rest = String(url[scheme.upperBound...])
    if let at = rest.lastIndex(of: "@"), let colon = rest[..<at].firstIndex(of: ":") {
        rest.replaceSubrange(rest.index(after: colon)..<at, with: "***")
    }
    if let question = rest.firstIndex(of: "?") {
        let parameters = rest[rest.index(after: question)...].split(separator: "&", omittingEmptySubsequences: false)
        let masked = parameters.map { parameter -> String in
            let name = parameter.prefix { $0 != "=" }
            let decoded = percentDecoded(name)?.lowercased() ?? "password"
            return ["password", "sslpassword"].contains(decoded) ? "\(name)=***" : String(parameter)
        }
        rest = rest[...question] + masked.joined(separator: "&")
    }
    return url[..<scheme.upperBound] + rest
}

/// nil where an escape is incomplete, or what it spells is not UTF-8.
func percentDecoded(_ text: some StringProtocol) -> String? {
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
    guard !bytes.contains(0) else { return nil }
    return String(validating: bytes, as: UTF8.self)
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}

/// The parts of a URL, not yet decoded.
private struct URLParts {
    var scheme: String
    var user: Substring?
    var password: Substring?
    var hosts: Substring
    /// From the first `/`, `?` or `#` on.
    var rest: Substring

    init(_ url: String, example: String) throws(Fault) {
        guard !url.isEmpty else { throw Fault("is empty", "write \(example)") }
        guard !url.unicodeScalars.contains(where: { isControl($0) || $0 == " " }) else {
            throw Fault("holds a space or a control character", "write it in one piece, a space as %20")
        }
        guard let separator = url.firstRange(of: "://") else {
            throw Fault("is not a URL", "write it as \(example)")
        }
        scheme = url[..<separator.lowerBound].lowercased()
        let afterScheme = url[separator.upperBound...]
        let authority = afterScheme.prefix { !"/?#".contains($0) }
        rest = afterScheme[authority.endIndex...]
        let pieces = authority.split(separator: "@", omittingEmptySubsequences: false)
        guard pieces.count <= 2 else {
            throw Fault("has more than one @", "write an @ in a user or password as %40")
        }
        hosts = pieces[pieces.count - 1]
        guard pieces.count == 2 else {
            if rest.contains("@"), scheme.hasPrefix("amqp") {
                throw Fault("has an @ after its host", "write /, ? and # in a password as %2F, %3F and %23")
            }
            return
        }
        let login = pieces[0].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard !login[0].isEmpty else {
            throw Fault("has an empty user", "write user:password before the @, or leave out the @")
        }
        user = login[0]
        password = login.count == 2 ? login[1] : nil
        guard password?.contains(":") != true else {
            throw Fault("has a : in its password", "write it as %3A")
        }
        try requireEscapes(login[0])
        if login.count == 2 { try requireEscapes(login[1]) }
    }
}

private func requireEscapes(_ part: Substring) throws(Fault) {
    guard percentDecoded(part) != nil else {
        throw Fault("has a % that does not begin a valid escape", "write % itself as %25")
    }
}

func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
}

/// `host`, `host:port`, `[address]` or `[address]:port`, the port 1 … 65535.
func hostAndPort(_ text: Substring) throws(Fault) -> (host: String, port: Int?) {
    var host = text
    var portText: Substring?
    if text.first == "[" {
        guard let end = text.firstIndex(of: "]") else {
            throw Fault("has a [ without a ]", "write an IPv6 address as [::1]")
        }
        host = text[text.index(after: text.startIndex)..<end]
        let tail = text[text.index(after: end)...]
        guard tail.isEmpty || tail.first == ":" else {
            throw Fault("has more than a port after the ]", "write an IPv6 address and port as [::1]:5672")
        }
        portText = tail.isEmpty ? nil : tail.dropFirst()
        guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || ":.%".contains($0) }) else {
            throw Fault("has no valid IPv6 address between [ and ]", "write it as [::1]")
        }
    } else {
        let pieces = text.split(separator: ":", omittingEmptySubsequences: false)
        guard pieces.count <= 2 else {
            throw Fault("has more than one : after its host", "write an IPv6 address in brackets, as [::1]")
        }
        host = pieces[0]
        portText = pieces.count == 2 ? pieces[1] : nil
        let isName = host.utf8.allSatisfy { byte in
            UnicodeScalar(byte).properties.isAlphabetic && byte < 0x80 || (0x30...0x39).contains(byte)
                || [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_")].contains(byte)
        }
        guard !host.isEmpty else { throw Fault("has no host", "name the host, e.g. 127.0.0.1") }
        guard isName else {
            throw Fault("has a host with characters that no host name has", "name the host, e.g. 127.0.0.1")
        }
    }
    guard let portText else { return (String(host), nil) }
    guard !portText.isEmpty, portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(portText),
        (1...65535).contains(port)
    else { throw Fault("has a port that is not a number between 1 and 65535", "correct the port or leave it out") }
    return (String(host), port)
}

/// What a broker URL says that other settings depend on.
struct BrokerURL: Equatable {
    static let example = "amqp://user:password@host:5672/%2F"

    var isEncrypted: Bool
    var hasUser: Bool

    init(_ url: String) throws(Fault) {
        let parts = try URLParts(url, example: Self.example)
        guard ["amqp", "amqps"].contains(parts.scheme) else {
            throw Fault("is not an amqp:// or amqps:// URL", "write it as \(Self.example)")
        }
        guard !parts.rest.contains(where: { "?#".contains($0) }) else {
            throw Fault(
                "has a ? or #, and a broker URL has no parameters",
                "end it after the virtual host; in a user or password write %3F and %23")
        }
        _ = try hostAndPort(parts.hosts)
        let virtualHost = parts.rest.dropFirst()
        guard !virtualHost.contains("/") else {
            throw Fault("has a / in its virtual host", "write it as %2F")
        }
        try requireEscapes(virtualHost)
        isEncrypted = parts.scheme == "amqps"
        hasUser = parts.user != nil
    }
}

extension Configuration.Store {
    static let examples = "sqlite:///path, memory: or postgres://user@host/database"

    /// - Throws: what is wrong, without any of the URL but its scheme.
    init(url: String) throws(Fault) {
        if url == "memory:" {
            self = .memory
            return
        }
        guard !url.isEmpty else { throw Fault("is empty", "write \(Self.examples)") }
        let scheme = url.prefix { $0 != ":" }.lowercased()
        switch scheme {
        case "memory":
            throw Fault("is not a store URL", "write memory:")
        case "sqlite":
            self = .sqlite(path: try Self.sqlitePath(url))
        case "postgres", "postgresql":
            try Self.checkPostgres(url)
            self = .postgres(url)
        default:
            guard url.contains(":") else {
                throw Fault("is not a store URL", "write \(Self.examples)")
            }
            if let known = near(scheme, among: ["sqlite", "postgres", "memory"]) {
                throw Fault("is of an unknown kind of store", "did you mean \(known):?")
            }
            throw Fault("is of an unknown kind of store", "write \(Self.examples)")
        }
    }

    private static func sqlitePath(_ url: String) throws(Fault) -> String {
        let forms = "write sqlite:///absolute/path or sqlite://relative/path"
        guard let separator = url.firstRange(of: "://") else {
            throw Fault("is not a store URL", forms)
        }
        let path = url[separator.upperBound...]
        guard !path.contains("?"), !path.contains("#") else {
            throw Fault(
                "has a ? or #, and sqlite takes no parameters", "end it after the path; in a path write %3F and %23")
        }
        guard let decoded = percentDecoded(path) else {
            throw Fault("has a % that does not begin a valid escape", "write % itself as %25")
        }
        guard !decoded.unicodeScalars.contains(where: isControl) else {
            throw Fault("holds a control character", forms)
        }
        guard !decoded.isEmpty, decoded != "/" else { throw Fault("names no file", forms) }
        guard !decoded.hasSuffix("/") else { throw Fault("names a directory", "name the file in it") }
        guard decoded != ":memory:" else { throw Fault("is not a store URL", "write memory:") }
        return decoded
    }

    private static func checkPostgres(_ url: String) throws(Fault) {
        let parts = try URLParts(url, example: "postgres://user@host/database")
        let hosts = parts.hosts.split(separator: ",", omittingEmptySubsequences: false)
        for host in hosts where !host.isEmpty || hosts.count > 1 {
            // A host may be the directory of a Unix socket, escaped.
            if host.hasPrefix("%2F") || host.hasPrefix("%2f") {
                try requireEscapes(host)
            } else {
                _ = try hostAndPort(host)
            }
        }
        guard !parts.rest.contains("#") else { throw Fault("has a #", "write it as %23") }
        try requireEscapes(parts.rest)
        guard let question = parts.rest.firstIndex(of: "?") else { return }
        for parameter in parts.rest[question...].dropFirst().split(separator: "&") where !parameter.contains("=") {
            throw Fault("has a parameter without a =", "write parameters as name=value, with & between them")
        }
    }

    func url(redacted: Bool) -> String {
        switch self {
        case .sqlite(let path):
            "sqlite://"
                + path.unicodeScalars.reduce(into: "") { text, scalar in
                    switch scalar {
                    case "%": text += "%25"
                    case "?": text += "%3F"
                    case "#": text += "%23"
                    default: text.unicodeScalars.append(scalar)
                    }
                }
        case .memory: "memory:"
        case .postgres(let url): redacted ? redactedURL(url) : url
        }
    }
}

extension Configuration.Listen {
    init(_ text: String) throws(Fault) {
        let form = "write host:port, e.g. 127.0.0.1:9473, or null for none"
        if text.first == ":" { throw Fault("\(quoted(text)) has no host", form) }
        do throws(Fault) {
            let (host, port) = try hostAndPort(text[...])
            guard let port else { throw Fault("has no port", form) }
            self.init(host: host, port: port)
        } catch {
            throw Fault("\(quoted(text)) \(error.cause)", form)
        }
    }

    /// nil: it is not `host:port`.
    public init?(text: String) {
        guard let read = try? Configuration.Listen(text) else { return nil }
        self = read
    }

    public var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
