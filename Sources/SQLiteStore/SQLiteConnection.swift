internal import BackOrderStore
internal import GRDBSQLite

/// Prepared statements on one connection, without GRDB's rows and values in between: the hot path.
///
/// Lives inside GRDB's connection and is used only while that is held.
final class SQLiteConnection {
    let handle: OpaquePointer
    let path: String
    private var prepared: [OpaquePointer?] = Array(repeating: nil, count: SQLiteQuery.allCases.count)
    /// By their text, those that nobody has borrowed.
    private var questions: [String: OpaquePointer] = [:]
    private static let questionsKept = 64

    init(handle: OpaquePointer, path: String) {
        self.handle = handle
        self.path = path
    }

    /// Before the connection is closed.
    func finalize() {
        for statement in prepared { sqlite3_finalize(statement) }
        prepared = Array(repeating: nil, count: prepared.count)
        for statement in questions.values { sqlite3_finalize(statement) }
        questions = [:]
    }

    /// The statement, ready for its parameters.
    func statement(_ query: SQLiteQuery) throws(StoreError) -> SQLiteStatement {
        if let known = prepared[query.rawValue] { return SQLiteStatement(handle: known) }
        let statement = try prepare(query.sql)
        prepared[query.rawValue] = statement.handle
        return statement
    }

    /// A statement for a question that is put together when it is asked. The caller has it alone and gives it back.
    ///
    /// A page asks the same questions again and again, and to prepare one takes several times as long as to answer it.
    func borrow(_ sql: String) throws(StoreError) -> SQLiteStatement {
        if let known = questions.removeValue(forKey: sql) { return SQLiteStatement(handle: known) }
        return try prepare(sql)
    }

    /// Ends what `borrow` gave.
    func giveBack(_ statement: SQLiteStatement, _ sql: String) {
        sqlite3_reset(statement.handle)
        sqlite3_clear_bindings(statement.handle)
        if questions.count < Self.questionsKept, questions[sql] == nil {
            questions[sql] = statement.handle
        } else {
            sqlite3_finalize(statement.handle)
        }
    }

    private func prepare(_ sql: String) throws(StoreError) -> SQLiteStatement {
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement else { throw failure(code) }
        return SQLiteStatement(handle: statement)
    }

    /// Runs a statement that answers nothing.
    func run(_ statement: SQLiteStatement) throws(StoreError) {
        let code = sqlite3_step(statement.handle)
        if code == SQLITE_DONE {
            sqlite3_reset(statement.handle)
            return
        }
        let failure = code == SQLITE_ROW ? nil : self.failure(code)
        sqlite3_reset(statement.handle)
        if let failure { throw failure }
    }

    func run(_ query: SQLiteQuery) throws(StoreError) {
        try run(try statement(query))
    }

    /// Goes to the next row; at the end (and on an error) the statement is reset.
    func next(_ statement: SQLiteStatement) throws(StoreError) -> Bool {
        let code = sqlite3_step(statement.handle)
        if code == SQLITE_ROW { return true }
        if code == SQLITE_DONE {
            sqlite3_reset(statement.handle)
            return false
        }
        let failure = self.failure(code)
        sqlite3_reset(statement.handle)
        throw failure
    }

    /// Several statements at once, as a migration has them.
    func execute(_ sql: String) throws(StoreError) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        if code != SQLITE_OK { throw failure(code) }
    }

    var lastRowID: Int64 { sqlite3_last_insert_rowid(handle) }
    var changedRows: Int { Int(sqlite3_changes(handle)) }
    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    private func failure(_ code: Int32) -> StoreError {
        let extended = sqlite3_extended_errcode(handle)
        return SQLiteErrors.error(
            path: path, extended: extended & 0xff == code & 0xff ? extended : code,
            detail: String(cString: sqlite3_errmsg(handle)), isOpening: false)
    }
}

/// A prepared statement: parameters count from 1, columns from 0.
struct SQLiteStatement {
    let handle: OpaquePointer

    /// SQLITE_TRANSIENT: SQLite copies the bytes while it is called.
    private static var copied: sqlite3_destructor_type {
        unsafeBitCast(OpaquePointer(bitPattern: -1), to: sqlite3_destructor_type.self)
    }

    func bind(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(handle, index, value) }

    func bind(_ index: Int32, _ value: Int64?) {
        if let value { sqlite3_bind_int64(handle, index, value) } else { sqlite3_bind_null(handle, index) }
    }

    func bind(_ index: Int32, _ text: String) {
        var text = text
        text.withUTF8 { bytes in
            if let start = bytes.baseAddress {
                start.withMemoryRebound(to: CChar.self, capacity: bytes.count) { start in
                    _ = sqlite3_bind_text(handle, index, start, Int32(bytes.count), Self.copied)
                }
            } else {
                sqlite3_bind_text(handle, index, "", 0, Self.copied)
            }
        }
    }

    func bind(_ index: Int32, _ text: String?) {
        if let text { bind(index, text) } else { sqlite3_bind_null(handle, index) }
    }

    /// Bytes that are UTF-8.
    func bindText(_ index: Int32, _ bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            let start = bytes.bindMemory(to: CChar.self).baseAddress
            _ = sqlite3_bind_text(handle, index, start, Int32(bytes.count), Self.copied)
        }
    }

    func bind(_ index: Int32, _ blob: [UInt8]) {
        blob.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress {
                _ = sqlite3_bind_blob64(handle, index, start, UInt64(bytes.count), Self.copied)
            } else {
                _ = sqlite3_bind_zeroblob(handle, index, 0)
            }
        }
    }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func optionalInteger(_ column: Int32) -> Int64? {
        sqlite3_column_type(handle, column) == SQLITE_NULL ? nil : sqlite3_column_int64(handle, column)
    }

    func text(_ column: Int32) -> String {
        guard let start = sqlite3_column_text(handle, column) else { return "" }
        let count = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    func optionalText(_ column: Int32) -> String? {
        sqlite3_column_type(handle, column) == SQLITE_NULL ? nil : text(column)
    }

    func blob(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
    }

    func reset() { sqlite3_reset(handle) }
}
