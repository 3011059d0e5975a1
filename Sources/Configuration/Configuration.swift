public import InventoryCore

/// All that the operator decides: one YAML file, a few environment variables and command-line options over it.
/// `Configuration()` is what an empty file says. Printing a configuration, or any part of it, never shows a secret.
public struct Configuration: Sendable, Equatable {
    public var broker = Broker()
    public var store = Store.sqlite(path: "/var/lib/backorderd/backorderd.db")
    public var worker = Worker()
    public var limits = Limits()
    /// Locations, allocation, policy, items, suppliers, promise, parking: everything that the decisions read.
    public var rulebook = Configuration.defaultRulebook
    public var operations = Operations()
    public var log = Log()

    public init() {}

    /// The core's defaults, with the policy default spelled out as the contract has it.
    static var defaultRulebook: Rulebook {
        Rulebook(
            policyDefault: PolicySettings(
                onBackorder: .accept, backorderLimit: BackorderLimit.none, ship: .partial, priority: 0))
    }

    public struct Broker: Sendable, Equatable {
        /// Tried in turn; never empty. Checked, as written, **with** their passwords: print `redactedURLs` instead.
        public var urls = ["amqp://guest:guest@127.0.0.1:5672/%2F"]
        public var tls = TLS()
        /// Unacknowledged messages for each consumer, 1 … 65535.
        public var prefetch = 1000
        public var topology = Topology.declare
        /// Never empty; no two of one queue.
        public var inputs = [
            Input(
                queue: "backorderd.inbound",
                bind: [Binding(exchange: "orders", keys: Configuration.messageTypes)])
        ]
        public var output = "backorder"
        /// What is published in place of the contract's outputs, as written in the file. nil: they are.
        /// Only its form is known here: what it means is the message schema's to say.
        public var outputMap: Mapping?
        /// In the order of the file.
        public var outputQueues = [
            OutputQueue(queue: "backorder.customer-notifications", keys: ["customer-notification.*"]),
            OutputQueue(queue: "backorder.reorders", keys: ["reorder-requested", "reorder-expedite"]),
            OutputQueue(queue: "backorder.fulfilment", keys: ["fulfilment-requested", "fulfilment-withdrawn"]),
        ]
        public var deadLetter = DeadLetter()

        public init() {}

        /// The URLs with their passwords replaced by `***`.
        public var redactedURLs: [String] { urls.map(redactedURL) }
    }

    public struct TLS: Sendable, Equatable {
        /// Paths of PEM files. nil: the system's authorities, no client certificate.
        public var ca: String?
        public var certificate: String?
        public var key: String?
        public var verify = true

        public init() {}
    }

    public enum Topology: String, Sendable, CaseIterable {
        case declare, verify, ignore
    }

    public enum QueueType: String, Sendable, CaseIterable {
        case quorum, classic
    }

    public struct Binding: Sendable, Equatable {
        public var exchange: String
        public var keys: [String]

        public init(exchange: String, keys: [String]) {
            self.exchange = exchange
            self.keys = keys
        }
    }

    public struct Input: Sendable, Equatable {
        public var queue: String
        public var queueType: QueueType
        /// One worker at a time; the others stand by. Quorum only: RabbitMQ's classic queues stall with it.
        public var singleActiveConsumer = false
        /// The broker's own limit of deliveries. It counts neighbours of a bad message too: nil is best.
        public var deliveryLimit: Int64?
        /// Whether the queue is declared with the dead-letter exchange as its argument; else a policy has to name it.
        public var deadLetterArgument = true
        public var bind: [Binding]
        /// The message type of all that this queue carries; nil: each message says its own.
        public var type: String?
        /// Where the contract's fields are in a foreign shape, as written in the file, in its order. nil: no mapping.
        /// Only its form is known here: what it means is the message schema's to say.
        public var map: Mapping?

        public init(
            queue: String, queueType: QueueType = .quorum, bind: [Binding] = [], type: String? = nil,
            map: Mapping? = nil
        ) {
            self.queue = queue
            self.queueType = queueType
            self.bind = bind
            self.type = type
            self.map = map
        }
    }

    public struct OutputQueue: Sendable, Equatable {
        public var queue: String
        public var keys: [String]
        /// The exchange that it is bound to; nil: the output exchange.
        public var exchange: String?

        public init(queue: String, keys: [String], exchange: String? = nil) {
            self.queue = queue
            self.keys = keys
            self.exchange = exchange
        }
    }

    public struct DeadLetter: Sendable, Equatable {
        public var exchange = "backorderd.dead-letter"
        public var queue = "backorderd.dead-letter"

        public init() {}
    }

    public enum Store: Sendable, Equatable {
        /// Absolute, or relative to the directory the daemon was started in.
        case sqlite(path: String)
        case memory
        /// What libpq takes, **with** its password.
        case postgres(String)
    }

    public struct Worker: Sendable, Equatable {
        /// Messages in one transaction, at most.
        public var batch = 200
        /// Deaths of the daemon on one message before it is `poison`.
        public var deliveryLimit = 5
        public var drainTimeout = Duration.seconds(20)
        /// Always the same as `rulebook.parkingMicroseconds`.
        public var parking = Duration.seconds(24 * 3600)
        public var inboxRetention = Duration.seconds(30 * 24 * 3600)

        public init() {}
    }

    public struct Limits: Sendable, Equatable {
        public var messageBytes = 1_048_576
        public var lines = 1000

        public init() {}
    }

    public struct Operations: Sendable, Equatable {
        /// nil: no endpoint.
        public var listen: Listen? = Listen(host: "127.0.0.1", port: 9473)
        /// What a reader must know. A secret. nil: nothing; only on loopback. Health needs it nowhere.
        public var token: String?

        public init() {}
    }

    public struct Listen: Sendable, Equatable {
        /// A name or an address; an IPv6 address without its brackets.
        public var host: String
        public var port: Int

        /// Only programs on this machine reach it.
        public var isLoopback: Bool {
            let digits = host.split(separator: ".", omittingEmptySubsequences: false)
            let isAddress = digits.count == 4 && digits.allSatisfy { UInt8($0) != nil }
            return host == "localhost" || host == "::1" || isAddress && digits[0] == "127"
        }

        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    public struct Log: Sendable, Equatable {
        public var level = Level.info
        public var format = Format.auto

        public init() {}

        /// The levels of swift-log, by the same names.
        public enum Level: String, Sendable, CaseIterable {
            case trace, debug, info, notice, warning, error, critical
        }

        public enum Format: String, Sendable, CaseIterable {
            case auto, text, json, journald
        }
    }

    /// What may come in, as the message contract lists it.
    static let messageTypes = [
        "order-placed", "stock-received", "shipment-dispatched", "order-cancelled", "order-released", "stock-adjusted",
        "inbound-scheduled", "inbound-cancelled", "item-updated",
    ]
}

extension Configuration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { redactedYAML() }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["configuration": description]) }
}

extension Configuration.Broker: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { redactedURLs.joined(separator: ", ") }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["urls": redactedURLs]) }
}

extension Configuration.Operations: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "\(listen?.text ?? "none")\(token == nil ? "" : ", with a token")" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["operations": description]) }
}

extension Configuration.Store: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The URL it was given as, without a password.
    public var description: String { url(redacted: true) }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["url": description]) }
}
