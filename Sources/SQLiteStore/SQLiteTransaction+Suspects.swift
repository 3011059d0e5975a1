internal import BackOrderStore
internal import InventoryCore

/// The book of suspects.
extension SQLiteTransaction {
    func suspects(_ keys: [Digest128]) throws -> [Digest128: Suspect] {
        var found: [Digest128: Suspect] = [:]
        let statement = try connection.statement(.suspect)
        for key in keys {
            statement.bind(1, Int64(bitPattern: key.high))
            statement.bind(2, Int64(bitPattern: key.low))
            guard try connection.next(statement) else { continue }
            found[key] = Suspect(
                key: key, batch: Int(statement.integer(0)), deaths: Int(statement.integer(1)),
                deathsAlone: Int(statement.integer(2)), at: Instant(microseconds: statement.integer(3)))
            statement.reset()
        }
        return found
    }

    func putSuspects(_ suspects: [Suspect]) throws {
        try changing { () throws(StoreError) in
            let statement = try connection.statement(.putSuspect)
            for suspect in suspects {
                statement.bind(1, Int64(bitPattern: suspect.key.high))
                statement.bind(2, Int64(bitPattern: suspect.key.low))
                statement.bind(3, Int64(suspect.batch))
                statement.bind(4, Int64(suspect.deaths))
                statement.bind(5, Int64(suspect.deathsAlone))
                statement.bind(6, suspect.at.microseconds)
                try connection.run(statement)
            }
        }
    }

    func removeSuspects(_ keys: [Digest128]) throws {
        if keys.isEmpty { return }
        try changing { () throws(StoreError) in
            let statement = try connection.statement(.removeSuspect)
            for key in keys {
                statement.bind(1, Int64(bitPattern: key.high))
                statement.bind(2, Int64(bitPattern: key.low))
                try connection.run(statement)
            }
        }
    }

    func pruneSuspects(before: Instant) throws {
        try changing { () throws(StoreError) in
            let statement = try connection.statement(.pruneSuspects)
            statement.bind(1, before.microseconds)
            try connection.run(statement)
        }
    }
}

extension SQLiteSchema {
    /// Redelivered messages that are in hand, or that a worker died over.
    static let suspects = """
        CREATE TABLE suspect (
            key_high INTEGER NOT NULL,
            key_low INTEGER NOT NULL,
            batch INTEGER NOT NULL,
            deaths INTEGER NOT NULL,
            deaths_alone INTEGER NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (key_high, key_low),
            CHECK (batch > 0 AND 0 <= deaths_alone AND deaths_alone <= deaths)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX suspect_at ON suspect (at);
        """
}
