import InventoryCore

/// One object of a message, read field by field by the contract's rules. What breaks a rule is an `invalid` rejection
/// with the field's path and the cause. `null` is as good as absent.
struct ObjectReader {
    private enum Place {
        case message
        case element(StaticString, Int)
        case member(StaticString)
    }

    /// Bytes of an identifier, of a free text, and of an address.
    static let identifierBytesMax = 128
    static let textBytesMax = 1024
    static let addressBytesMax = 4096
    /// Bytes of a number that is kept as it is written.
    static let numberBytesMax = 64

    let document: JSONDocument
    let object: Int
    private let place: Place

    /// The reader of a message's content.
    init(_ document: JSONDocument, _ object: Int) {
        self.init(document, object, .message)
    }

    private init(_ document: JSONDocument, _ object: Int, _ place: Place) {
        self.document = document
        self.object = object
        self.place = place
    }

    // MARK: Rejections

    @inline(never)
    func path(_ key: StaticString) -> String {
        switch place {
        case .message: "\(key)"
        case .element(let list, let index): "\(list)[\(index)].\(key)"
        case .member(let parent): "\(parent).\(key)"
        }
    }

    @inline(never)
    func invalid(_ key: StaticString, _ cause: String) -> Rejection {
        Rejection(.invalid, "\(path(key)): \(cause)")
    }

    /// A rejection of the object itself.
    @inline(never)
    func invalid(_ cause: String) -> Rejection {
        switch place {
        case .message: Rejection(.invalid, cause)
        case .element(let list, let index): Rejection(.invalid, "\(list)[\(index)]: \(cause)")
        case .member(let parent): Rejection(.invalid, "\(parent): \(cause)")
        }
    }

    @inline(never)
    private func wrongKind(_ key: StaticString, _ index: Int, _ needed: String) -> Rejection {
        invalid(key, "\(document.described(index)), \(needed) is needed")
    }

    @inline(__always)
    private func required<Value>(_ key: StaticString, _ value: Value?) throws(Rejection) -> Value {
        guard let value else { throw invalid(key, "is missing") }
        return value
    }

    @inline(__always)
    private func value(
        _ key: StaticString, _ kind: JSONNode.Kind, _ needed: StaticString
    ) throws(Rejection) -> Int? {
        guard let index = document.value(key, of: object) else { return nil }
        guard document[index].kind == kind else { throw wrongKind(key, index, "\(needed)") }
        return index
    }

    // MARK: Texts

    /// A non-empty text of at most 128 bytes without control characters.
    func identifier(_ key: StaticString) throws(Rejection) -> Identifier? {
        guard let index = try value(key, .string, "text") else { return nil }
        let node = document[index]
        let text = document.string(index)
        let isSound = node.isEscaped ? text.isSoundIdentifier : document.slice(node).isSoundIdentifier
        if !isSound { throw invalid(key, identifierFault(text)) }
        return Identifier(text)
    }

    func requiredIdentifier(_ key: StaticString) throws(Rejection) -> Identifier {
        try required(key, identifier(key))
    }

    /// A free text. No NUL: a store could not keep it.
    func text(_ key: StaticString, bytesMax: Int = textBytesMax) throws(Rejection) -> String? {
        guard let index = try value(key, .string, "text") else { return nil }
        let text = document.string(index)
        let count = text.utf8.count
        if count > bytesMax { throw invalid(key, "\(count) bytes, at most \(bytesMax) allowed") }
        if document[index].isEscaped, text.utf8.contains(0) { throw invalid(key, "has a NUL character") }
        return text
    }

