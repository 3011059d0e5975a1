internal import InventoryCore

/// Who sees to the sending of which outbox segments.
extension MemoryBooks {
    func claimOutbox(worker: String, now: Instant, until: Instant, limit: Int) throws -> [OutboxSegment] {
        put(outboxLease: until, worker)
        for (other, end) in outboxLeases where end <= now && other != worker { put(outboxLease: nil, other) }
        let free = segments.first(.max).filter { segment in claims[segment].map { outboxLeases[$0] == nil } ?? true }
        return free.prefix(limit).compactMap { segment in
            put(claim: worker, segment)
            return outbox[segment]
        }
    }

    func outboxWorkers() throws -> [String] { outboxLeases.keys.sorted() }

    func leaveOutbox(worker: String) throws {
        if outboxLeases[worker] != nil { put(outboxLease: nil, worker) }
        for (segment, other) in claims where other == worker { put(claim: nil, segment) }
    }
}
