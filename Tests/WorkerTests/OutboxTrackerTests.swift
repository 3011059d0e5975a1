import BackOrderStore
import Testing

@testable import Worker

@Suite struct OutboxTrackerTests {
    private func messages(_ count: Int) -> [OutboxMessage] {
        (1...count).map {
            OutboxMessage(destination: .output, routingKey: "k", messageID: "id-\($0)", type: "t", body: [UInt8($0)])
        }
    }

    @Test func aSegmentIsSettledWhenAllOfItIs() {
        let tracker = OutboxTracker()
        let sent = tracker.open(7, messages(3))
        #expect(sent.map(\.message.messageID) == ["id-1", "id-2", "id-3"])
        _ = tracker.settle([(sent[0].handle, .confirmed), (sent[2].handle, .confirmed)], nowMilliseconds: 0)
        #expect(tracker.takeSettled().isEmpty)
        _ = tracker.settle([(sent[1].handle, .confirmed)], nowMilliseconds: 0)
        #expect(tracker.takeSettled() == [7])
        #expect(tracker.takeSettled().isEmpty)
        tracker.putBackSettled([7])
        #expect(tracker.takeSettled() == [7])
    }

    @Test func theSameSegmentIsNotOpenedTwice() {
        let tracker = OutboxTracker()
        #expect(tracker.open(7, messages(2)).count == 2)
        #expect(tracker.open(7, messages(2)).isEmpty)
        #expect(tracker.openCount == 2)
    }

    @Test func refusalsWaitLongerEachTime() {
        let tracker = OutboxTracker()
        let sent = tracker.open(1, messages(1))
        var now: Int64 = 0
        var waits: [Int64] = []
        for turn in 0..<9 {
            let loud = tracker.settle([(sent[0].handle, .returned("312"))], nowMilliseconds: now)
            #expect(loud.count == (turn == 0 ? 1 : 0), "loud once, not each time")
            let due = now
            while tracker.takeDueRetries(nowMilliseconds: now).isEmpty { now += 100 }
            waits.append(now - due)
        }
        #expect(waits == [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000])
    }

    @Test func aDeadLetterThatCannotBeSentGoesWithoutItsProperties() {
        let tracker = OutboxTracker()
        let letter = OutboxMessage(
            destination: .deadLetter, routingKey: "in", messageID: "d", type: "dead-letter", originalProperties: [1],
            body: [9])
        let sent = tracker.open(1, [letter])
        _ = tracker.settle([(sent[0].handle, .unsendable("headers over a frame"))], nowMilliseconds: 0)
        let again = tracker.takeDueRetries(nowMilliseconds: 0)
        #expect(again.map(\.message.originalProperties) == [[]])
        #expect(again.first?.message.body == [9])
        #expect(again.first?.message.headers.last?.name == "x-backorder-properties-dropped")
        _ = tracker.settle([(sent[0].handle, .confirmed)], nowMilliseconds: 0)
        #expect(tracker.takeSettled() == [1])
    }

    @Test func anUnknownOutcomeIsSentAgainAtOnceAndInOrder() {
        let tracker = OutboxTracker()
        let sent = tracker.open(1, messages(3))
        _ = tracker.settle([(sent[2].handle, .unknown), (sent[0].handle, .unknown)], nowMilliseconds: 5)
        #expect(tracker.takeDueRetries(nowMilliseconds: 5).map(\.handle) == [sent[0].handle, sent[2].handle])
        #expect(tracker.openCount == 3)
    }
}
