import BackOrderStore
import InventoryCore
import Logging
import Worker

/// One process with the production pipeline in it: started, stepped, killed, started again.
///
/// @unchecked Sendable: the simulation is one thread; nothing of it is handed to another.
final class SimWorker: @unchecked Sendable {
    unowned let world: World
    let index: Int
    /// Counts its processes.
    private(set) var life = 0
    private(set) var isRunning = false
    /// It is in a step, perhaps one that sleeps or waits.
    private(set) var isBusy = false
    /// The process is gone, though its stack is still being left.
    private(set) var isDead = false
    private(set) var isStopping = false
    var startsAt: Int64 = 0
    /// This machine's clock is so far off.
    let skewMilliseconds: Int
    private(set) var rules: Rulebook
    private var newRules: Rulebook?

    private var pipeline: Pipeline?
    private(set) var tracker = OutboxTracker()
    private var store: SimStore?
    private var shift: Pipeline.Shift?
    /// What the pipeline's next transaction with inputs is about.
    private var inHand: [SimBroker.Copy] = []
    private var isRead = true
    private var copiesByToken: [DeliveryToken: SimBroker.Copy] = [:]
    private var acknowledged: Set<DeliveryToken> = []
    private var arrival = Instant(microseconds: 0)
    private var lastNow = Instant(microseconds: 0)
    private var awayUntil: Int64 = 0

    init(world: World, index: Int, rules: Rulebook, skewMilliseconds: Int) {
        self.world = world
        self.index = index
        self.rules = rules
        self.skewMilliseconds = skewMilliseconds
    }

    var name: String { "w\(index + 1).\(life)" }

    // MARK: A process' life

