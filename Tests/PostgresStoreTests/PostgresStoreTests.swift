import BackOrderStore
import Foundation
import InventoryCore
import TestSupport
import Testing

@testable import PostgresStore

@Suite(.enabled(if: Server.url != nil)) struct PostgresStoreTests {
    @Test(arguments: StoreConformance.cases) func conforms(_ conformance: StoreConformance.Case) throws {
        var databases: [Database] = []
        try conformance.run {
            let database = Database()
            databases.append(database)
            return try database.store()
        }
    }

    /// The same, each transaction in a store that has just been opened: nothing may live in the store value alone.
    @Test(arguments: StoreConformance.cases) func conformsReopened(_ conformance: StoreConformance.Case) throws {
        // Four hundred connections one after the other say nothing that a few don't.
        if conformance.name == "thousands of small transactions" { return }
        var databases: [Database] = []
        try conformance.run {
            let database = Database()
            databases.append(database)
            try database.store().close()
            return Reopening(url: database.url())
        }
    }
}

/// Connects anew for every call.
final class Reopening: BackOrderStore {
    let url: String

    init(url: String) {
        self.url = url
    }

    private func opened<Result>(_ body: (PostgresStore) throws -> Result) throws -> Result {
        let store = try PostgresStore(url: url, worker: "test")
        defer { store.close() }
        return try body(store)
    }

    func write<Result>(_ body: (any StoreTransaction) throws -> Result) throws -> Result {
        try opened { try $0.write(body) }
    }

    func read<Result>(_ body: (any StoreQueries) throws -> Result) throws -> Result {
        try opened { try $0.read(body) }
    }

    func migrate() throws { try opened { try $0.migrate() } }
    func schemaVersion() throws -> (found: Int, wanted: Int) { try opened { try $0.schemaVersion() } }
    func adopt(_ strategy: InventoryCore.Strategy) throws { try opened { try $0.adopt(strategy) } }
    func close() {}
}
