/// The published messages of one channel generation that await their confirm.
///
/// Confirms come in any order, singly or `multiple`, and each message is settled exactly once. A return comes before
/// the ack of the same message, carries no sequence number, and is matched by message id.
struct ConfirmTable {
    struct Settled: Equatable {
        var handle: UInt64
        var outcome: PublishOutcome
    }

    private struct Entry {
        var handle: UInt64
        var messageID: String
        var exchange: String
        var bodyBytes: Int
        var sentAt: UInt64
        var state: State
    }

    private enum State {
        case waiting, returned, settled
    }

    /// Entries of the sequence numbers from `firstSequence`, beginning at `head`; everything below is settled.
    private var entries: [Entry] = []
    private var head = 0
    private var firstSequence: UInt64 = 1
    private var returns: [UInt64: PublishOutcome] = [:]

    /// Published and not settled.
    private(set) var outstanding = 0

    /// Notes that the next message of the channel is sent, and answers its sequence number.
    @discardableResult
    mutating func sent(_ message: OutgoingMessage, at now: UInt64) -> UInt64 {
        entries.append(
            Entry(
                handle: message.handle, messageID: message.properties.messageID ?? "", exchange: message.exchange,
                bodyBytes: message.body.count, sentAt: now, state: .waiting))
        outstanding += 1
        return firstSequence + UInt64(entries.count - head) - 1
    }

    /// When the longest unsettled message was sent.
    var oldestSentAt: UInt64? { head < entries.count ? entries[head].sentAt : nil }

    /// Starts the clocks of all unsettled messages anew, after a time in which the broker could not confirm.
    mutating func restartClocks(at now: UInt64) {
        for index in head..<entries.count { entries[index].sentAt = now }
    }

    /// The broker found no queue for a message. False: no unsettled message has this id.
    @discardableResult
    mutating func returned(messageID: String?, code: Int, text: String) -> Bool {
        // Returns are rare and come in the order of publishing, so the first match is near the head.
        // A dead letter keeps its properties and may have no id; those without one share a fate, so the first will do.
        let name = messageID ?? ""
        guard
            let index = entries[head...].firstIndex(where: { $0.state == .waiting && $0.messageID == name })
        else { return false }
        entries[index].state = .returned
        returns[firstSequence + UInt64(index - head)] = .returned(code: code, text: text)
        return true
    }

    /// A confirm. Answers false for a sequence number that was never sent, which no correct broker does.
    @discardableResult
    mutating func confirmed(
        _ sequence: UInt64, multiple: Bool, nack: Bool, settled: inout [Settled]
    ) -> Bool {
        let end = firstSequence + UInt64(entries.count - head)
        // By the protocol, `multiple` with 0 means everything so far.
        let last = multiple && sequence == 0 ? end - 1 : sequence
        guard last < end else { return false }
        guard last >= firstSequence else { return true }
        if multiple {
            for index in head...(head + Int(last - firstSequence)) { settle(index, nack: nack, &settled) }
        } else {
            settle(head + Int(last - firstSequence), nack: nack, &settled)
        }
        dropSettledHead()
        return true
    }

    /// The channel is gone, so the fate of all the rest is unknown, save for those whose return has come.
    ///
    /// When the broker closed it because of a message, the error's text tells of which: that one would close the next
    /// channel too, so it gets an answer of its own (`returned` for an exchange that is missing or forbidden, `invalid`
    /// for a body that is too large there) and the others can be published again in peace.
    mutating func lost(error: AMQPError?, settled: inout [Settled]) {
        let text = error.map(\.message) ?? ""
        let exchangeIsAtFault = error.map { $0.code == .notFound || $0.code == .accessRefused } ?? false
        for index in head..<entries.count where entries[index].state != .settled {
            let entry = entries[index]
            var outcome = returns[firstSequence + UInt64(index - head)] ?? .unknown
            if exchangeIsAtFault, text.contains("exchange '\(entry.exchange)'") {
                outcome = .returned(code: error?.code == .notFound ? 404 : 403, text: text)
            } else if text.contains("message size \(entry.bodyBytes) is larger") {
                outcome = .invalid(text)
            }
            settled.append(Settled(handle: entry.handle, outcome: outcome))
        }
        self = ConfirmTable()
    }

    private mutating func settle(_ index: Int, nack: Bool, _ settled: inout [Settled]) {
        let outcome: PublishOutcome
        switch entries[index].state {
        case .settled: return
        case .waiting: outcome = nack ? .nacked : .confirmed
        case .returned:
            outcome = returns.removeValue(forKey: firstSequence + UInt64(index - head)) ?? .unknown
        }
        entries[index].state = .settled
        outstanding -= 1
        settled.append(Settled(handle: entries[index].handle, outcome: outcome))
    }

    private mutating func dropSettledHead() {
        while head < entries.count, entries[head].state == .settled {
            head += 1
            firstSequence += 1
        }
        if head == entries.count {
            entries.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 1_024, head > entries.count / 2 {
            entries.removeFirst(head)
            head = 0
        }
    }
}
