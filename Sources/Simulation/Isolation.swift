import BackOrderStore
import InventoryCore
import Worker

/// Who may be blamed when a worker dies: counted where it dies, beside what the book of suspects says.
///
/// A message is poison after so many deaths of workers that had it alone in hand, and never before; one that kills is
/// found within a bounded number of deaths; none that came before is looked at without being noted first.
final class Isolation {
    private let limit: Int
    private let batch: Int
    private let isToldRepeats: Bool
    private struct Attempt {
        var keys: [Digest128]
        /// When it was noted, by the monotonic clock.
        var since: Int64
    }

    /// By worker: what it noted and has not finished.
    private var inHand: [Int: Attempt] = [:]
    private let clock: SimClock
    private var deathsAlone: [Digest128: Int] = [:]
    /// Since it was last found to be poison: if its acknowledgement is lost then, it comes again and is looked at anew.
    private var kills: [Digest128: Int] = [:]
    /// How many copies of a message were sent.
    private var copies: [Digest128: Int] = [:]
    /// Each that was ever noted, in order.
    private var noted: [Digest128] = []
    var fail: (Failure.Check, String) -> Void = { _, _ in }

    init(_ plan: Plan, _ clock: SimClock) {
        self.clock = clock
        limit = plan.deliveryLimit
        batch = plan.batch
        isToldRepeats = plan.suspects
    }

    static func key(_ message: SimMessage) -> Digest128 {
        SuspectLane.key(
            InboundDelivery(
                token: DeliveryToken(generation: 0, tag: 0), queue: message.queue, redelivered: false,
                envelope: message.envelope, body: message.body, properties: { [] }))
    }

    func sent(_ message: SimMessage) { copies[Isolation.key(message), default: 0] += 1 }

    /// These are read next. Answers the one, if there is one, that the process dies over.
    func begins(_ group: [SimBroker.Copy], at worker: Int) -> SimMessage? {
        let open = inHand[worker]?.keys ?? []
        for copy in group where isToldRepeats && copy.redelivered && !open.contains(Isolation.key(copy.message)) {
            fail(.isolation, "message \(copy.message.number) came before and is read without being noted")
        }
        guard let killer = group.first(where: { $0.message.kills })?.message else { return nil }
        kills[Isolation.key(killer), default: 0] += 1
        return killer
    }

    func committed(_ record: Committed) {
        if !record.noted.isEmpty {
            inHand[record.worker] = Attempt(keys: record.noted.map(\.key), since: clock.monotonicMilliseconds)
            noted += record.noted.map(\.key)
        }
        guard case .batch = record.kind else { return }
        if record.isPoison {
            for copy in record.copies { blamed(copy.message) }
        } else if let killer = record.copies.first(where: { $0.message.kills })?.message {
            fail(.isolation, "message \(killer.number), which kills, took effect")
        }
        if record.cleared.isEmpty { return }
        inHand[record.worker] = nil
        // Another copy of it may be in another worker's hands, who goes on from what the book said before.
        for key in record.cleared where copies[key] == 1 { deathsAlone[key] = nil }
    }

    private func blamed(_ message: SimMessage) {
        let key = Isolation.key(message)
        // Who has it in hand for so long is as good as dead; clocks of two workers differ by some seconds.
        let stuck = inHand.values.count { $0.keys == [key] && clock.monotonicMilliseconds - $0.since >= 23_000 }
        let deaths = (deathsAlone[key] ?? 0) + stuck
        if deaths < limit {
            fail(
                .isolation,
                "message \(message.number)\(message.kills ? ", which kills," : "") is poison after \(deaths) deaths of "
                    + "workers that had it alone in hand, the limit is \(limit)")
        }
        // Once for the first time, once among all that came again, then in halves, then alone.
        var halves = 0
        while 1 << halves < batch { halves += 1 }
        let bound = 2 + halves + limit
        let count = kills.removeValue(forKey: key) ?? 0
        if copies[key] == 1, count > bound {
            fail(
                .isolation,
                "message \(message.number) killed \(count) workers, at most \(bound) are to be expected")
        }
    }

    /// A process is gone.
    func ended(_ worker: Int, inPeace: Bool) {
        guard let open = inHand.removeValue(forKey: worker)?.keys, !inPeace, open.count == 1 else { return }
        deathsAlone[open[0], default: 0] += 1
    }

    /// The wall clock, by which the book's entries are old or new, jumps: whatever is in hand may seem to be so for long.
    func clockJumps() {
        for worker in inHand.keys { inHand[worker]?.since = .min / 2 }
    }

    func finish(_ store: any BackOrderStore) throws {
        let left = try store.write { try $0.suspects(noted) }
        if !left.isEmpty { fail(.isolation, "\(left.count) messages are left in the book of suspects") }
    }
}
