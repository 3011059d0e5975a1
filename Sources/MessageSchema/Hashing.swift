import Crypto
public import InventoryCore

/// SHA-256, cut to its first 128 bits.
func digest128(_ bytes: UnsafeRawBufferPointer) -> Digest128 {
    var hash = SHA256()
    hash.update(bufferPointer: bytes)
    return hash.finalize().withUnsafeBytes { digest in
        Digest128(
            high: UInt64(bigEndian: digest.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: digest.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
}

extension Digest128 {
    /// 32 lower-case hexadecimal digits.
    public var hexadecimal: String {
        String(unsafeUninitializedCapacity: 32) { buffer in
            for index in 0..<16 {
                let shift = UInt64(60 - 4 * index)
                buffer[index] = hexDigit(UInt8(truncatingIfNeeded: high >> shift))
                buffer[index + 16] = hexDigit(UInt8(truncatingIfNeeded: low >> shift))
            }
            return 32
        }
    }
}

/// The digit of the low four bits.
@inline(__always)
func hexDigit(_ value: UInt8) -> UInt8 {
    let digit = value & 0x0F
    return digit < 10 ? digit &+ 0x30 : digit &+ 0x57
}

/// A version 5 UUID of RFC 4122 (SHA-1 of a namespace and a name), as text in lower case.
///
/// - Parameter namespace: 16 bytes.
func uuidVersion5(namespace: [UInt8], name: [UInt8]) -> String {
    var hash = Insecure.SHA1()
    namespace.withUnsafeBytes { hash.update(bufferPointer: $0) }
    name.withUnsafeBytes { hash.update(bufferPointer: $0) }
    return hash.finalize().withUnsafeBytes { digest in
        String(unsafeUninitializedCapacity: 36) { buffer in
            var position = 0
            for index in 0..<16 {
                var byte = digest[index]
                if index == 6 { byte = byte & 0x0F | 0x50 }
                if index == 8 { byte = byte & 0x3F | 0x80 }
                if index == 4 || index == 6 || index == 8 || index == 10 {
                    buffer[position] = UInt8(ascii: "-")
                    position += 1
                }
                buffer[position] = hexDigit(byte >> 4)
                buffer[position + 1] = hexDigit(byte)
                position += 2
            }
            return 36
        }
    }
}
