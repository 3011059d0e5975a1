import BackOrderStore
import Configuration
import InventoryCore
import MessageSchema
import Worker

/// One file on its way into the store: read as a whole and checked first; then its messages, through the production
/// path. Used by one thread, which has another one read.
final class ImportRun {
    /// What is wrong, as far as it is told.
    struct Report {
        static let listed = 50
        var faults: [SeedFault] = []
        var count = 0
        /// Messages of the file, and those of them that the store knows already.
        var messages = 0
        var known = 0
        var unlistedLocations: Set<String> = []
    }

    struct Outcome {
        var taken = 0
        var known = 0
        /// Outputs by routing key.
        var published: [String: Int] = [:]
        var withheld: [String: Int] = [:]
        var rejected: [(line: Int, rejection: Rejection)] = []

        fileprivate mutating func add(_ result: BatchResult, _ lines: [Int]) {
            for (line, effect) in zip(lines, result.outcomes) {
                switch effect {
                case .duplicate: known += 1
                case .deadLettered(let rejection): rejected.append((line, rejection))
                case .applied, .noEffect, .parked, .skipped: taken += 1
                }
            }
            for message in result.messages where message.destination == .output {
                published[message.routingKey, default: 0] += 1
            }
            withheld.merge(result.withheld, uniquingKeysWith: +)
        }
    }

    /// Where an order stands in the file, and when it is its turn.
    private struct Entry {
        var key: PrecedenceKey
        var isHeld: Bool
        var offset: Int
        var bytes: Int
        var line: Int
    }

    /// Of what is decided in one go, and of one look at the inbox.
    private static let batchMessages = 2_000
    private static let batchRows = 5_000

    private let groups: SeedGroups
    private let reader: SeedReader
    private let store: any BackOrderStore
    /// A second connection to it, where one may decide while another writes.
    private let snapshots: (any SnapshotStore)?
    private let configuration: Configuration
    private let announces: Bool
    private let now: Instant
    private var index: [Entry] = []
    private var seen: Set<Digest128> = []
    private var progress = Progress()

    init(
        _ file: SeedFile, _ kind: SeedKind, _ configuration: Configuration, _ store: any BackOrderStore,
        _ snapshots: (any SnapshotStore)?, ignoresUnknown: Bool, announces: Bool
    ) {
        reader = SeedReader(
            kind,
            options: DecodeOptions(
                linesMax: configuration.limits.lines, messageBytesMax: configuration.limits.messageBytes))
        groups = SeedGroups(file, reader, ignoresUnknown: ignoresUnknown)
        self.configuration = configuration
        self.store = store
        self.snapshots = snapshots
        self.announces = announces
        now = wallClock()
    }

    var rowCount: Int { groups.rowCount }

    // MARK: Checking

    /// Reads the whole file and changes nothing.
    func check() throws -> Report {
        var report = Report()
        let knowsOrders = try store.read { try $0.totals().orders > 0 }
        var pending: [(message: SeedMessage, line: Int)] = []
        let size = max(1, groups.size)
        var count = 0
        var reached = 0
        try each { piece in
            switch piece {
            case .fault(let fault): add(fault, to: &report)
            case .group(let group):
                reached += group.bytes
                count += group.rows.count
                progress.show("checking: \(count) rows, \(min(99, reached * 100 / size)) %")
                let fresh = fresh(group, &report)
                switch reader.message(group.rows, arrival: now) {
                case .failure(let wrong): for fault in wrong.faults { add(fault, to: &report) }
                case .success(let message):
                    report.messages += 1
                    note(message, group, fresh, &report)
                    pending.append((message, group.rows[0].line))
                    if pending.count == ImportRun.batchMessages {
                        try compare(pending, knowsOrders, &report)
                        pending = []
                    }
                }
            }
        }
        try compare(pending, knowsOrders, &report)
        progress.clear()
        report.faults.sort { $0.line < $1.line }
        seen = []
        return report
    }

    /// What another thread reads of the file, from its beginning to its end.
    private func each(_ body: (Piece) throws -> Void) throws {
        let channel = BoundedChannel<[Piece]>(capacity: 4)
        let failure = Shared<SeedFileFailure?>(nil)
        let reading = Reading(run: self)
        let thread = WorkThread(name: "import-read") {
            var pieces: [Piece] = []
            var isWanted = true
            func take(_ piece: Piece) throws {
                pieces.append(piece)
                if pieces.count < ImportRun.piecesTogether { return }
                isWanted = channel.send(pieces)
                pieces = []
                if !isWanted { throw SeedFileFailure("was not read to its end") }
            }
            do {
                try reading.run.groups.each {
                    try take(.group($0))
                } fault: {
                    try take(.fault($0))
                }
                channel.send(pieces)
            } catch {
                failure.value = error as? SeedFileFailure ?? SeedFileFailure("can't be read: \(error)")
            }
            channel.close()
        }
        defer {
            channel.close()
            thread.join()
        }
        while let pieces = channel.receive() { for piece in pieces { try body(piece) } }
        if let failure = failure.value { throw failure }
    }

