/// A point in time: microseconds since 1970-01-01T00:00:00Z. The core never asks a clock; time is handed in.
public struct Instant: Hashable, Comparable, Sendable, Codable {
    public var microseconds: Int64

    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    public static func < (left: Instant, right: Instant) -> Bool {
        left.microseconds < right.microseconds
    }

    public static let microsecondsPerHour: Int64 = 3_600_000_000
    public static let microsecondsPerDay: Int64 = 86_400_000_000

    /// This instant moved by whole days; saturates instead of overflowing.
    public func adding(days: Int64) -> Instant {
        let (shift, overflow) = days.multipliedReportingOverflow(by: Instant.microsecondsPerDay)
        if overflow { return Instant(microseconds: days > 0 ? .max : .min) }
        return adding(microseconds: shift)
    }

    /// Whole days (UTC) since 1970-01-01.
    public var day: Int64 {
        let (days, rest) = microseconds.quotientAndRemainder(dividingBy: Instant.microsecondsPerDay)
        return rest < 0 ? days - 1 : days
    }

    public func adding(microseconds delta: Int64) -> Instant {
        let (sum, overflow) = microseconds.addingReportingOverflow(delta)
        return Instant(microseconds: overflow ? (delta > 0 ? .max : .min) : sum)
    }
}
