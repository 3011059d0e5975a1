public import InventoryCore

/// A message that keeps every rule of the contract.
public struct DecodedMessage: Sendable {
    public var message: InputMessage
    public var identity: MessageIdentity

    public init(message: InputMessage, identity: MessageIdentity) {
        self.message = message
        self.identity = identity
    }
}

/// Turns bytes into messages. Holds nothing: one can serve any number of threads.
public struct Decoder: Sendable {
    public init() {}

    /// Decodes and checks one message. Never traps, whatever the bytes.
    ///
    /// - Parameters:
    ///   - arrival: the time of a message that does not say its own.
    /// - Returns: the message, or why it can't be used: `malformed`, `unknown-type`, `invalid` or `too-large`, with the
    ///   field and the cause in one line.
    ///   A message that the input's mapping passes over counts as rejected here: `read` tells the two apart.
    public func decode(
        _ body: [UInt8], envelope: Envelope, arrival: Instant, options: DecodeOptions = DecodeOptions()
    ) -> Result<DecodedMessage, Rejection> {
        read(body, envelope: envelope, arrival: arrival, options: options).result
    }

    /// As `decode`, of an input that may have a mapping with filters.
    public func read(
        _ body: [UInt8], envelope: Envelope, arrival: Instant, options: DecodeOptions = DecodeOptions()
    ) -> Reading {
        body.withUnsafeBufferPointer { read($0, envelope, arrival, options) }
    }

    /// The same over bytes that someone else owns. Nothing of the result points into them.
    public func decode(
        _ body: UnsafeRawBufferPointer, envelope: Envelope, arrival: Instant, options: DecodeOptions = DecodeOptions()
    ) -> Result<DecodedMessage, Rejection> {
        body.withMemoryRebound(to: UInt8.self) { read($0, envelope, arrival, options).result }
    }

    private func read(
        _ body: UnsafeBufferPointer<UInt8>, _ envelope: Envelope, _ arrival: Instant, _ options: DecodeOptions
    ) -> Reading {
        let bytesMax = min(options.messageBytesMax, Int(Int32.max))
        if body.count > bytesMax {
            return .rejected(Rejection(.tooLarge, "\(body.count) bytes, at most \(bytesMax) allowed"))
        }
        do throws(Rejection) {
            let call = DecoderCall(envelope: envelope, arrival: arrival, options: options)
            return try JSONDocument.withParsed(body) { (document) throws(Rejection) -> Reading in
                try call.read(document)
            }
        } catch {
            return .rejected(error)
        }
    }
}

/// What became of a body.
public enum Reading: Sendable {
    case message(DecodedMessage)
    case rejected(Rejection)
    /// A filter of the input's mapping passes it over: no error, no effect. Says which one.
    case skipped(String)

    fileprivate var result: Result<DecodedMessage, Rejection> {
        switch self {
        case .message(let message): .success(message)
        case .rejected(let rejection): .failure(rejection)
        case .skipped(let cause): .failure(Rejection(.invalid, "passed over, \(cause)"))
        }
    }
}

/// One message on its way through the decoder: envelope, content, identity.
struct DecoderCall {
    let envelope: Envelope
    let arrival: Instant
    let options: DecodeOptions

    func read(_ document: JSONDocument) throws(Rejection) -> Reading {
        let root = JSONDocument.root
        guard isReadable(document) else {
            throw Rejection(.malformed, "not an object: the body \(document.described(root))")
        }
        if let mapping = options.mapping { return try mapped(document, mapping.plan) }
        return .message(try decode(document, root))
    }

    /// A message is an object; by a mapping whose lines are its elements, a list.
    func isReadable(_ document: JSONDocument) -> Bool {
        switch document[JSONDocument.root].kind {
        case .object: true
        case .array: options.mapping?.plan.takesLists ?? false
        default: false
        }
    }

    private func decode(_ document: JSONDocument, _ root: Int) throws(Rejection) -> DecodedMessage {
        switch envelope.form(of: root, in: document) {
        case .native:
            let attributes = try attributesInBody(document, root, mayHavePrefix: false)
            return try content(document, root, attributes, trace: envelope.trace { _ in nil })
        case .structured:
            return try structured(document, root)
        case .binary:
            let attributes = try attributesInHeaders()
            return try content(document, root, attributes, trace: envelope.trace { envelope.attribute($0) })
        }
    }

    // MARK: Envelopes

    struct Attributes {
        var type: InputType
        /// nil: missing.
        var id: String?
        /// nil: missing.
        var time: Instant?
    }

    private func attributesInBody(
        _ document: JSONDocument, _ object: Int, mayHavePrefix: Bool
    ) throws(Rejection) -> Attributes {
        let reader = ObjectReader(document, object)
        let type: InputType
        if let pinned = options.pinnedType {
            type = pinned
        } else if let index = document.value("type", of: object) {
            guard document[index].kind == .string else {
                throw Rejection(.unknownType, "type: \(document.described(index)), a message type is needed")
            }
            type = try messageType(document.string(index), mayHavePrefix: mayHavePrefix)
        } else {
            type = try typeOfProperties(mayHavePrefix: mayHavePrefix)
        }
        var attributes = Attributes(type: type, id: try reader.identifier("id")?.text, time: try reader.time("time"))
        try fillFromProperties(&attributes)
        return attributes
    }

