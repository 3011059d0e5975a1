import AMQPClient
import BackOrderStore
import Configuration
import InventoryCore
import MessageSchema

/// One message of the dead-letter queue: what came, and why it is there.
struct DeadLetter {
    let delivery: Delivery
    /// Twelve hexadecimal digits that name this letter, whatever the message calls itself.
    let id: String
    /// What the message says of itself.
    let label: MessageLabel
    let reason: String
    let detail: String
    /// The input that it came from; nil where nothing tells.
    let queue: String?
    /// When it was given up.
    let time: Instant?

    init(_ delivery: Delivery, messageBytesMax: Int) {
        self.delivery = delivery
        let headers = delivery.properties.headers
        func text(_ name: String) -> String? { headers.text(name) }
        label = MessageLabel(delivery.body, envelope: AMQPDeliverySource.envelope(delivery.properties))
        let writtenTime = text("x-backorder-time")
        let own = text("x-backorder-reason")
        let broker = own == nil ? BrokerDeath(headers) : nil
        switch (own, broker) {
        case (let own?, _):
            reason = own
            detail = text("x-backorder-detail") ?? ""
        case (nil, let death?) where death.reason == "rejected" && delivery.body.count > messageBytesMax:
            reason = RejectionReason.tooLarge.rawValue
            detail = "\(delivery.body.count) bytes, at most \(messageBytesMax) allowed"
        case (nil, let death?):
            reason = "moved-by-broker"
            detail = "the broker's own reason is \(death.reason)"
        case (nil, nil):
            reason = "unknown"
            detail = "no header says why it is here"
        }
        queue = text("x-backorder-queue") ?? broker?.queue
        time = writtenTime.flatMap { parseRFC3339($0) } ?? broker?.time
        id = String(
            rawDigest([
                Array((queue ?? "").utf8), Array((writtenTime ?? "").utf8),
                Array((delivery.properties.messageID ?? "").utf8), delivery.body,
            ]).hexadecimal.prefix(12))
    }

    func isNamed(_ name: String) -> Bool { name == id || name == label.id || name == delivery.properties.messageID }

    /// The message as it goes back to its input: without what its death added.
    ///
    /// Neither user id nor expiration come back: the broker refuses a user that is not ours, and what expires on its way
    /// could be lost.
    func restored(to queue: String) -> OutgoingMessage {
        var properties = delivery.properties
        properties.headers.removeAll { DeadLetter.added.contains($0.name) }
        properties.userID = nil
        properties.expiration = nil
        properties.deliveryMode = 2
        return OutgoingMessage(handle: 0, exchange: "", routingKey: queue, properties: properties, body: delivery.body)
    }

    /// Headers that dead-lettering and delivery wrote: ours and the broker's. A delivery count that came along would
    /// make the message look as if it had been tried before.
    private static let added: Set<String> = [
        "x-backorder-reason", "x-backorder-detail", "x-backorder-queue", "x-backorder-time", "x-backorder-user-id",
        "x-backorder-expiration", "x-backorder-properties-dropped", "x-death", "x-first-death-exchange",
        "x-first-death-queue", "x-first-death-reason", "x-last-death-exchange", "x-last-death-queue",
        "x-last-death-reason", "x-delivery-count",
    ]
}

/// What the broker writes when it moves a message itself.
private struct BrokerDeath {
    var reason: String
    var queue: String?
    var time: Instant?

    init?(_ headers: [Header]) {
        guard case .array(let deaths)? = headers.first(where: { $0.name == "x-death" })?.value,
            case .table(let latest)? = deaths.first, let reason = latest.text("reason")
        else { return nil }
        self.reason = reason
        queue = latest.text("queue")
        if case .timestamp(let seconds)? = latest.first(where: { $0.name == "time" })?.value, seconds < 1 << 40 {
            time = Instant(microseconds: Int64(seconds) * 1_000_000)
        }
    }
}

extension [Header] {
    fileprivate func text(_ name: String) -> String? {
        guard case .string(let text)? = first(where: { $0.name == name })?.value else { return nil }
        return text
    }
}

