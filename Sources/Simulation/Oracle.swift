import BackOrderStore
import InventoryCore
import MessageSchema
import Synchronization
import Worker

/// One worker without faults that sees what was committed, in that order, one input at a time: what the books and the
/// outputs of all workers together must be. The rules themselves are checked on its books, after every input.
final class Oracle {
    private unowned let world: World
    private let books: any BackOrderStore
    private let time = SharedTime()
    private let processor: BatchProcessor
    private let decoder = Decoder()
    private var model = InputModel()
    private var snapshot = Snapshot()
    private var rules: Rulebook
    private let shipsFrom: [LocationID]
    /// By process: the round of the sweep it is in.
    private var phases: [String: SweepPhase] = [:]

    init(world: World, rules: Rulebook) throws {
        self.world = world
        self.rules = rules
        shipsFrom = rules.locations
        let memory = MemoryStore()
        if let mutation = world.plan.mutation, mutation.isEverywhere {
            books = LyingStore(memory, mutation)
        } else {
            books = memory
        }
        try books.adopt(rules.strategy)
        let time = time
        processor = BatchProcessor(store: books, rules: rules, clock: .system { time.value }, keepsOutbox: false)
    }

    private func fail(_ check: Failure.Check, _ text: String) { world.fail(check, text) }

    // MARK: What was committed

    func committed(_ record: Committed) {
        if world.failure != nil { return }
        do {
            if record.rules != rules {
                rules = record.rules
                processor.replaceRules(rules)
            }
            time.value = record.now
            let made = try play(record)
            compare(record.appended, made, of: record)
            if world.random.percent(6) {
                try compareBooks()
                try audit(books)
            }
        } catch {
            fail(.oneEffect, "the reference can't go on: \(error)")
        }
    }

    private func play(_ record: Committed) throws -> [OutboxMessage] {
        switch record.kind {
        case .batch:
            var made: [OutboxMessage] = []
            for copy in record.copies where world.failure == nil { made += try take(copy.message, record) }
            return made
        case .sweep(let leads): return try sweep(record, leads: leads)
        case .expiry: return try expire(record)
        case .prune:
            _ = try books.write { try $0.pruneInbox(before: record.prunedBefore, limit: 5_000) }
            model.prune(before: record.prunedBefore)
            return []
        case .relay, .settle: return []
        }
    }

    // MARK: An input

    private func take(_ message: SimMessage, _ record: Committed) throws -> [OutboxMessage] {
        let properties = message.properties
        let poison = Rejection(
            .poison, "the daemon died \(world.plan.deliveryLimit) times with this message alone in hand")
        let delivery = DecodedDelivery(
            reading: record.isPoison
                ? .rejected(poison)
                : decoder.read(message.body, envelope: message.envelope, arrival: record.arrival),
            queue: message.queue, body: message.body, properties: { properties })
        let result = try processor.process([delivery])
        let expected =
            record.isPoison ? model.reject(poison) : model.take(message, now: record.now, arrival: record.arrival)
        check(message, result, expected)
        let before = snapshot
        snapshot = try books.read { try Snapshot($0) }
        RowChecks(snapshot: snapshot, fail: fail).run()
        if expected == .effect {
            StepChecks(before: before, after: snapshot, rules: rules, message: message, fail: fail).run()
        }
        ReorderChecks(before: before, after: snapshot, rules: rules, settings: model.settings, fail: fail).run()
        checkStock()
        checkOrder(message)
        PromiseChecks(before: before, after: snapshot, fail: fail).run(result.messages)
        return result.messages
    }

    /// A message has the effect that the contract gives it.
    private func check(_ message: SimMessage, _ result: BatchResult, _ expected: InputModel.Expected) {
        let found: InputModel.Expected
        switch result.outcomes.first {
        case .applied: found = .effect
        // Valid, and nothing to do: the contract's effect of it.
        case .noEffect: found = expected == .nothing ? .nothing : .effect
        case .duplicate: found = .duplicate
        case .parked:
            found = .parked
            world.happened(.beforeItsOrder)
        case .deadLettered(let rejection): found = .deadLetter(rejection.reason.rawValue)
        // No input of the simulation has a mapping.
        case .skipped, nil: found = .nothing
        }
        if found != expected {
            fail(.inbox, "message \(message.number) (\(message.knowledge.id)): \(found), expected \(expected)")
        }
        var wrong = model.rejectedParked.map { ("invalid", $0.body) }
        if case .deadLetter(let reason) = expected { wrong.append((reason, message.body)) }
        checkDeadLetters(result.messages, wrong)
    }

