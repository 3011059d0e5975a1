internal import BackOrderStore
internal import InventoryCore

/// What is only ever added: discrepancies, parked messages, journals, demand, lead times, marks; and a change of strategy.
extension PostgresTransaction {
    func append(_ changes: Changes) throws(StoreError) {
        try append(changes.discrepancies)
        try park(changes.parked)
        try unpark(changes.unparked)
        try append(changes.events)
        try add(changes.demand)
        try append(changes.leadTimes)
        try add(changes.marks)
    }

    private func append(_ discrepancies: [Discrepancy]) throws(StoreError) {
        if discrepancies.isEmpty { return }
        var parameters = Parameters()
        parameters.integers(discrepancies) { $0.time.microseconds }
        parameters.texts(discrepancies) { $0.kind.rawValue }
        parameters.texts(discrepancies) { $0.sku.text }
        parameters.texts(discrepancies) { $0.location.text }
        parameters.integers(discrepancies) { $0.quantity }
        parameters.texts(discrepancies) { $0.messageID }
        try post(.insertDiscrepancies, parameters)
    }

    private struct ParkedKey: Hashable {
        var orderID: OrderID
        var messageID: Identifier
    }

    private func park(_ messages: [ParkedMessage]) throws(StoreError) {
        if messages.isEmpty { return }
        // A message that is parked twice in one go is kept as it came last: one statement can't write a row twice.
        var kept: [ParkedKey: (message: ParkedMessage, text: String)] = [:]
        for message in messages {
            kept[ParkedKey(orderID: message.orderID, messageID: Identifier(message.message.id))] = (
                message, try JSONColumn.encode(message.message)
            )
        }
        let rows = kept.values.sorted {
            ($0.message.orderID, Identifier($0.message.message.id)) < (
                $1.message.orderID, Identifier($1.message.message.id)
            )
        }
        var parameters = Parameters()
        parameters.texts(rows) { $0.message.orderID.text }
        parameters.texts(rows) { $0.message.message.id }
        parameters.integers(rows) { $0.message.parkedAt.microseconds }
        parameters.texts(rows) { $0.text }
        parameters.blobs(rows) { $0.message.original }
        try post(.insertParked, parameters)
    }

    private func unpark(_ messages: [ParkedMessage]) throws(StoreError) {
        if messages.isEmpty { return }
        var parameters = Parameters()
        parameters.texts(messages) { $0.orderID.text }
        parameters.texts(messages) { $0.message.id }
        try post(.deleteParked, parameters)
    }

    private func append(_ events: [OrderEvent]) throws(StoreError) {
        if events.isEmpty { return }
        try learnNumbers(events.map(\.orderID))
        var parameters = Parameters()
        parameters.integers(events) { orderNumber[$0.orderID] }
        parameters.integers(events) { $0.number }
        parameters.integers(events) { $0.time.microseconds }
        parameters.blobs(events) { EventCoding.encode($0) }
        try post(.insertEvents, parameters)
    }

    private func add(_ demand: [Demand]) throws(StoreError) {
        if demand.isEmpty { return }
        var parameters = Parameters()
        parameters.integers(demand) { knownID($0.sku) }
        parameters.integers(demand) { $0.day }
        parameters.integers(demand) { $0.units }
        parameters.integers(demand) { $0.filled }
        parameters.integers(demand) { $0.backOrdered }
        parameters.integers(demand) { $0.held }
        parameters.integers(demand) { $0.refused }
        parameters.integers(demand) { $0.cancelledWaiting }
        try post(.addDemand, parameters)
    }

    private func append(_ leadTimes: [LeadTime]) throws(StoreError) {
        if leadTimes.isEmpty { return }
        var parameters = Parameters()
        parameters.texts(leadTimes) { $0.supplier.text }
        parameters.integers(leadTimes) { $0.microseconds }
        try post(.insertLeadTimes, parameters)
        // Who reads them reads the newest alone, so those behind may stay a while: to look for them costs a walk.
        guard leadTimes.count > 100 || Int.random(in: 0..<64) == 0 else { return }
        parameters = Parameters()
        parameters.texts(Set(leadTimes.map(\.supplier)).sorted()) { $0.text }
        parameters.add(Int64(LeadTime.keptForASupplier))
        try post(.trimLeadTimes, parameters)
    }

    private func add(_ marks: [SweepMark]) throws(StoreError) {
        if marks.isEmpty { return }
        var parameters = Parameters()
        parameters.integers(marks) { knownID($0.sku) }
        parameters.integers(marks) { $0.changedAt.microseconds }
        try post(.mark, parameters)
    }

    // MARK: Strategy

    func recordedStrategy() throws(StoreError) -> String? {
        let rows = try answer(.strategy)
        return rows.count == 0 ? nil : rows.text(0, 0)
    }

    /// Works out the leading value of every open line anew, while no worker changes anything.
    func adopt(_ strategy: Strategy) throws(StoreError) {
        link.patienceSeconds = 24 * 3600
        defer { link.patienceSeconds = nil }
        try ask(.text("SET LOCAL statement_timeout = 0"))
        try ask(.text("SET LOCAL lock_timeout = 0"))
        try ask(.text("LOCK TABLE orders, order_line IN EXCLUSIVE MODE"))
        _ = try exchange()
        if try recordedStrategy() == strategy.rawValue { return }
        let lead: String
        switch strategy {
        case .priority, .fairShare: lead = "0"
        case .dueDate:
            lead = """
                coalesce((SELECT requested_by FROM orders o WHERE o.order_no = order_line.order_no), 9223372036854775807)
                """
        case .smallestFirst:
            lead = """
                (SELECT sum(other.waiting)::int8 FROM order_line AS other
                 WHERE other.order_no = order_line.order_no)
                """
        }
        try ask(
            .text(
                """
                UPDATE order_line SET lead = \(lead)
                WHERE (waiting > 0 OR held > 0 OR allocated > 0) AND lead <> \(lead)
                """))
        var parameters = Parameters()
        parameters.add("strategy")
        parameters.add(strategy.rawValue)
        try post(.setMeta, parameters)
        _ = try exchange()
    }
}
