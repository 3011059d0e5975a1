/// Who may read. On loopback without a token everybody on this machine may, but no page of a foreign site that had its
/// name point here; elsewhere only who knows the token.
struct Access: Sendable {
    let token: String?

    /// nil: welcome.
    func refusal(of request: HTTPRequest) -> HTTPResponse? {
        if let token {
            if let given = Self.givenToken(request), Self.isSame(given, token) { return nil }
            return .plain(
                401, "A token is needed: Authorization: Bearer …, or as the password in a browser.\n",
                [("WWW-Authenticate", "Basic realm=\"backorderd\", charset=\"UTF-8\"")])
        }
        // A browser sends the name it was told; one that is neither this machine's nor an address is somebody's trick.
        guard let host = request.headers["host"], !Self.isOwnName(host) else { return nil }
        return .plain(421, "Ask by address, as in http://127.0.0.1:9473/, or set operations.token.\n")
    }

    private static func givenToken(_ request: HTTPRequest) -> String? {
        guard let header = request.headers["authorization"] else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        switch parts[0].lowercased() {
        case "bearer": return String(parts[1])
        case "basic":
            guard let bytes = base64(parts[1]), let text = String(validating: bytes, as: UTF8.self),
                let colon = text.firstIndex(of: ":")
            else { return nil }
            return String(text[text.index(after: colon)...])
        default: return nil
        }
    }

    /// Takes the same time wherever they differ.
    private static func isSame(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        var difference = left.count ^ right.count
        for index in right.indices { difference |= Int((index < left.count ? left[index] : 0) ^ right[index]) }
        return difference == 0
    }

    static func isOwnName(_ host: String) -> Bool {
        if host.hasPrefix("[") { return true }
        let name = host.prefix { $0 != ":" }.lowercased()
        return name == "localhost" || name.hasSuffix(".localhost")
            || !name.isEmpty && name.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") }
    }

    private static func base64(_ text: Substring) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer: UInt32 = 0
        var bits = 0
        for character in text.utf8 where character != UInt8(ascii: "=") {
            let value: UInt8
            switch character {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character - 65
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = character - 71
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character + 4
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            default: return nil
            }
            buffer = buffer << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
            }
        }
        return bytes
    }
}
