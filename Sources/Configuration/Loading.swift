import Glibc
import Yams

extension Configuration {
    /// Read where no file is named, if it is there.
    public static let defaultPath = "/etc/backorderd/backorderd.yaml"

    /// What the command line says over everything else. nil: not said.
    public struct Overrides: Sendable, Equatable {
        public var brokerURLs: [String]?
        public var storeURL: String?
        public var logLevel: String?

        public init(brokerURLs: [String]? = nil, storeURL: String? = nil, logLevel: String? = nil) {
            self.brokerURLs = brokerURLs
            self.storeURL = storeURL
            self.logLevel = logLevel
        }
    }

    /// The configuration of this process: command-line option, then environment, then file, then default.
    ///
    /// Reads the file, and those that `BACKORDERD_…_FILE` name; blocks for as long as that takes. Connects to nothing.
    /// - Parameter file: what `--config` says. nil: see `path`.
    public static func load(
        file: String?, environment: [String: String], overrides: Overrides = Overrides()
    ) throws(ConfigurationError) -> Configuration {
        let variable = file == nil ? environment.value("BACKORDERD_CONFIG") : nil
        guard let path = path(file: file, environment: environment) else {
            return try parse([], named: defaultPath, environment: environment, overrides: overrides)
        }
        switch readFile(path) {
        case .success(let bytes):
            return try parse(bytes, named: path, environment: environment, overrides: overrides)
        case .failure(let failure):
            let remedy =
                switch (failure.code, variable) {
                case (ENOENT, nil): "name an existing file with --config, or leave it out to use the defaults"
                case (ENOENT, _): "name an existing file in BACKORDERD_CONFIG, or unset it to use the defaults"
                case (EACCES, _): "let the user that runs backorderd read it"
                default: "name a readable file with --config"
                }
            throw ConfigurationError(Problem(source: path, cause: failure.cause, remedy: remedy))
        }
    }

    /// The file that `load` reads: `file`, else `BACKORDERD_CONFIG`, else the default path if there is something, else nil.
    public static func path(file: String?, environment: [String: String]) -> String? {
        file ?? environment.value("BACKORDERD_CONFIG") ?? (access(defaultPath, F_OK) == 0 ? defaultPath : nil)
    }

    /// As `load`, of a file that has been read already.
    /// - Parameter name: what error lines call it.
    public static func parse(
        _ bytes: [UInt8], named name: String, environment: [String: String] = [:], overrides: Overrides = Overrides()
    ) throws(ConfigurationError) -> Configuration {
        var configuration = Configuration()
        let fileProblems = ProblemList(source: name)
        let document = Document(bytes)
        for (line, key, fault) in document.problems { fileProblems.add(line: line, key: key, fault) }
        if let root = document.root {
            configuration.decode(
                Field(node: root, path: "", pattern: "", line: root.mark?.line ?? 1, problems: fileProblems))
        }
        var later: [Problem] = []
        var urlSources: [(source: String, problems: ProblemList)] = [(name, fileProblems)]
        for layer in [Layer.environment(environment, &later), Layer.commandLine(overrides)] {
            if let urls = configuration.apply(layer, &later) { urlSources.append(urls) }
        }
        if fileProblems.problems.isEmpty, later.isEmpty, let source = urlSources.last {
            configuration.checkLogin(urlSource: source.source, file: fileProblems, &later)
            configuration.checkReach(file: fileProblems, &later)
        }
        let ordered = fileProblems.problems.enumerated().sorted {
            ($0.element.line ?? 0, $0.offset) < ($1.element.line ?? 0, $1.offset)
        }
        if let error = ConfigurationError(ordered.map(\.element) + later) { throw error }
        return configuration
    }

