import BackOrderStore
import InventoryCore
import Worker

/// Everything there is: producers, broker, workers, disk, time; one thing happens after the other, as the seed says.
final class World {
    let plan: Plan
    var random: SimRandom
    let clock = SimClock()
    let broker: SimBroker
    let disk: Disk
    private(set) var workload: Workload
    private(set) var workers: [SimWorker] = []
    private(set) var trace = Trace()
    private(set) var failure: Failure?
    private(set) var faultsOn = true
    private(set) var faultCounts: [Fault: Int] = [:]
    private(set) var step = 0
    private(set) var transactions = 0
    private(set) var inputs = 0
    private var rules: SimRules
    private var oracle: Oracle?
    let outputs = OutputBook()
    let isolation: Isolation
    /// Copies whose effect is in the books.
    private var committedCopies: Set<Int> = []
    /// Held back by producers until this time.
    private var late: [(message: SimMessage, until: Int64)] = []
    private var depth = 0
    private var leader: String?

    init(_ plan: Plan, path: String?) throws {
        self.plan = plan
        random = SimRandom(seed: plan.seed)
        rules = SimRules(&random)
        workload = Workload(
            skus: rules.skus, locations: rules.locations, random: SimRandom(seed: plan.seed ^ 0xABCD_EF01))
        broker = SimBroker(plan)
        isolation = Isolation(plan, clock)
        disk = Disk(path: path)
        outputs.fail = { [unowned self] in fail($0, $1) }
        isolation.fail = { [unowned self] in fail($0, $1) }
        oracle = try Oracle(world: self, rules: rules.rulebook)
        for index in 0..<plan.workers {
            workers.append(
                SimWorker(
                    world: self, index: index, rules: rules.rulebook, skewMilliseconds: plan.skewMilliseconds[index]))
        }
        let it = rules.rulebook
        note(
            "\(plan.store.rawValue), \(plan.workers) workers, \(it.strategy.rawValue), \(it.sourcing.rawValue), "
                + "locations \(it.locations), skus \(rules.skus)")
        note("rules \(it.rules)")
        note("items \(it.items)")
        note("default \(it.policyDefault), \(it.promise), parking \(it.parkingMicroseconds)")
    }

    // MARK: Telling

    func note(_ line: @autoclosure () -> String) {
        trace.note("\(step) +\(clock.monotonicMilliseconds) " + line())
    }

    func fail(_ check: Failure.Check, _ text: String) {
        note("FAILED \(check.rawValue): \(text)")
        if failure == nil { failure = Failure(check: check, text: text, step: step) }
    }

    func count(_ fault: Fault, _ times: Int = 1) { faultCounts[fault, default: 0] += times }

    /// Whether this fault happens now.
    func strikes(_ fault: Fault) -> Bool {
        guard faultsOn else { return false }
        let rate = plan.rate(fault)
        guard rate > 0, random.perMille(rate) else { return false }
        count(fault)
        note("FAULT \(fault.rawValue)")
        return true
    }

    // MARK: The scheduler

    func run() {
        for worker in workers where failure == nil { worker.start() }
        while step < plan.steps, failure == nil {
            step += 1
            turn()
        }
        if failure == nil { calm() }
    }

    private func turn() {
        switch random.weighted([30, 40, 10, 8, 8, 4]) {
        case 0: produce()
        case 1: if let worker = random.pick(workers) { runs(worker) }
        case 2: deliver(to: random.below(plan.workers))
        case 3: publish(at: random.below(plan.workers))
        case 4: sendAcknowledgements(at: random.below(plan.workers))
        default: clock.advance(milliseconds: random.within(1...3_000))
        }
        faults()
    }

    /// Starts it if it is gone, else has it do a step.
    private func runs(_ worker: SimWorker) {
        if worker.isRunning {
            worker.step()
        } else if clock.monotonicMilliseconds >= worker.startsAt {
            worker.start()
        }
    }

