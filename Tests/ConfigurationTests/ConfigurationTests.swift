import Foundation
import InventoryCore
import Testing

@testable import Configuration

func parsed(
    _ yaml: String, environment: [String: String] = [:], overrides: Configuration.Overrides = .init()
) throws(ConfigurationError) -> Configuration {
    try Configuration.parse(Array(yaml.utf8), named: "t.yaml", environment: environment, overrides: overrides)
}

func failure(
    _ yaml: String, environment: [String: String] = [:], overrides: Configuration.Overrides = .init()
) -> ConfigurationError? {
    do throws(ConfigurationError) {
        _ = try parsed(yaml, environment: environment, overrides: overrides)
        return nil
    } catch {
        return error
    }
}

/// A file of this repository.
func repositoryFile(_ path: String) throws -> [UInt8] {
    let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent()
    return Array(try Data(contentsOf: root.appendingPathComponent(path)))
}

@Suite struct WrongFileTests {
    @Test(arguments: wrongFiles) func isToldInOneLine(_ file: WrongFile) {
        let error = failure(file.yaml)
        #expect(error?.description == "t.yaml\(file.line)")
        #expect(error?.allProblems.contains("secret") != true)
    }

    @Test func everyProblemIsFoundInOrder() {
        let error = failure("worker:\n  batch: many\n  drain_timeout: 5\nbrokr: {}\n")
        #expect(
            error?.allProblems == """
                t.yaml:2: worker.batch: "many" is not a whole number; give a number between 1 and 10000
                t.yaml:3: worker.drain_timeout: 5 has no unit; write 5s, or ms, m, h or d
                t.yaml:4: brokr: unknown key; did you mean broker?
                """)
        #expect(error?.description.contains("\n") == false)
    }

    @Test func repeatedKeysAreAllFound() {
        let error = failure("log: {}\nworker: {}\nlog: {}\nworker: {}\nlog: {}\n")
        #expect(error?.problems.map(\.line) == [3, 4, 5])
    }

    @Test func invalidUTF8() {
        #expect(
            throws: ConfigurationError(
                Problem(source: "t.yaml", line: 2, cause: "not UTF-8", remedy: "save the file as UTF-8"))
        ) { try Configuration.parse(Array("log: {}\n# ".utf8) + [0xFF, 0x0A], named: "t.yaml") }
    }

    @Test func deepAndHugeMapsEnd() {
        #expect(failure(String(repeating: "[", count: 100_000)) != nil)
        var bomb = "broker:\n  inputs:\n    - queue: q\n      map:\n        a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<12 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            bomb += "        a\(level): &a\(level) [\(aliases)]\n"
        }
        #expect(failure(bomb)?.problems.count == 1)
    }
}

@Suite struct ValidFileTests {
    @Test(arguments: [
        "", "\n", "# nothing\n", "---\n", "{}", "broker:\nworker:\n", "\u{FEFF}", "null\n", "--- \n...\n",
    ])
    func emptyFileIsTheDefault(_ yaml: String) throws {
        #expect(try parsed(yaml) == Configuration())
    }

    @Test func shippedFileIsTheDefault() throws {
        let bytes = try repositoryFile("config/backorderd.yaml")
        #expect(try Configuration.parse(bytes, named: "backorderd.yaml") == Configuration())
    }

