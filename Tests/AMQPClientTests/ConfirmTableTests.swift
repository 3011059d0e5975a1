import Testing

@testable import AMQPClient

@Suite struct ConfirmTableTests {
    private func message(_ handle: UInt64, exchange: String = "", body: Int = 1) -> OutgoingMessage {
        var properties = MessageProperties()
        properties.messageID = "id-\(handle)"
        return OutgoingMessage(
            handle: handle, exchange: exchange, routingKey: "q", properties: properties,
            body: [UInt8](repeating: 0, count: body))
    }

    private func table(sent count: UInt64) -> ConfirmTable {
        var table = ConfirmTable()
        for handle in 1...count { #expect(table.sent(message(handle * 100), at: 0) == handle) }
        return table
    }

    @Test func multipleSettlesAllBefore() {
        var table = table(sent: 5)
        var settled: [ConfirmTable.Settled] = []
        let known = table.confirmed(3, multiple: true, nack: false, settled: &settled)
        #expect(known)
        #expect(settled.map(\.handle) == [100, 200, 300])
        #expect(settled.allSatisfy { $0.outcome == .confirmed })
        #expect(table.outstanding == 2)
    }

    /// Measured on 3.10.8 with an overflowing queue: nacks for 4–8 came before ack 3 with multiple.
    @Test func nacksBeforeAMultipleAckKeepTheirOutcome() {
        var table = table(sent: 8)
        var settled: [ConfirmTable.Settled] = []
        for sequence in UInt64(4)...8 { table.confirmed(sequence, multiple: false, nack: true, settled: &settled) }
        table.confirmed(3, multiple: true, nack: false, settled: &settled)
        #expect(settled.filter { $0.outcome == .nacked }.map(\.handle) == [400, 500, 600, 700, 800])
        #expect(settled.filter { $0.outcome == .confirmed }.map(\.handle) == [100, 200, 300])
        #expect(table.outstanding == 0)
    }

    @Test func eachIsSettledOnce() {
        var table = table(sent: 4)
        var settled: [ConfirmTable.Settled] = []
        table.confirmed(2, multiple: false, nack: false, settled: &settled)
        table.confirmed(2, multiple: false, nack: true, settled: &settled)
        table.confirmed(4, multiple: true, nack: false, settled: &settled)
        table.confirmed(4, multiple: true, nack: false, settled: &settled)
        #expect(settled.map(\.handle) == [200, 100, 300, 400])
    }

    @Test func zeroWithMultipleMeansAll() {
        var table = table(sent: 3)
        var settled: [ConfirmTable.Settled] = []
        table.confirmed(0, multiple: true, nack: false, settled: &settled)
        #expect(settled.count == 3)
    }

    @Test func aNumberNeverSentIsRefused() {
        var table = table(sent: 3)
        var settled: [ConfirmTable.Settled] = []
        let known = table.confirmed(4, multiple: false, nack: false, settled: &settled)
        #expect(!known)
        #expect(settled.isEmpty)
    }

    @Test func aReturnTurnsTheFollowingAckIntoReturned() {
        var table = table(sent: 3)
        var settled: [ConfirmTable.Settled] = []
        let matched = table.returned(messageID: "id-200", code: 312, text: "NO_ROUTE")
        #expect(matched)
        let again = table.returned(messageID: "id-200", code: 312, text: "NO_ROUTE")
        #expect(!again)
        table.confirmed(3, multiple: true, nack: false, settled: &settled)
        #expect(settled.map(\.outcome) == [.confirmed, .returned(code: 312, text: "NO_ROUTE"), .confirmed])
    }

    @Test func aReturnWithoutMatchIsIgnored() {
        var table = table(sent: 1)
        let unknown = table.returned(messageID: "other", code: 312, text: "")
        let without = table.returned(messageID: nil, code: 312, text: "")
        #expect(!unknown && !without)
    }

    /// A dead letter keeps its properties, and many have no id.
    @Test func aMessageWithoutIDIsMatchedByAReturnWithoutOne() {
        var table = ConfirmTable()
        for handle in [UInt64(1), 2] {
            let message = OutgoingMessage(
                handle: handle, exchange: "x", routingKey: "k", properties: MessageProperties(), body: [])
            #expect(MessageRules.problem(of: message, frameMax: 4096, bodyBytesMax: 10) == nil)
            table.sent(message, at: 0)
        }
        let matched = table.returned(messageID: nil, code: 312, text: "NO_ROUTE")
        var settled: [ConfirmTable.Settled] = []
        table.confirmed(2, multiple: true, nack: false, settled: &settled)
        #expect(matched)
        #expect(settled.map(\.outcome) == [.returned(code: 312, text: "NO_ROUTE"), .confirmed])
    }

    @Test func lossLeavesTheRestUnknownAndKeepsReturns() {
        var table = table(sent: 4)
        var settled: [ConfirmTable.Settled] = []
        table.confirmed(2, multiple: false, nack: false, settled: &settled)
        table.returned(messageID: "id-300", code: 312, text: "NO_ROUTE")
        settled = []
        table.lost(error: .network("gone"), settled: &settled)
        #expect(
            settled == [
                .init(handle: 100, outcome: .unknown),
                .init(handle: 300, outcome: .returned(code: 312, text: "NO_ROUTE")),
                .init(handle: 400, outcome: .unknown),
            ])
        #expect(table.outstanding == 0)
        let sequence = table.sent(message(1), at: 0)
        #expect(sequence == 1)
    }

