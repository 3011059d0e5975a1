import InventoryCore

/// The lists of a made message, and which of their elements are in them.
extension MapBuilder {
    mutating func list(
        _ list: PlanList, _ member: MapMember, _ index: Int, isElement: Bool
    ) throws(MapStop) {
        let before = nodes.count
        key(member, isElement)
        let array = open(.array, Origin.member(index))
        var count = 0
        var isThere = false
        skippedElements = 0
        for entry in list.places.indices {
            let place = plan.places.elements[entry]
            guard let start = start(of: place) else { continue }
            try walk(list, index, start, Int(place.first), Int(place.first + place.count), &count, &isThere)
        }
        nodes.close(array)
        if isThere, count == 0, skippedElements > 0, !plan.isOfOutput {
            throw .skipped("none of the \(skippedElements) elements at \(plan.origins[index]) is left")
        }
        if !isThere {
            nodes.removeLast(nodes.count - before)
        } else if count == 0 {
            // An empty list is told with its place.
            nodes.setOrigin(array, Origin.member(index))
        }
    }

    private mutating func walk(
        _ list: PlanList, _ index: Int, _ node: Int, _ step: Int, _ end: Int, _ count: inout Int, _ isThere: inout Bool
    ) throws(MapStop) {
        var node = node
        for step in step..<end {
            let kind = plan.steps.elements[step].kind
            guard kind == .each else {
                guard let next = next(from: node, plan.steps.elements[step]) else { return }
                node = next
                continue
            }
            if source[node].kind == .null { return }
            isThere = true
            let isLast = step + 1 == end
            try each(of: node, index) { (builder, scope) throws(MapStop) in
                if isLast {
                    try builder.element(list, scope.node, index, &count)
                } else {
                    try builder.walk(list, index, scope.node, step + 1, end, &count, &isThere)
                }
            }
            return
        }
        switch source[node].kind {
        case .null: return
        case .array:
            isThere = true
            try each(of: node, index) { (builder, scope) throws(MapStop) in
                try builder.element(list, scope.node, index, &count)
            }
        case .object:
            // Where XML was made JSON, one element stands without its list.
            isThere = true
            scopes.append(Scope(node: node, name: -1, position: 1))
            try element(list, node, index, &count)
            scopes.removeLast()
        default:
            if plan.isOfOutput { return }
            throw .rejected(
                Rejection(
                    .invalid,
                    "\(plan.keys[index]): \(source.described(node)), a list is needed (at \(source.pointer(to: node)))")
            )
        }
    }

    private mutating func each(
        of container: Int, _ index: Int, _ body: (inout MapBuilder, Scope) throws(MapStop) -> Void
    ) throws(MapStop) {
        let isObject = source[container].kind == .object
        guard isObject || source[container].kind == .array else {
            if plan.isOfOutput { return }
            let pointer = source.pointer(to: container)
            throw .rejected(
                Rejection(
                    .invalid, "\(plan.keys[index]): \(source.described(container)), a list is needed (at \(pointer))"))
        }
        var child = container + 1
        let end = source.end(of: container)
        var position = 0
        while child < end {
            position += 1
            let value = isObject ? child + 1 : child
            let scope = Scope(node: value, name: isObject ? child : -1, position: position)
            scopes.append(scope)
            try body(&self, scope)
            scopes.removeLast()
            child = source.next(after: value)
        }
    }

    private mutating func element(_ list: PlanList, _ node: Int, _ index: Int, _ count: inout Int) throws(MapStop) {
        if !list.filter.isEmpty, passes(list.filter) != nil {
            skippedElements += 1
            if skippedElements > linesMax * MapBuilder.elementsForEachLine {
                throw .rejected(
                    Rejection(
                        .invalid,
                        "\(plan.keys[index]): more than \(linesMax * MapBuilder.elementsForEachLine) elements are passed over (at \(plan.origins[index]))"
                    ))
            }
            return
        }
        if count == linesMax {
            throw .rejected(
                Rejection(.invalid, "\(plan.keys[index]): more than \(linesMax) lines (at \(plan.origins[index]))"))
        }
        line = count
        count += 1
        if list.isOfValues {
            try member(Int(list.element.first), isElement: true)
        } else {
            try object(list.element, origin: Origin.found(node))
        }
        line = nil
    }
}