    func start() {
        if isRunning { return }
        life += 1
        isDead = false
        isStopping = false
        isRunning = true
        inHand = []
        copiesByToken = [:]
        acknowledged = []
        if let rules = newRules { self.rules = rules }
        newRules = nil
        world.note("\(name) starts")
        let tracker = OutboxTracker()
        self.tracker = tracker
        var settings = Pipeline.Settings(
            batch: world.plan.batch, outboxHighWater: world.plan.outboxHighWater,
            inboxRetentionMicroseconds: world.plan.inboxRetentionHours * Instant.microsecondsPerHour,
            drainMilliseconds: 10_000, decode: [:], worker: "w\(index + 1)",
            deliveryLimit: world.plan.deliveryLimit, sweptLines: world.plan.sweptLines,
            batchBegins: { [unowned self] in batchBegins($0, isRead: $1) })
        if world.plan.mutation == .sentencesAtOnce { settings.graceMilliseconds = 0 }
        let pipeline = Pipeline(
            source: SimSource(worker: self), sink: SimSink(worker: self), tracker: tracker,
            settings: settings,
            timing: Timing(
                now: { [unowned self] in now() },
                monotonicMilliseconds: { [unowned self] in world.clock.monotonicMilliseconds },
                sleep: { [unowned self] in sleep($0) }),
            logger: Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() })
        self.pipeline = pipeline
        work {
            let disk = try world.disk.open()
            try disk.migrate()
            try disk.adopt(rules.strategy)
            let store = SimStore(disk, self, world.plan.mutation)
            self.store = store
            world.broker.connectConsumer(index)
            shift = try pipeline.begin(store: store, rules: rules)
        }
    }

    /// One step of the pipeline.
    func step() {
        guard isRunning, !isBusy, let pipeline else { return }
        if let rules = newRules {
            self.rules = rules
            newRules = nil
            pipeline.replaceRules(rules)
            world.note("\(name) has new rules")
        }
        var goesOn = true
        work {
            guard var current = shift else { return }
            defer { shift = current }
            goesOn = try pipeline.step(&current)
        }
        if !goesOn, isRunning { drain() }
    }

    private func drain() {
        guard let pipeline, let shift else { return }
        work {
            let ending = try pipeline.drain(shift)
            world.note("\(name) ends: \(ending)")
            if !world.faultsOn, ending != .drained {
                world.fail(.drained, "\(name) was stopped in calm weather and ended with \(ending)")
            }
        }
        if isRunning { end(sendsMore: true) }
    }

    /// Runs a part of the process; when it dies, what is left of it is cleared away.
    private func work(_ body: () throws -> Void) {
        isBusy = true
        defer { isBusy = false }
        do {
            try body()
        } catch is ProcessDied {
            isDead = true
        } catch let error as StoreError where error.message.hasPrefix(Weather.mark) {
            // What the pipeline can't work with ends the process; it is started again.
            world.note("\(name) gives up: \(error.message)")
            isDead = true
        } catch {
            world.fail(.pipeline, "\(name) gave up: \(error)")
            isDead = true
        }
        if isDead { end(sendsMore: false) }
    }

    func stop() {
        guard isRunning, !isStopping else { return }
        isStopping = true
        world.note("\(name) is told to stop")
        pipeline?.stop()
    }

    func replaceRules(_ rules: Rulebook) { newRules = rules }

    /// The process is gone: connections end, whatever it had in memory is lost.
    private func end(sendsMore: Bool) {
        world.isolation.ended(index, inPeace: sendsMore)
        isRunning = false
        isDead = true
        world.publishingEnds(index, sendsMore: sendsMore)
        world.consumingEnds(index)
        shift = nil
        pipeline = nil
        store?.close()
        store = nil
        startsAt = world.clock.monotonicMilliseconds + Int64(world.random.within(0...5_000))
        world.note("\(name) is gone")
    }

    /// Whether the process ends here and now.
    private func dies(_ fault: Fault) -> Bool {
        if isDead { return true }
        guard world.strikes(fault) else { return false }
        isDead = true
        return true
    }

    // MARK: Time

    private func now() -> Instant {
        let now = world.clock.now.adding(microseconds: Int64(skewMilliseconds) * 1_000)
        lastNow = now
        return now
    }

    private func sleep(_ milliseconds: Int) {
        if isDead || dies(.diesWaiting) {
            // Out of any loop: whatever comes next finds the store closed.
            pipeline?.stop()
            world.clock.advance(milliseconds: milliseconds)
            return
        }
        world.clock.advance(milliseconds: milliseconds)
        if world.failure != nil { pipeline?.stop() }
        // Its own network goes on, however deep the world's doings are nested.
        world.publish(at: index)
        world.meanwhile(self)
    }

    // MARK: The store

    func beginTransaction() throws -> Weather {
        if isDead || dies(.diesBeforeTransaction) { throw ProcessDied() }
        world.meanwhile(self)
        if isDead { throw ProcessDied() }
        if world.clock.monotonicMilliseconds < awayUntil, world.faultsOn {
            throw StoreError(.unavailable, Weather.mark + "away")
        }
        if world.strikes(.storeAway) {
            awayUntil = world.clock.monotonicMilliseconds + Int64(world.random.within(10...20_000))
            throw StoreError(.unavailable, Weather.mark + "away")
        }
        var weather = Weather()
        if world.strikes(.diesInTransaction) {
            weather = Weather(failsAtCall: world.random.within(1...12), error: ProcessDied())
        } else if world.strikes(.storeFailsCall) {
            weather = Weather(
                failsAtCall: world.random.within(1...12),
                error: StoreError(.unavailable, Weather.mark + "busy"))
        } else if world.strikes(.storeBreaks) {
            weather = Weather(
                failsAtCall: world.random.within(1...12),
                error: StoreError(.corrupt, Weather.mark + "broken"))
        } else if world.strikes(.diesBeforeCommit) {
            weather = Weather(failsAtCommit: true, error: ProcessDied())
        } else if world.strikes(.storeFailsCommit) {
            weather = Weather(
                failsAtCommit: true, error: StoreError(.unavailable, Weather.mark + "the disk is full"))
        }
        return weather
    }

    func newRecord() -> Committed {
        var record = Committed(worker: index, life: life, rules: rules)
        record.copies = inHand
        record.isPoison = !isRead
        record.arrival = arrival
        record.now = world.clock.now.adding(microseconds: Int64(skewMilliseconds) * 1_000)
        return record
    }

    func committed(_ record: Committed) throws {
        world.committed(record)
        if dies(.diesAfterCommit) { throw ProcessDied() }
        if world.strikes(.storeBreaksAfterCommit) {
            throw StoreError(.corrupt, Weather.mark + "nobody knows whether it was committed")
        }
        world.meanwhile(self)
    }

    // MARK: The consumer

    func receive(_ max: Int, _ timeoutMilliseconds: Int) -> [InboundDelivery] {
        if isDead || dies(.diesAfterReceive) {
            pipeline?.stop()
            return []
        }
        world.meanwhile(self)
        world.deliver(to: index)
        let count = min(max, world.random.within(1...world.plan.batch))
        let taken = world.broker.receive(count, at: index)
        if taken.isEmpty {
            world.clock.advance(milliseconds: timeoutMilliseconds)
            return []
        }
        if world.plan.mutation == .acknowledgesEarly {
            world.acknowledge(taken.map(\.delivery.token), taken.map(\.copy), at: index)
        }
        for entry in taken { copiesByToken[entry.delivery.token] = entry.copy }
        world.note("\(name) receives \(taken.map { "\($0.copy.message.number)" }.joined(separator: " "))")
        return taken.map(\.delivery)
    }

    /// The pipeline takes these in hand: what it received, or a part of it.
    private func batchBegins(_ deliveries: [InboundDelivery], isRead: Bool) {
        if isDead { return }
        inHand = deliveries.compactMap { copiesByToken[$0.token] }
        self.isRead = isRead
        arrival = lastNow
        guard isRead, let killer = world.isolation.begins(inHand, at: index) else { return }
        world.note("\(name) dies over message \(killer.number), \(inHand.count) in hand")
        isDead = true
    }

    func acknowledge(_ tokens: [DeliveryToken]) {
        if isDead { return }
        var tokens = tokens
        for token in tokens where !acknowledged.insert(token).inserted {
            world.fail(.deliveries, "\(name) acknowledges delivery \(token.tag) twice")
        }
        if world.plan.mutation == .acknowledgesEarly { return }
        if world.plan.mutation == .acknowledgesTooMuch {
            tokens = world.broker.consuming[index].unacknowledged.map {
                DeliveryToken(generation: world.broker.consuming[index].generation, tag: $0.tag)
            }
        }
        if dies(.diesInAcknowledge) { tokens = Array(tokens.prefix(world.random.within(0...tokens.count))) }
        let copies = tokens.compactMap { token in
            copiesByToken[token] ?? world.broker.consuming[index].unacknowledged.first { $0.tag == token.tag }?.copy
        }
        world.acknowledge(tokens, copies, at: index)
        if !isDead { world.meanwhile(self) }
    }

    var generation: UInt64? {
        let consuming = world.broker.consuming[index]
        return consuming.isConnected ? consuming.generation : nil
    }

    func stopConsuming() {
        if !isDead { world.broker.stopConsuming(index) }
    }

    // MARK: The publisher

    func publish(_ messages: [PendingPublication], _ timeoutMilliseconds: Int) -> Bool {
        if isDead { return true }
        if world.broker.publishing[index].queued.count + messages.count > world.plan.publisherQueue
            || world.strikes(.sinkFull)
        {
            world.clock.advance(milliseconds: timeoutMilliseconds)
            world.meanwhile(self)
            return false
        }
        if dies(.diesInPublish) {
            world.broker.publishing[index].queued += messages.prefix(world.random.within(0...messages.count))
            return true
        }
        world.broker.publishing[index].queued += messages
        world.meanwhile(self)
        return true
    }

    func flush(_ deadlineMilliseconds: Int) -> Bool {
        var left = deadlineMilliseconds
        while left > 0, !isDead {
            world.publish(at: index)
            let publishing = world.broker.publishing[index]
            if publishing.queued.isEmpty && publishing.sent.isEmpty { return true }
            world.clock.advance(milliseconds: 5)
            left -= 5
        }
        world.clock.advance(milliseconds: left)
        return false
    }

    func settle(_ outcomes: [(handle: UInt64, outcome: PublicationOutcome)]) {
        if isDead || outcomes.isEmpty { return }
        _ = tracker.settle(outcomes, nowMilliseconds: world.clock.monotonicMilliseconds)
    }
}

/// What is in store for one transaction.
struct Weather {
    /// Errors made here can be told from all others.
    static let mark = "simulated: "
    /// 0: none.
    var failsAtCall = 0
    var failsAtCommit = false
    var error: any Error = StoreError(.unavailable, Weather.mark + "away")
}
