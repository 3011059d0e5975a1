public import BackOrderStore
public import MessageSchema

/// One message as the broker handed it over, free of any driver's types.
public struct InboundDelivery: Sendable {
    public var token: DeliveryToken
    /// The queue it came from; told in dead letters.
    public var queue: String
    /// The broker says that it was delivered before.
    public var redelivered: Bool
    public var envelope: Envelope
    public var body: [UInt8]
    /// All AMQP properties and headers, coded by the adapter; only asked for when a dead letter needs them.
    public var properties: @Sendable () -> [UInt8]

    public init(
        token: DeliveryToken, queue: String, redelivered: Bool, envelope: Envelope, body: [UInt8],
        properties: @escaping @Sendable () -> [UInt8]
    ) {
        self.token = token
        self.queue = queue
        self.redelivered = redelivered
        self.envelope = envelope
        self.body = body
        self.properties = properties
    }
}

extension InboundDelivery {
    /// The 32 hexadecimal digits in the header `traceparent` (W3C trace context), if it is one.
    var traceID: String? {
        guard let parent = envelope.headers.last(where: { $0.name.lowercased() == "traceparent" })?.value else {
            return nil
        }
        let parts = parent.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[1].utf8.count == 32, parts[1].allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
            return nil
        }
        return String(parts[1])
    }
}

/// Names a delivery for its acknowledgement. A tag lives in one connection's generation.
public struct DeliveryToken: Sendable, Hashable {
    public var generation: UInt64
    public var tag: UInt64

    public init(generation: UInt64, tag: UInt64) {
        self.generation = generation
        self.tag = tag
    }
}

/// Where inputs come from.
public protocol DeliverySource: Sendable {
    /// What has arrived, at most `max`, as soon as there is one; empty when the time is over. Blocks the pipeline's
    /// thread, which is the only one to call it.
    func receive(max: Int, timeoutMilliseconds: Int) -> [InboundDelivery]
    func acknowledge(_ tokens: [DeliveryToken])
    /// The connection whose deliveries can be acknowledged now; nil: there is none. What came on another comes again.
    var generation: UInt64? { get }
    /// No more deliveries are handed over after this; what was not handed over goes back to the queue.
    func stopConsuming()
}

/// Where outputs go.
public protocol OutputSink: Sendable {
    /// Takes messages to publish, all or none; each gets exactly one outcome, later, on another thread. False: the
    /// sink's own bounded queue stayed full for so long, none was taken.
    func publish(_ messages: [PendingPublication], timeoutMilliseconds: Int) -> Bool
    /// Waits until everything handed in has its outcome; false when the time is over first.
    func flush(deadlineMilliseconds: Int) -> Bool
}

public struct PendingPublication: Sendable {
    public var handle: UInt64
    public var message: OutboxMessage

    public init(handle: UInt64, message: OutboxMessage) {
        self.handle = handle
        self.message = message
    }
}

public enum PublicationOutcome: Sendable, Equatable {
    case confirmed
    /// The broker refused it for now, e.g. a full queue.
    case nacked
    /// No queue is bound for it.
    case returned(String)
    /// The connection went before the confirm came.
    case unknown
    /// It can't be put into the broker's protocol as it is, today or ever: headers over a frame, for example.
    case unsendable(String)
}
