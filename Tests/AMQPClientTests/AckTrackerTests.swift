import Testing

@testable import AMQPClient

@Suite struct AckTrackerTests {
    /// `#expect` cannot call what is mutating.
    private func expect(_ condition: Bool, location: SourceLocation = #_sourceLocation) {
        #expect(condition, sourceLocation: location)
    }

    private func tracker(delivered count: UInt64) -> AckTracker {
        var tracker = AckTracker()
        for tag in 1...count { tracker.delivered(tag) }
        return tracker
    }

    @Test func inOrderBecomesOneMultiple() {
        var tracker = tracker(delivered: 10)
        for tag in UInt64(1)...7 { expect(tracker.finish(tag)) }
        #expect(tracker.takeAcks() == [.init(tag: 7, multiple: true)])
        #expect(tracker.takeAcks() == [])
        #expect(tracker.openCount == 3)
    }

    @Test func aSingleOneIsNotMultiple() {
        var tracker = tracker(delivered: 2)
        tracker.finish(1)
        #expect(tracker.takeAcks() == [.init(tag: 1, multiple: false)])
    }

    @Test func beyondAGapSinglesAreSent() {
        var tracker = tracker(delivered: 6)
        for tag: UInt64 in [6, 4, 1, 2] { tracker.finish(tag) }
        #expect(
            tracker.takeAcks() == [
                .init(tag: 2, multiple: true), .init(tag: 6, multiple: false), .init(tag: 4, multiple: false),
            ])
    }

    /// A multiple up to a tag that the broker no longer knows is answered with 406.
    @Test func multipleEndsAtATagThatIsStillOpenAtTheBroker() {
        var tracker = tracker(delivered: 5)
        tracker.finish(3)
        #expect(tracker.takeAcks() == [.init(tag: 3, multiple: false)])
        tracker.finish(1)
        tracker.finish(2)
        #expect(tracker.takeAcks() == [.init(tag: 2, multiple: true)])
        tracker.finish(4)
        #expect(tracker.takeAcks() == [.init(tag: 4, multiple: false)])
    }

    @Test func finishedTwiceAndUnknownAreRefused() {
        var tracker = tracker(delivered: 3)
        expect(tracker.finish(2))
        expect(!tracker.finish(2))
        expect(!tracker.finish(4))
        expect(!tracker.finish(0))
        _ = tracker.takeAcks()
        expect(!tracker.finish(2))
        tracker.finish(1)
        _ = tracker.takeAcks()
        expect(!tracker.finish(1))
    }

    @Test func rejectedOnesNeedNoAck() {
        var tracker = tracker(delivered: 3)
        tracker.rejected(2)
        tracker.finish(1)
        tracker.finish(3)
        #expect(tracker.takeAcks() == [.init(tag: 3, multiple: true)])
        #expect(tracker.openCount == 0)
    }

    /// Against the broker's own rule, in random order: every tag is acknowledged exactly once, and no multiple names a
    /// tag that is closed already or covers one that is not finished.
    @Test(arguments: 1...50) func anyOrderAcknowledgesEachOnce(seed: UInt64) {
        var random = SplitMix(state: seed)
        var tracker = AckTracker()
        var open = Set<UInt64>()
        var finished = Set<UInt64>()
        var working: [UInt64] = []
        var next: UInt64 = 1
        for _ in 0..<400 {
            for _ in 0..<Int.random(in: 0...20, using: &random) {
                tracker.delivered(next)
                open.insert(next)
                working.append(next)
                next += 1
            }
            working.shuffle(using: &random)
            for _ in 0..<Int.random(in: 0...min(20, working.count), using: &random) {
                let tag = working.removeLast()
                finished.insert(tag)
                expect(tracker.finish(tag))
            }
            for ack in tracker.takeAcks() {
                #expect(open.contains(ack.tag))
                for tag in ack.multiple ? open.filter({ $0 <= ack.tag }) : [ack.tag] {
                    #expect(finished.contains(tag))
                    open.remove(tag)
                }
            }
            #expect(open == Set(working))
        }
    }
}

/// A small seeded generator.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
