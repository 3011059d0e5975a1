/// A name that came from outside: an order, a SKU, a location, a supplier.
///
/// Compared, ordered and hashed **byte for byte**, as the contract says. Swift's own `String` compares by Unicode
/// equivalence, under which two different SKUs could be one; that is why this type exists.
public struct Identifier: Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    public let text: String

    public init(_ text: String) {
        self.text = text
    }

    public init(stringLiteral value: String) {
        self.text = value
    }

    public var description: String { text }

    public static func == (left: Identifier, right: Identifier) -> Bool {
        // The same sixteen bytes are the same text: a short string in place, or one storage shared. Nearly always that
        // answers it, without a look at the characters.
        let (leftBits, rightBits) = (left.bits, right.bits)
        if leftBits.low == rightBits.low && leftBits.high == rightBits.high { return true }
        if left.text.utf8.count != right.text.utf8.count { return false }
        return compare(left, right) == 0
    }

    /// A `String` as it is in memory. One of up to 15 bytes is mostly there in place: its bytes from the lowest of `low`
    /// up, then zeros, and in the highest byte of `high` how many they are, and the mark that says so. That is the layout
    /// of every 64-bit Swift 5 and 6; `IdentifierTests` asks it.
    private typealias Bits = (low: UInt64, high: UInt64)

    private var bits: Bits { unsafeBitCast(text, to: Bits.self) }

    private static let inPlace: UInt64 = 0x2000_0000_0000_0000

    /// Less than, equal to or greater than 0, as the bytes of the left are to those of the right.
    private static func compare(_ left: Identifier, _ right: Identifier) -> Int {
        let (leftBits, rightBits) = (left.bits, right.bits)
        if leftBits.high & rightBits.high & inPlace != 0 {
            if leftBits.low != rightBits.low { return leftBits.low.byteSwapped < rightBits.low.byteSwapped ? -1 : 1 }
            let (leftRest, rightRest) = (leftBits.high << 8, rightBits.high << 8)
            if leftRest != rightRest { return leftRest.byteSwapped < rightRest.byteSwapped ? -1 : 1 }
            // The one is the other and zeros, or they are the same.
            return Int(leftBits.high >> 56 & 0xF) - Int(rightBits.high >> 56 & 0xF)
        }
        return compareBytes(left, right)
    }

    private static func compareBytes(_ left: Identifier, _ right: Identifier) -> Int {
        var (leftText, rightText) = (left.text, right.text)
        return leftText.withUTF8 { leftBytes in
            rightText.withUTF8 { rightBytes in
                let common = min(leftBytes.count, rightBytes.count)
                var index = 0
                // Names of one kind mostly begin alike: eight bytes at a time, as long as they are the same.
                let (left, right) = (UnsafeRawBufferPointer(leftBytes), UnsafeRawBufferPointer(rightBytes))
                while index + 8 <= common {
                    let leftWord = left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    let rightWord = right.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    if leftWord != rightWord { return leftWord.bigEndian < rightWord.bigEndian ? -1 : 1 }
                    index += 8
                }
                while index < common {
                    if leftBytes[index] != rightBytes[index] { return leftBytes[index] < rightBytes[index] ? -1 : 1 }
                    index += 1
                }
                return leftBytes.count - rightBytes.count
            }
        }
    }

    public static func < (left: Identifier, right: Identifier) -> Bool {
        compare(left, right) < 0
    }

    public func hash(into hasher: inout Hasher) {
        if bits.high & Identifier.inPlace != 0 {
            hasher.combine(bits.low)
            hasher.combine(bits.high << 8)
            return
        }
        var text = text
        text.withUTF8 { bytes in
            if bytes.count > 15 { return hasher.combine(bytes: UnsafeRawBufferPointer(bytes)) }
            // A short text that has a storage of its own is the same name as one in place.
            var words: Bits = (0, 0)
            withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
            hasher.combine(words.low)
            hasher.combine(words.high << 8)
        }
    }
}

extension Identifier: Codable {
    public init(from decoder: any Decoder) throws {
        text = try decoder.singleValueContainer().decode(String.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

public typealias OrderID = Identifier
public typealias LineID = Identifier
public typealias SKU = Identifier
public typealias LocationID = Identifier
public typealias SupplierID = Identifier
/// A `reorder_id` or an `inbound_id`.
public typealias SupplyID = Identifier

/// Whole units of one SKU. One line holds at most 1,000,000,000; sums stay far below `Int64.max`.
public typealias Units = Int64
