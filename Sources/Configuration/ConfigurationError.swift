/// One thing that is wrong with the configuration. Its text is one line and never holds a secret.
public struct Problem: Sendable, Equatable, CustomStringConvertible {
    /// The file, the environment variable, or `command line`.
    public var source: String
    /// 1-based; nil where there is no line: the environment, the command line, a file that can't be read.
    public var line: Int?
    /// 1-based; only where a value is at fault whose key's line may hold many.
    public var column: Int?
    /// The full path of the key, e.g. `worker.batch` or `broker.inputs[0].queue` (counted from 0). nil: not about a key.
    public var key: String?
    public var cause: String
    public var remedy: String

    public init(source: String, line: Int? = nil, column: Int? = nil, key: String? = nil, cause: String, remedy: String)
    {
        self.source = source
        self.line = line
        self.column = column
        self.key = key
        self.cause = cause
        self.remedy = remedy
    }

    /// `FILE:LINE: KEY: cause; remedy`, or with `FILE:LINE:COLUMN:`
    public var description: String {
        var text = source
        if let line { text += ":\(line)" }
        if line != nil, let column { text += ":\(column)" }
        text += ": "
        if let key { text += "\(key): " }
        return text + "\(cause); \(remedy)"
    }
}

/// The configuration can't be used; the daemon exits with `exitCode`.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Of sysexits.h: EX_CONFIG.
    public static let exitCode: Int32 = 78

    /// Never empty: first the file's, by line, then the environment's, then the command line's.
    public let problems: [Problem]

    init(_ first: Problem, _ others: [Problem] = []) {
        problems = [first] + others
    }

    /// nil: there is no problem.
    public init?(_ problems: [Problem]) {
        guard !problems.isEmpty else { return nil }
        self.problems = problems
    }

    /// One line, the first problem: what stops the start.
    public var description: String { problems[0].description }

    /// One line for each problem: what `check` prints.
    public var allProblems: String { problems.map(\.description).joined(separator: "\n") }
}
