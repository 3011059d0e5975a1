import InventoryCore

/// How a time without a zone is written, and which zone is meant: UTC or a fixed offset. (Zones with summer time have an
/// hour each autumn that could be either of two: they are not offered.)
struct LocalTime: Sendable {
    /// Seconds east of UTC.
    var offset: Int64
    /// nil: `2026-11-23T10:00:00`, with a blank for the T, without seconds, or the date alone.
    var format: Format?

    /// A pattern of the letters YYYY, YY, MM, DD, hh, mm, ss; everything else stands for itself.
    struct Format: Sendable {
        enum Part: Sendable {
            case year(digits: Int), month, day, hour, minute, second
            case literal(UInt8)
        }

        var text: String
        var parts: [Part]

        /// nil: it has no year, month and day, or one of them twice.
        init?(_ text: String) {
            self.text = text
            let letters: [(String, Part)] = [
                ("YYYY", .year(digits: 4)), ("YY", .year(digits: 2)), ("MM", .month), ("DD", .day), ("hh", .hour),
                ("HH", .hour), ("mm", .minute), ("ss", .second),
            ]
            var parts: [Part] = []
            var seen: [Int] = []
            var rest = text[...]
            while let first = rest.utf8.first {
                if let index = letters.firstIndex(where: { rest.hasPrefix($0.0) }) {
                    seen.append([0, 0, 1, 2, 3, 3, 4, 5][index])
                    parts.append(letters[index].1)
                    rest = rest.dropFirst(letters[index].0.count)
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
        // A zone that is there all the same is believed.
        if bytes.count >= 20, bytes[10] | 0x20 == UInt8(ascii: "t"),
            let last = bytes.last,
            last | 0x20 == UInt8(ascii: "z") || bytes[19...].contains(where: { $0 == 0x2B || $0 == 0x2D })
        {
            return try instant(bytes)
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
        return format.parts.flatMap { part -> [UInt8] in
            switch part {
            case .year(let digits): Array(bytes[(4 - digits)..<4])
            case .month: Array(bytes[5..<7])
            case .day: Array(bytes[8..<10])
            case .hour: Array(bytes[11..<13])
            case .minute: Array(bytes[14..<16])
            case .second: Array(bytes[17..<19])
            case .literal(let byte): [byte]
            }
        }
    }

    private func shifted(_ microseconds: Int64) throws(TimeFault) -> Instant {
        let result = microseconds - offset * 1_000_000
        guard result >= earliestInstant, result <= latestInstant else { throw .outOfRange }
        return Instant(microseconds: result)
    }

    private func read(_ bytes: UnsafeBufferPointer<UInt8>, by format: Format) throws(TimeFault) -> Instant {
        var (year, month, day, hour, minute, second) = (Int64(0), Int64(1), Int64(1), Int64(0), Int64(0), Int64(0))
        var index = 0
        func digits(_ count: Int) throws(TimeFault) -> Int64 {
            guard bytes.count - index >= count else { throw .notATime }
            var value: Int64 = 0
            for _ in 0..<count {
                guard bytes[index] &- 0x30 < 10 else { throw .notATime }
                value = value * 10 + Int64(bytes[index] - 0x30)
                index += 1
            }
            return value
        }
        for part in format.parts {
            switch part {
            case .year(let count): year = try digits(count) + (count == 2 ? 2000 : 0)
            case .month: month = try digits(2)
            case .day: day = try digits(2)
            case .hour: hour = try digits(2)
            case .minute: minute = try digits(2)
            case .second: second = try digits(2)
            case .literal(let byte):
                guard index < bytes.count, bytes[index] == byte else { throw .notATime }
                index += 1
            }
        }
        guard index == bytes.count else { throw .notATime }
        guard year >= 1 else { throw .outOfRange }
        guard month >= 1, month <= 12, day >= 1, day <= daysIn(month, year), hour <= 23, minute <= 59, second <= 59
        else { throw .noSuchDate }
        return try shifted(
            (daysSinceEpoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000)
    }
}
