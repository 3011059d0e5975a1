public import BackOrderStore
import Glibc
import InventoryCore

/// Work in bulk on two threads: one decides, another writes what was decided before.
///
/// A **span** is one transaction of the writing connection. It holds the books for itself from its begin, so what the
/// reading connection sees, the books as they were before it, stays true of everything that the span has not touched; and
/// that is in a working set which lives as long as the span. What is decided is therefore the same as batch by batch.
///
/// Used by one thread; the span's own thread has the writing store meanwhile.
public final class BulkProcessor {
    /// How much one span takes: it ends with the batch that reaches one of these. Others wait for their turn so long, and
    /// all that it touched is in memory.
    public struct Limits: Sendable {
        public var messages: Int
        public var seconds: Double
        /// Of the first span; each following one takes twice as many, up to `messages`: what can't be done is known before
        /// much was.
        public var firstMessages: Int

        public init(messages: Int = 40_000, seconds: Double = 10, firstMessages: Int = 2_000) {
            self.messages = messages
            self.seconds = seconds
            self.firstMessages = firstMessages
        }
    }

    private let processor: BatchProcessor
    private let writer: any BackOrderStore
    private let reader: any SnapshotStore
    private let limits: Limits
    /// What the next span takes.
    private var messagesNow: Int
    /// How often a span that could not begin, for another writer had the books, is tried again.
    private static let attempts = 5

    /// - Parameters:
    ///   - processor: goes by the system's clock. Its own store is not used.
    ///   - writer, reader: two connections to the same books.
    public init(
        _ processor: BatchProcessor, writer: any BackOrderStore, reader: any SnapshotStore, limits: Limits = Limits()
    ) {
        self.processor = processor
        self.writer = writer
        self.reader = reader
        self.limits = limits
        messagesNow = min(limits.firstMessages, limits.messages)
    }

    /// Decides what `next` hands over until it has no more or the span is full, tells of each batch, and returns when all
    /// of it is durable. If it throws, nothing of the span has happened.
    ///
    /// - Returns: false: `next` has no more.
    public func span(
        _ next: () throws -> [DecodedDelivery]?, _ decided: (BatchResult) throws -> Void
    ) throws -> Bool {
        guard var batch = try next() else { return false }
        let writing = try begin()
        var hasMore = true
        var pictures: [BatchProcessor.Picture] = []
        do {
            try reader.snapshot { reader in
                let books = BatchProcessor.Picture(reader, processor)
                pictures.append(books)
                let began = ContinuousClock.now
                var messages = 0
                while true {
                    let result = try processor.decide(batch, on: books)
                    try decided(result.result)
                    guard writing.send(result) else { return }
                    messages += batch.count
                    if messages >= messagesNow || began.duration(to: .now) >= .seconds(limits.seconds) { return }
                    guard let following = try next() else {
                        hasMore = false
                        return
                    }
                    batch = following
                }
            }
        } catch {
            writing.giveUp()
            throw error
        }
        writing.commit()
        // Many small things: they go while the other thread commits.
        pictures = []
        try writing.finish()
        messagesNow = min(limits.messages, messagesNow * 2)
        return hasMore
    }

    private func begin() throws -> SpanWriting {
        var failures = 0
        while true {
            let writing = SpanWriting(writer)
            do {
                try writing.awaitBegin()
                return writing
            } catch let error as StoreError where error.isRetriable && failures < BulkProcessor.attempts {
                failures += 1
                usleep(UInt32(100_000 << failures))
            }
        }
    }
}

/// One span's transaction, on a thread of its own.
private final class SpanWriting {
    /// @unchecked Sendable: from the thread's start until it was joined nobody else uses the store.
    private struct Lent: @unchecked Sendable {
        let store: any BackOrderStore
    }

    private struct GivenUp: Error {}

    private enum Step: Sendable {
        case batch(DecidedBatch)
        case commit
    }

    private let steps = BoundedChannel<Step>(capacity: 3)
    private let begun = BoundedChannel<Bool>(capacity: 1)
    private let failure = BoundedChannel<any Error>(capacity: 1)
    private let thread: WorkThread

    init(_ store: any BackOrderStore) {
        let lent = Lent(store: store)
        thread = WorkThread(name: "bulk-write") { [steps, begun, failure] in
            do {
                try lent.store.write { transaction in
                    begun.send(true)
                    while let step = steps.receive() {
                        switch step {
                        case .batch(let batch): _ = try batch.write(to: transaction)
                        case .commit: return
                        }
                    }
                    throw GivenUp()
                }
            } catch {
                failure.send(error)
            }
            begun.close()
            steps.close()
            failure.close()
        }
    }

    /// Throws what the store throws if the transaction does not begin; the thread is gone then.
    func awaitBegin() throws {
        if begun.receive() != nil { return }
        thread.join()
        if let error = failure.receive() { throw error }
    }

    /// False: the transaction has failed; `finish` tells why.
    func send(_ batch: DecidedBatch) -> Bool { steps.send(.batch(batch)) }

    /// Nothing more comes.
    func commit() { steps.send(.commit) }

    /// Returns when what was sent is durable.
    func finish() throws {
        thread.join()
        if let error = failure.receive() { throw error }
    }

    /// Rolls back.
    func giveUp() {
        steps.close()
        thread.join()
    }
}
