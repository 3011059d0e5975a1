/// What goes wrong in the world, by seed; counted in the report.
public enum Fault: String, Sendable, CaseIterable {
    // The process ends.
    case diesAfterReceive = "dies after receive"
    case diesBeforeTransaction = "dies before the transaction"
    case diesInTransaction = "dies in the transaction"
    case diesBeforeCommit = "dies before commit"
    case diesAfterCommit = "dies after commit"
    case diesInAcknowledge = "dies in acknowledge"
    case diesInPublish = "dies in publish"
    case diesWaiting = "dies while it waits"
    case stopsAndStarts = "is stopped and started"
    // The store.
    case storeAway = "store: away for a time"
    case storeFailsCall = "store: n-th call fails"
    case storeFailsCommit = "store: commit fails"
    case storeBreaks = "store: fails for good"
    case storeBreaksAfterCommit = "store: fails for good after commit"
    // The broker.
    case consumerCut = "consumer's connection closed"
    case publisherCut = "publisher's connection closed"
    case confirmLost = "confirm lost"
    case confirmLate = "confirm out of order"
    case nacked = "publication nacked"
    case returned = "publication returned"
    case unsendable = "dead letter's properties can't be sent"
    case sinkFull = "publisher's queue full"
    case redelivered = "redelivered"
    case staleAck = "stale ack"
    case reordered = "two messages change places"
    // Producers.
    case sentTwice = "sent twice"
    case sentLate = "sent late"
    case sentWithOtherID = "sent again under another id"
    case conflict = "same fact, other content"
    case badMessage = "unusable message"
    case beforeItsOrder = "before its order"
    // Time.
    case clockJumps = "clock jumps"
    case timePasses = "hours pass"
    case rulesReplaced = "rules replaced"
    case leaderChanges = "sweep's leader changes"
    // Last, so that what the others do by seed stays as it was.
    case deadly = "message that kills"
}
