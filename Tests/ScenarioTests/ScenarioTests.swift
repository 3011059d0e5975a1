import BackOrderStore
import Configuration
import Foundation
import InventoryCore
import MessageSchema
import SQLiteStore
import Testing
import Worker

@testable import PostgresStore

/// The stories of Tests/Scenarios through the production path, on every store.
@Suite struct ScenarioTests {
    /// Where a scenario is run, and how.
    struct Way: Sendable {
        let store: String
        /// Makes an empty store in a folder that goes with the test.
        let make: @Sendable (URL) throws -> any BackOrderStore
        let batch: Int
        /// A new process for every batch, as after a `kill -9`: all that it may go by is in the store.
        var restarts = false

        var text: String { "\(store), batches of \(batch)" + (restarts ? ", each by a new process" : "") }
    }

    /// What deploy/lib/scenario wants written: `1` for the scenario that is named, `index` for the list.
    static let writes = ProcessInfo.processInfo.environment["BACKORDERD_SCENARIO_WRITE"]

    /// A further store is a further line here.
    static let stores: [(name: String, make: @Sendable (URL) throws -> any BackOrderStore)] = [
        ("memory", { _ in MemoryStore() }),
        ("SQLite", { try SQLiteStore(path: $0.appendingPathComponent("books.db").path) }),
    ]

    static let ways =
        stores.flatMap {
            [
                Way(store: $0.name, make: $0.make, batch: 200), Way(store: $0.name, make: $0.make, batch: 1),
                Way(store: $0.name, make: $0.make, batch: 1, restarts: true),
            ]
        } + (postgres == nil ? [] : [Way(store: "PostgreSQL", make: ScenarioSchema.store, batch: 7)])

    /// The server that `deploy/lib/run-tests` starts; without one, the scenarios are run on the other stores.
    static let postgres = ProcessInfo.processInfo.environment["BACKORDERD_TEST_POSTGRES_URL"]

    @Test(arguments: Scenario.chosen)
    func showsWhatItSays(_ scenario: Scenario) throws {
        if ScenarioTests.writes == "1" { return try write(scenario) }
        let expected = try scenario.expected()
        var firstIDs: [Line]?
        for way in ScenarioTests.ways {
            var wrong: [String] = []
            do {
                let replay = try ScenarioReplay(scenario, way)
                defer { replay.close() }
                let outcome = try replay.run()
                wrong += outcome.differences(from: expected)
                if Set(outcome.ids).count != outcome.ids.count { wrong.append("two outputs have one id") }
                wrong += Outcome.difference("ids of the outputs", firstIDs ?? outcome.ids, outcome.ids)
                if firstIDs == nil { firstIDs = outcome.ids }

                let again = try replay.run()
                wrong += Outcome.difference("the input a second time: outputs", [], again.outputs)
                wrong += Outcome.difference("the input a second time: state.json", outcome.state, again.state)
                // What was set aside may be set aside again, and nothing else.
                let fresh = again.rejected.filter { !outcome.rejected.contains($0) }
                wrong += Outcome.difference("the input a second time: rejected", [], fresh)
            } catch {
                wrong.append("it ends with \(error)")
            }
            if wrong.isEmpty { continue }
            Issue.record(
                """
                \(scenario.name), on \(way.text): \(scenario.readme)
                  \(wrong.joined(separator: "\n  "))
                  again: make test-scenarios ONLY=\(scenario.name)
                """)
        }
    }

    private func write(_ scenario: Scenario) throws {
        let replay = try ScenarioReplay(scenario, ScenarioTests.ways[0])
        defer { replay.close() }
        try scenario.write(try replay.run())
    }

    @Test func thereAreMany() {
        #expect(Scenario.all.count >= 60)
    }

    @Test func eachSaysInOneLineWhatIsShown() {
        for scenario in Scenario.all {
            #expect(scenario.readme.count >= 20 && !scenario.readme.contains("\n"), "\(scenario.name)/README")
        }
    }

    @Test func theIndexIsUpToDate() throws {
        let text = try String(contentsOf: Scenario.index, encoding: .utf8)
        let indexed = Scenario.indexed(text)
        if ScenarioTests.writes != nil {
            return try indexed.write(to: Scenario.index, atomically: true, encoding: .utf8)
        }
        #expect(Array(text.utf8) == Array(indexed.utf8), "Tests/Scenarios/README.md: make scenario-index")
    }
}

