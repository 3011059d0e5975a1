public import ArgumentParser
import Configuration
import Glibc

/// A command that does not exist, and the one that was probably meant: the parser itself only knows about options.
public enum Spelling {
    /// Ends the process with code 64 and a line that says so, if a word stands where a command has to and names none.
    public static func check(_ root: any ParsableCommand.Type, _ arguments: [String]) {
        guard let text = complaint(root, arguments) else { return }
        complain("Error: \(text)")
        exit(ExitStatus.usage)
    }

    static func complaint(_ root: any ParsableCommand.Type, _ arguments: [String]) -> String? {
        var command = root
        var path = name(of: root)
        var words = arguments[...]
        if words.first == "help" { words = words.dropFirst() }
        while let word = words.first, !word.hasPrefix("-"), !command.configuration.subcommands.isEmpty {
            let subcommands = command.configuration.subcommands
            if let next = subcommands.first(where: { name(of: $0) == word || $0.configuration.aliases.contains(word) })
            {
                command = next
                path += " \(word)"
                words = words.dropFirst()
                continue
            }
            if command == root, word == "help" { return nil }
            let names = subcommands.map { name(of: $0) }
            let shown = TextTable.printable(String(word.prefix(60)))
            let guess = near(word, among: names).map { "did you mean \(path) \($0)?" }
            return "there is no command \(path) \(shown); \(guess ?? "there are \(names.joined(separator: ", "))")"
        }
        return nil
    }

    private static func name(of command: any ParsableCommand.Type) -> String {
        command.configuration.commandName ?? "\(command)".lowercased()
    }
}
