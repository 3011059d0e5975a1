import BackOrderStore
import InventoryCore
import MessageSchema

/// A message as it came, kept for its dead letter: body and properties untouched, and where it came from.
public struct OriginalMessage: Sendable {
    public var queue: String
    public var properties: [UInt8]
    public var body: [UInt8]

    init(_ delivery: DecodedDelivery) {
        queue = delivery.queue
        properties = delivery.properties()
        body = delivery.body
    }

    /// The message as one opaque value for the parked row.
    func encoded() -> [UInt8] {
        OutboxCoding.encode([
            OutboxMessage(
                destination: .deadLetter, routingKey: queue, messageID: "", type: "", originalProperties: properties,
                body: body)
        ])
    }

    public init?(decoding bytes: [UInt8]) {
        guard let message = try? OutboxCoding.decode(bytes).first else { return nil }
        queue = message.routingKey
        properties = message.originalProperties
        body = message.body
    }

    /// - Parameter time: when it was given up.
    func deadLetter(_ rejection: Rejection, at time: Instant) -> OutboxMessage {
        let detail = String(rejection.detail.prefix(1000))
        return OutboxMessage(
            destination: .deadLetter, routingKey: queue,
            messageID: deadLetterID(queue: queue, body: body, properties: properties), type: "dead-letter",
            headers: [
                .init(name: "x-backorder-reason", value: rejection.reason.rawValue),
                .init(name: "x-backorder-detail", value: detail),
                .init(name: "x-backorder-queue", value: queue),
                .init(name: "x-backorder-time", value: formatRFC3339(time)),
            ],
            originalProperties: properties, body: body)
    }

    /// A handle of our own for confirms and returns; the published message keeps its own message_id.
    private func deadLetterID(queue: String, body: [UInt8], properties: [UInt8]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in body { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        for byte in properties { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return "dead-letter-\(String(hash, radix: 16))"
    }
}
