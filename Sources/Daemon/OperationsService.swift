import AMQPClient
import BackOrderStore
import Configuration
import InventoryCore
import Logging
import Operations
import Synchronization
import Worker

/// The operations endpoint of a running daemon: health, metrics and dashboard put together and kept up.
final class OperationsService: Sendable {
    /// What is looked at. None of it is changed.
    struct Parts: Sendable {
        let pipeline: Pipeline
        let tracker: OutboxTracker
        let consumer: Consumer
        /// nil: nothing is published.
        let publisher: Publisher?
        /// What can't be used goes to the dead-letter queue, which is worth a look then.
        let usesDeadLetterQueue: Bool
        let heartbeat: Heartbeat
        let metrics: DaemonMetrics
        /// nil: none are sent.
        let traces: Traces?
    }

    private let configuration: Configuration
    private let logger: Logger
    private let parts: Parts
    private let health: HealthBoard
    private let figures: FiguresReader
    private let queues: QueueWatch
    private let server = Mutex<HTTPServer?>(nil)
    private let isStopping = Atomic<Bool>(false)

    init(_ configuration: Configuration, _ parts: Parts, _ logger: Logger) throws(AMQPError) {
        self.configuration = configuration
        self.logger = logger
        self.parts = parts
        let broker = configuration.broker
        health = HealthBoard(Self.healthParts(parts))
        figures = FiguresReader(store: Self.pageStore(configuration), now: wallClock, logger: logger)
        var names: [String] = []
        let all =
            broker.inputs.map(\.queue) + broker.outputQueues.map(\.queue)
            + (parts.usesDeadLetterQueue ? [broker.deadLetter.queue] : [])
        for name in all where !names.contains(name) { names.append(name) }
        var options = try configuration.connectionOptions(role: "observer", process: currentProcess())
        options.connectTimeoutMilliseconds = 2_000
        queues = QueueWatch(queues: names, options: options, logger: logger)
    }

    /// Begins, unless the configuration wants no endpoint. A port that is taken costs the endpoint, not the daemon: it is
    /// tried again until it is free.
    func start() {
        guard let listen = configuration.operations.listen else { return }
        health.start()
        queues.start()
        if storeIsHidden == nil { figures.start() }
        _ = WorkThread(name: "listen", stackBytes: 512 << 10) { [self] in
            var isTold = false
            while !isStopping.load(ordering: .relaxed) {
                do throws(ListenError) {
                    let made = try HTTPServer(
                        host: listen.host, port: listen.port, store: Self.pageStore(configuration), answering: endpoint,
                        logger: logger)
                    made.start()
                    server.withLock { $0 = made }
                    logger.notice("health, metrics and dashboard at http://\(listen.text)/")
                    return
                } catch {
                    if !isTold { logger.error("\(error.message); trying again every 5 s") }
                    isTold = true
                }
                for _ in 0..<25 where !isStopping.load(ordering: .relaxed) { Timing.block(milliseconds: 200) }
            }
        }
    }

    func stop() {
        isStopping.store(true, ordering: .relaxed)
        server.withLock { $0 }?.stop()
        figures.stop()
        queues.stop()
        health.stop()
    }

    private var endpoint: Endpoint {
        let handlingDays = configuration.rulebook.promise.handlingDays
        return Endpoint(
            .init(
                version: BackorderdCommand.version, worker: WorkerName.own, token: configuration.operations.token,
                now: wallClock,
                explain: { explanation, now in
                    ExplanationText(explanation, now: now, handlingDays: handlingDays, eventsShown: 50).rendered
                },
                storeIsHidden: storeIsHidden, inputQueues: configuration.broker.inputs.map(\.queue),
                deadLetterQueue: configuration.broker.deadLetter.queue,
                messagesIn: { [queues] in queues.messages(in: $0) }),
            health: health, metrics: parts.metrics, figures: figures,
            gauges: gauges + queues.families + Traces.families(parts.traces))
    }

    private var storeIsHidden: String? {
        configuration.store == .memory
            ? "The store is in memory, where only the pipeline can read it. With a store in a file or a database this page works."
            : nil
    }

    private static func pageStore(_ configuration: Configuration) -> PageStore {
        PageStore {
            if case .sqlite(let path) = configuration.store, !fileExists(path) {
                throw StoreError(.unavailable, "the store \(path) is not there")
            }
            let store = try StoreFactory.open(configuration)
            do {
                try StoreFactory.requireSchema(store)
            } catch {
                store.close()
                throw error
            }
            return store
        }
    }
}

// MARK: What is looked at

