import Yams

/// Collects what is wrong, so that one reading of a file finds all of it.
final class ProblemList {
    let source: String
    private(set) var problems: [Problem] = []
    /// The line of each key that the file has, by its path.
    private(set) var lines: [String: Int] = [:]

    init(source: String) {
        self.source = source
    }

    func add(line: Int?, key: String?, _ fault: Fault) {
        problems.append(Problem(source: source, line: line, key: key, cause: fault.cause, remedy: fault.remedy))
    }

    func note(line: Int, of path: String) {
        lines[path] = line
    }
}

/// Text of the file for an error line: in quotes, without what could break the line or be a secret.
func quoted(_ text: String) -> String {
    "\"\(shown(text))\""
}

private func shown(_ text: String) -> String {
    if text.contains("://") || text.contains("@") || text.lowercased().contains("password") { return "***" }
    var line = ""
    for scalar in text.unicodeScalars.prefix(60) {
        line +=
            isControl(scalar) || "\u{2028}\u{2029}".unicodeScalars.contains(scalar)
            ? scalar.escaped(asASCII: true) : String(scalar)
    }
    return text.unicodeScalars.count > 60 ? line + "…" : line
}

/// A path with one more name; names that could be mistaken are in quotes.
func appending(_ name: String, to path: String) -> String {
    let isPlain =
        !name.isEmpty
        && name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        }
    let written = isPlain ? name : quoted(name)
    return path.isEmpty ? written : "\(path).\(written)"
}

/// A value of the file and where it stands. The reading functions return nil where the value is wrong, and say why in
/// the problem list.
struct Field {
    let node: Node
    /// As the operator sees it: `broker.inputs[0].queue`.
    let path: String
    /// As the key table has it: `broker.inputs[].queue`.
    let pattern: String
    let line: Int
    let problems: ProblemList
    /// Whether the value is kept out of every message.
    var isSecret = false

    func fail(_ cause: String, _ remedy: String) {
        problems.add(line: line, key: path.isEmpty ? nil : path, Fault(cause, remedy))
    }

    func fail(_ fault: Fault) {
        fail(fault.cause, fault.remedy)
    }

    private var plain: String? {
        guard case .scalar(let scalar) = node, scalar.style == .plain else { return nil }
        return scalar.string
    }

    var isNull: Bool {
        plain.map { ["", "~", "null", "Null", "NULL"].contains($0) } ?? false
    }

    /// The value for an error line.
    private var shown: String {
        switch node {
        case .mapping: "a map"
        case .sequence: "a list"
        case .alias: "an alias"
        case .scalar(let scalar): isNull ? "nothing" : isSecret ? "this" : quoted(scalar.string)
        }
    }

    private func wrongType(_ expected: String, _ remedy: String) {
        fail("\(shown) is not \(expected)", remedy)
    }

    // MARK: scalars

    func text(_ expected: String = "text") -> String? {
        guard case .scalar(let scalar) = node, !isNull else {
            wrongType(expected, "write one text")
            return nil
        }
        if let plain, ["true", "True", "TRUE", "false", "False", "FALSE"].contains(plain) || isNumber(plain) {
            let kind = isNumber(plain) ? "a number" : "a truth value"
            fail("\(plain.prefix(40)) is \(kind), not \(expected)", "write it in quotes: \(quoted(plain))")
            return nil
        }
        return scalar.string
    }

    private func isNumber(_ plain: String) -> Bool {
        plain.utf8.first.map { "+-.0123456789".utf8.contains($0) } == true && Double(plain) != nil
    }

    /// Non-empty text of at most `most` bytes without control characters.
    func name(most: Int = 128, _ expected: String = "text") -> String? {
        text(expected).flatMap { checkedName($0, most: most) ? $0 : nil }
    }

    func checkedName(_ name: String, most: Int = 128) -> Bool {
        if name.isEmpty {
            fail("is empty", "write at least one character")
        } else if name.utf8.count > most {
            fail("is \(name.utf8.count) bytes long", "use at most \(most) bytes")
        } else if name.unicodeScalars.contains(where: isControl) {
            fail("\(quoted(name)) holds a control character", "remove it")
        } else {
            return true
        }
        return false
    }

