/// The nodes of a message that a mapping makes, and by node where it comes from. Its memory is its own, so that adding
/// a node is a store and nothing else.
struct MadeNodes: ~Copyable {
    private var nodes: UnsafeMutablePointer<JSONNode>
    private var origins: UnsafeMutablePointer<Int32>
    private(set) var count = 0
    private var capacity: Int

    init(capacity: Int) {
        self.capacity = max(capacity, 1)
        nodes = .allocate(capacity: self.capacity)
        origins = .allocate(capacity: self.capacity)
    }

    deinit {
        nodes.deallocate()
        origins.deallocate()
    }

    /// - Parameter next: for an open list or object it is set by `close`.
    @inline(__always)
    mutating func append(_ node: JSONNode, origin: Int32, next: Int) {
        if count == capacity { grow() }
        var node = node
        node.next = UInt32(truncatingIfNeeded: next)
        (nodes + count).initialize(to: node)
        (origins + count).initialize(to: origin)
        count += 1
    }

    /// All that was added since belongs to the list or object at `index`.
    @inline(__always)
    mutating func close(_ index: Int) {
        precondition(index < count)
        nodes[index].next = UInt32(truncatingIfNeeded: count)
    }

    mutating func removeLast(_ number: Int) {
        precondition(number <= count)
        count -= number
    }

    func origin(_ index: Int) -> Int32 {
        precondition(index < count)
        return origins[index]
    }

    mutating func setOrigin(_ index: Int, _ origin: Int32) {
        precondition(index < count)
        origins[index] = origin
    }

    /// Valid until the next change.
    var all: UnsafeBufferPointer<JSONNode> { UnsafeBufferPointer(start: nodes, count: count) }

    @inline(never)
    private mutating func grow() {
        let wider = capacity * 2
        let (moreNodes, moreOrigins) = (
            UnsafeMutablePointer<JSONNode>.allocate(capacity: wider),
            UnsafeMutablePointer<Int32>.allocate(capacity: wider)
        )
        moreNodes.moveInitialize(from: nodes, count: count)
        moreOrigins.moveInitialize(from: origins, count: count)
        nodes.deallocate()
        origins.deallocate()
        (nodes, origins, capacity) = (moreNodes, moreOrigins, wider)
    }
}