    private func faults() {
        let index = random.below(plan.workers)
        if strikes(.consumerCut) { cutConsumer(index) }
        if strikes(.publisherCut) { cutPublisher(index) }
        if strikes(.stopsAndStarts) { workers[index].stop() }
        if strikes(.timePasses) { clock.advance(milliseconds: random.within(60_000...20 * 3_600_000)) }
        if strikes(.clockJumps) {
            clock.jump(milliseconds: random.within(-3_600_000...3_600_000))
            isolation.clockJumps()
        }
        if strikes(.rulesReplaced) {
            let newer = rules.replace(&random)
            for worker in workers { worker.replaceRules(newer) }
        }
        if strikes(.reordered) {
            broker.swapNeighbours(in: random.pick(SimBroker.queueNames) ?? "orders", at: random.below(5))
        }
    }

    /// What happens elsewhere while a worker is busy: at every seam of its step.
    func meanwhile(_ worker: SimWorker) {
        guard depth < 2, failure == nil else { return }
        depth += 1
        defer { depth -= 1 }
        if !faultsOn {
            publish(at: worker.index)
            return
        }
        if strikes(.consumerCut) { cutConsumer(worker.index) }
        if strikes(.publisherCut) { cutPublisher(worker.index) }
        switch random.below(12) {
        case 0: publish(at: random.below(plan.workers))
        case 1: sendAcknowledgements(at: random.below(plan.workers))
        case 2: deliver(to: random.below(plan.workers))
        case 3: produce()
        case 4, 5:
            let other = workers[random.below(plan.workers)]
            if other !== worker, !other.isBusy { runs(other) }
        case 6: clock.advance(milliseconds: random.within(0...200))
        default: break
        }
    }

    // MARK: Calm

    /// Faults have stopped: everything has to come to its end.
    private func calm() {
        faultsOn = false
        note("the faults stop")
        for entry in late { send(entry.message) }
        late = []
        settleDown("after the faults")
        guard failure == nil else { return }
        // A sweep is due at most a minute after what changed last; a leader that is gone is followed within seconds.
        // One that looks at a line or three at a time needs as many steps as there are lines.
        pass(milliseconds: plan.sweptLines < 1_000 ? 400_000 : 80_000)
        settleDown("after the sweep")
        guard failure == nil else { return }
        oracle?.checkSwept(now: clock.now)
        pass(milliseconds: Int(rules.rulebook.parkingMicroseconds / 1_000) + 1_000 + 3_600_000)
        settleDown("after parking")
        pass(milliseconds: 80_000)
        settleDown("after the last sweep")
        for worker in workers where failure == nil {
            worker.stop()
            worker.step()
        }
        guard failure == nil else { return }
        finish()
    }

    /// Lets time pass while the workers go on.
    private func pass(milliseconds: Int) {
        let end = clock.monotonicMilliseconds + Int64(milliseconds)
        while clock.monotonicMilliseconds < end, failure == nil {
            step += 1
            for worker in workers { runs(worker) }
            publishAll()
            clock.advance(milliseconds: milliseconds > 1_000_000 ? 600_000 : 250)
        }
    }

    private func publishAll() {
        for index in workers.indices {
            publish(at: index)
            sendAcknowledgements(at: index)
        }
    }

    private func settleDown(_ when: String) {
        var rounds = 0
        while failure == nil {
            step += 1
            rounds += 1
            for worker in workers { runs(worker) }
            publishAll()
            if broker.isEmpty, workers.allSatisfy({ $0.isRunning && $0.tracker.openCount == 0 }),
                (try? outboxSize()) == 0
            {
                return
            }
            // A message that kills takes some lives to find.
            if rounds > 3_000 + 1_500 * (faultCounts[.deadly] ?? 0) {
                let open = workers.map { "\($0.tracker.openCount)" }.joined(separator: "/")
                fail(
                    .drained,
                    "\(when): \(broker.summary); open \(open); outbox \((try? outboxSize()) ?? -1)")
            }
            clock.advance(milliseconds: 50)
        }
    }

    private func outboxSize() throws -> Int {
        let store = try disk.open()
        defer { store.close() }
        return Int(try store.read { try $0.totals().outboxMessages })
    }

