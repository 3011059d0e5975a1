import InventoryCore

/// Makes the contract's shape of one foreign message: a second list of nodes over the message's own text, with what the
/// plan adds behind it. What was not changed is not copied.
struct MapBuilder {
    /// Where a node of the made message comes from.
    enum Origin {
        /// A node of the foreign message.
        static func found(_ node: Int) -> Int32 { Int32(truncatingIfNeeded: node) }
        /// Made of several, or of none: the member's own description says of what.
        static func member(_ index: Int) -> Int32 { -2 - Int32(truncatingIfNeeded: index) }
    }

    /// An element of a list that is being read.
    private struct Scope {
        var node: Int
        /// Its name in an object; -1: it stands in a list.
        var name: Int
        /// From 1.
        var position: Int
    }

    /// What a mapping changes, joins or compares has at most so many bytes: the work for each line stays bounded.
    static let textBytesMax = 8192
    /// So many elements of a list are looked at for each line that is allowed.
    private static let elementsForEachLine = 4

    let plan: MapPlan
    let source: JSONDocument
    /// The outermost object that pointers begin at.
    let root: Int
    let attributes: MapAttributes
    let linesMax: Int
    /// Where the plan's text begins.
    private let base: UInt32
    /// The message, the plan's text, and what was made; only ever appended to.
    var text: [UInt8]
    private(set) var nodes: [JSONNode] = []
    /// By node, see `Origin`.
    private(set) var origins: [Int32] = []
    private var scopes: [Scope] = []
    /// The place in its list of the line that is being made, from 0.
    private(set) var line: Int?
    /// Elements that the filters passed over.
    private(set) var skippedElements = 0

    init(_ plan: MapPlan, _ source: JSONDocument, _ root: Int, _ attributes: MapAttributes, linesMax: Int) {
        self.plan = plan
        self.source = source
        self.root = root
        self.attributes = attributes
        self.linesMax = linesMax
        base = UInt32(source.text.count)
        text = []
        text.reserveCapacity(source.text.count + plan.text.elements.count + 256)
        text.append(contentsOf: source.text)
        text.append(contentsOf: plan.text.elements)
        nodes.reserveCapacity(64)
        origins.reserveCapacity(64)
    }

    /// The made message, valid inside `body`.
    func withDocument<Value>(_ body: (JSONDocument) throws(Rejection) -> Value) throws(Rejection) -> Value {
        try text.withUnsafeBufferPointer { (text) throws(Rejection) -> Value in
            try nodes.withUnsafeBufferPointer { (nodes) throws(Rejection) -> Value in
                try body(JSONDocument(text: text, nodes: nodes))
            }
        }
    }

    // MARK: Making nodes

    mutating func build(_ shape: MapShape) throws(MapStop) {
        try object(shape, origin: Origin.found(root))
    }

    private mutating func add(_ node: JSONNode, _ origin: Int32) {
        var node = node
        node.next = UInt32(truncatingIfNeeded: nodes.count + 1)
        nodes.append(node)
        origins.append(origin)
    }

    private mutating func open(_ kind: JSONNode.Kind, _ origin: Int32) -> Int {
        add(JSONNode(start: 0, end: 0, next: 0, kind: kind), origin)
        return nodes.count - 1
    }

    private mutating func close(_ index: Int) {
        nodes[index].next = UInt32(truncatingIfNeeded: nodes.count)
    }

    private mutating func object(_ shape: MapShape, origin: Int32) throws(MapStop) {
        let index = open(.object, origin)
        for member in Int(shape.first)..<Int(shape.first + shape.count) { try self.member(member) }
        close(index)
    }

    @inline(__always)
    private mutating func key(_ member: MapMember, _ isElement: Bool) {
        if isElement { return }
        add(
            JSONNode(
                start: base + UInt32(member.name.start), end: base + UInt32(member.name.end), next: 0, kind: .string,
                isEscaped: member.nameIsEscaped), -1)
    }

