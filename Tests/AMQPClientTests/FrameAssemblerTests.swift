import Testing

@testable import AMQPClient

@Suite struct FrameAssemblerTests {
    private let deliver = FrameAssembler.Content.deliver(
        consumerTag: "c", tag: 1, redelivered: false, exchange: "e", routingKey: "k")
    private let returned = FrameAssembler.Content.returned(code: 312, text: "NO_ROUTE", exchange: "", routingKey: "k")

    private func bytes(_ values: [UInt8]) -> [UInt8] { values }

    private func properties(_ id: String) -> DecodedProperties {
        var decoded = DecodedProperties()
        decoded.properties.messageID = id
        return decoded
    }

    @Test func putsPiecesTogether() throws {
        var assembler = FrameAssembler(bodyBytesMax: 100)
        try assembler.method(deliver)
        let event1 = try assembler.header(properties("m"), bodySize: 6)
        #expect(event1 == nil)
        let event2 = try assembler.body(bytes([1, 2, 3]).span.bytes)
        #expect(event2 == nil)
        #expect(assembler.isBusy)
        let event = try assembler.body(bytes([4, 5, 6]).span.bytes)
        #expect(event == .message(deliver, properties("m"), body: [1, 2, 3, 4, 5, 6]))
        #expect(!assembler.isBusy)
    }

    @Test func anEmptyBodyHasNoBodyFrame() throws {
        var assembler = FrameAssembler(bodyBytesMax: 100)
        try assembler.method(deliver)
        let event3 = try assembler.header(properties("m"), bodySize: 0)
        #expect(event3 == .message(deliver, properties("m"), body: []))
        try assembler.method(deliver)
        #expect(assembler.isBusy)
    }

    @Test func aBodyOverTheLimitIsSkimmed() throws {
        var assembler = FrameAssembler(bodyBytesMax: 5)
        try assembler.method(deliver)
        let event4 = try assembler.header(properties("big"), bodySize: 6)
        #expect(event4 == nil)
        let event5 = try assembler.body(bytes([1, 2, 3]).span.bytes)
        #expect(event5 == nil)
        let event6 = try assembler.body(bytes([4, 5, 6]).span.bytes)
        #expect(event6 == .skimmed(deliver, properties("big"), bodyBytes: 6))
        try assembler.method(deliver)
        let event7 = try assembler.header(properties("ok"), bodySize: 5)
        #expect(event7 == nil)
        let event8 = try assembler.body(bytes([1, 2, 3, 4, 5]).span.bytes)
        #expect(event8 == .message(deliver, properties("ok"), body: [1, 2, 3, 4, 5]))
    }

    /// The announced size is the broker's word; nothing is reserved for it over the limit.
    @Test func anAbsurdSizeCostsNothing() throws {
        var assembler = FrameAssembler(bodyBytesMax: 1_000)
        try assembler.method(deliver)
        let event9 = try assembler.header(properties("m"), bodySize: .max)
        #expect(event9 == nil)
        let event10 = try assembler.body(bytes([1]).span.bytes)
        #expect(event10 == nil)
    }

    @Test func ofAReturnOnlyTheIDIsKept() throws {
        var assembler = FrameAssembler(bodyBytesMax: 100)
        try assembler.method(returned)
        let event11 = try assembler.header(properties("m"), bodySize: 3)
        #expect(event11 == nil)
        let event12 = try assembler.body(bytes([1, 2, 3]).span.bytes)
        #expect(event12 == .skimmed(returned, properties("m"), bodyBytes: 3))
    }

    @Test func violationsAreThrown() throws {
        var assembler = FrameAssembler(bodyBytesMax: 100)
        #expect(throws: FrameAssembler.Violation.headerWithoutMethod) {
            try assembler.header(DecodedProperties(), bodySize: 1)
        }
        #expect(throws: FrameAssembler.Violation.bodyWithoutHeader) { try assembler.body(bytes([1]).span.bytes) }
        try assembler.method(deliver)
        #expect(throws: FrameAssembler.Violation.contentWithinContent) { try assembler.method(deliver) }
        #expect(throws: FrameAssembler.Violation.bodyWithoutHeader) { try assembler.body(bytes([1]).span.bytes) }
        let event13 = try assembler.header(DecodedProperties(), bodySize: 1)
        #expect(event13 == nil)
        #expect(throws: FrameAssembler.Violation.bodyTooLong) { try assembler.body(bytes([1, 2]).span.bytes) }
    }
}