    private func attributesInHeaders() throws(Rejection) -> Attributes {
        let type: InputType
        if let pinned = options.pinnedType {
            type = pinned
        } else if let name = envelope.attribute("type") {
            type = try messageType(name, mayHavePrefix: true)
        } else {
            type = try typeOfProperties(mayHavePrefix: true)
        }
        return try attributesInHeaders(type, fillsFromProperties: true)
    }

    func attributesInHeaders(_ type: InputType, fillsFromProperties: Bool) throws(Rejection) -> Attributes {
        var attributes = Attributes(type: type, id: envelope.attribute("id"), time: nil)
        if let id = attributes.id, !id.isSoundIdentifier { throw Rejection(.invalid, "id: \(identifierFault(id))") }
        if let text = envelope.attribute("time") {
            do throws(TimeFault) {
                attributes.time = try Array(text.utf8).withUnsafeBufferPointer { (bytes) throws(TimeFault) -> Instant in
                    try instant(bytes)
                }
            } catch {
                throw Rejection(.invalid, "time: \(quoted(text)) \(error.cause)")
            }
        }
        if fillsFromProperties { try fillFromProperties(&attributes) }
        return attributes
    }

    /// The name of a type; after its last dot, where it may have a prefix.
    func messageType(_ name: String, mayHavePrefix: Bool) throws(Rejection) -> InputType {
        if let type = InputType(rawValue: name) { return type }
        if mayHavePrefix, let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")),
            let type = InputType(rawValue: String(name[name.utf8.index(after: dot)...]))
        {
            return type
        }
        throw Rejection(.unknownType, "type: \(quoted(name)) is not known")
    }

    func typeOfProperties(mayHavePrefix: Bool) throws(Rejection) -> InputType {
        guard let name = envelope.type, !name.isEmpty else { throw Rejection(.unknownType, "type: is missing") }
        return try messageType(name, mayHavePrefix: mayHavePrefix)
    }

    /// The AMQP properties stand in for what is missing. An empty message_id is none.
    func fillFromProperties(_ attributes: inout Attributes) throws(Rejection) {
        if attributes.id == nil, let id = envelope.messageID, !id.isEmpty {
            if !id.isSoundIdentifier { throw Rejection(.invalid, "id: \(identifierFault(id))") }
            attributes.id = id
        }
        if attributes.time == nil, let seconds = envelope.timestamp {
            let (microseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
            guard !overflow, microseconds >= earliestInstant, microseconds <= latestInstant else {
                throw Rejection(.invalid, "time: timestamp \(seconds) is not in seconds of the years 1 to 9999")
            }
            attributes.time = Instant(microseconds: microseconds)
        }
    }

    // MARK: Content

    private func structured(_ document: JSONDocument, _ root: Int) throws(Rejection) -> DecodedMessage {
        let attributes = try attributesInBody(document, root, mayHavePrefix: true)
        let trace = structuredTrace(document, root)
        return try withData(of: root, in: document) { (inner, data) throws(Rejection) -> DecodedMessage in
            try content(inner, data, attributes, trace: trace)
        }
    }

    func structuredTrace(_ document: JSONDocument, _ root: Int) -> TraceContext? {
        envelope.trace { name in
            let key: StaticString = name == "traceparent" ? "traceparent" : "tracestate"
            guard let index = document.value(key, of: root), document[index].kind == .string else { return nil }
            return document.string(index)
        }
    }

    /// The data of a structured event: an object of its own, or a JSON text in Base64.
    func withData<Value>(
        of root: Int, in document: JSONDocument, _ body: (JSONDocument, Int) throws(Rejection) -> Value
    ) throws(Rejection) -> Value {
        if let data = document.value("data", of: root) {
            guard document[data].kind == .object else {
                throw Rejection(.invalid, "data: \(document.described(data)), an object is needed")
            }
            return try body(document, data)
        }
        guard let encoded = document.value("data_base64", of: root) else {
            throw Rejection(.invalid, "data: is missing")
        }
        guard document[encoded].kind == .string, let bytes = decodedBase64(document.string(encoded)) else {
            throw Rejection(.invalid, "data_base64: is not Base64")
        }
        return try bytes.withUnsafeBufferPointer { (buffer) throws(Rejection) -> Value in
            try JSONDocument.withParsed(buffer) { (inner) throws(Rejection) -> Value in
                guard inner[JSONDocument.root].kind == .object else {
                    throw Rejection(.invalid, "data_base64: \(inner.described(JSONDocument.root)), an object is needed")
                }
                return try body(inner, JSONDocument.root)
            }
        }
    }

    func content(
        _ document: JSONDocument, _ object: Int, _ attributes: Attributes, trace: TraceContext?
    ) throws(Rejection) -> DecodedMessage {
        let time = attributes.time ?? arrival
        let reader = InputReader(
            reader: ObjectReader(document, object), time: time, linesMax: options.linesMax)
        let input = try reader.input(attributes.type)
        let canonical = CanonicalContent(of: object, in: document)
        let fact = input.fact(time: attributes.time)
        let id = attributes.id ?? input.standInID(fact, canonical)
        return DecodedMessage(
            message: InputMessage(id: id, time: time, input: input, trace: trace),
            identity: MessageIdentity(messageKey: messageKey(id), factKey: fact?.key, content: canonical.digest))
    }
}
