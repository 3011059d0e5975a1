import ArgumentParser
import BackOrderStore
import Configuration
import InventoryCore

/// `backorderd migrate`: brings the store's schema up to date.
struct MigrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Bring the store's schema up to date. Safe while others do the same.")

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        let configuration = try options.load()
        do {
            let store = try StoreFactory.open(configuration)
            defer { store.close() }
            let before = try store.schemaVersion()
            try Progress.during("bringing the schema up to date") { try store.migrate() }
            try store.adopt(configuration.rulebook.strategy)
            let after = try store.schemaVersion()
            print(
                before.found == after.found
                    ? "The schema is up to date (version \(after.found))."
                    : "The schema went from version \(before.found) to \(after.found).")
        } catch let error as StoreError {
            complain("backorderd: \(error.message)")
            throw ExitCode(ExitStatus.failed)
        }
    }
}
