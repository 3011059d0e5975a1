import InventoryCore

/// Where a text stops being JSON, and why.
struct JSONError: Error {
    var offset: Int
    var cause: String
    /// Whether the text is JSON as such: the cause says it all, without an offset.
    var isTold = false

    var rejection: Rejection {
        Rejection(.malformed, isTold ? cause : "not JSON at byte \(offset): \(cause)")
    }
}

/// Reads one JSON text into nodes, strictly by RFC 8259. A byte order mark at the start is skipped.
///
/// Bounded whatever the bytes: it nests no deeper than `depthMax`, and keeps at most one node for each two bytes. A key
/// given twice in one object is refused: which of two quantities is meant nobody can know.
struct JSONParser {
    static let depthMax = 64
    private let depthMax: Int

    private let text: UnsafeBufferPointer<UInt8>
    private var offset = 0
    private var nodes: [JSONNode] = []

    /// - Parameter text: shorter than 4 GiB.
    init(text: UnsafeBufferPointer<UInt8>, depthMax: Int = JSONParser.depthMax) {
        self.text = text
        self.depthMax = depthMax
        nodes.reserveCapacity(min(16 + text.count / 6, 4096))
    }

    mutating func parse() throws(JSONError) -> [JSONNode] {
        if text.count >= 3, text[0] == 0xEF, text[1] == 0xBB, text[2] == 0xBF { offset = 3 }
        skipSpace()
        if offset == text.count { throw JSONError(offset: offset, cause: "not JSON: it is empty", isTold: true) }
        try value(depth: 0)
        skipSpace()
        if offset < text.count { throw error("there is more after the end of the value") }
        return nodes
    }

    @inline(never)
    private func error(_ cause: String, at place: Int? = nil) -> JSONError {
        JSONError(offset: place ?? offset, cause: cause)
    }

    @inline(__always)
    private mutating func skipSpace() {
        while offset < text.count {
            let byte = text[offset]
            if byte != 0x20 && byte != 0x0A && byte != 0x0D && byte != 0x09 { return }
            offset += 1
        }
    }

    @inline(__always)
    private mutating func add(_ kind: JSONNode.Kind, _ start: Int, _ end: Int, isEscaped: Bool = false) {
        nodes.append(
            JSONNode(
                start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: end),
                next: UInt32(truncatingIfNeeded: nodes.count + 1), kind: kind, isEscaped: isEscaped))
    }

    private mutating func value(depth: Int) throws(JSONError) {
        guard offset < text.count else { throw error("it ends too early") }
        switch text[offset] {
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "-"), 0x30...0x39: try number()
        case UInt8(ascii: "{"): try object(depth: depth)
        case UInt8(ascii: "["): try array(depth: depth)
        case UInt8(ascii: "t"): try word("true", .true)
        case UInt8(ascii: "f"): try word("false", .false)
        case UInt8(ascii: "n"): try word("null", .null)
        default: throw error("a value is expected")
        }
    }

    private mutating func word(_ word: StaticString, _ kind: JSONNode.Kind) throws(JSONError) {
        let count = word.utf8CodeUnitCount
        guard text.count - offset >= count else { throw error("a value is expected") }
        for index in 0..<count where text[offset + index] != word.utf8Start[index] {
            throw error("a value is expected")
        }
        add(kind, offset, offset + count)
        offset += count
    }

    // MARK: Containers

    private mutating func open(_ kind: JSONNode.Kind, depth: Int) throws(JSONError) -> Int {
        if depth >= depthMax {
            throw JSONError(offset: offset, cause: "nested deeper than \(depthMax) levels", isTold: true)
        }
        let index = nodes.count
        add(kind, offset, offset)
        offset += 1
        skipSpace()
        return index
    }

    private mutating func close(_ index: Int) {
        offset += 1
        nodes[index].end = UInt32(truncatingIfNeeded: offset)
        nodes[index].next = UInt32(truncatingIfNeeded: nodes.count)
    }

    private mutating func object(depth: Int) throws(JSONError) {
        let index = try open(.object, depth: depth)
        var count = 0
        while true {
            guard offset < text.count else { throw error("it ends inside an object") }
            if count == 0, text[offset] == UInt8(ascii: "}") { break }
            guard text[offset] == UInt8(ascii: "\"") else { throw error("a key in double quotes is expected") }
            try string()
            count += 1
            skipSpace()
            guard offset < text.count else { throw error("it ends inside an object") }
            guard text[offset] == UInt8(ascii: ":") else { throw error("a colon is expected") }
            offset += 1
            skipSpace()
            try value(depth: depth + 1)
            skipSpace()
            guard offset < text.count else { throw error("it ends inside an object") }
            if text[offset] == UInt8(ascii: "}") { break }
            guard text[offset] == UInt8(ascii: ",") else { throw error("a comma or } is expected") }
            offset += 1
            skipSpace()
        }
        close(index)
        if count > 1 { try refuseDuplicateKeys(of: index, count: count) }
    }

    private mutating func array(depth: Int) throws(JSONError) {
        let index = try open(.array, depth: depth)
        var isFirst = true
        while true {
            guard offset < text.count else { throw error("it ends inside a list") }
            if isFirst, text[offset] == UInt8(ascii: "]") { break }
            isFirst = false
            try value(depth: depth + 1)
            skipSpace()
            guard offset < text.count else { throw error("it ends inside a list") }
            if text[offset] == UInt8(ascii: "]") { break }
            guard text[offset] == UInt8(ascii: ",") else { throw error("a comma or ] is expected") }
            offset += 1
            skipSpace()
        }
        close(index)
    }

    /// Small objects pair by pair, without an allocation; others through a set, so that the cost stays linear.
    private func refuseDuplicateKeys(of object: Int, count: Int) throws(JSONError) {
        let end = Int(nodes[object].next)
        var key = object + 1
        if count > 16 {
            var known: Set<[UInt8]> = []
            known.reserveCapacity(count)
            while key < end {
                let bytes = keyBytes(nodes[key])
                if !known.insert(bytes).inserted { throw duplicate(bytes) }
                key = Int(nodes[key + 1].next)
            }
            return
        }
        while key < end {
            let node = nodes[key]
            var earlier = object + 1
            while earlier < key {
                if isSame(nodes[earlier], node) { throw duplicate(keyBytes(node)) }
                earlier = Int(nodes[earlier + 1].next)
            }
            key = Int(nodes[key + 1].next)
        }
    }

    private func keyBytes(_ node: JSONNode) -> [UInt8] {
        let raw = UnsafeBufferPointer(rebasing: text[Int(node.start)..<Int(node.end)])
        return node.isEscaped ? unescapedJSON(raw) : Array(raw)
    }

    @inline(__always)
    private func isSame(_ left: JSONNode, _ right: JSONNode) -> Bool {
        if left.isEscaped || right.isEscaped { return keyBytes(left) == keyBytes(right) }
        let count = Int(left.end) - Int(left.start)
        guard count == Int(right.end) - Int(right.start) else { return false }
        // The last byte tells most pairs apart.
        var index = count - 1
        while index >= 0 {
            if text[Int(left.start) + index] != text[Int(right.start) + index] { return false }
            index -= 1
        }
        return true
    }

    private func duplicate(_ key: [UInt8]) -> JSONError {
        JSONError(
            offset: offset, cause: "duplicate key \(quoted(String(decoding: key, as: UTF8.self)))", isTold: true)
    }
}

