import InventoryCore

/// What the pointers of an output's mapping can find, by the contract's table: outputs are ours, so a pointer that finds
/// nothing is wrong before the first message.
struct OutputScope {
    enum Found {
        case object([Field])
        case list([Field])
        /// In the customer's object, which holds whatever came in.
        case anything
        case scalar(Field.Kind)
    }

    /// What else than the body a mapping may name.
    static let properties = ["routing_key", "type", "id"]

    private let root: Found
    /// The elements that are read, outermost first.
    private var elements: [Found] = []

    init(_ fields: [Field]) {
        root = .object(fields)
    }

    /// The same message, outside of every list.
    var outside: OutputScope {
        var scope = self
        scope.elements = []
        return scope
    }

    // MARK: Lists

    /// Goes into the elements of a list. What is wrong with its place is told where the place itself is compiled.
    mutating func enter(_ from: MapTree) {
        marks.append(elements.count)
        var tree = from
        if case .list(let trees) = from.value, let first = trees.first { tree = first }
        guard case .text(let text) = tree.value, let parsed = try? PointerText.parse(text),
            let path = try? walk(parsed, text)
        else {
            elements.append(.anything)
            return
        }
        // As the builder does it: an element for each *, and for those of the list at the end.
        for (token, found) in zip(parsed.tokens, path.dropFirst()) where token == .each { elements.append(found) }
        if parsed.tokens.last == .each { return }
        switch path.last {
        case .list(let fields)?: elements.append(.object(fields))
        case let found?: elements.append(found)
        case nil: elements.append(.anything)
        }
    }

    mutating func leave() {
        guard let mark = marks.popLast() else { return }
        elements.removeLast(elements.count - mark)
    }

    private var marks: [Int] = []

    // MARK: Finding

    /// - Throws: why nothing can be there.
    func find(_ parsed: PointerText, _ text: String) throws(PointerFault) -> Found {
        try walk(parsed, text).last ?? root
    }

    /// Where it begins, and what each of its steps finds.
    private func walk(_ parsed: PointerText, _ text: String) throws(PointerFault) -> [Found] {
        var found = root
        if parsed.up == 0 {
            found = elements.last ?? root
        } else if parsed.up > 0 {
            guard parsed.up <= elements.count else {
                throw PointerFault(
                    cause: "\(quoted(text)) begins further out than the message",
                    remedy: "begin with $/ for the message itself")
            }
            if parsed.up < elements.count { found = elements[elements.count - 1 - parsed.up] }
        }
        var path = [found]
        for token in parsed.tokens {
            found = try step(found, token, text)
            path.append(found)
        }
        return path
    }

    private func step(_ found: Found, _ token: PointerText.Token, _ text: String) throws(PointerFault) -> Found {
        switch (found, token) {
        case (.anything, _): return .anything
        case (.object(let fields), .key(let name)):
            if let field = fields.first(where: { $0.name == name }) { return OutputScope.found(field) }
            let near = nearestWord(name, among: fields.map(\.name).sorted())
            throw PointerFault(
                cause: "\(quoted(text)) finds nothing: there is no \(quoted(name))", remedy: "did you mean \(near)?")
        case (.object, .each): return .anything
        case (.list(let fields), .each), (.list(let fields), .match), (.list(let fields), .last):
            return .object(fields)
        case (.list(let fields), .key(let name)):
            if name == "0" || Int(name).map({ $0 > 0 && !name.hasPrefix("0") && !name.hasPrefix("+") }) ?? false {
                return .object(fields)
            }
            throw PointerFault(
                cause: "\(quoted(text)) finds nothing: \(quoted(name)) is no place in a list",
                remedy: "write a number, [name=text], or in a list of your own its [] on the left")
        case (.object, _), (.list, _), (.scalar, _):
            throw PointerFault(
                cause: "\(quoted(text)) finds nothing: it goes on where a single value stands",
                remedy: "end it there")
        }
    }

