import InventoryCore

/// Makes the contract's shape of one foreign message: a second list of nodes over the message's own text, with what the
/// plan adds behind it. What was not changed is not copied.
struct MapBuilder: ~Copyable {
    /// Where a node of the made message comes from.
    enum Origin {
        /// A node of the foreign message.
        static func found(_ node: Int) -> Int32 { Int32(truncatingIfNeeded: node) }
        /// Made of several, or of none: the member's own description says of what.
        static func member(_ index: Int) -> Int32 { -2 - Int32(truncatingIfNeeded: index) }
    }

    /// An element of a list that is being read.
    struct Scope {
        var node: Int
        /// Its name in an object; -1: it stands in a list.
        var name: Int
        /// From 1.
        var position: Int
    }

    /// What a mapping changes, joins or compares has at most so many bytes: the work for each line stays bounded.
    static let textBytesMax = 8192
    /// So many elements of a list are looked at for each line that is allowed.
    static let elementsForEachLine = 4

    let plan: MapPlan
    let source: JSONDocument
    /// The outermost object that pointers begin at.
    let root: Int
    let attributes: MapAttributes
    let linesMax: Int
    /// Where the plan's text begins.
    let base: UInt32
    /// The message, the plan's text, and what was made; only ever appended to.
    var text: [UInt8]
    /// Each with its `Origin`.
    var nodes: MadeNodes
    var scopes: [Scope] = []
    /// The place in its list of the line that is being made, from 0.
    var line: Int?
    /// What is made: other types have members of the same names.
    var built = MapShape(first: 0, count: 0)
    /// Texts that could not be unwrapped, and why.
    var faults: [String] = []
    /// Elements that the filters passed over.
    var skippedElements = 0

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
        nodes = MadeNodes(capacity: 96)
    }

    /// The made message, valid inside `body`.
    func withDocument<Value>(_ body: (JSONDocument) throws(Rejection) -> Value) throws(Rejection) -> Value {
        try text.withUnsafeBufferPointer { (text) throws(Rejection) -> Value in
            try body(JSONDocument(text: text, nodes: nodes.all))
        }
    }

    // MARK: Making nodes

    mutating func build(_ shape: MapShape) throws(MapStop) {
        built = shape
        try object(shape, origin: Origin.found(root))
    }

    @inline(__always)
    private mutating func add(_ node: JSONNode, _ origin: Int32) {
        nodes.append(node, origin: origin, next: nodes.count + 1)
    }

    mutating func open(_ kind: JSONNode.Kind, _ origin: Int32) -> Int {
        add(JSONNode(start: 0, end: 0, next: 0, kind: kind), origin)
        return nodes.count - 1
    }

    mutating func object(_ shape: MapShape, origin: Int32) throws(MapStop) {
        let index = open(.object, origin)
        for member in Int(shape.first)..<Int(shape.first + shape.count) { try self.member(member) }
        nodes.close(index)
    }

    @inline(__always)
    mutating func key(_ member: MapMember, _ isElement: Bool) {
        if isElement { return }
        add(
            JSONNode(
                start: base + UInt32(member.name.start), end: base + UInt32(member.name.end), next: 0, kind: .string,
                isEscaped: member.nameIsEscaped), -1)
    }

    /// - Parameter isElement: it stands in a list, without its name.
    mutating func member(_ index: Int, isElement: Bool = false) throws(MapStop) {
        let member = plan.members.elements[index]
        switch member.content {
        case .plain(let pointer):
            guard let found = find(pointer) else { return }
            if source[found].kind == .null, !member.keepsNull { return }
            key(member, isElement)
            copy(found, whole: member.takesContainers)
        case .value(let entry):
            guard let made = try value(plan.values.elements[Int(entry)], member: index) else { return }
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
            }
        case .list(let list): try self.list(plan.lists.elements[Int(list)], member, index, isElement: isElement)
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
                let node = source[index]
                nodes.append(node, origin: Origin.found(index), next: Int(node.next) + shift)
            }
        } else {
            _ = open(node.kind, Origin.found(found))
        }
    }

    // MARK: Finding

    /// Where a pointer begins; nil: nowhere.
    func start(of pointer: MapPointer) -> Int? {
        if pointer.up == 0 { return scopes.last?.node ?? root }
        if pointer.up < 0 || Int(pointer.up) >= scopes.count { return root }
        return scopes[scopes.count - 1 - Int(pointer.up)].node
    }

    @inline(__always)
    func find(_ pointer: MapPointer) -> Int? {
        guard var node = start(of: pointer) else { return nil }
        for step in Int(pointer.first)..<Int(pointer.first + pointer.count) {
            guard let next = next(from: node, plan.steps.elements[step]) else { return nil }
            node = next
        }
        return node
    }

    /// With a value of the message as the name, place or text that is looked for.
    func find(_ pointer: MapPointer, _ found: [UInt8]) -> Int? {
        guard var node = start(of: pointer) else { return nil }
        for index in Int(pointer.first)..<Int(pointer.first + pointer.count) {
            let step = plan.steps.elements[index]
            let isOpen = step.kind == .found || step.kind == .matchFound
            let next =
                isOpen ? source.step(from: node, step, found: found, plan.text.elements) : next(from: node, step)
            guard let next else { return nil }
            node = next
        }
        return node
    }

    /// A piece of the plan's text.
    @inline(__always)
    func name(_ range: MapRange) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: plan.text.elements[Int(range.start)..<Int(range.end)])
    }

    @inline(__always)
    func next(from node: Int, _ step: MapStep) -> Int? { source.step(from: node, step, plan.text.elements) }

    /// Whether a value without escapes is that text.
    @inline(__always)
    func isText(_ node: JSONNode, _ other: UnsafeBufferPointer<UInt8>) -> Bool {
        guard Int(node.end - node.start) == other.count else { return false }
        for offset in 0..<other.count where text[Int(node.start) + offset] != other[offset] { return false }
        return true
    }
}
