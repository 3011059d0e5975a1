import InventoryCore

/// Values, filters and what is known to be wrong with them beforehand.
extension MapCompiler {
    /// What a part of a mapping says, short, for people: `/order/number`, `[/shop, "-", /number]`.
    static func origin(_ tree: MapTree) -> String {
        switch tree.value {
        case .list(let trees): return "[" + trees.map(origin).joined(separator: ", ") + "]"
        case .map(let pairs):
            for (key, _, value) in pairs {
                switch key {
                case "from", "any": return origin(value)
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

    private static let sourceKeys = ["from", "any", "property", "header", "element", "value"]
    private static let valueKeys = sourceKeys + ["as", "is", "else", "default"]

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
        let isPlain = table == nil && coercions.isEmpty
        guard let source = source(first.key, first.value, key, isPlain ? kind : nil, isElement: isElement) else {
            return nil
        }
        var value = MapValue(source: source, coercions: coercions)
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

    private mutating func source(
        _ name: String, _ tree: MapTree, _ key: String, _ kind: Field.Kind?, isElement: Bool
    ) -> MapSource? {
        switch name {
        case "value": return constant(tree, "\(key).value", kind).map(MapSource.constant)
        case "any":
            guard case .list(let trees) = tree.value, !trees.isEmpty else {
                fail(tree.place, "\(key).any", "\(tree.described) is not a list", "write it as [/first, /second]")
                return nil
            }
            let sources = trees.compactMap { source($0, key, isElement: isElement) }
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

    /// A pointer, or a list that is joined.
    private mutating func source(_ tree: MapTree, _ key: String, isElement: Bool) -> MapSource? {
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
                case .map(let pairs) where pairs.count == 1:
                    guard let first = pairs.first,
                        let source = source(first.key, first.value, key, nil, isElement: isElement)
                    else { return nil }
                    sources.append(source)
                default:
                    fail(tree.place, key, "\(tree.described) can't be joined", "give pointers and texts")
                    return nil
                }
            }
            return .join(sources)
        case .map(let pairs) where pairs.count == 1:
            guard let first = pairs.first, MapCompiler.sourceKeys.contains(first.key) else {
                fail(
                    tree.place, key, "a map is no source", "name one: \(MapCompiler.sourceKeys.joined(separator: ", "))"
                )
                return nil
            }
            return source(first.key, first.value, key, nil, isElement: isElement)
        default: return pointer(tree, key, allowsMany: false).map(MapSource.pointer)
        }
    }

    // MARK: Constants, tables, coercions

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

    private mutating func coercion(_ tree: MapTree, _ key: String) -> MapCoercion? {
        switch tree.value {
        case .text(let name):
            if let coercion = outputScope == nil ? MapCoercion(name: name) : MapCoercion(ofOutput: name) {
                return coercion
            }
            let names = outputScope == nil ? MapCoercion.names : MapCoercion.namesOfOutputs
            let near = nearestWord(name, among: names + ["times"])
            fail(
                tree.place, key, "\(quoted(name)) is not known",
                "did you mean \(near == "times" ? "{times: 12}" : near)?")
            return nil
        case .map(let pairs) where pairs.count == 1:
            guard let first = pairs.first else { return nil }
            switch (first.key, first.value.value) {
            case ("times", .number(let digits)):
                if let factor = Int64(digits), factor != 0, factor.magnitude <= 1_000_000_000 { return .times(factor) }
                fail(first.value.place, key, "\(digits) is no factor", "give a whole number, not 0")
                return nil
            case ("local-time", _):
                guard let local = localTime(first.value, key) else { return nil }
                parts.localTimes.append(local)
                let index = Int32(parts.localTimes.count - 1)
                return outputScope == nil ? .localTime(index) : .inZone(index)
            default: break
            }
        default: break
        }
        fail(
            tree.place, key, "\(tree.described) is not known",
            "write one of \((outputScope == nil ? MapCoercion.names : MapCoercion.namesOfOutputs).joined(separator: ", ")), {times: 12}"
        )
        return nil
    }

    private mutating func localTime(_ tree: MapTree, _ key: String) -> LocalTime? {
        var zone: String?
        var pattern: (text: String, place: MapPlace?)?
        switch tree.value {
        case .text(let text): zone = text
        case .map(let pairs):
            for (name, place, value) in pairs {
                switch name {
                case "zone": zone = value.scalarText
                case "format": pattern = (value.scalarText ?? "", value.place)
                default:
                    fail(
                        place, "\(key).local-time.\(name)", "unknown key",
                        "did you mean \(nearestWord(name, among: ["zone", "format"]))?")
                    return nil
                }
            }
        default: break
        }
        guard let zone, let offset = LocalTime.offset(zone) else {
            fail(
                tree.place, "\(key).local-time", "\(quoted(zone ?? "")) is no zone",
                "write UTC, or an offset in quotes: \"+01:00\"")
            return nil
        }
        guard let pattern else { return LocalTime(offset: offset) }
        guard let format = LocalTime.Format(pattern.text) else {
            fail(
                pattern.place, "\(key).local-time.format", "\(quoted(pattern.text)) is no form of a date",
                "write it with YYYY, MM, DD, hh, mm and ss: \"DD.MM.YYYY hh:mm\"")
            return nil
        }
        return LocalTime(offset: offset, format: format)
    }

    private mutating func check(_ coercion: MapCoercion, fits kind: Field.Kind, _ place: MapPlace?, _ key: String) {
        let needed: String
        switch (kind, coercion.result) {
        case (_, .same), (.anything, _), (.object, _), (.list, _), (.messageType, .text), (.uuid, _), (.whole, .number),
            (.number, .number),
            (.time, .time), (.time, .text), (.identifier, .text), (.text, .text), (.choice, .text), (.text, .time),
            (.identifier, .time):
            return
        case (.whole, _): needed = "a whole number"
        case (.number, _): needed = "a number"
        case (.time, _): needed = "a time"
        default: needed = "text"
        }
        fail(place, "\(key).as", "\(coercion.name) does not give \(needed)", "leave it out, or end with one that does")
    }

    // MARK: Filters

    mutating func filter(_ tree: MapTree, _ key: String, isElement: Bool) -> MapFilter {
        var filter = MapFilter()
        guard case .map(let pairs) = tree.value, !pairs.isEmpty else {
            fail(tree.place, key, "\(tree.described) is no filter", "write it as {unless: {/status: [paid]}}")
            return filter
        }
        for (name, place, value) in pairs {
            let trees: [MapTree] = if case .list(let list) = value.value { list } else { [value] }
            let conditions = trees.compactMap { condition($0, "\(key).\(name)", isElement: isElement) }
            switch name {
            case "unless": filter.unless = conditions
            case "when": filter.when = conditions
            default:
                fail(
                    place, "\(key).\(name)", "unknown key",
                    "did you mean \(nearestWord(name, among: ["unless", "when"]))?")
            }
        }
        return filter
    }

    private mutating func condition(_ tree: MapTree, _ key: String, isElement: Bool) -> MapCondition? {
        guard case .map(let pairs) = tree.value, !pairs.isEmpty else {
            fail(tree.place, key, "\(tree.described) is no condition", "write it as {/status: [paid, sent]}")
            return nil
        }
        var tests: [MapTest] = []
        for (name, place, value) in pairs {
            guard let source = testSource(name, place, key) else { return nil }
            var wanted = value
            var isNot = false
            if case .map(let inner) = value.value {
                guard inner.count == 1, let first = inner.first else {
                    fail(value.place, key, "a map is nothing to compare with", "write {not: …} or {present: true}")
                    return nil
                }
                switch (first.key, first.value.value) {
                case ("present", .flag(let flag)):
                    tests.append(MapTest(source: source, wanted: .present(flag), sourceText: name))
                    continue
                case ("not", _):
                    isNot = true
                    wanted = first.value
                default:
                    fail(first.keyPlace, "\(key).\(first.key)", "unknown key", "write {not: …} or {present: true}")
                    return nil
                }
            }
            let trees: [MapTree] = if case .list(let list) = wanted.value { list } else { [wanted] }
            var patterns: [Pattern] = []
            var orNothing = false
            for tree in trees {
                if case .null = tree.value {
                    orNothing = true
                } else if let text = tree.scalarText {
                    patterns.append(Pattern(text))
                } else {
                    fail(tree.place, key, "\(tree.described) is nothing to compare with", "write texts and numbers")
                    return nil
                }
            }
            tests.append(
                MapTest(
                    source: source,
                    wanted: isNot ? .noneOf(patterns, orNothing: orNothing) : .anyOf(patterns, orNothing: orNothing),
                    sourceText: name))
        }
        return MapCondition(tests: tests)
    }

    /// A pointer, `header NAME` or `property NAME`.
    private mutating func testSource(_ name: String, _ place: MapPlace?, _ key: String) -> MapSource? {
        for word in ["header", "property"] where name.hasPrefix("\(word) ") {
            return source(
                word, MapTree(.text(String(name.dropFirst(word.count + 1))), at: place), key, nil, isElement: false)
        }
        return pointer(MapTree(.text(name), at: place), key, allowsMany: false).map(MapSource.pointer)
    }
}

extension MapCoercion {
    /// One that takes nothing more than its name.
    init?(name: String) {
        switch name {
        case "string-integer": self = .stringInteger
        case "string-number": self = .stringNumber
        case "decimal-comma": self = .decimalComma
        case "text": self = .text
        case "unix-seconds": self = .unixSeconds
        case "unix-milliseconds": self = .unixMilliseconds
        case "local-time": self = .localTime(0)
        case "trim": self = .trim
        case "upper": self = .upper
        case "lower": self = .lower
        case "blank-null": self = .blankNull
        case "absolute": self = .absolute
        default: return nil
        }
    }
}
