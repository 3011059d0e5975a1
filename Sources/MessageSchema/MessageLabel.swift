public import InventoryCore

/// What a message says of itself, as far as it can be read: for lists and logs, also of messages that can't be used.
public struct MessageLabel: Sendable, Equatable {
    /// The envelope's `id`; nil where there is none.
    public var id: String?
    /// The type as written, known or not; nil where there is none.
    public var type: String?

    /// Reads what the envelope's attributes, the body's own keys and the AMQP properties say, in that order.
    public init(_ body: [UInt8], envelope: Envelope) {
        id = envelope.attribute("id")
        type = envelope.attribute("type")
        if id == nil || type == nil {
            let said = body.withUnsafeBufferPointer { MessageLabel.inBody($0) }
            id = id ?? said.id
            type = type ?? said.type
        }
        id = id ?? envelope.messageID.flatMap { $0.isEmpty ? nil : $0 }
        type = type ?? envelope.type.flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func inBody(_ body: UnsafeBufferPointer<UInt8>) -> (id: String?, type: String?) {
        guard body.count <= Int(Int32.max) else { return (nil, nil) }
        do throws(Rejection) {
            return try JSONDocument.withParsed(body) { (document) throws(Rejection) -> (id: String?, type: String?) in
                func text(_ key: StaticString) -> String? {
                    guard document[JSONDocument.root].kind == .object,
                        let index = document.value(key, of: JSONDocument.root), document[index].kind == .string
                    else { return nil }
                    return document.string(index)
                }
                return (text("id"), text("type"))
            }
        } catch {
            return (nil, nil)
        }
    }
}

/// A digest of a message as it came, bytes and all: it names a message that nothing else may name.
///
/// - Parameter parts: told apart from each other, so that no two different lists have one digest.
public func rawDigest(_ parts: [[UInt8]]) -> Digest128 {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(parts.reduce(0) { $0 + $1.count + 8 })
    for part in parts {
        withUnsafeBytes(of: UInt64(part.count).bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: part)
    }
    return bytes.withUnsafeBytes { digest128($0) }
}
