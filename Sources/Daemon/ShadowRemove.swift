import AMQPClient
import ArgumentParser
import Configuration
import Glibc

extension ShadowCommand {
    /// Takes away what a shadow made: its queues with their bindings, its books, its journal.
    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take away the shadow's queues, books and journal; nothing of the live system is touched.",
            discussion: """
                Stop the shadow first. An exchange that was made for --exchange goes with the next restart of the broker.
                """)

        @OptionGroup var options: Options

        @Option(
            name: .long, help: "The broker's URL; wins over the file and the environment. May be given more than once.")
        var broker: [String] = []

        @Option(name: .long, help: "What is behind the names of its queues, as it was given to the shadow.")
        var suffix = ".shadow"

        @Flag(name: .long, help: "Leave the books and the journal: the report can still be made.")
        var keepBooks = false

        func run() throws {
            let shadow = try load()
            if case .sqlite(let path) = shadow.store, ShadowJournal.isInUse(path + ".journal") {
                complain("backorderd: a shadow writes to \(path).journal; stop it first. Nothing is removed")
                throw ExitCode(ExitStatus.failed)
            }
            try removeQueues(shadow)
            if keepBooks { return }
            guard case .sqlite(let path) = shadow.store else { return }
            let journal = path + ".journal"
            var files = [path, path + "-wal", path + "-shm"].filter(fileExists)
            files += ShadowJournal.everything(in: journal)
            for file in files where unlink(file) != 0 && errno != ENOENT { try fail("\(file) can't be removed") }
            // Only what the shadow wrote is taken; what somebody put beside it stays, and the directory with it.
            if fileExists(journal), rmdir(journal) != 0, errno != ENOENT, errno != ENOTEMPTY, errno != EEXIST {
                try fail("\(journal) can't be removed")
            }
            print(files.isEmpty ? "books: \(path) was not there" : "books: \(path) and its journal are removed")
        }

        private func fail(_ what: String) throws {
            complain("backorderd: \(what): \(String(cString: strerror(errno)))")
            throw ExitCode(ExitStatus.failed)
        }

        private func load() throws -> Configuration {
            var (live, store) = try options.load(brokerURLs: broker)
            // What they are bound to makes no difference any more.
            for index in live.broker.inputs.indices where live.broker.inputs[index].bind.isEmpty {
                live.broker.inputs[index].bind = [Configuration.Binding(exchange: "", keys: [""])]
            }
            var plan = ShadowPlan()
            plan.suffix = suffix
            do throws(ShadowPlan.Refusal) {
                return try plan.configuration(live, store: store)
            } catch {
                complain("backorderd: \(error.text)")
                throw ExitCode(ExitStatus.badConfiguration)
            }
        }

        private func removeQueues(_ shadow: Configuration) throws {
            do {
                let reader = try QueueReader(
                    options: try shadow.connectionOptions(role: "shadow remove", process: getpid()), messageBytesMax: 0)
                defer { reader.close() }
                var (found, busy): ([String], [String]) = ([], [])
                for queue in shadow.broker.inputs.map(\.queue) {
                    do throws(AMQPError) {
                        let counts = try reader.counts(of: queue)
                        found.append(queue)
                        if counts.consumers > 0 { busy.append(queue) }
                    } catch {
                        if error.code != .notFound { throw error }
                        print("queue: \(queue) was not there")
                    }
                }
                if !busy.isEmpty {
                    complain(
                        "backorderd: \(busy.joined(separator: ", ")): a shadow is reading; stop it first. Nothing is removed"
                    )
                    throw ExitCode(ExitStatus.failed)
                }
                for queue in found {
                    try reader.delete(queue: queue)
                    print("queue: \(queue) is removed")
                }
            } catch let error as AMQPError {
                complain("backorderd: \(error.message)")
                throw ExitCode(ExitStatus.failed)
            }
        }
    }
}
