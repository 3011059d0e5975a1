/// A JSON pointer (RFC 6901), compiled: a run of steps in the plan's table.
///
/// Beyond the RFC: `*` is every element of a list (or value of an object), `[name=text]` the first element whose member
/// `name` is that text, and where an element of a list is read, `^/…` begins one list further out, `$/…` at the message.
struct MapPointer: BitwiseCopyable {
    /// Where it begins: 0 the element that is read, 1 one list further out, …; -1 the message.
    var up: Int32
    var first: Int32
    var count: Int32
    /// A `*` is among the steps.
    var isMany: Bool
}

/// One token of a pointer. The names stand in the plan's text.
struct MapStep: BitwiseCopyable {
    enum Kind: UInt8 {
        case key, each, match, last
        /// In `in:` alone: a name or place, and a member's text, that the message itself says.
        case found, matchFound
    }

    var kind: Kind
    var name: MapRange
    /// What a `match` compares with.
    var value = MapRange(start: 0, end: 0)
    /// The token, or the name of a match, as an index of a list; -1: it is none.
    var index: Int32 = -1

    /// As the RFC has it: no sign, no leading zero.
    static func index(_ name: String) -> Int32 {
        let isIndex =
            !name.isEmpty && name.utf8.count <= 9 && name.utf8.allSatisfy { $0 &- 0x30 < 10 }
            && (name == "0" || !name.hasPrefix("0"))
        return isIndex ? Int32(name) ?? -1 : -1
    }
}

/// A piece of the plan's text.
struct MapRange: BitwiseCopyable, Equatable {
    var start: Int32
    var end: Int32
}

/// The tokens of a pointer as it is written.
struct PointerText {
    enum Token: Equatable {
        case key(String)
        case each
        case match(name: String, value: String)
        case last
        case found
        case matchFound(name: String)
    }

    var up: Int
    var tokens: [Token]

    /// Whether a text of a list is a pointer and not itself.
    static func isPointer(_ text: String) -> Bool {
        if text.hasPrefix("/") || text.hasPrefix("$/") { return true }
        let rest = text.drop { $0 == "^" }
        return rest.count < text.count && rest.hasPrefix("/")
    }

