import BackOrderStore
import InventoryCore
import Logging
import MessageSchema
import Synchronization
import Worker

/// Where a shadow's outputs go: into its journal; and on to an exchange of its own, if it has one.
final class ShadowSink: OutputSink {
    private struct State: Sendable {
        var journal: ShadowJournal
        /// Handles grow in the order in which messages come for the first time; what comes again is written already.
        var writtenThrough: UInt64 = 0
        var bodiesLeft = ShadowSink.deadLetterBodiesMax
        var isFailing = false
    }

    private let state: Mutex<State>
    private let tracker: OutboxTracker
    private let publisher: AMQPOutputSink?
    private let logger: Logger
    /// Of so many dead letters of a run the journal keeps the body, too.
    private static let deadLetterBodiesMax = 100
    private static let deadLetterBytesMax = 1 << 16

    /// - Parameter publisher: nil: nothing is published anywhere.
    init(_ journal: ShadowJournal, _ tracker: OutboxTracker, publisher: AMQPOutputSink?, _ logger: Logger) {
        state = Mutex(State(journal: journal))
        self.tracker = tracker
        self.publisher = publisher
        self.logger = logger
    }

    func publish(_ messages: [PendingPublication], timeoutMilliseconds: Int) -> Bool {
        guard isWritten(messages) else {
            Timing.block(milliseconds: timeoutMilliseconds)
            return false
        }
        var done = messages
        if let publisher {
            let outputs = messages.filter { $0.message.destination == .output }
            guard publisher.publish(outputs, timeoutMilliseconds: timeoutMilliseconds) else { return false }
            done.removeAll { $0.message.destination == .output }
        }
        tracker.confirm(done)
        return true
    }

    func flush(deadlineMilliseconds: Int) -> Bool {
        publisher?.flush(deadlineMilliseconds: deadlineMilliseconds) ?? true
    }

    /// The worker stopped as it was told to.
    func end() {
        state.withLock { state in
            // Best effort: without it the journal says the same, but for the hour.
            try? state.journal.append(ShadowEntry.stoppedLine(at: wallClock()))
            state.journal.close()
        }
    }

    /// Queues of the shadow's own were full. Best effort: while the journal fails, that is told already.
    func note(full queues: [ShadowEntry.QueueState]) {
        state.withLock { state in try? state.journal.append(ShadowEntry.fullLine(queues, at: wallClock())) }
    }

    private func isWritten(_ messages: [PendingPublication]) -> Bool {
        state.withLock { state in
            let fresh = messages.filter { $0.handle > state.writtenThrough }
            guard let last = fresh.last else { return true }
            let now = wallClock()
            var bytes: [UInt8] = []
            var bodies = 0
            for publication in fresh {
                let message = publication.message
                switch message.destination {
                case .note: bytes += ShadowEntry.noteLine(message.body, at: now)
                case .output: bytes += ShadowEntry.outputLine(message.body, routingKey: message.routingKey, at: now)
                case .deadLetter:
                    let keepsBody = bodies < state.bodiesLeft && message.body.count <= ShadowSink.deadLetterBytesMax
                    if keepsBody { bodies += 1 }
                    bytes += ShadowEntry.deadLetterLine(
                        reason: message.header("x-backorder-reason"), detail: message.header("x-backorder-detail"),
                        queue: message.header("x-backorder-queue"), body: keepsBody ? message.body : nil, at: now)
                }
            }
            do throws(ShadowJournal.Failure) {
                try state.journal.append(bytes)
            } catch {
                if !state.isFailing {
                    logger.error(
                        "\(error.text); it is tried again, nothing is acknowledged beyond what the outbox holds")
                }
                state.isFailing = true
                return false
            }
            state.isFailing = false
            state.bodiesLeft -= bodies
            state.writtenThrough = last.handle
            return true
        }
    }
}

extension OutboxMessage {
    fileprivate func header(_ name: String) -> String { headers.first { $0.name == name }?.value ?? "" }
}

extension OutboxTracker {
    /// These need no broker's confirm.
    func confirm(_ publications: [PendingPublication]) {
        if publications.isEmpty { return }
        _ = settle(
            publications.map { (handle: $0.handle, outcome: .confirmed) }, nowMilliseconds: monotonicMilliseconds())
    }
}
