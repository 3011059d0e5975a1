import CRabbitMQ

/// Memory for the arguments of a call into the library, given back all at once.
///
/// Everything built here is valid until the next `recycle()` or the arena's end.
@safe
struct CArena: ~Copyable {
    private let pool: UnsafeMutablePointer<amqp_pool_t>

    init() {
        unsafe pool = .allocate(capacity: 1)
        unsafe init_amqp_pool(pool, 16 << 10)
    }

    deinit {
        unsafe empty_amqp_pool(pool)
        unsafe pool.deallocate()
    }

    func recycle() { unsafe recycle_amqp_pool(pool) }

    func bytes(_ text: String) -> amqp_bytes_t {
        var text = text
        return text.withUTF8 { unsafe copy(UnsafeRawBufferPointer($0)) }
    }

    func bytes(_ bytes: [UInt8]) -> amqp_bytes_t {
        unsafe bytes.withUnsafeBytes { unsafe copy($0) }
    }

    /// With a NUL behind, for the functions that want a C string.
    func cString(_ text: String) -> UnsafePointer<CChar> {
        let count = text.utf8.count
        guard let memory = unsafe amqp_pool_alloc(pool, count + 1) else { outOfMemory() }
        let target = unsafe memory.bindMemory(to: CChar.self, capacity: count + 1)
        for (index, byte) in text.utf8.enumerated() { unsafe target[index] = CChar(bitPattern: byte) }
        unsafe target[count] = 0
        return unsafe UnsafePointer(target)
    }

    func table(_ headers: [Header]) -> amqp_table_t {
        var table = unsafe amqp_table_t()
        guard !headers.isEmpty else { return unsafe table }
        let stride = unsafe MemoryLayout<amqp_table_entry_t>.stride
        guard let memory = unsafe amqp_pool_alloc(pool, headers.count * stride) else { outOfMemory() }
        let entries = unsafe memory.bindMemory(to: amqp_table_entry_t.self, capacity: headers.count)
        for (index, header) in headers.enumerated() {
            let entry = unsafe amqp_table_entry_t(key: bytes(header.name), value: field(header.value))
            unsafe (entries + index).initialize(to: entry)
        }
        unsafe table.num_entries = Int32(headers.count)
        unsafe table.entries = entries
        return unsafe table
    }

    private func array(_ values: [HeaderValue]) -> amqp_array_t {
        var array = unsafe amqp_array_t()
        guard !values.isEmpty else { return unsafe array }
        let stride = unsafe MemoryLayout<amqp_field_value_t>.stride
        guard let memory = unsafe amqp_pool_alloc(pool, values.count * stride) else { outOfMemory() }
        let entries = unsafe memory.bindMemory(to: amqp_field_value_t.self, capacity: values.count)
        for (index, value) in values.enumerated() { unsafe (entries + index).initialize(to: field(value)) }
        unsafe array.num_entries = Int32(values.count)
        unsafe array.entries = entries
        return unsafe array
    }

    private func field(_ value: HeaderValue) -> amqp_field_value_t {
        var field = unsafe amqp_field_value_t()
        unsafe field.kind = FieldKind(value).rawValue
        switch value {
        case .boolean(let flag): unsafe field.value.boolean = flag ? 1 : 0
        case .int8(let number): unsafe field.value.i8 = number
        case .uint8(let number): unsafe field.value.u8 = number
        case .int16(let number): unsafe field.value.i16 = number
        case .uint16(let number): unsafe field.value.u16 = number
        case .int32(let number): unsafe field.value.i32 = number
        case .uint32(let number): unsafe field.value.u32 = number
        case .int64(let number): unsafe field.value.i64 = number
        case .uint64(let number), .timestamp(let number): unsafe field.value.u64 = number
        case .float(let number): unsafe field.value.f32 = number
        case .double(let number): unsafe field.value.f64 = number
        case .decimal(let scale, let number):
            unsafe field.value.decimal = amqp_decimal_t(decimals: scale, value: number)
        case .string(let text): unsafe field.value.bytes = bytes(text)
        case .invalidString(let raw), .bytes(let raw): unsafe field.value.bytes = bytes(raw)
        case .array(let values): unsafe field.value.array = array(values)
        case .table(let headers): unsafe field.value.table = table(headers)
        case .void: break
        }
        return unsafe field
    }

