public import InventoryCore

/// What comes beside a body: the AMQP properties that the contract looks at.
public struct Envelope: Sendable {
    public var contentType: String?
    public var type: String?
    public var messageID: String?
    /// Seconds since 1970.
    public var timestamp: Int64?
    /// The headers that hold text. Looked at: `cloudEvents:…`, `cloudEvents_…`, `traceparent`, `tracestate`, and what a
    /// mapping names.
    public var headers: [(name: String, value: String)]
    /// Only mappings look at it.
    public var routingKey: String?

    /// The envelope of a body that comes alone has nothing.
    public init(
        contentType: String? = nil, type: String? = nil, messageID: String? = nil, timestamp: Int64? = nil,
        headers: [(name: String, value: String)] = [], routingKey: String? = nil
    ) {
        self.contentType = contentType
        self.type = type
        self.messageID = messageID
        self.timestamp = timestamp
        self.headers = headers
        self.routingKey = routingKey
    }
}

/// What the configuration says of one input.
public struct DecodeOptions: Sendable {
    /// The type of all that the input carries, whatever the message says.
    public var pinnedType: InputType?
    public var linesMax: Int
    public var messageBytesMax: Int
    /// How a foreign shape is read; nil: the bodies are in the contract's own.
    public var mapping: FieldMapping?

    public init(
        pinnedType: InputType? = nil, linesMax: Int = 1000, messageBytesMax: Int = 1_048_576,
        mapping: FieldMapping? = nil
    ) {
        self.pinnedType = pinnedType
        self.mapping = mapping
        self.linesMax = linesMax
        self.messageBytesMax = messageBytesMax
    }
}

extension Envelope {
    /// In which of the contract's three forms a message came.
    enum Form {
        case native, structured, binary
    }

    /// The content type decides; without one, what is there does.
    func form(of root: Int, in document: JSONDocument) -> Form {
        if let contentType, Envelope.isStructured(contentType) { return .structured }
        if !headers.isEmpty, attribute("type") != nil || attribute("specversion") != nil { return .binary }
        if document.value("specversion", of: root) != nil,
            document.member("data", of: root) != nil || document.member("data_base64", of: root) != nil
        {
            return .structured
        }
        return .native
    }

    /// `application/cloudevents+json`, in any case, with or without parameters.
    private static func isStructured(_ contentType: String) -> Bool {
        let name: StaticString = "application/cloudevents+json"
        let count = name.utf8CodeUnitCount
        let bytes = contentType.utf8
        guard bytes.count >= count else { return false }
        var index = 0
        for byte in bytes {
            if index == count { return byte == UInt8(ascii: ";") || byte == UInt8(ascii: " ") }
            let lower = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
            if lower != name.utf8Start[index] { return false }
            index += 1
        }
        return true
    }

    /// A CloudEvents attribute in binary form: the header `cloudEvents:name` or `cloudEvents_name`. Empty is absent.
    func attribute(_ name: String) -> String? {
        for header in headers where !header.value.isEmpty {
            let full = header.name.utf8
            guard full.count == 12 + name.utf8.count, header.name.hasPrefix("cloudEvents") else { continue }
            let rest = full.dropFirst(11)
            guard rest.first == UInt8(ascii: ":") || rest.first == UInt8(ascii: "_") else { continue }
            if rest.dropFirst().elementsEqual(name.utf8) { return header.value }
        }
        return nil
    }

    /// A header by its name.
    func header(_ name: String) -> String? {
        headers.first { $0.name == name }?.value
    }

    /// The W3C trace context, from the plain headers or else from the CloudEvents extension of that name. One that is
    /// not printable, or longer than any sound one, is not carried on.
    func trace(_ extensionValue: (String) -> String?) -> TraceContext? {
        guard let parent = header("traceparent") ?? extensionValue("traceparent"),
            Envelope.isCarried(parent, bytesMax: 256)
        else { return nil }
        let state = header("tracestate") ?? extensionValue("tracestate")
        return TraceContext(
            parent: parent, state: state.flatMap { Envelope.isCarried($0, bytesMax: 4096) ? $0 : nil })
    }

    private static func isCarried(_ text: String, bytesMax: Int) -> Bool {
        !text.isEmpty && text.utf8.count <= bytesMax && text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    }
}
