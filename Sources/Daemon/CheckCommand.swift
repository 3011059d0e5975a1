import AMQPClient
import ArgumentParser
import BackOrderStore
import Configuration
import Glibc

/// `backorderd check`: is the configuration right, and do broker and store fit it? Changes nothing.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Validate the configuration; with --broker and --store also what it points at.")

    @OptionGroup var options: CheckOptions

    func run() throws {
        let configuration: Configuration
        do {
            configuration = try Configuration.loadChecked(
                file: options.config, overrides: .init(brokerURLs: nil, storeURL: nil, logLevel: nil))
        } catch {
            complain(error.allProblems)
            throw ExitCode(ExitStatus.badConfiguration)
        }
        for warning in configuration.warnings + configuration.outputWarnings { complain("configuration: \(warning)") }
        print(
            options.prints ? configuration.redactedYAML() : "configuration: fine",
            terminator: options.prints ? "" : "\n")
        var failed = false
        if options.store { failed = !checkStore(configuration) || failed }
        if options.broker { failed = try !checkBroker(configuration) || failed }
        if failed { throw ExitCode(ExitStatus.failed) }
    }

    private func checkStore(_ configuration: Configuration) -> Bool {
        do {
            if case .sqlite(let path) = configuration.store, !fileExists(path) {
                print("store: \(path) is not there yet; run and migrate make it")
                return true
            }
            let store = try StoreFactory.open(configuration)
            defer { store.close() }
            let version = try store.schemaVersion()
            if version.found == version.wanted {
                print("store: fine, schema version \(version.found)")
                return true
            }
            complain("store: schema version \(version.found), \(version.wanted) is wanted: run backorderd migrate")
            return false
        } catch {
            complain("store: \(error)")
            return false
        }
    }

    private func checkBroker(_ configuration: Configuration) throws -> Bool {
        do {
            var plan = configuration.topologyPlan
            if plan.mode == .declare { plan.mode = .verify }
            let report = try Probe.check(
                options: configuration.connectionOptions(role: "check", process: getpid()), topology: plan)
            for note in report.notes { print("broker: note: \(note)") }
            for problem in report.problems { complain("broker: \(problem.told(configuration))") }
            if !report.problems.isEmpty { return false }
            print("broker: fine, \(report.address), version \(report.server.version)")
            return true
        } catch {
            complain("broker: \(error)")
            return false
        }
    }
}

struct CheckOptions: ParsableArguments {
    @Option(
        name: .long, help: "The configuration file (default: /etc/backorderd/backorderd.yaml, if it is there).",
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String?

    @Flag(name: .long, help: "Also connect to the broker and compare its topology.")
    var broker = false

    @Flag(name: .long, help: "Also open the store and compare its schema.")
    var store = false

    @Flag(
        name: .customLong("print"), help: "Print what is in effect, every key, as a configuration file without secrets."
    )
    var prints = false
}
