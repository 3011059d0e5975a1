internal import BackOrderStore
internal import Foundation
internal import InventoryCore

/// Values that are rare enough to be kept as JSON.
enum JSONColumn {
    static func encode(_ value: some Encodable) throws(StoreError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            throw StoreError(.corrupt, "a value can't be written as JSON: \(error)")
        }
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ text: String, of what: String) throws(StoreError)
        -> Value
    {
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch {
            throw StoreError(.corrupt, "\(what): its JSON in the store can't be read: \(error)")
        }
    }
}

/// A line's allocations in one text: `units,requested,bytes:location` one after the other.
enum AllocationColumn {
    /// Appends the text to a buffer that is used again and again.
    static func encode(_ allocations: [Allocation], to bytes: inout [UInt8]) {
        for entry in allocations {
            append(entry.units, to: &bytes)
            bytes.append(UInt8(ascii: ","))
            append(entry.requested, to: &bytes)
            bytes.append(UInt8(ascii: ","))
            append(Int64(entry.location.text.utf8.count), to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            bytes.append(contentsOf: entry.location.text.utf8)
        }
    }

    /// In decimal; never negative here.
    private static func append(_ number: Int64, to bytes: inout [UInt8]) {
        let start = bytes.count
        var rest = number
        repeat {
            bytes.append(UInt8(truncatingIfNeeded: 48 + rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    static func decode(_ text: String) throws(StoreError) -> [Allocation] {
        var result: [Allocation] = []
        var rest = text.utf8[...]
        func number(until end: UInt8) throws(StoreError) -> Int64 {
            var value: Int64 = 0
            while let byte = rest.popFirst() {
                if byte == end { return value }
                guard (48...57).contains(byte), value < Int64.max / 16 else { break }
                value = value * 10 + Int64(byte - 48)
            }
            throw StoreError(.corrupt, "a line's allocations can't be read: \(text)")
        }
        while !rest.isEmpty {
            let units = try number(until: UInt8(ascii: ","))
            let requested = try number(until: UInt8(ascii: ","))
            let count = try number(until: UInt8(ascii: ":"))
            guard count <= rest.count else { throw StoreError(.corrupt, "a line's allocations can't be read: \(text)") }
            let name = rest.prefix(Int(count))
            rest = rest.dropFirst(Int(count))
            result.append(
                Allocation(
                    location: LocationID(String(decoding: name, as: UTF8.self)), units: units, requested: requested))
        }
        return result
    }
}

extension Optional where Wrapped == Instant {
    init(_ microseconds: Int64?) {
        self = microseconds.map { Instant(microseconds: $0) }
    }
}