    private func finish() {
        if committedCopies.count != broker.copyCount {
            fail(.deliveries, "\(broker.copyCount) copies were sent, \(committedCopies.count) took effect")
        }
        outputs.finish()
        oracle?.finish()
        do {
            let store = try disk.open()
            defer { store.close() }
            try isolation.finish(store)
        } catch {
            fail(.isolation, "\(error)")
        }
    }

    // MARK: Producers

    private func produce() {
        if let index = late.firstIndex(where: { $0.until <= clock.monotonicMilliseconds }) {
            send(late.remove(at: index).message)
            return
        }
        var message: SimMessage
        if strikes(.badMessage) {
            message = workload.bad(now: clock.now)
        } else if strikes(.sentWithOtherID), let again = workload.again(now: clock.now) {
            message = again
        } else if strikes(.conflict), let contradiction = workload.contradiction(now: clock.now) {
            message = contradiction
        } else {
            message = workload.next(now: clock.now)
        }
        if strikes(.deadly) { message.kills = true }
        if strikes(.sentTwice) {
            late.append((message, clock.monotonicMilliseconds + Int64(random.within(0...60_000))))
        }
        if strikes(.sentLate) {
            late.append((message, clock.monotonicMilliseconds + Int64(random.within(0...600_000))))
        } else {
            send(message)
        }
    }

    private func send(_ message: SimMessage) {
        let serial = broker.put(message)
        isolation.sent(message)
        let text = String(decoding: message.body, as: UTF8.self).replacing("\n", with: "")
        note("sent \(message.number) (copy \(serial)) \(text)")
    }

    // MARK: The broker's doings

    func deliver(to index: Int) {
        let queue = SimBroker.queueNames[random.below(SimBroker.queueNames.count)]
        let other = queue == "orders" ? "stock" : "orders"
        let moved = broker.deliver(random.within(1...10), from: queue, to: index)
        if moved == 0 { _ = broker.deliver(random.within(1...10), from: other, to: index) }
    }

    func acknowledge(_ tokens: [DeliveryToken], _ copies: [SimBroker.Copy], at index: Int) {
        for copy in copies where !committedCopies.contains(copy.serial) {
            fail(.ackAfterCommit, "copy \(copy.serial) of message \(copy.message.number) is acknowledged before commit")
        }
        broker.consuming[index].acknowledgements += tokens
        if random.percent(50) { sendAcknowledgements(at: index) }
    }

    func sendAcknowledgements(at index: Int) {
        let count = broker.consuming[index].acknowledgements.count
        if count == 0 { return }
        let stale = broker.sendAcknowledgements(faultsOn ? random.within(0...count) : count, at: index)
        if stale > 0 { happened(.staleAck, stale) }
    }

    func happened(_ fault: Fault, _ times: Int = 1) {
        count(fault, times)
        note("\(fault.rawValue) \(times)")
    }

    private func cutConsumer(_ index: Int) {
        guard broker.consuming[index].isConnected else { return }
        let wasConsuming = broker.consuming[index].isConsuming
        let back = broker.disconnectConsumer(index)
        if back > 0 { happened(.redelivered, back) }
        broker.connectConsumer(index)
        broker.consuming[index].isConsuming = wasConsuming
    }

    func consumingEnds(_ index: Int) {
        // What was written to the socket may still arrive.
        let count = broker.consuming[index].acknowledgements.count
        _ = broker.sendAcknowledgements(random.within(0...count), at: index)
        broker.consuming[index].acknowledgements = []
        let back = broker.disconnectConsumer(index)
        if back > 0 { happened(.redelivered, back) }
    }

    // MARK: Publishing

