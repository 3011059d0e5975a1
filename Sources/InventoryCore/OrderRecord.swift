/// An order in the working set.
final class OrderRecord {
    var order: Order
    private(set) var isNew: Bool
    var isChanged = false
    var changedLines: [Bool]
    /// The leading value of its lines' precedence, as the queues know it.
    var lead: Int64
    /// Its lines changed since the journal was kept last.
    var isUnjournaled = false
    /// Its lines as the journal knows them.
    private var journaled: [OrderLine]
    /// What the policy said of lines of which units were left over, for the next event.
    var policyNotes: [Int: String] = [:]

    init(_ order: Order, isNew: Bool, lead: Int64) {
        self.order = order
        self.journaled = order.lines
        self.isNew = isNew
        self.lead = lead
        self.changedLines = Array(repeating: false, count: order.lines.count)
    }

    /// What moved on its lines since this was asked last.
    func takeLineChanges() -> [OrderEvent.LineChange] {
        var changes: [OrderEvent.LineChange] = []
        for position in order.lines.indices where changedLines[position] {
            var change = OrderEvent.LineChange(position: position)
            change.note(from: journaled[position], to: order.lines[position])
            change.policy = policyNotes[position]
            if change != OrderEvent.LineChange(position: position) { changes.append(change) }
        }
        journaled = order.lines
        policyNotes = [:]
        return changes
    }

    func settle() {
        isNew = false
        isChanged = false
        for position in changedLines.indices { changedLines[position] = false }
    }
}
