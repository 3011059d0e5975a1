import BackOrderStore
import Foundation
import InventoryCore
import Testing

@testable import PostgresStore

/// The server of these tests: `deploy/lib/run-tests` starts one and names it here.
enum Server {
    static let url = ProcessInfo.processInfo.environment["BACKORDERD_TEST_POSTGRES_URL"]
    /// The folder that `deploy/lib/private-postgres` keeps it in, for tests that stop it.
    static let folder = ProcessInfo.processInfo.environment["BACKORDERD_TEST_POSTGRES_DIR"]

    /// The URL with another user, or with more parameters.
    static func url(_ parameters: String...) -> String {
        guard let url else { return "" }
        return url + (url.contains("?") ? "&" : "?") + parameters.joined(separator: "&")
    }
}

/// A schema of the server that goes with its test.
final class Database: Sendable {
    let schema: String

    init() {
        schema = "t" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
    }

    deinit {
        guard let link = try? Connection(try PostgresAddress(url: Server.url())) else { return }
        try? link.execute("DROP SCHEMA IF EXISTS \(schema) CASCADE")
    }

    func url(_ more: String = "") -> String {
        Server.url("options=-csearch_path%3D\(schema)%20" + more)
    }

    /// A store on it, migrated.
    func store(_ more: String = "", worker: String = "test") throws -> PostgresStore {
        let store = try PostgresStore(url: url(more), worker: worker)
        try store.migrate()
        return store
    }

    /// A connection that is no store's, for looking and meddling.
    func other() throws -> Connection { try Connection(try PostgresAddress(url: url())) }
}

extension Connection {
    func ask(_ sql: String) throws -> Rows { try Migration.ask(self, sql) }
}

func message(_ id: String, bytes: Int = 10) -> OutboxMessage {
    OutboxMessage(
        destination: .output, routingKey: "k", messageID: id, type: "t", body: [UInt8](repeating: 7, count: bytes))
}

let start = Instant(microseconds: 1)

func expectError(_ code: StoreError.Code, containing part: String = "", _ body: () throws -> Void) {
    do {
        try body()
        Issue.record("nothing was thrown")
    } catch let error as StoreError {
        #expect(error.code == code, "\(error.message)")
        #expect(part.isEmpty || error.message.contains(part), "\(error.message)")
    } catch {
        Issue.record("\(error)")
    }
}

/// An order that waits for an item with stock, a queue, and supply on its way.
func writeSomeOfAll(_ transaction: any StoreTransaction) throws {
    var line = OrderLine(lineID: "1", sku: "S", ordered: 5)
    line.waiting = 5
    var changes = Changes()
    changes.orders = [
        .init(order: Order(orderID: "o", placedAt: start, lines: [line]), isNew: true, lines: [0], lead: 0)
    ]
    let item = Item(
        sku: "S", stock: [Stock(location: "a", onHand: 1)], lanes: [WaitingLane(pin: nil, units: 5, lines: 1)],
        onOrder: 4)
    changes.items = [
        .init(item: item, isNew: true, headChanged: true, stock: [0], lanes: [0], deficitsChanged: false)
    ]
    changes.supplies = [
        Supply(
            supplyID: "r", kind: .reorder, sku: "S", location: "a", quantity: 4, outstanding: 4, createdAt: start)
    ]
    try transaction.apply(changes)
    try transaction.appendInbox([
        InboxRow(key: Digest128(high: 1, low: 1), content: Digest128(high: 1, low: 1), receivedAt: start)
    ])
    _ = try transaction.appendOutbox([message("1")], at: start)
}

/// Runs the bodies at once, each on a thread of its own, and waits for all.
func atOnce(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) {
    let threads = (0..<count).map { number in
        Thread {
            do {
                try body(number)
            } catch {
                Issue.record("\(error)")
            }
        }
    }
    for thread in threads { thread.start() }
    let deadline = Date(timeIntervalSinceNow: 120)
    while threads.contains(where: { !$0.isFinished }), Date() < deadline { usleep(2000) }
    let isDone = !threads.contains { !$0.isFinished }
    #expect(isDone, "not done within two minutes")
}
