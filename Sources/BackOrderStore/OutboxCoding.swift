/// How a segment's messages are kept: a version byte, the count, then each message's fields, lengths as LEB128. One with
/// an exchange or content type of its own has `hasOwn` added to its destination, and both behind its body.
public enum OutboxCoding {
    static let version: UInt8 = 1
    private static let hasOwn: UInt8 = 0x10

    public static func encode(_ messages: [OutboxMessage]) -> [UInt8] {
        var size = 16
        for message in messages {
            size +=
                message.routingKey.utf8.count + message.messageID.utf8.count + message.type.utf8.count + 24
                + message.originalProperties.count + message.body.count
            for header in message.headers { size += header.name.utf8.count + header.value.utf8.count + 8 }
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        bytes.append(version)
        ByteCoding.append(messages.count, to: &bytes)
        for message in messages {
            let isOwn = message.exchange != nil || message.contentType != nil
            bytes.append(message.destination.rawValue | (isOwn ? hasOwn : 0))
            ByteCoding.append(message.routingKey, to: &bytes)
            ByteCoding.append(message.messageID, to: &bytes)
            ByteCoding.append(message.type, to: &bytes)
            ByteCoding.append(message.headers.count, to: &bytes)
            for header in message.headers {
                ByteCoding.append(header.name, to: &bytes)
                ByteCoding.append(header.value, to: &bytes)
            }
            ByteCoding.append(message.originalProperties, to: &bytes)
            ByteCoding.append(message.body, to: &bytes)
            if isOwn {
                // Neither is ever empty.
                ByteCoding.append(message.exchange ?? "", to: &bytes)
                ByteCoding.append(message.contentType ?? "", to: &bytes)
            }
        }
        return bytes
    }

    /// Throws `StoreError.corrupt` for anything that `encode` did not make.
    public static func decode(_ bytes: [UInt8]) throws(StoreError) -> [OutboxMessage] {
        var reader = ByteReader(bytes, of: "an outbox segment")
        let found = try reader.byte()
        guard found == version else {
            throw StoreError(.corrupt, "an outbox segment is of version \(found), this program reads \(version)")
        }
        let count = try reader.number()
        var messages: [OutboxMessage] = []
        messages.reserveCapacity(min(count, bytes.count / 7 + 1))
        for _ in 0..<count {
            let byte = try reader.byte()
            guard let destination = OutboxMessage.Destination(rawValue: byte & ~hasOwn) else {
                throw reader.damaged
            }
            var message = OutboxMessage(
                destination: destination, routingKey: try reader.text(), messageID: try reader.text(),
                type: try reader.text(), body: [])
            let headers = try reader.number()
            for _ in 0..<headers {
                message.headers.append(.init(name: try reader.text(), value: try reader.text()))
            }
            message.originalProperties = try reader.bytes()
            message.body = try reader.bytes()
            if byte & hasOwn != 0 {
                let (exchange, contentType) = (try reader.text(), try reader.text())
                message.exchange = exchange.isEmpty ? nil : exchange
                message.contentType = contentType.isEmpty ? nil : contentType
            }
            messages.append(message)
        }
        guard reader.isAtEnd else { throw reader.damaged }
        return messages
    }
}
