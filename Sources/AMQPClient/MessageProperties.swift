/// One header of a message: headers are kept in order, and a name may occur twice.
public struct Header: Sendable, Equatable {
    public var name: String
    public var value: HeaderValue

    public init(_ name: String, _ value: HeaderValue) {
        self.name = name
        self.value = value
    }
}

/// A field value with its AMQP type, kept exactly as it came.
public indirect enum HeaderValue: Sendable, Equatable {
    case boolean(Bool)
    case int8(Int8)
    case uint8(UInt8)
    case int16(Int16)
    case uint16(UInt16)
    case int32(Int32)
    case uint32(UInt32)
    case int64(Int64)
    case uint64(UInt64)
    case float(Float)
    case double(Double)
    /// value / 10^scale
    case decimal(scale: UInt8, value: UInt32)
    case string(String)
    /// A field of type string that is not UTF-8.
    case invalidString([UInt8])
    case bytes([UInt8])
    /// Seconds since 1970.
    case timestamp(UInt64)
    case array([HeaderValue])
    case table([Header])
    case void
}

/// The properties of a message. Absent is nil; headers absent and empty are the same.
public struct MessageProperties: Sendable, Equatable {
    public var contentType: String?
    public var contentEncoding: String?
    public var headers: [Header] = []
    /// 2 is persistent.
    public var deliveryMode: UInt8?
    public var priority: UInt8?
    public var correlationID: String?
    public var replyTo: String?
    /// Milliseconds, as text.
    public var expiration: String?
    public var messageID: String?
    /// Seconds since 1970.
    public var timestamp: UInt64?
    public var type: String?
    public var userID: String?
    public var appID: String?
    public var clusterID: String?

    public init() {}
}

/// A message that has come and is not acknowledged yet.
public struct Delivery: Sendable {
    /// Which connection it came on. A tag means nothing on another one.
    public var generation: UInt64
    public var tag: UInt64
    public var queue: String
    public var redelivered: Bool
    public var exchange: String
    public var routingKey: String
    public var properties: MessageProperties
    /// Headers were nested too deep or were too many; those beyond the limit are missing in `properties`.
    public var headersTruncated: Bool
    /// Headers are incomplete or not what they seem: over the limits, of an unknown type, or with names or properties
    /// that are not UTF-8.
    public var headersInvalid: Bool
    public var body: [UInt8]
}

/// A message to publish.
public struct OutgoingMessage: Sendable {
    /// The caller's own number, unique among what is not settled.
    public var handle: UInt64
    public var exchange: String
    public var routingKey: String
    /// A return of the broker is matched by `messageID`: set it, unless all without one share their route. Persistent
    /// unless `deliveryMode` is set.
    public var properties: MessageProperties
    public var body: [UInt8]

    public init(
        handle: UInt64, exchange: String, routingKey: String, properties: MessageProperties, body: [UInt8]
    ) {
        self.handle = handle
        self.exchange = exchange
        self.routingKey = routingKey
        self.properties = properties
        self.body = body
    }
}

/// What became of a published message.
public enum PublishOutcome: Sendable, Equatable {
    /// The broker has it, safe as its queues are.
    case confirmed
    /// The broker refused it, for example because a queue is full.
    case nacked
    /// It went to no queue.
    case returned(code: Int, text: String)
    /// Connection or channel went away before the confirm, or the publisher was closed: the broker may have it or not.
    case unknown
    /// It cannot be expressed in AMQP, and was not sent: a name over 255 bytes, headers over a frame.
    case invalid(String)
}