    @Test func shippedFileAndDocumentationHaveEveryKey() throws {
        let file = String(decoding: try repositoryFile("config/backorderd.yaml"), as: UTF8.self)
        let page = String(decoding: try repositoryFile("docs/configuration.md"), as: UTF8.self)
        for key in Configuration.keys {
            let isSection = Configuration.keys.contains { $0.pattern.hasPrefix("\(key.pattern).") }
            let row = page.split(separator: "\n").first { $0.hasPrefix("| `\(key.pattern)` |") }
            #expect(isSection || row != nil, "docs/configuration.md has no \(key.pattern)")
            if let row { #expect(row.hasSuffix(key.isReloadable ? "| yes |" : "| no |"), "\(key.pattern)") }
            #expect(file.contains("\(key.name):"), "backorderd.yaml has no \(key.pattern)")
        }
    }

    @Test(arguments: ["single-shop", "several-warehouses", "verified-topology-tls"])
    func examplesLoad(_ name: String) throws {
        let configuration = try Configuration.parse(try repositoryFile("config/examples/\(name).yaml"), named: name)
        #expect(configuration != Configuration())
        #expect(configuration.warnings.isEmpty)
    }

    /// The sample of the contract, with its commented keys in effect.
    @Test func sampleOfTheContract() throws {
        let configuration = try parsed(contractSample)
        var expected = Configuration()
        expected.broker.tls.ca = "/path"
        expected.broker.tls.certificate = "/path"
        expected.broker.tls.key = "/path"
        expected.broker.inputs[0].type = "order-placed"
        expected.broker.inputs[0].map = mapping(
            ("order_id", .text("/order/number")), ("lines", .text("/order/items")),
            ("lines[].sku", .text("/article")), ("lines[].quantity", .text("/qty")))
        expected.rulebook.rules = [
            PolicyRule(sku: Pattern("PRE-*"), settings: PolicySettings(onBackorder: .hold)),
            PolicyRule(segment: Pattern("gold"), settings: PolicySettings(onBackorder: .accept, priority: 7)),
        ]
        expected.rulebook.items = [
            ItemRule(
                pattern: Pattern("A-100"),
                settings: ItemSettings(
                    supplier: "ACME", leadTimeDays: 7,
                    reorder: ReorderSettings(point: 10, upTo: 60, minimum: 12, multiple: 6)))
        ]
        expected.rulebook.suppliers = ["ACME": SupplierSettings(leadTimeDays: 14)]
        #expect(configuration == expected)
        #expect(
            configuration.warnings == [
                "broker.tls.ca: is set, but broker.urls has amqp://, which is not encrypted; "
                    + "write amqps:// there, or remove broker.tls"
            ])
    }

    @Test func everyKeyIsRead() throws {
        let configuration = try parsed(everyKey)
        var expected = Configuration()
        expected.broker.urls = ["amqps://u:secret@h1:5671/v", "amqps://u:secret@[::1]/"]
        expected.broker.tls.ca = "/ca.pem"
        expected.broker.tls.certificate = "/c.pem"
        expected.broker.tls.key = "/k.pem"
        expected.broker.tls.verify = false
        expected.broker.prefetch = 7
        expected.broker.topology = .verify
        expected.broker.inputs = [
            .init(
                queue: "in.1", queueType: .classic,
                bind: [.init(exchange: "a", keys: ["x.*", "#"]), .init(exchange: "b", keys: ["y"])],
                type: "item-updated",
                map: mapping(
                    ("sku", .list([.init(value: .text("/a"), line: 1), mapping(("b", .text("/c")))])))),
            .init(queue: "in.2"),
        ]
        expected.broker.inputs[1].singleActiveConsumer = true
        expected.broker.inputs[1].deliveryLimit = 30
        expected.broker.inputs[1].deadLetterArgument = false
        expected.broker.output = "out"
        expected.broker.outputMap = mapping(("exchange", .text("mail")))
        expected.broker.outputQueues = [
            .init(queue: "z", keys: ["k"]), .init(queue: "a", keys: ["l", "m"]),
            .init(queue: "b", keys: ["n"], exchange: "mail"),
        ]
        expected.broker.deadLetter.exchange = "dx"
        expected.broker.deadLetter.queue = "dq"
        expected.store = .postgres("postgres://u:secret@h1,h2:5433/db?target_session_attrs=read-write")
        expected.worker.batch = 9
        expected.worker.deliveryLimit = 2
        expected.worker.drainTimeout = .milliseconds(500)
        expected.worker.parking = .seconds(5 * 60)
        expected.worker.inboxRetention = .seconds(86_400)
        expected.limits.messageBytes = 100
        expected.limits.lines = 10
        expected.rulebook = Rulebook(
            locations: ["B", "A", "NO"], strategy: .fairShare, sourcing: .fewestShipments,
            policyDefault: PolicySettings(
                onBackorder: .hold, backorderLimit: .units(0), ship: .complete, priority: 9),
            rules: [
                PolicyRule(
                    sku: Pattern("A*"), location: Pattern("B?"), segment: Pattern("*"),
                    settings: PolicySettings(
                        onBackorder: .refuse, backorderLimit: BackorderLimit.none, ship: .partial, priority: 0)),
                PolicyRule(settings: PolicySettings(priority: 1)),
            ],
            items: [
                ItemRule(
                    pattern: Pattern("0815"),
                    settings: ItemSettings(
                        supplier: "S", leadTimeDays: 0,
                        reorder: ReorderSettings(point: 1, upTo: 2, minimum: 3, multiple: 4), onBackorder: .accept,
                        backorderLimit: .units(5), ship: .complete)),
                ItemRule(pattern: Pattern("*"), settings: ItemSettings(backorderLimit: BackorderLimit.none)),
            ],
            suppliers: ["S": SupplierSettings(leadTimeDays: 3), "T": SupplierSettings()],
            promise: PromiseSettings(
                defaultLeadTimeDays: 8, handlingDays: 0, promiseQuantile: 1, notifyAfterHours: 0),
            parkingMicroseconds: 300_000_000)
        expected.operations.listen = .init(host: "::1", port: 80)
        expected.log.level = .critical
        expected.log.format = .journald
        #expect(configuration == expected)
        #expect(try parsed(configuration.yaml()) == configuration)
    }

