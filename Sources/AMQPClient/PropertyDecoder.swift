import CRabbitMQ

/// Copies properties and headers out of the library's memory, within limits of depth, count and bytes.
struct PropertyDecoder {
    /// A message beyond these is still delivered, without the headers that are too much.
    struct Limits {
        /// x-death nests three deep; nothing sensible nests more than a few.
        var depth = 32
        var values = 2_048
        var bytes = 128 << 10
    }

    private(set) var strings = StringCache()
    private let limits: Limits

    init(limits: Limits = Limits()) { self.limits = limits }

    private struct Budget {
        var values: Int
        var bytes: Int
        var truncated = false
        var invalid = false
    }

    /// A name or other text from a frame; nil when it is not UTF-8.
    mutating func string(_ bytes: amqp_bytes_t) -> String? {
        unsafe strings.string(Self.buffer(bytes))
    }

    mutating func properties(_ source: UnsafePointer<amqp_basic_properties_t>) -> DecodedProperties {
        var result = DecodedProperties()
        let flags = unsafe Int32(bitPattern: source.pointee._flags)
        var invalid = false
        func text(_ flag: Int32, _ bytes: amqp_bytes_t) -> String? {
            guard flags & flag != 0 else { return nil }
            let text = unsafe strings.string(Self.buffer(bytes))
            if text == nil { invalid = true }
            return text
        }
        let raw = unsafe source.pointee
        unsafe result.properties.contentType = text(AMQP_BASIC_CONTENT_TYPE_FLAG, raw.content_type)
        unsafe result.properties.contentEncoding = text(AMQP_BASIC_CONTENT_ENCODING_FLAG, raw.content_encoding)
        unsafe result.properties.correlationID = text(AMQP_BASIC_CORRELATION_ID_FLAG, raw.correlation_id)
        unsafe result.properties.replyTo = text(AMQP_BASIC_REPLY_TO_FLAG, raw.reply_to)
        unsafe result.properties.expiration = text(AMQP_BASIC_EXPIRATION_FLAG, raw.expiration)
        unsafe result.properties.messageID = text(AMQP_BASIC_MESSAGE_ID_FLAG, raw.message_id)
        unsafe result.properties.type = text(AMQP_BASIC_TYPE_FLAG, raw.type)
        unsafe result.properties.userID = text(AMQP_BASIC_USER_ID_FLAG, raw.user_id)
        unsafe result.properties.appID = text(AMQP_BASIC_APP_ID_FLAG, raw.app_id)
        unsafe result.properties.clusterID = text(AMQP_BASIC_CLUSTER_ID_FLAG, raw.cluster_id)
        if flags & AMQP_BASIC_DELIVERY_MODE_FLAG != 0 { unsafe result.properties.deliveryMode = raw.delivery_mode }
        if flags & AMQP_BASIC_PRIORITY_FLAG != 0 { unsafe result.properties.priority = raw.priority }
        if flags & AMQP_BASIC_TIMESTAMP_FLAG != 0 { unsafe result.properties.timestamp = raw.timestamp }
        if flags & AMQP_BASIC_HEADERS_FLAG != 0 {
            var budget = Budget(values: limits.values, bytes: limits.bytes)
            unsafe result.properties.headers = table(raw.headers, depth: limits.depth, &budget)
            result.headersTruncated = budget.truncated
            invalid = invalid || budget.invalid || budget.truncated
        }
        result.headersInvalid = invalid
        return result
    }

    /// A table outside a message, such as the server's properties.
    mutating func table(_ source: amqp_table_t) -> [Header] {
        var budget = Budget(values: limits.values, bytes: limits.bytes)
        return unsafe table(source, depth: limits.depth, &budget)
    }

    private mutating func table(_ source: amqp_table_t, depth: Int, _ budget: inout Budget) -> [Header] {
        guard let entries = unsafe source.entries, unsafe source.num_entries > 0 else { return [] }
        var headers: [Header] = []
        unsafe headers.reserveCapacity(min(Int(source.num_entries), budget.values))
        for index in unsafe 0..<Int(source.num_entries) {
            let entry = unsafe entries[index]
            guard let name = unsafe string(entry.key) else {
                budget.invalid = true
                continue
            }
            unsafe budget.bytes -= entry.key.len
            guard let value = unsafe value(entry.value, depth: depth, &budget) else { continue }
            headers.append(Header(name, value))
        }
        return headers
    }

    private mutating func array(_ source: amqp_array_t, depth: Int, _ budget: inout Budget) -> [HeaderValue] {
        guard let entries = unsafe source.entries, unsafe source.num_entries > 0 else { return [] }
        var values: [HeaderValue] = []
        for index in unsafe 0..<Int(source.num_entries) {
            let entry = unsafe entries[index]
            if let value = unsafe value(entry, depth: depth, &budget) { values.append(value) }
        }
        return values
    }

    /// nil: over a limit or of a type we do not know.
    private mutating func value(_ field: amqp_field_value_t, depth: Int, _ budget: inout Budget) -> HeaderValue? {
        budget.values -= 1
        guard depth > 0, budget.values >= 0, budget.bytes >= 0 else {
            budget.truncated = true
            return nil
        }
        guard let kind = unsafe FieldKind(rawValue: field.kind) else {
            budget.invalid = true
            return nil
        }
        let raw = unsafe field.value
        switch kind {
        case .boolean: return unsafe .boolean(raw.boolean != 0)
        case .int8: return unsafe .int8(raw.i8)
        case .uint8: return unsafe .uint8(raw.u8)
        case .int16: return unsafe .int16(raw.i16)
        case .uint16: return unsafe .uint16(raw.u16)
        case .int32: return unsafe .int32(raw.i32)
        case .uint32: return unsafe .uint32(raw.u32)
        case .int64: return unsafe .int64(raw.i64)
        case .uint64: return unsafe .uint64(raw.u64)
        case .timestamp: return unsafe .timestamp(raw.u64)
        case .float: return unsafe .float(raw.f32)
        case .double: return unsafe .double(raw.f64)
        case .decimal: return unsafe .decimal(scale: raw.decimal.decimals, value: raw.decimal.value)
        case .string, .bytes:
            unsafe budget.bytes -= raw.bytes.len
            guard budget.bytes >= 0 else {
                budget.truncated = true
                return nil
            }
            let bytes = unsafe Self.buffer(raw.bytes)
            if kind == .string, let text = unsafe strings.string(bytes) { return .string(text) }
            return unsafe kind == .string ? .invalidString(Array(bytes)) : .bytes(Array(bytes))
        case .array: return unsafe .array(array(raw.array, depth: depth - 1, &budget))
        case .table: return unsafe .table(table(raw.table, depth: depth - 1, &budget))
        case .void: return .void
        }
    }

    private static func buffer(_ bytes: amqp_bytes_t) -> UnsafeBufferPointer<UInt8> {
        guard let start = unsafe bytes.bytes else { return unsafe UnsafeBufferPointer(start: nil, count: 0) }
        return unsafe UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: bytes.len)
    }
}
