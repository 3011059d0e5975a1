/// The files and rules of a TLS connection. Used only by `amqps://` addresses.
public struct TLSOptions: Sendable, Equatable {
    /// PEM file of the authorities that may have signed the broker's certificate; nil: the system's.
    public var caPath: String?
    /// PEM files of our certificate (with its chain) and key, for brokers that ask for one.
    public var certificatePath: String?
    public var keyPath: String?
    /// false: accept any certificate. For trials only.
    public var verify: Bool

    public init(
        caPath: String? = nil, certificatePath: String? = nil, keyPath: String? = nil, verify: Bool = true
    ) {
        self.caPath = caPath
        self.certificatePath = certificatePath
        self.keyPath = keyPath
        self.verify = verify
    }
}

/// How a connection is made and kept.
public struct ConnectionOptions: Sendable {
    /// Tried in shuffled order, one attempt each, again and again.
    public var addresses: [AMQPAddress]
    public var tls: TLSOptions
    /// Asked of the broker; the smaller of its and ours counts. A dead link is noticed within twice this time.
    public var heartbeatSeconds: Int
    public var connectTimeoutMilliseconds: Int
    /// For the handshake and for each question to the broker.
    public var rpcTimeoutMilliseconds: Int
    /// Shown by `rabbitmqctl list_connections` and in consumer tags. Say host, process and role.
    public var name: String
    public var backoffMillisecondsMin: Int
    public var backoffMillisecondsMax: Int

    public init(
        addresses: [AMQPAddress], tls: TLSOptions = TLSOptions(), heartbeatSeconds: Int = 15,
        connectTimeoutMilliseconds: Int = 5_000, rpcTimeoutMilliseconds: Int = 10_000, name: String = "backorderd",
        backoffMillisecondsMin: Int = 500, backoffMillisecondsMax: Int = 30_000
    ) {
        self.addresses = addresses
        self.tls = tls
        self.heartbeatSeconds = max(1, heartbeatSeconds)
        self.connectTimeoutMilliseconds = connectTimeoutMilliseconds
        self.rpcTimeoutMilliseconds = rpcTimeoutMilliseconds
        self.name = name
        self.backoffMillisecondsMin = backoffMillisecondsMin
        self.backoffMillisecondsMax = backoffMillisecondsMax
    }
}

/// What happens to a connection. Observers are called on the owner thread and must return at once.
public enum ConnectionEvent: Sendable {
    case connecting(AMQPAddress)
    case connected(AMQPAddress, serverVersion: String)
    /// Deliveries of all queues flow.
    case consuming
    case disconnected(AMQPError, retryInMilliseconds: Int)
    /// The broker is short of memory or disk and takes no publishes; the text is its reason.
    case blocked(String)
    case unblocked
    /// The queue was deleted or its node went away; we look for it again with back-off.
    case consumerCancelledByBroker(queue: String)
    /// A body over the limit: rejected without requeue, so that it goes where the queue's dead letters go.
    case oversized(queue: String, bodyBytes: UInt64, messageID: String?)
    /// So many acknowledgements came for deliveries of a connection that is gone; they will be delivered again.
    case staleAcks(Int)
    /// Will not heal by waiting: topology mismatch, missing rights. Still retried, slowly.
    case fatal(AMQPError)
}
