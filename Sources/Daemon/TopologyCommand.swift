import AMQPClient
import ArgumentParser
import Configuration
import Glibc

/// `backorderd topology …`: the exchanges, queues and bindings of the configuration.
struct TopologyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topology",
        abstract: "Print, compare or make the exchanges, queues and bindings that the configuration needs.",
        subcommands: [Print.self, Verify.self, Declare.self])

    struct Options: ParsableArguments {
        @OptionGroup var configuration: ConfigurationOptions

        @Option(
            name: .long, help: "The broker's URL; wins over the file and the environment. May be given more than once.")
        var broker: [String] = []

        func load() throws -> Configuration { try configuration.load(brokerURLs: broker) }
    }

    struct Print: ParsableCommand {
        enum Form: String, ExpressibleByArgument, CaseIterable {
            case definitions, commands, permissions
        }

        static let configuration = CommandConfiguration(
            abstract: "Print it for the broker's own tools. Nothing is connected to.")
        @OptionGroup var options: Options

        @Option(
            name: .long,
            help:
                "definitions: JSON for rabbitmqctl import_definitions; commands: for rabbitmqadmin; permissions: least rights, for rabbitmqctl."
        )
        var format: Form = .definitions

        @Option(name: .long, help: "The user that permissions are printed for.")
        var user = "backorderd"

        func run() throws {
            let configuration = try options.load()
            do throws(AMQPError) {
                let text = try TopologyText(configuration)
                let printed =
                    switch format {
                    case .definitions: text.definitions
                    case .commands: text.commands
                    case .permissions: text.permissions(user: user)
                    }
                writeAll(Array(printed.utf8), to: STDOUT_FILENO)
            } catch {
                complain("backorderd: \(error.message)")
                throw ExitCode(ExitStatus.badConfiguration)
            }
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compare it with what the broker has. Nothing is changed; bindings can't be seen.")
        @OptionGroup var options: Options

        func run() throws {
            let configuration = try options.load()
            var plan = configuration.topologyPlan
            plan.mode = .verify
            var isFine = false
            do throws(AMQPError) {
                let report = try Probe.check(
                    options: configuration.connectionOptions(role: "topology", process: getpid()), topology: plan)
                for problem in report.problems { complain("backorderd: \(problem.told(configuration))") }
                isFine = report.problems.isEmpty
                if isFine {
                    print("topology: fine, \(plan.exchanges.count) exchanges, \(plan.queues.count) queues")
                }
            } catch {
                complain("backorderd: \(error.told(configuration))")
            }
            if !isFine { throw ExitCode(ExitStatus.failed) }
        }
    }

    struct Declare: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make what is missing. What is there otherwise stays as it is, and is told.")
        @OptionGroup var options: Options

        func run() throws {
            let configuration = try options.load()
            var plan = configuration.topologyPlan
            plan.mode = .declare
            do throws(AMQPError) {
                let reader = try QueueReader(
                    options: configuration.connectionOptions(role: "topology", process: getpid()))
                try reader.apply(plan)
                reader.close()
                print("topology: \(plan.exchanges.count) exchanges, \(plan.queues.count) queues are there")
            } catch {
                complain("backorderd: \(error.told(configuration))")
                throw ExitCode(ExitStatus.failed)
            }
        }
    }
}
