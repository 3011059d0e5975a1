import Foundation
import Testing

/// What documents say of tests is so.
@Suite struct DocumentTests {
    /// A name in back quotes that looks like `SuiteTests.function` or is a path under Tests.
    @Test(arguments: ["docs/threat-model.md", "docs/guarantees.md"])
    func testsThatAreNamedExist(document: String) throws {
        let text = try String(contentsOf: TidyTests.root.appendingPathComponent(document), encoding: .utf8)
        let sources = try (TidyTests.swiftFiles("Tests") + TidyTests.swiftFiles("Sources/TestSupport"))
        var named = 0
        for piece in text.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter({ $0.0 % 2 == 1 })
        {
            let name = piece.1
            if name.hasPrefix("Tests/") {
                named += 1
                let path = TidyTests.root.appendingPathComponent(String(name)).path
                #expect(FileManager.default.fileExists(atPath: path), "\(document): there is no \(name)")
                let pieces = text[piece.1.endIndex...].dropFirst()
                for part in Self.partsNamed(behind: pieces) {
                    let source = try String(contentsOfFile: path, encoding: .utf8)
                    #expect(
                        source.contains("def \(part)(") || source.contains("\"\(part)\""),
                        "\(document): \(name) has no part \(part)")
                }
            } else if let dot = name.firstIndex(of: "."), name[..<dot].hasSuffix("Tests"), !name.contains(" ") {
                named += 1
                let (suite, function) = (name[..<dot], name[name.index(after: dot)...])
                let isThere = sources.contains {
                    $0.text.contains("func \(function)(")
                        && ($0.path.contains(suite) || $0.text.contains("struct \(suite)"))
                }
                #expect(isThere, "\(document): there is no test \(name)")
            }
        }
        #expect(named > 10)
    }

    /// Parts of a live test that are named behind it: `name.py` (one_part, another_part), or `name.py`, one_part].
    private static func partsNamed(behind text: Substring) -> [String] {
        let opening = text.prefix(2)
        guard opening == " (" || opening == ", " else { return [] }
        let list = text.dropFirst(2).prefix { $0 != ")" && $0 != "]" && $0 != "|" && $0 != ";" && $0 != "`" }
        // Remarks in plain words stand there as well; a part's name has an underscore or a hyphen and no space.
        return list.split(separator: ",").compactMap { item in
            let name = item.prefix { $0 != ":" }.trimmingCharacters(in: .whitespaces)
            let isName = name.allSatisfy { $0.isLowercase || $0 == "_" || $0 == "-" }
            return isName && name.contains { $0 == "_" || $0 == "-" } ? name : nil
        }
    }
}
