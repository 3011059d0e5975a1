import InventoryCore

/// Which messages, and elements of lists, are to be passed over.
extension MapCompiler {
    mutating func filter(_ tree: MapTree, _ key: String, isElement: Bool) -> MapFilter {
        var filter = MapFilter()
        guard case .map(let pairs) = tree.value, !pairs.isEmpty else {
            fail(tree.place, key, "\(tree.described) is no filter", "write it as {unless: {/status: [paid]}}")
            return filter
        }
        for (name, place, value) in pairs {
            let conditions = conditions(value, "\(key).\(name)", isElement: isElement)
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

    /// One condition, or a list of which one has to hold.
    mutating func conditions(_ tree: MapTree, _ key: String, isElement: Bool) -> [MapCondition] {
        let trees: [MapTree] = if case .list(let list) = tree.value { list } else { [tree] }
        return trees.compactMap { condition($0, key, isElement: isElement) }
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
                    fail(
                        value.place, key, "a map is nothing to compare with",
                        "write {not: …}, {present: true} or {same: /pointer}")
                    return nil
                }
                switch (first.key, first.value.value) {
                case ("present", .flag(let flag)):
                    tests.append(MapTest(source: source, wanted: .present(flag), sourceText: name))
                    continue
                case ("same", _), ("not-same", _):
                    guard let other = pointer(first.value, "\(key).\(first.key)", allowsMany: false) else { return nil }
                    let wanted = MapTest.Wanted.same(.pointer(other), isNot: first.key == "not-same")
                    tests.append(MapTest(source: source, wanted: wanted, sourceText: name))
                    continue
                case ("not", _):
                    isNot = true
                    wanted = first.value
                default:
                    fail(
                        first.keyPlace, "\(key).\(first.key)", "unknown key",
                        "write {not: …}, {present: true} or {same: /pointer}")
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
