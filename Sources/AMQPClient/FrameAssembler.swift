/// Puts the frames of one channel together: method, then header, then bodies. A value-type state machine without I/O.
///
/// It does not rely on a delivery's frames being adjacent to each other across channels, and it never holds a body
/// larger than its limit: such a body is skimmed, and reported by its size and message id.
struct FrameAssembler {
    /// The methods that are followed by content.
    enum Content: Equatable {
        case deliver(consumerTag: String, tag: UInt64, redelivered: Bool, exchange: String, routingKey: String)
        case getOk(tag: UInt64, redelivered: Bool, exchange: String, routingKey: String, messagesLeft: UInt32)
        case returned(code: Int, text: String, exchange: String, routingKey: String)
    }

    /// Content that is complete.
    enum Event: Equatable {
        case message(Content, DecodedProperties, body: [UInt8])
        /// Skimmed; nothing of the body was kept.
        case skimmed(Content, DecodedProperties, bodyBytes: UInt64)
    }

    enum Violation: Error, Equatable {
        case contentWithinContent
        case headerWithoutMethod
        case bodyWithoutHeader
        case bodyTooLong
    }

    private enum State {
        case idle
        case wantsHeader(Content)
        case wantsBody(Content, DecodedProperties, remaining: UInt64)
        case skims(Content, DecodedProperties, size: UInt64, remaining: UInt64)
    }

    private var state = State.idle
    /// Kept beside the state so that appending never copies it.
    private var body: [UInt8] = []
    private let limit: UInt64

    init(bodyBytesMax: Int) { limit = UInt64(max(0, bodyBytesMax)) }

    /// In the middle of a message.
    var isBusy: Bool {
        if case .idle = state { false } else { true }
    }

    /// A method that announces content.
    mutating func method(_ content: Content) throws(Violation) {
        guard case .idle = state else { throw .contentWithinContent }
        state = .wantsHeader(content)
    }

    /// A content header; answers the event if there is no body to wait for.
    mutating func header(_ properties: DecodedProperties, bodySize: UInt64) throws(Violation) -> Event? {
        guard case .wantsHeader(let content) = state else { throw .headerWithoutMethod }
        var keeps = bodySize <= limit
        // Of a message that came back to us only the id is of interest.
        if case .returned = content { keeps = false }
        if bodySize == 0 {
            state = .idle
            return .message(content, properties, body: [])
        }
        state =
            keeps
            ? .wantsBody(content, properties, remaining: bodySize)
            : .skims(content, properties, size: bodySize, remaining: bodySize)
        return nil
    }

    /// A piece of the body; answers the event if it was the last.
    mutating func body(_ bytes: borrowing RawSpan) throws(Violation) -> Event? {
        let count = UInt64(bytes.byteCount)
        switch state {
        case .idle, .wantsHeader: throw .bodyWithoutHeader
        case .wantsBody(let content, let properties, let remaining):
            guard count <= remaining else { throw .bodyTooLong }
            if body.isEmpty { body.reserveCapacity(Int(remaining)) }
            unsafe bytes.withUnsafeBytes { piece in unsafe body.append(contentsOf: piece) }
            guard count == remaining else {
                state = .wantsBody(content, properties, remaining: remaining - count)
                return nil
            }
            state = .idle
            let complete = body
            body = []
            return .message(content, properties, body: complete)
        case .skims(let content, let properties, let size, let remaining):
            guard count <= remaining else { throw .bodyTooLong }
            guard count == remaining else {
                state = .skims(content, properties, size: size, remaining: remaining - count)
                return nil
            }
            state = .idle
            return .skimmed(content, properties, bodyBytes: size)
        }
    }
}

/// Properties as they came, with what could not be kept of their headers.
struct DecodedProperties: Equatable {
    var properties = MessageProperties()
    var headersTruncated = false
    var headersInvalid = false
}