/// A schema of the server for each scenario, named after its folder.
enum ScenarioSchema {
    static func name(_ folder: URL) -> String {
        folder.lastPathComponent.lowercased().replacingOccurrences(of: "-", with: "_")
    }

    @Sendable static func store(_ folder: URL) throws -> any BackOrderStore {
        let url = ScenarioTests.postgres ?? ""
        return try PostgresStore(url: "\(url)?options=-csearch_path%3D\(name(folder))", worker: "scenario")
    }

    static func drop(_ folder: URL) {
        guard let url = ScenarioTests.postgres, let link = try? Connection(try PostgresAddress(url: url)) else {
            return
        }
        try? link.execute("DROP SCHEMA IF EXISTS \(name(folder)) CASCADE")
    }
}

/// One scenario on one store: the path of `backorderd replay`.
final class ScenarioReplay {
    private let scenario: Scenario
    private let way: ScenarioTests.Way
    private let configuration: Configuration
    private let folder: URL
    private let store: any BackOrderStore

    init(_ scenario: Scenario, _ way: ScenarioTests.Way) throws {
        self.scenario = scenario
        self.way = way
        configuration = try Configuration.parse(
            try scenario.bytes("config.yaml"), named: scenario.folder.appendingPathComponent("config.yaml").path)
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("scenario-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        store = try way.make(folder)
        try store.migrate()
        try store.adopt(configuration.rulebook.strategy)
    }

    func close() {
        store.close()
        ScenarioSchema.drop(folder)
        try? FileManager.default.removeItem(at: folder)
    }

    func run() throws -> Outcome {
        var outcome = Outcome()
        var rejected: [(line: Int, reason: String)] = []
        var processor = newProcessor()
        func take(_ result: BatchResult, _ batch: ArraySlice<DecodedDelivery>) {
            for message in result.messages where message.destination == .output { outcome.add(message) }
            for (delivery, came) in zip(batch, result.outcomes) {
                if case .deadLettered(let rejection) = came {
                    rejected.append((Int(delivery.queue) ?? 0, rejection.reason.rawValue))
                }
            }
            for parked in result.rejectedParked {
                let line = OriginalMessage(decoding: parked.message.original).flatMap { Int($0.queue) } ?? 0
                rejected.append((line, parked.rejection.reason.rawValue))
            }
        }
        var rest = try deliveries()[...]
        while !rest.isEmpty {
            let batch = rest.prefix(way.batch)
            rest = rest.dropFirst(way.batch)
            take(try processor.process(Array(batch)), batch)
            if way.restarts { processor = newProcessor() }
        }
        take(try processor.finishReplay(), [])
        outcome.rejected = rejected.sorted { $0.line < $1.line }
            .map { Array("{\"line\":\($0.line),\"reason\":\"\($0.reason)\"}".utf8) }
        outcome.state = try store.read { try StateText($0).lines() }
        return outcome
    }

    private func newProcessor() -> BatchProcessor {
        BatchProcessor(store: store, rules: configuration.rulebook, clock: .messageTime, keepsOutbox: false)
    }

    /// As `replay` reads them: a line's number travels as the name of its queue.
    private func deliveries() throws -> [DecodedDelivery] {
        let options = DecodeOptions(
            linesMax: configuration.limits.lines, messageBytesMax: configuration.limits.messageBytes)
        let decoder = Decoder()
        var arrival = Instant(microseconds: 0)
        return try scenario.lines("in.ndjson").enumerated().map { index, body in
            let reading = decoder.read(body, envelope: Envelope(), arrival: arrival, options: options)
            if case .message(let decoded) = reading { arrival = max(arrival, decoded.message.time) }
            return DecodedDelivery(reading: reading, queue: String(index + 1), body: body, properties: { [] })
        }
    }
}

extension Outcome {
    /// The line that `replay` prints, without the id, which is the first member of every body.
    fileprivate mutating func add(_ message: OutboxMessage) {
        let head = "{\"id\":\"\(message.messageID)\","
        let rest = message.body.starts(with: head.utf8) ? message.body.dropFirst(head.utf8.count) : message.body[...]
        outputs.append(Array("{\"routing_key\":\"\(message.routingKey)\",".utf8) + rest)
        ids.append(Array(message.messageID.utf8))
    }
}
