import InventoryCore

/// Where a member of a made body goes.
enum OutputTarget {
    /// `order.number`, `items[].article`; or for names with dots a JSON pointer with `*` for each element.
    static func path(_ text: String) throws(PointerFault) -> [PointerText.Token] {
        let form = "write order.number, items[].article, or /a.name/with.dots"
        if text.hasPrefix("/") {
            let parsed = try PointerText.parse(text)
            for token in parsed.tokens {
                if case .match = token {
                    throw PointerFault(cause: "\(quoted(text)) is no place to write to", remedy: form)
                }
            }
            guard case .key? = parsed.tokens.first else {
                throw PointerFault(cause: "\(quoted(text)) is no place to write to", remedy: form)
            }
            return parsed.tokens
        }
        var tokens: [PointerText.Token] = []
        for part in text.split(separator: ".", omittingEmptySubsequences: false) {
            var name = part
            var lists = 0
            while name.hasSuffix("[]") {
                name = name.dropLast(2)
                lists += 1
            }
            guard !name.isEmpty else {
                throw PointerFault(cause: "\(quoted(text)) has a step without a name", remedy: form)
            }
            tokens.append(.key(String(name)))
            for _ in 0..<lists { tokens.append(.each) }
        }
        guard tokens.count <= 32 else {
            throw PointerFault(cause: "\(quoted(text)) has more than 32 steps", remedy: "use a shorter one")
        }
        return tokens
    }
}

extension String {
    /// No control characters: it can stand in a property, a header, an event's attribute.
    var isPrintable: Bool { utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }
}