    /// The network has a moment: some publications go out, some confirms come back.
    func publish(at index: Int) {
        let queued = broker.publishing[index].queued.count
        transmit(faultsOn ? random.within(0...queued) : queued, at: index)
        let sent = broker.publishing[index].sent
        if let since = broker.publishing[index].stuckSince,
            !faultsOn || clock.monotonicMilliseconds - since > 30_000
        {
            cutPublisher(index)
            return
        }
        let confirmed = faultsOn ? random.within(0...sent.count) : sent.count
        var order = Array(sent.indices.prefix(confirmed))
        if confirmed > 1, strikes(.confirmLate) { order = random.shuffled(order) }
        var outcomes: [(handle: UInt64, outcome: PublicationOutcome)] = []
        var gone: Set<Int> = []
        for position in order {
            if sent[position].isStuck { continue }
            if strikes(.confirmLost) {
                broker.publishing[index].sent[position].isStuck = true
                broker.publishing[index].stuckSince = clock.monotonicMilliseconds
                continue
            }
            outcomes.append((sent[position].publication.handle, sent[position].outcome))
            gone.insert(position)
        }
        broker.publishing[index].sent = broker.publishing[index].sent.enumerated()
            .filter { !gone.contains($0.offset) }.map(\.element)
        settle(outcomes, at: index)
    }

    private func settle(_ outcomes: [(handle: UInt64, outcome: PublicationOutcome)], at index: Int) {
        if outcomes.isEmpty { return }
        var outcomes = outcomes
        if plan.mutation == .dropsRetry { outcomes.removeAll { $0.outcome == .nacked || $0.outcome == .unknown } }
        note("w\(index + 1) outcomes \(outcomes.map { "\($0.handle) \($0.outcome)" }.joined(separator: ", "))")
        workers[index].settle(outcomes)
    }

    private func transmit(_ count: Int, at index: Int) {
        for publication in broker.publishing[index].queued.prefix(count) {
            var outcome = PublicationOutcome.confirmed
            let message = publication.message
            if message.originalProperties == [0xEE], plan.rate(.unsendable) > 0 {
                self.count(.unsendable)
                outcome = .unsendable("headers over a frame")
            } else if strikes(.nacked) {
                outcome = .nacked
            } else if strikes(.returned) {
                outcome = .returned("312 NO_ROUTE")
            } else if plan.mutation != .losesConfirmed || random.percent(90) {
                receive(message)
            }
            broker.publishing[index].sent.append(
                .init(publication: publication, outcome: outcome, isStuck: false))
        }
        broker.publishing[index].queued.removeFirst(min(count, broker.publishing[index].queued.count))
    }

    /// A message is in the broker's hands: consumers see it.
    private func receive(_ message: OutboxMessage) {
        var message = message
        if plan.mutation == .changesBody, outputs.isPublished(message) { message.body.append(0x20) }
        note("published \(message.type) \(message.messageID)")
        guard let news = outputs.published(message) else { return }
        switch news {
        case .reorder(let id, let sku, let units, let location): workload.heardReorder(id, sku, units, location)
        case .fulfilment(let order, let location, let lines): workload.heardFulfilment(order, location, lines)
        }
    }

    private func cutPublisher(_ index: Int) {
        let sent = broker.publishing[index].sent
        broker.publishing[index].sent = []
        broker.publishing[index].stuckSince = nil
        let outcomes = sent.map { entry in
            var outcome = PublicationOutcome.unknown
            // A return that has come is known; so is what the protocol refused.
            switch entry.outcome {
            case .returned, .unsendable: outcome = entry.outcome
            case .confirmed, .nacked, .unknown: break
            }
            return (handle: entry.publication.handle, outcome: outcome)
        }
        settle(outcomes, at: index)
    }

    func publishingEnds(_ index: Int, sendsMore: Bool) {
        let queued = broker.publishing[index].queued.count
        transmit(sendsMore ? queued : random.within(0...queued), at: index)
        broker.publishing[index] = SimBroker.Publishing()
    }

    // MARK: What was committed

    func committed(_ record: Committed) {
        transactions += 1
        note(
            "w\(record.worker + 1).\(record.life) committed \(record.kind) \(record.calls) calls, "
                + "\(record.appended.count) messages, removed \(record.removed)")
        if case .batch = record.kind {
            inputs += record.copies.count
            for copy in record.copies { committedCopies.insert(copy.serial) }
        }
        if case .sweep(let leads) = record.kind, leads {
            let name = "w\(record.worker + 1)"
            if let leader, leader != name { happened(.leaderChanges) }
            leader = name
        }
        isolation.committed(record)
        outputs.committed(record)
        oracle?.committed(record)
    }
}
