internal import BackOrderStore
internal import InventoryCore

/// Who sees to the sending of which outbox segments.
extension PostgresTransaction {
    func claimOutbox(worker: String, now: Instant, until: Instant, limit: Int) throws -> [OutboxSegment] {
        try changing { () throws(StoreError) in
            var lease = Parameters()
            lease.add(worker)
            lease.add(until.microseconds)
            try post(.keepLease, lease)
            var lapsed = Parameters()
            lapsed.add(now.microseconds)
            lapsed.add(worker)
            try post(.pruneLeases, lapsed)
        }
        var parameters = Parameters()
        parameters.add(worker)
        parameters.add(now.microseconds)
        parameters.add(Int64(limit))
        return try outboxSegments(try answer(.claimOutbox, parameters)).sorted { $0.id < $1.id }
    }

    func outboxWorkers() throws -> [String] {
        let rows = try answer(.leases)
        return (0..<rows.count).map { rows.text($0, 0) }
    }

    func leaveOutbox(worker: String) throws {
        try changing { () throws(StoreError) in
            var parameters = Parameters()
            parameters.add(worker)
            try post(.removeLease, parameters)
            try post(.freeOutbox, parameters)
        }
    }
}

extension PostgresQuery {
    var claimSQL: String {
        switch self {
        case .keepLease:
            """
            INSERT INTO outbox_lease (worker, until) VALUES ($1::text, $2::int8)
            ON CONFLICT (worker) DO UPDATE SET until = excluded.until
            """
        case .pruneLeases:
            // Workers that come back at once after an outage must not wait for each other's rows.
            """
            DELETE FROM outbox_lease WHERE worker IN (
                SELECT worker FROM outbox_lease WHERE worker > '' AND until <= $1::int8 AND worker <> $2::text
                FOR UPDATE SKIP LOCKED)
            """
        case .leases: "SELECT worker FROM outbox_lease ORDER BY worker"
        case .removeLease: "DELETE FROM outbox_lease WHERE worker = $1::text"
        // Once, when a worker starts; the outbox is as long as its high water. By its key, as sequential scans are off.
        case .freeOutbox: "UPDATE outbox SET worker = NULL WHERE segment > 0 AND worker = $1::text"
        default:
            // What another worker claims or removes at this moment is passed over.
            """
            UPDATE outbox SET worker = $1::text WHERE segment IN (
                SELECT segment FROM outbox o
                WHERE worker IS NULL OR NOT EXISTS (
                    SELECT FROM outbox_lease l WHERE l.worker = o.worker AND (l.until > $2::int8 OR l.worker = $1::text))
                ORDER BY segment LIMIT $3::int8 FOR UPDATE OF o SKIP LOCKED)
            RETURNING segment, created_at, messages
            """
        }
    }
}

extension PostgresSchema {
    /// Who sees to a segment (NULL: nobody, as an older program leaves it), and until when each worker lives at least.
    static let claims = """
        ALTER TABLE outbox ADD COLUMN worker TEXT COLLATE "C";
        CREATE TABLE outbox_lease (
            worker TEXT COLLATE "C" PRIMARY KEY,
            until BIGINT NOT NULL
        ) WITH (fillfactor = 50);
        """
}
