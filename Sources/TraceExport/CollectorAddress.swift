/// Where a collector listens: `http://host:port/path`.
public struct CollectorAddress: Sendable, Equatable {
    public var host: String
    public var port: Int
    public var path: String

    /// What is wrong with an address, and what to write instead; never the address itself, which may hold a secret.
    public struct Wrong: Error, Sendable {
        public let why: String
    }

    /// - Parameter appending: what comes behind the path that the text gives.
    public init(_ text: String, appending: String) throws(Wrong) {
        let example = "write http://host:4318"
        guard let mark = text.firstRange(of: "://") else { throw Wrong(why: "this is no URL; \(example)") }
        switch text[..<mark.lowerBound].lowercased() {
        case "http": break
        case "https":
            throw Wrong(
                why: "spans are sent without TLS only; \(example) of a collector beside this daemon, which has TLS")
        default: throw Wrong(why: "only http:// is known; \(example)")
        }
        let rest = text[mark.upperBound...]
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let authority = rest[..<end]
        if authority.contains("@") {
            throw Wrong(why: "it has a user: put what authorizes into OTEL_EXPORTER_OTLP_HEADERS")
        }
        var host = authority
        port = 4318
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            guard let number = Int(authority[authority.index(after: colon)...]), (1...65_535).contains(number) else {
                throw Wrong(why: "its port is no number from 1 to 65535; \(example)")
            }
            port = number
            host = authority[..<colon]
        } else {
            // Without a port the scheme's own holds.
            port = 80
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty, !(host + rest[end...]).utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7F }) else {
            throw Wrong(why: "it has no host, or characters that no URL has; \(example)")
        }
        self.host = String(host)
        var path = String(rest[end...])
        if !appending.isEmpty, path.hasSuffix("/") { path.removeLast() }
        path += appending
        self.path = path.hasPrefix("/") ? path : "/" + path
    }

    /// As it stands in a URL and in the header `Host`.
    var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }

    /// For people. Without the path, in which some services want a secret.
    public var text: String { "http://\(authority)" }
}
