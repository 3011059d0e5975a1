import ArgumentParser
import Configuration
import Glibc

/// What was meant by a command that does not exist. Options that don't exist are the argument parser's own affair.
enum Suggestions {
    /// nil: every command in these arguments exists. Else the lines for standard error.
    static func forUnknownCommand(
        in arguments: [String], root: any ParsableCommand.Type = BackorderdCommand.self
    ) -> String? {
        var path = [root._commandName]
        var command: any ParsableCommand.Type = root
        for (index, word) in arguments.enumerated() {
            let children = command.configuration.subcommands
            // An option's value can't be told from a command: leave that to the parser.
            if children.isEmpty || word.hasPrefix("-") || word == "help" { return nil }
            if let child = children.first(where: { $0._commandName == word }) {
                command = child
                path.append(word)
                continue
            }
            let place = path.joined(separator: " ")
            let names = children.map { $0._commandName }
            var lines = ["Error: '\(TextTable.printable(word))' is no command of \(place)."]
            // What is no command may be what the default one takes.
            if command.configuration.defaultSubcommand != nil, near(word, among: names) == nil { return nil }
            let rest = arguments[index...].map(TextTable.printable)
            if let meant = meant(by: word, rest, at: place, names, root) {
                lines[0] += " Did you mean '\(meant)'?"
            }
            lines.append("Commands: \(names.joined(separator: ", "))")
            lines.append("  See '\(place) --help' for more information.")
            return lines.joined(separator: "\n")
        }
        return nil
    }

    private static func meant(
        by word: String, _ rest: [String], at place: String, _ names: [String], _ root: any ParsableCommand.Type
    ) -> String? {
        if let name = near(word, among: names) { return "\(place) \(name)" }
        // A command of another level: `backorderd back-orders`, `backorderd show migrate`.
        let others = paths(of: root, []).dropFirst()
        if let name = near(word, among: others.compactMap { $0.last }),
            let path = others.first(where: { $0.last == name })
        {
            return path.joined(separator: " ")
        }
        // Where there is but one, it was left out: `backorderd explain 4711`.
        return names.count == 1 ? "\(place) \(names[0]) \(rest[0])" : nil
    }

    private static func paths(of command: any ParsableCommand.Type, _ before: [String]) -> [[String]] {
        let path = before + [command._commandName]
        return [path] + command.configuration.subcommands.flatMap { paths(of: $0, path) }
    }
}
