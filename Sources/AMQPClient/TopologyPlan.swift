/// The exchanges, queues and bindings that must exist before work begins.
public struct TopologyPlan: Sendable {
    public enum Mode: Sendable {
        /// Create what is missing; what exists otherwise is a topology mismatch.
        case declare
        /// Only look whether exchanges and queues exist, and are as asked for where we may ask. Bindings can't be seen.
        case verify
        /// Neither.
        case ignore
    }

    public struct Exchange: Sendable, Equatable {
        public var name: String
        /// direct, fanout, topic, headers, or what a plugin offers
        public var kind: String
        public var durable: Bool

        public init(name: String, kind: String = "direct", durable: Bool = true) {
            self.name = name
            self.kind = kind
            self.durable = durable
        }
    }

    public enum QueueType: String, Sendable {
        case quorum
        case classic
    }

    public struct Queue: Sendable, Equatable {
        public var name: String
        public var type: QueueType
        public var arguments: [Header]
        public var durable: Bool

        public init(name: String, type: QueueType = .quorum, arguments: [Header] = [], durable: Bool = true) {
            self.name = name
            self.type = type
            self.arguments = arguments
            self.durable = durable
        }
    }

    public struct Binding: Sendable, Equatable {
        public var queue: String
        public var exchange: String
        public var key: String

        public init(queue: String, exchange: String, key: String) {
            self.queue = queue
            self.exchange = exchange
            self.key = key
        }
    }

    public var mode: Mode
    public var exchanges: [Exchange]
    public var queues: [Queue]
    public var bindings: [Binding]

    public init(mode: Mode, exchanges: [Exchange] = [], queues: [Queue] = [], bindings: [Binding] = []) {
        self.mode = mode
        self.exchanges = exchanges
        self.queues = queues
        self.bindings = bindings
    }

    /// Nothing to declare and nothing to look at.
    public static let none = TopologyPlan(mode: .ignore)
}
