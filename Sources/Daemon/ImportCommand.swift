import ArgumentParser
import BackOrderStore
import Configuration
import InventoryCore
import MessageSchema

/// stock, orders or supply, as an argument.
enum SeedArgument: String, ExpressibleByArgument, CaseIterable {
    case stock, orders, supply

    var kind: SeedKind {
        switch self {
        case .stock: .stock
        case .orders: .orders
        case .supply: .supply
        }
    }
}

/// `backorderd import`: today's stock, open orders and purchase orders, from the system before.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Seed the store with today's stock, supply and open orders, from CSV or NDJSON.",
        discussion: """
            Import stock and supply first, then orders: those who go first get the units, the rest waits, and only what \
            is then short is asked for.

            The whole file is checked before anything changes; every wrong row is told, and then nothing is imported \
            (exit 65). The same file again has no effect. The rows go the way of messages: through the same rules, and \
            into the same inbox. Customers and warehouses are told nothing, since the system before has told them; \
            purchasing is asked for what is short. --announce tells everybody.

            \(SeedKind.allCases.map(columnsText).joined(separator: "\n\n"))

            FILE.csv is RFC 4180 with a line of column names, UTF-8; FILE.ndjson has one JSON object a line with the same \
            keys. backorderd export writes both. docs/integration.md has the whole way.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "stock, orders or supply.")
    var what: SeedArgument

    @Argument(help: "A .csv or .ndjson file.", completion: .file(extensions: ["csv", "ndjson", "jsonl"]))
    var file: String

    @Flag(name: .long, help: "Check the file and tell what is wrong; import nothing.")
    var check = false

    @Flag(name: .long, help: "Also publish what this decides: customer notices and fulfilment requests.")
    var announce = false

    @Flag(name: .long, help: "Pass over columns that are not known.")
    var ignoreUnknownColumns = false

    private static func columnsText(_ kind: SeedKind) -> String {
        let names = kind.columns.map { $0.isRequired ? "\($0.name)*" : $0.name }
        return "\(kind.rawValue) (* is required): \(names.joined(separator: ", "))."
    }

    func run() throws {
        let configuration = try options.load()
        do {
            let source = try SeedFile(file)
            let store = try StoreFactory.open(configuration, isBulk: true)
            defer { store.close() }
            try store.migrate()
            try store.adopt(configuration.rulebook.strategy)
            let snapshots = try StoreFactory.openSnapshots(configuration)
            defer { snapshots?.close() }
            let run = ImportRun(
                source, what.kind, configuration, store, snapshots, ignoresUnknown: ignoreUnknownColumns,
                announces: announce)
            try importAll(run, configuration, store)
        } catch let error as StoreError {
            complain("backorderd: \(error.message)")
            throw ExitCode(ExitStatus.failed)
        } catch let failure as SeedFileFailure {
            complain("backorderd: \(TextTable.printable(file)) \(failure.text)")
            throw ExitCode(ExitStatus.failed)
        }
    }

    private func importAll(_ run: ImportRun, _ configuration: Configuration, _ store: any BackOrderStore) throws {
        let report = try run.check()
        let rows = counted(run.rowCount, "row")
        if report.count > 0 {
            for fault in report.faults { complain(line(fault)) }
            let more = report.count - report.faults.count
            if more > 0 { complain("… and \(counted(more, "fault")) more.") }
            complain("backorderd: \(counted(report.count, "fault")) in \(rows); nothing was imported.")
            throw ExitCode(ExitStatus.rejectedLines)
        }
        if !report.unlistedLocations.isEmpty {
            let names = report.unlistedLocations.sorted().map(TextTable.printable).joined(separator: ", ")
            complain("Note: not among the configured locations, so they serve last: \(names).")
        }
        if what == .orders, try store.read({ try $0.stock(sku: nil, after: nil, limit: 1).isEmpty }) {
            complain("Note: no stock is known, so all of it will wait. Import stock and supply before orders.")
        }
        if check {
            print("\(rows) are sound; \(report.known) of \(counted(report.messages, "message")) known already.")
            return
        }
        let outcome = try run.importAll()
        print("\(rows) imported: \(counted(outcome.taken, "message")) taken, \(outcome.known) known already.")
        tell("Published when the daemon runs", outcome.published)
        tell("Not published (--announce would)", outcome.withheld)
        if !outcome.rejected.isEmpty {
            for entry in outcome.rejected.prefix(ImportRun.Report.listed) {
                let rejection = entry.rejection
                complain(
                    "\(TextTable.printable(file)):\(entry.line): \(rejection.reason.rawValue): \(rejection.detail)")
            }
            complain(
                "backorderd: \(counted(outcome.rejected.count, "message")) met with something new in the store and "
                    + "became dead letters")
            throw ExitCode(ExitStatus.rejectedLines)
        }
    }

    private func tell(_ what: String, _ outputs: [String: Int]) {
        if outputs.isEmpty { return }
        let parts = outputs.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        print("\(what): \(parts.joined(separator: ", ")).")
    }

    private func line(_ fault: SeedFault) -> String {
        let column = fault.column.map { "\($0): " } ?? ""
        return TextTable.printable("\(file):\(fault.line): \(column)\(fault.cause); \(fault.remedy)")
    }

    private func counted(_ count: Int, _ word: String) -> String { count == 1 ? "1 \(word)" : "\(count) \(word)s" }
}