    private enum Piece: Sendable {
        case group(SeedGroup)
        case fault(SeedFault)
    }

    private static let piecesTogether = 500

    private func add(_ fault: SeedFault, to report: inout Report) {
        report.count += 1
        if report.faults.count < Report.listed { report.faults.append(fault) }
    }

    /// Whether nothing of the group was in the file before.
    @discardableResult
    private func fresh(_ group: SeedGroup, _ report: inout Report) -> Bool {
        let rows = reader.kind == .stock ? group.rows : [group.rows[0]]
        var isFresh = true
        for row in rows where !seen.insert(reader.uniqueKey(row)).inserted {
            isFresh = false
            switch reader.kind {
            case .stock:
                let cause = "\(reader.key(row, "sku")) at \(reader.key(row, "location")) is in the file already"
                add(SeedFault(line: row.line, column: "sku", cause: cause, remedy: "keep one of the rows"), to: &report)
            case .orders, .supply:
                // One without its key is told by the decoder.
                if reader.groupKey(row).isEmpty { continue }
                let column = reader.kind == .orders ? "order_id" : "inbound_id"
                let cause = "\(reader.groupKey(row)) is in the file already, before other rows"
                add(
                    SeedFault(line: row.line, column: column, cause: cause, remedy: "let its rows follow each other"),
                    to: &report)
            }
        }
        return isFresh
    }

    private func note(_ message: SeedMessage, _ group: SeedGroup, _ isFresh: Bool, _ report: inout Report) {
        let listed = configuration.rulebook.locations
        switch message.decoded.message.input {
        case .orderPlaced(let order):
            for pin in order.lines.compactMap(\.location) where !listed.contains(pin) {
                if report.unlistedLocations.count < 10 { report.unlistedLocations.insert(pin.text) }
            }
            guard isFresh else { return }
            // As the order will stand when it waits for all of its units.
            let units = order.lines.reduce(0) { $0 + $1.quantity }
            let lead: Int64 =
                switch configuration.rulebook.strategy {
                case .priority, .fairShare: 0
                case .dueDate: order.requestedBy?.microseconds ?? .max
                case .smallestFirst: units
                }
            let priority = Decider(rules: configuration.rulebook).priority(order)
            index.append(
                Entry(
                    key: PrecedenceKey(
                        lead: lead, priority: priority, placedAt: order.placedAt, orderID: order.orderID, position: 0),
                    isHeld: message.isHeld, offset: group.offset, bytes: group.bytes, line: group.rows[0].line))
        case .stockAdjusted(let stock):
            if !listed.contains(stock.location), report.unlistedLocations.count < 10 {
                report.unlistedLocations.insert(stock.location.text)
            }
        case .inboundScheduled(let inbound):
            if !listed.contains(inbound.location), report.unlistedLocations.count < 10 {
                report.unlistedLocations.insert(inbound.location.text)
            }
        default: break
        }
    }

    /// What the store knows already: the same is no fault, something else of the same name is.
    private func compare(
        _ messages: [(message: SeedMessage, line: Int)], _ knowsOrders: Bool, _ report: inout Report
    ) throws {
        if messages.isEmpty { return }
        let identities = messages.map(\.message.decoded.identity)
        let keys = identities.compactMap(\.factKey)
        let rows = try store.write { try $0.inbox(keys) }
        for (message, line) in messages {
            let identity = message.decoded.identity
            if let factKey = identity.factKey, let row = rows[factKey] {
                report.known += 1
                if row.content != identity.content { add(differs(message, line), to: &report) }
            } else if knowsOrders, case .orderPlaced(let order) = message.decoded.message.input,
                try store.read({ try $0.order(order.orderID) }) != nil
            {
                add(differs(message, line), to: &report)
            }
        }
    }

    private func differs(_ message: SeedMessage, _ line: Int) -> SeedFault {
        switch message.decoded.message.input {
        case .orderPlaced(let order):
            SeedFault(
                line: line, column: "order_id", cause: "\(order.orderID) is in the store with other content",
                remedy: "take it out of the file, or cancel it and place it under another order_id")
        case .inboundScheduled(let inbound):
            SeedFault(
                line: line, column: "inbound_id",
                cause: "\(inbound.inboundID) is in the store with other content of the same announced_at",
                remedy: "take it out of the file, or give it a later announced_at")
        default: SeedFault(line: line, cause: "is in the store with other content", remedy: "take it out of the file")
        }
    }