extension OperationsService {
    fileprivate static func healthParts(_ parts: Parts) -> [HealthBoard.Part] {
        let consumer = parts.consumer
        return [
            .init("pipeline") { [heartbeat = parts.heartbeat] in
                silence(heartbeat.silentMilliseconds, "the pipeline's thread") ?? .fine
            },
            .init("broker-consumer") {
                if let hung = silence(consumer.silentMilliseconds, "the consumer's thread") { return hung }
                if consumer.isConsuming { return .fine }
                return consumer.isConnected
                    ? HealthCheck(
                        .failed, "connected to the broker, but not consuming",
                        remedy:
                            "see the log: a queue may be missing, or declared in another way (backorderd check --broker)"
                    )
                    : HealthCheck(
                        .failed, "no connection to the broker to consume on",
                        remedy:
                            "see that the broker runs and that broker.urls is right (backorderd check --broker); it is tried again all the time"
                    )
            },
            .init("broker-publisher") { [publisher = parts.publisher] in
                guard let publisher else { return .fine }
                if let hung = silence(publisher.silentMilliseconds, "the publisher's thread") { return hung }
                if !publisher.isConnected {
                    return HealthCheck(
                        .failed, "no connection to the broker to publish on",
                        remedy:
                            "see that the broker runs and that broker.urls is right (backorderd check --broker); outputs are kept"
                    )
                }
                if publisher.isBlocked {
                    return HealthCheck(
                        .warning, "the broker takes no publishes for now",
                        remedy:
                            "free memory or disk at the broker (rabbitmqctl status: alarms); outputs are kept meanwhile"
                    )
                }
                return .fine
            },
            .init("store") { [metrics = parts.metrics] in
                guard let failing = metrics.storeFailingMilliseconds else { return .fine }
                return HealthCheck(
                    failing > 2_000 ? .failed : .warning, "no transaction has succeeded for \(failing / 1_000) s",
                    remedy:
                        "see the log for the store's error (backorderd check --store); nothing is lost, it is tried again"
                )
            },
            .init("outbox") { [tracker = parts.tracker] in
                let summary = tracker.summary
                if summary.unroutable > 0 {
                    return HealthCheck(
                        .warning, "\(summary.unroutable) outputs were refused or came back unroutable",
                        remedy:
                            "bind a queue for them to the output exchange, or make room in a full one; they are kept and sent again"
                    )
                }
                return .fine
            },
        ]
    }

    /// nil: it was seen lately.
    private static func silence(_ milliseconds: Int64, _ what: String) -> HealthCheck? {
        milliseconds <= ServiceNotifier.silenceMillisecondsMin
            ? nil
            : HealthCheck(
                .hung, "nothing was seen of \(what) for \(milliseconds / 1_000) s",
                remedy: "restart the daemon; nothing is lost by it")
    }

    /// What is not counted but asked for.
    fileprivate var gauges: [MetricFamily] {
        let parts = parts
        return [
            .init(.gauge, "backorderd_connected", "1: the connection to the broker is up.", labels: ["role"]) {
                [
                    .init(["consumer"], parts.consumer.isConnected ? 1 : 0),
                    .init(["publisher"], parts.publisher?.isConnected ?? false ? 1 : 0),
                ]
            },
            .init(.gauge, "backorderd_consuming", "1: deliveries of all input queues flow.") {
                [.init([], parts.consumer.isConsuming ? 1 : 0)]
            },
            .init(.gauge, "backorderd_publisher_blocked", "1: the broker takes no publishes (memory or disk alarm).") {
                [.init([], parts.publisher?.isBlocked ?? false ? 1 : 0)]
            },
            .init(.gauge, "backorderd_deliveries_buffered", "Messages that have arrived and are not in a batch yet.") {
                [.init([], Double(parts.consumer.bufferedCount))]
            },
            .init(.gauge, "backorderd_outbox_messages", "Outputs of this worker that the broker has not confirmed.") {
                [.init([], Double(parts.tracker.openCount))]
            },
            .init(
                .gauge, "backorderd_outbox_oldest_seconds", "How long the oldest of them has waited; 0: there is none."
            ) {
                [.init([], Double(parts.tracker.summary.oldestMilliseconds) / 1_000)]
            },
            .init(.gauge, "backorderd_outbox_unroutable", "Of them: refused or unroutable when last tried.") {
                [.init([], Double(parts.tracker.summary.unroutable))]
            },
            .init(
                .gauge, "backorderd_thread_silent_seconds", "How long nothing was seen of a thread beyond what is due.",
                labels: ["thread"]
            ) {
                [
                    .init(["consumer"], Double(parts.consumer.silentMilliseconds) / 1_000),
                    .init(["pipeline"], Double(parts.heartbeat.silentMilliseconds) / 1_000),
                    .init(["publisher"], Double(parts.publisher?.silentMilliseconds ?? 0) / 1_000),
                ]
            },
        ]
    }
}

extension DaemonMetrics {
    /// What the connections tell, counted.
    func note(_ event: ConnectionEvent, _ role: Role) {
        switch event {
        case .disconnected: connectionLost(role)
        case .blocked: blocked(true)
        case .unblocked: blocked(false)
        case .oversized: tooLarge()
        case .staleAcks(let count): acknowledgedTooLate(count)
        case .connecting, .connected, .consuming, .consumerCancelledByBroker, .fatal: break
        }
    }

    func note(_ outcome: PublishOutcome) {
        switch outcome {
        case .confirmed: break
        case .nacked: refused(.refused)
        case .returned: refused(.unroutable)
        case .unknown: refused(.unknown)
        case .invalid: refused(.unsendable)
        }
    }
}