    func whole(_ range: ClosedRange<Int64>) -> Int64? {
        let remedy = "give a number between \(range.lowerBound) and \(range.upperBound)"
        guard case .scalar(let scalar) = node, !isNull else {
            wrongType("a whole number", remedy)
            return nil
        }
        let digits = scalar.string.drop { $0 == "-" || $0 == "+" }
        let isWritten =
            !digits.isEmpty && digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
            && scalar.string.count - digits.count <= 1
        if isWritten, plain == nil {
            fail(
                "\(quoted(scalar.string)) is text, not a whole number", "write it without quotes: \(digits.prefix(40))")
            return nil
        }
        guard isWritten, digits.count == 1 || digits.first != "0" else {
            wrongType("a whole number", remedy)
            return nil
        }
        guard let value = Int64(scalar.string), range.contains(value) else {
            fail("\(scalar.string.prefix(40)) is out of range", remedy)
            return nil
        }
        return value
    }

    func number(_ range: ClosedRange<Int>) -> Int? {
        whole(Int64(range.lowerBound)...Int64(range.upperBound)).map(Int.init)
    }

    /// A number above 0 and at most 1.
    func share() -> Double? {
        let remedy = "give a number above 0 and at most 1, e.g. 0.8"
        guard let plain, !isNull, plain.utf8.allSatisfy({ "+-.0123456789eE".utf8.contains($0) }),
            let value = Double(plain)
        else {
            wrongType("a number", remedy)
            return nil
        }
        guard value > 0, value <= 1 else {
            fail("\(plain.prefix(40)) is out of range", remedy)
            return nil
        }
        return value
    }

    func flag() -> Bool? {
        switch plain {
        case "true", "True", "TRUE": return true
        case "false", "False", "FALSE": return false
        case let word?:
            switch word.lowercased() {
            case "yes", "on", "y": wrongType("true or false", "did you mean true?")
            case "no", "off", "n": wrongType("true or false", "did you mean false?")
            default: wrongType("true or false", "write true or false")
            }
        case nil: wrongType("true or false", "write true or false")
        }
        return nil
    }

    func choice<Choice: RawRepresentable & CaseIterable>(_: Choice.Type) -> Choice? where Choice.RawValue == String {
        choice(among: Choice.allCases.map(\.rawValue)).flatMap(Choice.init(rawValue:))
    }

    func choice(among words: [String]) -> String? {
        let list = alternatives(words)
        guard case .scalar(let scalar) = node, !isNull else {
            wrongType(list, "write one of them")
            return nil
        }
        if words.contains(scalar.string) { return scalar.string }
        wrongType(list, near(scalar.string, among: words).map { "did you mean \($0)?" } ?? "write one of them")
        return nil
    }

    func duration(_ range: ClosedRange<Duration>) -> Duration? {
        let example = "write a whole number with ms, s, m, h or d, e.g. 20s"
        guard case .scalar(let scalar) = node, !isNull else {
            wrongType("a duration", example)
            return nil
        }
        guard let duration = Duration(written: scalar.string) else {
            if scalar.string.utf8.allSatisfy({ (0x30...0x39).contains($0) }), !scalar.string.isEmpty {
                fail("\(scalar.string.prefix(40)) has no unit", "write \(scalar.string.prefix(40))s, or ms, m, h or d")
            } else {
                wrongType("a duration", example)
            }
            return nil
        }
        guard range.contains(duration) else {
            fail(
                "\(scalar.string.prefix(40)) is out of range",
                "give a duration between \(range.lowerBound.written) and \(range.upperBound.written)")
            return nil
        }
        return duration
    }

    // MARK: lists and maps

    func list(_ example: String) -> [Field]? {
        guard case .sequence(let sequence) = node else {
            wrongType("a list", "write it as \(example)")
            return nil
        }
        return sequence.enumerated().map { index, element in
            Field(
                node: element, path: "\(path)[\(index)]", pattern: "\(pattern)[]", line: element.mark?.line ?? line,
                problems: problems, isSecret: isSecret)
        }
    }

    /// The entries of a map whose names the operator chooses, in the order of the file.
    func entries(placeholder: String, _ example: String) -> [(name: String, field: Field)]? {
        guard case .mapping(let mapping) = node else {
            wrongType("a map", "write it as \(example)")
            return nil
        }
        return pairs(mapping).map { name, line, value in
            (
                name,
                Field(
                    node: value, path: appending(name, to: path), pattern: "\(pattern).\(placeholder)", line: line,
                    problems: problems)
            )
        }
    }

