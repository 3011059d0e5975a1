internal import BackOrderStore
internal import CLibPQ
internal import Glibc

/// Where the server is and how it is talked to: a postgres:// URL, with our defaults for what it does not say.
///
/// Passwords come from the URL (which the configuration takes from the file, the environment or a file that the
/// environment names), or the way libpq finds them: PGPASSWORD, PGPASSFILE, ~/.pgpass. They are in no text that leaves
/// this module.
@safe
struct PostgresAddress {
    /// Hosts and database, for errors.
    let label: String
    /// How long an answer may take before the connection is given up.
    let answerSeconds = 45
    private let settings: [(keyword: String, value: String)]
    private let secrets: [String]

    /// Nothing of the session is left to how the server is set up.
    ///
    /// Every statement of ours finds its rows by an index, whatever the tables look like at the moment; a plan that was
    /// made while a table was empty must not read all of it an hour later. So plans are made once, and without the ways
    /// that read whole tables. The server notices a dead worker by its own keepalives, and lets go of its locks then.
    private static let session = [
        "search_path=backorderd", "statement_timeout=30000", "lock_timeout=10000",
        "idle_in_transaction_session_timeout=60000", "default_transaction_isolation=read\\ committed",
        "synchronous_commit=on", "plan_cache_mode=force_generic_plan", "enable_seqscan=off", "enable_hashjoin=off",
        "enable_mergejoin=off", "enable_bitmapscan=off", "enable_material=off", "enable_memoize=off", "jit=off",
        "bytea_output=hex", "tcp_keepalives_idle=15", "tcp_keepalives_interval=5", "tcp_keepalives_count=3",
        "client_min_messages=error",
    ]

    /// What the URL need not say. Half-open connections are noticed within half a minute, and a server that is no
    /// primary is passed over.
    private static let defaults = [
        ("connect_timeout", "10"), ("keepalives_idle", "15"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
        ("tcp_user_timeout", "20000"), ("target_session_attrs", "read-write"), ("application_name", "backorderd"),
        ("client_encoding", "UTF8"),
    ]

    init(url: String) throws(StoreError) {
        guard let parsed = unsafe PQconninfoParse(url, nil) else {
            // libpq's own words would show the URL, password and all.
            throw StoreError(
                .misconfigured,
                "store.url: libpq can't read this URL (a parameter that it does not know, or one that is cut off); write postgres://user@host1,host2/database?name=value"
            )
        }
        defer { unsafe PQconninfoFree(parsed) }
        var found: [(keyword: String, value: String)] = []
        var option = unsafe parsed
        while let keyword = unsafe option.pointee.keyword {
            if let value = unsafe option.pointee.val, unsafe value.pointee != 0 {
                unsafe found.append((String(cString: keyword), String(cString: value)))
            }
            unsafe option += 1
        }
        func value(_ keyword: String) -> String? { found.first { $0.keyword == keyword }?.value }
        secrets = ["password", "sslpassword"].compactMap { value($0) }
        label = Self.label(
            hosts: value("host") ?? value("hostaddr") ?? "", ports: value("port") ?? "", database: value("dbname"))
        for (keyword, text) in Self.defaults where value(keyword) == nil { found.append((keyword, text)) }
        // The last one wins: what the URL says.
        let session = Self.session.map { "-c \($0)" }.joined(separator: " ")
        let options = value("options").map { "\(session) \($0)" } ?? session
        found.removeAll { $0.keyword == "options" }
        found.append(("options", options))
        settings = found
    }

    private static func label(hosts: String, ports: String, database: String?) -> String {
        let ports = ports.split(separator: ",", omittingEmptySubsequences: false)
        let names = hosts.split(separator: ",", omittingEmptySubsequences: false).enumerated().map { index, host in
            let port = ports.count == 1 ? ports[0] : ports.indices.contains(index) ? ports[index] : ""
            return port.isEmpty || port == "5432" ? String(host) : "\(host):\(port)"
        }
        return "postgres://\(names.joined(separator: ","))/\(database ?? "")"
    }

    /// A connection that is open or says why not; nil: no memory.
    func connect() -> OpaquePointer? {
        var keywords: [UnsafeMutablePointer<CChar>?] = unsafe []
        var values: [UnsafeMutablePointer<CChar>?] = unsafe []
        for (keyword, value) in settings {
            unsafe keywords.append(strdup(keyword))
            unsafe values.append(strdup(value))
        }
        defer {
            unsafe (keywords + values).forEach { unsafe free($0) }
        }
        let names: [UnsafePointer<CChar>?] = unsafe keywords.map { unsafe UnsafePointer($0) } + [nil]
        let texts: [UnsafePointer<CChar>?] = unsafe values.map { unsafe UnsafePointer($0) } + [nil]
        return unsafe PQconnectdbParams(names, texts, 0)
    }

    /// Without passwords and in one line.
    func redacted(_ text: String) -> String {
        var lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingSpaces }.joined(separator: "; ")
        for secret in secrets where secret.utf8.count >= 1 { lines = lines.replacing(secret, with: "***") }
        return lines
    }
}

extension Substring {
    fileprivate var trimmingSpaces: String {
        var text = self
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return String(text)
    }
}
