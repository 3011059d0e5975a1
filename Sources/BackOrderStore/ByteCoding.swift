internal import InventoryCore

/// Fields one after the other: numbers as LEB128, texts and bytes with their length before them.
enum ByteCoding {
    static func append(_ number: Int, to bytes: inout [UInt8]) {
        append(UInt64(number), to: &bytes)
    }

    static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// Small numbers of either sign are short.
    static func append(signed number: Int64, to bytes: inout [UInt8]) {
        append(UInt64(bitPattern: (number << 1) ^ (number >> 63)), to: &bytes)
    }

    static func append(_ text: String, to bytes: inout [UInt8]) {
        append(text.utf8.count, to: &bytes)
        bytes.append(contentsOf: text.utf8)
    }

    static func append(_ data: [UInt8], to bytes: inout [UInt8]) {
        append(data.count, to: &bytes)
        bytes.append(contentsOf: data)
    }
}

/// Reads what `ByteCoding` wrote; throws `StoreError.corrupt` for anything else.
struct ByteReader {
    private let source: [UInt8]
    private var position = 0
    /// What the bytes are, for the error.
    private let what: String

    init(_ bytes: [UInt8], of what: String) {
        source = bytes
        self.what = what
    }

    var damaged: StoreError { StoreError(.corrupt, "\(what) is damaged: its bytes are not what was written") }

    var isAtEnd: Bool { position == source.count }

    mutating func byte() throws(StoreError) -> UInt8 {
        guard position < source.count else { throw damaged }
        position += 1
        return source[position - 1]
    }

    private mutating func unsigned() throws(StoreError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            value |= UInt64(next & 0x7f) << shift
            if next & 0x80 == 0 { return value }
            shift += 7
            guard shift <= 63 else { throw damaged }
        }
    }

    /// At most what 32 bits hold.
    mutating func number() throws(StoreError) -> Int {
        let value = try unsigned()
        guard value <= UInt64(UInt32.max) else { throw damaged }
        return Int(value)
    }

    mutating func signed() throws(StoreError) -> Int64 {
        let value = try unsigned()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    private mutating func span() throws(StoreError) -> Range<Int> {
        let count = try number()
        guard count <= source.count - position else { throw damaged }
        position += count
        return position - count..<position
    }

    mutating func bytes() throws(StoreError) -> [UInt8] {
        Array(source[try span()])
    }

    mutating func text() throws(StoreError) -> String {
        guard let text = String(validating: source[try span()], as: UTF8.self) else { throw damaged }
        return text
    }
}
