import AMQPClient
import ArgumentParser
import BackOrderStore
import Configuration
import Glibc
import InventoryCore
import Logging
import Operations
import Synchronization
import UnixSignals
import Worker

/// `backorderd run`: the daemon.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the daemon until it is told to stop.",
        discussion: """
            SIGTERM or SIGINT: stop consuming, finish what is in hand, acknowledge, leave within worker.drain_timeout; a \
            second one ends it at once, with nothing lost. SIGHUP: read policy, items, suppliers, promise and log anew.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(name: .long, help: "The broker's URL; wins over the file and the environment. May be given more than once.")
    var broker: [String] = []

    @Flag(name: .long, help: "Don't bring the store's schema up to date; stop if it is not.")
    var noMigrate = false

    func run() async throws {
        let configuration = try options.load(brokerURLs: broker)
        let logger = LogOutput.logger(configuration.log)
        for warning in configuration.warnings + configuration.outputWarnings { logger.warning("\(warning)") }
        // A broker or a reader that is gone is an error to handle, not a reason to die.
        signal(SIGPIPE, SIG_IGN)
        let service = ServiceNotifier(currentEnvironment(), logger)
        service.start("Starting: opening the store")
        let daemon: RunningDaemon
        do {
            daemon = try RunningDaemon(configuration, logger, service, migrates: !noMigrate)
        } catch let error as StoreError {
            logger.critical("\(error.message)")
            throw ExitCode(ExitStatus.failed)
        } catch let error as ConfigurationError {
            logger.critical("\(error)")
            throw ExitCode(ExitStatus.badConfiguration)
        } catch let error as AMQPError {
            logger.critical("\(error.message)")
            throw ExitCode(ExitStatus.badConfiguration)
        }
        let status = await daemon.run { try options.load(brokerURLs: broker) }
        throw ExitCode(status)
    }
}

/// The parts of a running daemon, put together; of one in the shadow, too, which differs in where its outputs go.
final class RunningDaemon: Sendable {
    private let configuration: Configuration
    private let logger: Logger
    private let consumer: Consumer
    /// nil: nothing is published.
    private let publisher: Publisher?
    private let shadow: ShadowSink?
    private let shadowWatch: ShadowWatch?
    private let pipeline: Pipeline
    private let store: StoreHolder
    private let tracker: OutboxTracker
    private let service: ServiceNotifier
    private let heartbeat = Heartbeat()
    private let operations: OperationsService
    /// nil: nobody wants traces.
    private let traces: Traces?

    /// - Parameter shadow: what makes it one in the shadow; nil: it is the real one.
    init(
        _ configuration: Configuration, _ logger: Logger, _ service: ServiceNotifier, migrates: Bool,
        shadow: ShadowRun? = nil
    ) throws {
        self.configuration = configuration
        self.logger = logger
        self.service = service
        // What is wrong with the store is found before the broker is asked for anything.
        let store = try Self.openStore(configuration, logger, migrates: migrates)
        self.store = StoreHolder(store)
        if case .memory = configuration.store {
            logger.warning("the store is in memory: all is lost when the daemon ends")
        }

        let plan = shadow?.plan ?? configuration.topologyPlan
        let process = getpid()
        let metrics = DaemonMetrics()
        // A shadow works on copies: what it does is no part of the orders' traces.
        let traces = shadow == nil ? Traces.start(currentEnvironment(), configuration, logger) : nil
        self.traces = traces
        let tracker = OutboxTracker(
            confirmedAfter: { metrics.confirmed(afterMilliseconds: $0) },
            segmentConfirmed: traces?.segmentConfirmed)
        self.tracker = tracker
        let logger = logger
        consumer = try Consumer(
            options: try configuration.connectionOptions(role: "consumer", process: process), topology: plan,
            queues: configuration.broker.inputs.map(\.queue), prefetch: UInt16(clamping: configuration.broker.prefetch),
            messageBytesMax: configuration.limits.messageBytes,
            observer: {
                metrics.note($0, .consumer)
                ConnectionLog.tell($0, "consumer", configuration, logger, shadow)
            })
        let sink: any OutputSink
        if let shadow, !shadow.publishes {
            publisher = nil
            let journal = ShadowSink(shadow.journal, tracker, publisher: nil, logger)
            self.shadow = journal
            sink = journal
        } else {
            let publisher = try Publisher(
                options: try configuration.connectionOptions(role: "publisher", process: process), topology: plan,
                observer: {
                    metrics.note($0, .publisher)
                    ConnectionLog.tell($0, "publisher", configuration, logger, shadow)
                },
                settled: { outcomes in
                    for outcome in outcomes { metrics.note(outcome.outcome) }
                    let loud = tracker.settle(
                        outcomes.map {
                            (handle: $0.handle, outcome: shadow?.outcome($0.outcome) ?? $0.outcome.publication)
                        },
                        nowMilliseconds: monotonicMilliseconds())
                    ConnectionLog.tell(loud, logger)
                })
            self.publisher = publisher
            let published = AMQPOutputSink(
                publisher: publisher, tracker: tracker, outputExchange: configuration.broker.output,
                mappedExchanges: Set(configuration.mappedExchanges),
                deadLetterExchange: configuration.broker.deadLetter.exchange)
            self.shadow = shadow.map { ShadowSink($0.journal, tracker, publisher: published, logger) }
            sink = self.shadow ?? published
        }
        var watch = try configuration.connectionOptions(role: "shadow watch", process: process)
        watch.connectTimeoutMilliseconds = 2_000
        shadowWatch =
            if let shadow, let journal = self.shadow {
                ShadowWatch(
                    queues: configuration.broker.inputs.map(\.queue), limit: shadow.queueMessagesMax, options: watch,
                    sink: journal, logger: logger)
            } else {
                nil
            }
        var settings = Pipeline.Settings(
            batch: configuration.worker.batch,
            inboxRetentionMicroseconds: configuration.worker.inboxRetention.wholeMicroseconds,
            drainMilliseconds: Int(configuration.worker.drainTimeout.wholeMicroseconds / 1000),
            decode: try configuration.decodeOptions(), worker: WorkerName.own,
            deliveryLimit: configuration.worker.deliveryLimit, isGone: WorkerName.isGone,
            encoder: try configuration.outputEncoder(), notes: shadow?.notes, batchBegins: Failpoint.batchBegins)
        settings.graceMilliseconds = Failpoint.graceMilliseconds
        pipeline = Pipeline(
            source: AMQPDeliverySource(consumer: consumer), sink: sink, tracker: tracker,
            settings: settings, timing: heartbeat.timing, logger: logger, meter: metrics, spans: traces?.spans)
        operations = try OperationsService(
            configuration,
            .init(
                pipeline: pipeline, tracker: tracker, consumer: consumer, publisher: publisher,
                usesDeadLetterQueue: shadow == nil, heartbeat: heartbeat, metrics: metrics,
                traces: traces), logger)
    }

    /// A database that is away, restarts or fails over is waited for, as it would be later: a worker that is started
    /// again in the middle of an outage is there when the outage is over. What only a person can mend is thrown.
    private static func openStore(
        _ configuration: Configuration, _ logger: Logger, migrates: Bool
    ) throws -> any BackOrderStore {
        var failures = 0
        while true {
            do {
                let store = try StoreFactory.open(configuration)
                if migrates { try store.migrate() } else { try StoreFactory.requireSchema(store) }
                try store.adopt(configuration.rulebook.strategy)
                return store
            } catch let error as StoreError where error.isRetriable {
                failures += 1
                if failures == 1 || failures % 20 == 0 {
                    logger.warning("the store is not available, trying again: \(error.message)")
                }
                Timing.block(milliseconds: min(50 << min(failures, 6), 2_000))
            }
        }
    }

    /// Runs until a signal ends it; answers the exit code.
    func run(reload: @escaping @Sendable () throws -> Configuration) async -> Int32 {
        logger.notice(
            "backorderd \(BackorderdCommand.version) starts",
            metadata: [
                "pid": "\(getpid())", "broker": "\(configuration.broker.redactedURLs.joined(separator: ", "))",
                "store": "\(configuration.store)",
            ])
        do {
            try publisher?.start()
            try consumer.start()
        } catch {
            logger.critical("\(error.message)")
            return ExitStatus.failed
        }
        let ending = AsyncStream<Pipeline.Ending>.makeStream()
        let thread = WorkThread(name: "pipeline") { [self] in
            heartbeat.beat()
            ending.continuation.yield(pipeline.run(store: store.store, rules: configuration.rulebook))
            heartbeat.rest()
            store.store.close()
            ending.continuation.finish()
        }
        service.watch(whatToWatch)
        operations.start()
        shadowWatch?.start()
        let signals = Task { [self] in await watchSignals(reload) }
        var result = Pipeline.Ending.drained
        for await value in ending.stream { result = value }
        signals.cancel()
        thread.join()
        consumer.close(deadlineMilliseconds: 2_000)
        publisher?.close(deadlineMilliseconds: 2_000)
        traces?.stop()
        shadowWatch?.stop()
        shadow?.end()
        service.end()
        operations.stop()
        switch result {
        case .drained:
            let what = shadow == nil ? "drained, all outputs are confirmed" : "drained, all is in the shadow's journal"
            logger.notice("\(what)", metadata: countsMetadata())
            return 0
        case .drainedWithOpenOutbox(let open):
            logger.notice(
                "stopped with \(open) outputs unconfirmed: they stay in the outbox and go out at the next start",
                metadata: countsMetadata())
            return 0
        case .failed:
            return ExitStatus.failed
        }
    }

    private var whatToWatch: ServiceNotifier.Watch {
        ServiceNotifier.Watch(
            parts: [
                .init(name: "the pipeline") { [heartbeat] in heartbeat.silentMilliseconds },
                .init(name: "the consumer's thread") { [consumer] in consumer.silentMilliseconds },
                .init(name: "the publisher's thread") { [publisher] in publisher?.silentMilliseconds ?? 0 },
            ],
            isReady: { [consumer, publisher] in consumer.isConsuming && publisher?.isConnected ?? true },
            progress: { [pipeline, tracker, consumer, publisher] in
                let counts = pipeline.counts
                let outbox = tracker.summary
                return .init(
                    handled: counts.applied + counts.noEffect + counts.duplicates + counts.parked + counts.skipped
                        + counts.deadLettered,
                    confirmed: outbox.confirmed, inHand: consumer.bufferedCount, unconfirmed: outbox.open,
                    isConsuming: consumer.isConsuming, isPublishing: publisher?.isConnected ?? true,
                    isBlocked: publisher?.isBlocked ?? false)
            })
    }

    private func countsMetadata() -> Logger.Metadata {
        let counts = pipeline.counts
        return [
            "applied": "\(counts.applied)", "duplicates": "\(counts.duplicates)", "parked": "\(counts.parked)",
            "skipped": "\(counts.skipped)",
            "dead_lettered": "\(counts.deadLettered)", "outputs": "\(counts.outputs)", "batches": "\(counts.batches)",
        ]
    }

    private func watchSignals(_ reload: @escaping @Sendable () throws -> Configuration) async {
        var stops = 0
        var lastStop: Int64 = 0
        for await received in await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup) {
            if received == .sighup {
                self.reload(reload)
                continue
            }
            // A group that is told to stop as a whole may tell each of its members more than once.
            if stops > 0, monotonicMilliseconds() - lastStop < 300 { continue }
            lastStop = monotonicMilliseconds()
            stops += 1
            if stops > 1 {
                // Whatever is in hand is not acknowledged or is in the outbox: nothing is lost by leaving now.
                logger.notice("told to stop a second time: leaving at once")
                _exit(0)
            }
            logger.notice("stopping: finishing what is in hand")
            service.stopping(withinMilliseconds: Int(configuration.worker.drainTimeout.wholeMicroseconds / 1000))
            pipeline.stop()
        }
    }

    private func reload(_ load: () throws -> Configuration) {
        service.reloading()
        defer { service.reloaded() }
        do {
            let newer = try load()
            let difference = newer.reloadable(difference: configuration)
            if !difference.needsRestart.isEmpty {
                logger.warning("these keys need a restart: \(difference.needsRestart.joined(separator: ", "))")
            }
            pipeline.replaceRules(configuration.reloaded(from: newer).rulebook)
            LogOutput.setLevel(newer.log.level)
            let changed = difference.applies.isEmpty ? "no change" : difference.applies.joined(separator: ", ")
            logger.notice("configuration read anew: \(changed)")
        } catch {
            logger.error("the configuration was not read anew, the earlier one stays in force")
        }
    }
}

/// A store that is made on one thread and then used by another alone.
///
/// @unchecked Sendable: handed from the starting thread to the pipeline's thread, never used by both.
private final class StoreHolder: @unchecked Sendable {
    let store: any BackOrderStore
    init(_ store: any BackOrderStore) { self.store = store }
}

extension PublishOutcome {
    var publication: PublicationOutcome {
        switch self {
        case .confirmed: .confirmed
        case .nacked: .nacked
        case .returned(let code, let text): .returned("\(code) \(text)")
        case .unknown: .unknown
        case .invalid(let text): .unsendable(text)
        }
    }
}
