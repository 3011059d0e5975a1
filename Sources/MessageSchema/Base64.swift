/// Reads standard Base64 (RFC 4648, section 4), padded, without line breaks; nil if it is anything else.
func decodedBase64(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 4 == 0 else { return nil }
    let padding = digits.reversed().prefix { $0 == UInt8(ascii: "=") }.count
    guard padding <= 2 else { return nil }
    var result: [UInt8] = []
    result.reserveCapacity(digits.count / 4 * 3)
    var bits: UInt32 = 0
    var count = 0
    for digit in digits.dropLast(padding) {
        guard let value = base64Value(digit) else { return nil }
        bits = bits << 6 | UInt32(value)
        count += 1
        if count % 4 == 0 {
            result.append(UInt8(truncatingIfNeeded: bits >> 16))
            result.append(UInt8(truncatingIfNeeded: bits >> 8))
            result.append(UInt8(truncatingIfNeeded: bits))
            bits = 0
        }
    }
    if padding == 1 {
        result.append(UInt8(truncatingIfNeeded: bits >> 10))
        result.append(UInt8(truncatingIfNeeded: bits >> 2))
    } else if padding == 2 {
        result.append(UInt8(truncatingIfNeeded: bits >> 4))
    }
    return result
}

private func base64Value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): digit - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0") + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
}

/// Bytes as standard Base64 (RFC 4648, section 4), padded.
public func encodedBase64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var result: [UInt8] = []
    result.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let count = min(3, bytes.count - start)
        var group: UInt32 = 0
        for index in 0..<3 { group = group << 8 | (index < count ? UInt32(bytes[start + index]) : 0) }
        for index in 0..<4 {
            result.append(
                index <= count ? digits[Int(group >> UInt32(18 - 6 * index)) & 0x3F] : UInt8(ascii: "="))
        }
    }
    return String(decoding: result, as: UTF8.self)
}
