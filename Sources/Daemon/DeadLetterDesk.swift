import AMQPClient
import BackOrderStore
import Configuration
import Glibc
import InventoryCore
import MessageSchema
import Worker

/// The dead-letter queue, read without a consumer and beside a running daemon.
///
/// A letter in hand is unacknowledged, so the broker gives it back, in its old place, when this process ends, however
/// it ends. One that goes back to its input is published and confirmed before it is removed here: at any moment it is in
/// one of the two queues or in both.
final class DeadLetterDesk {
    enum Decision {
        case keep
        case remove
    }

    private let configuration: Configuration
    private let reader: QueueReader
    private let queue: String
    /// Publishes on a connection of its own: deliveries stream in on the other.
    private var publisher: QueueReader?
    /// How long a letter that should be there is waited for.
    private static let waitMilliseconds = 5_000

    /// - Throws: an exit with a plain line if the broker or the queue is not there.
    init(_ configuration: Configuration) throws(ExitReason) {
        self.configuration = configuration
        queue = configuration.broker.deadLetter.queue
        do throws(AMQPError) {
            reader = try DeadLetterDesk.connect(configuration)
        } catch {
            throw ExitReason(error.message)
        }
    }

    private static func connect(_ configuration: Configuration) throws(AMQPError) -> QueueReader {
        try QueueReader(options: configuration.connectionOptions(role: "dead-letters", process: getpid()))
    }

    /// Hands over what was in the queue at the begin, in its order, and removes what the visitor says.
    ///
    /// - Returns: how many were not seen: over `limit`, or in the hands of another reader.
    @discardableResult
    func walk(
        limit: Int = .max, _ visit: (DeadLetter) throws -> Decision
    ) throws -> Int {
        do {
            let count = try reader.counts(of: queue).messages
            if count > 0 { try reader.consume(queue) }
            // No more than were there: what is rejected again meanwhile comes to the end, and must not come round.
            var seen = 0
            var kept = 0
            while seen < min(limit, count) {
                // None: another reader has the rest in hand, or more than AMQP's largest window are in ours.
                guard let delivery = try reader.next(timeoutMilliseconds: DeadLetterDesk.waitMilliseconds) else {
                    break
                }
                seen += 1
                let letter = DeadLetter(delivery, messageBytesMax: configuration.limits.messageBytes)
                if try visit(letter) == .remove { try reader.acknowledge(delivery) } else { kept += 1 }
            }
            try reader.awaitAcknowledgements(of: queue)
            reader.close()
            publisher?.close()
            if kept > 0 { try? awaitReturn(of: kept) }
            return count - seen
        } catch let error as AMQPError where error.code == .notFound {
            throw ExitReason(
                "there is no queue \(queue) at the broker; is --config right, and has the daemon run?")
        } catch let error as AMQPError {
            throw ExitReason(error.message)
        }
    }

    /// Waits, for a bounded time, until the broker has put back what was in hand: it does so a moment after the goodbye,
    /// and the next command is to find it.
    private func awaitReturn(of kept: Int) throws {
        let observer = try DeadLetterDesk.connect(configuration)
        defer { observer.close() }
        let deadline = monotonicMilliseconds() + 2_000
        while try observer.counts(of: queue).messages < kept, monotonicMilliseconds() < deadline {
            Timing.block(milliseconds: 10)
        }
    }

    /// Sends a letter back to its input; answers why not, if it can't be.
    ///
    /// - Parameter override: the input to send it to, wherever it came from.
    func sendBack(_ letter: DeadLetter, to override: String?, _ forgetting: Forgetting) -> SendBack {
        let inputs = configuration.broker.inputs.map(\.queue)
        guard let target = override ?? letter.queue else {
            return .failed("no header says which input it came from: name one with --queue")
        }
        guard inputs.contains(target) else {
            return .failed(
                "it came from \(target), which is no input of this configuration: name one with --queue "
                    + "(\(inputs.joined(separator: ", ")))")
        }
        if letter.delivery.headersTruncated || letter.delivery.headersInvalid {
            return .failed("not all of its headers can be read; it would not go back as it came")
        }
        do {
            let note = try forgetting.forget(
                letter, decode: try configuration.decodeOptions()[target] ?? DecodeOptions())
            let publisher = try publisher ?? DeadLetterDesk.connect(configuration)
            self.publisher = publisher
            switch try publisher.publish(letter.restored(to: target)) {
            case .confirmed: return .sent(target, note)
            case .returned: return .failed("there is no queue \(target) at the broker")
            case .nacked: return .failed("the broker refused it: is queue \(target) full?")
            case .unknown: return .failed("the broker did not confirm it in time; it may be in both queues now")
            case .invalid(let text): return .failed(text)
            }
        } catch let error as StoreError {
            return .failed("the store: \(error.message)")
        } catch let error as AMQPError {
            return .failed(error.message)
        } catch {
            return .failed("\(error)")
        }
    }

    enum SendBack {
        /// It is in this queue now. The note says what to know about it.
        case sent(String, String?)
        case failed(String)
    }
}

/// Why a command ends with code 1, in a line for a person.
struct ExitReason: Error {
    let text: String
    init(_ text: String) { self.text = text }
}

/// Makes the inbox forget a letter that it took in before it was given up: a parked message that expired, or that turned
/// out wrong when its order came. What was rejected at once was never remembered.
final class Forgetting {
    private let configuration: Configuration
    private var store: (any BackOrderStore)?

    init(_ configuration: Configuration) {
        self.configuration = configuration
    }

    deinit { store?.close() }

    /// Answers what the operator should know, if anything.
    ///
    /// Only rows of this content that are older than the letter go. A younger one says that the message was sent back
    /// before (and this process, perhaps, killed before it could remove the letter), or came again by itself: its effect
    /// is there, and must not come twice.
    func forget(_ letter: DeadLetter, decode options: DecodeOptions) throws -> String? {
        let mayBeRemembered = [RejectionReason.expired.rawValue, RejectionReason.invalid.rawValue]
        guard mayBeRemembered.contains(letter.reason), let givenUp = letter.time else { return nil }
        let decoded = Decoder().decode(
            letter.delivery.body, envelope: AMQPDeliverySource.envelope(letter.delivery.properties), arrival: givenUp,
            options: options)
        guard case .success(let message) = decoded else { return nil }
        let content = message.identity.content
        let store = try opened()
        return try store.write { transaction in
            let rows = try transaction.inbox(Array(Set(message.message.inboxKeys))).values.filter {
                $0.content == content
            }
            // The letter's time is written in whole milliseconds.
            let limit = givenUp.adding(microseconds: 1_000)
            try transaction.forgetInbox(rows.filter { $0.receivedAt < limit }.map(\.key))
            guard let younger = rows.map(\.receivedAt).filter({ $0 >= limit }).max() else { return nil }
            return "it was taken in again at \(formatRFC3339(younger)), so it will count as a repeat"
        }
    }

    private func opened() throws -> any BackOrderStore {
        if let store { return store }
        if case .memory = configuration.store {
            throw StoreError(
                .misconfigured,
                "it is in the daemon's memory, which can't be made to forget this message; publish it under another id")
        }
        let store = try StoreFactory.open(configuration)
        try StoreFactory.requireSchema(store)
        self.store = store
        return store
    }
}
