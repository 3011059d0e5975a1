import BackOrderStore
import InventoryCore
import MessageSchema
import Testing
import Worker

@Suite struct BatchProcessorTests {
    let store = MemoryStore()

    private func processor(keepsOutbox: Bool = true) -> BatchProcessor {
        BatchProcessor(
            store: store, rules: Rulebook(), clock: .system { Instant(microseconds: 1_000_000) },
            keepsOutbox: keepsOutbox)
    }

    private func delivery(_ body: String) -> DecodedDelivery {
        let bytes = Array(body.utf8)
        return DecodedDelivery(
            reading: Decoder().read(bytes, envelope: Envelope(), arrival: Instant(microseconds: 0), options: .init()),
            queue: "in", body: bytes, properties: { [1, 2, 3] })
    }

    @Test func sameMessageAgainIsADuplicate() throws {
        let processor = processor()
        let first = try processor.process([
            delivery(Sample.receipt("R1", "A", 5)), delivery(Sample.order("O1", "A", 3)),
            delivery(Sample.order("O1", "A", 3)),
        ])
        #expect(first.outcomes == [.applied, .applied, .duplicate])
        #expect(first.messages.map(\.routingKey) == ["customer-notification.order-confirmed", "fulfilment-requested"])
        let second = try processor.process([
            delivery(Sample.receipt("R1", "A", 5)), delivery(Sample.order("O1", "A", 3, message: "another-id")),
            delivery(Sample.order("O1", "A", 3, message: "another-id")),
        ])
        #expect(second.outcomes == [.duplicate, .duplicate, .duplicate])
        #expect(second.messages.isEmpty)
        #expect(second.segment == nil)
    }

    @Test func notesStandBeforeTheOutputsOfWhatHadAnEffect() throws {
        let processor = BatchProcessor(
            store: store, rules: Rulebook(), clock: .system { Instant(microseconds: 1_000_000) }, keepsOutbox: true,
            notes: { input, outputs in
                OutboxMessage(
                    destination: .note, routingKey: "note", messageID: input?.id ?? "", type: "\(outputs.count)",
                    body: [])
            })
        let result = try processor.process([
            delivery(Sample.receipt("R1", "A", 5)), delivery(Sample.order("O1", "A", 3)),
            delivery(Sample.order("O1", "A", 3)), delivery(Sample.order("O1", "A", 4, message: "other")),
        ])
        #expect(result.messages.map(\.destination) == [.note, .note, .output, .output, .deadLetter])
        #expect(result.messages.prefix(2).map(\.type) == ["0", "2"])
        // They are in the outbox as the outputs are, and come back from it.
        let segments = try store.write { try $0.outbox(after: nil, limit: 1) }
        #expect(segments.first?.messages == result.messages)
        #expect(try OutboxCoding.decode(OutboxCoding.encode(result.messages)) == result.messages)
    }

    @Test func sameFactWithOtherContentIsAConflict() throws {
        let processor = processor()
        _ = try processor.process([delivery(Sample.order("O1", "A", 3))])
        let result = try processor.process([delivery(Sample.order("O1", "A", 4, message: "other"))])
        guard case .deadLettered(let rejection) = result.outcomes[0] else {
            Issue.record("not dead-lettered: \(result.outcomes)")
            return
        }
        #expect(rejection.reason == .conflict)
        let letter = try #require(result.messages.first)
        #expect(letter.destination == .deadLetter)
        #expect(letter.originalProperties == [1, 2, 3])
        #expect(letter.body == Array(Sample.order("O1", "A", 4, message: "other").utf8))
        #expect(letter.headers.first { $0.name == "x-backorder-reason" }?.value == "conflict")
        #expect(letter.headers.first { $0.name == "x-backorder-queue" }?.value == "in")
        // And what conflicts has changed nothing.
        let order = try store.read { try $0.order("O1") }
        #expect(order?.lines[0].ordered == 3)
    }

    @Test func aBrokenMessageSparesItsNeighbours() throws {
        let result = try processor().process([
            delivery(Sample.receipt("R1", "A", 5)), delivery("{\"type\":"), delivery(Sample.order("O1", "A", 3)),
        ])
        #expect(result.outcomes.map { if case .deadLettered = $0 { false } else { true } } == [true, false, true])
        #expect(result.messages.count == 3)
        #expect(result.messages[0].destination == .deadLetter)
    }

    @Test func oneBatchIsWorthManySmallOnes() throws {
        var bodies = [Sample.receipt("R0", "A", 10)]
        for number in 1...30 { bodies.append(Sample.order("O\(number)", number % 3 == 0 ? "B" : "A", number % 4 + 1)) }
        for number in 1...10 { bodies.append(Sample.receipt("R\(number)", number % 2 == 0 ? "B" : "A", 4)) }
        for number in 1...5 {
            bodies.append(Sample.shipment("S\(number)", "O\(number)", number % 3 == 0 ? "B" : "A", 1))
        }
        func run(_ size: Int) throws -> [[UInt8]] {
            let processor = BatchProcessor(
                store: MemoryStore(), rules: Rulebook(), clock: .messageTime, keepsOutbox: false)
            var told: [[UInt8]] = []
            for start in stride(from: 0, to: bodies.count, by: size) {
                let batch = bodies[start..<min(start + size, bodies.count)].map(delivery)
                told += try processor.process(batch).messages.map(\.body)
            }
            return told
        }
        let single = try run(1)
        #expect(single.count > 40)
        for size in [2, 7, 200] { #expect(try run(size) == single) }
    }

    @Test func parkedAndExpired() throws {
        let processor = BatchProcessor(store: store, rules: Rulebook(), clock: .messageTime, keepsOutbox: false)
        let parked = try processor.process([delivery(Sample.shipment("S1", "O9", "A", 1))])
        #expect(parked.outcomes == [.parked])
        let later = Sample.order("O1", "A", 1).split(separator: "2026-11-23").joined(separator: "2026-11-25")
        let result = try processor.process([delivery(later)])
        #expect(result.rejectedParked.map(\.rejection.reason) == [.expired])
        #expect(result.messages.first?.destination == .deadLetter)
        #expect(result.messages.first?.body == Array(Sample.shipment("S1", "O9", "A", 1).utf8))
    }

    @Test func aFailedTransactionLeavesNothing() throws {
        let failing = FailingStore(store, failures: 1)
        let processor = BatchProcessor(
            store: failing, rules: Rulebook(), clock: .system { Instant(microseconds: 1) }, keepsOutbox: true)
        let batch = [delivery(Sample.receipt("R1", "A", 5)), delivery(Sample.order("O1", "A", 3))]
        #expect(throws: StoreError.self) { try processor.process(batch) }
        #expect(try store.read { try $0.stock(sku: nil, after: nil, limit: 10) }.isEmpty)
        let result = try processor.process(batch)
        #expect(result.outcomes == [.applied, .applied])
    }
}
