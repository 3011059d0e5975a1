import InventoryCore

/// What a mapping makes of a value, asked for by name.
enum MapCoercion: Sendable, BitwiseCopyable {
    case stringInteger, stringNumber, decimalComma, text
    case unixSeconds, unixMilliseconds, unixMicroseconds, unixNanoseconds, unixDays
    /// An index of the plan's local times.
    case localTime(Int32)
    case trim, upper, lower, blankNull, absolute
    /// Whole numbers times a factor: cartons to pieces, or -1 to turn the sign.
    case times(Int64)
    /// Numbers by a factor, where that comes out: cents to a price, pieces to cartons.
    case dividedBy(Int64)
    /// The text before or behind the first place of another text; itself where that is not in it.
    case before(MapRange), after(MapRange)
    /// The text without any of another text.
    case without(MapRange)
    /// Of outputs alone: a time as a count since 1970, or without its zone; a text as the number that it is.
    case countOfSeconds, countOfMilliseconds
    case inZone(Int32)
    case wholeNumber, decimalNumber

    /// What it leaves behind, as far as that can be known beforehand.
    enum Result {
        case text, number, time
        /// Of the kind it was.
        case same
    }

    static let names = [
        "string-integer", "string-number", "decimal-comma", "text", "unix-seconds", "unix-milliseconds",
        "unix-microseconds", "unix-nanoseconds", "unix-days", "local-time", "trim", "upper", "lower", "blank-null",
        "absolute",
    ]

    var name: String {
        switch self {
        case .stringInteger: "string-integer"
        case .stringNumber: "string-number"
        case .decimalComma: "decimal-comma"
        case .text: "text"
        case .unixSeconds: "unix-seconds"
        case .unixMilliseconds: "unix-milliseconds"
        case .unixMicroseconds: "unix-microseconds"
        case .unixNanoseconds: "unix-nanoseconds"
        case .unixDays: "unix-days"
        case .localTime: "local-time"
        case .trim: "trim"
        case .upper: "upper"
        case .lower: "lower"
        case .blankNull: "blank-null"
        case .absolute: "absolute"
        case .times: "times"
        case .dividedBy: "divide"
        case .before: "before"
        case .after: "after"
        case .without: "remove"
        case .countOfSeconds: "unix-seconds"
        case .countOfMilliseconds: "unix-milliseconds"
        case .inZone: "local-time"
        case .wholeNumber: "string-integer"
        case .decimalNumber: "string-number"
        }
    }

    var result: Result {
        switch self {
        case .stringInteger, .stringNumber, .times, .dividedBy, .countOfSeconds, .countOfMilliseconds, .wholeNumber,
            .decimalNumber:
            .number
        case .decimalComma, .text, .trim, .upper, .lower, .before, .after, .without, .inZone: .text
        case .unixSeconds, .unixMilliseconds, .unixMicroseconds, .unixNanoseconds, .unixDays, .localTime: .time
        case .blankNull, .absolute: .same
        }
    }
}

/// Why a value can't be made what was asked for.
struct MapCause: Error {
    var text: String
}

