import InventoryCore

/// Values that are more than what a pointer finds: joined, coerced, looked up in a table.
extension MapBuilder {
    struct Made {
        var node: JSONNode
        var origin: Int32
        /// The node that was found, as it is.
        var isUnchanged = false
    }

    /// - Returns: nil where there is nothing.
    mutating func value(_ value: PlanValue, member: Int) throws(MapStop) -> Made? {
        guard plan.isOfOutput else { return try soundValue(value, member: member) }
        do throws(MapStop) {
            return try soundValue(value, member: member)
        } catch {
            return value.instead.map { Made(node: shifted($0), origin: Origin.member(member)) }
        }
    }

    private mutating func soundValue(_ value: PlanValue, member: Int) throws(MapStop) -> Made? {
        var made = try read(value.source, member)
        if made == nil || made?.node.kind == .null {
            // In an output null says something: no date is known, for example.
            guard let fallback = value.fallback else { return plan.isOfOutput ? made : nil }
            return Made(node: shifted(fallback), origin: Origin.member(member))
        }
        guard var found = made else { return nil }
        if !value.coercions.isEmpty, Int(found.node.end - found.node.start) > MapBuilder.textBytesMax,
            found.node.kind == .string
        {
            throw fault(member, "a text of more than \(MapBuilder.textBytesMax) bytes", found.origin)
        }
        if !value.coercions.isEmpty {
            guard let made = try coerced(found, by: value.coercions, member) else {
                guard let fallback = value.fallback else { return nil }
                return Made(node: shifted(fallback), origin: Origin.member(member))
            }
            found = made
        }
        if value.plus >= 0 || value.minus >= 0 { found = try sum(found, value, member) }
        made = found
        if value.table >= 0 { made = try look(up: found, in: plan.tables[Int(value.table)], member) }
        return made
    }

    /// - Returns: nil: it counts as absent.
    private mutating func coerced(_ made: Made, by coercions: MapRun, _ member: Int) throws(MapStop) -> Made? {
        var found = made
        for index in coercions.indices {
            do throws(MapCause) {
                guard let node = try coerced(found.node, by: plan.coercions.elements[index]) else { return nil }
                found = Made(node: node, origin: found.origin)
            } catch {
                throw fault(member, "\(shown(found.node)) \(error.text)", found.origin)
            }
        }
        return found
    }

    /// A value with what is added to it and taken off it.
    private mutating func sum(_ first: Made, _ value: PlanValue, _ member: Int) throws(MapStop) -> Made {
        var total = try whole(first, member)
        for (source, isAdded) in [(value.plus, true), (value.minus, false)] where source >= 0 {
            guard let made = try read(plan.sources.elements[Int(source)], member), made.node.kind != .null,
                let other = try coerced(made, by: value.coercions, member)
            else { continue }
            let change = try whole(other, member)
            let (sum, overflow) =
                isAdded ? total.addingReportingOverflow(change) : total.subtractingReportingOverflow(change)
            guard !overflow else { throw fault(member, "\(shown(other.node)) makes it too large", other.origin) }
            total = sum
        }
        return Made(node: made(number: total), origin: Origin.member(member))
    }

    private func whole(_ made: Made, _ member: Int) throws(MapStop) -> Int64 {
        guard made.node.kind == .number, case .value(let value) = number(made.node).whole else {
            throw fault(member, "\(shown(made.node)) is not a whole number", made.origin)
        }
        return value
    }

    private func look(up found: Made, in packed: PlanTable, _ member: Int) throws(MapStop) -> Made {
        if found.node.kind != .array, found.node.kind != .object, !found.node.isEscaped {
            for index in packed.rows.indices {
                let row = plan.rows.elements[index]
                if isText(found.node, name(row.key)) { return Made(node: shifted(row.value), origin: found.origin) }
            }
        }
        let table = packed.table
        if let text = plainText(found.node), let row = table.rows[text] {
            return Made(node: shifted(row), origin: found.origin)
        }
        if let otherwise = table.otherwise { return Made(node: shifted(otherwise), origin: found.origin) }
        let known = table.keys.prefix(12).joined(separator: ", ") + (table.keys.count > 12 ? ", …" : "")
        throw fault(member, "\(shown(found.node)) is none of \(known)", found.origin)
    }

    mutating func read(_ source: PlanSource, _ member: Int) throws(MapStop) -> Made? {
        switch source {
        case .pointer(let pointer):
            return find(pointer).map { Made(node: self.source[$0], origin: Origin.found($0), isUnchanged: true) }
        case .constant(let node): return Made(node: shifted(node), origin: Origin.member(member))
        case .attribute(let index):
            return read(plan.attributes[Int(index)]).map { Made(node: $0, origin: Origin.member(member)) }
        case .first(let sources):
            for index in sources.indices {
                if let made = try read(plan.sources.elements[index], member), made.node.kind != .null { return made }
            }
            return nil
        case .guarded(let conditions, let index):
            for condition in conditions.indices where holds(plan.conditions.elements[condition]) {
                return try read(plan.sources.elements[Int(index)], member)
            }
            return nil
        case .lookup(let index, let place):
            guard let made = try read(plan.sources.elements[Int(index)], member),
                made.node.kind == .string || made.node.kind == .number,
                Int(made.node.end - made.node.start) <= MapBuilder.textBytesMax
            else { return nil }
            return find(plan.places.elements[Int(place)], bytes(of: made.node)).map {
                Made(node: self.source[$0], origin: Origin.found($0), isUnchanged: true)
            }
        case .join(let sources):
            var bytes: [UInt8] = []
            for index in sources.indices {
                guard let made = try read(plan.sources.elements[index], member), made.node.kind != .null else {
                    return nil
                }
                guard made.node.kind == .string || made.node.kind == .number else {
                    throw fault(member, "\(shown(made.node)), text or a number is needed to join", made.origin)
                }
                if made.node.isEscaped {
                    bytes += self.bytes(of: made.node)
                } else {
                    bytes += text[Int(made.node.start)..<Int(made.node.end)]
                }
                // `SKU-` with nothing behind the dash names nothing: a blank part is as good as none.
                if !plan.isOfOutput, isBlank(made.node) {
                    guard case .constant = plan.sources.elements[index] else { return nil }
                }
                if bytes.count > MapBuilder.textBytesMax {
                    throw fault(member, "more than \(MapBuilder.textBytesMax) bytes to join", made.origin)
                }
            }
            return Made(node: made(string: bytes), origin: Origin.member(member))
        }
    }

    private mutating func read(_ attribute: MapAttribute) -> JSONNode? {
        switch attribute {
        case .property(let name): attributes.property(name).map { made(string: Array($0.utf8)) }
        case .header(let name): attributes.header(name).map { made(string: Array($0.utf8)) }
        case .key:
            scopes.last.map { scope in
                scope.name < 0 ? made(string: Array("\(scope.position)".utf8)) : source[scope.name]
            }
        }
    }

    /// A constant of the plan over the builder's own text.
    private func shifted(_ node: JSONNode) -> JSONNode {
        var node = node
        node.start += base
        node.end += base
        return node
    }
}
