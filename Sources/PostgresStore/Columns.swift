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
    static func encode(_ allocations: [Allocation]) -> String {
        var text = ""
        for entry in allocations {
            text += "\(entry.units),\(entry.requested),\(entry.location.text.utf8.count):\(entry.location.text)"
        }
        return text
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