extension MapBuilder {
    /// - Returns: the value as a node over the builder's text; nil: it counts as absent.
    mutating func coerced(_ node: JSONNode, by coercion: MapCoercion) throws(MapCause) -> JSONNode? {
        switch coercion {
        case .stringInteger: return try wholeNumber(node)
        case .stringNumber: return try decimalNumber(node)
        case .text:
            if node.kind == .string { return node }
            guard node.kind == .number else { throw MapCause(text: "is neither text nor a number") }
            return made(copyOf: node.start..<node.end)
        case .decimalComma:
            return changed(node) { $0 == UInt8(ascii: ",") ? UInt8(ascii: ".") : $0 }
        case .unixSeconds: return try unixTime(node, "seconds", shift: 6)
        case .unixMilliseconds: return try unixTime(node, "milliseconds", shift: 3)
        case .unixMicroseconds: return try unixTime(node, "microseconds", shift: 0)
        case .unixNanoseconds: return try unixTime(node, "nanoseconds", shift: -3)
        case .unixDays:
            guard let found = numberInText(node), case .value(let days) = number(found).whole, abs(days) < 4_000_000
            else { throw MapCause(text: "is no count of days since 1970") }
            return try unixTime(made(number: days * 86_400), "seconds", shift: 6)
        case .localTime(let index): return try time(node, plan.localTimes[Int(index)])
        case .trim:
            guard node.kind == .string else { return node }
            if node.isEscaped { return made(string: MapBuilder.trimmed(bytes(of: node))) }
            let range = trimmed(node)
            return range == node.start..<node.end ? node : made(copyOf: range)
        case .upper: return changed(node) { $0 &- UInt8(ascii: "a") < 26 ? $0 ^ 0x20 : $0 }
        case .lower: return changed(node) { $0 &- UInt8(ascii: "A") < 26 ? $0 ^ 0x20 : $0 }
        case .blankNull:
            return isBlank(node) ? nil : node
        case .absolute:
            guard node.kind == .number, byte(at: node.start) == UInt8(ascii: "-") else { return node }
            return with(node) { $0.start += 1 }
        case .times(let factor):
            guard node.kind == .number else { throw MapCause(text: "is no number") }
            guard case .value(let value) = number(node).whole else { throw MapCause(text: "is not a whole number") }
            let (product, overflow) = value.multipliedReportingOverflow(by: factor)
            guard !overflow else { throw MapCause(text: "times \(factor) is too large") }
            return made(number: product)
        case .dividedBy(let divisor): return try quotient(node, divisor)
        case .before(let mark): return cut(node, mark) { text, _, first in text[..<first] }
        case .after(let mark): return cut(node, mark) { text, mark, first in text[(first + mark.count)...] }
        case .without(let mark):
            return cut(node, mark) { text, mark, first in
                var rest = text[..<first]
                var from = first + mark.count
                while let next = MapBuilder.place(of: mark, in: text, from: from) {
                    rest += text[from..<next]
                    from = next + mark.count
                }
                return rest + text[from...]
            }
        case .countOfSeconds: return made(number: try instant(of: node).microseconds.floored(by: 1_000_000))
        case .countOfMilliseconds: return made(number: try instant(of: node).microseconds.floored(by: 1_000))
        case .inZone(let index):
            guard let bytes = plan.localTimes[Int(index)].written(try instant(of: node)) else {
                throw MapCause(text: "is beyond the years 1 to 9999")
            }
            return made(string: bytes)
        case .wholeNumber:
            guard case .value(let value) = number(try wholeNumber(node)).whole else {
                throw MapCause(text: "is not a whole number")
            }
            return made(number: value)
        case .decimalNumber: return try decimalNumber(node)
        }
    }

    // MARK: Numbers

    /// A text that is a number, with blanks, a plus sign or leading zeros or not, as that number in place; a number
    /// stays. nil: it is something else.
    private func numberInText(_ node: JSONNode) -> JSONNode? {
        if node.kind == .number { return node }
        guard node.kind == .string, !node.isEscaped else { return nil }
        var start = Int(node.start)
        var end = Int(node.end)
        while start < end, text[start] == 0x20 || text[start] == UInt8(ascii: "+") { start += 1 }
        while end > start, text[end - 1] == 0x20 { end -= 1 }
        let isNegative = start < end && text[start] == UInt8(ascii: "-")
        let first = isNegative ? start + 1 : start
        var index = first
        func digits() -> Int {
            let from = index
            while index < end, text[index] &- 0x30 < 10 { index += 1 }
            return index - from
        }
        let whole = digits()
        guard whole > 0 else { return nil }
        if index < end, text[index] == UInt8(ascii: ".") {
            index += 1
            guard digits() > 0 else { return nil }
        }
        guard index == end else { return nil }
        var number = JSONNode(start: UInt32(start), end: UInt32(end), next: 0, kind: .number)
        // Leading zeros are not JSON. Behind a minus they stay: such a number is only ever counted with.
        if !isNegative {
            var zeros = 0
            while zeros < whole - 1, text[start + zeros] == 0x30 { zeros += 1 }
            number.start += UInt32(zeros)
        }
        return number
    }

