import AMQPClient
import ArgumentParser
import BackOrderStore
import Configuration
import Glibc
import InventoryCore
import Logging
import MessageSchema
import Worker

/// `backorderd shadow`: the daemon beside a live system, and what it would have done.
struct ShadowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shadow",
        abstract: "Watch a live system: decide as run does, publish nothing, and compare with what was really shipped.",
        discussion: """
            The daemon reads queues of its own, bound beside those of the configuration, and keeps books of its own. What \
            it would have published goes into a journal. Nobody else gets fewer messages, and nothing of its own reaches \
            anybody. `shadow report` compares it with the shipments that it saw; `shadow remove` takes away all that it \
            made.
            """,
        subcommands: [Run.self, Report.self, Remove.self], defaultSubcommand: Run.self)

    /// Which shadow.
    struct Options: ParsableArguments {
        @Option(
            name: .long,
            help: "The configuration file of the daemon (default: /etc/backorderd/backorderd.yaml, if it is there).",
            completion: .file(extensions: ["yaml", "yml"]))
        var config: String?

        @Option(
            name: .long,
            help: "The shadow's own store, a SQLite file (default: beside the configured one, with .shadow.db for .db)."
        )
        var store: String?

        @Option(name: .long, help: "trace, debug, info, notice, warning, error or critical.")
        var logLevel: String?

        /// The configuration as the daemon has it, and the shadow's own store, if it is said.
        func load(brokerURLs: [String] = []) throws -> (live: Configuration, store: Configuration.Store?) {
            var options = ConfigurationOptions()
            options.config = config
            options.store = nil
            options.logLevel = logLevel
            let live = try options.load(brokerURLs: brokerURLs)
            guard store != nil else { return (live, nil) }
            options.store = store
            return (live, try options.load(brokerURLs: brokerURLs).store)
        }
    }

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Watch until told to stop.",
            discussion: """
                SIGTERM or SIGINT: finish what is in hand and leave; a second one ends it at once, with nothing lost. SIGHUP: \
                read policy, items, suppliers, promise and log anew.
                """)

        @OptionGroup var options: Options

        @Option(
            name: .long, help: "The broker's URL; wins over the file and the environment. May be given more than once.")
        var broker: [String] = []

        @Option(name: .long, help: "Its queues are named as the configured ones, with this behind.")
        var suffix = ".shadow"

        @Option(
            name: .long,
            help: ArgumentHelp(
                "What it is to see, in place of the input's own `bind`. May be given more than once.",
                valueName: "exchange=key,key"))
        var bind: [String] = []

        @Option(
            name: .long,
            help: "Publish the outputs as well, to this exchange of its own; somebody may listen there, nobody has to.")
        var exchange: String?

        @Option(name: .long, help: "Messages that wait in each of its queues, at most; beyond it the oldest go.")
        var queueMessages: Int64 = 1_000_000

        @Option(name: .long, help: "Bytes that wait in each of its queues, at most; beyond it the oldest go.")
        var queueBytes: Int64 = 256 << 20

        @Option(name: .long, help: "Hours after which a queue goes that no shadow reads any more.")
        var queueHours: Int64 = 72

        @Option(name: .long, help: "Bytes of its journal, at most; beyond it the oldest sixteenth goes.")
        var journalBytes: Int64 = 1 << 30

        @Option(name: .long, help: "Open health, metrics and dashboard here, as host:port (default: nowhere).")
        var listen: String?

        func validate() throws {
            if queueMessages < 1 || queueBytes < 1 || queueHours < 1 || queueHours > 24 * 365 {
                throw ValidationError("--queue-messages, --queue-bytes and --queue-hours need numbers from 1.")
            }
            if journalBytes < 1 << 20 { throw ValidationError("--journal-bytes needs a number from 1048576.") }
        }

        private func plan() throws -> ShadowPlan {
            var plan = ShadowPlan()
            plan.suffix = suffix
            plan.binds = try bind.map { text in
                guard let bind = ShadowPlan.Bind(text) else {
                    throw ValidationError("--bind \(text): write it as EXCHANGE=KEY,KEY.")
                }
                return bind
            }
            plan.exchange = exchange
            plan.queueMessagesMax = queueMessages
            plan.queueBytesMax = queueBytes
            plan.queueExpiryMilliseconds = queueHours * 3_600_000
            return plan
        }

        private func load(_ plan: ShadowPlan) throws -> Configuration {
            let (live, store) = try options.load(brokerURLs: broker)
            do throws(ShadowPlan.Refusal) {
                var shadow = try plan.configuration(live, store: store)
                shadow.operations.listen = nil
                if let listen {
                    guard let address = Configuration.Listen(text: listen) else {
                        throw ShadowPlan.Refusal("--listen \(listen): write it as host:port, e.g. 127.0.0.1:9474")
                    }
                    if !address.isLoopback, shadow.operations.token == nil {
                        throw ShadowPlan.Refusal("--listen \(listen) is open to others: set operations.token first")
                    }
                    shadow.operations.listen = address
                }
                return shadow
            } catch {
                complain("backorderd: \(error.text)")
                throw ExitCode(ExitStatus.badConfiguration)
            }
        }

        func run() async throws {
            let plan = try plan()
            let configuration = try load(plan)
            let logger = LogOutput.logger(configuration.log)
            signal(SIGPIPE, SIG_IGN)
            let service = ServiceNotifier(currentEnvironment(), logger)
            service.start("Starting: opening the store")
            let daemon: RunningDaemon
            do {
                let topology = plan.topology(configuration)
                let journal = try openJournal(configuration, plan, logger)
                daemon = try RunningDaemon(
                    configuration, logger, service, migrates: true,
                    shadow: ShadowRun(
                        plan: topology, journal: journal, publishes: plan.exchange != nil,
                        queueMessagesMax: Int(plan.queueMessagesMax)))
            } catch let error as StoreError {
                logger.critical("\(error.message)")
                throw ExitCode(ExitStatus.failed)
            } catch let error as ShadowJournal.Failure {
                logger.critical("\(error.text)")
                throw ExitCode(ExitStatus.failed)
            } catch let error as AMQPError {
                logger.critical("\(error.message)")
                throw ExitCode(ExitStatus.badConfiguration)
            }
            let status = await daemon.run { try load(plan) }
            throw ExitCode(status)
        }

        /// The journal with a line that says how the queues are found; a new one begins with what the books hold.
        private func openJournal(
            _ configuration: Configuration, _ plan: ShadowPlan, _ logger: Logger
        ) throws -> ShadowJournal {
            let directory = try ShadowPlan.journalDirectory(of: configuration.store)
            var journal = try ShadowJournal(directory: directory, bytesMax: journalBytes)
            let states = queueStates(configuration, plan)
            if journal.isNew {
                let store = try StoreFactory.open(configuration)
                defer { store.close() }
                try store.migrate()
                let orders = try ShadowOpening.write(store, at: wallClock(), to: &journal)
                if orders > 0 { logger.notice("the journal begins with \(orders) orders that the books hold") }
            }
            try journal.append(ShadowEntry.startedLine(states, at: wallClock()))
            try journal.begun()
            logger.notice(
                "in the shadow: nothing of this reaches anybody",
                metadata: [
                    "queues": "\(configuration.broker.inputs.map(\.queue).joined(separator: ", "))",
                    "books": "\(configuration.store)",
                    "journal": "\(journal.directory)",
                    "outputs": "\(plan.exchange.map { "also to the exchange \($0)" } ?? "published nowhere")",
                ])
            return journal
        }

        /// Best effort: while the broker is away nothing is known of its queues.
        private func queueStates(_ configuration: Configuration, _ plan: ShadowPlan) -> [ShadowEntry.QueueState] {
            guard var options = try? configuration.connectionOptions(role: "shadow", process: getpid()) else {
                return []
            }
            options.connectTimeoutMilliseconds = 2_000
            guard let reader = try? QueueReader(options: options, messageBytesMax: 0) else { return [] }
            defer { reader.close() }
            var states: [ShadowEntry.QueueState] = []
            for input in configuration.broker.inputs {
                do throws(AMQPError) {
                    let counts = try reader.counts(of: input.queue)
                    states.append(
                        .init(queue: input.queue, messages: counts.messages, limit: Int(plan.queueMessagesMax)))
                } catch {
                    if error.endsConnection { return [] }
                    if error.code == .notFound {
                        states.append(.init(queue: input.queue, messages: nil, limit: Int(plan.queueMessagesMax)))
                    }
                }
            }
            return states
        }
    }
}