    /// Takes over what a layer says. Returns where the broker URLs come from, if it is this layer.
    private mutating func apply(
        _ layer: Layer, _ problems: inout [Problem]
    ) -> (source: String, problems: ProblemList)? {
        var source: (source: String, problems: ProblemList)?
        if let (urls, name) = layer.brokerURLs {
            let list = ProblemList(source: name)
            if urls.isEmpty { list.add(line: nil, key: "broker.urls", Fault("is empty", "name at least one broker")) }
            for (index, url) in urls.enumerated() {
                do throws(Fault) {
                    _ = try BrokerURL(url)
                } catch {
                    list.add(line: nil, key: urls.count == 1 ? "broker.urls" : "broker.urls[\(index)]", error)
                }
            }
            problems += list.problems
            if list.problems.isEmpty { broker.urls = urls }
            source = (name, list)
        }
        if let (url, name) = layer.storeURL {
            do throws(Fault) {
                store = try Store(url: url)
            } catch {
                problems.append(Problem(source: name, key: "store.url", cause: error.cause, remedy: error.remedy))
            }
        }
        if let (word, name) = layer.logLevel {
            if let level = Log.Level(rawValue: word) {
                log.level = level
            } else {
                let words = Log.Level.allCases.map(\.rawValue)
                problems.append(
                    Problem(
                        source: name, key: "log.level", cause: "\(quoted(word)) is not \(alternatives(words))",
                        remedy: near(word, among: words).map { "did you mean \($0)?" } ?? "write one of them"))
            }
        }
        if let (text, name) = layer.token {
            let known = Operations.checkedToken(text) { cause, remedy in
                problems.append(Problem(source: name, key: "operations.token", cause: cause, remedy: remedy))
            }
            operations.token = known ?? operations.token
        }
        if let (text, name) = layer.listen {
            do throws(Fault) {
                operations.listen = text == "null" ? nil : try Listen(text)
            } catch {
                problems.append(
                    Problem(source: name, key: "operations.listen", cause: error.cause, remedy: error.remedy))
            }
        }
        return source
    }

    /// Beyond this machine nobody may read without a token.
    private func checkReach(file: ProblemList, _ problems: inout [Problem]) {
        guard let listen = operations.listen, !listen.isLoopback, operations.token == nil else { return }
        problems.append(
            Problem(
                source: file.source, line: file.lines["operations.listen"], key: "operations.listen",
                cause: "\(quoted(listen.text)) is open to other machines, and there is no operations.token",
                remedy: "set operations.token (or BACKORDERD_OPERATIONS_TOKEN_FILE), or listen on 127.0.0.1"))
    }

    /// What the broker URLs and the TLS settings must agree on, wherever each came from.
    private func checkLogin(urlSource: String, file: ProblemList, _ problems: inout [Problem]) {
        func fail(_ key: String, _ source: String, _ cause: String, _ remedy: String) {
            let line = source == file.source ? file.lines[key] : nil
            problems.append(Problem(source: source, line: line, key: key, cause: cause, remedy: remedy))
        }
        let tls = broker.tls
        if (tls.certificate == nil) != (tls.key == nil) {
            let (given, missing) = tls.key == nil ? ("certificate", "key") : ("key", "certificate")
            fail("broker.tls.\(given)", file.source, "is given without broker.tls.\(missing)", "give both, or neither")
        }
        let urls = broker.urls.compactMap { try? BrokerURL($0) }
        if tls.certificate == nil, urls.contains(where: { $0.isEncrypted && !$0.hasUser }) {
            fail(
                "broker.urls", urlSource,
                "has amqps:// without a user, and there is no broker.tls.certificate to log in with",
                "write amqps://user:password@host, or give broker.tls.certificate and broker.tls.key")
        }
    }
}

extension Configuration {
    /// What works, but hardly as it was meant; one line each, for `check` and the log.
    public var warnings: [String] {
        let tls = broker.tls
        let set = [
            ("ca", tls.ca != nil), ("certificate", tls.certificate != nil), ("key", tls.key != nil),
            ("verify", !tls.verify),
        ]
        guard let name = set.first(where: \.1)?.0,
            broker.urls.contains(where: { url in (try? BrokerURL(url))?.isEncrypted == false })
        else { return [] }
        return [
            "broker.tls.\(name): is set, but broker.urls has amqp://, which is not encrypted; "
                + "write amqps:// there, or remove broker.tls"
        ]
    }
}

extension Configuration.Overrides: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        let said = [brokerURLs?.map(redactedURL).joined(separator: ", "), storeURL.map(redactedURL), logLevel]
        return said.compactMap(\.self).joined(separator: "; ")
    }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["overrides": description]) }
}

/// What one source says, with the name of the source for error lines.
private struct Layer {
    var brokerURLs: (urls: [String], source: String)?
    var storeURL: (url: String, source: String)?
    var logLevel: (word: String, source: String)?
    var token: (text: String, source: String)?
    var listen: (text: String, source: String)?

    static func commandLine(_ overrides: Configuration.Overrides) -> Layer {
        let source = "command line"
        var layer = Layer()
        layer.brokerURLs = overrides.brokerURLs.map { ($0, source) }
        layer.storeURL = overrides.storeURL.map { ($0, source) }
        layer.logLevel = overrides.logLevel.map { ($0, source) }
        return layer
    }

