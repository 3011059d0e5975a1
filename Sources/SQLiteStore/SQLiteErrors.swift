internal import BackOrderStore
internal import GRDB
internal import GRDBSQLite

/// Turns what SQLite says into what a person can act on: path, cause, remedy.
enum SQLiteErrors {
    /// `extended` is an extended result code; `detail` is SQLite's own message.
    static func error(path: String, extended: Int32, detail: String, isOpening: Bool) -> StoreError {
        func make(_ code: StoreError.Code, _ remedy: String, _ conflict: StoreError.Conflict? = nil) -> StoreError {
            StoreError(code, "store \(path): \(detail) (SQLite \(extended)). \(remedy)", conflict: conflict)
        }
        switch extended & 0xff {
        case SQLITE_BUSY, SQLITE_LOCKED:
            return make(
                .unavailable,
                "Another process keeps it locked; it is tried again. If this goes on, end whatever holds it open.",
                .lockTimeout)
        case SQLITE_FULL:
            return make(
                .unavailable,
                "The disk or quota is full: free some space there. Nothing of this batch was kept; it is tried again.")
        case SQLITE_IOERR:
            return make(
                .unavailable,
                "The disk could not be read or written: look at free space, limits and the system log. It is tried again."
            )
        case SQLITE_NOMEM: return make(.unavailable, "Memory ran out; it is tried again.")
        case SQLITE_INTERRUPT: return make(.unavailable, "It was interrupted; it is tried again.")
        case SQLITE_CANTOPEN where !isOpening:
            return make(
                .unavailable,
                "Its files can't be opened now: look at limits of open files and whether its folder is still there.")
        case SQLITE_CANTOPEN:
            return make(
                .misconfigured, "Does the path name a file in a folder that exists and that this user may write?")
        case SQLITE_READONLY:
            return make(.misconfigured, "Give this user write access to the file and its folder.")
        case SQLITE_PERM, SQLITE_AUTH: return make(.misconfigured, "Give this user access to the file and its folder.")
        case SQLITE_NOTADB:
            return make(.misconfigured, "The file is not an SQLite database: is the path right? It was not changed.")
        case SQLITE_CORRUPT:
            return make(
                .corrupt,
                "The file is damaged: stop the daemon, keep a copy, and restore a backup or use sqlite3's .recover.")
        case SQLITE_CONSTRAINT:
            return make(
                .corrupt,
                "A row breaks a rule of the books, so the transaction was undone: please report this with the log.")
        default: return make(.corrupt, "This should not happen: please report it with the log.")
        }
    }

    static func error(_ error: any Error, path: String, isOpening: Bool) -> StoreError {
        if let error = error as? StoreError { return error }
        guard let error = error as? DatabaseError else {
            return StoreError(.misconfigured, "store \(path): \(error)")
        }
        return Self.error(
            path: path, extended: error.extendedResultCode.rawValue, detail: error.message ?? "no message",
            isOpening: isOpening)
    }
}
