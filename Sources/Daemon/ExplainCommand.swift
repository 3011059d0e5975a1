import ArgumentParser
import BackOrderStore
import Configuration
import Glibc
import InventoryCore
import MessageSchema

/// `backorderd explain …`: why is it where it is?
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Say why an order is where it is.", subcommands: [ExplainOrder.self])

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, json
    }

    struct ExplainOrder: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "order",
            abstract: "What each line got from where and when, who is ahead, which supply its date stands on.")

        @OptionGroup var options: ConfigurationOptions
        @Option(name: .long, help: "text or json.") var format: Format = .text
        @Flag(name: .long, help: "The whole history of each line, not the last 20 events.") var all = false
        @Argument(help: "The order's id.") var orderID: String

        func run() throws {
            let configuration = try options.load()
            let store = try StoreFactory.openForReading(configuration)
            defer { store.close() }
            do {
                let now = wallClock()
                let explanation = try store.read { try Explanation(OrderID(orderID), now: now, in: $0) }
                guard let explanation else {
                    complain("backorderd: no order \"\(TextTable.printable(orderID))\" is known")
                    throw ExitCode(ExitStatus.notFound)
                }
                let text = ExplanationText(
                    explanation, now: now, handlingDays: configuration.rulebook.promise.handlingDays,
                    eventsShown: all ? .max : 20)
                let shown = format == .json ? text.json.rendered + "\n" : text.rendered
                writeAll(Array(shown.utf8), to: STDOUT_FILENO)
            } catch let error as StoreError {
                complain("backorderd: \(error.message)")
                throw ExitCode(ExitStatus.failed)
            }
        }
    }
}
