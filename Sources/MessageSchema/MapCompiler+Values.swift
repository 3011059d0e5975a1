import InventoryCore

/// Values, and what is known to be wrong with them beforehand.
extension MapCompiler {
    /// What a part of a mapping says, short, for people: `/order/number`, `[/shop, "-", /number]`.
    static func origin(_ tree: MapTree) -> String {
        switch tree.value {
        case .list(let trees): return "[" + trees.map(origin).joined(separator: ", ") + "]"
        case .map(let pairs):
            if let place = pairs.first(where: { $0.key == "in" })?.value {
                let rest = MapTree(.map(pairs.filter { $0.key != "in" }), at: tree.place)
                return "\(origin(place)) by \(origin(rest))"
            }
            if let sign = pairs.first(where: { $0.key == "minus" || $0.key == "plus" }) {
                let rest = MapTree(.map(pairs.filter { $0.key != sign.key }), at: tree.place)
                return "\(origin(rest)) \(sign.key) \(origin(sign.value))"
            }
            for (key, _, value) in pairs {
                switch key {
                case "from": return origin(value)
                case "any":
                    guard case .list(let trees) = value.value else { return origin(value) }
                    return trees.map(origin).joined(separator: " or ")
                case "value": return "value \(value.described)"
                case "property", "header", "element": return "\(key) \(value.scalarText ?? "")"
                default: continue
                }
            }
            return "a map"
        case .text(let text): return PointerText.isPointer(text) ? text : quoted(text)
        default: return tree.described
        }
    }

    mutating func pointer(_ tree: MapTree, _ key: String, allowsMany: Bool) -> MapPointer? {
        guard case .text(let text) = tree.value else {
            fail(tree.place, key, "\(tree.described) is not a JSON pointer", "write it as /order/items")
            return nil
        }
        do throws(PointerFault) {
            let parsed = try PointerText.parse(text)
            if !allowsMany, parsed.tokens.contains(.each) {
                fail(
                    tree.place, key, "\(quoted(text)) finds many values with its *, and one is needed",
                    "write a number in its place, or [name=text]")
                return nil
            }
            if let outputScope { _ = try outputScope.find(parsed, text) }
            return parts.pointer(parsed)
        } catch {
            fail(tree.place, key, error.cause, error.remedy)
            return nil
        }
    }

    static let sourceKeys = ["from", "any", "property", "header", "element", "value"]
    /// What may stand beside a source, wherever it stands.
    static let besideKeys = ["in", "when"]
    private static let valueKeys = sourceKeys + besideKeys + ["as", "plus", "minus", "is", "else", "default"]

    /// - Parameter kind: of the field that it is for; nil: anything goes.
    mutating func value(_ tree: MapTree, _ key: String, _ kind: Field.Kind?, isElement: Bool) -> MapValue? {
        switch tree.value {
        case .text, .list:
            return source(tree, key, isElement: isElement).map { MapValue(source: $0) }
        case .number, .flag:
            guard let constant = constant(tree, key, kind) else { return nil }
            return MapValue(source: .constant(constant))
        case .null:
            fail(tree.place, key, "has no value", "write a JSON pointer, or remove the key")
            return nil
        case .map(let pairs): return value(of: pairs, tree, key, kind, isElement: isElement)
        }
    }

