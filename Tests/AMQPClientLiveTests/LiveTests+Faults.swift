import AMQPClient
import Foundation
import Testing

extension LiveTests {
    @Suite struct Faults {
        /// A queue, its plan, a reader on it, and it is empty.
        private func prepare(
            _ queue: String, _ name: String, type: TopologyPlan.QueueType = .quorum
        ) throws -> (ConnectionOptions, TopologyPlan, QueueReader) {
            let options = try Broker.options(name)
            let plan = TopologyPlan(mode: .declare, queues: [.init(name: queue, type: type)])
            let reader = try QueueReader(options: options)
            try reader.apply(plan)
            try reader.purge(queue)
            return (options, plan, reader)
        }

        private func consumer(
            _ options: ConnectionOptions, _ plan: TopologyPlan, _ queue: String, prefetch: UInt16 = 100, _ log: Log
        ) throws -> Consumer {
            try Consumer(
                options: options, topology: plan, queues: [queue], prefetch: prefetch, messageBytesMax: 1 << 20,
                observer: { log.note($0) })
        }

        /// 25,000 levels fit one frame; librabbitmq 0.11 decodes them by recursion and dies on a usual thread's stack.
        @Test func deeplyNestedHeadersDoNotKill() throws {
            let queue = "live.nested"
            let log = Log()
            let (options, plan, reader) = try prepare(queue, "nested", type: .classic)
            let table = RawPublisher.nestedArrays(levels: 25_000)
            try RawPublisher.publish(Broker.address(), queue: queue, headerTable: table, body: [4, 2])
            #expect(try reader.publish(message(2, to: queue)) == .confirmed)
            let consumer = try consumer(options, plan, queue, log)
            try consumer.start()
            let deliveries = consumer.take(2)
            #expect(deliveries.map(\.body) == [[4, 2], [1, 2, 3]])
            #expect(deliveries.first?.headersInvalid == true && deliveries.first?.headersTruncated == true)
            #expect(deliveries.first?.properties.messageID == "raw")
            #expect(deliveries.last?.headersInvalid == false)
            consumer.close(deadlineMilliseconds: 3_000)
            #expect(log.disconnects.isEmpty)
        }

        @Test func queueDeletedUnderTheConsumer() throws {
            let queue = "live.deleted"
            let log = Log()
            let (options, plan, reader) = try prepare(queue, "deleted")
            let consumer = try consumer(options, plan, queue, log)
            try consumer.start()
            #expect(eventually { consumer.isConsuming })
            try reader.delete(queue: queue)
            #expect(eventually { log.consumingCount == 2 })
            #expect(log.has { if case .consumerCancelledByBroker(queue) = $0 { true } else { false } })
            #expect(try reader.publish(message(1, to: queue)) == .confirmed)
            #expect(consumer.take(1).count == 1)
            consumer.close(deadlineMilliseconds: 3_000)
            #expect(log.disconnects.isEmpty)
        }

        @Test func pauseCancelAndGiveBack() throws {
            let queue = "live.pause"
            let log = Log()
            let (options, plan, reader) = try prepare(queue, "pause")
            let consumer = try consumer(options, plan, queue, prefetch: 10, log)
            try consumer.start()
            #expect(eventually { consumer.isConsuming })
            consumer.pause()
            for handle in UInt64(1)...20 { #expect(try reader.publish(message(handle, to: queue)) == .confirmed) }
            #expect(consumer.receive(max: 10, timeoutMilliseconds: 0).isEmpty)
            consumer.resume()
            let held = consumer.take(4, acknowledging: false)
            #expect(held.count == 4)
            consumer.cancelConsuming()
            #expect(eventually { !consumer.isConsuming })
            #expect(consumer.receive(max: 10, timeoutMilliseconds: 50).isEmpty)
            // What was handed over before can still be acknowledged; a foreign generation cannot.
            consumer.acknowledge(held.map { ($0.generation, $0.tag) })
            consumer.acknowledge([(generation: 99, tag: 1)])
            #expect(eventually { log.has { if case .staleAcks(1) = $0 { true } else { false } } })
            consumer.close(deadlineMilliseconds: 3_000)
            #expect(try eventually { try reader.counts(of: queue).messages == 16 })
            try reader.purge(queue)
        }

        @Test func wrongPasswordAndVirtualHostAreSaid() throws {
            for (user, password, vhost, text) in [
                ("guest", "wrong-secret", "/", "403"), ("guest", "guest", "nowhere", "530"),
            ] {
                let log = Log()
                var options = try Broker.options("refused")
                options.addresses[0].user = user
                options.addresses[0].password = password
                options.addresses[0].virtualHost = vhost
                let consumer = try consumer(options, .none, "q", log)
                try consumer.start()
                #expect(eventually { log.disconnects.count >= 2 })
                for error in log.disconnects {
                    #expect(error.code == .refused && error.message.contains(text) && !error.isRetriable)
                    #expect(!error.message.contains("wrong-secret"))
                }
                #expect(log.has { if case .fatal = $0 { true } else { false } })
                consumer.close(deadlineMilliseconds: 3_000)
                #expect { try Probe.check(options: options, topology: .none) } throws: {
                    ($0 as? AMQPError)?.code == .refused
                }
            }
        }