    /// Measured: a publish to a missing exchange closes the channel without a word on the good ones before it.
    @Test func theMessageThatClosedTheChannelIsNamed() {
        var table = ConfirmTable()
        table.sent(message(1, exchange: "good"), at: 0)
        table.sent(message(2, exchange: "missing"), at: 0)
        table.sent(message(3, exchange: "good"), at: 0)
        var settled: [ConfirmTable.Settled] = []
        let error = AMQPError.closedByBroker(
            code: 404, text: "NOT_FOUND - no exchange 'missing' in vhost '/'", channel: true, doing: "working")
        table.lost(error: error, settled: &settled)
        #expect(settled.map(\.handle) == [1, 2, 3])
        #expect(settled[0].outcome == .unknown)
        guard case .returned(404, _) = settled[1].outcome else {
            Issue.record("\(settled[1])")
            return
        }
        #expect(settled[2].outcome == .unknown)
    }

    @Test func clocksOfTheOldest() {
        var table = ConfirmTable()
        #expect(table.oldestSentAt == nil)
        table.sent(message(1), at: 5)
        table.sent(message(2), at: 7)
        var settled: [ConfirmTable.Settled] = []
        table.confirmed(1, multiple: false, nack: false, settled: &settled)
        #expect(table.oldestSentAt == 7)
        table.restartClocks(at: 50)
        #expect(table.oldestSentAt == 50)
    }

    @Test(arguments: 1...30) func anyOrderSettlesEachOnce(seed: UInt64) {
        var random = SplitMix(state: seed)
        var table = ConfirmTable()
        var next: UInt64 = 0
        var seen: [UInt64: Int] = [:]
        for _ in 0..<500 {
            for _ in 0..<Int.random(in: 0...20, using: &random) {
                next += 1
                table.sent(message(next), at: 0)
            }
            guard next > 0 else { continue }
            var settled: [ConfirmTable.Settled] = []
            let low = next > 60 ? next - 60 : 1
            table.confirmed(
                UInt64.random(in: low...next, using: &random), multiple: Int.random(in: 0..<8, using: &random) == 0,
                nack: Bool.random(using: &random), settled: &settled)
            for item in settled { seen[item.handle, default: 0] += 1 }
            #expect(seen.count + table.outstanding == Int(next))
        }
        var settled: [ConfirmTable.Settled] = []
        table.lost(error: nil, settled: &settled)
        for item in settled { seen[item.handle, default: 0] += 1 }
        #expect(seen.count == Int(next))
        #expect(seen.values.allSatisfy { $0 == 1 })
    }
}
