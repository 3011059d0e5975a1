import BackOrderStore
import InventoryCore
import MessageSchema
import Testing
import Worker

@Suite struct SuspectLaneTests {
    private func delivery(_ name: String, again: Bool = true, generation: UInt64 = 1) -> InboundDelivery {
        InboundDelivery(
            token: DeliveryToken(generation: generation, tag: UInt64(name.dropFirst()) ?? 0), queue: "in",
            redelivered: again, envelope: Envelope(messageID: name), body: Array(name.utf8), properties: { [] })
    }

    /// `a1` came for the first time, `b2` again; the book's entry is batch/deaths/deaths alone.
    struct Row: CustomStringConvertible {
        var arrived: String
        var book: [String: (Int, Int, Int)] = [:]
        /// `(…)` is an attempt, `!…` poison.
        var groups: String
        var then: String = ""
        var description: String { arrived }
    }

    private static func shown(_ group: SuspectLane.Group) -> String {
        switch group {
        case .fresh(let deliveries): deliveries.map { $0.envelope.messageID ?? "" }.joined(separator: " ")
        case .attempt(let candidates):
            "(" + candidates.map { $0.delivery.envelope.messageID ?? "" }.joined(separator: " ") + ")"
        case .poison(let candidates):
            "!" + candidates.map { $0.delivery.envelope.messageID ?? "" }.joined(separator: " ")
        }
    }

    /// Long after the book's entries were written, unless it is said.
    private static func sort(
        _ lane: inout SuspectLane, _ arrived: [InboundDelivery], _ book: [Digest128: Suspect] = [:],
        seconds: Int64 = 1000
    ) -> [SuspectLane.Group] {
        lane.sort(
            arrived, book: book, now: Instant(microseconds: seconds * 1_000_000), monotonicMilliseconds: seconds * 1_000
        )
    }

    @Test(arguments: [
        Row(arrived: "a1 a2 a3", groups: "a1 a2 a3"),
        Row(arrived: "b1 b2 b3 b4 b5", groups: "(b1 b2 b3 b4) (b5)"),
        Row(arrived: "b1 b2 a3 a4 b5", groups: "(b1 b2) a3 a4 (b5)"),
        // Died once in company: halves, in their place.
        Row(
            arrived: "b1 b2 b3 b4 b5 b6",
            book: ["b1": (4, 1, 0), "b2": (4, 1, 0), "b3": (4, 1, 0), "b4": (4, 1, 0)],
            groups: "(b1 b2) (b3 b4) (b5 b6)"),
        Row(arrived: "b1 b2 b3", book: ["b1": (3, 1, 0), "b2": (3, 1, 0), "b3": (3, 1, 0)], groups: "(b1) (b2) (b3)"),
        // Died twice: they give way, and the larger company goes first.
        Row(
            arrived: "b1 b2 b3 a4", book: ["b1": (1, 3, 1), "b2": (4, 2, 0), "b3": (4, 2, 0)], groups: "a4",
            then: "(b2 b3) (b1)"),
        Row(arrived: "b1 b2", book: ["b1": (2, 2, 0), "b2": (2, 2, 0)], groups: "", then: "(b1) (b2)"),
        // Deaths in company never make poison; deaths alone do, without another look.
        Row(arrived: "b1", book: ["b1": (2, 99, 2)], groups: "", then: "(b1)"),
        Row(arrived: "a1 b2 b3", book: ["b2": (1, 9, 3)], groups: "!b2 a1 (b3)"),
        // What comes for the first time is not looked up: an entry is of a message of the same bytes.
        Row(arrived: "a1", book: ["a1": (1, 9, 9)], groups: "a1"),
    ])
    func groups(row: Row) {
        var lane = SuspectLane(batchMax: 4, deathsMax: 3)
        let arrived = row.arrived.split(separator: " ").map { delivery(String($0), again: $0.hasPrefix("b")) }
        var book: [Digest128: Suspect] = [:]
        for delivery in arrived {
            guard let entry = row.book[delivery.envelope.messageID ?? ""] else { continue }
            let key = SuspectLane.key(delivery)
            book[key] = Suspect(
                key: key, batch: entry.0, deaths: entry.1, deathsAlone: entry.2, at: Instant(microseconds: 0))
        }
        #expect(Self.sort(&lane, arrived, book).map { Self.shown($0) }.joined(separator: " ") == row.groups)
        #expect(lane.next(nothingElse: false).map { Self.shown($0) } == nil)
        var then: [String] = []
        while let group = lane.next(nothingElse: true) { then.append(Self.shown(group)) }
        #expect(then.joined(separator: " ") == row.then)
    }

    @Test func thoseThatGiveWayHaveTheirTurn() {
        var lane = SuspectLane(batchMax: 4, deathsMax: 3)
        let late = delivery("b1")
        let known = Suspect(
            key: SuspectLane.key(late), batch: 1, deaths: 2, deathsAlone: 1, at: Instant(microseconds: 0))
        _ = Self.sort(&lane, [late], [known.key: known])
        var before = 1
        while lane.next(nothingElse: false).map({ Self.shown($0) }) == nil {
            _ = Self.sort(&lane, [delivery("a\(before)", again: false)])
            before += 1
            #expect(before < 100)
        }
        #expect(before == 8)
    }

