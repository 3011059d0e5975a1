import Foundation
import Testing

/// Rules about the code that a compiler does not hold.
@Suite struct TidyTests {
    /// What each module may import besides the standard library. `Glibc` and `Synchronization` are free where listed.
    static let imports: [String: Set<String>] = [
        "InventoryCore": [],
        "MessageSchema": ["InventoryCore", "Crypto"],
        "BackOrderStore": ["InventoryCore", "Synchronization"],
        "SQLiteStore": [
            "InventoryCore", "BackOrderStore", "CSQLiteSetup", "GRDB", "GRDBSQLite", "Foundation", "Glibc",
            "Synchronization",
        ],
        "PostgresStore": ["InventoryCore", "BackOrderStore", "CLibPQ", "Foundation", "Glibc", "Synchronization"],
        "AMQPClient": ["CRabbitMQ", "Glibc", "Synchronization"],
        "Worker": [
            "InventoryCore", "MessageSchema", "BackOrderStore", "Logging", "Tracing", "Glibc", "Synchronization",
        ],
        "TraceExport": ["Worker", "Logging", "Tracing", "Glibc", "Synchronization"],
        "Operations": [
            "InventoryCore", "MessageSchema", "BackOrderStore", "Worker", "Logging", "Glibc", "Synchronization",
        ],
        "Configuration": ["InventoryCore", "Yams", "Glibc"],
        "Daemon": [
            "InventoryCore", "MessageSchema", "BackOrderStore", "SQLiteStore", "PostgresStore", "AMQPClient", "Worker",
            "TraceExport", "Configuration", "Operations", "ArgumentParser", "Logging", "UnixSignals", "Glibc",
            "Synchronization",
        ],
        "backorderd": ["Daemon", "ArgumentParser"],
        "Simulation": [
            "InventoryCore", "MessageSchema", "BackOrderStore", "SQLiteStore", "Worker", "Logging", "Foundation",
            "Synchronization",
        ],
        "backorderd-sim": ["Simulation", "ArgumentParser", "Foundation"],
        "TestSupport": ["InventoryCore", "BackOrderStore", "Glibc", "Synchronization"],
    ]

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func swiftFiles(_ folder: String) throws -> [(path: String, text: String)] {
        let base = root.appendingPathComponent(folder)
        guard let walk = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil) else { return [] }
        var files: [(path: String, text: String)] = []
        for case let url as URL in walk where url.pathExtension == "swift" {
            files.append(
                (String(url.path.dropFirst(root.path.count + 1)), try String(contentsOf: url, encoding: .utf8)))
        }
        return files
    }

    @Test func importsRunOneWay() throws {
        var seen: Set<String> = []
        for file in try Self.swiftFiles("Sources") {
            let module = String(file.path.split(separator: "/")[1])
            seen.insert(module)
            let allowed = try #require(Self.imports[module], "\(module) is not in the import table")
            for line in file.text.split(separator: "\n") {
                let words = line.split(separator: " ")
                guard let index = words.firstIndex(of: "import"), index <= 1, index + 1 < words.count else { continue }
                if index == 1, !["public", "internal", "package", "@testable", "@preconcurrency"].contains(words[0]) {
                    continue
                }
                let name = String(words[index + 1].split(separator: ".")[0])
                #expect(allowed.contains(name), "\(file.path): \(module) must not import \(name)")
            }
        }
        #expect(seen == Set(Self.imports.keys))
    }

    @Test func filesAreRooms() throws {
        for file in try Self.swiftFiles("Sources") {
            let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false).count
            #expect(lines <= 500, "\(file.path) has \(lines) lines: would a newcomer find what they look for?")
        }
    }

    @Test func uncheckedSendableHasItsReason() throws {
        for file in try Self.swiftFiles("Sources") {
            let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false)
            for (index, line) in lines.enumerated()
            where line.contains("@unchecked Sendable") && !line.trimmingCharacters(in: .whitespaces).hasPrefix("//") {
                let above = lines[max(0, index - 4)..<index].contains { $0.contains("@unchecked Sendable:") }
                #expect(above, "\(file.path):\(index + 1): say above it which rule makes it true")
            }
        }
    }

    @Test func nothingIsForcedOrLeftUnfinished() throws {
        let banned = ["try!", "as! ", "fatalError(", "TODO", "FIXME", "XXX "]
        for file in try Self.swiftFiles("Sources") {
            for (index, line) in file.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                for word in banned where line.contains(word) {
                    Issue.record("\(file.path):\(index + 1): \(word)")
                }
            }
        }
    }

    /// Whoever is woken by an alert finds what to do about it, and nothing about alerts that are gone.
    @Test func everyAlertHasItsCauseAndCure() throws {
        let rules = Self.root.appendingPathComponent("deploy/prometheus/backorderd.rules.yaml")
        let guide = try String(
            contentsOf: Self.root.appendingPathComponent("docs/operations.md"), encoding: .utf8)
        let sections = guide.components(separatedBy: "\n### ").dropFirst()
        let told = sections.map { String($0.prefix { $0 != "\n" }) }
        for section in sections {
            #expect(section.contains("**Cause:**") && section.contains("**Cure:**"), "\(section.prefix(40))")
        }
        let alerts = try String(contentsOf: rules, encoding: .utf8).split(separator: "\n").compactMap { line in
            line.firstRange(of: "- alert: ").map { String(line[$0.upperBound...]) }
        }
        #expect(!alerts.isEmpty && Set(alerts) == Set(told))
    }

    @Test func theCoreHasNoClockAndNoTasks() throws {
        let banned = [" async ", "await ", "Task {", "Date(", "clock_gettime", "ContinuousClock", "random"]
        for file in try Self.swiftFiles("Sources/InventoryCore") {
            for (index, line) in file.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            where !line.trimmingCharacters(in: .whitespaces).hasPrefix("//") {
                // A whole word: `CoveredDate(` is the core's own.
                for word in banned where line.ranges(of: word).contains(where: { isWordStart($0.lowerBound, in: line) })
                {
                    Issue.record("\(file.path):\(index + 1): the core must not know \(word)")
                }
            }
        }
    }

    private func isWordStart(_ index: Substring.Index, in line: Substring) -> Bool {
        guard index > line.startIndex else { return true }
        return !line[line.index(before: index)].isLetter
    }
}
