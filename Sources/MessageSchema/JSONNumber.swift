/// A JSON number as an exact decimal: digits without zeros around them, times a power of ten. 2, 2.0 and 2e0 are the
/// same one.
struct JSONNumber {
    enum Whole: Equatable {
        case value(Int64)
        /// There is something after the point.
        case fraction
        /// More than 18 digits.
        case tooLarge
    }

    private let text: UnsafeBufferPointer<UInt8>
    private let isNegative: Bool
    /// From the first digit that is not 0 to behind the last one; a point may be between them. Empty: the number is 0.
    private let digits: Range<Int>
    private let digitCount: Int
    private let exponent: Int
    /// The exponent as written has more than 15 digits; it is not counted with.
    private let isBeyond: Bool

    private static let exponentMax = 1_000_000_000_000_000

    /// - Parameter text: a number by the grammar of RFC 8259.
    init(_ text: UnsafeBufferPointer<UInt8>) {
        self.text = text
        var index = 0
        isNegative = text.first == UInt8(ascii: "-")
        if isNegative { index = 1 }
        var point: Int?
        var first: Int?
        var last = index
        while index < text.count {
            let byte = text[index]
            if byte == UInt8(ascii: ".") {
                point = index
            } else if byte &- 0x30 < 10 {
                if byte != 0x30 {
                    if first == nil { first = index }
                    last = index
                }
            } else {
                break
            }
            index += 1
        }
        let mantissaEnd = index
        let (written, isBeyond) = JSONNumber.exponent(text, from: mantissaEnd)
        self.isBeyond = isBeyond
        guard let first else {
            digits = 0..<0
            digitCount = 0
            exponent = 0
            return
        }
        digits = first..<(last + 1)
        let pointPlace = point ?? mantissaEnd
        let pointInside = first < pointPlace && pointPlace < last
        digitCount = last + 1 - first - (pointInside ? 1 : 0)
        // The power of ten of the last digit that is not 0.
        exponent = written + (last < pointPlace ? pointPlace - 1 - last : pointPlace - last)
    }

    private static func exponent(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> (Int, isBeyond: Bool) {
        var index = start + 1
        guard index < text.count else { return (0, false) }
        let isNegative = text[index] == UInt8(ascii: "-")
        if isNegative || text[index] == UInt8(ascii: "+") { index += 1 }
        var value = 0
        while index < text.count {
            value = value * 10 + Int(text[index] &- 0x30)
            if value >= exponentMax { return (isNegative ? -exponentMax : exponentMax, true) }
            index += 1
        }
        return (isNegative ? -value : value, false)
    }

    var isZero: Bool { digits.isEmpty }

    var whole: Whole {
        if isZero { return .value(0) }
        if exponent < 0 { return .fraction }
        if digitCount + exponent > 18 { return .tooLarge }
        var value: Int64 = 0
        for index in digits where text[index] != UInt8(ascii: ".") {
            value = value * 10 + Int64(text[index] &- 0x30)
        }
        for _ in 0..<exponent { value *= 10 }
        return .value(isNegative ? -value : value)
    }

    /// Writes the one form that all ways to write this number share.
    func appendCanonical(to bytes: inout [UInt8]) {
        if isZero {
            bytes.append(0x30)
            return
        }
        if isBeyond {
            // As written: nobody will send the same such number in two ways.
            bytes.append(UInt8(ascii: "!"))
            bytes.append(contentsOf: text)
            return
        }
        if isNegative { bytes.append(UInt8(ascii: "-")) }
        for index in digits where text[index] != UInt8(ascii: ".") { bytes.append(text[index]) }
        if exponent == 0 { return }
        bytes.append(UInt8(ascii: "e"))
        appendDecimal(Int64(exponent), to: &bytes)
    }

    /// The value of a plain run of up to 18 digits, which is what almost every number is.
    @inline(__always)
    static func plainWhole(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
        guard text.count <= 18 else { return nil }
        var value: Int64 = 0
        for byte in text {
            let digit = byte &- 0x30
            if digit > 9 { return nil }
            value = value &* 10 &+ Int64(digit)
        }
        return value
    }
}

/// Writes a number in decimal.
func appendDecimal(_ value: Int64, to bytes: inout [UInt8]) {
    if value >= 0, value < 10 {
        bytes.append(0x30 &+ UInt8(truncatingIfNeeded: value))
        return
    }
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    var rest = value.magnitude
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { buffer in
        var index = 20
        repeat {
            index -= 1
            buffer[index] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: buffer[index..<20]))
    }
}
