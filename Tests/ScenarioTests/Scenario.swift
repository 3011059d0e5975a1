import Foundation
import Testing

/// A line of a file, compared byte for byte: Swift's strings are equal where they merely look the same.
typealias Line = [UInt8]

/// A folder of Tests/Scenarios.
struct Scenario: Sendable, CustomTestStringConvertible {
    let name: String
    let folder: URL
    /// One line: what is shown.
    let readme: String

    var testDescription: String { name }

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Scenarios")

    /// All of them, or those that `BACKORDERD_SCENARIO` names; it may end in `*`.
    static let chosen: [Scenario] = {
        guard let only = ProcessInfo.processInfo.environment["BACKORDERD_SCENARIO"], !only.isEmpty else { return all }
        if only.hasSuffix("*") { return all.filter { $0.name.hasPrefix(only.dropLast()) } }
        return all.filter { $0.name == only }
    }()

    static let all: [Scenario] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
        return names.sorted().compactMap { Scenario($0) }
    }()

    /// nil: the folder holds no messages.
    private init?(_ name: String) {
        let folder = Scenario.root.appendingPathComponent(name)
        guard FileManager.default.fileExists(atPath: folder.appendingPathComponent("in.ndjson").path) else {
            return nil
        }
        self.name = name
        self.folder = folder
        readme = ((try? String(contentsOf: folder.appendingPathComponent("README"), encoding: .utf8)) ?? "")
            .trimmingCharacters(in: .newlines)
    }

    func bytes(_ file: String) throws -> [UInt8] { Array(try Data(contentsOf: folder.appendingPathComponent(file))) }

    /// Lines that are not empty; none if the file is not there.
    func lines(_ file: String) throws -> [Line] {
        guard FileManager.default.fileExists(atPath: folder.appendingPathComponent(file).path) else { return [] }
        return try bytes(file).split(separator: 0x0A).map { Array($0) }
    }

    /// What replaying it should come to.
    func expected() throws -> Outcome {
        Outcome(
            outputs: try lines("out.ndjson"), rejected: try lines("rejected.ndjson"), state: try lines("state.json"))
    }

    /// Takes over what the program does, to be read against the contract.
    func write(_ outcome: Outcome) throws {
        func put(_ file: String, _ lines: [Line]) throws {
            try Data(lines.flatMap { $0 + [0x0A] }).write(to: folder.appendingPathComponent(file))
        }
        try put("out.ndjson", outcome.outputs)
        try put("state.json", outcome.state)
        if outcome.rejected.isEmpty {
            try? FileManager.default.removeItem(at: folder.appendingPathComponent("rejected.ndjson"))
        } else {
            try put("rejected.ndjson", outcome.rejected)
        }
    }

    // MARK: The index in README.md

    static let index = root.appendingPathComponent("README.md")
    private static let mark = "<!-- index -->\n"

    static func indexed(_ text: String) -> String {
        let head = text.components(separatedBy: mark)[0]
        let entries = all.map { "- [\($0.name)](\($0.name)): \($0.readme)\n" }
        return head + mark + "\(all.count) scenarios.\n\n" + entries.joined()
    }
}

/// What a replay came to, as the scenario's files hold it.
struct Outcome: Sendable {
    /// Without their ids.
    var outputs: [Line] = []
    /// By line of the input.
    var rejected: [Line] = []
    var state: [Line] = []
    /// By output; not in any file: they only have to be the same whenever the scenario runs.
    var ids: [Line] = []

    /// Where this differs from what was expected; empty: nowhere.
    func differences(from expected: Outcome) -> [String] {
        Outcome.difference("out.ndjson", expected.outputs, outputs)
            + Outcome.difference("rejected.ndjson", expected.rejected, rejected)
            + Outcome.difference("state.json", expected.state, state)
    }

    /// The first line that differs, for a person to read.
    static func difference(_ file: String, _ expected: [Line], _ got: [Line]) -> [String] {
        if expected == got { return [] }
        func text(_ lines: [Line], _ index: Int) -> String {
            index < lines.count ? String(decoding: lines[index], as: UTF8.self) : "nothing more"
        }
        let index =
            zip(expected, got).enumerated().first { $0.element.0 != $0.element.1 }?.offset
            ?? min(expected.count, got.count)
        return [
            "\(file), line \(index + 1):", "    expected: \(text(expected, index))",
            "    got:      \(text(got, index))",
        ]
    }
}
