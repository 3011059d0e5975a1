public import BackOrderStore
public import InventoryCore
import MessageSchema

/// Decides in which company a redelivered message is looked at, so that one the daemon dies on is found without blaming
/// its neighbours.
///
/// A message that comes again may be the one that the daemon died over, or have only been near it. Redelivered messages
/// are therefore taken in batches of their own, which the book of suspects names before they are begun and forgets with
/// their effect. A batch that the daemon died over is found in the book when its messages come again, and is taken in
/// halves: those that are finished are cleared, and the one that kills stands alone after about log2(batch) deaths. After
/// `deathsMax` deaths alone it is a dead letter, without being looked at once more.
///
/// The book can't tell a worker that died from one that lives, lost its connection to the broker with the message in hand,
/// and is about to finish it. So sentence waits until nobody has finished it for half a minute.
///
/// Order of arrival is kept, but for messages that two batches or more were not finished with: they give way to all
/// others, so that many of them do not keep new messages waiting.
///
/// A value without I/O: it is told what arrived and what the book says, and answers what to do next.
public struct SuspectLane: Sendable {
    /// A redelivered message and what the book says of it; nil: nothing.
    public struct Candidate: Sendable {
        public var delivery: InboundDelivery
        public var key: Digest128
        public var known: Suspect?

        public init(delivery: InboundDelivery, key: Digest128, known: Suspect?) {
            self.delivery = delivery
            self.key = key
            self.known = known
        }
    }

    /// What to do next with some of the messages.
    public enum Group: Sendable {
        /// They come for the first time: nothing special.
        case fresh([InboundDelivery])
        /// Write these into the book, then go on as with any others, and take them out of it with their effect.
        case attempt([Candidate])
        /// They killed the daemon often enough, each by itself.
        case poison([Candidate])
    }

    /// For `init`: longer than a transaction may last, 10 s on PostgreSQL, and one that waits for it.
    public static let usualGraceMilliseconds: Int64 = 30_000

    private let batchMax: Int
    private let deathsMax: Int
    private let graceMilliseconds: Int64
    /// Messages that look like poison, unacknowledged, so no more than the prefetch, until they had their time, by the
    /// monotonic clock; who waits longest is first.
    private var accused: [(candidate: Candidate, until: Int64)] = []
    /// Messages that give way to others, unacknowledged, in order of arrival.
    private var waiting: [Candidate] = []
    /// Batches of others since the last one of those that give way.
    private var othersBefore = 0

    /// While others keep coming, one batch in so many is of those that give way.
    private static let turn = 8

    /// - Parameter graceMilliseconds: how long whoever noted a message last may take to finish it after all.
    public init(
        batchMax: Int, deathsMax: Int, graceMilliseconds: Int64 = SuspectLane.usualGraceMilliseconds
    ) {
        self.batchMax = max(1, batchMax)
        self.deathsMax = max(1, deathsMax)
        self.graceMilliseconds = max(0, graceMilliseconds)
    }

    /// Forgets what came on another connection than this, the present one: it comes again, to whomever.
    /// - Parameter generation: nil: there is no connection.
    public mutating func keepOnly(generation: UInt64?) {
        waiting.removeAll { $0.delivery.token.generation != generation }
        accused.removeAll { $0.candidate.delivery.token.generation != generation }
    }

    /// Names a message as it came; nothing is read of it that could kill.
    public static func key(_ delivery: InboundDelivery) -> Digest128 {
        rawDigest([Array(delivery.queue.utf8), Array((delivery.envelope.messageID ?? "").utf8), delivery.body])
    }

    /// Divides what arrived into groups, to be handled one after the other; what gives way is kept here.
    ///
    /// - Parameters:
    ///   - book: what is known of the redelivered ones, by key.
    ///   - now: the time of the book's entries is before it, if the clocks are right.
    ///   - monotonicMilliseconds: passes also where they are not.
    public mutating func sort(
        _ deliveries: [InboundDelivery], book: [Digest128: Suspect], now: Instant, monotonicMilliseconds: Int64
    ) -> [Group] {
        if let newest = deliveries.last?.token.generation {
            // What came on an earlier connection is no longer ours: it comes again.
            waiting.removeAll { $0.delivery.token.generation < newest }
            accused.removeAll { $0.candidate.delivery.token.generation < newest }
        }
        if !deliveries.isEmpty { othersBefore += 1 }
        var groups = Groups(batchMax: batchMax)
        for delivery in deliveries {
            guard delivery.redelivered else {
                groups.add(delivery)
                continue
            }
            let key = SuspectLane.key(delivery)
            let candidate = Candidate(delivery: delivery, key: key, known: book[key])
            let grace = graceMilliseconds * 1_000
            let hadItsTime = candidate.known.map { $0.at.adding(microseconds: grace) <= now } ?? false
            place(candidate, hadItsTime: hadItsTime, monotonicMilliseconds, in: &groups)
        }
        return groups.finished
    }

