/// The company's decisions: what one input does to the books, and what the world is told.
///
/// Pure but for the questions the working set asks of its ledger: no clock, no I/O, no randomness. The same inputs in
/// the same order on the same books give the same outputs and end state.
public struct Decider: Sendable {
    public let rules: Rulebook
    let sourcingRank: [LocationID: Int]

    public init(rules: Rulebook) {
        self.rules = rules
        var rank: [LocationID: Int] = [:]
        for (index, location) in rules.locations.enumerated() where rank[location] == nil { rank[location] = index }
        self.sourcingRank = rank
    }

    /// Decides one input. It must not have been handled before (the inbox knows).
    ///
    /// - Parameters:
    ///   - now: the time of deciding; in a replay the message's own time.
    ///   - original: the message as it came, kept when it is parked.
    /// - Throws: only what the ledger throws; the working set is then to be thrown away.
    public func decide(
        _ message: InputMessage, now: Instant, original: @autoclosure () -> [UInt8] = [], in ledger: WorkingSet
    ) throws -> Decision {
        var turn = Turn(decider: self, ledger: ledger, origin: Origin(message), now: now)
        var decision = Decision()
        /// The order that the message is about; one that is not known yet parks the message.
        func known(_ orderID: OrderID) throws -> OrderRecord? {
            if let record = try ledger.order(orderID) { return record }
            try ledger.park(
                ParkedMessage(orderID: orderID, message: message, parkedAt: now, original: original()))
            decision.effect = .parked
            return nil
        }
        do {
            switch message.input {
            case .orderPlaced(let placed): decision.effect = try turn.place(placed)
            case .stockReceived(let receipt): try turn.receive(receipt)
            case .shipmentDispatched(let shipment):
                if let record = try known(shipment.orderID) { try turn.dispatch(shipment, record) }
            case .orderCancelled(let cancelled):
                if let record = try known(cancelled.orderID) { decision.effect = try turn.cancel(cancelled, record) }
            case .orderReleased(let released):
                if let record = try known(released.orderID) { decision.effect = try turn.release(released, record) }
            case .stockAdjusted(let adjusted): try turn.adjust(adjusted)
            case .inboundScheduled(let inbound): decision.effect = try turn.schedule(inbound)
            case .inboundCancelled(let cancelled): decision.effect = try turn.cancelInbound(cancelled)
            case .itemUpdated(let updated): try turn.update(updated)
            }
        } catch let rejection as Rejection {
            // Thrown before anything was changed.
            return Decision(effect: .rejected(rejection), outputs: [], rejectedParked: [])
        }
        ledger.keepJournal(of: turn.origin)
        decision.outputs = turn.outputs
        decision.rejectedParked = turn.rejectedParked
        return decision
    }
}

/// What came of one input.
public struct Decision: Sendable, Equatable {
    public enum Effect: Sendable, Equatable {
        case applied
        /// Valid, but there was nothing to do: a release of an order that is not held, a cancel of what is gone.
        case none
        /// Its order is not known yet.
        case parked
        /// To be dead-lettered; nothing was changed.
        case rejected(Rejection)
    }

    public struct RejectedParked: Sendable, Equatable {
        public var message: ParkedMessage
        public var rejection: Rejection

        public init(message: ParkedMessage, rejection: Rejection) {
            self.message = message
            self.rejection = rejection
        }
    }

    public var effect: Effect = .applied
    public var outputs: [Output] = []
    /// Parked messages that turned out wrong when their order came: to be dead-lettered.
    public var rejectedParked: [RejectedParked] = []
}
