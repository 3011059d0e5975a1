import AMQPClient

/// AMQP properties as bytes, to be kept with a dead letter until it is published: lossless, header types included.
enum PropertiesCoding {
    private static let version: UInt8 = 1

    static func encode(_ properties: MessageProperties) -> [UInt8] {
        var writer = Writer()
        writer.byte(version)
        for text in [
            properties.contentType, properties.contentEncoding, properties.correlationID, properties.replyTo,
            properties.expiration, properties.messageID, properties.type, properties.userID, properties.appID,
            properties.clusterID,
        ] { writer.optional(text) { $0.text($1) } }
        writer.optional(properties.deliveryMode) { $0.byte($1) }
        writer.optional(properties.priority) { $0.byte($1) }
        writer.optional(properties.timestamp) { $0.number($1) }
        writer.headers(properties.headers)
        return writer.bytes
    }

    /// nil for bytes that this version did not write.
    static func decode(_ bytes: [UInt8]) -> MessageProperties? {
        var reader = Reader(bytes: bytes)
        do {
            guard try reader.byte() == version else { return nil }
            var properties = MessageProperties()
            properties.contentType = try reader.optional { try $0.text() }
            properties.contentEncoding = try reader.optional { try $0.text() }
            properties.correlationID = try reader.optional { try $0.text() }
            properties.replyTo = try reader.optional { try $0.text() }
            properties.expiration = try reader.optional { try $0.text() }
            properties.messageID = try reader.optional { try $0.text() }
            properties.type = try reader.optional { try $0.text() }
            properties.userID = try reader.optional { try $0.text() }
            properties.appID = try reader.optional { try $0.text() }
            properties.clusterID = try reader.optional { try $0.text() }
            properties.deliveryMode = try reader.optional { try $0.byte() }
            properties.priority = try reader.optional { try $0.byte() }
            properties.timestamp = try reader.optional { try $0.number() }
            properties.headers = try reader.headers(depth: 0)
            return properties
        } catch {
            return nil
        }
    }

    private struct Writer {
        var bytes: [UInt8] = []

        mutating func byte(_ value: UInt8) { bytes.append(value) }

        mutating func number(_ value: UInt64) {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
            }
        }

        mutating func blob(_ value: some Collection<UInt8>) {
            number(UInt64(value.count))
            bytes += value
        }

        mutating func text(_ value: String) { blob(value.utf8) }

        mutating func optional<Value>(_ value: Value?, _ write: (inout Writer, Value) -> Void) {
            byte(value == nil ? 0 : 1)
            if let value { write(&self, value) }
        }

        mutating func headers(_ headers: [Header]) {
            number(UInt64(headers.count))
            for header in headers {
                text(header.name)
                self.value(header.value)
            }
        }

        mutating func value(_ value: HeaderValue) {
            switch value {
            case .boolean(let flag): tagged(0, flag ? 1 : 0)
            case .int8(let number): tagged(1, UInt64(bitPattern: Int64(number)))
            case .uint8(let number): tagged(2, UInt64(number))
            case .int16(let number): tagged(3, UInt64(bitPattern: Int64(number)))
            case .uint16(let number): tagged(4, UInt64(number))
            case .int32(let number): tagged(5, UInt64(bitPattern: Int64(number)))
            case .uint32(let number): tagged(6, UInt64(number))
            case .int64(let number): tagged(7, UInt64(bitPattern: number))
            case .uint64(let number): tagged(8, number)
            case .float(let number): tagged(9, UInt64(number.bitPattern))
            case .double(let number): tagged(10, number.bitPattern)
            case .decimal(let scale, let number):
                tagged(11, UInt64(scale))
                self.number(UInt64(number))
            case .timestamp(let seconds): tagged(12, seconds)
            case .string(let text):
                byte(13)
                self.text(text)
            case .invalidString(let raw):
                byte(14)
                blob(raw)
            case .bytes(let raw):
                byte(15)
                blob(raw)
            case .array(let values):
                tagged(16, UInt64(values.count))
                for value in values { self.value(value) }
            case .table(let headers):
                byte(17)
                self.headers(headers)
            case .void: byte(18)
            }
        }

        private mutating func tagged(_ tag: UInt8, _ value: UInt64) {
            byte(tag)
            number(value)
        }
    }

    private struct Malformed: Error {}

    private struct Reader {
        let bytes: [UInt8]
        var offset = 0

        mutating func byte() throws -> UInt8 {
            guard offset < bytes.count else { throw Malformed() }
            defer { offset += 1 }
            return bytes[offset]
        }

        mutating func number() throws -> UInt64 {
            guard bytes.count - offset >= 8 else { throw Malformed() }
            var value: UInt64 = 0
            for index in offset..<offset + 8 { value = value << 8 | UInt64(bytes[index]) }
            offset += 8
            return value
        }

        mutating func blob() throws -> [UInt8] {
            let count = try number()
            guard count <= UInt64(bytes.count - offset) else { throw Malformed() }
            defer { offset += Int(count) }
            return Array(bytes[offset..<offset + Int(count)])
        }

        mutating func text() throws -> String { String(decoding: try blob(), as: UTF8.self) }

        mutating func optional<Value>(_ read: (inout Reader) throws -> Value) throws -> Value? {
            try byte() == 0 ? nil : try read(&self)
        }

        mutating func headers(depth: Int) throws -> [Header] {
            let count = try number()
            guard count <= UInt64(bytes.count - offset), depth < 64 else { throw Malformed() }
            var headers: [Header] = []
            for _ in 0..<count { headers.append(Header(try text(), try value(depth: depth + 1))) }
            return headers
        }

        mutating func value(depth: Int) throws -> HeaderValue {
            guard depth < 64 else { throw Malformed() }
            switch try byte() {
            case 0: return .boolean(try number() != 0)
            case 1: return .int8(Int8(truncatingIfNeeded: try number()))
            case 2: return .uint8(UInt8(truncatingIfNeeded: try number()))
            case 3: return .int16(Int16(truncatingIfNeeded: try number()))
            case 4: return .uint16(UInt16(truncatingIfNeeded: try number()))
            case 5: return .int32(Int32(truncatingIfNeeded: try number()))
            case 6: return .uint32(UInt32(truncatingIfNeeded: try number()))
            case 7: return .int64(Int64(bitPattern: try number()))
            case 8: return .uint64(try number())
            case 9: return .float(Float(bitPattern: UInt32(truncatingIfNeeded: try number())))
            case 10: return .double(Double(bitPattern: try number()))
            case 11:
                let scale = UInt8(truncatingIfNeeded: try number())
                return .decimal(scale: scale, value: UInt32(truncatingIfNeeded: try number()))
            case 12: return .timestamp(try number())
            case 13: return .string(try text())
            case 14: return .invalidString(try blob())
            case 15: return .bytes(try blob())
            case 16:
                let count = try number()
                guard count <= UInt64(bytes.count - offset) else { throw Malformed() }
                var values: [HeaderValue] = []
                for _ in 0..<count { values.append(try value(depth: depth + 1)) }
                return .array(values)
            case 17: return .table(try headers(depth: depth + 1))
            case 18: return .void
            default: throw Malformed()
            }
        }
    }
}