    // MARK: Importing

    /// The messages of a file that was checked.
    func importAll() throws -> Outcome {
        var outcome = Outcome()
        let processor = BatchProcessor(
            store: store, rules: ImportRun.rules(configuration.rulebook, .accept), clock: .system { wallClock() },
            keepsOutbox: true, encoder: try configuration.outputEncoder(),
            withholds: { [announces] output in
                switch output.body {
                case .notification, .fulfilmentRequested, .fulfilmentWithdrawn: !announces
                case .reorderRequested, .reorderExpedite: false
                }
            })
        var done = 0
        // Before another thread reads the file again.
        let total = max(1, rowCount)
        let batches = BoundedChannel<Batch>(capacity: 2)
        let failure = Shared<SeedFileFailure?>(nil)
        let reading = Reading(run: self)
        let thread = WorkThread(name: "import-read") {
            do {
                try reading.run.read(into: batches)
            } catch {
                failure.value = error as? SeedFileFailure ?? SeedFileFailure("can't be read: \(error)")
            }
            batches.close()
        }
        defer {
            batches.close()
            thread.join()
        }
        var current = Batch()
        func next() -> [DecodedDelivery]? {
            guard let batch = batches.receive() else { return nil }
            if batch.isHeld { processor.replaceRules(ImportRun.rules(configuration.rulebook, .hold)) }
            current = batch
            return batch.deliveries
        }
        func note(_ result: BatchResult) {
            outcome.add(result, current.lines)
            done += current.rows
            progress.show("importing: \(done) of \(total) rows, \(done * 100 / total) %")
        }
        if let snapshots {
            let bulk = BulkProcessor(processor, writer: store, reader: snapshots)
            while try bulk.span(next, note) {}
        } else {
            while let deliveries = next() { note(try HistoryPlayer.transact { try processor.process(deliveries) }) }
        }
        progress.clear()
        if let failure = failure.value { throw failure }
        return outcome
    }

    /// What one transaction takes.
    private struct Batch: Sendable {
        var deliveries: [DecodedDelivery] = []
        /// By delivery: the line of its first row.
        var lines: [Int] = []
        var rows = 0
        /// Orders that wait for a person's decision. All others come before them.
        var isHeld = false
    }

    /// The run, as the reading thread has it.
    ///
    /// @unchecked Sendable: that thread uses the file, the groups and the index, and the other one does not until what is
    /// read has ended; the reader of rows holds nothing.
    private struct Reading: @unchecked Sendable {
        let run: ImportRun
    }

    /// On a thread of its own: reading and decoding overlap with the transactions.
    private func read(into batches: BoundedChannel<Batch>) throws {
        var batch = Batch()
        var isWanted = true
        func flush(isHeld: Bool = false) {
            if !batch.lines.isEmpty { isWanted = batches.send(batch) }
            batch = Batch()
            batch.isHeld = isHeld
        }
        func take(_ group: SeedGroup) throws {
            guard isWanted else { return }
            guard case .success(let message) = reader.message(group.rows, arrival: now) else {
                throw SeedFileFailure("changed while it was read; import it again when nobody writes to it")
            }
            batch.deliveries.append(
                DecodedDelivery(
                    reading: .message(message.decoded), queue: "import", body: message.body, properties: { [] }))
            batch.lines.append(group.rows[0].line)
            batch.rows += group.rows.count
            if batch.lines.count >= ImportRun.batchMessages || batch.rows >= ImportRun.batchRows {
                flush(isHeld: batch.isHeld)
            }
        }
        if reader.kind == .orders {
            // Units go to whom they would have gone to: by precedence. What is held comes last, and stays held.
            index.sort { $0.isHeld != $1.isHeld ? !$0.isHeld : $0.key < $1.key }
            for entry in index where isWanted {
                if entry.isHeld, !batch.isHeld { flush(isHeld: true) }
                try take(try groups.group(at: entry.offset, bytes: entry.bytes, line: entry.line))
            }
        } else {
            try groups.each(take) { _ in }
        }
        flush()
    }

    /// The company's own rules, but an order that is open already is neither refused nor held for its policy.
    private static func rules(_ rulebook: Rulebook, _ onBackorder: OnBackorder) -> Rulebook {
        var rules = rulebook
        rules.rules.insert(
            PolicyRule(
                settings: PolicySettings(onBackorder: onBackorder, backorderLimit: BackorderLimit.none),
                name: "the import"),
            at: 0)
        return rules
    }
}
