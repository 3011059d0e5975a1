internal import BackOrderStore
internal import InventoryCore

/// The book of suspects.
extension PostgresTransaction {
    func suspects(_ keys: [Digest128]) throws -> [Digest128: Suspect] {
        if keys.isEmpty { return [:] }
        var parameters = Parameters()
        parameters.digests(keys) { $0 }
        let rows = try answer(.suspects, parameters)
        var found: [Digest128: Suspect] = [:]
        for row in 0..<rows.count {
            let key = rows.digest(row, 0)
            found[key] = Suspect(
                key: key, batch: Int(rows.integer(row, 1)), deaths: Int(rows.integer(row, 2)),
                deathsAlone: Int(rows.integer(row, 3)), at: rows.time(row, 4))
        }
        return found
    }

    func putSuspects(_ suspects: [Suspect]) throws {
        if suspects.isEmpty { return }
        // Two workers with the same messages wait for each other in one order.
        let rows = suspects.sorted { $0.key < $1.key }
        try changing { () throws(StoreError) in
            var parameters = Parameters()
            parameters.digests(rows) { $0.key }
            parameters.integers(rows) { Int64($0.batch) }
            parameters.integers(rows) { Int64($0.deaths) }
            parameters.integers(rows) { Int64($0.deathsAlone) }
            parameters.integers(rows) { $0.at.microseconds }
            try post(.putSuspects, parameters)
        }
    }

    func removeSuspects(_ keys: [Digest128]) throws {
        if keys.isEmpty { return }
        try changing { () throws(StoreError) in
            var parameters = Parameters()
            parameters.digests(keys.sorted()) { $0 }
            try post(.removeSuspects, parameters)
        }
    }

    func pruneSuspects(before: Instant) throws {
        try changing { () throws(StoreError) in
            var parameters = Parameters()
            parameters.add(before.microseconds)
            try post(.pruneSuspects, parameters)
        }
    }
}

extension PostgresQuery {
    var suspectSQL: String {
        switch self {
        case .suspects:
            "SELECT key, batch, deaths, deaths_alone, at FROM suspect WHERE key = ANY ($1::uuid[])"
        case .putSuspects:
            """
            INSERT INTO suspect (key, batch, deaths, deaths_alone, at)
            SELECT * FROM unnest($1::uuid[], $2::int8[], $3::int8[], $4::int8[], $5::int8[])
            ON CONFLICT (key) DO UPDATE SET batch = excluded.batch, deaths = excluded.deaths,
                deaths_alone = excluded.deaths_alone, at = excluded.at
            """
        case .removeSuspects:
            """
            DELETE FROM suspect WHERE key IN (
                SELECT key FROM suspect WHERE key = ANY ($1::uuid[]) ORDER BY key FOR UPDATE)
            """
        default: "DELETE FROM suspect WHERE at < $1::int8"
        }
    }
}

extension PostgresSchema {
    /// Redelivered messages that are in hand, or that a worker died over. An older program does not know of it and
    /// leaves it alone.
    static let suspects = """
        CREATE TABLE suspect (
            key UUID PRIMARY KEY,
            batch BIGINT NOT NULL,
            deaths BIGINT NOT NULL,
            deaths_alone BIGINT NOT NULL,
            at BIGINT NOT NULL,
            CHECK (batch > 0 AND 0 <= deaths_alone AND deaths_alone <= deaths)
        ) WITH (fillfactor = 50);
        CREATE INDEX suspect_at ON suspect (at);
        """
}