    private func checkDeadLetters(_ messages: [OutboxMessage], _ expected: [(reason: String, body: [UInt8])]) {
        let found = messages.filter { $0.destination == .deadLetter }.map { letter in
            (letter.headers.first { $0.name == "x-backorder-reason" }?.value ?? "", letter.body)
        }
        func sorted(_ letters: [(String, [UInt8])]) -> [String] {
            letters.map { "\($0.0) \(String(decoding: $0.1, as: UTF8.self))" }.sorted()
        }
        if sorted(found) != sorted(expected.map { ($0.reason, $0.body) }) {
            fail(.deadLetters, "found \(sorted(found)), expected \(sorted(expected.map { ($0.reason, $0.body) }))")
        }
    }

    /// What came, left and was counted is what is on the shelves.
    private func checkStock() {
        let unplaced = model.stock.unplaced
        for sku in unplaced.keys.sorted() {
            var found: [LocationID: StockModel.Shelf] = [:]
            let item = snapshot.item(sku)
            for stock in item?.stock ?? [] { found[stock.location, default: .init()].onHand = stock.onHand }
            for deficit in item?.deficits ?? [] {
                found[deficit.location, default: .init()].deficits[deficit.dispatchedAt, default: 0] += deficit.units
            }
            let net = found.values.reduce(0) { $0 + $1.net }
            if net != model.stock.net(sku) - (unplaced[sku] ?? 0) {
                fail(
                    .conservation,
                    "\(sku): \(net) over all locations, expected \(model.stock.net(sku)) less \(unplaced[sku] ?? 0)")
            }
            model.adopt(sku, found)
        }
        for place in model.stock.touched.sorted() where unplaced[place.sku] == nil {
            var found = StockModel.Shelf()
            let item = snapshot.item(place.sku)
            found.onHand = item?.stock.first { $0.location == place.location }?.onHand ?? 0
            for deficit in item?.deficits ?? [] where deficit.location == place.location {
                found.deficits[deficit.dispatchedAt, default: 0] += deficit.units
            }
            let expected = model.stock.shelves[place] ?? StockModel.Shelf()
            if found != expected {
                fail(.conservation, "\(place.sku) at \(place.location): \(found), expected \(expected)")
            }
        }
    }

    /// An order has the lines that were ordered, and has shipped what shipped.
    private func checkOrder(_ message: SimMessage) {
        var orderID = message.knowledge.deed.orderID
        if case .placed(let order) = message.knowledge.deed { orderID = order.orderID }
        guard let orderID, let placed = model.placed[orderID] else { return }
        guard let order = snapshot.order(orderID) else {
            fail(.inbox, "order \(orderID) is not in the books")
            return
        }
        if order.placedAt != placed.placedAt || order.lines.count != placed.order.lines.count {
            fail(.inbox, "order \(orderID) is not in the books as it was placed")
        }
        for (line, told) in zip(order.lines, placed.order.lines)
        where line.lineID != told.lineID || line.sku != told.sku || line.ordered != told.quantity
            || line.pin != told.pin
        {
            fail(.inbox, "order \(orderID): line \(told) is in the books as \(line)")
        }
        var left: [SKU: Units] = [:]
        for line in order.lines { left[line.sku, default: 0] += line.dispatched }
        let told = model.stock.shipped[orderID] ?? [:]
        for sku in Set(left.keys).union(told.keys).sorted() where left[sku, default: 0] != told[sku, default: 0] {
            fail(.conservation, "order \(orderID): \(left[sku] ?? 0) of \(sku) dispatched, expected \(told[sku] ?? 0)")
        }
    }

    // MARK: What no input causes

    private func sweep(_ record: Committed, leads: Bool) throws -> [OutboxMessage] {
        let process = "\(record.worker).\(record.life)"
        var phase = phases[process] ?? SweepPhase(startedAt: record.roundStartedAt ?? record.now)
        let result = try processor.sweep(
            &phase, worker: "w\(record.worker + 1)", now: record.now, leadUntil: record.leadUntil,
            lines: world.plan.sweptLines)
        phases[process] = result == nil || phase.isDone ? nil : phase
        if (result != nil) != leads { fail(.oneEffect, "two workers' turns at the sweep differ") }
        let before = snapshot
        snapshot = try books.read { try Snapshot($0) }
        RowChecks(snapshot: snapshot, fail: fail).run()
        PromiseChecks(before: before, after: snapshot, fail: fail).run(result?.messages ?? [])
        return result?.messages ?? []
    }

