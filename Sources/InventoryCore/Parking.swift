/// Messages that came before their order.
extension Turn {
    /// Applies what was parked for a new order: shipments and cancellations by their time, then id, each with its own
    /// cause. Answers the parked releases, which are applied last: of several the first decides, the others find nothing held.
    mutating func applyParked(_ record: OrderRecord) throws -> [ParkedMessage] {
        let parked = try ledger.takeParked(record.order.orderID).sorted {
            $0.message.time != $1.message.time
                ? $0.message.time < $1.message.time : Identifier($0.message.id) < Identifier($1.message.id)
        }
        var releases: [ParkedMessage] = []
        for message in parked {
            switch message.message.input {
            case .shipmentDispatched(let shipment):
                try with(message) { turn in try turn.dispatch(shipment, record) }
            case .orderCancelled(let cancelled):
                try with(message) { turn in _ = try turn.cancel(cancelled, record) }
            case .orderReleased:
                releases.append(message)
            default: break
            }
        }
        return releases
    }

    mutating func applyParkedRelease(_ parked: ParkedMessage, _ record: OrderRecord) throws {
        guard case .orderReleased(let released) = parked.message.input else { return }
        try with(parked) { turn in _ = try turn.release(released, record) }
    }

    /// Decides a parked message in the place of the turn's own; one that turns out wrong is set aside.
    private mutating func with(_ parked: ParkedMessage, _ body: (inout Turn) throws -> Void) throws {
        let own = origin
        let ownTouched = swapTouched(([], []))
        ledger.keepJournal(of: own)
        origin = Origin(parked.message)
        defer {
            ledger.keepJournal(of: origin)
            origin = own
            _ = swapTouched(ownTouched)
        }
        do {
            try body(&self)
        } catch let rejection as Rejection {
            rejectedParked.append(.init(message: parked, rejection: rejection))
        }
    }
}