    /// A map whose keys are those of the key table. nothing (null) is an empty one.
    func section(_ example: String) -> Section? {
        if isNull { return Section(fields: [:], of: self) }
        guard case .mapping(let mapping) = node else {
            // Its text may be a URL in the wrong place.
            wrongType("a map", "write it as \(example)")
            return nil
        }
        let known = Set(Configuration.keys(in: pattern).map(\.name))
        var fields: [String: Field] = [:]
        for (name, line, value) in pairs(mapping) {
            let path = appending(name, to: path)
            guard known.contains(name) else {
                let (cause, remedy) = Configuration.unknownKey(name, path: self.path, parent: pattern)
                problems.add(line: line, key: path, Fault(cause, remedy))
                continue
            }
            problems.note(line: line, of: path)
            let pattern = pattern.isEmpty ? name : "\(pattern).\(name)"
            fields[name] = Field(node: value, path: path, pattern: pattern, line: line, problems: problems)
        }
        return Section(fields: fields, of: self)
    }

    /// The pairs of a map with its `<<` merged in and repeated keys reported.
    private func pairs(_ mapping: Node.Mapping) -> [(name: String, line: Int, value: Node)] {
        var pairs: [(name: String, line: Int, value: Node)] = []
        var merged: [Node] = []
        var firstLines: [[UInt8]: Int] = [:]
        for (key, value) in mapping {
            let keyLine = key.mark?.line ?? line
            guard case .scalar(let scalar) = key else {
                problems.add(
                    line: keyLine, key: path.isEmpty ? nil : path,
                    Fault("a key is not text", "write keys as plain words"))
                continue
            }
            let name = String(scalar.string.unicodeScalars.drop { $0 == Document.duplicateMark })
            if name == "<<", scalar.style == .plain {
                merged.append(value)
                continue
            }
            if let first = firstLines[Array(name.utf8)] {
                problems.add(
                    line: keyLine, key: appending(name, to: path),
                    Fault("is given twice", "keep one of lines \(first) and \(keyLine)"))
                continue
            }
            firstLines[Array(name.utf8)] = keyLine
            pairs.append((name, keyLine, value))
        }
        for source in merged {
            for base in mergeSources(source) {
                for pair in self.pairs(base)
                where firstLines.updateValue(pair.line, forKey: Array(pair.name.utf8)) == nil {
                    pairs.append(pair)
                }
            }
        }
        return pairs
    }

    private func mergeSources(_ node: Node) -> [Node.Mapping] {
        switch node {
        case .mapping(let mapping): return [mapping]
        case .sequence(let sequence) where sequence.allSatisfy({ $0.mapping != nil }):
            return sequence.compactMap(\.mapping)
        default:
            problems.add(
                line: node.mark?.line ?? line, key: appending("<<", to: path),
                Fault("merges something that is not a map", "name an anchor of a map: <<: *name"))
            return []
        }
    }
}

/// A map with known keys: unknown ones have been reported.
struct Section {
    private let fields: [String: Field]
    let field: Field

    init(fields: [String: Field], of field: Field) {
        self.fields = fields
        self.field = field
    }

    subscript(_ name: String) -> Field? { fields[name] }

    /// Puts what `read` makes of a key into `value`; leaves it as it is where the key is absent or wrong.
    func read<Value>(_ name: String, into value: inout Value, _ read: (Field) -> Value?) {
        if let field = fields[name], let new = read(field) { value = new }
    }

    func read<Value>(_ name: String, into value: inout Value?, _ read: (Field) -> Value?) {
        if let field = fields[name], let new = read(field) { value = new }
    }
}

extension Duration {
    private static let units: [(name: String, microseconds: Int64)] = [
        ("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1000),
    ]

    /// `20s`, `24h`, `30d`, `500ms`, `5m`: a whole number and its unit.
    init?(written text: String) {
        let digits = text.prefix { ("0"..."9").contains($0) }
        guard let count = Int64(digits), let unit = Self.units.first(where: { $0.name == text[digits.endIndex...] })
        else { return nil }
        let (microseconds, overflow) = count.multipliedReportingOverflow(by: unit.microseconds)
        guard !overflow else { return nil }
        self = .microseconds(microseconds)
    }

    /// In the largest unit that shows it exactly.
    var written: String {
        let microseconds = wholeMicroseconds
        let unit =
            Self.units.first { microseconds != 0 && microseconds.isMultiple(of: $0.microseconds) } ?? ("ms", 1000)
        return "\(microseconds / unit.microseconds)\(microseconds == 0 ? "s" : unit.name)"
    }

    /// Saturates at 292,000 years; what is less than a microsecond is cut off.
    public var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? .max : whole + attoseconds / 1_000_000_000_000
    }
}
