import Synchronization
import Testing
import Worker

@testable import Operations

@Suite struct MetricsTests {
    private func text(_ family: MetricFamily) -> String {
        var text = ""
        family.render(into: &text)
        return text
    }

    @Test func aHistogramCountsUpTo() {
        let histogram = Histogram(bounds: [10, 100], scale: 0.1)
        for value in [10, 11, 100, 101, 0] as [Int64] { histogram.record(value) }
        #expect(
            text(MetricFamily(histograms: "h", "What.", labels: ["a"], [(["b"], histogram)])) == """
                # HELP h What.
                # TYPE h histogram
                h_bucket{a="b",le="1"} 2
                h_bucket{a="b",le="10"} 4
                h_bucket{a="b",le="+Inf"} 5
                h_sum{a="b"} 22.2
                h_count{a="b"} 5

                """)
    }

    /// A backlog of messages that are months old: their ages once added up to more than a counter held, and the daemon died.
    @Test func noFigureEndsTheDaemon() throws {
        let metrics = DaemonMetrics()
        var figures = BatchFigures()
        figures.inputs = 200
        figures.ages = Array(repeating: 30_000_000_000_000, count: 200)
        for _ in 0..<1_000 { metrics.committed(figures) }
        let family = try #require(metrics.families.first { $0.name == "backorderd_input_commit_age_seconds" })
        #expect(text(family).contains("backorderd_input_commit_age_seconds_sum 6000000000000\n"))
        let counter = Counter()
        counter.add(.max)
        counter.add(3)
        #expect(counter.value == 2)
    }

    @Test func labelsAreEscaped() {
        let family = MetricFamily(.gauge, "g", "What.", labels: ["a"]) { [.init(["\"\\\n"], 0.5)] }
        #expect(text(family).hasSuffix("g{a=\"\\\"\\\\\\n\"} 0.5\n"))
    }

    @Test func blockedTimeIsCountedOnce() throws {
        let metrics = DaemonMetrics()
        metrics.blocked(true)
        metrics.blocked(true)
        metrics.connectionLost(.publisher)
        metrics.blocked(false)
        let family = try #require(metrics.families.first { $0.name == "backorderd_publisher_blocked_seconds_total" })
        let first = text(family)
        #expect(text(family) == first, "it stands still when nothing is blocked")
    }

    @Test func namesAreOneToOneAndWellFormed() {
        let families = DaemonMetrics().families
        #expect(Set(families.map(\.name)).count == families.count)
        for family in families {
            #expect(family.name.hasPrefix("backorderd_"))
            #expect((family.kind == .counter) == family.name.hasSuffix("_total"), "\(family.name)")
            #expect(family.help.hasSuffix("."))
        }
    }
}

@Suite struct HealthTests {
    @Test func whatFailsIsNamedAndOnlyWhatHangsKills() {
        let shared = Shared()
        let board = HealthBoard([.init("one") { shared.check }, .init("two") { .fine }])
        #expect(board.ready().status == 200)
        shared.check = HealthCheck(.warning, "hm", remedy: "look")
        board.look()
        #expect(board.ready().status == 200)
        shared.check = HealthCheck(.failed, "it is away", remedy: "bring it back")
        board.look()
        #expect(board.ready().status == 503)
        #expect(String(decoding: board.ready().body, as: UTF8.self).contains("\"failing\":[\"one\"]"))
        #expect(String(decoding: board.ready().body, as: UTF8.self).contains("bring it back"))
        #expect(board.live().status == 200)
        shared.check = HealthCheck(.hung, "silent", remedy: "restart")
        board.look()
        #expect(board.live().status == 503)
        #expect(!board.isReady)
    }

    private final class Shared: Sendable {
        private let verdict = Mutex(HealthCheck.fine)
        var check: HealthCheck {
            get { verdict.withLock { $0 } }
            set { verdict.withLock { $0 = newValue } }
        }
    }
}