    @Test(arguments: [
        ("sqlite:///var/x.db", "/var/x.db"), ("sqlite://x/y.db", "x/y.db"), ("sqlite:///a%20b%3F.db", "/a b?.db"),
    ]) func sqlitePaths(_ url: String, _ path: String) throws {
        let store = try parsed("store: {url: \"\(url)\"}").store
        #expect(store == .sqlite(path: path))
        #expect(try Configuration.Store(url: store.url(redacted: false)) == store)
    }

    @Test(arguments: [
        "memory:", "postgres:///db", "postgres://u@%2Fvar%2Frun/db", "postgresql://h",
        "postgres://u:p@h1:1,h2:2/db?a=b&c=d",
    ]) func otherStores(_ url: String) throws {
        for yaml in ["store: {url: \"\(url)\"}", "store:\n  url: \(url)\n", "store:\n  url: \(url) # so\nlog: {}\n"] {
            #expect(try parsed(yaml).store == (url == "memory:" ? .memory : .postgres(url)), "\(yaml)")
        }
    }

    @Test(arguments: ["{url: memory:}", "{url: memory: }", "{\"url\": memory:}", "\r\n  url: memory:\r\n"])
    func memoryNeedsNoQuotes(_ section: String) throws {
        #expect(try parsed("store: \(section)").store == .memory)
    }

    @Test func noEndpoint() throws {
        #expect(try parsed("operations: {listen: null}").operations.listen == nil)
        #expect(try parsed("operations: {listen: ~}").operations.listen == nil)
    }

    @Test func anchorsAndMerges() throws {
        let items = try parsed(
            """
            items:
              A: &a {supplier: S, lead_time_days: 3, ship: partial}
              B: {<<: *a, lead_time_days: 4}
              C: {<<: [{lead_time_days: 5}, *a]}
              D: *a
            """
        ).rulebook.items
        #expect(items.map(\.settings.leadTimeDays) == [3, 4, 5, 3])
        #expect(items.map(\.settings.supplier) == ["S", "S", "S", "S"])
    }

    /// Composed and decomposed letters are different SKUs.
    @Test func namesAreCompareByteForByte() throws {
        let configuration = try parsed(
            "items: {\"\\u00E9\": {}, \"e\\u0301\": {}}\nlocations: [{id: \"\\u00E9\"}, {id: \"e\\u0301\"}]")
        #expect(configuration.rulebook.items.count == 2)
        #expect(configuration.rulebook.locations.count == 2)
    }

    @Test func windowsLineEnds() throws {
        #expect(try parsed("log:\r\n  level: debug\r\n").log.level == .debug)
        #expect(failure("log:\r\n  level: debug\r\n  level: info\r\n")?.problems.first?.line == 3)
    }

