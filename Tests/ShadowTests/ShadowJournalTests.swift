import AMQPClient
import Configuration
import Foundation
import InventoryCore
import MessageSchema
import Testing

@testable import Daemon

@Suite struct ShadowJournalTests {
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "shadow-journal-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test func aTornLineIsCutOffAndOneWriterHoldsIt() throws {
        try withDirectory { directory in
            do {
                var journal = try ShadowJournal(directory: directory, bytesMax: 1 << 20)
                #expect(journal.isNew)
                try journal.append(Array("one\ntwo\n".utf8))
                try journal.begun()
                #expect(throws: ShadowJournal.Failure.self) {
                    _ = try ShadowJournal(directory: directory, bytesMax: 1 << 20)
                }
                journal.close()
            }
            let file = try #require(ShadowJournal.files(in: directory).first)
            let handle = try #require(FileHandle(forWritingAtPath: file))
            handle.seekToEndOfFile()
            handle.write(Data("{\"at\":\"20".utf8))
            try handle.close()
            var journal = try ShadowJournal(directory: directory, bytesMax: 1 << 20)
            #expect(!journal.isNew)
            try journal.append(Array("three\n".utf8))
            #expect(try text(file) == "one\ntwo\nthree\n")
            journal.close()
        }
    }

    @Test func theOldestFileGoes() throws {
        try withDirectory { directory in
            var journal = try ShadowJournal(directory: directory, bytesMax: 16 * 4096)
            let block = Array(String(repeating: "x", count: 3_999).utf8) + [0x0A]
            for _ in 0..<40 { try journal.append(block) }
            journal.close()
            let files = ShadowJournal.files(in: directory)
            #expect(files.count == Int(ShadowJournal.filesMax))
            #expect(
                files.first?.hasSuffix("/00000025.ndjson") == true && files.last?.hasSuffix("/00000040.ndjson") == true)
        }
    }

    @Test func whatIsWrittenIsReadBack() throws {
        let time = Instant(microseconds: 1_700_000_000_000_000)
        let queues = [
            ShadowEntry.QueueState(queue: "a \"b\"", messages: 7, limit: 10),
            .init(queue: "c", messages: nil, limit: 3),
        ]
        let lines: [([UInt8], ShadowEntry)] = [
            (ShadowEntry.startedLine(queues, at: time), .started(queues)),
            (ShadowEntry.fullLine(queues, at: time), .full(queues)),
            (ShadowEntry.stoppedLine(at: time), .stopped),
            (
                ShadowEntry.deadLetterLine(
                    reason: "invalid", detail: "lines: is empty", queue: "q", body: [0xFF, 0x0A], at: time),
                .deadLetter(reason: "invalid", detail: "lines: is empty", queue: "q")
            ),
            (ShadowEntry.outputLine(Array("{}".utf8), routingKey: "k", at: time), .output(routingKey: "k")),
        ]
        for (line, entry) in lines {
            #expect(line.last == 0x0A && line.dropLast().firstIndex(of: 0x0A) == nil)
            let read = try #require(ShadowEntry.read(line.dropLast()))
            #expect(read.at == time && read.entry == entry)
        }
        for wrong in ["", "{", "[]", "{\"at\":\"2026-11-23T10:00:00Z\"}", "{\"note\":{}}"] {
            #expect(ShadowEntry.read(Array(wrong.utf8)) == nil, "\(wrong)")
        }
    }
}

@Suite struct ShadowPlanTests {
    private func plan(_ yaml: String, _ change: (inout ShadowPlan) -> Void = { _ in }) throws -> Configuration {
        var plan = ShadowPlan()
        change(&plan)
        return try plan.configuration(try Configuration.parse(Array(yaml.utf8), named: "f"), store: nil)
    }

    @Test func everyInputHasAQueueOfItsOwn() throws {
        let yaml = """
            broker:
              inputs:
                - {queue: a, type: order-placed, bind: [{exchange: x, keys: [k]}]}
                - {queue: b, bind: [{exchange: y, keys: [l, m]}]}
            store: {url: sqlite:///srv/books.db}
            """
        let shadow = try plan(yaml)
        #expect(shadow.broker.inputs.map(\.queue) == ["a.shadow", "b.shadow"])
        #expect(shadow.store == .sqlite(path: "/srv/books.shadow.db"))
        let topology = ShadowPlan().topology(shadow)
        #expect(topology.exchanges.isEmpty && topology.queues.allSatisfy { $0.type == .classic })
        #expect(
            topology.bindings.map { "\($0.queue) \($0.exchange) \($0.key)" } == [
                "a.shadow x k", "b.shadow y l", "b.shadow y m",
            ])
        #expect(try shadow.decodeOptions()["a.shadow"]?.pinnedType == .orderPlaced)
    }

    @Test func itKeepsAwayFromTheLiveSide() throws {
        #expect(throws: ShadowPlan.Refusal.self) { try plan("broker: {inputs: [{queue: a}]}") }
        #expect(throws: ShadowPlan.Refusal.self) { try plan("") { $0.exchange = "amq.topic" } }
        #expect(throws: ShadowPlan.Refusal.self) { try plan("") { $0.exchange = "orders" } }
        #expect(throws: ShadowPlan.Refusal.self) { try plan("") { $0.suffix = "" } }
        let two =
            "broker: {inputs: [{queue: a, bind: [{exchange: x, keys: [k]}]}, {queue: b, bind: [{exchange: x, keys: [k]}]}]}"
        #expect(throws: ShadowPlan.Refusal.self) { try plan(two) { $0.binds = [.init("y=k")].compactMap(\.self) } }
        #expect(throws: ShadowPlan.Refusal.self) {
            try plan(two.replacingOccurrences(of: "queue: b", with: "queue: a.shadow"))
        }
        #expect(try plan("") { $0.exchange = "trial" }.broker.output == "trial")
    }

    @Test func bindsAreRead() {
        #expect(ShadowPlan.Bind("x=a,b.#")?.keys == ["a", "b.#"])
        #expect(ShadowPlan.Bind("fan")?.keys == [""])
        #expect(ShadowPlan.Bind("=a") == nil)
    }
}
