import InventoryCore

/// A text that is JSON itself, or the base64 of one.
struct MapUnwrap: Sendable {
    var pointer: MapPointer
    var isBase64 = false
}

/// Messages that carry their content as a text that is JSON itself, as bridges and queues of other makers do: the text's
/// nodes take the place of the text, so that pointers go on inside it.
struct UnwrappedDocument {
    private var text: [UInt8]
    private var nodes: [JSONNode]
    /// Why a text was left as it is, for a rejection.
    private(set) var faults: [String] = []

    /// So many texts may be unwrapped: each may nest as deep as a message.
    static let pointersMax = 4

    /// - Parameter root: where the pointers begin; it stays where it is.
    init(_ document: JSONDocument, root: Int, _ plan: MapPlan) {
        text = Array(document.text)
        nodes = Array(document.all)
        for unwrap in plan.unwraps { self.unwrap(unwrap, root, plan) }
    }

    /// Valid inside `body`.
    func withDocument<Value>(_ body: (JSONDocument) throws(Rejection) -> Value) throws(Rejection) -> Value {
        try text.withUnsafeBufferPointer { (text) throws(Rejection) -> Value in
            try nodes.withUnsafeBufferPointer { (nodes) throws(Rejection) -> Value in
                try body(JSONDocument(text: text, nodes: nodes))
            }
        }
    }

    /// What is not there, or no text, stays as it is: some senders wrap and others don't.
    private mutating func unwrap(_ unwrap: MapUnwrap, _ root: Int, _ plan: MapPlan) {
        let pointer = unwrap.pointer
        let found = text.withUnsafeBufferPointer { text in
            nodes.withUnsafeBufferPointer { nodes -> (index: Int, bytes: [UInt8], place: String)? in
                let document = JSONDocument(text: text, nodes: nodes)
                var node = root
                for step in Int(pointer.first)..<Int(pointer.first + pointer.count) {
                    guard let next = document.step(from: node, plan.steps.elements[step], plan.text.elements) else {
                        return nil
                    }
                    node = next
                }
                guard nodes[node].kind == .string else { return nil }
                return (node, document.unescaped(nodes[node]), document.pointer(to: node))
            }
        }
        guard var found else { return }
        if unwrap.isBase64 {
            guard let bytes = decodedBase64(String(decoding: found.bytes, as: UTF8.self)) else {
                faults.append("the text at \(found.place) is not base64")
                return
            }
            found.bytes = bytes
        }
        do throws(JSONError) {
            guard text.count + found.bytes.count < Int(Int32.max) else { return }
            let inner = try found.bytes.withUnsafeBufferPointer { (bytes) throws(JSONError) -> [JSONNode] in
                var parser = JSONParser(text: bytes)
                return try parser.parse()
            }
            replace(found.index, with: inner, shift: text.count)
            text += found.bytes
        } catch {
            faults.append("the text at \(found.place) is \(error.rejection.detail)")
        }
    }

    private mutating func replace(_ index: Int, with inner: [JSONNode], shift: Int) {
        let more = inner.count - 1
        for position in nodes.indices where Int(nodes[position].next) > index {
            nodes[position].next = UInt32(truncatingIfNeeded: Int(nodes[position].next) + more)
        }
        let moved = inner.map { node in
            var node = node
            node.start += UInt32(truncatingIfNeeded: shift)
            node.end += UInt32(truncatingIfNeeded: shift)
            node.next += UInt32(truncatingIfNeeded: index)
            return node
        }
        nodes.replaceSubrange(index...index, with: moved)
    }
}
