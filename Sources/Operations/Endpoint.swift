public import BackOrderStore
public import InventoryCore
import Worker

/// Everything that the endpoint serves, by path. Reads; never writes.
public struct Endpoint: HTTPAnswering {
    /// What the pages need to know of the daemon.
    public struct Setting: Sendable {
        public var version: String
        public var worker: String
        /// nil: nobody is asked who they are.
        public var token: String?
        public var now: @Sendable () -> Instant
        /// The words of `backorderd explain`.
        public var explain: @Sendable (Explanation, Instant) -> String
        /// Why the pages that read the store can't be shown; nil: they can.
        public var storeIsHidden: String?
        public var inputQueues: [String]
        public var deadLetterQueue: String
        /// nil: not known.
        public var messagesIn: @Sendable (_ queue: String) -> Int?

        public init(
            version: String, worker: String, token: String?, now: @escaping @Sendable () -> Instant,
            explain: @escaping @Sendable (Explanation, Instant) -> String, storeIsHidden: String?,
            inputQueues: [String], deadLetterQueue: String, messagesIn: @escaping @Sendable (String) -> Int?
        ) {
            self.version = version
            self.worker = worker
            self.token = token
            self.now = now
            self.explain = explain
            self.storeIsHidden = storeIsHidden
            self.inputQueues = inputQueues
            self.deadLetterQueue = deadLetterQueue
            self.messagesIn = messagesIn
        }
    }

    let setting: Setting
    let health: HealthBoard
    let metrics: DaemonMetrics
    let figures: FiguresReader
    /// In the order of `/metrics`.
    let families: [MetricFamily]
    private let access: Access

    /// - Parameter gauges: what else is known of the daemon, its connections and queues.
    public init(
        _ setting: Setting, health: HealthBoard, metrics: DaemonMetrics, figures: FiguresReader, gauges: [MetricFamily]
    ) {
        self.setting = setting
        self.health = health
        self.metrics = metrics
        self.figures = figures
        families =
            Self.ownFamilies(setting, health) + metrics.families + gauges + figures.families
            + ProcessFigures.families
        access = Access(token: setting.token)
    }

    private static func ownFamilies(_ setting: Setting, _ health: HealthBoard) -> [MetricFamily] {
        [
            MetricFamily(.gauge, "backorderd_build_info", "The program; always 1.", labels: ["version"]) {
                [.init([setting.version], 1)]
            },
            MetricFamily(gauge: "backorderd_ready", "1: it can work; 0: see /health/ready.") {
                health.isReady ? 1 : 0
            },
        ]
    }

    public func answer(_ request: HTTPRequest) -> HTTPAnswer {
        // Probes know no token, and health says nothing that is worth one.
        switch request.path {
        case ["health", "live"]: return .now(health.live())
        case ["health", "ready"]: return .now(health.ready())
        default: break
        }
        if let refusal = access.refusal(of: request) { return .now(refusal) }
        switch request.path {
        case ["metrics"]: return .now(metricsText())
        case ["style.css"]: return .now(HTTPResponse(200, "text/css; charset=utf-8", Assets.style))
        case ["live.js"]: return .now(HTTPResponse(200, "text/javascript; charset=utf-8", Assets.script))
        default: return Pages(self).answer(request)
        }
    }

    func metricsText() -> HTTPResponse {
        var text = ""
        for family in families { family.render(into: &text) }
        return HTTPResponse(200, "text/plain; version=0.0.4; charset=utf-8", text)
    }
}
