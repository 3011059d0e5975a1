import InventoryCore

/// What a mapping passes over: whole messages, and elements of lists.
extension MapBuilder {
    /// Why a message or an element is passed over; nil: it is not.
    mutating func passes(_ filter: PlanFilter) -> String? {
        if !filter.unless.isEmpty {
            var isLeft = false
            for index in filter.unless.indices where holds(plan.conditions.elements[index]) {
                isLeft = true
                break
            }
            if !isLeft {
                return "unless: " + told(filter.unless.indices.flatMap { plan.conditions.elements[$0].indices })
            }
        }
        for index in filter.when.indices where holds(plan.conditions.elements[index]) {
            return "when: " + told(Array(plan.conditions.elements[index].indices))
        }
        return nil
    }

    private mutating func told(_ tests: [Int]) -> String {
        var texts: [String] = []
        for index in tests.prefix(4) {
            texts.append("\(plan.testTexts[index]) is \(shownSource(plan.tests.elements[index].source))")
        }
        return texts.joined(separator: ", ")
    }

    mutating func holds(_ condition: MapRun) -> Bool {
        for index in condition.indices where !holds(plan.tests.elements[index]) { return false }
        return true
    }

    private mutating func holds(_ test: PlanTest) -> Bool {
        var found = (try? read(test.source, -1))?.node
        if found?.kind == .null { found = nil }
        switch test.wanted {
        case .present: return found != nil
        case .absent: return found == nil
        case .anyOf: return isAny(found, test)
        case .noneOf: return !isAny(found, test)
        case .same: return isSame(found, test)
        case .notSame: return !isSame(found, test)
        }
    }

    /// By value where both are whole numbers, also in texts; else by text. Nothing and null are the same.
    private mutating func isSame(_ found: JSONNode?, _ test: PlanTest) -> Bool {
        var other = (try? read(plan.sources.elements[Int(test.other)], -1))?.node
        if other?.kind == .null { other = nil }
        guard let found, let other else { return found == nil && other == nil }
        if let left = wholeInText(found), let right = wholeInText(other) { return left == right }
        guard let left = plainText(found), let right = plainText(other) else { return false }
        return left.utf8.elementsEqual(right.utf8)
    }

    private func isAny(_ found: JSONNode?, _ test: PlanTest) -> Bool {
        guard let found else { return test.orNothing }
        switch found.kind {
        case .array, .object: return false
        case .string where Int(found.end - found.start) > MapBuilder.textBytesMax: return false
        default: break
        }
        if found.isEscaped { return bytes(of: found).withUnsafeBufferPointer { isAny($0, test.patterns) } }
        return text.withUnsafeBufferPointer { text in
            isAny(UnsafeBufferPointer(rebasing: text[Int(found.start)..<Int(found.end)]), test.patterns)
        }
    }

    private func isAny(_ subject: UnsafeBufferPointer<UInt8>, _ patterns: MapRun) -> Bool {
        for index in patterns.indices
        where plan.patterns.elements[index].matches(subject, in: plan.text.elements) { return true }
        return false
    }

    private mutating func shownSource(_ source: PlanSource) -> String {
        guard let made = try? read(source, -1) else { return "not there" }
        return shown(made.node)
    }
}
