/// 128 bits of a cryptographic digest. Names a message, a fact or a content in the inbox.
public struct Digest128: Hashable, Comparable, Sendable {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    public static func < (left: Digest128, right: Digest128) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

/// By what a message is known again.
///
/// The same `messageKey` again is a duplicate. The same `factKey` with the same `content` under another `messageKey`
/// is a duplicate too; with another content it is a conflict.
public struct MessageIdentity: Sendable, Equatable {
    /// Of the envelope's `id`, or of what stands in for it.
    public var messageKey: Digest128
    /// Of the type and business key. nil for types that have none (order-cancelled, order-released, inbound-cancelled,
    /// item-updated).
    public var factKey: Digest128?
    /// Of everything but `id`, `time` and the envelope, however it is spaced or ordered.
    public var content: Digest128

    public init(messageKey: Digest128, factKey: Digest128?, content: Digest128) {
        self.messageKey = messageKey
        self.factKey = factKey
        self.content = content
    }
}
