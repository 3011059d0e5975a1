import Yams

/// The bytes of a configuration file as a tree of YAML nodes that know their lines.
struct Document {
    /// nil: the file is empty, or only comments.
    var root: Node?
    /// What is wrong with the YAML itself, without the file's name.
    var problems: [(line: Int, key: String?, fault: Fault)] = []

    /// Marks a key that stood in its map before another of the same name; see `markingKey`. A private-use
    /// character, which no key is expected to begin with.
    static let duplicateMark: Unicode.Scalar = "\u{F8FF}"

    init(_ bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let line = Self.firstInvalidLine(bytes)
            problems.append((line, nil, Fault("not UTF-8", "save the file as UTF-8")))
            return
        }
        var yaml = text.hasPrefix("\u{FEFF}") ? String(text.unicodeScalars.dropFirst()) : text
        yaml = Self.quotingMemoryURL(yaml)
        // Yams stops at the first map with a repeated key and tells only where its first one is. To find all of them, and
        // the line of the repetition, the first one is renamed and the text read again.
        for _ in 0..<Self.mostDuplicates {
            do {
                root = try Parser(yaml: yaml, resolver: .basic, encoding: .utf8).singleRoot()
                return
            } catch YamlError.duplicatedKeysInMapping(_, let context) {
                guard let marked = Self.markingKey(in: yaml, at: context.mark) else {
                    problems.append(
                        (context.mark.line, nil, Fault("a key is given twice in one map", "keep one of them")))
                    return
                }
                yaml = marked
            } catch {
                problems.append(Self.problem(error))
                return
            }
        }
        problems.append((1, nil, Fault("more than \(Self.mostDuplicates) keys are given twice", "keep one of each")))
    }

    private static let mostDuplicates = 50

    /// `url: memory:` as everybody writes it is not YAML, for its second colon; it gets its quotes here.
    private static func quotingMemoryURL(_ yaml: String) -> String {
        guard yaml.contains("memory:") else { return yaml }
        let pattern = #/(\burl["']?[ \t]*:[ \t]+)memory:(?=[ \t]*(?:[,}#\r]|$))/#.anchorsMatchLineEndings()
        return yaml.replacing(pattern) { "\($0.output.1)\"memory:\"" }
    }

    private static func markingKey(in yaml: String, at mark: Mark) -> String? {
        var scalars = yaml.unicodeScalars
        var index = scalars.startIndex
        var line = 1
        while line < mark.line {
            guard index < scalars.endIndex else { return nil }
            let scalar = scalars[index]
            index = scalars.index(after: index)
            if scalar == "\r", index < scalars.endIndex, scalars[index] == "\n" { index = scalars.index(after: index) }
            if ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains(scalar) { line += 1 }
        }
        guard scalars.index(index, offsetBy: mark.column - 1, limitedBy: scalars.endIndex) != nil else { return nil }
        index = scalars.index(index, offsetBy: mark.column - 1)
        guard index < scalars.endIndex, !["&", "!", "*", "[", "{", "|", ">"].contains(scalars[index]) else {
            return nil
        }
        if ["\"", "'"].contains(scalars[index]) { index = scalars.index(after: index) }
        scalars.insert(duplicateMark, at: index)
        return String(scalars)
    }

    private static func problem(_ error: any Error) -> (line: Int, key: String?, fault: Fault) {
        func syntax(_ line: Int, _ problem: String, context: YamlError.Context? = nil) -> (Int, String?, Fault) {
            let begin = context.map { $0.mark.line == line ? $0.text : "\($0.text) begun on line \($0.mark.line)" }
            let text = [begin, problem].compactMap(\.self).joined(separator: ": ")
            let remedy =
                switch true {
                case problem.contains("cannot start any token"):
                    "indent with spaces, not tabs, and put text with special characters in quotes"
                case problem.contains("mapping values are not allowed"):
                    "check the indentation, and put text with a colon in quotes"
                case problem.contains("control characters"): "remove it, or write it as an escape in double quotes"
                case problem.contains("undefined alias"):
                    "define the anchor with & above its use, or put the text in quotes"
                case problem.contains("another document"): "keep one document"
                default: "check the indentation, quotes and brackets here and just above"
                }
            return (line, nil, Fault("not valid YAML: \(text)", remedy))
        }
        switch error {
        case YamlError.scanner(let context, let problem, let mark, _),
            YamlError.parser(let context, let problem, let mark, _):
            return syntax(mark.line, problem, context: context)
        case YamlError.composer(_, let problem, let mark, _):
            return syntax(mark.line, problem.hasPrefix("but ") ? String(problem.dropFirst(4)) : problem)
        case YamlError.reader(let problem, let offset, _, let yaml):
            let line = 1 + yaml.prefix(offset ?? 0).count(where: \.isNewline)
            return syntax(line, problem)
        default:
            return syntax(1, "it can't be read")
        }
    }

    private static func firstInvalidLine(_ bytes: [UInt8]) -> Int {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return 1 + (lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0)
    }
}