    private func expire(_ record: Committed) throws -> [OutboxMessage] {
        let fresh = BatchProcessor(
            store: books, rules: rules, clock: .system { [time] in time.value }, keepsOutbox: false)
        let made = try fresh.expireParked(now: record.now)?.messages ?? []
        let expired = model.expire(now: record.now, parking: rules.parkingMicroseconds)
        checkDeadLetters(made, expired.map { ("expired", $0.body) })
        return made
    }

    // MARK: Comparing

    private func compare(_ found: [OutboxMessage], _ expected: [OutboxMessage], of record: Committed) {
        if found == expected { return }
        func text(_ message: OutboxMessage) -> String {
            "\(message.type) \(message.messageID) \(message.headers.map { "\($0.name)=\($0.value)" }) "
                + String(decoding: message.body, as: UTF8.self)
        }
        for (left, right) in zip(found, expected) where left != right {
            return fail(.oneEffect, "\(record.kind): told \(text(left)), expected \(text(right))")
        }
        let more = found.count > expected.count ? found[expected.count] : expected[found.count]
        fail(.oneEffect, "\(record.kind): \(found.count) messages, expected \(expected.count): \(text(more))")
    }

    private func compareBooks() throws {
        let store = try world.disk.open()
        defer { store.close() }
        let found = try store.read { try Snapshot($0) }.text() + sweepText(store)
        let expected = try snapshot.text() + sweepText(books)
        if found == expected { return }
        for (left, right) in zip(found, expected) where left != right {
            return fail(.oneEffect, "the books have \(left), expected \(right)")
        }
        fail(.oneEffect, "the books have \(found.count) rows, expected \(expected.count)")
    }

    /// What `verify` does.
    private func audit(_ store: any BackOrderStore) throws {
        let findings = try store.read { queries in
            var audit = StoreAudit(queries)
            try audit.run()
            return audit.findings
        }
        for finding in findings { fail(.audit, "\(finding.subject): \(finding.problem)") }
    }

    /// The sweep's own book. When a SKU changed again matters only while a sweep of it is under way.
    private func sweepText(_ store: any BackOrderStore) throws -> [String] {
        return try store.write { transaction in
            let marks = try transaction.sweepMarks(after: nil, limit: .max).map { mark in
                let again = mark.cursor == nil ? nil : mark.changedAgainAt
                return "mark \(mark.sku) \(mark.changedAt.microseconds) again \(again?.microseconds ?? 0) "
                    + "cursor \(mark.cursor.map { "\($0)" } ?? "-")"
            }
            let orders = try transaction.ordersToTell(limit: .max).map { "to tell \($0)" }
            return marks + orders + ["swept through \(try transaction.sweptThrough().microseconds)"]
        }
    }

    /// Estimates were made anew, and stand on the supply that covers them.
    func checkSwept(now: Instant) {
        do {
            let marks = try books.write { try $0.sweepMarks(after: nil, limit: .max) }
            for mark in marks where mark.changedAt.adding(microseconds: 75_000_000) < now {
                fail(.drained, "\(mark.sku) changed at \(mark.changedAt.microseconds) and was not swept")
            }
        } catch {
            fail(.drained, "\(error)")
        }
        EstimateChecks(snapshot: snapshot, rules: rules, now: now, fail: fail).run()
    }

    func finish() {
        do {
            try compareBooks()
            let store = try world.disk.open()
            defer { store.close() }
            try audit(store)
            let left = try store.read { try $0.parked(after: nil, limit: 10) }
            if !left.isEmpty || !model.parked.isEmpty {
                fail(.drained, "\(left.count) messages are still parked, expected \(model.parked.count)")
            }
        } catch {
            fail(.audit, "\(error)")
        }
    }
}

/// The reference's now.
private final class SharedTime: Sendable {
    private let state = Mutex(Instant(microseconds: 0))

    var value: Instant {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// Books that lie to the reference as the worker's lie to it.
private final class LyingStore: BackOrderStore {
    private let inner: any BackOrderStore
    private let mutation: Mutation
    private let memory = MutationMemory()

    init(_ inner: any BackOrderStore, _ mutation: Mutation) {
        self.inner = inner
        self.mutation = mutation
    }

    func write<Result>(_ body: (any StoreTransaction) throws -> Result) throws -> Result {
        try inner.write { try body(MutatedTransaction($0, mutation, memory)) }
    }

    func read<Result>(_ body: (any StoreQueries) throws -> Result) throws -> Result { try inner.read(body) }
    func migrate() throws { try inner.migrate() }
    func schemaVersion() throws -> (found: Int, wanted: Int) { try inner.schemaVersion() }
    func adopt(_ strategy: Strategy) throws { try inner.adopt(strategy) }
    func close() { inner.close() }
}
