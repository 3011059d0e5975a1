import ArgumentParser
import Configuration
import Glibc
import MessageSchema

/// `backorderd dead-letters …`: what could not be used, and what to do about it.
struct DeadLettersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "List, show, send back or drop messages that could not be used. Safe while the daemon runs.",
        discussion: """
            An ID is what list shows: the letter's own, or the message's; a message's names all letters that bear it. \
            While a list is made, its letters are in hand and another reader of the queue does not see them; they keep \
            their places.
            """,
        subcommands: [List.self, Show.self, Replay.self, Drop.self], defaultSubcommand: List.self)

    /// What all of them take.
    struct Options: ParsableArguments {
        @OptionGroup var configuration: ConfigurationOptions

        @Option(
            name: .long, help: "The broker's URL; wins over the file and the environment. May be given more than once.")
        var broker: [String] = []

        func load() throws -> Configuration { try configuration.load(brokerURLs: broker) }
    }

    /// Which letters.
    struct Choice: ParsableArguments {
        @Argument(help: "Letters, by their own id or their message's.")
        var ids: [String] = []

        @Flag(name: .long, help: "All that are there now.")
        var all = false

        /// Not the parser's `validate`: an option that is spelt wrong is to be told first.
        func check() throws {
            if all != ids.isEmpty { throw ValidationError("Name letters by their ids, or say --all.") }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What is in the dead-letter queue, oldest first. Nothing is changed.")
        @OptionGroup var options: Options

        @Option(name: .long, help: "table, json or csv.")
        var format: ShowCommand.Format = .table

        @Option(name: .long, help: "At most so many.")
        var limit = 10_000

        func validate() throws {
            if limit < 1 { throw ValidationError("--limit needs a number from 1.") }
        }

        func run() throws {
            let configuration = try options.load()
            try exiting {
                let desk = try DeadLetterDesk(configuration)
                var list = Listing(format, DeadLetter.columns, jsonColumns: DeadLetter.columns.count)
                let unseen = try desk.walk(limit: limit) { letter in
                    list.add(letter.cells)
                    return .keep
                }
                list.finish(empty: "There are no dead letters.")
                if unseen > 0 {
                    complain("\(unseen) more were in the queue: over --limit, or in the hands of another reader.")
                }
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One letter with properties, headers and body. Nothing is changed.")
        @OptionGroup var options: Options
        @Argument(help: "The letter's own id or its message's.") var id: String

        @Option(name: .long, help: "table or json: one object for each letter that the ID names, one a line.")
        var format: ShowCommand.Format = .table

        func validate() throws {
            if format == .csv { throw ValidationError("One letter is no table: --format table or json.") }
        }

        func run() throws {
            let configuration = try options.load()
            try exiting {
                let desk = try DeadLetterDesk(configuration)
                var known: [String] = []
                var found = 0
                try desk.walk { letter in
                    known += letter.names
                    if letter.isNamed(id) {
                        found += 1
                        let text = format == .json ? letter.json.rendered + "\n" : letter.text
                        writeAll(Array(text.utf8), to: STDOUT_FILENO)
                    }
                    return .keep
                }
                if found == 0 { try notFound([id], known) }
            }
        }
    }

    struct Replay: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send letters back to their input, and only then remove them here.",
            discussion: """
                Killed in the middle, a letter is in one queue or in both, never in none; sent back twice, it has its \
                effect once. A parked message that had expired is forgotten by the inbox first.
                """)
        @OptionGroup var options: Options
        @OptionGroup var choice: Choice

        @Option(name: .long, help: "The input to send them to (default: where each came from).")
        var queue: String?

        @Option(name: .long, help: "table, json or csv.")
        var format: ShowCommand.Format = .table

        func run() throws {
            try choice.check()
            let configuration = try options.load()
            try exiting {
                let desk = try DeadLetterDesk(configuration)
                let forgetting = Forgetting(configuration)
                var report = Report(format, choice)
                try report.finish(after: desk) { letter, report in
                    guard report.takes(letter) else { return .keep }
                    switch desk.sendBack(letter, to: queue, forgetting) {
                    case .sent(let target, let note):
                        report.add(letter, "replayed", target, note)
                        return .remove
                    case .failed(let why):
                        report.fail(letter, why)
                        return .keep
                    }
                }
            }
        }
    }

    struct Drop: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove letters for good. Nothing brings them back.")
        @OptionGroup var options: Options
        @OptionGroup var choice: Choice

        @Option(name: .long, help: "table, json or csv.")
        var format: ShowCommand.Format = .table

        func run() throws {
            try choice.check()
            let configuration = try options.load()
            try exiting {
                let desk = try DeadLetterDesk(configuration)
                var report = Report(format, choice)
                try report.finish(after: desk) { letter, report in
                    guard report.takes(letter) else { return .keep }
                    report.add(letter, "dropped", nil, nil)
                    return .remove
                }
            }
        }
    }
}