    static func environment(_ environment: [String: String], _ problems: inout [Problem]) -> Layer {
        var layer = Layer()
        if let (text, source) = environment.valueOrFile("BACKORDERD_BROKER_URL", &problems) {
            layer.brokerURLs = (splitURLs(text), source)
        }
        layer.storeURL = environment.valueOrFile("BACKORDERD_STORE_URL", &problems)
            .map { (url: $0.text, source: $0.source) }
        layer.logLevel = environment.valueOrFile("BACKORDERD_LOG_LEVEL", &problems)
            .map { (word: $0.text, source: $0.source) }
        layer.token = environment.valueOrFile("BACKORDERD_OPERATIONS_TOKEN", &problems)
        layer.listen = environment.value("BACKORDERD_OPERATIONS_LISTEN")
            .map { (text: $0, source: "BACKORDERD_OPERATIONS_LISTEN") }
        return layer
    }

    /// Splits at each comma that a further broker URL follows; a comma in a password stays.
    private static func splitURLs(_ text: String) -> [String] {
        var urls: [String] = []
        for piece in text.split(separator: ",", omittingEmptySubsequences: false) {
            let trimmed = piece.drop { $0 == " " }
            let rest = trimmed.lowercased()
            if urls.isEmpty || rest.hasPrefix("amqp://") || rest.hasPrefix("amqps://") {
                urls.append(String(trimmed))
            } else {
                urls[urls.count - 1] += ",\(piece)"
            }
        }
        return urls.map { url in String(url.reversed().drop { $0 == " " }.reversed()) }
    }
}

extension [String: String] {
    /// An empty variable is as none.
    fileprivate func value(_ name: String) -> String? {
        self[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// What the variable holds, or the file that `…_FILE` names, or the credential that the service manager gave us:
    /// `backorderd.broker-url` for `BACKORDERD_BROKER_URL`.
    fileprivate func valueOrFile(_ name: String, _ problems: inout [Problem]) -> (text: String, source: String)? {
        let fileVariable = "\(name)_FILE"
        guard let path = value(fileVariable) else {
            if let text = value(name) { return (text, name) }
            guard let credential = credential(name) else { return nil }
            return text(ofFile: credential, source: credentialName(name), &problems)
        }
        func fail(_ cause: String, _ remedy: String) -> (text: String, source: String)? {
            problems.append(Problem(source: fileVariable, cause: cause, remedy: remedy))
            return nil
        }
        if value(name) != nil { return fail("is set, and so is \(name)", "unset one of them") }
        return text(ofFile: path, source: fileVariable, &problems)
    }

    /// The credential's file, if the service manager has handed one over (systemd.exec(5), LoadCredential=).
    private func credential(_ variable: String) -> String? {
        guard let directory = value("CREDENTIALS_DIRECTORY") else { return nil }
        let path = "\(directory)/\(credentialName(variable))"
        return access(path, F_OK) == 0 ? path : nil
    }

    private func credentialName(_ variable: String) -> String {
        "backorderd." + variable.dropFirst("BACKORDERD_".count).lowercased().map { $0 == "_" ? "-" : $0 }
    }

    private func text(
        ofFile path: String, source: String, _ problems: inout [Problem]
    ) -> (text: String, source: String)? {
        func fail(_ cause: String, _ remedy: String) -> (text: String, source: String)? {
            problems.append(Problem(source: source, cause: cause, remedy: remedy))
            return nil
        }
        switch readFile(path) {
        case .failure(let failure):
            return fail("\(quoted(path)): \(failure.cause)", "name a file that backorderd can read")
        case .success(let bytes):
            guard var text = String(validating: bytes, as: UTF8.self) else {
                return fail("\(quoted(path)): not UTF-8", "save the file as UTF-8")
            }
            while let last = text.last, last.isNewline { text.removeLast() }
            if text.isEmpty { return fail("\(quoted(path)): the file is empty", "write the value into it") }
            return (text, source)
        }
    }
}

private struct ReadFailure: Error {
    var code: Int32
    var cause: String
}

/// All of a file, of 16 MiB at most.
private func readFile(_ path: String) -> Result<[UInt8], ReadFailure> {
    func failure() -> Result<[UInt8], ReadFailure> {
        let code = errno
        let cause =
            switch code {
            case ENOENT: "no such file"
            case EACCES: "permission denied"
            case EISDIR: "is a directory"
            default: String(cString: strerror(code))
            }
        return .failure(ReadFailure(code: code, cause: cause))
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return failure() }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count == 0 { return .success(bytes) }
        if count < 0 {
            if errno == EINTR { continue }
            return failure()
        }
        bytes += chunk[..<count]
        if bytes.count > 16 << 20 { return .failure(ReadFailure(code: EFBIG, cause: "is larger than 16 MiB")) }
    }
}
