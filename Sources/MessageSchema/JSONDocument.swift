import InventoryCore

/// One value of a JSON text, or a key of an object, in document order.
struct JSONNode {
    enum Kind: UInt8 {
        case null, `true`, `false`, number, string, array, object
    }

    /// The value's bytes in the text; those of a string without its quotes.
    var start: UInt32
    var end: UInt32
    /// The index of the node after this one and all that is in it.
    var next: UInt32
    var kind: Kind
    /// A string with backslashes in it.
    var isEscaped = false
}

/// A JSON text that was read strictly by RFC 8259: the text, and a flat list of nodes over it. Strings and numbers stay
/// in the text until a rule asks for them. A view: valid only inside `withParsed`.
struct JSONDocument {
    let text: UnsafeBufferPointer<UInt8>
    private let nodes: UnsafeBufferPointer<JSONNode>

    init(text: UnsafeBufferPointer<UInt8>, nodes: UnsafeBufferPointer<JSONNode>) {
        self.text = text
        self.nodes = nodes
    }

    /// Parses `text` and hands the document to `body`.
    ///
    /// - Throws: a `malformed` rejection that names the byte at which it went wrong, or what `body` throws.
    static func withParsed<Value>(
        _ text: UnsafeBufferPointer<UInt8>, _ body: (JSONDocument) throws(Rejection) -> Value
    ) throws(Rejection) -> Value {
        let nodes: [JSONNode]
        do throws(JSONError) {
            var parser = JSONParser(text: text)
            nodes = try parser.parse()
        } catch {
            throw error.rejection
        }
        return try nodes.withUnsafeBufferPointer { (buffer) throws(Rejection) -> Value in
            try body(JSONDocument(text: text, nodes: buffer))
        }
    }

    /// The index of the outermost value.
    static let root = 0

    @inline(__always)
    subscript(index: Int) -> JSONNode { nodes[index] }

    /// All nodes, in document order.
    var all: UnsafeBufferPointer<JSONNode> { nodes }

    // MARK: Walking

    /// The index after the last node of an array or object.
    @inline(__always)
    func end(of container: Int) -> Int { Int(nodes[container].next) }

    @inline(__always)
    func next(after index: Int) -> Int { Int(nodes[index].next) }

    /// How many elements an array has.
    func count(of array: Int) -> Int {
        var count = 0
        var index = array + 1
        let end = end(of: array)
        while index < end {
            count += 1
            index = next(after: index)
        }
        return count
    }

    /// The value of a key of an object, `null` included; nil if there is no such key.
    func member(_ key: StaticString, of object: Int) -> Int? {
        let name = UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)
        var index = object + 1
        let end = end(of: object)
        while index < end {
            if isKey(index, name) { return index + 1 }
            index = next(after: index + 1)
        }
        return nil
    }

    /// The value of a key of an object; nil if it is absent or `null`.
    @inline(__always)
    func value(_ key: StaticString, of object: Int) -> Int? {
        guard let index = member(key, of: object), nodes[index].kind != .null else { return nil }
        return index
    }

    @inline(__always)
    func isKey(_ index: Int, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
        let node = nodes[index]
        if node.isEscaped { return unescaped(node).elementsEqual(name) }
        let start = Int(node.start)
        guard Int(node.end) - start == name.count else { return false }
        for offset in 0..<name.count where text[start + offset] != name[offset] { return false }
        return true
    }

    // MARK: Reading values

    /// The bytes of a value as they stand in the text.
    @inline(__always)
    func slice(_ node: JSONNode) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: text[Int(node.start)..<Int(node.end)])
    }

    /// The bytes of a string or key with the quotes around them.
    @inline(__always)
    func sliceWithQuotes(_ node: JSONNode) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: text[(Int(node.start) - 1)...Int(node.end)])
    }

    /// The value as written.
    func written(_ index: Int) -> String { String(decoding: slice(nodes[index]), as: UTF8.self) }

    /// A string or key, unescaped.
    func string(_ index: Int) -> String {
        let node = nodes[index]
        if node.isEscaped { return String(decoding: unescaped(node), as: UTF8.self) }
        return String(decoding: slice(node), as: UTF8.self)
    }

    /// The bytes of a string or key, unescaped. The parser has seen to it that every escape is whole.
    func unescaped(_ node: JSONNode) -> [UInt8] { unescapedJSON(slice(node)) }

    // MARK: Writing again

    /// A value without its white space, keys in their order, strings and numbers as they were written.
    func compact(_ index: Int) -> String {
        let node = nodes[index]
        let isCompact =
            (node.kind == .object || node.kind == .array)
            // What a mapping made does not stand in the text as a whole.
            && node.end > node.start
            && !slice(node).contains { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
        if isCompact { return String(decoding: slice(node), as: UTF8.self) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(max(Int(node.end) - Int(node.start), 128))
        appendCompact(index, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    func appendCompact(_ index: Int, to bytes: inout [UInt8]) {
        let node = nodes[index]
        switch node.kind {
        case .null, .true, .false, .number:
            bytes.append(contentsOf: slice(node))
        case .string:
            bytes.append(contentsOf: sliceWithQuotes(node))
        case .array, .object:
            let isObject = node.kind == .object
            bytes.append(UInt8(ascii: isObject ? "{" : "["))
            var child = index + 1
            while child < Int(node.next) {
                if child > index + 1 { bytes.append(UInt8(ascii: ",")) }
                if isObject {
                    appendCompact(child, to: &bytes)
                    bytes.append(UInt8(ascii: ":"))
                    child += 1
                }
                appendCompact(child, to: &bytes)
                child = next(after: child)
            }
            bytes.append(UInt8(ascii: isObject ? "}" : "]"))
        }
    }
}

/// Undoes the escapes of a JSON string. `raw` is what stands between the quotes, already found to be correct; what is
/// not correct all the same is kept as it is.
func unescapedJSON(_ raw: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(raw.count)
    var index = 0
    while index < raw.count {
        let byte = raw[index]
        guard byte == UInt8(ascii: "\\"), index + 1 < raw.count else {
            result.append(byte)
            index += 1
            continue
        }
        let escape = raw[index + 1]
        index += 2
        switch escape {
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "f"): result.append(0x0C)
        case UInt8(ascii: "n"): result.append(0x0A)
        case UInt8(ascii: "r"): result.append(0x0D)
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "u"):
            guard var value = hexQuad(raw, index) else { continue }
            index += 4
            if value & 0xFC00 == 0xD800, let low = hexQuad(raw, index + 2) {
                value = 0x10000 &+ (value & 0x3FF) << 10 &+ (low & 0x3FF)
                index += 6
            }
            appendScalar(value, to: &result)
        default: result.append(escape)
        }
    }
    return result
}

/// Four hexadecimal digits.
func hexQuad(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int) -> UInt32? {
    guard index >= 0, bytes.count - index >= 4 else { return nil }
    var value: UInt32 = 0
    for offset in 0..<4 {
        let byte = bytes[index + offset]
        switch byte {
        case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
        case 0x41...0x46: value = value << 4 | UInt32(byte - 0x37)
        case 0x61...0x66: value = value << 4 | UInt32(byte - 0x57)
        default: return nil
        }
    }
    return value
}

private func appendScalar(_ value: UInt32, to bytes: inout [UInt8]) {
    guard let scalar = Unicode.Scalar(value) else { return }
    bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
}
