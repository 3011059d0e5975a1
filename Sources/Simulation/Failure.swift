/// A rule that did not hold.
public struct Failure: Error, Sendable, Equatable {
    /// Who noticed.
    public enum Check: String, Sendable, CaseIterable {
        /// By SKU and location: what the inputs say came, left and was counted is what the books have.
        case conservation
        /// ordered = allocated + waiting + held + dispatched + cancelled + refused, save what was over-shipped.
        case lineSums = "line-sums"
        /// A stock's allocated is the sum over the lines and never more than is on hand.
        case allocated
        /// The kept totals of what waits are the sums over the lines.
        case lanes
        /// on order is the sum over outstanding supply.
        case onOrder = "on-order"
        /// No waiting unit could take a unit that is available to it.
        case workConserving = "work-conserving"
        /// Nobody is served who stands behind somebody that goes on waiting for the same units.
        case precedence
        /// What can ship is asked for, once; a `complete` order when nothing of it waits.
        case fulfilment
        /// A SKU whose position is at its reorder point was asked for, by the item's numbers.
        case reorders
        /// A line's dates: the first never changes, the told one is the one that is kept, the estimate stands on supply.
        case dates
        /// A message has the effect that the contract gives it: applied, duplicate, conflict, parked, dead letter.
        case inbox
        /// Exactly one effect: rows and outputs are those of one worker that saw the same inputs, one by one.
        case oneEffect = "one-effect"
        /// An order's outputs count 1, 2, 3 …
        case sequence
        /// What was committed is published, under one id and with one body; nothing else is.
        case published
        /// No input is acknowledged before it is in the books.
        case ackAfterCommit = "ack-after-commit"
        /// No delivery is gone that was not acknowledged, and none is acknowledged twice.
        case deliveries
        /// Whatever can't be used is a dead letter with its reason, and nothing else is.
        case deadLetters = "dead-letters"
        /// Nobody is poison but after deaths of its own, and who kills is found.
        case isolation
        /// Once faults stop, everything is acknowledged, confirmed, swept and expired within bounded time.
        case drained
        /// `verify` on the store.
        case audit
        /// The pipeline gave up where it should not.
        case pipeline
    }

    public var check: Check
    public var text: String
    /// The scheduler's step; above the asked number: after the faults had stopped.
    public var step: Int
}

/// The process has ended, here and now: thrown out of whatever it was doing.
struct ProcessDied: Error {}
