/// How a segment's messages are kept: a version byte, the count, then each message's fields, lengths as LEB128.
public enum OutboxCoding {
    static let version: UInt8 = 1

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
        append(messages.count, to: &bytes)
        for message in messages {
            bytes.append(message.destination.rawValue)
            append(message.routingKey, to: &bytes)
            append(message.messageID, to: &bytes)
            append(message.type, to: &bytes)
            append(message.headers.count, to: &bytes)
            for header in message.headers {
                append(header.name, to: &bytes)
                append(header.value, to: &bytes)
            }
            append(message.originalProperties, to: &bytes)
            append(message.body, to: &bytes)
        }
        return bytes
    }

    /// Throws `StoreError.corrupt` for anything that `encode` did not make.
    public static func decode(_ bytes: [UInt8]) throws(StoreError) -> [OutboxMessage] {
        var reader = Reader(bytes: bytes)
        let found = try reader.byte()
        guard found == version else {
            throw StoreError(.corrupt, "an outbox segment is of version \(found), this program reads \(version)")
        }
        let count = try reader.number()
        var messages: [OutboxMessage] = []
        messages.reserveCapacity(min(count, bytes.count / 7 + 1))
        for _ in 0..<count {
            guard let destination = OutboxMessage.Destination(rawValue: try reader.byte()) else {
                throw Reader.damaged
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
            messages.append(message)
        }
        guard reader.isAtEnd else { throw Reader.damaged }
        return messages
    }

    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        var rest = UInt64(number)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private static func append(_ text: String, to bytes: inout [UInt8]) {
        append(text.utf8.count, to: &bytes)
        bytes.append(contentsOf: text.utf8)
    }

    private static func append(_ data: [UInt8], to bytes: inout [UInt8]) {
        append(data.count, to: &bytes)
        bytes.append(contentsOf: data)
    }

    private struct Reader {
        static let damaged = StoreError(.corrupt, "an outbox segment is damaged: its bytes are not what was written")

        let source: [UInt8]
        var position = 0

        init(bytes: [UInt8]) {
            source = bytes
        }

        var isAtEnd: Bool { position == source.count }

        mutating func byte() throws(StoreError) -> UInt8 {
            guard position < source.count else { throw Self.damaged }
            position += 1
            return source[position - 1]
        }

        /// At most what 32 bits hold.
        mutating func number() throws(StoreError) -> Int {
            var value = 0
            var shift = 0
            while true {
                let next = try byte()
                value |= Int(next & 0x7f) << shift
                if next & 0x80 == 0 { break }
                shift += 7
                guard shift <= 28 else { throw Self.damaged }
            }
            guard value <= Int(UInt32.max) else { throw Self.damaged }
            return value
        }

        private mutating func span() throws(StoreError) -> Range<Int> {
            let count = try number()
            guard count <= source.count - position else { throw Self.damaged }
            position += count
            return position - count..<position
        }

        mutating func bytes() throws(StoreError) -> [UInt8] {
            Array(source[try span()])
        }

        mutating func text() throws(StoreError) -> String {
            guard let text = String(validating: source[try span()], as: UTF8.self) else { throw Self.damaged }
            return text
        }
    }
}
