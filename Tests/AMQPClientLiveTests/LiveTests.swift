import AMQPClient
import Foundation
import Testing

/// Everything against a real broker, one test at a time: some stop the node.
@Suite(.serialized, .enabled(if: Broker.isThere, Broker.missing), .timeLimit(.minutes(2)))
struct LiveTests {}

extension LiveTests {
    @Suite struct Messages {
        @Test func tenThousandThereAndBack() throws {
            let queue = "live.flow"
            let log = Log()
            let options = try Broker.options("flow")
            let plan = TopologyPlan(mode: .declare, queues: [.init(name: queue)])
            let reader = try QueueReader(options: options)
            try reader.apply(plan)
            try reader.purge(queue)
            let publisher = try Publisher(
                options: options, topology: plan, observer: { log.note($0) }, settled: { log.note($0) })
            let consumer = try Consumer(
                options: options, topology: plan, queues: [queue], prefetch: 500, messageBytesMax: 1 << 20,
                observer: { log.note($0) })
            try publisher.start()
            try consumer.start()
            let messages = (UInt64(0)..<10_000).map { handle in
                message(handle, to: queue, body: withUnsafeBytes(of: handle.littleEndian) { Array($0) })
            }
            for start in stride(from: 0, to: messages.count, by: 100) {
                #expect(publisher.publish(Array(messages[start..<start + 100])))
            }
            var seen: [UInt64] = []
            while seen.count < messages.count {
                let batch = consumer.receive(max: 300, timeoutMilliseconds: 5_000)
                guard !batch.isEmpty else { break }
                for delivery in batch {
                    seen.append(delivery.body.reversed().reduce(0) { $0 << 8 | UInt64($1) })
                    #expect(delivery.queue == queue && !delivery.redelivered && delivery.routingKey == queue)
                }
                // In disorder, as a pipeline with stragglers would.
                consumer.acknowledge(batch.shuffled().map { ($0.generation, $0.tag) })
            }
            #expect(seen == Array(0..<10_000))
            #expect(publisher.flush(deadlineMilliseconds: 5_000))
            #expect(log.outcomes.count == 10_000)
            #expect(log.outcomes.values.allSatisfy { $0 == .confirmed })
            #expect(log.settledTwice == 0)
            consumer.close(deadlineMilliseconds: 5_000)
            publisher.close(deadlineMilliseconds: 5_000)
            #expect(try eventually { try reader.counts(of: queue).messages == 0 })
            #expect(log.disconnects.isEmpty)
        }

        @Test func everyHeaderKindSurvivesTheBroker() throws {
            let queue = "live.headers"
            let reader = try QueueReader(options: try Broker.options("headers"))
            try reader.apply(TopologyPlan(mode: .declare, queues: [.init(name: queue, type: .classic)]))
            try reader.purge(queue)
            let headers: [Header] = [
                Header("", .string("an empty name")), Header("b", .boolean(true)), Header("i8", .int8(-8)),
                Header("u8", .uint8(200)), Header("i16", .int16(-300)), Header("u16", .uint16(60_000)),
                Header("i32", .int32(-70_000)), Header("u32", .uint32(4_000_000_000)), Header("i64", .int64(.min)),
                Header("f", .float(1.5)), Header("d", .double(0.1)), Header("D", .decimal(scale: 2, value: 1999)),
                Header("s", .string("Grüße")), Header("raw", .invalidString([0xFF, 0])), Header("x", .bytes([0, 1])),
                Header("T", .timestamp(1_700_000_000)), Header("v", .void),
                Header("A", .array([.int32(1), .string("two"), .array([])])),
                Header("F", .table([Header("inner", .table([Header("deep", .int64(1))]))])),
            ]
            #expect(try reader.publish(message(1, to: queue, body: [], headers: headers)) == .confirmed)
            let delivery = try #require(try reader.get(from: queue))
            #expect(delivery.properties.headers == headers)
            #expect(delivery.properties.messageID == "m-1" && delivery.properties.deliveryMode == 2)
            #expect(!delivery.headersInvalid && !delivery.headersTruncated && delivery.body.isEmpty)
            try reader.acknowledge(delivery)
            #expect(try reader.get(from: queue) == nil)
        }