/// What was done to which letters, and which of those asked for were not there.
private struct Report {
    private let all: Bool
    private let wanted: [String]
    private var missing: Set<String>
    private var known: [String] = []
    private var listing: Listing
    private var failures = 0

    init(_ format: ShowCommand.Format, _ choice: DeadLettersCommand.Choice) {
        all = choice.all
        wanted = choice.ids
        missing = Set(choice.ids)
        listing = Listing(
            format,
            [
                TextTable.text("id"), TextTable.text("message_id"), TextTable.text("result"), TextTable.text("queue"),
                TextTable.text("detail"),
            ], jsonColumns: 5)
    }

    mutating func takes(_ letter: DeadLetter) -> Bool {
        if all { return true }
        known += letter.names
        let names = wanted.filter { letter.isNamed($0) }
        missing.subtract(names)
        return !names.isEmpty
    }

    mutating func add(_ letter: DeadLetter, _ result: String, _ queue: String?, _ detail: String?) {
        listing.add([
            .text(letter.id), .optional(letter.label.id), .text(result), .optional(queue), .optional(detail),
        ])
    }

    mutating func fail(_ letter: DeadLetter, _ why: String) {
        failures += 1
        add(letter, "failed", letter.queue, why)
    }

    /// Walks through the letters and tells what was done, also when the walk ends early.
    ///
    /// - Throws: an exit code, if not all was done that was asked for.
    mutating func finish(
        after desk: DeadLetterDesk, _ visit: (DeadLetter, inout Report) throws -> DeadLetterDesk.Decision
    ) throws {
        let unseen: Int
        do {
            unseen = try desk.walk { try visit($0, &self) }
        } catch {
            listing.finish(empty: "Nothing was done.")
            throw error
        }
        listing.finish(empty: missing.isEmpty ? "There are no dead letters." : "Nothing was done.")
        if failures > 0 {
            complain("\(failures) could not be sent back and are where they were.")
            throw ExitCode(ExitStatus.failed)
        }
        if unseen > 0 {
            complain("\(unseen) were in the hands of another reader and were passed over.")
            throw ExitCode(ExitStatus.failed)
        }
        if !missing.isEmpty { try notFound(wanted.filter { missing.contains($0) }, known) }
    }
}

extension DeadLetter {
    fileprivate var names: [String] { [id] + (label.id.map { [$0] } ?? []) }
}

private func notFound(_ ids: [String], _ known: [String]) throws {
    for id in ids {
        let guess = near(id, among: known).map { "; did you mean \($0)?" } ?? ""
        complain("There is no dead letter \(TextTable.printable(id))\(guess)")
    }
    throw ExitCode(ExitStatus.notFound)
}

private func exiting(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch let reason as ExitReason {
        complain("backorderd: \(reason.text)")
        throw ExitCode(ExitStatus.failed)
    }
}
