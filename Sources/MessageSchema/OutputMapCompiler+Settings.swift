import InventoryCore

/// What a part says beside its body: keys, exchange, headers, envelope.
extension OutputMapCompiler {
    mutating func value(_ tree: MapTree, _ key: String) -> PlanValue? {
        // A key or type that is the same for all is written as it is, as an exchange's name is.
        if case .text(let text) = tree.value, !PointerText.isPointer(text), !text.isEmpty {
            return compiler.parts.constant(tree).map { compiler.parts.pack(MapValue(source: .constant($0))) }
        }
        return compiler.value(tree, key, nil, isElement: false).map { compiler.parts.pack($0) }
    }

    mutating func text(_ tree: MapTree, _ key: String, bytesMax: Int) -> String? {
        guard case .text(let text) = tree.value, !text.isEmpty, text.utf8.count <= bytesMax, text.isPrintable else {
            fail(tree, key, "\(tree.described) is no name", "write a text of 1 to \(bytesMax) bytes")
            return nil
        }
        return text
    }

    mutating func envelope(_ tree: MapTree) -> OutputPlan.Envelope? {
        let word = tree.scalarText ?? ""
        if let envelope = OutputPlan.Envelope(rawValue: word) { return envelope }
        let words = OutputPlan.Envelope.allCases.map(\.rawValue)
        fail(
            tree, "envelope", "\(tree.described) is not one of \(words.joined(separator: ", "))",
            "did you mean \(nearestWord(word, among: words))?")
        return nil
    }

    mutating func exchange(_ tree: MapTree) -> String? {
        guard let name = text(tree, "exchange", bytesMax: 255) else { return nil }
        if !exchanges.contains(where: { $0.name == name }) { exchanges.append((name, tree.place)) }
        return name
    }

    mutating func headers(_ tree: MapTree) -> [OutputPlan.HeaderValue] {
        guard case .map(let pairs) = tree.value, pairs.count <= 32 else {
            fail(
                tree, "headers", "\(tree.described) is no map of at most 32 headers", "write {X-Shop: {value: berlin}}")
            return []
        }
        var headers: [OutputPlan.HeaderValue] = []
        for (name, place, tree) in pairs {
            guard !name.isEmpty, name.utf8.count <= 128, name.isPrintable else {
                compiler.fail(place, "headers.\(name)", "is no header's name", "take 1 to 128 bytes")
                continue
            }
            if name.hasPrefix("x-backorder-") || OutputPlan.reservedHeaders.contains(name) {
                compiler.fail(
                    place, "headers.\(name)", "has a meaning of its own, to the daemon or the broker",
                    "take another name")
                continue
            }
            if let value = value(tree, "headers.\(name)") { headers.append(.init(name: name, value: value)) }
        }
        return headers
    }

    /// Fields of the contract's body, by the names of the tables: `customer.contact`, `lines[].promised_at`.
    mutating func without(_ tree: MapTree) -> [[[UInt8]]] {
        let trees: [MapTree] = if case .list(let list) = tree.value { list } else { [tree] }
        return trees.compactMap { tree in
            do throws(PointerFault) {
                let tokens = try OutputTarget.path(tree.scalarText ?? "")
                _ = try compiler.outputScope?.find(PointerText(up: -1, tokens: tokens), tree.scalarText ?? "")
                return tokens.compactMap { if case .key(let name) = $0 { Array(name.utf8) } else { nil } }
            } catch {
                fail(tree, "without", error.cause, error.remedy)
                return nil
            }
        }
    }
}