    @Test func manyItems() throws {
        let yaml =
            "items:\n" + (0..<5000).map { "  SKU-\($0): {supplier: S, reorder: {point: 1, up_to: 2}}\n" }.joined()
        #expect(try parsed(yaml).rulebook.items.count == 5000)
    }
}

@Suite struct PrecedenceTests {
    let file = "broker: {urls: [\"amqp://file\"]}\nstore: {url: \"sqlite://file.db\"}\nlog: {level: error}\n"
    let environment = [
        "BACKORDERD_BROKER_URL": "amqp://env", "BACKORDERD_STORE_URL": "sqlite://env.db",
        "BACKORDERD_LOG_LEVEL": "debug",
    ]

    @Test func defaultThenFileThenEnvironmentThenOption() throws {
        func values(_ configuration: Configuration) -> [String] {
            configuration.broker.urls + [configuration.store.description, configuration.log.level.rawValue]
        }
        #expect(values(try parsed(file)) == ["amqp://file", "sqlite://file.db", "error"])
        #expect(values(try parsed(file, environment: environment)) == ["amqp://env", "sqlite://env.db", "debug"])
        let overrides = Configuration.Overrides(brokerURLs: ["amqp://option"], storeURL: "memory:", logLevel: "trace")
        #expect(
            values(try parsed(file, environment: environment, overrides: overrides)) == [
                "amqp://option", "memory:", "trace",
            ])
        #expect(try parsed(file, environment: environment.mapValues { _ in "" }) == parsed(file))
    }

    @Test func severalBrokers() throws {
        let urls = try parsed(
            "", environment: ["BACKORDERD_BROKER_URL": "amqp://u:a,b@h1, amqp://h2:1 ,amqps://u:p@h3"]
        )
        .broker.urls
        #expect(urls == ["amqp://u:a,b@h1", "amqp://h2:1", "amqps://u:p@h3"])
    }

    @Test func secretsInFiles() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appendingPathComponent("url").path
        try "amqp://u:secret@h\r\n\n".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try parsed("", environment: ["BACKORDERD_BROKER_URL_FILE": path]).broker.urls == ["amqp://u:secret@h"])
        try "\n".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(
            failure("", environment: ["BACKORDERD_STORE_URL_FILE": path])?.description
                == "BACKORDERD_STORE_URL_FILE: \"\(path)\": the file is empty; write the value into it")
        try "mysql://u:secret@h\n".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(
            failure("", environment: ["BACKORDERD_STORE_URL_FILE": path])?.description
                == "BACKORDERD_STORE_URL_FILE: store.url: is of an unknown kind of store; write sqlite:///path, memory: or postgres://user@host/database"
        )
    }

    @Test func credentialsOfTheServiceManager() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appendingPathComponent("backorderd.broker-url")
        var environment = ["CREDENTIALS_DIRECTORY": directory.path]
        #expect(
            try parsed("broker: {urls: [\"amqp://file\"]}", environment: environment).broker.urls == ["amqp://file"])
        try "amqp://u:secret@h\n".write(to: file, atomically: true, encoding: .utf8)
        #expect(
            try parsed("broker: {urls: [\"amqp://file\"]}", environment: environment).broker.urls
                == ["amqp://u:secret@h"])
        environment["BACKORDERD_BROKER_URL"] = "amqp://variable"
        #expect(try parsed("", environment: environment).broker.urls == ["amqp://variable"])
        environment["BACKORDERD_BROKER_URL"] = nil
        try "mysql://u:secret@h\n".write(to: file, atomically: true, encoding: .utf8)
        #expect(
            failure("", environment: environment)?.description.hasPrefix("backorderd.broker-url: broker.urls: ") == true
        )
    }

    @Test func listenOfAnInstance() throws {
        let variable = "BACKORDERD_OPERATIONS_LISTEN"
        #expect(
            try parsed("", environment: [variable: "127.0.0.2:9473"]).operations.listen
                == .init(host: "127.0.0.2", port: 9473))
        #expect(try parsed("", environment: [variable: "null"]).operations.listen == nil)
        #expect(failure("", environment: [variable: "here"])?.problems.first?.key == "operations.listen")
    }

    @Test(arguments: [
        (
            ["BACKORDERD_STORE_URL_FILE": "/nowhere/x"],
            "BACKORDERD_STORE_URL_FILE: \"/nowhere/x\": no such file; name a file that backorderd can read"
        ),
        (
            ["BACKORDERD_LOG_LEVEL_FILE": "/"],
            "BACKORDERD_LOG_LEVEL_FILE: \"/\": is a directory; name a file that backorderd can read"
        ),
        (
            ["BACKORDERD_STORE_URL_FILE": "/x", "BACKORDERD_STORE_URL": "memory:"],
            "BACKORDERD_STORE_URL_FILE: is set, and so is BACKORDERD_STORE_URL; unset one of them"
        ),
        (
            ["BACKORDERD_BROKER_URL": "amqp://h,amqp://u:secret@h:x"],
            "BACKORDERD_BROKER_URL: broker.urls[1]: has a port that is not a number between 1 and 65535; correct the port or leave it out"
        ),
        (
            ["BACKORDERD_BROKER_URL": "amqps://h"],
            "BACKORDERD_BROKER_URL: broker.urls: has amqps:// without a user, and there is no broker.tls.certificate to log in with; write amqps://user:password@host, or give broker.tls.certificate and broker.tls.key"
        ),
        (
            ["BACKORDERD_LOG_LEVEL": "INFO"],
            "BACKORDERD_LOG_LEVEL: log.level: \"INFO\" is not trace, debug, info, notice, warning, error or critical; did you mean info?"
        ),
    ]) func wrongEnvironment(_ environment: [String: String], _ line: String) {
        #expect(failure("", environment: environment)?.description == line)
    }

    @Test func wrongOption() {
        #expect(
            failure("", overrides: .init(storeURL: "sqlite:x"))?.description
                == "command line: store.url: is not a store URL; write sqlite:///absolute/path or sqlite://relative/path"
        )
        #expect(failure("", overrides: .init(brokerURLs: []))?.problems.first?.key == "broker.urls")
    }

    @Test func files() throws {
        func line(_ file: String?, _ environment: [String: String]) -> String? {
            do throws(ConfigurationError) {
                _ = try Configuration.load(file: file, environment: environment)
                return nil
            } catch {
                return error.description
            }
        }
        #expect(
            line("/nowhere/b.yaml", [:])
                == "/nowhere/b.yaml: no such file; name an existing file with --config, or leave it out to use the defaults"
        )
        #expect(
            line(nil, ["BACKORDERD_CONFIG": "/nowhere/b.yaml"])
                == "/nowhere/b.yaml: no such file; name an existing file in BACKORDERD_CONFIG, or unset it to use the defaults"
        )
        #expect(line("/", [:]) == "/: is a directory; name a readable file with --config")
        #expect(line("/dev/zero", [:]) == "/dev/zero: is larger than 16 MiB; name a readable file with --config")
        #expect(
            try Configuration.load(file: "/dev/null", environment: ["BACKORDERD_CONFIG": "/nowhere"]) == Configuration()
        )
        #expect(Configuration.path(file: "a", environment: ["BACKORDERD_CONFIG": "b"]) == "a")
        #expect(Configuration.path(file: nil, environment: ["BACKORDERD_CONFIG": "b"]) == "b")
    }
}