// MARK: Shown

extension DeadLetter {
    static let columns = [
        TextTable.text("id"), TextTable.text("message_id"), TextTable.text("type"), TextTable.text("reason"),
        TextTable.text("detail"), TextTable.text("queue"), TextTable.text("time"), TextTable.number("bytes"),
    ]

    var cells: [Listing.Cell] {
        [
            .text(id), .optional(label.id), .optional(label.type), .text(reason), .text(detail), .optional(queue),
            .time(time), .number(Int64(delivery.body.count)),
        ]
    }

    /// As `list`, and all that came along: properties, headers, body (`body_base64` where it is no text).
    var json: JSONText {
        var members = zip(DeadLetter.columns, cells).map { ($0.heading, $1.json) }
        members.append(("properties", .object(propertyTexts.map { ($0.0, .string($0.1)) })))
        members.append(("headers", delivery.properties.headers.json))
        if let text = bodyText {
            members.append(("body", .string(text)))
        } else {
            members.append(("body_base64", .string(encodedBase64(delivery.body))))
        }
        return .object(members)
    }

    /// The same for a person.
    var text: String {
        var lines = zip(DeadLetter.columns, cells).map { ($0.heading, $1.shown) }
        lines += propertyTexts.map { ("property \($0.0)", $0.1) }
        lines += delivery.properties.headers.map { ("header \($0.name)", $0.value.json.rendered) }
        let width = lines.map { $0.0.count }.max() ?? 0
        var text = ""
        for line in lines where !line.1.isEmpty {
            text += TextTable.printable(line.0) + String(repeating: " ", count: width + 2 - line.0.count)
            text += TextTable.printable(line.1) + "\n"
        }
        if delivery.headersTruncated || delivery.headersInvalid { text += "(not all headers could be read)\n" }
        return text + "\n" + (bodyText.map { TextTable.printableLines($0) } ?? encodedBase64(delivery.body)) + "\n"
    }

    private var bodyText: String? { String(validating: delivery.body, as: UTF8.self) }

    private var propertyTexts: [(String, String)] {
        let properties = delivery.properties
        let all: [(String, String?)] = [
            ("content_type", properties.contentType), ("content_encoding", properties.contentEncoding),
            ("correlation_id", properties.correlationID), ("reply_to", properties.replyTo),
            ("expiration", properties.expiration), ("message_id", properties.messageID), ("type", properties.type),
            ("user_id", properties.userID), ("app_id", properties.appID),
            ("delivery_mode", properties.deliveryMode.map { String($0) }),
            ("priority", properties.priority.map { String($0) }),
            ("timestamp", properties.timestamp.map { String($0) }),
        ]
        return all.compactMap { name, value in value.map { (name, $0) } }
    }
}

extension [Header] {
    fileprivate var json: JSONText { .object(map { ($0.name, $0.value.json) }) }
}

extension HeaderValue {
    /// For people: numbers that JSON's readers would round are text.
    fileprivate var json: JSONText {
        switch self {
        case .boolean(let flag): .boolean(flag)
        case .int8(let number): .integer(Int64(number))
        case .uint8(let number): .integer(Int64(number))
        case .int16(let number): .integer(Int64(number))
        case .uint16(let number): .integer(Int64(number))
        case .int32(let number): .integer(Int64(number))
        case .uint32(let number): .integer(Int64(number))
        case .int64(let number): .integer(number)
        case .uint64(let number): .string("\(number)")
        case .float(let number): .string("\(number)")
        case .double(let number): .string("\(number)")
        case .decimal(let scale, let number): .string("\(number)e-\(scale)")
        case .timestamp(let seconds):
            if seconds < 1 << 37 {
                .string(formatRFC3339(Instant(microseconds: Int64(seconds) * 1_000_000)))
            } else {
                .string("\(seconds)")
            }
        case .string(let text): .string(text)
        case .invalidString(let bytes), .bytes(let bytes): .string(encodedBase64(bytes))
        case .array(let values): .array(values.map(\.json))
        case .table(let headers): headers.json
        case .void: .null
        }
    }
}