    /// One of a few words.
    func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: StaticString, _: Choice.Type
    ) throws(Rejection) -> Choice? where Choice.RawValue == String {
        guard let index = try value(key, .string, "text") else { return nil }
        if let choice = Choice(rawValue: document.string(index)) { return choice }
        let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        throw invalid(key, "\(document.shown(index)) is not one of \(known)")
    }

    // MARK: Numbers

    /// A whole number, however it is written: 2, 2.0 and 2e0 are the same.
    func whole(_ key: StaticString, _ range: ClosedRange<Int64>) throws(Rejection) -> Int64? {
        guard let index = try value(key, .number, "a whole number") else { return nil }
        let text = document.slice(document[index])
        if let plain = JSONNumber.plainWhole(text), range.contains(plain) { return plain }
        switch JSONNumber(text).whole {
        case .value(let number) where range.contains(number): return number
        case .fraction: throw invalid(key, "\(document.shown(index)) is not a whole number")
        default:
            throw invalid(
                key, "\(document.shown(index)) is not between \(range.lowerBound) and \(range.upperBound)")
        }
    }

    /// A line's units: 1 to 1,000,000,000.
    func quantity() throws(Rejection) -> Units {
        try required("quantity", whole("quantity", 1...1_000_000_000))
    }

    /// A number, as it is written.
    func number(_ key: StaticString) throws(Rejection) -> String? {
        guard let index = try value(key, .number, "a number") else { return nil }
        let count = document.slice(document[index]).count
        if count > ObjectReader.numberBytesMax {
            throw invalid(key, "a number of \(count) bytes, at most \(ObjectReader.numberBytesMax) allowed")
        }
        return document.written(index)
    }

    // MARK: Times

    func time(_ key: StaticString) throws(Rejection) -> Instant? {
        guard let index = try value(key, .string, "a time") else { return nil }
        let node = document[index]
        do throws(TimeFault) {
            if !node.isEscaped { return try instant(document.slice(node)) }
            return try document.unescaped(node).withUnsafeBufferPointer { (bytes) throws(TimeFault) -> Instant in
                try instant(bytes)
            }
        } catch {
            throw invalid(key, "\(document.shown(index)) \(error.cause)")
        }
    }

    func requiredTime(_ key: StaticString) throws(Rejection) -> Instant {
        try required(key, time(key))
    }

    // MARK: Objects and lists

    func member(_ key: StaticString) throws(Rejection) -> ObjectReader? {
        try value(key, .object, "an object").map { ObjectReader(document, $0, .member(key)) }
    }

    /// The `lines` of a message, each read by `read`; nil if there are none.
    ///
    /// - Parameter max: how many there may be; they are counted before the first one is read.
    @inline(__always)
    func lines<Line>(
        max: Int, _ read: (ObjectReader, Int) throws(Rejection) -> Line
    ) throws(Rejection) -> [Line]? {
        let key: StaticString = "lines"
        guard let list = try value(key, .array, "a list") else { return nil }
        let count = document.count(of: list)
        if count == 0 { throw invalid(key, "is empty") }
        if count > max { throw invalid(key, "\(count) lines, at most \(max) allowed") }
        var lines: [Line] = []
        lines.reserveCapacity(count)
        var index = list + 1
        for position in 0..<count {
            let line = ObjectReader(document, index, .element(key, position))
            if document[index].kind != .object {
                throw line.invalid("\(document.described(index)), an object is needed")
            }
            lines.append(try read(line, position))
            index = document.next(after: index)
        }
        return lines
    }

    @inline(__always)
    func requiredLines<Line>(
        max: Int, _ read: (ObjectReader, Int) throws(Rejection) -> Line
    ) throws(Rejection) -> [Line] {
        try required("lines", lines(max: max, read))
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether the bytes, which are UTF-8, may be an identifier: 1 to 128 of them, none a control character.
    @inline(__always)
    var isSoundIdentifier: Bool {
        if isEmpty || count > ObjectReader.identifierBytesMax { return false }
        var previous: UInt8 = 0
        for byte in self {
            // C0, DEL, and C1 (U+0080 to U+009F, in UTF-8 C2 80 to C2 9F).
            if byte < 0x20 || byte == 0x7F || (previous == 0xC2 && byte < 0xA0) { return false }
            previous = byte
        }
        return true
    }
}

extension String {
    var isSoundIdentifier: Bool {
        var text = self
        return text.withUTF8 { $0.isSoundIdentifier }
    }
}

/// What is wrong with a text that is no identifier.
func identifierFault(_ text: String) -> String {
    let count = text.utf8.count
    if count == 0 { return "is empty" }
    if count > ObjectReader.identifierBytesMax {
        return "\(count) bytes, at most \(ObjectReader.identifierBytesMax) allowed"
    }
    return "\(quoted(text)) has a control character"
}
