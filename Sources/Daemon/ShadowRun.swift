import AMQPClient
import BackOrderStore
import Configuration
import Glibc
import InventoryCore
import MessageSchema
import Worker

/// What makes a daemon one in the shadow: queues of its own beside those that the configuration names, books of its own,
/// and outputs that go into a journal.
struct ShadowRun: Sendable {
    let plan: TopologyPlan
    let journal: ShadowJournal
    /// Outputs also go to an exchange of its own.
    let publishes: Bool
    /// Messages that each of its queues holds at most.
    let queueMessagesMax: Int

    var notes: InputNotes {
        { input, outputs in
            ShadowNote(input, outputs).map { note in
                OutboxMessage(
                    destination: .note, routingKey: "note", messageID: note.key, type: "note", body: note.encoded)
            }
        }
    }

    /// What to do about a queue or exchange that is there with other properties; nil: it is about something else.
    func told(_ error: AMQPError) -> String? {
        guard let mismatch = error.mismatch else { return nil }
        switch mismatch.kind {
        case .queue:
            return
                "\(mismatch.told). Give --queue-messages, --queue-bytes and --queue-hours as before, or let it go first: "
                + "rabbitmqctl delete_queue \(shellQuoted(mismatch.name))"
        case .exchange: return "\(mismatch.told). It is not the shadow's own: name a new one with --exchange"
        }
    }

    /// An exchange of a shadow's own need have no listener.
    func outcome(_ outcome: PublishOutcome) -> PublicationOutcome {
        if case .returned = outcome { .confirmed } else { outcome.publication }
    }
}

/// How far from the live system a shadow stands.
struct ShadowPlan {
    /// What a shadow may not do, in words for a person.
    struct Refusal: Error {
        let text: String

        init(_ text: String) { self.text = text }
    }

    /// What is bound for the shadow, if the file does not say it.
    struct Bind {
        var exchange: String
        var keys: [String]

        /// `EXCHANGE=KEY,KEY`; a fanout exchange needs no key.
        init?(_ text: String) {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = parts.first, !name.isEmpty else { return nil }
            exchange = String(name)
            keys =
                parts.count == 1
                ? [""] : parts[1].split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
        }
    }

    var suffix = ".shadow"
    var binds: [Bind] = []
    /// An exchange of its own for the outputs; nil: they are published nowhere.
    var exchange: String?
    var queueMessagesMax: Int64 = 1_000_000
    var queueBytesMax: Int64 = 256 << 20
    /// A queue that nobody reads goes after so long.
    var queueExpiryMilliseconds: Int64 = 72 * 3_600_000

    /// Beside the configured store, or where that is none in a file, where the package keeps its own.
    static func storePath(beside store: Configuration.Store) -> String {
        guard case .sqlite(let path) = store else { return "/var/lib/backorderd/backorderd.shadow.db" }
        return (path.hasSuffix(".db") ? String(path.dropLast(3)) : path) + ".shadow.db"
    }

    static func journalDirectory(of store: Configuration.Store) throws(Refusal) -> String {
        guard case .sqlite(let path) = store else {
            throw Refusal("a shadow keeps its books in a SQLite file: --store sqlite:///path/shadow.db")
        }
        return path + ".journal"
    }

