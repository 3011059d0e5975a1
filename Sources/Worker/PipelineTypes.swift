public import MessageSchema

extension Pipeline {
    public struct Settings: Sendable {
        /// Deliveries in one transaction, at most.
        public var batch: Int
        /// While more outputs than this wait for their confirm, no inputs are taken.
        public var outboxHighWater: Int
        public var inboxRetentionMicroseconds: Int64
        public var drainMilliseconds: Int
        public var decode: [String: DecodeOptions]
        /// Names this worker among all that work on the store.
        public var worker: String
        /// Whether the worker of that name is known to have died. Sure or silent: false where it can't be told.
        public var isGone: @Sendable (String) -> Bool
        /// Deaths of the daemon on one message alone before it is poison.
        public var deliveryLimit: Int
        /// Waiting lines that one transaction of the sweep looks at, about.
        public var sweptLines: Int
        /// How outputs are written.
        public var encoder: OutputEncoder
        /// nil: nothing is written down beside the outputs.
        public var notes: InputNotes?
        /// A message that looks like poison waits so long for somebody who may have it in hand still.
        public var graceMilliseconds = SuspectLane.usualGraceMilliseconds
        /// Told which messages the next transaction is about, and whether they are going to be read, before the first of
        /// them is. On the pipeline's thread. Where a message is to kill the daemon, in a test, it ends here.
        public var batchBegins: (@Sendable (_ batch: [InboundDelivery], _ isRead: Bool) -> Void)?

        public init(
            batch: Int, outboxHighWater: Int = 50_000, inboxRetentionMicroseconds: Int64, drainMilliseconds: Int,
            decode: [String: DecodeOptions], worker: String, deliveryLimit: Int = 5, sweptLines: Int = 1_000,
            isGone: @escaping @Sendable (String) -> Bool = { _ in false }, encoder: OutputEncoder = OutputEncoder(),
            notes: InputNotes? = nil, batchBegins: (@Sendable ([InboundDelivery], Bool) -> Void)? = nil
        ) {
            self.batch = batch
            self.outboxHighWater = outboxHighWater
            self.inboxRetentionMicroseconds = inboxRetentionMicroseconds
            self.drainMilliseconds = drainMilliseconds
            self.decode = decode
            self.worker = worker
            self.deliveryLimit = deliveryLimit
            self.sweptLines = sweptLines
            self.isGone = isGone
            self.encoder = encoder
            self.notes = notes
            self.batchBegins = batchBegins
        }
    }

    /// How the run ended.
    public enum Ending: Sendable, Equatable {
        /// All in hand is finished, everything is confirmed.
        case drained
        /// The time to drain was over; what is not confirmed stays in the outbox and is sent at the next start.
        case drainedWithOpenOutbox(Int)
        case failed(String)
    }

    /// What it has done so far.
    public struct Counts: Sendable {
        public var applied: UInt64 = 0
        public var noEffect: UInt64 = 0
        public var duplicates: UInt64 = 0
        public var parked: UInt64 = 0
        /// Passed over by the filters of an input's mapping.
        public var skipped: UInt64 = 0
        public var deadLettered: UInt64 = 0
        public var outputs: UInt64 = 0
        public var batches: UInt64 = 0
        public var storeRetries: UInt64 = 0
    }
}
