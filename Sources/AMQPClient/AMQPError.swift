/// What went wrong with a broker connection, in words for the operator.
///
/// `message` says what happened and what to do about it, and never contains a password or a message body.
public struct AMQPError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure. More may be added; compare with the constants and treat the rest as "other".
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        public let description: String

        /// The address cannot be parsed.
        public static let badAddress = Code(description: "bad-address")
        /// The broker could not be reached, or the link broke.
        public static let network = Code(description: "network")
        /// The broker answers, but does not let us in: wrong user or password (403) or virtual host (530).
        public static let refused = Code(description: "refused")
        /// The TLS handshake failed, or a certificate file cannot be used.
        public static let tls = Code(description: "tls")
        /// Something took longer than its deadline.
        public static let timeout = Code(description: "timeout")
        /// Missing heartbeats: the peer is gone though nobody closed the connection.
        public static let heartbeat = Code(description: "heartbeat")
        /// The broker says we broke the protocol, or sent us what we cannot read.
        public static let protocolViolation = Code(description: "protocol-violation")
        /// A queue or exchange exists with other properties than asked for (406).
        public static let topologyMismatch = Code(description: "topology-mismatch")
        /// A queue, exchange or binding end does not exist (404).
        public static let notFound = Code(description: "not-found")
        /// The user may not do this (403 on a channel), or somebody holds it exclusively (405).
        public static let accessRefused = Code(description: "access-refused")
        /// A message is too large or its properties do not fit; nothing was sent.
        public static let invalidMessage = Code(description: "invalid-message")
        /// The broker closed the channel or the connection on purpose.
        public static let closed = Code(description: "closed")
        /// The machine gave us no thread, memory or file descriptor.
        public static let resources = Code(description: "resources")
    }

    public var code: Code
    public var message: String
    /// Trying again later, with nothing changed by anybody, may help.
    public var isRetriable: Bool
    /// The connection can no longer be used.
    public var endsConnection: Bool
    /// Of a topology mismatch: what differs, where the broker's text could be read.
    public var mismatch: TopologyMismatch?

    public init(_ code: Code, _ message: String, isRetriable: Bool, endsConnection: Bool = true) {
        self.code = code
        self.message = message
        self.isRetriable = isRetriable
        self.endsConnection = endsConnection
    }

    public var description: String { "\(code): \(message)" }
}

extension AMQPError {
    /// The error for a channel.close or connection.close of the broker.
    static func closedByBroker(code: Int, text: String, channel: Bool, doing action: String) -> AMQPError {
        let (kind, advice, retriable): (Code, String, Bool) =
            switch code {
            case 320: (.closed, "the broker or an operator closed the connection; we connect again", true)
            case 403 where channel: (.accessRefused, "give the user the rights: rabbitmqctl set_permissions", false)
            case 403: (.refused, "check user and password of the address", false)
            case 404: (.notFound, "create it, or let us declare the topology", true)
            case 405: (.accessRefused, "another connection holds it exclusively; stop that one", true)
            case 406 where text.contains("inequivalent"):
                (.topologyMismatch, topologyAdvice(text), false)
            case 406: (.closed, "we connect again; unacknowledged messages come again", true)
            case 530: (.refused, "check the virtual host of the address and the user's rights on it", false)
            case 311, 312, 313: (.closed, "we connect again", true)
            case 501...505: (.protocolViolation, "please report this", true)
            default: (.closed, "we connect again", true)
            }
        if kind == .topologyMismatch, let mismatch = TopologyMismatch(parsing: text) {
            var error = AMQPError(kind, mismatch.told, isRetriable: retriable, endsConnection: !channel)
            error.mismatch = mismatch
            return error
        }
        return AMQPError(
            kind, "while \(action), the broker answered \(code) \(text); \(advice)",
            isRetriable: retriable, endsConnection: !channel)
    }

    /// RabbitMQ's text names argument, queue, what it received (ours) and the current value (theirs).
    private static func topologyAdvice(_ text: String) -> String {
        "'received' is what we ask for, 'current' is what exists: "
            + "change our configuration, or delete and recreate what exists when it is empty"
    }

    static func network(_ message: String) -> AMQPError { AMQPError(.network, message, isRetriable: true) }
}