/// What the books hold when a journal begins: orders that were imported, or that an earlier journal told of.
enum ShadowOpening {
    /// Answers how many orders are open.
    static func write(
        _ store: any BackOrderStore, at now: Instant, to journal: inout ShadowJournal
    ) throws -> Int {
        var after: OrderID?
        var count = 0
        while true {
            let page = try store.read { try $0.auditOrders(after: after, limit: 1_000) }
            guard let last = page.last else { return count }
            after = last.order.orderID
            var bytes: [UInt8] = []
            for order in page.map(\.order) {
                guard let note = note(order, at: now) else { continue }
                count += 1
                bytes += ShadowEntry.noteLine(note.encoded, at: now)
            }
            if !bytes.isEmpty { try journal.append(bytes) }
        }
    }

    /// nil: nothing of it is open.
    static func note(_ order: Order, at now: Instant) -> ShadowNote? {
        typealias Line = ShadowNote.Line
        var lines: [Line] = []
        var asked: [(location: LocationID, lines: [Line])] = []
        var waiting: [Line] = []
        for line in order.lines {
            let open = line.allocated + line.waiting + line.held
            guard open > 0 else { continue }
            lines.append(Line(lineID: line.lineID, sku: line.sku, quantity: open))
            for allocation in line.allocations where allocation.requested > 0 {
                let entry = Line(lineID: line.lineID, sku: line.sku, quantity: allocation.requested)
                if let index = asked.firstIndex(where: { $0.location == allocation.location }) {
                    asked[index].lines.append(entry)
                } else {
                    asked.append((allocation.location, [entry]))
                }
            }
            if line.waiting > 0 {
                waiting.append(
                    Line(lineID: line.lineID, sku: line.sku, quantity: line.waiting, promisedAt: line.promisedAt))
            }
        }
        if lines.isEmpty { return nil }
        let id = "\(ShadowNote.opening) \(order.orderID)"
        func effect(_ kind: String, _ location: LocationID?, _ lines: [Line]) -> ShadowNote.Effect {
            .init(kind: kind, cause: id, time: now, orderID: order.orderID, location: location, lines: lines)
        }
        var effects = asked.map { effect("fulfilment-requested", $0.location, $0.lines) }
        if order.isHeld {
            effects.append(effect(NotificationKind.orderHeld.rawValue, nil, lines))
        } else if !waiting.isEmpty {
            effects.append(effect(NotificationKind.orderBackordered.rawValue, nil, waiting))
        }
        return ShadowNote(
            cause: .init(id: id, type: ShadowNote.opening, time: now),
            placed: .init(orderID: order.orderID, placedAt: order.placedAt, lines: lines), effects: effects)
    }
}