    /// - Parameter isElement: it stands in a list, without its name.
    private mutating func member(_ index: Int, isElement: Bool = false) throws(MapStop) {
        let member = plan.members.elements[index]
        switch member.content {
        case .plain(let pointer):
            guard let found = find(pointer) else { return }
            if source[found].kind == .null, !member.keepsNull { return }
            key(member, isElement)
            copy(found, whole: member.takesContainers)
        case .value(let entry):
            guard let made = try value(plan.values[Int(entry)], member: index) else { return }
            if made.node.kind == .null, !member.keepsNull { return }
            key(member, isElement)
            if made.origin >= 0, made.isUnchanged {
                copy(Int(made.origin), whole: member.takesContainers)
            } else {
                add(made.node, made.origin)
            }
        case .object(let shape):
            let before = nodes.count
            key(member, isElement)
            let opened = nodes.count
            try object(shape, origin: Origin.member(index))
            // Nothing in it: as good as absent.
            if nodes.count == opened + 1 {
                nodes.removeLast(nodes.count - before)
                origins.removeLast(origins.count - before)
            }
        case .list(let list): try self.list(plan.lists[Int(list)], member, index, isElement: isElement)
        }
    }

    /// Takes a value over as it stands.
    private mutating func copy(_ found: Int, whole: Bool) {
        let node = source[found]
        if node.kind != .array, node.kind != .object {
            add(node, Origin.found(found))
        } else if whole {
            let shift = nodes.count - found
            for index in found..<Int(node.next) {
                var node = source[index]
                node.next = UInt32(truncatingIfNeeded: Int(node.next) + shift)
                nodes.append(node)
                origins.append(Origin.found(index))
            }
        } else {
            _ = open(node.kind, Origin.found(found))
        }
    }

    // MARK: Lists

    private mutating func list(
        _ list: MapList, _ member: MapMember, _ index: Int, isElement: Bool
    ) throws(MapStop) {
        let before = nodes.count
        key(member, isElement)
        let array = open(.array, Origin.member(index))
        var count = 0
        var isThere = false
        skippedElements = 0
        for place in list.places {
            guard let start = start(of: place) else { continue }
            try walk(list, index, start, Int(place.first), Int(place.first + place.count), &count, &isThere)
        }
        close(array)
        if isThere, count == 0, skippedElements > 0, !plan.isOfOutput {
            throw .skipped("none of the \(skippedElements) elements at \(plan.origins[index]) is left")
        }
        if !isThere {
            nodes.removeLast(nodes.count - before)
            origins.removeLast(origins.count - before)
        } else if count == 0 {
            // An empty list is told with its place.
            origins[array] = Origin.member(index)
        }
    }

    private mutating func walk(
        _ list: MapList, _ index: Int, _ node: Int, _ step: Int, _ end: Int, _ count: inout Int, _ isThere: inout Bool
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

    private mutating func element(_ list: MapList, _ node: Int, _ index: Int, _ count: inout Int) throws(MapStop) {
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

    // MARK: Finding

    /// Where a pointer begins; nil: nowhere.
    private func start(of pointer: MapPointer) -> Int? {
        if pointer.up == 0 { return scopes.last?.node ?? root }
        if pointer.up < 0 || Int(pointer.up) >= scopes.count { return root }
        return scopes[scopes.count - 1 - Int(pointer.up)].node
    }

    @inline(__always)
    private func find(_ pointer: MapPointer) -> Int? {
        guard var node = start(of: pointer) else { return nil }
        for step in Int(pointer.first)..<Int(pointer.first + pointer.count) {
            guard let next = next(from: node, plan.steps.elements[step]) else { return nil }
            node = next
        }
        return node
    }

    private func name(_ range: MapRange) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: plan.text.elements[Int(range.start)..<Int(range.end)])
    }

    @inline(__always)
    private func next(from node: Int, _ step: MapStep) -> Int? {
        switch (step.kind, source[node].kind) {
        case (.key, .object): return source.member(name(step.name), of: node)
        case (.key, .array): return step.index < 0 ? nil : source.element(Int(step.index), of: node)
        case (.match, .array):
            var child = node + 1
            let end = source.end(of: node)
            while child < end {
                if source[child].kind == .object, let value = source.member(name(step.name), of: child),
                    source[value].kind == .string || source[value].kind == .number,
                    source.isKey(value, name(step.value))
                {
                    return child
                }
                child = source.next(after: child)
            }
            return nil
        default: return nil
        }
    }

    // MARK: Values

