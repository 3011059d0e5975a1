import Synchronization

/// Grows only. Any thread; an addition is one atomic instruction.
///
/// Past the largest number it begins anew, which Prometheus takes for a restart: a figure never ends the daemon.
public final class Counter: Sendable {
    private let count = Atomic<Int64>(0)

    public init() {}

    public func add(_ number: Int64 = 1) { count.wrappingAdd(number, ordering: .relaxed) }
    public var value: Int64 { count.load(ordering: .relaxed) & .max }
}

/// How often which sizes were seen. Bounds and sum are whole numbers of a small unit, so that nothing is rounded and
/// nobody waits: recording is a walk over the bounds and two atomic additions.
public final class Histogram: Sendable {
    /// Upper bounds, ascending, in units.
    let bounds: [Int64]
    /// What a unit is in the unit that is shown: 1e-9 for nanoseconds shown as seconds.
    let scale: Double
    private let buckets: [Counter]
    private let total = Counter()

    init(bounds: [Int64], scale: Double = 1) {
        self.bounds = bounds
        self.scale = scale
        buckets = (0...bounds.count).map { _ in Counter() }
    }

    /// Microseconds to a minute, in steps of about 2.5; recorded in nanoseconds.
    static func seconds() -> Histogram {
        Histogram(
            bounds: [
                100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000,
                100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000,
                60_000_000_000,
            ], scale: 1e-9)
    }

    /// Milliseconds to a day: for how long ago something happened elsewhere. Recorded in milliseconds: in a smaller unit
    /// the sum over a backlog of old messages would pass what 64 bits hold.
    static func ages() -> Histogram {
        Histogram(
            bounds: [
                1, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000, 60_000, 300_000, 3_600_000, 86_400_000,
            ], scale: 1e-3)
    }

    public func record(_ value: Int64, times: Int64 = 1) {
        var index = 0
        while index < bounds.count, value > bounds[index] { index += 1 }
        buckets[index].add(times)
        total.add(value &* times)
    }

    var counts: [Int64] { buckets.map(\.value) }
    var sum: Double { Double(total.value) * scale }
}

/// One name of `/metrics`, with what is known of it when it is asked for.
public struct MetricFamily: Sendable {
    public enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// One line: labels and a number.
    public struct Sample: Sendable {
        public var labels: [String]
        public var value: Double

        public init(_ labels: [String], _ value: Double) {
            self.labels = labels
            self.value = value
        }
    }

    public let name: String
    public let help: String
    public let kind: Kind
    /// The names of the labels, in the order of every sample's values.
    public let labels: [String]
    private let samples: @Sendable () -> [Sample]
    private let histograms: [(labels: [String], histogram: Histogram)]

    /// A number that is asked for; no sample: it is not known.
    public init(
        _ kind: Kind, _ name: String, _ help: String, labels: [String] = [],
        samples: @escaping @Sendable () -> [Sample]
    ) {
        self.name = name
        self.help = help
        self.kind = kind
        self.labels = labels
        self.samples = samples
        histograms = []
    }

    init(gauge name: String, _ help: String, _ value: @escaping @Sendable () -> Double?) {
        self.init(.gauge, name, help) { value().map { [Sample([], $0)] } ?? [] }
    }

    init(counter name: String, _ help: String, _ counter: Counter) {
        self.init(.counter, name, help) { [Sample([], Double(counter.value))] }
    }

    init(
        counters name: String, _ help: String, labels: [String], _ counters: [(labels: [String], counter: Counter)]
    ) {
        self.init(.counter, name, help, labels: labels) {
            counters.map { Sample($0.labels, Double($0.counter.value)) }
        }
    }

    init(
        histograms name: String, _ help: String, labels: [String] = [],
        _ histograms: [(labels: [String], histogram: Histogram)]
    ) {
        self.name = name
        self.help = help
        kind = .histogram
        self.labels = labels
        samples = { [] }
        self.histograms = histograms
    }

    /// As Prometheus reads it (text format 0.0.4).
    func render(into text: inout String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
        for sample in samples() {
            text += "\(name)\(Self.braces(labels, sample.labels)) \(Self.number(sample.value))\n"
        }
        for (values, histogram) in histograms {
            var below: Int64 = 0
            for (index, count) in histogram.counts.enumerated() {
                below += count
                let bound =
                    index < histogram.bounds.count
                    ? Self.number(Double(histogram.bounds[index]) * histogram.scale) : "+Inf"
                text += "\(name)_bucket\(Self.braces(labels + ["le"], values + [bound])) \(below)\n"
            }
            text += "\(name)_sum\(Self.braces(labels, values)) \(Self.number(histogram.sum))\n"
            text += "\(name)_count\(Self.braces(labels, values)) \(below)\n"
        }
    }

    private static func braces(_ names: [String], _ values: [String]) -> String {
        if names.isEmpty { return "" }
        return "{" + zip(names, values).map { "\($0)=\"\(escaped($1))\"" }.joined(separator: ",") + "}"
    }

    private static func escaped(_ value: String) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\((value * 1e9).rounded() / 1e9)"
    }
}
