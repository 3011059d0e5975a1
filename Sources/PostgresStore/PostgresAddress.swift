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
    /// What libpq is told, for each host of the list.
    private let hosts: [[(keyword: String, value: String)]]
    private let secrets: [String]

    /// Nothing of the session is left to how the server is set up.
    ///
    /// Every statement of ours finds its rows by an index, whatever the tables look like at the moment; a plan that was
    /// made while a table was empty must not read all of it an hour later. So plans are made once, and without the ways
    /// that read whole tables. The server notices a dead worker by its own keepalives, and lets go of its locks
    /// then; one that is frozen in the middle of a transaction holds up the others for ten seconds.
    private static let session = [
        "search_path=backorderd", "statement_timeout=30000", "lock_timeout=10000",
        "idle_in_transaction_session_timeout=10000", "default_transaction_isolation=read\\ committed",
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
        hosts = Self.split(found)
    }

    /// One connection's settings for each host of the list.
    ///
    /// libpq goes through the list by itself, but gives it up where a host takes the connection and closes it without a
    /// word: a balancer, or a forwarded port, whose server is dead.
    private static func split(_ settings: [(keyword: String, value: String)]) -> [[(keyword: String, value: String)]] {
        func values(_ keyword: String) -> [Substring] {
            let value = settings.first { $0.keyword == keyword }?.value ?? ""
            return value.isEmpty ? [] : value.split(separator: ",", omittingEmptySubsequences: false)
        }
        let lists = ["host": values("host"), "hostaddr": values("hostaddr"), "port": values("port")]
        let count = max(lists["host"]?.count ?? 0, lists["hostaddr"]?.count ?? 0)
        let wanted = values("target_session_attrs").first ?? ""
        // What a list of another length means, or a preference among its hosts, is libpq's to say.
        guard count > 1, ["any", "read-write", "primary"].contains(wanted),
            lists.allSatisfy({ $0.value.count <= 1 || $0.value.count == count })
        else { return [settings] }
        return (0..<count).map { host in
            settings.map { setting in
                guard let list = lists[setting.keyword], list.count > 1 else { return setting }
                return (setting.keyword, String(list[host]))
            }
        }
    }

    /// How many hosts there are to try.
    var hostCount: Int { hosts.count }

    private static func label(hosts: String, ports: String, database: String?) -> String {
        let ports = ports.split(separator: ",", omittingEmptySubsequences: false)
        let names = hosts.split(separator: ",", omittingEmptySubsequences: false).enumerated().map { index, host in
            let port = ports.count == 1 ? ports[0] : ports.indices.contains(index) ? ports[index] : ""
            return port.isEmpty || port == "5432" ? String(host) : "\(host):\(port)"
        }
        return "postgres://\(names.joined(separator: ","))/\(database ?? "")"
    }

    /// A connection to the host of this number, which is open or says why not; nil: no memory.
    func connect(host: Int) -> OpaquePointer? {
        var keywords: [UnsafeMutablePointer<CChar>?] = unsafe []
        var values: [UnsafeMutablePointer<CChar>?] = unsafe []
        for (keyword, value) in hosts[host] {
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
