import InventoryCore

/// Writes JSON bytes. Knows commas and escapes; what is opened has to be closed by the caller.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    init(capacity: Int) {
        bytes.reserveCapacity(capacity)
    }

    // MARK: Structure

    /// The name of the next value, with the comma before it.
    @inline(__always)
    mutating func key(_ name: StaticString) {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    mutating func openObject() { open(UInt8(ascii: "{")) }

    mutating func closeObject() { close(UInt8(ascii: "}")) }

    mutating func openArray() { open(UInt8(ascii: "[")) }

    mutating func closeArray() { close(UInt8(ascii: "]")) }

    @inline(__always)
    private mutating func open(_ bracket: UInt8) {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        bytes.append(bracket)
        needsComma = false
    }

    @inline(__always)
    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    // MARK: Members

    @inline(__always)
    mutating func member(_ name: StaticString, _ text: String) {
        key(name)
        string(text)
    }

    @inline(__always)
    mutating func member(_ name: StaticString, _ identifier: Identifier) { member(name, identifier.text) }

    @inline(__always)
    mutating func member(_ name: StaticString, _ number: Int64) {
        key(name)
        appendDecimal(number, to: &bytes)
        needsComma = true
    }

    @inline(__always)
    mutating func member(_ name: StaticString, _ time: Instant) {
        key(name)
        bytes.append(UInt8(ascii: "\""))
        appendRFC3339(time, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// What is already JSON.
    mutating func member(_ name: StaticString, json: String) {
        key(name)
        bytes.append(contentsOf: json.utf8)
        needsComma = true
    }

    mutating func member(_ name: StaticString, json: [UInt8]) {
        key(name)
        bytes.append(contentsOf: json)
        needsComma = true
    }

    /// Under a name that is only known when it is written.
    mutating func member(named name: String, _ text: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
        string(text)
    }

    mutating func memberIfKnown(_ name: StaticString, _ text: String?) {
        if let text { member(name, text) }
    }

    mutating func memberIfKnown(_ name: StaticString, _ time: Instant?) {
        if let time { member(name, time) }
    }

    mutating func memberOrNull(_ name: StaticString, _ time: Instant?) {
        if let time { member(name, time) } else { member(name, json: "null") }
    }

    mutating func memberOrNull(_ name: StaticString, _ identifier: Identifier?) {
        if let identifier { member(name, identifier) } else { member(name, json: "null") }
    }

    // MARK: Texts

    mutating func string(_ text: String) {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { utf8 in
            if utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) {
                for byte in utf8 { escape(byte) }
            } else {
                bytes.append(contentsOf: utf8)
            }
        }
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(byte)
        case 0x0A: bytes.append(contentsOf: "\\n".utf8)
        case 0x0D: bytes.append(contentsOf: "\\r".utf8)
        case 0x09: bytes.append(contentsOf: "\\t".utf8)
        case 0..<0x20:
            bytes.append(contentsOf: "\\u00".utf8)
            bytes.append(hexDigit(byte >> 4))
            bytes.append(hexDigit(byte))
        default: bytes.append(byte)
        }
    }
}
