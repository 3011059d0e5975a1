import ArgumentParser
import BackOrderStore
import Configuration
import Glibc

/// `backorderd verify`: do the books hold?
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Audit the store: every rule of the books, from the rows.",
        discussion: """
            Prints what does not hold, one line each on standard output, and exits 1; silent and 0 if all is well. Reads \
            one snapshot, also while workers run; changes nothing.
            """)

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        let configuration = try options.load()
        let store = try StoreFactory.openForReading(configuration)
        defer { store.close() }
        var progress = Progress()
        var problems = 0
        do {
            try store.read { queries in
                var audit = StoreAudit(queries)
                try audit.run { orders in
                    progress.show("\(orders) orders read")
                }
                progress.clear()
                problems = audit.findings.count + audit.findingsDropped
                for finding in audit.findings {
                    print(TextTable.printable("\(finding.subject): \(finding.problem)"))
                }
                if audit.findingsDropped > 0 { print("… and \(audit.findingsDropped) more") }
                if progress.isShown, problems == 0 {
                    complain("all holds: \(audit.orders) orders, \(audit.items) SKUs, \(audit.supplies) supplies")
                }
            }
        } catch let error as StoreError {
            complain("backorderd: \(error.message)")
            throw ExitCode(ExitStatus.failed)
        }
        if problems > 0 { throw ExitCode(ExitStatus.failed) }
    }
}
