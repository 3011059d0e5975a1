import InventoryCore
import Testing

@testable import MessageSchema

@Suite struct RFC3339Tests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.000001Z", 1), ("1969-12-31T23:59:59.999999Z", -1),
        ("2026-11-23T10:00:00Z", 1_795_428_000_000_000), ("2026-11-23t10:00:00z", 1_795_428_000_000_000),
        ("2026-11-23T11:00:00+01:00", 1_795_428_000_000_000), ("2026-11-23T04:30:00-05:30", 1_795_428_000_000_000),
        ("2026-11-23T10:00:00-00:00", 1_795_428_000_000_000), ("2026-11-23T10:00:00.5Z", 1_795_428_000_500_000),
        ("2026-11-23T10:00:00.123456789012Z", 1_795_428_000_123_456), ("1985-04-12T23:20:50.52Z", 482_196_050_520_000),
        ("1996-12-19T16:39:57-08:00", 851_042_397_000_000), ("1937-01-01T12:00:27.87+00:20", -1_041_337_172_130_000),
        // The leap second of 1990, here and in California.
        ("1990-12-31T23:59:60Z", 662_688_000_000_000), ("1990-12-31T15:59:60-08:00", 662_688_000_000_000),
        ("2000-02-29T00:00:00Z", 951_782_400_000_000), ("2024-02-29T23:59:59+00:00", 1_709_251_199_000_000),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000), ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
    ])
    func reads(text: String, microseconds: Int64) {
        #expect(parseRFC3339(text)?.microseconds == microseconds)
    }

    @Test(arguments: [
        ("", TimeFault.notATime), ("yesterday", .notATime), ("2026-11-23", .notATime), ("2026-11-23T10:00Z", .notATime),
        ("2026-11-23 10:00:00Z", .notATime), ("2026-11-23T10:00:00,5Z", .notATime),
        ("2026-11-23T10:00:00.Z", .notATime),
        ("2026-11-23T10:00:00+0100", .notATime), ("2026-11-23T10:00:00+01", .notATime),
        ("2026-11-23T10:00:00Z ", .notATime), (" 2026-11-23T10:00:00Z", .notATime), ("2026-11-23T1a:00:00Z", .notATime),
        ("2026-11-23T10:00:00UTC", .notATime), ("+2026-11-23T10:00:00Z", .notATime),
        ("12026-11-23T10:00:00Z", .notATime),
        ("2026-W47-1T10:00:00Z", .notATime), ("1795428000", .notATime), ("2026-11-23T10:00:00ZZ", .notATime),
        ("2026-11-23T10:00:00", .noZone), ("2026-11-23T10:00:00.25", .noZone),
        ("2026-02-30T10:00:00Z", .noSuchDate), ("2025-02-29T10:00:00Z", .noSuchDate),
        ("1900-02-29T10:00:00Z", .noSuchDate), ("2026-13-01T10:00:00Z", .noSuchDate),
        ("2026-00-01T10:00:00Z", .noSuchDate), ("2026-11-00T10:00:00Z", .noSuchDate),
        ("2026-11-31T10:00:00Z", .noSuchDate), ("2026-11-23T24:00:00Z", .noSuchDate),
        ("2026-11-23T10:60:00Z", .noSuchDate), ("2026-11-23T10:00:61Z", .noSuchDate),
        ("2026-11-23T10:00:60Z", .noSuchDate), ("2026-11-23T10:00:00+24:00", .noSuchDate),
        ("2026-11-23T10:00:00+01:60", .noSuchDate), ("0000-01-01T00:00:00Z", .outOfRange),
        ("0001-01-01T00:00:00+00:01", .outOfRange), ("9999-12-31T23:59:59-00:01", .outOfRange),
    ])
    func refuses(text: String, fault: TimeFault) {
        #expect(throws: fault) {
            try Array(text.utf8).withUnsafeBufferPointer { (bytes) throws(TimeFault) -> Instant in try instant(bytes) }
        }
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"), (999, "1970-01-01T00:00:00.000Z"),
        (1_795_428_000_123_456, "2026-11-23T10:00:00.123Z"), (951_782_400_000_000, "2000-02-29T00:00:00.000Z"),
        (Int64.max, "9999-12-31T23:59:59.999Z"), (Int64.min, "0001-01-01T00:00:00.000Z"),
    ])
    func writes(microseconds: Int64, text: String) {
        #expect(formatRFC3339(Instant(microseconds: microseconds)) == text)
    }

    /// Days of every year, month and weekday, there and back.
    @Test func daysThereAndBack() {
        var microseconds = earliestInstant
        var days = 0
        while microseconds <= latestInstant {
            let time = Instant(microseconds: microseconds)
            if parseRFC3339(formatRFC3339(time)) != time {
                Issue.record("\(microseconds) became \(formatRFC3339(time))")
                return
            }
            microseconds += 86_400_000_000 * 13
            days += 1
        }
        #expect(days == 280_928)
    }
}