    private mutating func value(
        of pairs: [(key: String, keyPlace: MapPlace?, value: MapTree)], _ tree: MapTree, _ key: String,
        _ kind: Field.Kind?, isElement: Bool
    ) -> MapValue? {
        for (name, place, _) in pairs where !MapCompiler.valueKeys.contains(name) {
            let near = nearestWord(name, among: MapCompiler.valueKeys)
            fail(place, "\(key).\(name)", "unknown key", "did you mean \(near)?")
            return nil
        }
        func part(_ name: String) -> MapTree? { pairs.first { $0.key == name }?.value }
        let sources = pairs.filter { MapCompiler.sourceKeys.contains($0.key) }
        guard sources.count == 1, let first = sources.first else {
            fail(
                tree.place, key,
                sources.isEmpty ? "has no from" : "has \(sources.map(\.key).joined(separator: " and "))",
                "name one source: \(MapCompiler.sourceKeys.joined(separator: ", "))")
            return nil
        }
        let table = part("is")
        var coercions: [MapCoercion] = []
        if let tree = part("as") {
            let trees: [MapTree] = if case .list(let list) = tree.value { list } else { [tree] }
            for tree in trees {
                guard let coercion = coercion(tree, "\(key).as") else { return nil }
                coercions.append(coercion)
            }
        }
        let beside = pairs.filter { MapCompiler.besideKeys.contains($0.key) }
        let isPlain = table == nil && coercions.isEmpty && part("in") == nil
        guard let bare = source(first.key, first.value, key, isPlain ? kind : nil, isElement: isElement),
            let source = source(bare, beside, key, isElement: isElement)
        else { return nil }
        var value = MapValue(source: source, coercions: coercions)
        for name in ["plus", "minus"] {
            guard let tree = part(name) else { continue }
            guard let other = operand(tree, "\(key).\(name)", kind, isElement: isElement) else { return nil }
            if name == "plus" { value.plus = other } else { value.minus = other }
        }
        if let table {
            guard let made = self.table(table, otherwise: part("else"), key, kind) else { return nil }
            value.table = made
        } else if let tree = part("else"), outputScope == nil || coercions.isEmpty {
            fail(tree.place, "\(key).else", "there is no table beside it", "add is: {…}, or write it as default")
            return nil
        } else if let kind, let last = coercions.last {
            check(last, fits: kind, part("as")?.place ?? tree.place, key)
        }
        if let tree = part("default") {
            guard let constant = constant(tree, "\(key).default", kind) else { return nil }
            value.fallback = constant
        }
        if outputScope != nil {
            if let tree = part("else") { value.instead = constant(tree, "\(key).else", nil) }
            checkIsTotal(value, first.value, part("as"), table, key)
        }
        return value
    }

    mutating func source(
        _ name: String, _ tree: MapTree, _ key: String, _ kind: Field.Kind?, isElement: Bool
    ) -> MapSource? {
        switch name {
        case "value": return constant(tree, "\(key).value", kind).map(MapSource.constant)
        case "any":
            guard case .list(let trees) = tree.value, !trees.isEmpty else {
                fail(tree.place, "\(key).any", "\(tree.described) is not a list", "write it as [/first, /second]")
                return nil
            }
            let sources = trees.compactMap { source($0, key, kind, isElement: isElement) }
            return sources.count == trees.count ? .first(sources) : nil
        case "property":
            let words = outputScope == nil ? MapAttributes.properties : OutputScope.properties
            guard let word = tree.scalarText, words.contains(word) else {
                let near = nearestWord(tree.scalarText ?? "", among: words)
                fail(tree.place, "\(key).property", "\(tree.described) is not known", "did you mean \(near)?")
                return nil
            }
            return .attribute(.property(word))
        case "header":
            guard outputScope == nil else {
                fail(tree.place, "\(key).header", "an output has no headers to read", "write a pointer, or {value: …}")
                return nil
            }
            guard case .text(let word) = tree.value, !word.isEmpty else {
                fail(
                    tree.place, "\(key).header", "\(tree.described) is no header's name", "write it as header: X-Topic")
                return nil
            }
            return .attribute(.header(word))
        case "element":
            guard isElement, tree.scalarText == "key" else {
                fail(
                    tree.place, "\(key).element",
                    isElement ? "\(tree.described) is not known" : "there is no element here",
                    isElement ? "write it as element: key" : "use it in lines[]")
                return nil
            }
            return .attribute(.key)
        default: return source(tree, key, isElement: isElement)
        }
    }

