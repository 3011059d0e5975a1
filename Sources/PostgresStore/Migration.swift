internal import BackOrderStore

/// Schema versions, and what a new connection is asked first.
enum Migration {
    /// Refuses a server that can't keep the books; answers a number for this store among all in the database.
    static func prepare(_ link: Connection) throws(StoreError) -> UInt64 {
        if link.serverVersion < 130_000 {
            throw StoreError(
                .misconfigured, "store \(link.label): PostgreSQL 13 or later is needed, this is \(link.serverVersion).")
        }
        let encoding = link.parameterStatus("server_encoding") ?? ""
        if encoding != "UTF8" {
            throw StoreError(
                .misconfigured,
                "store \(link.label): the database's encoding is \(encoding); make one with ENCODING 'UTF8'.")
        }
        // Taken while statements can still be refused one by one.
        let rows = try ask(link, "SELECT current_database(), current_setting('search_path')")
        var seed: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in (rows.text(0, 0) + "\u{0}" + rows.text(0, 1)).utf8 {
            seed = (seed ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        return seed
    }

    /// 0: there is no schema yet.
    static func version(_ link: Connection) throws(StoreError) -> (found: Int, oldestProgram: Int) {
        let there = try ask(link, "SELECT to_regclass('schema_version') IS NOT NULL")
        if !there.boolean(0, 0) { return (0, 0) }
        let rows = try ask(link, "SELECT version, oldest_program FROM schema_version")
        return rows.count == 0 ? (0, 0) : (Int(rows.integer(0, 0)), Int(rows.integer(0, 1)))
    }

    /// Does the steps that are missing, all in one transaction. Workers that migrate at once wait for one another.
    static func run(_ link: Connection, nameSeed: UInt64) throws(StoreError) {
        let before = try version(link)
        try requireNotNewer(before, link.label)
        if before.found >= PostgresSchema.wanted { return }
        do {
            // What changes every row of a large table may take its time.
            link.patienceSeconds = 24 * 3600
            defer { link.patienceSeconds = nil }
            try link.execute(
                """
                BEGIN;
                SET LOCAL statement_timeout = 0;
                SET LOCAL lock_timeout = 0;
                SET LOCAL enable_seqscan = on;
                SET LOCAL enable_hashjoin = on;
                SELECT pg_advisory_xact_lock(\(Int64(bitPattern: nameSeed &+ 1)));
                """)
            try makeSchema(link)
            try link.execute(PostgresSchema.version)
            // Another worker may have been first.
            let found = try version(link)
            try requireNotNewer(found, link.label)
            if found.found < PostgresSchema.wanted {
                for step in PostgresSchema.steps[found.found...] { try link.execute(step) }
                try link.execute(
                    """
                    INSERT INTO schema_version (version, oldest_program)
                    VALUES (\(PostgresSchema.wanted), \(PostgresSchema.oldestProgram))
                    ON CONFLICT (one) DO UPDATE
                        SET version = excluded.version, oldest_program = excluded.oldest_program;
                    """)
            }
            try link.execute("COMMIT")
        } catch {
            if !link.isLost { try? link.execute("ROLLBACK") }
            throw error
        }
    }

    /// The tables live in a schema of their own (or in whichever search_path of the URL names), made if it is not there.
    private static func makeSchema(_ link: Connection) throws(StoreError) {
        if !(try ask(link, "SELECT current_schema()").isNull(0, 0)) { return }
        let path = try ask(link, "SELECT current_setting('search_path')").text(0, 0)
        let first = path.split(separator: ",").first.map { $0.filter { $0 != "\"" && $0 != " " } } ?? "backorderd"
        try link.execute("CREATE SCHEMA IF NOT EXISTS \"\(first)\"")
    }

    private static func requireNotNewer(_ version: (found: Int, oldestProgram: Int), _ label: String) throws(StoreError)
    {
        if version.found <= PostgresSchema.wanted { return }
        if let error = PostgresTransaction.refusal(
            found: version.found, oldestProgram: version.oldestProgram, label)
        {
            throw error
        }
    }

    /// One question outside of any transaction of the books.
    static func ask(_ link: Connection, _ sql: String, _ parameters: Parameters = Parameters()) throws(StoreError)
        -> Rows
    {
        try link.enqueue(.text(sql), parameters)
        let (answers, refusal) = try link.exchange()
        if let refusal { throw PostgresErrors.error(refusal, link.label) }
        guard let answer = answers.last else {
            throw StoreError(.unavailable, "store \(link.label): the server gave no answer; it is tried again.")
        }
        return answer
    }
}