        @Test func topologyMismatchIsFatalAndMissingIsNot() throws {
            let queue = "live.mismatch"
            let (options, _, reader) = try prepare(queue, "mismatch", type: .classic)
            let log = Log()
            let other = TopologyPlan(mode: .declare, queues: [.init(name: queue, type: .quorum)])
            let consumer = try consumer(options, other, queue, log)
            try consumer.start()
            #expect(
                eventually {
                    log.has {
                        guard case .fatal(let error) = $0 else { return false }
                        return error.code == .topologyMismatch && error.message.contains(queue)
                            && error.message.contains("x-queue-type")
                    }
                })
            consumer.close(deadlineMilliseconds: 3_000)
            let missing = TopologyPlan(
                mode: .verify, exchanges: [.init(name: "live.nothing")],
                queues: [.init(name: "live.nowhere"), .init(name: queue)])
            let result = try Probe.check(options: options, topology: missing)
            #expect(result.problems.map(\.code) == [.notFound, .notFound, .topologyMismatch])
            #expect(
                result.problems.last?.mismatch
                    == TopologyMismatch(
                        kind: .queue, name: queue, argument: "x-queue-type", ours: "quorum", theirs: nil))
            #expect(result.server.product == "RabbitMQ")
            #expect(throws: AMQPError.self) { try reader.counts(of: "live.nowhere") }
            #expect(try reader.counts(of: queue).messages == 0)
        }

        @Test func aHalfOpenLinkIsNoticed() throws {
            let queue = "live.halfopen"
            let (_, plan, reader) = try prepare(queue, "half-open")
            let proxy = try FreezingProxy(to: Broker.address())
            defer { proxy.end() }
            var options = try Broker.options("half-open", heartbeat: 1)
            options.addresses = [AMQPAddress(host: "127.0.0.1", port: proxy.port)]
            let log = Log()
            let sent = Log()
            let consumer = try consumer(options, plan, queue, log)
            let publisher = try Publisher(
                options: options, topology: plan, observer: { sent.note($0) }, settled: { sent.note($0) })
            try consumer.start()
            try publisher.start()
            #expect(eventually { consumer.isConsuming && publisher.isConnected })
            #expect(try reader.publish(message(1, to: queue)) == .confirmed)
            let first = consumer.take(1, acknowledging: false)
            #expect(first.count == 1)
            proxy.freeze()
            // More than the socket buffers take: the send must neither hang nor be lost sight of.
            let big = [UInt8](repeating: 1, count: 1 << 20)
            publisher.publish((UInt64(10)..<40).map { message($0, to: queue, body: big) })
            #expect(eventually { log.disconnects.count >= 1 && sent.disconnects.count >= 1 })
            proxy.thaw()
            #expect(eventually { consumer.isConsuming && publisher.isConnected })
            let again = consumer.take(1)
            #expect(again.first?.redelivered == true && again.first?.generation != first.first?.generation)
            consumer.acknowledge(first.map { ($0.generation, $0.tag) })
            #expect(eventually { log.has { if case .staleAcks = $0 { true } else { false } } })
            #expect(publisher.flush(deadlineMilliseconds: 10_000))
            #expect(sent.outcomes.count == 30 && sent.settledTwice == 0)
            #expect(sent.outcomes.values.allSatisfy { $0 == .confirmed || $0 == .unknown })
            consumer.close(deadlineMilliseconds: 3_000)
            publisher.close(deadlineMilliseconds: 3_000)
            try reader.purge(queue)
        }
    }
}
