internal import BackOrderStore
internal import InventoryCore

/// Who sees to the sending of which outbox segments.
extension SQLiteTransaction {
    func claimOutbox(worker: String, now: Instant, until: Instant, limit: Int) throws -> [OutboxSegment] {
        try changing { () throws(StoreError) in
            let keep = try connection.statement(.keepLease)
            keep.bind(1, worker)
            keep.bind(2, until.microseconds)
            try connection.run(keep)
            let prune = try connection.statement(.pruneLeases)
            prune.bind(1, now.microseconds)
            prune.bind(2, worker)
            try connection.run(prune)
        }
        var result = try outbox(of: nil, limit: limit)
        var last = ""
        while let next = try claimant(after: last) {
            if try !hasLease(next) { result += try outbox(of: next, limit: limit) }
            last = next
        }
        result = Array(result.sorted { $0.id < $1.id }.prefix(limit))
        try changing { () throws(StoreError) in
            let claim = try connection.statement(.claimSegment)
            for segment in result {
                claim.bind(1, segment.id)
                claim.bind(2, worker)
                try connection.run(claim)
            }
        }
        return result
    }

    private func outbox(of worker: String?, limit: Int) throws -> [OutboxSegment] {
        var result: [OutboxSegment] = []
        let statement = try connection.statement(.outboxOf)
        defer { statement.reset() }
        statement.bind(1, worker)
        while result.count < limit, try connection.next(statement) { result.append(try outboxSegment(statement)) }
        return result
    }

    /// Who sees to a segment, one after the other.
    private func claimant(after worker: String) throws -> String? {
        let statement = try connection.statement(.nextClaimant)
        defer { statement.reset() }
        statement.bind(1, worker)
        return try connection.next(statement) ? statement.text(0) : nil
    }

    private func hasLease(_ worker: String) throws -> Bool {
        let statement = try connection.statement(.lease)
        defer { statement.reset() }
        statement.bind(1, worker)
        return try connection.next(statement)
    }

    func outboxWorkers() throws -> [String] {
        var result: [String] = []
        let statement = try connection.statement(.leases)
        defer { statement.reset() }
        while try connection.next(statement) { result.append(statement.text(0)) }
        return result
    }

    func leaveOutbox(worker: String) throws {
        try changing { () throws(StoreError) in
            for query in [SQLiteQuery.removeLease, .freeOutbox] {
                let statement = try connection.statement(query)
                statement.bind(1, worker)
                try connection.run(statement)
            }
        }
    }
}

extension SQLiteSchema {
    /// Who sees to a segment (NULL: nobody, as an older program leaves it), and until when each worker lives at least.
    static let claims = """
        ALTER TABLE outbox ADD COLUMN worker TEXT;
        CREATE INDEX outbox_worker ON outbox (worker, segment);
        CREATE TABLE outbox_lease (
            worker TEXT PRIMARY KEY NOT NULL,
            until INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """
}
