import InventoryCore

/// The builder's text: what is read of it, and what is written behind it.
extension MapBuilder {
    /// The bytes of a string, unescaped, or of a number as written.
    func bytes(of node: JSONNode) -> [UInt8] {
        text.withUnsafeBufferPointer { text in
            let slice = UnsafeBufferPointer(rebasing: text[Int(node.start)..<Int(node.end)])
            return node.isEscaped ? unescapedJSON(slice) : Array(slice)
        }
    }

    func byte(at offset: UInt32) -> UInt8 { text[Int(offset)] }

    /// A scalar as a text to compare; nil for a list or an object, and for what is longer than anything compared with.
    func plainText(_ node: JSONNode) -> String? {
        switch node.kind {
        case .array, .object: nil
        case .string where Int(node.end - node.start) > MapBuilder.textBytesMax: nil
        default: String(decoding: bytes(of: node), as: UTF8.self)
        }
    }

    /// A value for a detail.
    func shown(_ node: JSONNode) -> String {
        switch node.kind {
        case .array: "a list"
        case .object: "an object"
        case .string: quoted(String(decoding: bytes(of: node), as: UTF8.self))
        default: shortened(String(decoding: bytes(of: node), as: UTF8.self))
        }
    }

    mutating func made(string bytes: [UInt8]) -> JSONNode {
        let isEscaped = bytes.contains { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
        if isEscaped {
            var writer = JSONWriter(capacity: bytes.count + 16)
            writer.string(String(decoding: bytes, as: UTF8.self))
            text += writer.bytes
            let end = UInt32(text.count - 1)
            return JSONNode(
                start: end + 2 - UInt32(writer.bytes.count), end: end, next: 0, kind: .string, isEscaped: true)
        }
        text.append(UInt8(ascii: "\""))
        let start = text.count
        text += bytes
        text.append(UInt8(ascii: "\""))
        return JSONNode(start: UInt32(start), end: UInt32(text.count - 1), next: 0, kind: .string)
    }

    /// A text of a piece of the builder's own, without escapes.
    mutating func made(copyOf range: Range<UInt32>) -> JSONNode {
        text.append(UInt8(ascii: "\""))
        let start = text.count
        for index in range { text.append(text[Int(index)]) }
        text.append(UInt8(ascii: "\""))
        return JSONNode(start: UInt32(start), end: UInt32(text.count - 1), next: 0, kind: .string)
    }

    mutating func made(number: Int64) -> JSONNode {
        let start = text.count
        appendDecimal(number, to: &text)
        return JSONNode(start: UInt32(start), end: UInt32(text.count), next: 0, kind: .number)
    }

    mutating func made(written bytes: [UInt8], _ kind: JSONNode.Kind) -> JSONNode {
        let start = text.count
        text += bytes
        return JSONNode(start: UInt32(start), end: UInt32(text.count), next: 0, kind: kind)
    }

    mutating func made(time: Instant) -> JSONNode {
        text.append(UInt8(ascii: "\""))
        let start = text.count
        appendRFC3339(time, fractionDigits: time.microseconds % 1_000 == 0 ? 3 : 6, to: &text)
        text.append(UInt8(ascii: "\""))
        return JSONNode(start: UInt32(start), end: UInt32(text.count - 1), next: 0, kind: .string)
    }

    /// A rejection of a member's value, with the pointer that found it.
    func fault(_ member: Int, _ cause: String, _ origin: Int32) -> MapStop {
        let isType = member < 0
        var key = isType ? "type" : plan.keys[member]
        if let line { key = key.replacingList(with: line) }
        let place =
            origin >= 0
            ? "at \(source.pointer(to: Int(origin)))" : "from \(isType ? plan.typeOrigin : plan.origins[member])"
        return .rejected(Rejection(isType ? .unknownType : .invalid, "\(key): \(cause) (\(place))"))
    }
}

extension String {
    /// `lines[].sku` as `lines[2].sku`.
    func replacingList(with index: Int) -> String {
        guard let bracket = utf8.firstIndex(of: UInt8(ascii: "[")) else { return self }
        return "\(self[..<bracket])[\(index)]" + self[self.index(bracket, offsetBy: 2)...]
    }
}
