import InventoryCore

/// How a time without a zone is written, and which zone is meant: UTC or a fixed offset. (Zones with summer time have an
/// hour each autumn that could be either of two: they are not offered.)
struct LocalTime: Sendable {
    /// Seconds east of UTC.
    var offset: Int64
    /// nil: `2026-11-23T10:00:00`, with a blank for the T, without seconds, or the date alone.
    var format: Format?

    /// A pattern of the letters YYYY, YY, MM, M, MMM (Nov), DD, D, DDD (Mon), hh, h, mm, ss, AM, Z (the zone); everything
    /// else stands for itself.
    struct Format: Sendable {
        enum Part: Sendable, Equatable {
            case year(digits: Int), minute, second
            /// With one digit where that is enough, too.
            case month(isShort: Bool), day(isShort: Bool), hour(isShort: Bool)
            case monthName, weekday, half, zone
            case literal(UInt8)
        }

        var text: String
        var parts: [Part]
        /// The text says its zone itself.
        var hasZone: Bool { parts.contains(.zone) }
        /// Hours are counted from 1 to 12.
        var hasHalf: Bool { parts.contains(.half) }

        static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        /// The first is that of the first of January 1970.
        static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]

        /// nil: it has no year, month and day, or one of them twice.
        init?(_ text: String) {
            self.text = text
            // What they say, to find what is said twice: 0 the year, 1 the month, …
            let letters: [(String, Part, Int)] = [
                ("YYYY", .year(digits: 4), 0), ("YY", .year(digits: 2), 0), ("AM", .half, 6), ("MMM", .monthName, 1),
                ("MM", .month(isShort: false), 1), ("M", .month(isShort: true), 1), ("DDD", .weekday, 7),
                ("DD", .day(isShort: false), 2), ("D", .day(isShort: true), 2), ("hh", .hour(isShort: false), 3),
                ("HH", .hour(isShort: false), 3), ("h", .hour(isShort: true), 3), ("mm", .minute, 4),
                ("ss", .second, 5), ("Z", .zone, 8),
            ]
            var parts: [Part] = []
            var seen: [Int] = []
            var rest = text[...]
            while let first = rest.utf8.first {
                if let found = letters.first(where: { rest.hasPrefix($0.0) }) {
                    seen.append(found.2)
                    parts.append(found.1)
                    rest = rest.dropFirst(found.0.count)
                } else {
                    guard first < 0x80 else { return nil }
                    parts.append(.literal(first))
                    rest = rest.dropFirst()
                }
            }
            guard Set(seen).count == seen.count, Set(seen).isSuperset(of: [0, 1, 2]) else { return nil }
            self.parts = parts
        }
    }

    /// `UTC`, `Z`, `+01:00`, `-0530`, `+2`; nil: none of them.
    static func offset(_ text: String) -> Int64? {
        if ["UTC", "Z", "GMT"].contains(text.uppercased()) { return 0 }
        guard let sign = text.first, sign == "+" || sign == "-" else { return nil }
        let digits = text.dropFirst().filter { $0 != ":" }
        guard !digits.isEmpty, digits.count <= 4, digits.utf8.allSatisfy({ $0 &- 0x30 < 10 }),
            let number = Int64(digits)
        else { return nil }
        let (hours, minutes) = digits.count <= 2 ? (number, 0) : (number / 100, number % 100)
        guard hours <= 23, minutes <= 59 else { return nil }
        return (hours * 3600 + minutes * 60) * (sign == "-" ? -1 : 1)
    }

    func read(_ bytes: UnsafeBufferPointer<UInt8>) throws(TimeFault) -> Instant {
        if let format { return try read(bytes, by: format) }
        // A zone that is there all the same is believed, however it is written.
        if bytes.count > 16, let first = bytes[16...].firstIndex(where: { LocalTime.beginsZone($0) }) {
            if bytes[10] | 0x20 == UInt8(ascii: "t"), let found = try? instant(bytes) { return found }
            guard let offset = LocalTime.offset(String(decoding: bytes[first...], as: UTF8.self)) else {
                throw .notATime
            }
            var local = bytes[..<first]
            while local.last == 0x20 { local = local.dropLast() }
            return try LocalTime(offset: offset).read(UnsafeBufferPointer(rebasing: local))
        }
        var whole = Array(bytes)
        if whole.count > 10, whole[10] == 0x20 { whole[10] = UInt8(ascii: "T") }
        if whole.count == 10 { whole += "T00:00".utf8 }
        if whole.count == 16 { whole += ":00".utf8 }
        whole.append(UInt8(ascii: "Z"))
        let found = try whole.withUnsafeBufferPointer { (bytes) throws(TimeFault) in try instant(bytes) }
        return try shifted(found.microseconds)
    }

    /// A moment as it is written there, to the second; nil: it is beyond the years 1 to 9999 there.
    func written(_ time: Instant) -> [UInt8]? {
        let (local, overflow) = time.microseconds.addingReportingOverflow(offset * 1_000_000)
        guard !overflow, local >= earliestInstant, local <= latestInstant else { return nil }
        var bytes: [UInt8] = []
        appendRFC3339(Instant(microseconds: local), to: &bytes)
        guard let format else { return Array(bytes[..<19]) }
        func number(_ range: Range<Int>) -> Int { bytes[range].reduce(0) { $0 * 10 + Int($1 - 0x30) } }
        func digits(_ number: Int, _ isShort: Bool) -> [UInt8] {
            Array((number < 10 && !isShort ? "0\(number)" : "\(number)").utf8)
        }
        let hour = number(11..<13)
        return format.parts.flatMap { part -> [UInt8] in
            switch part {
            case .year(let digits): Array(bytes[(4 - digits)..<4])
            case .month(let isShort): digits(number(5..<7), isShort)
            case .monthName: Array(Format.months[number(5..<7) - 1].utf8)
            case .day(let isShort): digits(number(8..<10), isShort)
            case .weekday: Array(Format.weekdays[LocalTime.weekday(local)].utf8)
            case .hour(let isShort): digits(format.hasHalf ? (hour + 11) % 12 + 1 : hour, isShort)
            case .half: Array((hour < 12 ? "AM" : "PM").utf8)
            case .minute: Array(bytes[14..<16])
            case .second: Array(bytes[17..<19])
            case .zone: Array(LocalTime.written(offset: offset).utf8)
            case .literal(let byte): [byte]
            }
        }
    }

    private static func beginsZone(_ byte: UInt8) -> Bool {
        byte == 0x2B || byte == 0x2D || byte | 0x20 == UInt8(ascii: "z") || byte == UInt8(ascii: "U")
            || byte == UInt8(ascii: "G")
    }

    /// Of a moment, in days since a Thursday.
    private static func weekday(_ microseconds: Int64) -> Int {
        let day = 86_400_000_000
        let days = Int(microseconds) / day - (Int(microseconds) % day < 0 ? 1 : 0)
        return (days % 7 + 7) % 7
    }

    private static func written(offset: Int64) -> String {
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let minutes = offset.magnitude / 60
        return "\(offset < 0 ? "-" : "+")\(two(Int64(minutes / 60))):\(two(Int64(minutes % 60)))"
    }

    private func shifted(_ microseconds: Int64) throws(TimeFault) -> Instant {
        let result = microseconds - offset * 1_000_000
        guard result >= earliestInstant, result <= latestInstant else { throw .outOfRange }
        return Instant(microseconds: result)
    }

    private func read(_ bytes: UnsafeBufferPointer<UInt8>, by format: Format) throws(TimeFault) -> Instant {
        var (year, month, day, hour, minute, second) = (Int64(0), Int64(1), Int64(1), Int64(0), Int64(0), Int64(0))
        var index = 0
        var isAfternoon: Bool?
        var offset = self.offset
        func digits(_ count: Int, least: Int? = nil) throws(TimeFault) -> Int64 {
            var value: Int64 = 0
            var found = 0
            while found < count, index < bytes.count, bytes[index] &- 0x30 < 10 {
                value = value * 10 + Int64(bytes[index] - 0x30)
                index += 1
                found += 1
            }
            guard found >= least ?? count else { throw .notATime }
            return value
        }
        func word(_ count: Int) throws(TimeFault) -> String {
            guard bytes.count - index >= count else { throw .notATime }
            let word = String(decoding: bytes[index..<(index + count)], as: UTF8.self)
            index += count
            return word.lowercased()
        }
        for part in format.parts {
            switch part {
            case .year(let count): year = try digits(count) + (count == 2 ? 2000 : 0)
            case .month(let isShort): month = try digits(2, least: isShort ? 1 : 2)
            case .monthName:
                let name = try word(3)
                guard let place = Format.months.firstIndex(where: { $0.lowercased() == name }) else { throw .notATime }
                month = Int64(place) + 1
            case .day(let isShort): day = try digits(2, least: isShort ? 1 : 2)
            case .weekday:
                let name = try word(3)
                guard Format.weekdays.contains(where: { $0.lowercased() == name }) else { throw .notATime }
            case .hour(let isShort): hour = try digits(2, least: isShort ? 1 : 2)
            case .minute: minute = try digits(2)
            case .second: second = try digits(2)
            case .half:
                let name = try word(2)
                guard name == "am" || name == "pm" else { throw .notATime }
                isAfternoon = name == "pm"
            case .zone:
                let first = index
                while index < bytes.count, bytes[index] > 0x20 { index += 1 }
                guard let found = LocalTime.offset(String(decoding: bytes[first..<index], as: UTF8.self)) else {
                    throw .notATime
                }
                offset = found
            case .literal(let byte):
                guard index < bytes.count, bytes[index] == byte else { throw .notATime }
                index += 1
            }
        }
        guard index == bytes.count else { throw .notATime }
        guard year >= 1 else { throw .outOfRange }
        if let isAfternoon {
            guard hour >= 1, hour <= 12 else { throw .noSuchDate }
            hour = hour % 12 + (isAfternoon ? 12 : 0)
        }
        guard month >= 1, month <= 12, day >= 1, day <= daysIn(month, year), hour <= 23, minute <= 59, second <= 59
        else { throw .noSuchDate }
        return try LocalTime(offset: offset).shifted(
            (daysSinceEpoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000)
    }
}
