public import MessageSchema

/// A request as the endpoint understands it: GET or HEAD, no body.
public struct HTTPRequest: Sendable, Equatable {
    public var isHead: Bool
    /// The path's parts between slashes, percent-decoded each: `/orders/A%2F1` is `["orders", "A/1"]`.
    public var path: [String]
    /// In the order of the address, percent-decoded.
    public var query: [Parameter]
    /// By lower-case name; of two with one name the last.
    public var headers: [String: String]

    public struct Parameter: Sendable, Equatable {
        public var name: String
        public var value: String
    }

    /// The last value of that name; nil if there is none or it is empty.
    public func value(_ name: String) -> String? {
        query.last { $0.name == name }.flatMap { $0.value.isEmpty ? nil : $0.value }
    }
}

/// Why a request is not answered; the status says it to the client.
enum HTTPRefusal: Error, Equatable {
    case malformed, tooLong, bodyNotAllowed, methodNotAllowed, versionNotSupported

    var response: HTTPResponse {
        switch self {
        case .malformed: .plain(400, "This is not a request that can be read.\n")
        case .tooLong: .plain(431, "The request's head is too long.\n")
        case .bodyNotAllowed: .plain(413, "A request here has no body.\n")
        case .methodNotAllowed:
            .plain(405, "Only GET and HEAD: nothing can be changed here.\n", [("Allow", "GET, HEAD")])
        case .versionNotSupported: .plain(505, "HTTP/1.0 or HTTP/1.1, please.\n")
        }
    }
}

extension HTTPRequest {
    static let headBytesMax = 16 * 1024
    private static let headersMax = 100

    /// Where the head ends in what has arrived: after the empty line. nil: not yet.
    static func headEnd(in bytes: [UInt8]) -> Int? {
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0x0A {
                if index + 1 < bytes.count, bytes[index + 1] == 0x0A { return index + 2 }
                if index + 2 < bytes.count, bytes[index + 1] == 0x0D, bytes[index + 2] == 0x0A { return index + 3 }
            }
            index += 1
        }
        return nil
    }

    /// Reads a whole head, up to and with the empty line.
    init(head: [UInt8]) throws(HTTPRefusal) {
        guard let text = String(validating: head, as: UTF8.self) else { throw .malformed }
        var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)[...]
        func trimmed(_ line: Substring.UnicodeScalarView) -> String {
            String(line.last == "\r" ? line.dropLast() : line)
        }
        guard let first = lines.popFirst().map(trimmed) else { throw .malformed }
        let words = first.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 3, words[2].hasPrefix("HTTP/") else { throw .malformed }
        guard words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0" else { throw .versionNotSupported }
        guard words[0] == "GET" || words[0] == "HEAD" else { throw .methodNotAllowed }
        isHead = words[0] == "HEAD"
        headers = [:]
        for line in lines {
            let line = trimmed(line)
            if line.isEmpty { break }
            guard let colon = line.firstIndex(of: ":"), colon > line.startIndex, line.first != " ", line.first != "\t",
                headers.count < Self.headersMax
            else { throw .malformed }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            headers[line[..<colon].lowercased()] = String(value.trimmingEnd())
        }
        if headers["transfer-encoding"] != nil { throw .bodyNotAllowed }
        if let length = headers["content-length"], length != "0" { throw .bodyNotAllowed }
        if words[2] == "HTTP/1.1", headers["host"] == nil { throw .malformed }
        let parts = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard words[1].hasPrefix("/"), let path = Self.segments(parts[0]) else { throw .malformed }
        self.path = path
        query = []
        if parts.count == 2 {
            for pair in parts[1].split(separator: "&") {
                let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard let name = Self.decoded(sides[0], plusIsSpace: true),
                    let value = Self.decoded(sides.count == 2 ? sides[1] : "", plusIsSpace: true)
                else { throw .malformed }
                query.append(Parameter(name: name, value: value))
            }
        }
    }

    private static func segments(_ path: Substring) -> [String]? {
        var result: [String] = []
        for part in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let text = decoded(part, plusIsSpace: false) else { return nil }
            result.append(text)
        }
        if result.last == "" { result.removeLast() }
        return result
    }

    /// nil: not percent-encoding, not UTF-8, or with a zero byte, which no name of ours has.
    static func decoded(_ text: Substring, plusIsSpace: Bool) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension Substring {
    fileprivate func trimmingEnd() -> Substring {
        var text = self
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}

/// An answer, whole.
public struct HTTPResponse: Sendable, Equatable {
    public var status: Int
    public var contentType: String
    /// Besides those that every answer has.
    public var headers: [Header]
    public var body: [UInt8]

    public struct Header: Sendable, Equatable {
        public var name: String
        public var value: String
    }

    public init(_ status: Int, _ contentType: String, _ body: String, _ headers: [(String, String)] = []) {
        self.status = status
        self.contentType = contentType
        self.body = Array(body.utf8)
        self.headers = headers.map { Header(name: $0.0, value: $0.1) }
    }

    public static func plain(_ status: Int, _ text: String, _ headers: [(String, String)] = []) -> HTTPResponse {
        HTTPResponse(status, "text/plain; charset=utf-8", text, headers)
    }

    public static func json(_ status: Int, _ value: JSONText) -> HTTPResponse {
        HTTPResponse(status, "application/json", value.rendered + "\n")
    }

    public static func html(_ status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(status, "text/html; charset=utf-8", text)
    }

    /// Nothing may be loaded but our own two files; nothing may frame a page, or send a form elsewhere.
    static let fixedHeaders = """
        Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
        img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r
        X-Content-Type-Options: nosniff\r
        X-Frame-Options: DENY\r
        Referrer-Policy: no-referrer\r
        Cross-Origin-Resource-Policy: same-origin\r
        Cross-Origin-Opener-Policy: same-origin\r
        Cache-Control: no-store\r
        Connection: close\r

        """

    /// As it goes over the wire.
    func encoded(isHead: Bool) -> [UInt8] {
        var head = "HTTP/1.1 \(status) \(Self.reasons[status] ?? "Answer")\r\n"
        head += "Content-Type: \(contentType)\r\nContent-Length: \(body.count)\r\n"
        for header in headers { head += "\(header.name): \(header.value)\r\n" }
        return Array((head + Self.fixedHeaders + "\r\n").utf8) + (isHead ? [] : body)
    }

    private static let reasons = [
        200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
        405: "Method Not Allowed", 408: "Request Timeout", 413: "Content Too Large", 421: "Misdirected Request",
        431: "Request Header Fields Too Large", 503: "Service Unavailable", 505: "HTTP Version Not Supported",
    ]
}
