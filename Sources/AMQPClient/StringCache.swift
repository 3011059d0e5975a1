import Glibc

/// Strings seen lately, so that exchange names, routing keys, content types and the like are not allocated anew for
/// each message. A plain hashed table without chains: a collision only costs an allocation.
struct StringCache {
    private var slots: [String]
    private static let slotCount = 256

    init() { slots = Array(repeating: "", count: Self.slotCount) }

    /// The string of these bytes; nil when they are not UTF-8.
    mutating func string(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        // Up to 15 bytes a string needs no heap anyway; over 128 it is hardly a name that repeats.
        guard bytes.count > 15, bytes.count <= 128 else { return unsafe String(validating: bytes, as: UTF8.self) }
        var hash: UInt32 = 2_166_136_261
        for index in 0..<bytes.count { hash = unsafe (hash ^ UInt32(bytes[index])) &* 16_777_619 }
        let index = Int(hash % UInt32(Self.slotCount))
        let known = unsafe slots[index].utf8.withContiguousStorageIfAvailable { slot in
            guard let left = slot.baseAddress, let right = bytes.baseAddress else { return false }
            return unsafe slot.count == bytes.count && memcmp(left, right, bytes.count) == 0
        }
        if known == true { return slots[index] }
        guard let fresh = unsafe String(validating: bytes, as: UTF8.self) else { return nil }
        slots[index] = fresh
        return fresh
    }
}