    /// The properties as the library wants them. Check them with `MessageRules` first.
    func properties(_ properties: MessageProperties) -> amqp_basic_properties_t {
        var result = unsafe amqp_basic_properties_t()
        var flags: Int32 = 0
        func set(_ text: String?, _ flag: Int32) -> amqp_bytes_t {
            guard let text else { return unsafe amqp_bytes_t() }
            flags |= flag
            return unsafe bytes(text)
        }
        unsafe result.content_type = set(properties.contentType, AMQP_BASIC_CONTENT_TYPE_FLAG)
        unsafe result.content_encoding = set(properties.contentEncoding, AMQP_BASIC_CONTENT_ENCODING_FLAG)
        unsafe result.correlation_id = set(properties.correlationID, AMQP_BASIC_CORRELATION_ID_FLAG)
        unsafe result.reply_to = set(properties.replyTo, AMQP_BASIC_REPLY_TO_FLAG)
        unsafe result.expiration = set(properties.expiration, AMQP_BASIC_EXPIRATION_FLAG)
        unsafe result.message_id = set(properties.messageID, AMQP_BASIC_MESSAGE_ID_FLAG)
        unsafe result.type = set(properties.type, AMQP_BASIC_TYPE_FLAG)
        unsafe result.user_id = set(properties.userID, AMQP_BASIC_USER_ID_FLAG)
        unsafe result.app_id = set(properties.appID, AMQP_BASIC_APP_ID_FLAG)
        unsafe result.cluster_id = set(properties.clusterID, AMQP_BASIC_CLUSTER_ID_FLAG)
        if !properties.headers.isEmpty {
            unsafe result.headers = table(properties.headers)
            flags |= AMQP_BASIC_HEADERS_FLAG
        }
        unsafe result.delivery_mode = properties.deliveryMode ?? 2
        flags |= AMQP_BASIC_DELIVERY_MODE_FLAG
        if let priority = properties.priority {
            unsafe result.priority = priority
            flags |= AMQP_BASIC_PRIORITY_FLAG
        }
        if let timestamp = properties.timestamp {
            unsafe result.timestamp = timestamp
            flags |= AMQP_BASIC_TIMESTAMP_FLAG
        }
        unsafe result._flags = UInt32(bitPattern: flags)
        return unsafe result
    }

    private func copy(_ source: UnsafeRawBufferPointer) -> amqp_bytes_t {
        guard let start = source.baseAddress, source.count > 0 else { return unsafe amqp_bytes_t() }
        guard let memory = unsafe amqp_pool_alloc(pool, source.count) else { outOfMemory() }
        unsafe memory.copyMemory(from: start, byteCount: source.count)
        return unsafe amqp_bytes_t(len: source.count, bytes: memory)
    }

    /// Nothing can be done about it where it happens; systemd starts the daemon again, and nothing is lost by that.
    private func outOfMemory() -> Never { preconditionFailure("out of memory in an AMQP argument") }
}

/// The letters of the field types as RabbitMQ and librabbitmq understand them.
enum FieldKind: UInt8 {
    case boolean = 0x74  // t
    case int8 = 0x62  // b
    case uint8 = 0x42  // B
    case int16 = 0x73  // s
    case uint16 = 0x75  // u
    case int32 = 0x49  // I
    case uint32 = 0x69  // i
    case int64 = 0x6C  // l
    case uint64 = 0x4C  // L
    case float = 0x66  // f
    case double = 0x64  // d
    case decimal = 0x44  // D
    case string = 0x53  // S
    case array = 0x41  // A
    case timestamp = 0x54  // T
    case table = 0x46  // F
    case void = 0x56  // V
    case bytes = 0x78  // x

    init(_ value: HeaderValue) {
        self =
            switch value {
            case .boolean: .boolean
            case .int8: .int8
            case .uint8: .uint8
            case .int16: .int16
            case .uint16: .uint16
            case .int32: .int32
            case .uint32: .uint32
            case .int64: .int64
            case .uint64: .uint64
            case .float: .float
            case .double: .double
            case .decimal: .decimal
            case .string, .invalidString: .string
            case .bytes: .bytes
            case .timestamp: .timestamp
            case .array: .array
            case .table: .table
            case .void: .void
            }
    }
}