        @Test func unroutableAndMissingExchange() throws {
            let queue = "live.routes"
            let log = Log()
            let options = try Broker.options("routes")
            let plan = TopologyPlan(
                mode: .declare, exchanges: [.init(name: "live.ex", kind: "topic")], queues: [.init(name: queue)],
                bindings: [.init(queue: queue, exchange: "live.ex", key: "a.*")])
            let publisher = try Publisher(
                options: options, topology: plan, observer: { log.note($0) }, settled: { log.note($0) })
            try publisher.start()
            publisher.publish([
                message(1, to: "a.b", exchange: "live.ex"), message(2, to: "b.b", exchange: "live.ex"),
                message(3, to: "live.no-such-queue"), message(4, to: "a.c", exchange: "live.ex"),
                message(5, to: String(repeating: "k", count: 256)),
            ])
            #expect(publisher.flush(deadlineMilliseconds: 5_000))
            #expect(log.outcomes[1] == .confirmed && log.outcomes[4] == .confirmed)
            for handle: UInt64 in [2, 3] { #expect(log.outcomes[handle] == .returned(code: 312, text: "NO_ROUTE")) }
            guard case .invalid = log.outcomes[5] else {
                Issue.record("\(String(describing: log.outcomes[5]))")
                return
            }
            // A missing exchange closes the channel; only its own message is to blame, and the rest goes on.
            publisher.publish([message(6, to: "x", exchange: "live.no-such-exchange")])
            #expect(publisher.flush(deadlineMilliseconds: 5_000))
            guard case .returned(404, _) = log.outcomes[6] else {
                Issue.record("\(String(describing: log.outcomes[6]))")
                return
            }
            publisher.publish([message(7, to: "a.d", exchange: "live.ex")])
            #expect(publisher.flush(deadlineMilliseconds: 5_000))
            #expect(log.outcomes[7] == .confirmed)
            publisher.close(deadlineMilliseconds: 3_000)
            #expect(!publisher.publish([message(8, to: queue)]))
            let reader = try QueueReader(options: options)
            try reader.purge(queue)
        }

        @Test func aFullQueueNacks() throws {
            let queue = "live.full"
            let log = Log()
            let options = try Broker.options("full")
            let plan = TopologyPlan(
                mode: .declare,
                queues: [
                    .init(
                        name: queue, type: .classic,
                        arguments: [Header("x-max-length", .int32(3)), Header("x-overflow", .string("reject-publish"))])
                ])
            let reader = try QueueReader(options: options)
            try reader.apply(plan)
            try reader.purge(queue)
            let publisher = try Publisher(
                options: options, topology: plan, observer: { log.note($0) }, settled: { log.note($0) })
            try publisher.start()
            publisher.publish((UInt64(1)...50).map { message($0, to: queue) })
            #expect(publisher.flush(deadlineMilliseconds: 5_000))
            #expect(log.outcomes.values.count { $0 == .confirmed } >= 3)
            #expect(log.outcomes.values.count { $0 == .nacked } > 0)
            #expect(log.outcomes.values.allSatisfy { $0 == .confirmed || $0 == .nacked })
            #expect(try reader.counts(of: queue).messages == log.outcomes.values.count { $0 == .confirmed })
            publisher.close(deadlineMilliseconds: 3_000)
            try reader.purge(queue)
        }

        @Test func anOversizedBodyGoesToTheDeadLettersAndNotIntoMemory() throws {
            let queue = "live.big"
            let log = Log()
            let options = try Broker.options("big")
            let plan = TopologyPlan(
                mode: .declare,
                queues: [
                    .init(name: "live.big.dead", type: .classic),
                    .init(
                        name: queue, type: .classic,
                        arguments: [
                            Header("x-dead-letter-exchange", .string("")),
                            Header("x-dead-letter-routing-key", .string("live.big.dead")),
                        ]),
                ])
            let reader = try QueueReader(options: options)
            try reader.apply(plan)
            try reader.purge(queue)
            try reader.purge("live.big.dead")
            let big = [UInt8](repeating: 7, count: 2 << 20)
            for handle in UInt64(1)...40 {
                #expect(try reader.publish(message(handle, to: queue, body: big)) == .confirmed)
            }
            #expect(try reader.publish(message(41, to: queue)) == .confirmed)
            let before = residentBytes()
            let consumer = try Consumer(
                options: options, topology: plan, queues: [queue], prefetch: 100, messageBytesMax: 1 << 20,
                observer: { log.note($0) })
            try consumer.start()
            #expect(consumer.take(1).map(\.properties.messageID) == ["m-41"])
            let rejected = log.events.compactMap { event -> String? in
                guard case .oversized(queue, 2_097_152, let id) = event else { return nil }
                return id
            }
            #expect(rejected == (1...40).map { "m-\($0)" })
            // 80 MiB have gone through; none may have stayed.
            #expect(residentBytes() - before < 20 << 20)
            #expect(try eventually { try reader.counts(of: "live.big.dead").messages == 40 })
            consumer.close(deadlineMilliseconds: 3_000)
            try reader.purge("live.big.dead")
        }

        /// Bodies around the frame size, where the library marks the last piece as "more to come".
        @Test func bodiesAroundTheFrameSize() throws {
            let queue = "live.frames"
            let options = try Broker.options("frames")
            let reader = try QueueReader(options: options)
            try reader.apply(TopologyPlan(mode: .declare, queues: [.init(name: queue, type: .classic)]))
            try reader.purge(queue)
            for (index, size) in [0, 1, 131_063, 131_064, 131_065, 262_128, 1_000_000].enumerated() {
                let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                #expect(try reader.publish(message(UInt64(index), to: queue, body: body)) == .confirmed)
                let delivery = try #require(try reader.get(from: queue))
                #expect(delivery.body == body)
                try reader.acknowledge(delivery)
            }
        }

        private func residentBytes() -> Int {
            let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
            let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
            return pages * 4_096
        }
    }
}
