/// The deliveries of one channel and which of them are finished; decides what is acknowledged how.
///
/// The broker numbers deliveries of a channel 1, 2, 3, …. Finished ones are acknowledged at once: those without a gap
/// before them by one `multiple`, the others singly, so that one slow delivery does not hold up its neighbours. The tag
/// of a `multiple` must itself still be open at the broker (else it answers 406), which is why the tracker remembers
/// what it has already sent.
struct AckTracker {
    struct Ack: Equatable {
        var tag: UInt64
        var multiple: Bool
    }

    private enum Mark: UInt8 {
        case open, finished, sent
    }

    /// Marks of the tags `firstTag ..< firstTag + marks.count - head`; everything below `firstTag` is sent.
    private var marks: [Mark] = []
    private var head = 0
    private var firstTag: UInt64 = 1
    private var finishedUnsent: [UInt64] = []

    /// Deliveries the broker still counts as unacknowledged by us.
    private(set) var openCount = 0

    private var endTag: UInt64 { firstTag + UInt64(marks.count - head) }

    /// A delivery has come. Tags come in ascending order.
    mutating func delivered(_ tag: UInt64) {
        guard tag >= endTag else { return }
        // A gap never happens with RabbitMQ; if it did, the missing tags would stay open and only singles be sent.
        while endTag < tag { marks.append(.open) }
        marks.append(.open)
        openCount += 1
    }

    /// The delivery is dealt with. False: unknown here, or finished before; nothing changes.
    @discardableResult
    mutating func finish(_ tag: UInt64) -> Bool {
        guard tag >= firstTag, tag < endTag else { return false }
        let index = head + Int(tag - firstTag)
        guard marks[index] == .open else { return false }
        marks[index] = .finished
        finishedUnsent.append(tag)
        openCount -= 1
        return true
    }

    /// The delivery was rejected, so nothing is to be sent for it.
    mutating func rejected(_ tag: UInt64) {
        guard tag >= firstTag, tag < endTag else { return }
        let index = head + Int(tag - firstTag)
        guard marks[index] == .open else { return }
        marks[index] = .sent
        openCount -= 1
    }

    /// What to send now.
    mutating func takeAcks() -> [Ack] {
        guard !finishedUnsent.isEmpty else { return [] }
        var acks: [Ack] = []
        var last: UInt64 = 0
        var count = 0
        while head < marks.count, marks[head] != .open {
            if marks[head] == .finished {
                last = firstTag
                count += 1
            }
            head += 1
            firstTag += 1
        }
        if count > 0 { acks.append(Ack(tag: last, multiple: count > 1)) }
        if count < finishedUnsent.count {
            for tag in finishedUnsent where tag >= firstTag {
                marks[head + Int(tag - firstTag)] = .sent
                acks.append(Ack(tag: tag, multiple: false))
            }
        }
        finishedUnsent.removeAll(keepingCapacity: true)
        if head == marks.count {
            marks.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 4_096, head > marks.count / 2 {
            marks.removeFirst(head)
            head = 0
        }
        return acks
    }
}