    private static func found(_ field: Field) -> Found {
        switch field.kind {
        case .list(let inner, _, _): .list(inner)
        case .object where field.name == "customer": .anything
        case .object(let inner): .object(inner)
        default: .scalar(field.kind)
        }
    }
}

/// An output is never rejected, so nothing of its mapping may fail: what could has to say what stands in.
extension MapCompiler {
    mutating func checkIsTotal(
        _ value: MapValue, _ from: MapTree, _ asTree: MapTree?, _ table: MapTree?, _ key: String
    ) {
        guard let scope = outputScope else { return }
        var kind: Field.Kind?
        switch value.source {
        case .pointer:
            if case .text(let text) = from.value, let parsed = try? PointerText.parse(text),
                let found = try? scope.find(parsed, text)
            {
                switch found {
                case .scalar(let scalar): kind = scalar
                case .anything: kind = nil
                case .object, .list:
                    if asTree != nil || table != nil {
                        fail(from.place, key, "\(quoted(text)) is a list or an object", "point at one value in it")
                    }
                    return
                }
            }
        case .join: kind = .text(bytesMax: 0)
        default: kind = nil
        }
        for coercion in value.coercions {
            switch coercion.outcome(of: kind) {
            case .never:
                fail(
                    asTree?.place, "\(key).as", "\(coercion.name) needs a time, and this is none",
                    "leave it out, or point at a time")
                return
            case .perhaps where value.instead == nil:
                fail(
                    asTree?.place, "\(key).as",
                    "\(coercion.name) may fail, and an output is never rejected", "add else: and what stands in")
                return
            case .always(let result), .perhaps(let result): kind = result
            }
        }
        guard let table, value.table?.otherwise == nil else { return }
        guard case .choice(let words)? = kind else {
            return fail(
                table.place, "\(key).is", "not every value is in it, and an output is never rejected",
                "add else: and what stands in")
        }
        let missing = words.filter { value.table?.rows[$0] == nil }
        if !missing.isEmpty {
            fail(
                table.place, "\(key).is", "says nothing of \(missing.joined(separator: ", "))",
                "add \(missing.count == 1 ? "it" : "them"), or else: and what stands in")
        }
    }
}

extension MapCoercion {
    static let namesOfOutputs = [
        "text", "string-integer", "string-number", "unix-seconds", "unix-milliseconds", "local-time", "trim", "upper",
        "lower", "blank-null",
    ]

    /// The same names as in inputs, the other way round.
    init?(ofOutput name: String) {
        switch name {
        case "string-integer": self = .wholeNumber
        case "string-number": self = .decimalNumber
        case "unix-seconds": self = .countOfSeconds
        case "unix-milliseconds": self = .countOfMilliseconds
        case "local-time": self = .inZone(0)
        default:
            guard MapCoercion.namesOfOutputs.contains(name) else { return nil }
            self.init(name: name)
        }
    }

    enum Outcome {
        case always(Field.Kind?)
        case perhaps(Field.Kind?)
        case never
    }

    /// Whether it can be made of a value of a kind (nil: of any), and of which kind the result is.
    func outcome(of kind: Field.Kind?) -> Outcome {
        let isNumber: Bool
        let isKnown: Bool
        switch kind {
        case .whole?, .change?, .number?: (isNumber, isKnown) = (true, true)
        case nil, .anything?, .object?, .list?: (isNumber, isKnown) = (false, false)
        default: (isNumber, isKnown) = (false, true)
        }
        switch self {
        case .countOfSeconds, .countOfMilliseconds, .inZone:
            let result: Field.Kind = if case .inZone = self { .text(bytesMax: 0) } else { .number }
            if case .time? = kind { return .always(result) }
            return isKnown ? .never : .perhaps(result)
        case .wholeNumber, .decimalNumber, .times: return isNumber ? .always(.number) : .perhaps(.number)
        case .text: return isKnown ? .always(.text(bytesMax: 0)) : .perhaps(.text(bytesMax: 0))
        case .upper, .lower, .trim, .before, .after, .without:
            return .always(isKnown && !isNumber ? .text(bytesMax: 0) : kind)
        default: return .always(kind)
        }
    }
}