// MARK: Strings and numbers

extension JSONParser {
    private mutating func string() throws(JSONError) {
        let start = offset + 1
        var index = start
        var isEscaped = false
        while true {
            guard index < text.count else { throw error("it ends inside a text", at: index) }
            let byte = text[index]
            if byte == UInt8(ascii: "\"") { break }
            if byte == UInt8(ascii: "\\") {
                isEscaped = true
                index = try afterEscape(index)
            } else if byte >= 0x80 {
                index = try afterMultibyte(index)
            } else if byte < 0x20 {
                throw error("a control character in a text must be escaped", at: index)
            } else {
                index += 1
            }
        }
        add(.string, start, index, isEscaped: isEscaped)
        offset = index + 1
    }

    private func afterEscape(_ start: Int) throws(JSONError) -> Int {
        guard start + 1 < text.count else { throw error("it ends inside a text", at: start) }
        switch text[start + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return start + 2
        case UInt8(ascii: "u"):
            guard let unit = hexQuad(text, start + 2) else {
                throw error("four hexadecimal digits are expected after \\u", at: start)
            }
            if unit & 0xF800 != 0xD800 { return start + 6 }
            guard unit < 0xDC00, start + 7 < text.count, text[start + 6] == UInt8(ascii: "\\"),
                text[start + 7] == UInt8(ascii: "u"), let low = hexQuad(text, start + 8), low & 0xFC00 == 0xDC00
            else { throw error("half of a surrogate pair", at: start) }
            return start + 12
        default:
            throw error("an unknown escape in a text", at: start)
        }
    }

    /// Table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing beyond U+10FFFF.
    private func afterMultibyte(_ start: Int) throws(JSONError) -> Int {
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch text[start] {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xE1...0xEC, 0xEE, 0xEF: length = 3
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: throw error("not UTF-8", at: start)
        }
        guard text.count - start >= length, second.contains(text[start + 1]) else {
            throw error("not UTF-8", at: start)
        }
        for index in (start + 2)..<max(start + 2, start + length) where text[index] & 0xC0 != 0x80 {
            throw error("not UTF-8", at: start)
        }
        return start + length
    }

    private mutating func number() throws(JSONError) {
        let start = offset
        if text[offset] == UInt8(ascii: "-") { offset += 1 }
        let whole = digits()
        if whole == 0 { throw error("a digit is expected") }
        if whole > 1, text[offset - whole] == UInt8(ascii: "0") {
            throw error("a number must not begin with 0", at: offset - whole)
        }
        if offset < text.count, text[offset] == UInt8(ascii: ".") {
            offset += 1
            if digits() == 0 { throw error("a digit is expected") }
        }
        if offset < text.count, text[offset] | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if offset < text.count, text[offset] == UInt8(ascii: "+") || text[offset] == UInt8(ascii: "-") {
                offset += 1
            }
            if digits() == 0 { throw error("a digit is expected") }
        }
        add(.number, start, offset)
    }

    @inline(__always)
    private mutating func digits() -> Int {
        let start = offset
        while offset < text.count, text[offset] &- 0x30 < 10 { offset += 1 }
        return offset - start
    }
}