    /// - Returns: nil where it is not a pointer; `fault` then says why.
    static func parse(_ text: String) throws(PointerFault) -> PointerText {
        var rest = text[...]
        var up = 0
        if rest.first == "$" {
            up = -1
            rest = rest.dropFirst()
        } else {
            while rest.first == "^" {
                up += 1
                rest = rest.dropFirst()
            }
        }
        if rest.isEmpty { return PointerText(up: up, tokens: []) }
        guard rest.first == "/" else {
            throw PointerFault(
                cause: "\(quoted(text)) is not a JSON pointer",
                remedy: "write \(quoted(suggestion(text))), or {value: …} for a constant")
        }
        var tokens: [Token] = []
        // By bytes: a combining mark after a slash must not hide it.
        for part in rest.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            tokens.append(try token(String(decoding: part, as: UTF8.self), of: text))
        }
        if tokens.count > 32 {
            throw PointerFault(cause: "\(quoted(text)) has more than 32 steps", remedy: "use a shorter one")
        }
        return PointerText(up: up, tokens: tokens)
    }

    /// What a path of another kind is as a pointer: `order.id`, `$.items[0].sku`.
    private static func suggestion(_ text: String) -> String {
        var path = text
        for prefix in ["$.", "$", "."] where path.hasPrefix(prefix) {
            path.removeFirst(prefix.count)
            break
        }
        if path.contains("/") || !path.contains(where: { $0 == "." || $0 == "[" }) { return "/" + path }
        return "/" + path.replacing("[", with: "/").replacing("]", with: "").replacing(".", with: "/")
    }

    private static func token(_ part: String, of text: String) throws(PointerFault) -> Token {
        if part == "*" { return .each }
        if part == "[last]" { return .last }
        if part.hasPrefix("["), part.hasSuffix("]"), let equals = part.firstIndex(of: "=") {
            let name = String(part[part.index(after: part.startIndex)..<equals])
            let value = String(part[part.index(after: equals)...].dropLast())
            return .match(name: try unescaped(name, of: text), value: try unescaped(value, of: text))
        }
        return .key(try unescaped(part, of: text))
    }

    private static func unescaped(_ part: String, of text: String) throws(PointerFault) -> String {
        guard part.utf8.contains(UInt8(ascii: "~")) else { return part }
        var bytes: [UInt8] = []
        var iterator = part.utf8.makeIterator()
        while let byte = iterator.next() {
            if byte != UInt8(ascii: "~") {
                bytes.append(byte)
                continue
            }
            switch iterator.next() {
            case UInt8(ascii: "0"): bytes.append(UInt8(ascii: "~"))
            case UInt8(ascii: "1"): bytes.append(UInt8(ascii: "/"))
            default:
                throw PointerFault(
                    cause: "\(quoted(text)) has a ~ that is neither ~0 nor ~1",
                    remedy: "write ~ itself as ~0, and / in a name as ~1")
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

struct PointerFault: Error {
    var cause: String
    var remedy: String
}

extension JSONDocument {
    /// The value of a key of an object; nil if there is no such key.
    @inline(__always)
    func member(_ name: UnsafeBufferPointer<UInt8>, of object: Int) -> Int? {
        var index = object + 1
        let end = end(of: object)
        while index < end {
            if isKey(index, name) { return index + 1 }
            index = next(after: index + 1)
        }
        return nil
    }

    func element(_ position: Int, of array: Int) -> Int? {
        var index = array + 1
        let end = end(of: array)
        var left = position
        while index < end {
            if left == 0 { return index }
            left -= 1
            index = next(after: index)
        }
        return nil
    }

    /// One step of a pointer. A `*` finds nothing: it is for lists.
    @inline(__always)
    func step(from node: Int, _ step: MapStep, _ text: UnsafeBufferPointer<UInt8>) -> Int? {
        func name(_ range: MapRange) -> UnsafeBufferPointer<UInt8> {
            UnsafeBufferPointer(rebasing: text[Int(range.start)..<Int(range.end)])
        }
        switch (step.kind, self[node].kind) {
        case (.key, .object): return member(name(step.name), of: node)
        case (.key, .array): return step.index < 0 ? nil : element(Int(step.index), of: node)
        case (.match, .array):
            var child = node + 1
            let end = end(of: node)
            while child < end {
                if let value = compared(child, step, name(step.name)),
                    self[value].kind == .string || self[value].kind == .number, isKey(value, name(step.value))
                {
                    return child
                }
                child = next(after: child)
            }
            return nil
        case (.last, .array):
            var child = node + 1
            var last: Int?
            while child < end(of: node) {
                last = child
                child = next(after: child)
            }
            return last
        default: return nil
        }
    }

    /// What `[name=text]` looks at in an element: a member of an object, or with a number for a name a place in a list.
    @inline(__always)
    private func compared(_ element: Int, _ step: MapStep, _ name: UnsafeBufferPointer<UInt8>) -> Int? {
        switch self[element].kind {
        case .object: member(name, of: element)
        case .array: step.index < 0 ? nil : self.element(Int(step.index), of: element)
        default: nil
        }
    }

    /// A step whose name, place or text is a value of the message. Places are counted from 1, as `{element: key}` does.
    func step(from node: Int, _ step: MapStep, found: [UInt8], _ text: UnsafeBufferPointer<UInt8>) -> Int? {
        found.withUnsafeBufferPointer { found in
            let name = UnsafeBufferPointer(rebasing: text[Int(step.name.start)..<Int(step.name.end)])
            switch (step.kind, self[node].kind) {
            case (.found, .object): return member(found, of: node)
            case (.found, .array):
                guard !found.isEmpty, found.count <= 9 else { return nil }
                var place = 0
                for byte in found {
                    guard byte &- 0x30 < 10 else { return nil }
                    place = place * 10 + Int(byte - 0x30)
                }
                return place == 0 ? nil : element(place - 1, of: node)
            case (.matchFound, .array):
                var child = node + 1
                while child < end(of: node) {
                    if let value = compared(child, step, name),
                        self[value].kind == .string || self[value].kind == .number, isKey(value, found)
                    {
                        return child
                    }
                    child = next(after: child)
                }
                return nil
            default: return nil
            }
        }
    }

    /// The JSON pointer of a node, for people: slow.
    func pointer(to node: Int) -> String {
        var text = ""
        var container = JSONDocument.root
        while container != node {
            let isObject = self[container].kind == .object
            guard isObject || self[container].kind == .array else { return text }
            var child = container + 1
            var position = 0
            var inside: Int?
            while child < end(of: container) {
                let value = isObject ? child + 1 : child
                if node >= value, node < next(after: value) {
                    text += "/" + (isObject ? escapedToken(string(child)) : String(position))
                    inside = value
                    break
                }
                child = next(after: value)
                position += 1
            }
            guard let inside else { return text }
            container = inside
        }
        return text
    }
}

/// A name as a token of a pointer, short and on one line.
private func escapedToken(_ name: String) -> String {
    var text = ""
    for scalar in name.unicodeScalars {
        switch scalar {
        case "~": text += "~0"
        case "/": text += "~1"
        default: text.unicodeScalars.append(scalar)
        }
    }
    return shortened(text)
}
