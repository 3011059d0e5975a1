import ArgumentParser
import BackOrderStore
import Configuration
import PostgresStore
import SQLiteStore

/// Opens the store that the configuration names.
enum StoreFactory {
    /// - Parameter isBulk: for work that goes through the whole of it: more memory, and less written twice.
    static func open(_ configuration: Configuration, isBulk: Bool = false) throws(StoreError) -> any BackOrderStore {
        switch configuration.store {
        case .memory: return MemoryStore()
        case .sqlite(let path):
            var options = SQLiteStore.Options()
            if isBulk {
                options.cacheKiB = 384 << 10
                options.checkpointPages = 64_000
                options.knownSKUs = 262_144
            }
            return try SQLiteStore(path: path, options: options)
        case .postgres(let url): return try PostgresStore(url: url, worker: WorkerName.own)
        }
    }

    /// A second connection for work in bulk, where one may decide while another writes; nil: this store has none.
    static func openSnapshots(_ configuration: Configuration) throws(StoreError) -> (any SnapshotStore)? {
        guard case .sqlite(let path) = configuration.store else { return nil }
        var options = SQLiteStore.Options()
        options.cacheKiB = 128 << 10
        options.knownSKUs = 262_144
        return try SQLiteStore(path: path, options: options)
    }

    /// Refuses a store whose schema is older than this program's.
    static func requireSchema(_ store: any BackOrderStore) throws {
        let version = try store.schemaVersion()
        if version.found < version.wanted {
            throw StoreError(.schemaMissing, "the store's schema is not up to date: run backorderd migrate first")
        }
    }

    /// Opens it for a command that only reads; an exit with a plain line if that can't be.
    static func openForReading(_ configuration: Configuration) throws -> any BackOrderStore {
        do {
            if case .sqlite(let path) = configuration.store, !fileExists(path) {
                throw StoreError(
                    .misconfigured,
                    "the store \(path) is not there; is --config right, and has the daemon (or backorderd migrate) run?"
                )
            }
            let store = try open(configuration)
            try requireSchema(store)
            return store
        } catch let error as StoreError {
            complain("backorderd: \(error.message)")
            throw ExitCode(ExitStatus.failed)
        }
    }
}
