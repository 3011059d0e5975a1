internal import BackOrderStore
internal import InventoryCore

/// Inbox, outbox, parked messages.
extension PostgresTransaction: StoreTransaction {
    // MARK: Inbox

    func inbox(_ keys: [Digest128]) throws -> [Digest128: InboxRow] {
        if keys.isEmpty { return [:] }
        var result: [Digest128: InboxRow] = [:]
        var missing: [Digest128] = []
        for key in keys {
            if let known = loaded.inbox[key] { result[key] = known } else { missing.append(key) }
        }
        if !missing.isEmpty {
            let rows = try answer(.inbox, inboxQuestion(missing))
            for row in readInbox(rows) { result[row.key] = row }
        }
        for key in keys where result[key] == nil { absentKeys.insert(key) }
        return result
    }

    func inboxQuestion(_ keys: [Digest128]) -> Parameters {
        var parameters = Parameters()
        parameters.digests(keys.sorted()) { $0 }
        return parameters
    }

    func readInbox(_ rows: Rows) -> [InboxRow] {
        (0..<rows.count).map {
            InboxRow(key: rows.digest($0, 0), content: rows.digest($0, 1), receivedAt: rows.time($0, 2))
        }
    }

    func appendInbox(_ rows: [InboxRow]) throws {
        try changing { () throws(StoreError) in
            if rows.isEmpty { return }
            // Two workers with the same messages wait for each other in one order.
            let rows = rows.sorted { $0.key < $1.key }
            isInboxRace = rows.allSatisfy { absentKeys.contains($0.key) }
            var parameters = Parameters()
            parameters.digests(rows) { $0.key }
            parameters.digests(rows) { $0.content }
            parameters.integers(rows) { $0.receivedAt.microseconds }
            try post(.insertInbox, parameters)
            for (time, batch) in Dictionary(grouping: rows, by: \.receivedAt).sorted(by: { $0.key < $1.key }) {
                parameters = Parameters()
                parameters.add(time.microseconds)
                parameters.digests(batch) { $0.key }
                try post(.insertInboxBatch, parameters)
            }
        }
    }

    func forgetInbox(_ keys: [Digest128]) throws {
        if keys.isEmpty { return }
        try changing { () throws(StoreError) in
            var parameters = Parameters()
            parameters.digests(keys) { $0 }
            try post(.deleteInbox, parameters)
        }
    }

    func pruneInbox(before: Instant, limit: Int) throws -> Int {
        try changing { () throws(StoreError) in
            var pruned = 0
            while pruned < limit {
                var parameters = Parameters()
                parameters.add(before.microseconds)
                parameters.add(Int64(16))
                let batches = try answer(.oldInboxBatches, parameters)
                if batches.count == 0 { break }
                var gone: [Int64] = []
                var keys: [Digest128] = []
                for row in 0..<batches.count where pruned < limit {
                    let batch = batches.digests(row, 1)
                    let going = batch.prefix(limit - pruned)
                    keys += going
                    pruned += going.count
                    if going.count == batch.count {
                        gone.append(batches.integer(row, 0))
                    } else {
                        parameters = Parameters()
                        parameters.add(batches.integer(row, 0))
                        parameters.digests(batch.dropFirst(going.count)) { $0 }
                        try post(.replaceInboxBatch, parameters)
                    }
                }
                parameters = Parameters()
                parameters.digests(keys) { $0 }
                try post(.deleteInbox, parameters)
                parameters = Parameters()
                parameters.integers(gone) { $0 }
                try post(.deleteInboxBatches, parameters)
            }
            return pruned
        }
    }

    // MARK: Outbox

    func appendOutbox(_ messages: [OutboxMessage], at time: Instant, worker: String?) throws -> OutboxSegmentID {
        try changing { () throws(StoreError) in
            let segment: OutboxSegmentID
            if let reserved = reservedSegment {
                segment = reserved
                reservedSegment = nil
            } else {
                segment = try answer(.nextSegment).integer(0, 0)
            }
            var parameters = Parameters()
            parameters.add(segment)
            parameters.add(time.microseconds)
            parameters.add(Int64(messages.count))
            parameters.add(OutboxCoding.encode(messages))
            parameters.add(worker)
            try post(.appendOutbox, parameters)
            return segment
        }
    }

    func removeOutbox(_ segments: [OutboxSegmentID]) throws {
        if segments.isEmpty { return }
        // Nothing that was loaded ahead depends on it.
        var parameters = Parameters()
        parameters.integers(segments.sorted()) { $0 }
        try post(.removeOutbox, parameters)
    }

    func replaceOutbox(_ segment: OutboxSegmentID, with messages: [OutboxMessage]) throws {
        var parameters = Parameters()
        parameters.add(segment)
        parameters.add(Int64(messages.count))
        parameters.add(OutboxCoding.encode(messages))
        try post(.replaceOutbox, parameters)
    }

    func outbox(after: OutboxSegmentID?, limit: Int) throws -> [OutboxSegment] {
        var parameters = Parameters()
        parameters.add(after ?? 0)
        parameters.add(Int64(limit))
        return try outboxSegments(try answer(.outboxAfter, parameters))
    }

    /// From the columns segment, created_at, messages.
    func outboxSegments(_ rows: Rows) throws(StoreError) -> [OutboxSegment] {
        var result: [OutboxSegment] = []
        for row in 0..<rows.count {
            let id = rows.integer(row, 0)
            do {
                result.append(
                    OutboxSegment(
                        id: id, createdAt: rows.time(row, 1), messages: try OutboxCoding.decode(rows.blob(row, 2))))
            } catch {
                throw StoreError(.corrupt, "store \(link.label), segment \(id): \(error.message)")
            }
        }
        return result
    }

    // MARK: Parked messages

    func parkedMessages(_ orderIDs: [OrderID]) throws -> [ParkedMessage] {
        var result: [ParkedMessage] = []
        var missing: [OrderID] = []
        for orderID in orderIDs {
            if let known = loaded.parked[orderID] { result += known } else { missing.append(orderID) }
        }
        if missing.isEmpty { return result }
        var parameters = Parameters()
        parameters.texts(missing) { $0.text }
        return result + (try readParked(try answer(.parkedOf, parameters)))
    }

    func parkedMessages(before: Instant, limit: Int) throws -> [ParkedMessage] {
        var parameters = Parameters()
        parameters.add(before.microseconds)
        parameters.add(Int64(limit))
        return try readParked(try answer(.parkedBefore, parameters))
    }

    /// From the columns order_id, parked_at, message, original.
    func readParked(_ rows: Rows) throws(StoreError) -> [ParkedMessage] {
        var result: [ParkedMessage] = []
        for row in 0..<rows.count {
            let orderID = OrderID(rows.text(row, 0))
            result.append(
                ParkedMessage(
                    orderID: orderID,
                    message: try JSONColumn.decode(
                        InputMessage.self, rows.text(row, 2), of: "parked message of order \(orderID)"),
                    parkedAt: rows.time(row, 1), original: rows.blob(row, 3)))
        }
        return result
    }
}