@Suite struct ShowingTests {
    @Test func secretsAreNeverShown() throws {
        let configuration = try parsed(everyKey)
        var shown = ""
        dump(configuration, to: &shown)
        dump(configuration.broker, to: &shown)
        shown += "\(configuration) \(configuration.broker) \(configuration.store) \(configuration.redactedYAML())"
        shown += String(reflecting: configuration)
        shown += "\(Configuration.Overrides(brokerURLs: ["amqp://u:secret@h"], storeURL: "postgres://u:secret@h"))"
        #expect(!shown.contains("secret"))
        #expect(shown.contains("amqps://u:***@h1:5671/v"))
        #expect(shown.contains("postgres://u:***@h1,h2:5433/db?target_session_attrs=read-write"))
    }

    @Test(arguments: [
        ("amqp://u:p@h/v", "amqp://u:***@h/v"), ("amqp://u@h", "amqp://u@h"), ("amqp://h", "amqp://h"),
        ("amqp://u:p@ss/w@h", "amqp://u:***@h"), ("postgres://h/d?password=x&a=b", "postgres://h/d?password=***&a=b"),
        ("postgres://h/d?PassWord=x&ssl%70assword=y", "postgres://h/d?PassWord=***&ssl%70assword=***"),
        ("memory:", "memory:"),
        ("u:p@h", "***"),
    ]) func redaction(_ url: String, _ shown: String) {
        #expect(redactedURL(url) == shown)
    }

