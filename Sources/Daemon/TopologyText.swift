import AMQPClient
import Configuration
import MessageSchema

/// The plan in the words of RabbitMQ's own tools.
struct TopologyText {
    let plan: TopologyPlan
    let virtualHost: String
    let inputs: [String]
    let outputs: [String]
    let deadLetter: Configuration.DeadLetter

    init(_ configuration: Configuration) throws(AMQPError) {
        plan = configuration.topologyPlan
        virtualHost = try AMQPAddress(parsing: configuration.broker.urls[0]).virtualHost
        inputs = configuration.broker.inputs.map(\.queue)
        outputs = [configuration.broker.output] + configuration.mappedExchanges
        deadLetter = configuration.broker.deadLetter
    }

    /// Exchanges that are not the broker's own.
    private var exchanges: [TopologyPlan.Exchange] {
        plan.exchanges.filter { !$0.name.isEmpty && !$0.name.hasPrefix("amq.") }
    }

    private var bindings: [TopologyPlan.Binding] { plan.bindings.filter { !$0.exchange.isEmpty } }

    /// For `rabbitmqctl import_definitions`.
    var definitions: String {
        func list(_ values: [JSONText]) -> String {
            values.isEmpty ? "[]" : "[\n    " + values.map(\.rendered).joined(separator: ",\n    ") + "\n  ]"
        }
        let vhost = JSONText.string(virtualHost)
        let exchanges = exchanges.map { exchange in
            JSONText.object([
                ("name", .string(exchange.name)), ("vhost", vhost), ("type", .string(exchange.kind)),
                ("durable", .boolean(exchange.durable)), ("auto_delete", .boolean(false)),
                ("internal", .boolean(false)), ("arguments", .object([])),
            ])
        }
        let queues = plan.queues.map { queue in
            JSONText.object([
                ("name", .string(queue.name)), ("vhost", vhost), ("durable", .boolean(queue.durable)),
                ("auto_delete", .boolean(false)), ("arguments", arguments(queue)),
            ])
        }
        let bindings = bindings.map { binding in
            JSONText.object([
                ("source", .string(binding.exchange)), ("vhost", vhost), ("destination", .string(binding.queue)),
                ("destination_type", .string("queue")), ("routing_key", .string(binding.key)),
                ("arguments", .object([])),
            ])
        }
        return """
            {
              "exchanges": \(list(exchanges)),
              "queues": \(list(queues)),
              "bindings": \(list(bindings))
            }

            """
    }

    /// For a shell with `rabbitmqadmin`.
    var commands: String {
        var lines: [String] = []
        func add(_ words: [String]) {
            lines.append(
                (["rabbitmqadmin", "--vhost=\(virtualHost)", "declare"] + words).map(shellQuoted).joined(separator: " ")
            )
        }
        for exchange in exchanges {
            add(["exchange", "name=\(exchange.name)", "type=\(exchange.kind)", "durable=\(exchange.durable)"])
        }
        for queue in plan.queues {
            add([
                "queue", "name=\(queue.name)", "durable=\(queue.durable)", "arguments=\(arguments(queue).rendered)",
            ])
        }
        for binding in bindings {
            add([
                "binding", "source=\(binding.exchange)", "destination=\(binding.queue)", "destination_type=queue",
                "routing_key=\(binding.key)",
            ])
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The least rights of a user: for the daemon with `topology: ignore` or `verify`, for `dead-letters`, for `declare`.
    func permissions(user: String) -> String {
        func anyOf(_ names: [String]) -> String {
            var unique: [String] = []
            for name in names where !unique.contains(name) { unique.append(name) }
            return unique.isEmpty ? "^$" : "^(" + unique.map(regexQuoted).joined(separator: "|") + ")$"
        }
        func line(_ configure: [String], _ write: [String], _ read: [String]) -> String {
            (["rabbitmqctl", "set_permissions", "--vhost", virtualHost, user] + [configure, write, read].map(anyOf))
                .map(shellQuoted).joined(separator: " ")
        }
        let publishes = outputs + [deadLetter.exchange]
        let made = exchanges.map(\.name) + plan.queues.map(\.name)
        // Declaring a queue with a dead-letter exchange asks for the rights to read the queue and to write the exchange;
        // a binding asks for those to write the queue and to read the exchange.
        return """
            # backorderd run with broker.topology: ignore. It may consume and publish, and nothing else.
            \(line([], publishes, inputs))
            # The same, and backorderd dead-letters list, show, replay and drop.
            \(line([], publishes + ["amq.default"], inputs + [deadLetter.queue]))
            # backorderd run with broker.topology: declare, backorderd topology declare, and comparing with verify.
            \(line(made, plan.queues.map(\.name) + publishes, exchanges.map(\.name) + inputs))

            """
    }

    private func arguments(_ queue: TopologyPlan.Queue) -> JSONText {
        var members: [(String, JSONText)] = []
        if queue.type == .quorum { members.append(("x-queue-type", .string("quorum"))) }
        for argument in queue.arguments {
            switch argument.value {
            case .string(let text): members.append((argument.name, .string(text)))
            case .boolean(let flag): members.append((argument.name, .boolean(flag)))
            case .int64(let number): members.append((argument.name, .integer(number)))
            default: break
            }
        }
        return .object(members)
    }

    private func regexQuoted(_ name: String) -> String {
        var text = ""
        for character in name {
            if "\\^$.|?*+()[]{}".contains(character) { text.append("\\") }
            text.append(character)
        }
        return text
    }
}
