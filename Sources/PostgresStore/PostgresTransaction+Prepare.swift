internal import BackOrderStore
internal import InventoryCore

/// All that a batch names, locked and loaded in one round trip, with what it will probably ask besides.
extension PostgresTransaction {
    func prepare(_ needs: BatchNeeds) throws {
        if needs.skus.isEmpty, needs.orders.isEmpty, needs.supplies.isEmpty, needs.inboxKeys.isEmpty { return }
        let queued = Array(Set(needs.ordered).union(needs.received.map(\.sku))).sorted()
        let received = needs.received.map(\.sku)
        let supplies = needs.supplies
        try ask(.kept(.clock))
        try askNames(orders: needs.orders, supplies: supplies)
        try askLocks(skus: needs.skus, orders: needs.orders, supplies: supplies)
        try askOrderLocks(needs.orders, received: needs.received)
        try ask(.kept(.clock))

        // From here on nothing changes under us: what another worker committed while we waited is seen.
        try askOrders()
        try askItems()
        try ask(.kept(.inbox), inboxQuestion(needs.inboxKeys))
        try ask(.kept(.parkedOf), names(needs.orders))
        var numbers = Parameters()
        numbers.add(Int64(max(0, needs.newOrders - orderNumbers.count)))
        try ask(.kept(.reserve), numbers)
        try ask(.kept(.nextSegment))
        try ask(.kept(.waitingHeads), questions(queued, limit: Loaded.linesAhead))
        try ask(.kept(.waitingTails), questions(queued, limit: Loaded.linesAhead))
        try ask(.kept(.outstandingHeads), questions(queued))
        try ask(.kept(.outstandingTails), questions(queued))
        try ask(.kept(.reordersOfHeads), questions(received))
        try ask(.kept(.heldSKUs), questions(received))
        if !supplies.isEmpty {
            try ask(.kept(.suppliesByID), names(supplies))
            try ask(.kept(.suppliesTied), names(supplies))
        }
        var answers = try exchange()
        lockWaitNanoseconds = (answers[1].integer(0, 0) - answers[0].integer(0, 0)) * 1_000
        answers.removeFirst(2)

        for item in try readItems(Array(answers[2..<6])) { loaded.items[item.sku] = item }
        noteItems(answers[2])
        for order in try readOrders(heads: answers[0], lines: answers[1]) { loaded.orders[order.orderID] = order }
        for orderID in needs.orders where loaded.orders[orderID] == nil { loaded.orders[orderID] = .some(nil) }
        for row in readInbox(answers[6]) { loaded.inbox[row.key] = row }
        for key in needs.inboxKeys where loaded.inbox[key] == nil { loaded.inbox[key] = .some(nil) }
        for orderID in needs.orders { loaded.parked[orderID] = [] }
        for message in try readParked(answers[7]) { loaded.parked[message.orderID, default: []].append(message) }
        for row in 0..<answers[8].count { orderNumbers.append(answers[8].integer(row, 0)) }
        reservedSegment = answers[9].integer(0, 0)
        try readLanes(answers[10], of: queued)
        try readTails(answers[11])
        try readSupplyAhead(heads: answers[12], tails: answers[13], of: queued)
        for supply in try readSupplies(answers[14]) { loaded.suppliesByID[supply.supplyID, default: []].append(supply) }
        var held: Set<SKU> = []
        for row in 0..<answers[15].count { held.insert(try sku(answers[15].integer(row, 0))) }
        loaded.unheld = Set(received).subtracting(held)
        if !supplies.isEmpty { try readNamed(supplies, byID: answers[16], tied: answers[17]) }
    }

    private func names(_ names: [Identifier]) -> Parameters {
        var parameters = Parameters()
        parameters.texts(names) { $0.text }
        return parameters
    }

    /// SKUs as the statements of `PostgresQuery+Ahead` want them.
    private func questions(_ skus: [SKU], limit: Int? = nil) -> Parameters {
        var parameters = Parameters()
        parameters.integers(skus.compactMap { knownID($0) }) { $0 }
        parameters.texts(skus.filter { knownID($0) == nil }) { $0.text }
        if let limit { parameters.add(Int64(limit)) }
        return parameters
    }

    /// SKUs that were locked and have no item are known to have none.
    private func noteItems(_ heads: Rows) {
        for row in 0..<heads.count where heads.isNull(row, 2) { loaded.items[SKU(heads.text(row, 1))] = .some(nil) }
    }

    private func readLanes(_ rows: Rows, of skus: [SKU]) throws(StoreError) {
        // A lane that is not among the rows is empty: the item's lanes are all there are.
        for sku in skus {
            loaded.heads[.init(sku: sku, pin: nil)] = Self.linesFromFirst()
            guard let known = loaded.items[sku], let item = known else { continue }
            for lane in item.lanes { loaded.heads[.init(sku: sku, pin: lane.pin)] = Self.linesFromFirst() }
        }
        for row in 0..<rows.count {
            let line = readQueued(rows, row, from: 1)
            let lane = Loaded.Lane(sku: try sku(rows.integer(row, 0)), pin: line.pin)
            loaded.heads[lane, default: Self.linesFromFirst()].found.append(line)
        }
        for (lane, page) in loaded.heads where page.found.count >= Loaded.linesAhead {
            loaded.heads[lane]?.isWhole = false
        }
    }

    private func readTails(_ rows: Rows) throws(StoreError) {
        for row in 0..<rows.count {
            let line = readQueued(rows, row, from: 1)
            let lane = Loaded.Lane(sku: try sku(rows.integer(row, 0)), pin: line.pin)
            loaded.tails[
                lane,
                default: Loaded.Lines(isWhole: false, key: { $0.key }, precedes: { $1 < $0 })
            ].found.append(line)
        }
    }

    private static func linesFromFirst() -> Loaded.Lines {
        Loaded.Lines(isWhole: true, key: { $0.key }, precedes: { $0 < $1 })
    }

    private func readSupplyAhead(heads: Rows, tails: Rows, of skus: [SKU]) throws(StoreError) {
        for sku in skus {
            loaded.supplyHeads[sku] = Loaded.Supplies(isWhole: true, key: { $0.key }, precedes: { $0 < $1 })
        }
        for supply in try readSupplies(heads) { loaded.supplyHeads[supply.sku]?.found.append(supply) }
        for (sku, page) in loaded.supplyHeads where page.found.count >= Loaded.suppliesAhead {
            loaded.supplyHeads[sku]?.isWhole = false
        }
        for supply in try readSupplies(tails) {
            loaded.supplyTails[
                supply.sku, default: Loaded.Supplies(isWhole: false, key: { $0.key }, precedes: { $1 < $0 })
            ].found.append(supply)
        }
    }

    /// The supplies that the batch names, whole.
    private func readNamed(_ named: [SupplyID], byID: Rows, tied: Rows) throws(StoreError) {
        for id in named {
            loaded.suppliesByID[id] = []
            loaded.suppliesTied[id] = []
        }
        for supply in try readSupplies(byID) { loaded.suppliesByID[supply.supplyID, default: []].append(supply) }
        for supply in try readSupplies(tied) {
            if let reorderID = supply.reorderID { loaded.suppliesTied[reorderID, default: []].append(supply) }
        }
    }
}
