import AMQPClient
import Foundation
import Testing

extension LiveTests {
    /// What needs command of the node itself.
    @Suite(.enabled(if: Broker.isOurs, Broker.missingControl)) struct Node {
        @Test func connectionsClosedByTheOperatorAndNodeRestart() throws {
            let queue = "live.restart"
            let log = Log()
            let sent = Log()
            let options = try Broker.options("restart")
            let plan = TopologyPlan(mode: .declare, queues: [.init(name: queue)])
            do {
                let reader = try QueueReader(options: options)
                try reader.apply(plan)
                try reader.purge(queue)
                reader.close()
            }
            let consumer = try Consumer(
                options: options, topology: plan, queues: [queue], prefetch: 50, messageBytesMax: 1 << 20,
                observer: { log.note($0) })
            let publisher = try Publisher(
                options: options, topology: plan, observer: { sent.note($0) }, settled: { sent.note($0) })
            try consumer.start()
            try publisher.start()
            #expect(eventually { consumer.isConsuming && publisher.isConnected })
            let held = consumer.take(0)
            #expect(held.isEmpty)

            try Broker.ctl(["close_all_connections", "maintenance test"])
            #expect(eventually { log.consumingCount == 2 && sent.disconnects.count == 1 && publisher.isConnected })
            #expect(log.disconnects.allSatisfy { $0.code == .closed && $0.message.contains("maintenance test") })
            publisher.publish([message(1, to: queue)])
            #expect(consumer.take(1).count == 1)

            try Broker.node("stop")
            #expect(eventually { !consumer.isConsuming && !publisher.isConnected })
            // Handed in while there is no broker: it waits, and goes out afterwards.
            publisher.publish((UInt64(2)...101).map { message($0, to: queue) })
            #expect(sent.outcomes.count == 1)
            try Broker.node("start")
            #expect(publisher.flush(deadlineMilliseconds: 20_000))
            #expect(sent.outcomes.count == 101 && sent.outcomes.values.allSatisfy { $0 == .confirmed })
            #expect(consumer.take(100, seconds: 20).count == 100)
            consumer.close(deadlineMilliseconds: 5_000)
            publisher.close(deadlineMilliseconds: 5_000)
        }

        @Test func anAlarmBlocksPublishingAndNotConsuming() throws {
            let queue = "live.alarm"
            let log = Log()
            let sent = Log()
            let options = try Broker.options("alarm")
            let plan = TopologyPlan(mode: .declare, queues: [.init(name: queue)])
            let reader = try QueueReader(options: options)
            try reader.apply(plan)
            try reader.purge(queue)
            let publisher = try Publisher(
                options: options, topology: plan, observer: { sent.note($0) }, settled: { sent.note($0) })
            let consumer = try Consumer(
                options: options, topology: plan, queues: [queue], prefetch: 10, messageBytesMax: 1 << 20,
                observer: { log.note($0) })
            try publisher.start()
            publisher.publish((UInt64(1)...100).map { message($0, to: queue) })
            #expect(publisher.flush(deadlineMilliseconds: 5_000))

            try Broker.ctl(["set_vm_memory_high_watermark", "0"])
            defer { try? Broker.ctl(["set_vm_memory_high_watermark", "absolute", "1GB"]) }
            var handle: UInt64 = 1_000
            #expect(
                eventually {
                    // The broker says "blocked" only to a connection that publishes, once its alarm is up.
                    handle += 1
                    publisher.publish([message(handle, to: queue)], timeoutMilliseconds: 0)
                    return publisher.isBlocked
                })
            // Many acknowledgements must be processed for all to come with a prefetch of ten.
            try consumer.start()
            #expect(consumer.take(100).count == 100)
            publisher.publish([message(5_000, to: queue)])
            #expect(sent.outcomes[5_000] == nil && publisher.isBlocked)

            try Broker.ctl(["set_vm_memory_high_watermark", "absolute", "1GB"])
            #expect(publisher.flush(deadlineMilliseconds: 10_000))
            #expect(sent.outcomes.values.allSatisfy { $0 == .confirmed } && sent.outcomes[5_000] == .confirmed)
            #expect(sent.has { if case .blocked = $0 { true } else { false } })
            #expect(sent.has { if case .unblocked = $0 { true } else { false } })
            #expect(sent.disconnects.isEmpty && log.disconnects.isEmpty)
            consumer.close(deadlineMilliseconds: 3_000)
            publisher.close(deadlineMilliseconds: 3_000)
            try reader.purge(queue)
        }
    }
}
