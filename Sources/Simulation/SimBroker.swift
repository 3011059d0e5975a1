import BackOrderStore
import MessageSchema
import Worker

/// The broker and its clients' network: queues, unacknowledged deliveries, publications and their confirms.
///
/// A worker sees of it what AMQPClient shows: deliveries of one connection's generation, acknowledgements that may go
/// down with it, outcomes that come late, in any order or as `unknown`.
final class SimBroker {
    /// One copy of a message in a queue.
    struct Copy {
        /// Counts the copies.
        var serial: Int
        var message: SimMessage
        /// What a quorum queue tells as x-delivery-count: how often it was given to a consumer and came back, read or not.
        var deliveryCount = 0
        var redelivered: Bool { deliveryCount > 0 }
    }

    /// A consuming connection.
    struct Consuming {
        var generation: UInt64 = 0
        var isConnected = false
        var isConsuming = false
        var nextTag: UInt64 = 1
        /// Out to the client, by tag; in order.
        var unacknowledged: [(tag: UInt64, copy: Copy)] = []
        /// Arrived at the client and not received by the pipeline.
        var buffered: [UInt64] = []
        /// Handed in by the pipeline, not sent yet.
        var acknowledgements: [DeliveryToken] = []
    }

    /// A publishing connection.
    struct Publishing {
        struct Sent {
            var publication: PendingPublication
            var outcome: PublicationOutcome
            /// The confirm got lost: only the connection's end settles it.
            var isStuck: Bool
        }

        /// Taken over, not sent.
        var queued: [PendingPublication] = []
        /// Sent, in order.
        var sent: [Sent] = []
        var stuckSince: Int64?
    }

    /// By name; what goes first stands first.
    private(set) var queues: [String: [Copy]] = ["orders": [], "stock": []]
    static let queueNames = ["orders", "stock"]
    private var copies = 0
    var consuming: [Consuming]
    var publishing: [Publishing]
    let prefetch: Int
    private let tellsRedelivered: Bool
    private let requeuesAtBack: Bool

    init(_ plan: Plan) {
        consuming = Array(repeating: Consuming(), count: plan.workers)
        publishing = Array(repeating: Publishing(), count: plan.workers)
        prefetch = plan.prefetch
        tellsRedelivered = plan.suspects
        requeuesAtBack = plan.suspects && plan.requeuesAtBack
    }

    /// How many copies were ever put into queues.
    var copyCount: Int { copies }

    func put(_ message: SimMessage) -> Int {
        copies += 1
        queues[message.queue, default: []].append(Copy(serial: copies, message: message))
        return copies
    }

    var isEmpty: Bool {
        SimBroker.queueNames.allSatisfy { queues[$0]?.isEmpty ?? true }
            && consuming.allSatisfy { $0.unacknowledged.isEmpty && $0.acknowledgements.isEmpty }
            && publishing.allSatisfy { $0.queued.isEmpty && $0.sent.isEmpty }
    }

    var summary: String {
        let ready = SimBroker.queueNames.map { "\($0) \(queues[$0]?.count ?? 0)" }.joined(separator: ", ")
        let out = consuming.map { "\($0.unacknowledged.count)" }.joined(separator: "/")
        let sent = publishing.map { "\($0.queued.count)+\($0.sent.count)" }.joined(separator: "/")
        return "ready: \(ready); unacknowledged \(out); unconfirmed \(sent)"
    }

    // MARK: Consuming

    func connectConsumer(_ worker: Int) {
        consuming[worker].generation += 1
        consuming[worker].isConnected = true
        consuming[worker].isConsuming = true
        consuming[worker].nextTag = 1
    }

    /// Sends deliveries of one queue to a client, as far as its prefetch allows; answers how many.
    func deliver(_ count: Int, from queue: String, to worker: Int) -> Int {
        guard consuming[worker].isConnected, consuming[worker].isConsuming else { return 0 }
        let room = prefetch - consuming[worker].unacknowledged.count
        let moved = min(count, room, queues[queue]?.count ?? 0)
        if moved <= 0 { return 0 }
        for copy in queues[queue]?.prefix(moved) ?? [] {
            let tag = consuming[worker].nextTag
            consuming[worker].nextTag += 1
            consuming[worker].unacknowledged.append((tag, copy))
            consuming[worker].buffered.append(tag)
        }
        queues[queue]?.removeFirst(moved)
        return moved
    }

    /// What the pipeline takes out of its client's buffer.
    func receive(_ count: Int, at worker: Int) -> [(delivery: InboundDelivery, copy: Copy)] {
        let tags = consuming[worker].buffered.prefix(count)
        let generation = consuming[worker].generation
        let taken = tags.compactMap { tag -> (InboundDelivery, Copy)? in
            guard let copy = consuming[worker].unacknowledged.first(where: { $0.tag == tag })?.copy else { return nil }
            let properties = copy.message.properties
            let delivery = InboundDelivery(
                token: DeliveryToken(generation: generation, tag: tag), queue: copy.message.queue,
                redelivered: tellsRedelivered && copy.redelivered, envelope: copy.message.envelope,
                body: copy.message.body,
                properties: { properties })
            return (delivery, copy)
        }
        consuming[worker].buffered.removeFirst(tags.count)
        return taken
    }

    /// The client sends the first acknowledgements it was handed; answers how many were stale.
    func sendAcknowledgements(_ count: Int, at worker: Int) -> Int {
        var stale = 0
        for token in consuming[worker].acknowledgements.prefix(count) {
            let index = consuming[worker].unacknowledged.firstIndex { $0.tag == token.tag }
            if let index, token.generation == consuming[worker].generation, consuming[worker].isConnected {
                consuming[worker].unacknowledged.remove(at: index)
            } else {
                stale += 1
            }
        }
        consuming[worker].acknowledgements.removeFirst(min(count, consuming[worker].acknowledgements.count))
        return stale
    }

    /// In the order in which they were delivered, each counted once more.
    private func requeue(_ copies: [Copy]) {
        for copy in requeuesAtBack ? copies : copies.reversed() {
            var copy = copy
            copy.deliveryCount += 1
            let end = requeuesAtBack ? queues[copy.message.queue]?.count ?? 0 : 0
            queues[copy.message.queue, default: []].insert(copy, at: end)
        }
    }

    /// What is not acknowledged goes back, marked; answers how many.
    @discardableResult
    func disconnectConsumer(_ worker: Int) -> Int {
        let back = consuming[worker].unacknowledged
        requeue(back.map(\.copy))
        consuming[worker].unacknowledged = []
        consuming[worker].buffered = []
        consuming[worker].isConnected = false
        return back.count
    }

    /// No more is delivered; what the pipeline has not received goes back.
    func stopConsuming(_ worker: Int) {
        consuming[worker].isConsuming = false
        let tags = Set(consuming[worker].buffered)
        requeue(consuming[worker].unacknowledged.filter { tags.contains($0.tag) }.map(\.copy))
        consuming[worker].unacknowledged.removeAll { tags.contains($0.tag) }
        consuming[worker].buffered = []
    }

    /// Two neighbours in a queue change places, as happens when several connections take part.
    func swapNeighbours(in queue: String, at index: Int) {
        guard let count = queues[queue]?.count, index + 1 < count else { return }
        queues[queue]?.swapAt(index, index + 1)
    }
}
