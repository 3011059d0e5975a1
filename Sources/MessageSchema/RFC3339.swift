public import InventoryCore

/// Why a text is not a time.
enum TimeFault: Error {
    case notATime, noZone, noSuchDate, outOfRange

    /// What stands in a detail behind the text.
    var cause: String {
        switch self {
        case .notATime: "is not a time (RFC 3339)"
        case .noZone: "has no zone"
        case .noSuchDate: "is not in the calendar"
        case .outOfRange: "is not in the years 1 to 9999"
        }
    }
}

/// The first and the last instant that RFC 3339 can write.
let earliestInstant: Int64 = -62_135_596_800_000_000
let latestInstant: Int64 = 253_402_300_799_999_999

/// Reads a time with a zone, e.g. `2026-11-23T10:00:00Z`. Fractions of any length (cut to microseconds), offsets, `t`
/// and `z`, and the leap second `23:59:60` UTC (taken as the second after it) are accepted.
///
/// - Returns: nil if it is not such a time, not in the calendar, or not in the years 1 to 9999.
public func parseRFC3339(_ text: String) -> Instant? {
    var text = text
    return text.withUTF8 { bytes in
        do throws(TimeFault) { return try instant(bytes) } catch { return nil }
    }
}

func instant(_ bytes: UnsafeBufferPointer<UInt8>) throws(TimeFault) -> Instant {
    guard bytes.count >= 10, let year = number(bytes, 0, 4), bytes[4] == UInt8(ascii: "-"),
        let month = number(bytes, 5, 2), bytes[7] == UInt8(ascii: "-"), let day = number(bytes, 8, 2)
    else { throw .notATime }
    guard bytes.count >= 19, bytes[10] | 0x20 == UInt8(ascii: "t"), let hour = number(bytes, 11, 2),
        bytes[13] == UInt8(ascii: ":"), let minute = number(bytes, 14, 2), bytes[16] == UInt8(ascii: ":"),
        let second = number(bytes, 17, 2)
    else { throw .notATime }
    var index = 19
    let microseconds = try fraction(bytes, &index)
    if index == bytes.count { throw .noZone }
    let offset = try zone(bytes, &index)
    if index != bytes.count { throw .notATime }

    guard year >= 1 else { throw .outOfRange }
    guard month >= 1, month <= 12, day >= 1, day <= daysIn(month, year), hour <= 23, minute <= 59, second <= 60 else {
        throw .noSuchDate
    }
    let seconds = daysSinceEpoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset
    // A leap second is the last of a day in UTC.
    if second == 60, seconds % 86_400 != 0 { throw .noSuchDate }
    let result = seconds * 1_000_000 + microseconds
    guard result >= earliestInstant, result <= latestInstant else { throw .outOfRange }
    return Instant(microseconds: result)
}

/// The microseconds of `.123…`; digits beyond the sixth are dropped.
private func fraction(_ bytes: UnsafeBufferPointer<UInt8>, _ index: inout Int) throws(TimeFault) -> Int64 {
    guard index < bytes.count, bytes[index] == UInt8(ascii: ".") else { return 0 }
    index += 1
    var value: Int64 = 0
    var count = 0
    while index < bytes.count, bytes[index] &- 0x30 < 10 {
        if count < 6 { value = value * 10 + Int64(bytes[index] &- 0x30) }
        count += 1
        index += 1
    }
    if count == 0 { throw .notATime }
    while count < 6 {
        value *= 10
        count += 1
    }
    return value
}

/// The offset from UTC in seconds.
private func zone(_ bytes: UnsafeBufferPointer<UInt8>, _ index: inout Int) throws(TimeFault) -> Int64 {
    let sign = bytes[index]
    if sign | 0x20 == UInt8(ascii: "z") {
        index += 1
        return 0
    }
    guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), bytes.count - index >= 6,
        let hours = number(bytes, index + 1, 2), bytes[index + 3] == UInt8(ascii: ":"),
        let minutes = number(bytes, index + 4, 2)
    else { throw .notATime }
    guard hours <= 23, minutes <= 59 else { throw .noSuchDate }
    index += 6
    let seconds = hours * 3_600 + minutes * 60
    return sign == UInt8(ascii: "-") ? -seconds : seconds
}

@inline(__always)
private func number(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ count: Int) -> Int64? {
    var value: Int64 = 0
    for index in start..<(start + count) {
        let digit = bytes[index] &- 0x30
        if digit > 9 { return nil }
        value = value * 10 + Int64(digit)
    }
    return value
}

func daysIn(_ month: Int64, _ year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar: years begin in March, so that the leap day comes last.
func daysSinceEpoch(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
}

/// A time as outputs have it: UTC, milliseconds, `2026-11-23T10:00:00.000Z`. What is beyond the years 1 to 9999 is
/// written as the nearest time in them.
public func formatRFC3339(_ instant: Instant) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(24)
    appendRFC3339(instant, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
}

/// - Parameter fractionDigits: 3 or 6.
func appendRFC3339(_ instant: Instant, fractionDigits: Int = 3, to bytes: inout [UInt8]) {
    let microseconds = min(max(instant.microseconds, earliestInstant), latestInstant) - earliestInstant
    let days = microseconds / 86_400_000_000
    let inDay = microseconds % 86_400_000_000
    // The inverse of daysSinceEpoch; 0001-01-01 is 306 days after 0000-03-01.
    let shifted = days + 306
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)

    let seconds = inDay / 1_000_000
    let fraction = inDay % 1_000_000
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 27) { buffer in
        var count = 0
        func put(_ byte: UInt8) {
            buffer[count] = byte
            count += 1
        }
        func putTwo(_ value: Int64) {
            put(0x30 &+ UInt8(truncatingIfNeeded: value / 10))
            put(0x30 &+ UInt8(truncatingIfNeeded: value % 10))
        }
        putTwo(year / 100)
        putTwo(year % 100)
        put(UInt8(ascii: "-"))
        putTwo(month)
        put(UInt8(ascii: "-"))
        putTwo(day)
        put(UInt8(ascii: "T"))
        putTwo(seconds / 3_600)
        put(UInt8(ascii: ":"))
        putTwo(seconds / 60 % 60)
        put(UInt8(ascii: ":"))
        putTwo(seconds % 60)
        put(UInt8(ascii: "."))
        putTwo(fraction / 10_000)
        put(0x30 &+ UInt8(truncatingIfNeeded: fraction / 1_000 % 10))
        if fractionDigits == 6 {
            put(0x30 &+ UInt8(truncatingIfNeeded: fraction / 100 % 10))
            putTwo(fraction % 100)
        }
        put(UInt8(ascii: "Z"))
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: buffer[..<count]))
    }
}
