internal import BackOrderStore
internal import CLibPQ

/// What is sent in one message: a statement that is prepared once for the connection, or one that is asked rarely.
enum Statement {
    case kept(PostgresQuery)
    case text(String)
}

/// One connection in pipeline mode: statements are put in a row and answered in one round trip.
///
/// Used by one thread at a time. After a failure of the connection itself (`isLost`) it is good for nothing but to be
/// dropped; after a refusal by the server it goes on, in a transaction that has failed.
@safe
final class Connection {
    /// How the server is called in errors: never with a password.
    let label: String
    private let handle: OpaquePointer
    private let address: PostgresAddress
    private(set) var isLost = false
    /// Round trips so far: what the design counts.
    private(set) var roundTrips = 0
    private var prepared: Set<Int> = []
    /// Statements in the row, true for those that only prepare.
    private var row: [(preparing: Int?, kept: Int?)] = []
    /// How long an answer may take before the server is given up: longer than its own limits for a statement.
    private var answerSeconds: Int { patienceSeconds ?? address.answerSeconds }
    /// For what may take long.
    var patienceSeconds: Int?

    /// Connects to the first host that lets us in; blocks for `connect_timeout` a host at the most.
    init(_ address: PostgresAddress) throws(StoreError) {
        self.address = address
        label = address.label
        let handle = unsafe try Self.open(address)
        unsafe clpq_ignore_notices(handle)
        guard unsafe PQsetnonblocking(handle, 1) == 0, unsafe PQenterPipelineMode(handle) == 1 else {
            unsafe PQfinish(handle)
            throw StoreError(.unavailable, "store \(address.label): the connection can't be used; it is tried again.")
        }
        // Last of all: once every property is set, an error above would run `deinit` too, and finish it twice.
        unsafe self.handle = unsafe handle
    }

    private static func open(_ address: PostgresAddress) throws(StoreError) -> OpaquePointer {
        var details: [String] = []
        var needsPassword = false
        for host in 0..<address.hostCount {
            guard let handle = unsafe address.connect(host: host) else {
                throw StoreError(.unavailable, "store \(address.label): memory ran out; it is tried again.")
            }
            if unsafe PQstatus(handle) == CONNECTION_OK { return unsafe handle }
            details.append(unsafe address.redacted(String(cString: PQerrorMessage(handle))))
            if unsafe PQconnectionNeedsPassword(handle) == 1 { needsPassword = true }
            unsafe PQfinish(handle)
        }
        throw PostgresErrors.connecting(
            address.label, details.joined(separator: "; "), needsPassword: needsPassword)
    }

    deinit {
        unsafe PQfinish(handle)
    }

    var serverVersion: Int { unsafe Int(PQserverVersion(handle)) }

    func parameterStatus(_ name: String) -> String? {
        guard let value = unsafe PQparameterStatus(handle, name) else { return nil }
        return unsafe String(cString: value)
    }

    /// The server process at the other end.
    var backend: Int32 { unsafe PQbackendPID(handle) }

    // MARK: Pipeline

    /// Puts a statement in the row; it travels with the next `exchange`.
    func enqueue(_ statement: Statement, _ parameters: Parameters = Parameters()) throws(StoreError) {
        switch statement {
        case .kept(let query):
            let name = "s\(query.rawValue)"
            if !prepared.contains(query.rawValue),
                !row.contains(where: { $0.preparing == query.rawValue })
            {
                guard unsafe PQsendPrepare(handle, name, query.sql, 0, nil) == 1 else { throw lost() }
                row.append((query.rawValue, nil))
            }
            let isSent = unsafe withPointers(parameters) { count, values, lengths, formats in
                unsafe PQsendQueryPrepared(handle, name, count, values, lengths, formats, 1) == 1
            }
            if !isSent { throw lost() }
            row.append((nil, query.rawValue))
        case .text(let sql):
            let isSent = unsafe withPointers(parameters) { count, values, lengths, formats in
                unsafe PQsendQueryParams(handle, sql, count, nil, values, lengths, formats, 1) == 1
            }
            if !isSent { throw lost() }
            row.append((nil, nil))
        }
    }

