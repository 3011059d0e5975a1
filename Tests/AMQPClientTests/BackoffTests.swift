import Testing

@testable import AMQPClient

@Suite struct BackoffTests {
    @Test func growsToItsMaximumAndStaysWithin() {
        var backoff = Backoff(minimumMilliseconds: 500, maximumMilliseconds: 30_000)
        var random = SplitMix(state: 7)
        var ceilings: [Int] = []
        for _ in 0..<100 {
            ceilings.append(backoff.ceiling)
            let wait = backoff.next(using: &random)
            #expect(wait >= 50 && wait <= ceilings[ceilings.count - 1])
        }
        #expect(ceilings.prefix(8) == [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
        backoff.reset()
        #expect(backoff.ceiling == 500)
    }

    @Test func slowWaitsAreLongButBounded() {
        var backoff = Backoff(minimumMilliseconds: 500, maximumMilliseconds: 30_000)
        var random = SplitMix(state: 7)
        for _ in 0..<50 {
            let wait = backoff.nextSlow(using: &random)
            #expect(wait >= 500 && wait <= 30_000)
        }
    }

    @Test func oddLimitsDoNotTrap() {
        var backoff = Backoff(minimumMilliseconds: 0, maximumMilliseconds: -1)
        var random = SplitMix(state: 1)
        #expect(backoff.next(using: &random) <= 1)
    }
}

@Suite struct ErrorTests {
    @Test(arguments: [
        (403, "ACCESS_REFUSED - Login was refused", false, AMQPError.Code.refused, false),
        (530, "NOT_ALLOWED - vhost x not found", false, .refused, false),
        (406, "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q'", true, .topologyMismatch, false),
        (406, "PRECONDITION_FAILED - unknown delivery tag 7", true, .closed, true),
        (404, "NOT_FOUND - no queue 'q'", true, .notFound, true),
        (403, "ACCESS_REFUSED - access to queue 'q'", true, .accessRefused, false),
        (320, "CONNECTION_FORCED", false, .closed, true),
    ])
    func repliesAreClassified(code: Int, text: String, channel: Bool, expected: AMQPError.Code, retriable: Bool) {
        let error = AMQPError.closedByBroker(code: code, text: text, channel: channel, doing: "testing")
        #expect(error.code == expected)
        #expect(error.isRetriable == retriable)
        #expect(error.endsConnection == !channel)
        #expect(error.message.contains(text))
    }
}