    /// nil: it is none.
    func wholeInText(_ node: JSONNode) -> Int64? {
        guard let found = numberInText(node), case .value(let value) = number(found).whole else { return nil }
        return value
    }

    private func wholeNumber(_ node: JSONNode) throws(MapCause) -> JSONNode {
        guard let found = numberInText(node), case .value = number(found).whole else {
            throw MapCause(text: "is not a whole number")
        }
        return found
    }

    private mutating func decimalNumber(_ node: JSONNode) throws(MapCause) -> JSONNode {
        guard let found = numberInText(node) else { throw MapCause(text: "is not a number") }
        if node.kind == .string, byte(at: found.start) == UInt8(ascii: "-") {
            // Written anew without the zeros that may stand behind the minus.
            let digits = bytes(of: found).dropFirst()
            let rest = digits.drop { $0 == 0x30 }
            let needsZero = rest.isEmpty || rest.first == UInt8(ascii: ".")
            return made(written: [UInt8(ascii: "-")] + (needsZero ? [0x30] : []) + rest, .number)
        }
        return found
    }

    /// By a power of ten the point moves, which always comes out; by anything else a whole number has to be a multiple.
    private mutating func quotient(_ node: JSONNode, _ divisor: Int64) throws(MapCause) -> JSONNode {
        guard node.kind == .number else { throw MapCause(text: "is no number") }
        if case .value(let value) = number(node).whole, value % divisor == 0 { return made(number: value / divisor) }
        var (places, rest) = (0, divisor.magnitude)
        while rest % 10 == 0 { (places, rest) = (places + 1, rest / 10) }
        let written = bytes(of: node)
        guard rest == 1, divisor > 0, !written.contains(where: { $0 | 0x20 == UInt8(ascii: "e") }) else {
            throw MapCause(text: "is not a multiple of \(divisor)")
        }
        let isNegative = written.first == UInt8(ascii: "-")
        let parts = written.dropFirst(isNegative ? 1 : 0).split(separator: UInt8(ascii: "."))
        var whole = Array(parts[0])
        // `-007` of a text keeps its zeros; they are not JSON.
        whole = Array(repeating: 0x30, count: max(0, places + 1 - whole.count)) + whole
        var front = Array(whole.dropLast(places).drop { $0 == 0x30 })
        if front.isEmpty { front = [0x30] }
        let fraction = whole.suffix(places) + (parts.count > 1 ? parts[1] : [])
        return made(written: (isNegative ? [UInt8(ascii: "-")] : []) + front + [UInt8(ascii: ".")] + fraction, .number)
    }

    func number(_ node: JSONNode) -> JSONNumber {
        // Only ever used at once, while the text stays where it is.
        text.withUnsafeBufferPointer { JSONNumber(UnsafeBufferPointer(rebasing: $0[Int(node.start)..<Int(node.end)])) }
    }

    // MARK: Times

    private func instant(of node: JSONNode) throws(MapCause) -> Instant {
        guard node.kind == .string, let time = parseRFC3339(String(decoding: bytes(of: node), as: UTF8.self)) else {
            throw MapCause(text: "is not a time")
        }
        return time
    }

    /// - Parameter shift: how many decimal places its unit is above the microsecond.
    private mutating func unixTime(_ node: JSONNode, _ unit: String, shift: Int) throws(MapCause) -> JSONNode {
        let cause = "is no count of \(unit) since 1970"
        guard let found = numberInText(node) else { throw MapCause(text: cause) }
        let isNegative = byte(at: found.start) == UInt8(ascii: "-")
        var value: Int64 = 0
        var places = -1
        // What is finer than a microsecond is dropped.
        let digits = (Int(found.start) + (isNegative ? 1 : 0))..<Int(found.end)
        let point = shift < 0 ? text[digits].firstIndex(of: UInt8(ascii: ".")) ?? digits.upperBound : digits.upperBound
        for index in digits where index < point + min(shift, 0) || shift >= 0 {
            let byte = text[index]
            if byte == UInt8(ascii: ".") {
                places = 0
                continue
            }
            guard byte &- 0x30 < 10, value < 100_000_000_000_000_000 else { throw MapCause(text: cause) }
            if places >= max(shift, 0) { continue }
            value = value * 10 + Int64(byte - 0x30)
            if places >= 0 { places += 1 }
        }
        for _ in max(places, 0)..<max(shift, max(places, 0)) {
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            guard !overflow else { throw MapCause(text: "is beyond the years 1 to 9999") }
            value = scaled
        }
        if isNegative { value = -value }
        guard value >= earliestInstant, value <= latestInstant else {
            throw MapCause(text: "is beyond the years 1 to 9999")
        }
        return made(time: Instant(microseconds: value))
    }

