public import InventoryCore

/// A business key: with the type of its message it names what happened.
struct Fact {
    var type: InputType
    var id: Identifier
    /// Of `inbound-scheduled`, whose business key is inbound_id with `time`.
    var time: Instant?

    /// The key by which the inbox knows the fact again.
    var key: Digest128 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(160)
        bytes.append(contentsOf: "f\0".utf8)
        bytes.append(contentsOf: type.rawValue.utf8)
        bytes.append(0)
        bytes.append(contentsOf: id.text.utf8)
        if let time {
            bytes.append(0)
            appendDecimal(time.microseconds, to: &bytes)
        }
        return bytes.withUnsafeBytes { inboxKey($0) }
    }

    /// The `id` of a message that has none, e.g. `order-placed:O-1`.
    var standInID: String {
        guard let time else { return "\(type.rawValue):\(id.text)" }
        var bytes: [UInt8] = []
        appendRFC3339(time, fractionDigits: time.microseconds % 1_000 == 0 ? 3 : 6, to: &bytes)
        return "\(type.rawValue):\(id.text):" + String(decoding: bytes, as: UTF8.self)
    }
}

extension Input {
    /// The fact that a message tells; nil for types without a business key, and for an inbound whose `time` is missing:
    /// the time of arrival names nothing.
    func fact(time: Instant?) -> Fact? {
        switch self {
        case .orderPlaced(let input): Fact(type: .orderPlaced, id: input.orderID)
        case .stockReceived(let input): Fact(type: .stockReceived, id: input.receiptID)
        case .shipmentDispatched(let input): Fact(type: .shipmentDispatched, id: input.shipmentID)
        case .stockAdjusted(let input): Fact(type: .stockAdjusted, id: input.adjustmentID)
        case .inboundScheduled(let input):
            time.map { Fact(type: .inboundScheduled, id: input.inboundID, time: $0) }
        case .orderCancelled, .orderReleased, .inboundCancelled, .itemUpdated: nil
        }
    }

    /// What serves a message without `id`: the business key with the type, or else a digest of type and content.
    func standInID(_ fact: Fact?, _ content: CanonicalContent) -> String {
        if let fact { return fact.standInID }
        let digest = (Array("\(type.rawValue)\0".utf8) + content.bytes).withUnsafeBytes { digest128($0) }
        return "digest:\(digest.hexadecimal)"
    }
}

extension InputMessage {
    /// The keys by which the inbox knows this message and the fact it tells; an inbound whose `time` was missing has one
    /// more here than the inbox knows.
    public var inboxKeys: [Digest128] {
        [messageKey(id)] + (input.fact(time: time).map { [$0.key] } ?? [])
    }
}

/// The key by which the inbox knows a message again.
func messageKey(_ id: String) -> Digest128 {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(64)
    bytes.append(contentsOf: "m\0".utf8)
    bytes.append(contentsOf: id.utf8)
    return bytes.withUnsafeBytes { inboxKey($0) }
}

/// A digest that keeps neighbours together: names that differ in their last three bytes only get keys that do, too.
///
/// Business keys are mostly numbered one after the other. Under a plain digest each would land on a page of its own in
/// the inbox's index; under this one a thousand of them share a few pages, and a commit writes a third less. The last
/// three bytes are in the key as they are, the rest as 104 bits of its digest, so that nothing of the name is left out.
func inboxKey(_ name: UnsafeRawBufferPointer) -> Digest128 {
    let head = digest128(UnsafeRawBufferPointer(rebasing: name.dropLast(3)))
    var tail: UInt64 = 0
    for byte in name.suffix(3) { tail = tail << 8 | UInt64(byte) }
    return Digest128(high: head.high, low: tail << 40 | head.low >> 24)
}
