/// Which waiting lines a question is about.
enum PinFilter {
    case all
    /// Lines without a pin, and those pinned to one of these.
    case usable(at: [LocationID])

    func admits(_ pin: LocationID?) -> Bool {
        switch self {
        case .all: true
        case .usable(let locations):
            if let pin { locations.contains(pin) } else { true }
        }
    }
}

extension WorkingSet {
    /// Walks the waiting lines of a SKU in precedence order until the visitor has had enough (answers false). Reads no
    /// more of the store's queue than it needs, in chunks. The visitor must not change the queue.
    func walkWaiting(
        _ item: ItemRecord, _ filter: PinFilter, chunk: Int = 32, _ visit: (QueuedLine) throws -> Bool
    ) throws {
        var known = 0
        var lanes: [(view: Int, row: Int)] = []
        for view in item.laneViews.indices where filter.admits(item.laneViews[view].pin) {
            lanes.append((view, 0))
        }
        while true {
            while known < item.queue.count, !filter.admits(item.queue[known].pin) { known += 1 }
            var best: QueuedLine? = known < item.queue.count ? item.queue[known] : nil
            var bestLane: Int?
            for index in lanes.indices {
                guard let line = try nextStored(item, &lanes[index], chunk: chunk) else { continue }
                if let current = best, current.key < line.key { continue }
                best = line
                bestLane = index
            }
            guard let line = best else { return }
            if let bestLane { lanes[bestLane].row += 1 } else { known += 1 }
            if try !visit(line) { return }
        }
    }

    /// The lane's next stored row whose order is not in the working set.
    private func nextStored(_ item: ItemRecord, _ lane: inout (view: Int, row: Int), chunk: Int) throws -> QueuedLine? {
        while true {
            while lane.row < item.laneViews[lane.view].rows.count {
                let line = item.laneViews[lane.view].rows[lane.row]
                if !isLoaded(line.key.orderID) { return line }
                lane.row += 1
            }
            let view = item.laneViews[lane.view]
            if view.isComplete { return nil }
            let limit = max(chunk, min(view.rows.count, 4096))
            let rows = try reader.waitingLines(
                sku: item.sku, pin: view.pin, after: view.rows.last?.key, limit: limit)
            item.laneViews[lane.view].rows.append(contentsOf: rows)
            if rows.count < limit { item.laneViews[lane.view].isComplete = true }
        }
    }

    /// How many units of the SKU, whatever their pin, wait ahead of a line that is itself in the working set.
    ///
    /// Counts from both ends and stops at whichever end is nearer, so a newcomer's place at the end of a long queue is
    /// found at once.
    func waitingAhead(_ item: ItemRecord, of key: PrecedenceKey) throws -> Units {
        let known = item.knownUnits(before: key)
        let stored = item.item.waiting - item.queuedUnits
        if stored == 0 { return known }
        return try known + storedAhead(item, of: key, total: stored)
    }

    private func storedAhead(_ item: ItemRecord, of key: PrecedenceKey, total: Units) throws -> Units {
        var behind: Units = 0
        var ahead: Units = 0
        var limit = 32
        var before: [LocationID?: PrecedenceKey] = [:]
        var open = item.laneViews.map(\.pin)
        var seenAhead = 0
        while true {
            // From the end: every lane until its rows are ahead of the key.
            for pin in open {
                let rows = try reader.waitingLinesFromLast(sku: item.sku, pin: pin, before: before[pin], limit: limit)
                for line in rows {
                    if line.key < key {
                        open.removeAll { $0 == pin }
                        break
                    }
                    if !isLoaded(line.key.orderID) { behind += line.units }
                }
                if rows.count < limit { open.removeAll { $0 == pin } }
                if let last = rows.last { before[pin] = last.key }
            }
            if open.isEmpty { return total - behind }
            // From the front, as far again.
            ahead = 0
            seenAhead = 0
            var reached = false
            try walkWaiting(item, .all, chunk: limit) { line in
                if !(line.key < key) {
                    reached = true
                    return false
                }
                if !isLoaded(line.key.orderID) { ahead += line.units }
                seenAhead += 1
                return seenAhead < limit
            }
            if reached { return ahead }
            limit *= 4
        }
    }

    /// Lines of the SKU that have units allocated at a location, the last in precedence first.
    func walkAllocatedFromLast(
        _ item: ItemRecord, at location: LocationID, _ visit: (OrderRecord, Int) throws -> Bool
    ) throws {
        var before: PrecedenceKey?
        let limit = 64
        while true {
            let rows = try reader.allocatedLinesFromLast(sku: item.sku, before: before, limit: limit)
            try loadOrders(rows.map(\.key.orderID))
            before = rows.last?.key
            if rows.count < limit { break }
            // Enough is known when the store's rows up to here hold what may be wanted; the caller stops the walk, so
            // go on only while nothing at this location was met.
            let met = rows.contains { row in
                guard let record = try? order(row.key.orderID) else { return false }
                return record.order.lines[row.key.position].allocations.contains { $0.location == location }
            }
            if met, try allocatedUnits(item, at: location, notBefore: before) >= item.item.onHandShortfall(at: location)
            {
                break
            }
        }
        var candidates: [(key: PrecedenceKey, record: OrderRecord)] = []
        for record in loadedOrders {
            for position in record.order.lines.indices
            where record.order.lines[position].sku == item.sku
                && record.order.lines[position].allocations.contains(where: { $0.location == location })
            {
                candidates.append((key(record, position), record))
            }
        }
        candidates.sort { $1.key < $0.key }
        for candidate in candidates where try !visit(candidate.record, candidate.key.position) { return }
    }

    /// Units that orders in the working set have at a location on lines that do not go before a key.
    private func allocatedUnits(_ item: ItemRecord, at location: LocationID, notBefore key: PrecedenceKey?) throws
        -> Units
    {
        var sum: Units = 0
        for record in loadedOrders {
            for position in record.order.lines.indices where record.order.lines[position].sku == item.sku {
                if let key, self.key(record, position) < key { continue }
                for allocation in record.order.lines[position].allocations where allocation.location == location {
                    sum += allocation.units
                }
            }
        }
        return sum
    }

    /// Held orders that name the SKU, by precedence.
    func walkHeld(_ sku: SKU, _ visit: (OrderRecord) throws -> Bool) throws {
        var after: PrecedenceKey?
        var visited: Set<OrderID> = []
        let limit = 64
        while true {
            let rows = try reader.heldLines(sku: sku, after: after, limit: limit)
            try loadOrders(rows.map(\.key.orderID))
            let through = rows.count < limit ? nil : rows.last?.key
            var candidates: [(key: PrecedenceKey, record: OrderRecord)] = []
            for record in loadedOrders where record.order.isHeld && !visited.contains(record.order.orderID) {
                let position = record.order.lines.firstIndex { $0.sku == sku && $0.held > 0 }
                guard let position else { continue }
                let key = key(record, position)
                if let through, through < key { continue }
                candidates.append((key, record))
            }
            candidates.sort { $0.key < $1.key }
            for candidate in candidates {
                visited.insert(candidate.record.order.orderID)
                if try !visit(candidate.record) { return }
            }
            if rows.count < limit { return }
            after = rows.last?.key
        }
    }
}

extension Item {
    /// How many more units are allocated at a location than are on hand there.
    func onHandShortfall(at location: LocationID) -> Units {
        for entry in stock where entry.location == location { return max(0, entry.allocated - entry.onHand) }
        return 0
    }
}