    private mutating func time(_ node: JSONNode, _ local: LocalTime) throws(MapCause) -> JSONNode {
        guard node.kind == .string else { throw MapCause(text: "is no text") }
        let bytes = MapBuilder.trimmed(bytes(of: node))
        do throws(TimeFault) {
            return made(time: try bytes.withUnsafeBufferPointer { (bytes) throws(TimeFault) in try local.read(bytes) })
        } catch {
            let form = local.format.map { "a time of the form \($0.text)" } ?? "a local time"
            throw MapCause(text: error == .notATime ? "is not \(form)" : error.cause)
        }
    }

    // MARK: Texts

    /// A text, byte by byte; itself where that changes nothing. `byte` leaves quotes, backslashes and controls alone.
    @inline(__always)
    private mutating func changed(_ node: JSONNode, _ byte: (UInt8) -> UInt8) -> JSONNode {
        guard node.kind == .string else { return node }
        if node.isEscaped { return made(string: bytes(of: node).map(byte)) }
        let range = Int(node.start)..<Int(node.end)
        guard range.contains(where: { byte(text[$0]) != text[$0] }) else { return node }
        let copy = made(copyOf: node.start..<node.end)
        for index in Int(copy.start)..<Int(copy.end) { text[index] = byte(text[index]) }
        return copy
    }

    /// A text changed where another text is in it.
    ///
    /// - Parameter change: makes it of the text, of what is in it, and of the first place where it is.
    private mutating func cut(
        _ node: JSONNode, _ mark: MapRange,
        _ change: ([UInt8], UnsafeBufferPointer<UInt8>, Int) -> ArraySlice<UInt8>
    ) -> JSONNode {
        guard node.kind == .string else { return node }
        let bytes = bytes(of: node)
        guard let first = MapBuilder.place(of: name(mark), in: bytes, from: 0) else { return node }
        return made(string: Array(change(bytes, name(mark), first)))
    }

    private static func place(of mark: UnsafeBufferPointer<UInt8>, in bytes: [UInt8], from: Int) -> Int? {
        guard !mark.isEmpty, bytes.count >= mark.count, from <= bytes.count - mark.count else { return nil }
        return (from...(bytes.count - mark.count)).first { place in
            for offset in 0..<mark.count where bytes[place + offset] != mark[offset] { return false }
            return true
        }
    }

    func isBlank(_ node: JSONNode) -> Bool {
        guard node.kind == .string else { return false }
        return node.isEscaped ? MapBuilder.trimmed(bytes(of: node)).isEmpty : trimmed(node).isEmpty
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }

    static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        Array(bytes.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }

    /// Where a text without escapes stands without the blanks around it.
    private func trimmed(_ node: JSONNode) -> Range<UInt32> {
        var (start, end) = (node.start, node.end)
        while start < end, MapBuilder.isBlank(text[Int(start)]) { start += 1 }
        while end > start, MapBuilder.isBlank(text[Int(end) - 1]) { end -= 1 }
        return start..<end
    }

    private func with(_ node: JSONNode, _ change: (inout JSONNode) -> Void) -> JSONNode {
        var node = node
        change(&node)
        return node
    }
}

extension Int64 {
    /// Divided, and rounded down: a moment before 1970 has a negative count.
    fileprivate func floored(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
