/// What a message must obey to be expressible in AMQP.
///
/// librabbitmq 0.11 does not check: a name over 255 bytes is written with a truncated length and breaks the connection,
/// headers over a frame end it too. A message that breaks a rule would come back after each reconnect, so it is refused
/// before it is sent.
enum MessageRules {
    /// Deeper nesting than this is refused by brokers' and clients' decoders.
    static let depthMax = 64

    /// Why the message cannot be sent; nil if it can.
    static func problem(of message: OutgoingMessage, frameMax: Int, bodyBytesMax: Int) -> String? {
        let properties = message.properties
        guard message.body.count <= bodyBytesMax else {
            return "body of \(message.body.count) bytes is over the limit of \(bodyBytesMax)"
        }
        if message.exchange.utf8.count > 255 || message.routingKey.utf8.count > 255 {
            return "exchange or routing key over 255 bytes"
        }
        var size = 8 + 14 + 11
        for text in [
            properties.contentType, properties.contentEncoding, properties.correlationID, properties.replyTo,
            properties.expiration, properties.messageID, properties.type, properties.userID, properties.appID,
            properties.clusterID,
        ] {
            guard let text else { continue }
            guard text.utf8.count <= 255 else { return "a property over 255 bytes" }
            size += 1 + text.utf8.count
        }
        if !properties.headers.isEmpty {
            guard let headers = tableSize(properties.headers, depth: depthMax) else {
                return "a header name over 255 bytes, or headers nested more than \(depthMax) deep"
            }
            size += headers
        }
        guard size <= frameMax else {
            return "properties and headers of \(size) bytes do not fit a frame of \(frameMax)"
        }
        return nil
    }

    /// Encoded size in bytes; nil when it cannot be encoded.
    static func tableSize(_ headers: [Header], depth: Int) -> Int? {
        guard depth > 0 else { return nil }
        var size = 4
        for header in headers {
            guard header.name.utf8.count <= 255, let value = valueSize(header.value, depth: depth) else { return nil }
            size += 1 + header.name.utf8.count + value
        }
        return size
    }

    private static func valueSize(_ value: HeaderValue, depth: Int) -> Int? {
        switch value {
        case .void: return 1
        case .boolean, .int8, .uint8: return 2
        case .int16, .uint16: return 3
        case .int32, .uint32, .float: return 5
        case .int64, .uint64, .double, .timestamp: return 9
        case .decimal: return 6
        case .string(let text): return 5 + text.utf8.count
        case .invalidString(let bytes), .bytes(let bytes): return 5 + bytes.count
        case .table(let headers): return tableSize(headers, depth: depth - 1).map { $0 + 1 }
        case .array(let values):
            guard depth > 1 else { return nil }
            var size = 5
            for value in values {
                guard let part = valueSize(value, depth: depth - 1) else { return nil }
                size += part
            }
            return size
        }
    }
}
