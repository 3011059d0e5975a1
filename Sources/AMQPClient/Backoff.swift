/// Waiting times between attempts: exponential with full jitter, so that many workers do not come back in step.
struct Backoff {
    private let minimum: Int
    private let maximum: Int
    private(set) var failures = 0

    init(minimumMilliseconds: Int, maximumMilliseconds: Int) {
        minimum = max(1, minimumMilliseconds)
        maximum = max(minimum, maximumMilliseconds)
    }

    /// The ceiling of the next wait.
    var ceiling: Int {
        failures >= 20 ? maximum : min(maximum, minimum << failures)
    }

    /// The next wait in milliseconds: at random up to the ceiling, never less than a tenth of the minimum.
    mutating func next(using random: inout some RandomNumberGenerator) -> Int {
        let limit = ceiling
        failures += 1
        return max(minimum / 10, Int.random(in: 0...limit, using: &random))
    }

    /// For failures that only an operator ends: the upper half of the maximum.
    mutating func nextSlow(using random: inout some RandomNumberGenerator) -> Int {
        failures += 1
        return min(maximum, max(ceiling, minimum << min(failures, 4)) / 2 + Int.random(in: 0...minimum, using: &random))
    }

    mutating func reset() { failures = 0 }
}
