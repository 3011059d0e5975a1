import InventoryCore

/// What stands beside a source: where its value is looked up, when it counts, and what is added to it.
extension MapCompiler {
    mutating func source(
        _ bare: MapSource, _ beside: [(key: String, keyPlace: MapPlace?, value: MapTree)], _ key: String,
        isElement: Bool
    ) -> MapSource? {
        var source = bare
        if let entry = beside.first(where: { $0.key == "in" }) {
            guard isOfInput(entry.keyPlace, "\(key).in"), let pointer = openPointer(entry.value, "\(key).in") else {
                return nil
            }
            source = .lookup(source, pointer)
        }
        if let entry = beside.first(where: { $0.key == "when" }) {
            guard isOfInput(entry.keyPlace, "\(key).when") else { return nil }
            let conditions = conditions(entry.value, "\(key).when", isElement: isElement)
            // What is wrong with them has been told.
            guard !conditions.isEmpty else { return nil }
            source = .guarded(conditions, source)
        }
        return source
    }

    /// What is added to a number, or taken off it.
    mutating func operand(_ tree: MapTree, _ key: String, _ kind: Field.Kind?, isElement: Bool) -> MapSource? {
        guard isOfInput(tree.place, key) else { return nil }
        switch kind {
        case .whole?, .change?, nil: break
        default:
            fail(tree.place, key, "there is no whole number to count with here", "leave it out")
            return nil
        }
        if case .number(let digits) = tree.value {
            guard Int64(digits) != nil, let constant = parts.constant(tree) else {
                fail(tree.place, key, "\(digits) is not a whole number", "write it without a point")
                return nil
            }
            return .constant(constant)
        }
        return source(tree, key, isElement: isElement)
    }

    /// An output is never rejected, and its fields are known: it needs none of these.
    private mutating func isOfInput(_ place: MapPlace?, _ key: String) -> Bool {
        if outputScope == nil { return true }
        fail(place, key, "is for inputs alone", "remove it")
        return false
    }

    /// Which texts are read as the JSON that they hold.
    mutating func unwraps(_ tree: MapTree) -> [MapUnwrap] {
        let trees: [MapTree] = if case .list(let list) = tree.value { list } else { [tree] }
        guard !trees.isEmpty, trees.count <= UnwrappedDocument.pointersMax else {
            fail(
                tree.place, "unwrap", "names \(trees.count) texts",
                "give 1 to \(UnwrappedDocument.pointersMax) pointers")
            return []
        }
        return trees.compactMap { tree in
            guard case .map(let pairs) = tree.value else {
                return pointer(tree, "unwrap", allowsMany: false).map { MapUnwrap(pointer: $0) }
            }
            guard pairs.count == 1, let first = pairs.first, first.key == "base64" else {
                fail(tree.place, "unwrap", "this map is not known", "write a JSON pointer, or {base64: /message/data}")
                return nil
            }
            return pointer(first.value, "unwrap.base64", allowsMany: false).map {
                MapUnwrap(pointer: $0, isBase64: true)
            }
        }
    }

    /// A pointer of which one step is open: `[*]` for a name or a place, `[name=*]` for an element.
    private mutating func openPointer(_ tree: MapTree, _ key: String) -> MapPointer? {
        guard case .text(let text) = tree.value else {
            fail(tree.place, key, "\(tree.described) is not a JSON pointer", "write it as $/products/[id=*]/sku")
            return nil
        }
        do throws(PointerFault) {
            var parsed = try PointerText.parse(text)
            parsed.tokens = parsed.tokens.map { token in
                switch token {
                case .key("[*]"): .found
                case .match(let name, "*"): .matchFound(name: name)
                default: token
                }
            }
            let open = parsed.tokens.filter { token in
                switch token {
                case .found, .matchFound, .each: true
                default: false
                }
            }
            guard open.count == 1, open.first != .each else {
                fail(
                    tree.place, key, "\(quoted(text)) does not say what is looked for",
                    "give one of its steps as [*] or [name=*], and no other as *")
                return nil
            }
            return parts.pointer(parsed)
        } catch {
            fail(tree.place, key, error.cause, error.remedy)
            return nil
        }
    }
}
