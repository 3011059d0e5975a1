internal import InventoryCore

/// The parameters of one statement in PostgreSQL's binary form, one after the other in one buffer.
///
/// Set-based statements take arrays, one for each column; all of a statement's arrays have the same length.
struct Parameters {
    /// Where a parameter lies; a count below 0 is NULL.
    struct Span {
        var start: Int
        var count: Int
    }

    private(set) var bytes: [UInt8] = []
    private(set) var spans: [Span] = []

    /// The types' object ids; they are the same in every PostgreSQL.
    private enum ElementType {
        static let bool: Int32 = 16
        static let bytea: Int32 = 17
        static let int8: Int32 = 20
        static let text: Int32 = 25
        static let uuid: Int32 = 2950
    }

    // MARK: One value

    mutating func add(_ value: Int64) { one { $0.append(bigEndian: value) } }

    mutating func add(_ value: Int64?) {
        if let value { add(value) } else { spans.append(Span(start: 0, count: -1)) }
    }

    mutating func add(_ text: String) { one { TextCoding.append(text, to: &$0.bytes) } }

    mutating func add(_ text: String?) {
        if let text { add(text) } else { spans.append(Span(start: 0, count: -1)) }
    }

    mutating func add(_ blob: [UInt8]) { one { $0.bytes += blob } }

    private mutating func one(_ write: (inout Parameters) -> Void) {
        let start = bytes.count
        write(&self)
        spans.append(Span(start: start, count: bytes.count - start))
    }

    // MARK: A column

    mutating func integers<Rows: Collection>(_ rows: Rows, _ value: (Rows.Element) -> Int64?) {
        array(rows, ElementType.int8) { buffer, row in
            guard let value = value(row) else { return false }
            buffer.append(bigEndian: value)
            return true
        }
    }

    mutating func booleans<Rows: Collection>(_ rows: Rows, _ value: (Rows.Element) -> Bool) {
        array(rows, ElementType.bool) { buffer, row in
            buffer.bytes.append(value(row) ? 1 : 0)
            return true
        }
    }

    mutating func texts<Rows: Collection>(_ rows: Rows, _ value: (Rows.Element) -> String?) {
        array(rows, ElementType.text) { buffer, row in
            guard let value = value(row) else { return false }
            TextCoding.append(value, to: &buffer.bytes)
            return true
        }
    }

    mutating func blobs<Rows: Collection>(_ rows: Rows, _ value: (Rows.Element) -> [UInt8]) {
        array(rows, ElementType.bytea) { buffer, row in
            buffer.bytes += value(row)
            return true
        }
    }

    /// A type's 16 bytes that compare as bytes do: what PostgreSQL has for a digest.
    mutating func digests<Rows: Collection>(_ rows: Rows, _ value: (Rows.Element) -> Digest128) {
        array(rows, ElementType.uuid) { buffer, row in
            let value = value(row)
            buffer.append(bigEndian: Int64(bitPattern: value.high))
            buffer.append(bigEndian: Int64(bitPattern: value.low))
            return true
        }
    }

    /// `write` appends a row's element and answers true, or appends nothing and answers false for NULL.
    private mutating func array<Rows: Collection>(
        _ rows: Rows, _ type: Int32, _ write: (inout Parameters, Rows.Element) -> Bool
    ) {
        let start = bytes.count
        let count = rows.count
        append(bigEndian: count == 0 ? Int32(0) : 1)
        let nulls = bytes.count
        append(bigEndian: Int32(0))
        append(bigEndian: type)
        if count > 0 {
            append(bigEndian: Int32(clamping: count))
            append(bigEndian: Int32(1))
        }
        for row in rows {
            let length = bytes.count
            append(bigEndian: Int32(-1))
            if write(&self, row) {
                patch(length, Int32(clamping: bytes.count - length - 4))
            } else {
                patch(nulls, 1)
            }
        }
        spans.append(Span(start: start, count: bytes.count - start))
    }

    private mutating func append(bigEndian value: Int64) {
        var shift = 56
        while shift >= 0 {
            bytes.append(UInt8(truncatingIfNeeded: value >> Int64(shift)))
            shift -= 8
        }
    }

    private mutating func append(bigEndian value: Int32) {
        bytes.append(UInt8(truncatingIfNeeded: value >> 24))
        bytes.append(UInt8(truncatingIfNeeded: value >> 16))
        bytes.append(UInt8(truncatingIfNeeded: value >> 8))
        bytes.append(UInt8(truncatingIfNeeded: value))
    }

    private mutating func patch(_ index: Int, _ value: Int32) {
        bytes[index] = UInt8(truncatingIfNeeded: value >> 24)
        bytes[index + 1] = UInt8(truncatingIfNeeded: value >> 16)
        bytes[index + 2] = UInt8(truncatingIfNeeded: value >> 8)
        bytes[index + 3] = UInt8(truncatingIfNeeded: value)
    }
}

/// Text as the database keeps it. PostgreSQL's text can hold anything but NUL, and what comes from outside may: so NUL is
/// written as 01 01 and 01 as 01 02. That keeps the order of bytes, and touches nothing that is ever seen in practice.
enum TextCoding {
    static func append(_ text: String, to bytes: inout [UInt8]) {
        let start = bytes.count
        var text = text
        var isPlain = true
        text.withUTF8 { source in
            isPlain = unsafe !source.contains { $0 < 2 }
            unsafe bytes.append(contentsOf: source)
        }
        if isPlain { return }
        let plain = bytes[start...]
        bytes.removeSubrange(start...)
        for byte in plain {
            if byte < 2 {
                bytes.append(1)
                bytes.append(byte + 1)
            } else {
                bytes.append(byte)
            }
        }
    }

    static func decode(_ source: UnsafeBufferPointer<UInt8>) -> String {
        if unsafe !source.contains(1) { return unsafe String(decoding: source, as: UTF8.self) }
        var bytes: [UInt8] = []
        var isEscape = false
        for index in source.indices {
            let byte = unsafe source[index]
            if isEscape {
                bytes.append(byte &- 1)
                isEscape = false
            } else if byte == 1 {
                isEscape = true
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
