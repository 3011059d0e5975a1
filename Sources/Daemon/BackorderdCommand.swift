public import ArgumentParser

/// The root of the command line. One type for each command, one file for each type.
public struct BackorderdCommand: AsyncParsableCommand {
    public static let version = "0.1.0"

    public static let configuration = CommandConfiguration(
        commandName: "backorderd",
        abstract: "Back orders for order pipelines on RabbitMQ.",
        discussion: """
            Takes orders, receipts and shipments from a queue, allocates stock, tells customers what waits and until \
            when, and asks purchasing for what is missing.
            """,
        version: version,
        subcommands: [
            RunCommand.self, ShadowCommand.self, CheckCommand.self, TryCommand.self, ReplayCommand.self,
            ShowCommand.self,
            ExplainCommand.self, VerifyCommand.self, DeadLettersCommand.self, TopologyCommand.self,
            MigrateCommand.self,
            SchemaCommand.self, SimulateCommand.self, ImportCommand.self, ExportCommand.self,
        ])

    public init() {}

    /// Runs the command that the process was started with, and ends it with that command's exit code.
    public static func start() async {
        if let text = Suggestions.forUnknownCommand(in: Array(CommandLine.arguments.dropFirst())) {
            complain(text)
            exit(withError: ExitCode.validationFailure)
        }
        await main()
    }
}
