internal import BackOrderStore
internal import CLibPQ

/// What the server said no to.
struct Refusal {
    var state: String
    var message: String
    var constraint: String
    /// The raw value of the kept statement that it was about.
    var query: Int?

    init(_ result: OpaquePointer, _ address: PostgresAddress, query: Int?) {
        func text(_ field: UnsafePointer<CChar>?) -> String { unsafe field.map { unsafe String(cString: $0) } ?? "" }
        state = unsafe text(clpq_sqlstate(result))
        message = address.redacted(unsafe text(clpq_message(result)))
        constraint = unsafe text(clpq_constraint(result))
        self.query = query
    }
}

/// Turns what PostgreSQL says into what a person can act on: which server, cause, remedy.
enum PostgresErrors {
    static func error(_ refusal: Refusal, _ label: String) -> StoreError {
        let (code, remedy) = answer(refusal.state)
        return StoreError(
            code, "store \(label): \(refusal.message) (SQLSTATE \(refusal.state)). \(remedy)",
            conflict: conflict(refusal.state))
    }

    private static func conflict(_ state: String) -> StoreError.Conflict? {
        switch state {
        case "40P01": .deadlock
        case "40001": .serialization
        case "55P03": .lockTimeout
        default: nil
        }
    }

    private static func answer(_ state: String) -> (StoreError.Code, String) {
        switch state {
        case "40001", "40P01":
            return (.unavailable, "Another worker was at the same rows; nothing was kept, it is tried again.")
        case "55P03":
            return (.unavailable, "Another transaction keeps rows locked for long; it is tried again. See pg_locks.")
        case "57014":
            return (
                .unavailable, "The server was too slow (statement_timeout) or was asked to stop; it is tried again."
            )
        case "25P03", "57P05":
            return (.unavailable, "The server ended an idle session; it is made again.")
        case "25006":
            return (
                .unavailable,
                "This server takes no changes now: it is a standby, or default_transaction_read_only is on. It is tried again; name all hosts and target_session_attrs=read-write."
            )
        case "53100": return (.unavailable, "The server's disk is full: free some space there. It is tried again.")
        case "53300":
            return (.unavailable, "The server has no connection left: raise max_connections. It is tried again.")
        case "42501":
            return (.misconfigured, "Give the role this right; `migrate` needs to create tables, `run` to change rows.")
        case "42P01", "42703", "3F000":
            return (.schemaMissing, "The tables are not there, or not all. Run: backorderd migrate")
        case "3D000": return (.misconfigured, "Name a database that exists, or create this one.")
        case "XX001", "XX002":
            return (.corrupt, "The database is damaged: stop the daemon and restore a backup.")
        default: break
        }
        switch state.prefix(2) {
        case "08", "53", "57", "58":
            return (.unavailable, "The server can't serve now; it is tried again.")
        case "28": return (.misconfigured, "The server does not let this user in: look at user and password.")
        case "23", "22":
            return (
                .corrupt,
                "A row breaks a rule of the books, so the transaction was undone: please report this with the log."
            )
        case "40": return (.unavailable, "The transaction was undone; it is tried again.")
        default: return (.corrupt, "This should not happen: please report it with the log.")
        }
    }

    /// libpq tells no SQLSTATE of a connection that failed, only text. What is not known to need a person is tried again.
    static func connecting(_ label: String, _ detail: String, needsPassword: Bool) -> StoreError {
        func make(_ remedy: String) -> StoreError {
            StoreError(.misconfigured, "store \(label): \(detail). \(remedy)")
        }
        if needsPassword || detail.contains("password authentication failed") || detail.contains("no password supplied")
        {
            return make(
                "Look at user and password: in the URL, in the file of BACKORDERD_STORE_URL_FILE, or in ~/.pgpass or PGPASSFILE."
            )
        }
        if detail.contains("pg_hba.conf") { return make("Let this user and host in, in the server's pg_hba.conf.") }
        if detail.contains("database"), detail.contains("does not exist") {
            return make("Create the database, or name one that exists.")
        }
        if detail.contains("role"), detail.contains("does not exist") {
            return make("Create the role, or correct the user.")
        }
        if detail.contains("certificate") || detail.contains("does not match host name") {
            return make(
                "Is the name in the URL the one in the server's certificate, and sslrootcert the CA that signed it?")
        }
        if detail.contains("does not support SSL") {
            return make("Switch TLS on at the server (ssl = on), or correct sslmode.")
        }
        return StoreError(
            .unavailable,
            "store \(label): \(detail). It is tried again; is the server running, and are host and port right?")
    }
}
