internal import BackOrderStore
internal import InventoryCore

/// What is only ever added: discrepancies, parked messages, journals, demand, lead times; and a change of strategy.
extension SQLiteTransaction {
    func append(_ discrepancy: Discrepancy) throws(StoreError) {
        let statement = try connection.statement(.insertDiscrepancy)
        statement.bind(1, discrepancy.time.microseconds)
        statement.bind(2, discrepancy.kind.rawValue)
        statement.bind(3, discrepancy.sku.text)
        statement.bind(4, discrepancy.location.text)
        statement.bind(5, discrepancy.quantity)
        statement.bind(6, discrepancy.messageID)
        try connection.run(statement)
    }

    func park(_ message: ParkedMessage) throws(StoreError) {
        let statement = try connection.statement(.insertParked)
        statement.bind(1, message.orderID.text)
        statement.bind(2, message.message.id)
        statement.bind(3, message.parkedAt.microseconds)
        statement.bind(4, try JSONColumn.encode(message.message))
        statement.bind(5, message.original)
        try connection.run(statement)
    }

    func append(_ event: OrderEvent) throws(StoreError) {
        guard let order = try knownOrder(event.orderID) else {
            throw StoreError(.corrupt, "an event names order \(event.orderID), which is not in the books")
        }
        let statement = try connection.statement(.insertEvent)
        statement.bind(1, order.number)
        statement.bind(2, event.number)
        statement.bind(3, event.time.microseconds)
        statement.bind(4, EventCoding.encode(event))
        try connection.run(statement)
    }

    func add(_ demand: Demand) throws(StoreError) {
        let statement = try connection.statement(.addDemand)
        statement.bind(1, try makeSKUID(demand.sku))
        statement.bind(2, demand.day)
        statement.bind(3, demand.units)
        statement.bind(4, demand.filled)
        statement.bind(5, demand.backOrdered)
        statement.bind(6, demand.held)
        statement.bind(7, demand.refused)
        statement.bind(8, demand.cancelledWaiting)
        try connection.run(statement)
    }

    func append(_ leadTime: LeadTime) throws(StoreError) {
        let insert = try connection.statement(.insertLeadTime)
        insert.bind(1, leadTime.supplier.text)
        insert.bind(2, leadTime.microseconds)
        try connection.run(insert)
        let trim = try connection.statement(.trimLeadTimes)
        trim.bind(1, leadTime.supplier.text)
        trim.bind(2, Int64(LeadTime.keptForASupplier))
        try connection.run(trim)
    }

    func add(_ mark: SweepMark) throws(StoreError) {
        let statement = try connection.statement(.mark)
        statement.bind(1, try makeSKUID(mark.sku))
        statement.bind(2, mark.changedAt.microseconds)
        try connection.run(statement)
    }

    /// Works out the leading value of every open line anew, order by order.
    func adopt(_ strategy: Strategy) throws(StoreError) {
        try changing { () throws(StoreError) in
            if try recordedStrategy() == strategy.rawValue { return }
            let open = "(waiting > 0 OR held > 0 OR allocated > 0)"
            let lead: String
            switch strategy {
            case .priority, .fairShare: lead = "0"
            case .dueDate:
                lead = """
                    ifnull((SELECT requested_by FROM orders WHERE order_no = line_key / 65536), 9223372036854775807)
                    """
            case .smallestFirst:
                lead = """
                    (SELECT sum(other.waiting) FROM order_line AS other
                     WHERE other.line_key BETWEEN order_line.line_key / 65536 * 65536
                        AND order_line.line_key / 65536 * 65536 + 65535)
                    """
            }
            try connection.execute("UPDATE order_line SET lead = \(lead) WHERE \(open) AND lead <> \(lead)")
            let statement = try connection.statement(.setStrategy)
            statement.bind(1, strategy.rawValue)
            try connection.run(statement)
            known.removeAll()
        }
    }
}