    /// Sends what is in the row and reads all answers: one round trip. Answers those before the first refusal, and the
    /// refusal. The server passes over everything behind it.
    func exchange() throws(StoreError) -> (answers: [Rows], refusal: Refusal?) {
        roundTrips += 1
        guard unsafe PQpipelineSync(handle) == 1 else { throw lost() }
        var answers: [Rows] = []
        answers.reserveCapacity(row.count)
        var refusal: Refusal?
        let commands = row
        row.removeAll(keepingCapacity: true)
        for command in commands {
            guard let result = unsafe try next() else { throw lost() }
            switch unsafe PQresultStatus(result) {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
                if let query = command.preparing {
                    prepared.insert(query)
                    unsafe PQclear(result)
                } else {
                    answers.append(unsafe Rows(result))
                }
            case PGRES_PIPELINE_ABORTED: unsafe PQclear(result)
            default:
                if refusal == nil { refusal = unsafe Refusal(result, address, query: command.kept) }
                unsafe PQclear(result)
            }
            // Each command's results end with a nil.
            while let more = unsafe try next() { unsafe PQclear(more) }
            if unsafe PQstatus(handle) == CONNECTION_BAD { throw lost(refusal) }
        }
        guard let end = unsafe try next() else { throw lost(refusal) }
        let isEnd = unsafe PQresultStatus(end) == PGRES_PIPELINE_SYNC
        unsafe PQclear(end)
        if !isEnd { throw lost(refusal) }
        return (answers, refusal)
    }

    /// Several statements in one text, as a migration has them, outside of the pipeline.
    func execute(_ sql: String) throws(StoreError) {
        roundTrips += 1
        guard unsafe PQexitPipelineMode(handle) == 1, unsafe PQsendQuery(handle, sql) == 1 else { throw lost() }
        var refusal: Refusal?
        while let result = unsafe try next() {
            let status = unsafe PQresultStatus(result)
            if status != PGRES_TUPLES_OK, status != PGRES_COMMAND_OK, refusal == nil {
                refusal = unsafe Refusal(result, address, query: nil)
            }
            unsafe PQclear(result)
        }
        guard unsafe PQenterPipelineMode(handle) == 1 else { throw lost(refusal) }
        if let refusal { throw PostgresErrors.error(refusal, label) }
    }

    /// The next result, read without ever blocking in libpq: the server may want to write while we still do.
    private func next() throws(StoreError) -> OpaquePointer? {
        while unsafe PQisBusy(handle) == 1 {
            let unsent = unsafe PQflush(handle)
            if unsent < 0 { throw lost() }
            if unsafe clpq_wait(PQsocket(handle), unsent, Int32(answerSeconds) * 1000) == 0 {
                isLost = true
                throw StoreError(
                    .unavailable,
                    "store \(label): the server did not answer for \(answerSeconds) s, the connection is given up. It is tried again."
                )
            }
            if unsafe PQconsumeInput(handle) == 0 { throw lost() }
        }
        return unsafe PQgetResult(handle)
    }

    private func lost(_ refusal: Refusal? = nil) -> StoreError {
        isLost = true
        var detail = unsafe address.redacted(String(cString: PQerrorMessage(handle)))
        if let refusal { detail = refusal.message }
        return StoreError(
            .unavailable,
            "store \(label): the connection to the server was lost (\(detail)). It is made again and the work tried again."
        )
    }

    private func withPointers(
        _ parameters: Parameters,
        _ body: (
            Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?
        ) -> Bool
    ) -> Bool {
        let count = parameters.spans.count
        if count == 0 { return body(0, nil, nil, nil) }
        return unsafe parameters.bytes.withUnsafeBytes { bytes in
            // An empty value is not NULL: it needs an address, whichever.
            let empty: StaticString = ""
            let none = unsafe UnsafeRawPointer(empty.utf8Start).assumingMemoryBound(to: CChar.self)
            let values: [UnsafePointer<CChar>?] = unsafe parameters.spans.map { span in
                if span.count < 0 { return nil }
                guard let base = bytes.baseAddress, span.count > 0 else { return unsafe none }
                return unsafe (base + span.start).assumingMemoryBound(to: CChar.self)
            }
            let lengths = parameters.spans.map { Int32(clamping: max(0, $0.count)) }
            let formats = [Int32](repeating: 1, count: count)
            return unsafe body(Int32(count), values, lengths, formats)
        }
    }
}