    @Test func shownFileIsAConfiguration() throws {
        #expect(try parsed(Configuration().yaml()) == Configuration())
        var odd = Configuration()
        odd.rulebook.locations = [
            "true", "-1", "a: b", "a #b", "\"", "é\u{2028}", "*x", "null", "NaN", "1e3", "~", "a\\b", "x:",
        ]
        .map { LocationID($0) }
        odd.rulebook.items = [ItemRule(pattern: Pattern("<<"), settings: ItemSettings())]
        odd.broker.outputQueues = []
        odd.broker.inputs[0].singleActiveConsumer = true
        odd.broker.inputs[0].deliveryLimit = 1
        odd.broker.inputs[0].deadLetterArgument = false
        odd.operations.listen = nil
        odd.worker.drainTimeout = .milliseconds(1500)
        #expect(try parsed(odd.yaml()) == odd)
    }
}

@Suite struct ReloadTests {
    @Test func nothingChanged() {
        let (applies, needsRestart) = Configuration().reloadable(difference: Configuration())
        #expect(applies.isEmpty && needsRestart.isEmpty)
    }

    @Test func whatAppliesAndWhatDoesNot() throws {
        let old = try parsed("items: {A: {ship: partial}, B: {}}\nbroker: {urls: [\"amqp://u:one@h\"]}")
        let new = try parsed(
            """
            broker: {urls: ["amqp://u:two@h"], prefetch: 5}
            worker: {parking: 1h}
            locations: [{id: X}]
            policy: {default: {ship: complete}, rules: [{priority: 3}]}
            items: {A: {ship: complete}, "C*": {}}
            suppliers: {ACME: {}}
            promise: {handling_days: 2}
            operations: {listen: null}
            log: {level: debug}
            """)
        let (applies, needsRestart) = new.reloadable(difference: old)
        #expect(
            applies == [
                "policy.default.ship", "policy.rules", "items.A.ship", "items.\"C*\"", "items.B", "suppliers.ACME",
                "promise.handling_days", "log.level",
            ])
        #expect(needsRestart == ["broker.urls", "broker.prefetch", "worker.parking", "locations", "operations.listen"])
        let effective = old.reloaded(from: new)
        #expect(new.reloadable(difference: effective).applies.isEmpty)
        #expect(new.reloadable(difference: effective).needsRestart == needsRestart)
        #expect(effective.reloadable(difference: old).applies == applies)
    }

    @Test func orderOfItemsIsAChange() throws {
        let old = try parsed("items: {\"A*\": {ship: partial}, \"*A\": {ship: complete}}")
        let new = try parsed("items: {\"*A\": {ship: complete}, \"A*\": {ship: partial}}")
        #expect(new.reloadable(difference: old).applies == ["items"])
    }
}

@Suite struct NearestTests {
    @Test(arguments: [
        ("shwo", "show"), ("ru", "run"), ("valid", "verify"), ("dead_letters", "dead-letters"), ("", "run"),
        ("SCHEMA", "schema"),
    ]) func nearestWord(_ word: String, _ expected: String) {
        #expect(nearest(word, among: ["run", "show", "verify", "dead-letters", "schema"]) == expected)
    }

    @Test func farWords() {
        #expect(near("xylophone", among: ["run", "show"]) == nil)
        #expect(near("warn", among: ["warning", "error"]) == "warning")
        #expect(nearest("x", among: [String]()) == nil)
    }
}