    /// Those that looked like poison and had their time, a batch at most: what the book says of them now is to be given
    /// to `judge`.
    public mutating func takeAccused(monotonicMilliseconds: Int64) -> [Candidate] {
        let due = accused.prefix(batchMax).prefix { $0.until <= monotonicMilliseconds }
        defer { accused.removeFirst(due.count) }
        return due.map(\.candidate)
    }

    /// What becomes of them: poison if nobody took them in hand or finished them meanwhile.
    public mutating func judge(
        _ candidates: [Candidate], book: [Digest128: Suspect], monotonicMilliseconds: Int64
    ) -> [Group] {
        var groups = Groups(batchMax: batchMax)
        for var candidate in candidates {
            let isUnchanged = book[candidate.key] == candidate.known
            candidate.known = book[candidate.key]
            place(candidate, hadItsTime: isUnchanged, monotonicMilliseconds, in: &groups)
        }
        return groups.finished
    }

    private mutating func place(
        _ candidate: Candidate, hadItsTime: Bool, _ monotonicMilliseconds: Int64, in groups: inout Groups
    ) {
        if isPoison(candidate) {
            if hadItsTime {
                groups.addPoison(candidate)
            } else {
                accused.append((candidate, monotonicMilliseconds + graceMilliseconds))
            }
        } else if let known = candidate.known, known.deaths >= 2 {
            waiting.append(candidate)
        } else {
            groups.add(candidate)
        }
    }

    /// The next batch of those that give way, if it is their turn. The largest were least often divided, and most of
    /// them are innocent: they go first.
    public mutating func next(nothingElse: Bool) -> Group? {
        guard !waiting.isEmpty, nothingElse || othersBefore >= SuspectLane.turn else { return nil }
        othersBefore = 0
        let size = waiting.reduce(1) { max($0, $1.known?.batch ?? 1) }
        let countMax = min(batchMax, max(1, size / 2))
        var taken: [Candidate] = []
        waiting.removeAll { candidate in
            guard taken.count < countMax, candidate.known?.batch ?? 1 == size else { return false }
            taken.append(candidate)
            return true
        }
        return .attempt(taken)
    }

    /// What the book is to say while these are in hand.
    /// - Parameter book: what it says now; a neighbour may have finished some of them since they were sorted.
    public static func entries(
        _ candidates: [Candidate], book: [Digest128: Suspect], at time: Instant
    ) -> [Suspect] {
        var entries: [Digest128: Suspect] = [:]
        for candidate in candidates {
            let known = book[candidate.key]
            entries[candidate.key] = Suspect(
                key: candidate.key, batch: candidates.count, deaths: (known?.deaths ?? 0) + 1,
                deathsAlone: (known?.deathsAlone ?? 0) + (candidates.count == 1 ? 1 : 0), at: time)
        }
        return Array(entries.values)
    }

    private func isPoison(_ candidate: Candidate) -> Bool { (candidate.known?.deathsAlone ?? 0) >= deathsMax }

    /// Groups in the making: neighbours of one kind go together.
    private struct Groups {
        let batchMax: Int
        private var done: [Group] = []
        private var fresh: [InboundDelivery] = []
        private var attempt: [Candidate] = []
        private var poison: [Candidate] = []

        init(batchMax: Int) { self.batchMax = batchMax }

        mutating func add(_ delivery: InboundDelivery) {
            close(fresh: false)
            fresh.append(delivery)
        }

        mutating func addPoison(_ candidate: Candidate) { poison.append(candidate) }

        mutating func add(_ candidate: Candidate) {
            let size = candidate.known?.batch
            if let first = attempt.first, first.known?.batch != size { close() } else { close(attempt: false) }
            attempt.append(candidate)
            if attempt.count >= min(batchMax, size.map { max(1, $0 / 2) } ?? batchMax) { close() }
        }

        private mutating func close(fresh closesFresh: Bool = true, attempt closesAttempt: Bool = true) {
            if closesFresh, !fresh.isEmpty {
                done.append(.fresh(fresh))
                fresh = []
            }
            if closesAttempt, !attempt.isEmpty {
                done.append(.attempt(attempt))
                attempt = []
            }
        }

        var finished: [Group] {
            var copy = self
            copy.close()
            // First of all: nobody can die of them any more.
            return (poison.isEmpty ? [] : [.poison(poison)]) + copy.done
        }
    }
}