    @Test func whatCameOnAnEarlierConnectionComesAgain() {
        var lane = SuspectLane(batchMax: 4, deathsMax: 3)
        let late = delivery("b1")
        let known = Suspect(
            key: SuspectLane.key(late), batch: 1, deaths: 2, deathsAlone: 1, at: Instant(microseconds: 0))
        _ = Self.sort(&lane, [late], [known.key: known])
        _ = Self.sort(&lane, [delivery("a2", again: false, generation: 2)])
        #expect(lane.next(nothingElse: true).map { Self.shown($0) } == nil)
    }

    /// The book can't tell who died from who lives and has the message in hand still: that one gets its time.
    @Test func sentenceWaitsForWhoMayHaveItInHand() throws {
        var lane = SuspectLane(batchMax: 4, deathsMax: 3)
        let late = delivery("b1")
        var known = Suspect(
            key: SuspectLane.key(late), batch: 1, deaths: 5, deathsAlone: 3, at: Instant(microseconds: 0))
        #expect(Self.sort(&lane, [late], [known.key: known], seconds: 10).isEmpty)
        #expect(lane.next(nothingElse: true).map { Self.shown($0) } == nil)
        #expect(lane.takeAccused(monotonicMilliseconds: 39_999).isEmpty)
        // Somebody took it in hand again: it has its time once more.
        var due = lane.takeAccused(monotonicMilliseconds: 40_000)
        known.deaths = 6
        known.at = Instant(microseconds: 39_000_000)
        #expect(lane.judge(due, book: [known.key: known], monotonicMilliseconds: 40_000).isEmpty)
        #expect(lane.takeAccused(monotonicMilliseconds: 69_999).isEmpty)
        due = lane.takeAccused(monotonicMilliseconds: 70_000)
        var finished = lane
        #expect(
            lane.judge(due, book: [known.key: known], monotonicMilliseconds: 70_000).map { Self.shown($0) } == ["!b1"])
        // Who had it in hand has finished it: it is innocent.
        #expect(finished.judge(due, book: [:], monotonicMilliseconds: 70_000).map { Self.shown($0) } == ["(b1)"])
        #expect(lane.takeAccused(monotonicMilliseconds: .max).isEmpty)
    }

    /// However many are accused: a batch at a time is judged, whoever came first is first, and no more is kept than came.
    @Test func manyThatAreAccusedHaveTheirTurnWithoutAnythingNew() {
        var lane = SuspectLane(batchMax: 4, deathsMax: 3)
        let arrived = (1...10).map { delivery("b\($0)") }
        let entries = arrived.map {
            Suspect(key: SuspectLane.key($0), batch: 1, deaths: 3, deathsAlone: 3, at: Instant(microseconds: 9_000_000))
        }
        let book = Dictionary(uniqueKeysWithValues: entries.map { ($0.key, $0) })
        #expect(Self.sort(&lane, arrived, book, seconds: 10).isEmpty)
        // New ones are not kept waiting by those that wait.
        #expect(Self.sort(&lane, [delivery("a11", again: false)], seconds: 11).map { Self.shown($0) } == ["a11"])
        var judged: [String] = []
        while case let due = lane.takeAccused(monotonicMilliseconds: 40_000), !due.isEmpty {
            judged += lane.judge(due, book: book, monotonicMilliseconds: 40_000).map { Self.shown($0) }
        }
        #expect(judged == ["!b1 b2 b3 b4", "!b5 b6 b7 b8", "!b9 b10"])
    }

    /// Also where nothing comes after it: they are somebody else's by then.
    @Test func whoIsAccusedOnAConnectionThatIsGoneIsForgotten() {
        for generation in [nil, 2] as [UInt64?] {
            var lane = SuspectLane(batchMax: 4, deathsMax: 3)
            let arrived = [delivery("b1"), delivery("b2")]
            let book = Dictionary(
                uniqueKeysWithValues: arrived.map { SuspectLane.key($0) }.enumerated().map { index, key in
                    let at = Instant(microseconds: 0)
                    return (key, Suspect(key: key, batch: 1, deaths: 3, deathsAlone: index == 0 ? 3 : 2, at: at))
                })
            #expect(Self.sort(&lane, arrived, book, seconds: 10).isEmpty)
            var kept = lane
            kept.keepOnly(generation: 1)
            #expect(kept.next(nothingElse: true).map { Self.shown($0) } == "(b2)")
            #expect(kept.takeAccused(monotonicMilliseconds: .max).count == 1)
            lane.keepOnly(generation: generation)
            #expect(lane.next(nothingElse: true).map { Self.shown($0) } == nil)
            #expect(lane.takeAccused(monotonicMilliseconds: .max).isEmpty)
        }
    }

    /// A daemon that dies on some messages, started again and again over one queue and one book.
    private struct World {
        var queue: [Int]
        var delivered: Set<Int> = []
        let killers: Set<Int>
        var book: [Digest128: Suspect] = [:]
        var deaths = 0
        var poisoned: [Int] = []
        var done: [Int] = []
        /// What was done in each life.
        var doneInLife: [Int] = []

        /// One life, until death or until the queue is empty; true: it lived. `arriving` come one by one meanwhile.
        mutating func live(prefetch: Int, batch: Int, deathsMax: Int, arriving: () -> Int? = { nil }) -> Bool {
            var lane = SuspectLane(batchMax: batch, deathsMax: deathsMax)
            let before = done.count
            defer { doneInLife.append(done.count - before) }
            var hand: Set<Int> = []
            while true {
                if let number = arriving() { queue.append(number) }
                hand.formIntersection(queue)
                let free = queue.filter { !hand.contains($0) }.prefix(max(0, min(batch, prefetch - hand.count)))
                // The broker counts all that it has sent, looked at or not.
                let arrived = free.map { number in
                    InboundDelivery(
                        token: DeliveryToken(generation: 1, tag: UInt64(number)), queue: "in",
                        redelivered: delivered.contains(number), envelope: Envelope(),
                        body: Array("\(number)".utf8), properties: { [] })
                }
                hand.formUnion(free)
                let known = book
                var groups = SuspectLaneTests.sort(&lane, arrived, known)
                if let late = lane.next(nothingElse: arrived.isEmpty) { groups.append(late) }
                if groups.isEmpty, arrived.isEmpty { return true }
                for group in groups where !handle(group) {
                    delivered.formUnion(queue.prefix(prefetch))
                    deaths += 1
                    return false
                }
            }
        }

        private mutating func handle(_ group: SuspectLane.Group) -> Bool {
            let numbers: [Int]
            switch group {
            case .fresh(let deliveries): numbers = deliveries.map { Int($0.token.tag) }
            case .attempt(let candidates):
                numbers = candidates.map { Int($0.delivery.token.tag) }
                for entry in SuspectLane.entries(candidates, book: book, at: Instant(microseconds: 0)) {
                    book[entry.key] = entry
                }
            case .poison(let candidates):
                poisoned += candidates.map { Int($0.delivery.token.tag) }
                settle(candidates.map { Int($0.delivery.token.tag) }, candidates.map(\.key))
                return true
            }
            if numbers.contains(where: { killers.contains($0) }) { return false }
            done += numbers
            if case .attempt(let candidates) = group {
                settle(numbers, candidates.map(\.key))
            } else {
                settle(numbers, [])
            }
            return true
        }

        private mutating func settle(_ numbers: [Int], _ keys: [Digest128]) {
            let gone = Set(numbers)
            queue.removeAll { gone.contains($0) }
            for key in keys { book[key] = nil }
        }
    }

    @Test(arguments: [0, 1, 77, 199, 200, 500, 999])
    func oneKillerInAThousandIsFoundInAboutLogTwoDeaths(killer: Int) {
        var world = World(queue: Array(0..<1000), killers: [killer])
        while !world.live(prefetch: 1000, batch: 200, deathsMax: 5) { #expect(world.deaths < 100) }
        #expect(world.poisoned == [killer])
        #expect(world.done.count == 999)
        #expect(Set(world.done) == Set(0..<1000).subtracting([killer]))
        // One in the first batch, log2(200) to stand alone, five of its own.
        #expect(world.deaths <= 1 + 8 + 5)
        #expect(world.book.isEmpty)
    }

    @Test(arguments: 1...20)
    func manyKillersAndNoNeighbourIsBlamed(seed: Int) {
        var state = UInt64(seed)
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let killers = Set((0..<(1 + random(8))).map { _ in random(600) })
        var world = World(queue: Array(0..<600), killers: killers)
        while !world.live(prefetch: 1 + random(700), batch: 1 + random(300), deathsMax: 3) {
            #expect(world.deaths < 500)
        }
        #expect(Set(world.poisoned) == killers)
        #expect(world.poisoned.count == killers.count)
        #expect(world.done.count == 600 - killers.count)
        #expect(Set(world.done).isDisjoint(with: killers))
        #expect(world.book.isEmpty)
    }

    /// Fifty killers at the head of the queue, and new messages all the time: each life after the first few does some.
    @Test func aStormOfKillersDoesNotKeepNewMessagesWaiting() {
        var world = World(queue: Array(0..<50), killers: Set(0..<50))
        var next = 1000
        while !world.live(
            prefetch: 200, batch: 20, deathsMax: 3,
            arriving: {
                next += 1
                return next < 3000 ? next : nil
            })
        { #expect(world.deaths < 500) }
        #expect(Set(world.poisoned) == Set(0..<50))
        #expect(world.done.count == 3000 - 1001)
        let early = world.doneInLife.prefix(40)
        #expect(early.filter { $0 > 0 }.count >= 30, "lives without a new message: \(early)")
    }
}