    struct Made {
        var node: JSONNode
        var origin: Int32
        /// The node that was found, as it is.
        var isUnchanged = false
    }

    /// - Returns: nil where there is nothing.
    mutating func value(_ value: MapValue, member: Int) throws(MapStop) -> Made? {
        guard plan.isOfOutput else { return try soundValue(value, member: member) }
        do throws(MapStop) {
            return try soundValue(value, member: member)
        } catch {
            return value.instead.map { Made(node: shifted($0), origin: Origin.member(member)) }
        }
    }

    private mutating func soundValue(_ value: MapValue, member: Int) throws(MapStop) -> Made? {
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
        for coercion in value.coercions {
            do throws(MapCause) {
                guard let node = try coerced(found.node, by: coercion) else {
                    guard let fallback = value.fallback else { return nil }
                    return Made(node: shifted(fallback), origin: Origin.member(member))
                }
                found = Made(node: node, origin: found.origin)
            } catch {
                throw fault(member, "\(shown(found.node)) \(error.text)", found.origin)
            }
        }
        made = found
        if let table = value.table { made = try look(up: found, in: table, member) }
        return made
    }

    private func look(up found: Made, in table: MapTable, _ member: Int) throws(MapStop) -> Made {
        if let text = plainText(found.node), let row = table.rows[text] {
            return Made(node: shifted(row), origin: found.origin)
        }
        if let otherwise = table.otherwise { return Made(node: shifted(otherwise), origin: found.origin) }
        let known = table.keys.prefix(12).joined(separator: ", ") + (table.keys.count > 12 ? ", …" : "")
        throw fault(member, "\(shown(found.node)) is none of \(known)", found.origin)
    }

    private mutating func read(_ source: MapSource, _ member: Int) throws(MapStop) -> Made? {
        switch source {
        case .pointer(let pointer):
            return find(pointer).map { Made(node: self.source[$0], origin: Origin.found($0), isUnchanged: true) }
        case .constant(let node): return Made(node: shifted(node), origin: Origin.member(member))
        case .attribute(let attribute): return read(attribute).map { Made(node: $0, origin: Origin.member(member)) }
        case .first(let sources):
            for source in sources {
                if let made = try read(source, member), made.node.kind != .null { return made }
            }
            return nil
        case .join(let sources):
            var bytes: [UInt8] = []
            for source in sources {
                guard let made = try read(source, member), made.node.kind != .null else { return nil }
                guard made.node.kind == .string || made.node.kind == .number else {
                    throw fault(member, "\(shown(made.node)), text or a number is needed to join", made.origin)
                }
                bytes += self.bytes(of: made.node)
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

    // MARK: Filters

    /// Why a message or an element is passed over; nil: it is not.
    mutating func passes(_ filter: MapFilter) -> String? {
        if !filter.unless.isEmpty, !filter.unless.contains(where: { holds($0) }) {
            let texts = filter.unless.flatMap(\.tests).map { "\($0.sourceText) is \(shownSource($0.source))" }
            return "unless: " + texts.prefix(4).joined(separator: ", ")
        }
        for condition in filter.when where holds(condition) {
            let texts = condition.tests.map { "\($0.sourceText) is \(shownSource($0.source))" }
            return "when: " + texts.prefix(4).joined(separator: ", ")
        }
        return nil
    }

    private mutating func holds(_ condition: MapCondition) -> Bool {
        for test in condition.tests where !holds(test) { return false }
        return true
    }

    private mutating func holds(_ test: MapTest) -> Bool {
        var found = (try? read(test.source, -1))?.node
        if found?.kind == .null { found = nil }
        func isAny(_ patterns: [Pattern], _ orNothing: Bool) -> Bool {
            guard let found else { return orNothing }
            guard let text = plainText(found) else { return false }
            return patterns.contains { $0.matches(text) }
        }
        switch test.wanted {
        case .present(let wanted): return (found != nil) == wanted
        case .anyOf(let patterns, let orNothing): return isAny(patterns, orNothing)
        case .noneOf(let patterns, let orNothing): return !isAny(patterns, orNothing)
        }
    }

    private mutating func shownSource(_ source: MapSource) -> String {
        guard let made = try? read(source, -1) else { return "not there" }
        return shown(made.node)
    }
}
