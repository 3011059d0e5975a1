internal import CSQLiteSetup
internal import GRDBSQLite
internal import Glibc

enum SQLitePlumbing {
    /// SQLite counts its memory under one lock for all connections; nobody asks for the count, and where two threads have a
    /// connection each they wait for one another. Only the first use counts, and only before any connection is opened.
    static let setUp: Void = {
        _ = csqlite_without_memory_statistics()
    }()

    static func isReadOnly(_ handle: OpaquePointer?) -> Bool { sqlite3_db_readonly(handle, "main") == 1 }

    static func pause(milliseconds: UInt32) { usleep(milliseconds * 1000) }

    /// What keeps this user from having a database at the path, said so that they can change it.
    static func problem(withFolderOf path: String) -> String? {
        var folder = "."
        if let slash = path.lastIndex(of: "/") { folder = slash == path.startIndex ? "/" : String(path[..<slash]) }
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            return "this is a folder. Name a file in it."
        }
        if stat(folder, &status) != 0 {
            return
                "the folder \(folder) is not there (\(String(cString: strerror(errno)))). Make it and give it to this user."
        }
        if status.st_mode & S_IFMT != S_IFDIR { return "\(folder) is not a folder." }
        // SQLite keeps its log beside the file, so it is the folder that must be writable.
        if access(folder, W_OK | X_OK) != 0 {
            return "this user may not write in \(folder) (\(String(cString: strerror(errno)))). Give it write access."
        }
        return nil
    }
}
