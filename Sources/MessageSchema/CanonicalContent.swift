import InventoryCore

/// The one rendering that all spellings of the same content share: keys in the order of their bytes, strings unescaped,
/// numbers by value, no white space. Only ever digested, never read again.
struct CanonicalContent {
    private let document: JSONDocument
    private(set) var bytes: [UInt8] = []
    /// The keys of the objects that are being written, the innermost last.
    private var keys: [Int] = []

    /// The content of a message: all members of `object` but `id`, `time` and `type`.
    init(of object: Int, in document: JSONDocument) {
        self.document = document
        bytes.reserveCapacity(document.text.count + 32)
        keys.reserveCapacity(32)
        append(object: object, isMessage: true)
    }

    var digest: Digest128 { bytes.withUnsafeBytes { digest128($0) } }

    private mutating func append(_ index: Int) {
        let node = document[index]
        switch node.kind {
        case .null: bytes.append(UInt8(ascii: "n"))
        case .true: bytes.append(UInt8(ascii: "t"))
        case .false: bytes.append(UInt8(ascii: "f"))
        case .number: append(number: document.slice(node))
        case .string: append(string: node)
        case .object: append(object: index, isMessage: false)
        case .array:
            bytes.append(UInt8(ascii: "["))
            var child = index + 1
            while child < Int(node.next) {
                append(child)
                bytes.append(UInt8(ascii: ","))
                child = document.next(after: child)
            }
            bytes.append(UInt8(ascii: "]"))
        }
    }

    @inline(__always)
    private mutating func append(number text: UnsafeBufferPointer<UInt8>) {
        if text.count == 1 {
            bytes.append(text[0])
        } else {
            JSONNumber(text).appendCanonical(to: &bytes)
        }
    }

    /// In quotes; what is inside has its quotes and backslashes escaped, so that no two texts look the same.
    /// In quotes; what is inside has its quotes and backslashes escaped, so that no two texts look the same.
    @inline(__always)
    private mutating func append(string node: JSONNode) {
        if !node.isEscaped {
            bytes.append(contentsOf: document.sliceWithQuotes(node))
            return
        }
        bytes.append(UInt8(ascii: "\""))
        for byte in document.unescaped(node) {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func append(object: Int, isMessage: Bool) {
        let base = keys.count
        var key = object + 1
        let end = document.end(of: object)
        var anyEscaped = false
        while key < end {
            if !isMessage || !isEnvelope(key) {
                keys.append(key)
                if document[key].isEscaped { anyEscaped = true }
            }
            key = document.next(after: key + 1)
        }
        sort(from: base, anyEscaped: anyEscaped)
        bytes.append(UInt8(ascii: "{"))
        let count = keys.count
        for position in base..<count {
            let key = keys[position]
            append(string: document[key])
            bytes.append(UInt8(ascii: ":"))
            append(key + 1)
            bytes.append(UInt8(ascii: ","))
        }
        bytes.append(UInt8(ascii: "}"))
        keys.removeLast(count - base)
    }

    private func isEnvelope(_ key: Int) -> Bool {
        let node = document[key]
        let count = node.end - node.start
        if !node.isEscaped && count != 2 && count != 4 { return false }
        return isKey(key, "id") || isKey(key, "time") || isKey(key, "type")
    }

    private func isKey(_ key: Int, _ name: StaticString) -> Bool {
        document.isKey(key, UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    private mutating func sort(from base: Int, anyEscaped: Bool) {
        if anyEscaped {
            let named = keys[base...].map { (name: document.unescaped(document[$0]), key: $0) }
            let sorted = named.sorted { $0.name.lexicographicallyPrecedes($1.name) }
            for (position, entry) in sorted.enumerated() { keys[base + position] = entry.key }
        } else if keys.count - base > 24 {
            let sorted = keys[base...].sorted { isBefore($0, $1) }
            for (position, key) in sorted.enumerated() { keys[base + position] = key }
        } else if keys.count - base > 1 {
            for position in (base + 1)..<keys.count {
                let key = keys[position]
                var hole = position
                while hole > base, isBefore(key, keys[hole - 1]) {
                    keys[hole] = keys[hole - 1]
                    hole -= 1
                }
                keys[hole] = key
            }
        }
    }

    @inline(__always)
    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        let leftName = document.slice(document[left])
        let rightName = document.slice(document[right])
        let shared = min(leftName.count, rightName.count)
        var index = 0
        while index < shared {
            if leftName[index] != rightName[index] { return leftName[index] < rightName[index] }
            index += 1
        }
        return leftName.count < rightName.count
    }
}