    /// The configuration of the shadow.
    ///
    /// - Parameters:
    ///   - live: as the daemon beside has it.
    ///   - store: the shadow's; nil: beside the live one.
    func configuration(_ live: Configuration, store: Configuration.Store?) throws(Refusal) -> Configuration {
        var shadow = live
        shadow.store = store ?? .sqlite(path: ShadowPlan.storePath(beside: live.store))
        _ = try ShadowPlan.journalDirectory(of: shadow.store)
        if case .sqlite(let path) = shadow.store, case .sqlite(let livePath) = live.store,
            ShadowPlan.isSameFile(path, livePath)
        {
            throw Refusal(
                "\(path) is the daemon's own store (store.url); a shadow would spoil it. "
                    + "Give it another one with --store, or none: then it makes \(ShadowPlan.storePath(beside: live.store))"
            )
        }
        try rename(&shadow.broker.inputs)
        let theirs =
            live.broker.inputs.map(\.queue) + live.broker.outputQueues.map(\.queue) + [live.broker.deadLetter.queue]
        for input in shadow.broker.inputs where theirs.contains(input.queue) {
            throw Refusal("\(input.queue) is a queue of the configuration already; give another --suffix")
        }
        shadow.broker.outputQueues = []
        // A mapping may name exchanges that others listen to: what a shadow publishes has the contract's shape.
        shadow.broker.outputMap = nil
        if let exchange {
            var taken = live.broker.inputs.flatMap { $0.bind.map(\.exchange) } + binds.map(\.exchange)
            taken += [live.broker.output, live.broker.deadLetter.exchange] + live.mappedExchanges
            if exchange.isEmpty || exchange.hasPrefix("amq.") || taken.contains(exchange) {
                throw Refusal(
                    "\(exchange.isEmpty ? "the default exchange" : exchange) is not the shadow's own; name a new one")
            }
            shadow.broker.output = exchange
        }
        return shadow
    }

    private func rename(_ inputs: inout [Configuration.Input]) throws(Refusal) {
        if suffix.isEmpty { throw Refusal("--suffix must not be empty: the shadow's queues need names of their own") }
        if !binds.isEmpty, inputs.count != 1 {
            throw Refusal(
                "--bind says it for one input, and there are \(inputs.count): give each its bind in the configuration")
        }
        for index in inputs.indices {
            inputs[index].queue += suffix
            inputs[index].queueType = .classic
            if !binds.isEmpty {
                inputs[index].bind = binds.map { Configuration.Binding(exchange: $0.exchange, keys: $0.keys) }
            }
            if inputs[index].bind.isEmpty {
                throw Refusal(
                    "nothing says which messages the input \(inputs[index].queue.dropLast(suffix.count)) is to see: "
                        + "give --bind EXCHANGE=KEY, or `bind` in the configuration")
            }
        }
    }

    /// What is made at the broker: queues that can't fill it, nor dead-letter into anything that is there. Exchanges that
    /// they are bound to have to be there.
    func topology(_ shadow: Configuration) -> TopologyPlan {
        var plan = TopologyPlan(mode: .declare)
        if let exchange {
            // Live exchanges are durable: the broker itself refuses to take one of them for this.
            plan.exchanges.append(.init(name: exchange, kind: "topic", durable: false))
        }
        for input in shadow.broker.inputs {
            plan.queues.append(
                .init(
                    name: input.queue, type: .classic,
                    arguments: [
                        Header("x-max-length", .int64(queueMessagesMax)),
                        Header("x-max-length-bytes", .int64(queueBytesMax)),
                        // Never a refusal to whoever publishes.
                        Header("x-overflow", .string("drop-head")),
                        Header("x-expires", .int64(queueExpiryMilliseconds)),
                        // An argument goes before a policy, which may name the live dead-letter exchange. There is no
                        // exchange of this name, so what is dropped is gone.
                        Header("x-dead-letter-exchange", .string(input.queue)),
                    ]))
            for binding in input.bind {
                for key in binding.keys {
                    plan.bindings.append(.init(queue: input.queue, exchange: binding.exchange, key: key))
                }
            }
        }
        return plan
    }

    /// One file under two names, also by links.
    private static func isSameFile(_ left: String, _ right: String) -> Bool {
        var (leftStatus, rightStatus) = (stat(), stat())
        if stat(left, &leftStatus) == 0, stat(right, &rightStatus) == 0 {
            return leftStatus.st_dev == rightStatus.st_dev && leftStatus.st_ino == rightStatus.st_ino
        }
        return resolved(left) == resolved(right)
    }

    /// Absolute, the directory's links followed; the file need not be there.
    private static func resolved(_ path: String) -> String {
        let cut = path.lastIndex(of: "/")
        let directory = cut.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let name = cut.map { String(path[path.index(after: $0)...]) } ?? path
        guard let real = realpath(directory, nil) else { return path }
        defer { free(real) }
        return "\(String(cString: real))/\(name)"
    }
}
