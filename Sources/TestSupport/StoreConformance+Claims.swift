internal import BackOrderStore
internal import InventoryCore

/// Whose outbox segments are whose.
extension StoreConformance {
    static func claimed(
        _ store: any BackOrderStore, _ worker: String, now: Int64, until: Int64, limit: Int = .max
    ) throws -> [OutboxSegmentID] {
        try store.write { try $0.claimOutbox(worker: worker, now: at(now), until: at(until), limit: limit) }.map(\.id)
    }

    static func appended(_ store: any BackOrderStore, _ name: String, by worker: String?) throws -> OutboxSegmentID {
        try store.write { try $0.appendOutbox([message(name)], at: at(1), worker: worker) }
    }

    static let claimCases: [Case] = [
        Case(name: "a segment that nobody sees to is claimed by one, whole") { make in
            let store = try make()
            let segment = try appended(store, "1", by: nil)
            let found = try store.write { try $0.claimOutbox(worker: "a", now: at(1), until: at(9), limit: 9) }
            try same(found, [OutboxSegment(id: segment, createdAt: at(1), messages: [message("1")])], "first")
            try same(try claimed(store, "b", now: 2, until: 9), [], "a neighbour")
            try same(try claimed(store, "a", now: 2, until: 9), [], "the same worker again")
            try store.write { try $0.removeOutbox([segment]) }
            try same(try claimed(store, "b", now: 99, until: 199), [], "when it is gone")
        },
        Case(name: "a worker's segments are its own while it lives, and anyone's after that") { make in
            let store = try make()
            try same(try claimed(store, "a", now: 0, until: 10), [], "at first")
            let first = try appended(store, "1", by: "a")
            let second = try appended(store, "2", by: "a")
            try same(try claimed(store, "b", now: 9, until: 19), [], "while it lives")
            try same(try claimed(store, "b", now: 10, until: 20), [first, second], "when its time is over")
            try same(try claimed(store, "c", now: 11, until: 20), [], "a third")
            try same(try claimed(store, "a", now: 12, until: 20), [], "the first, come back")
        },
        Case(name: "a worker that comes back late keeps what nobody took") { make in
            let store = try make()
            _ = try claimed(store, "a", now: 0, until: 10)
            let segment = try appended(store, "1", by: "a")
            try same(try claimed(store, "a", now: 50, until: 60), [], "it has it in hand")
            try same(try claimed(store, "b", now: 55, until: 65), [], "a neighbour")
            try same(try claimed(store, "b", now: 60, until: 70), [segment], "later")
        },
        Case(name: "a worker that leaves hands over at once") { make in
            let store = try make()
            _ = try claimed(store, "a", now: 0, until: 1_000)
            _ = try claimed(store, "b", now: 0, until: 1_000)
            let segment = try appended(store, "1", by: "a")
            let other = try appended(store, "2", by: "b")
            try same(try store.write { try $0.outboxWorkers() }, ["a", "b"], "workers")
            try store.write { try $0.leaveOutbox(worker: "a") }
            try same(try store.write { try $0.outboxWorkers() }, ["b"], "workers left")
            try same(try claimed(store, "c", now: 1, until: 1_000), [segment], "claimed")
            try store.write { try $0.leaveOutbox(worker: "nobody") }
            try same(try store.write { try $0.outbox(after: nil, limit: 9) }.map(\.id), [segment, other], "all there")
        },
        Case(name: "claims go by number and by piece") { make in
            let store = try make()
            var segments: [OutboxSegmentID] = []
            for number in 0..<5 { segments.append(try appended(store, "\(number)", by: "dead")) }
            try same(try claimed(store, "a", now: 1, until: 9, limit: 2), Array(segments[..<2]), "first")
            try same(try claimed(store, "b", now: 1, until: 9, limit: 2), Array(segments[2..<4]), "second")
            try same(try claimed(store, "a", now: 1, until: 9, limit: 2), [segments[4]], "rest")
        },
        Case(name: "a claim that was rolled back is none") { make in
            let store = try make()
            let segment = try appended(store, "1", by: "dead")
            _ = try? store.write { store in
                _ = try store.claimOutbox(worker: "a", now: at(1), until: at(9), limit: 9)
                throw StoreError(.unavailable, "not this time")
            }
            try same(try store.write { try $0.outboxWorkers() }, [], "workers")
            try same(try claimed(store, "b", now: 1, until: 9), [segment], "claimed")
        },
    ]
}