    /// A pointer, a list that is joined, or a map that names a source and what stands beside it.
    mutating func source(
        _ tree: MapTree, _ key: String, _ kind: Field.Kind? = nil, isElement: Bool
    ) -> MapSource? {
        switch tree.value {
        case .list(let trees):
            guard !trees.isEmpty, trees.count <= 32 else {
                fail(tree.place, key, "joins \(trees.count) parts", "give 1 to 32 pointers and texts")
                return nil
            }
            var sources: [MapSource] = []
            for tree in trees {
                switch tree.value {
                case .text(let text) where PointerText.isPointer(text) && text != "/":
                    // A slash alone is meant as itself: a key without a name is not to be expected.
                    guard let pointer = pointer(tree, key, allowsMany: false) else { return nil }
                    sources.append(.pointer(pointer))
                case .text, .number:
                    let text = MapTree(.text(tree.scalarText ?? ""), at: tree.place)
                    guard let constant = parts.constant(text) else { return nil }
                    sources.append(.constant(constant))
                case .map:
                    guard let source = source(tree, key, isElement: isElement) else { return nil }
                    sources.append(source)
                default:
                    fail(tree.place, key, "\(tree.described) can't be joined", "give pointers and texts")
                    return nil
                }
            }
            return .join(sources)
        case .map(let pairs):
            let beside = pairs.filter { MapCompiler.besideKeys.contains($0.key) }
            if let wrong = pairs.first(where: {
                !MapCompiler.sourceKeys.contains($0.key) && !MapCompiler.valueKeys.contains($0.key)
            }) {
                let near = nearestWord(wrong.key, among: MapCompiler.sourceKeys + MapCompiler.besideKeys)
                fail(wrong.keyPlace, "\(key).\(wrong.key)", "unknown key", "did you mean \(near)?")
                return nil
            }
            guard pairs.count == beside.count + 1,
                let first = pairs.first(where: { MapCompiler.sourceKeys.contains($0.key) })
            else {
                fail(
                    tree.place, key, "this map is no source",
                    "name one: \(MapCompiler.sourceKeys.joined(separator: ", ")); beside it only in and when")
                return nil
            }
            let kind = beside.contains { $0.key == "in" } ? nil : kind
            guard let bare = source(first.key, first.value, key, kind, isElement: isElement) else { return nil }
            return source(bare, beside, key, isElement: isElement)
        default: return pointer(tree, key, allowsMany: false).map(MapSource.pointer)
        }
    }

    // MARK: Constants, tables

    private mutating func constant(_ tree: MapTree, _ key: String, _ kind: Field.Kind?) -> JSONNode? {
        guard let node = parts.constant(tree) else {
            fail(tree.place, key, "\(tree.described) is no constant", "write one text or number")
            return nil
        }
        if case .null = tree.value { return node }
        guard let kind, let cause = MapCompiler.cause(tree, doesNotFit: kind) else { return node }
        fail(tree.place, key, cause.cause, cause.remedy)
        return nil
    }

    /// Why a constant can't be the value of a field; nil: it can.
    private static func cause(_ tree: MapTree, doesNotFit kind: Field.Kind) -> (cause: String, remedy: String)? {
        let written = tree.described
        switch kind {
        case .whole(let range), .change(let range):
            guard case .number(let digits) = tree.value, let number = Int64(digits) else {
                return ("\(written) is not a whole number", "write it without quotes")
            }
            if range.contains(number) { return nil }
            return (
                "\(digits) is not between \(range.lowerBound) and \(range.upperBound)", "give a number between them"
            )
        case .number:
            if case .number = tree.value { return nil }
            return ("\(written) is not a number", "write it without quotes")
        case .messageType, .object, .list, .uuid, .anything: return nil
        case .identifier, .text, .time, .choice:
            guard case .text(let text) = tree.value else {
                return ("\(written) is no text", "write it in quotes: \(quoted(tree.scalarText ?? ""))")
            }
            switch kind {
            case .identifier where !text.isSoundIdentifier: return (identifierFault(text), "give 1 to 128 bytes")
            case .time where parseRFC3339(text) == nil:
                return ("\(written) is not a time", "write it as 2026-11-23T10:00:00Z")
            case .choice(let words) where !words.contains(text):
                return (
                    "\(written) is not one of \(words.joined(separator: ", "))",
                    "did you mean \(nearestWord(text, among: words))?"
                )
            default: return nil
            }
        }
    }

    private mutating func table(
        _ tree: MapTree, otherwise: MapTree?, _ key: String, _ kind: Field.Kind?
    ) -> MapTable? {
        guard case .map(let pairs) = tree.value, !pairs.isEmpty else {
            fail(tree.place, "\(key).is", "\(tree.described) is not a table", "write it as {foreign: ours}")
            return nil
        }
        var table = MapTable(rows: [:], keys: pairs.map { quoted($0.key) })
        for (name, _, value) in pairs {
            guard let constant = constant(value, "\(key).is.\(name)", kind) else { return nil }
            table.rows[name] = constant
        }
        if let otherwise {
            guard let constant = constant(otherwise, "\(key).else", kind) else { return nil }
            table.otherwise = constant
        }
        return table
    }
}
