extension BrokerConnection {
    /// Topology is asked for on a channel of its own, so that a refusal costs no deliveries.
    static let topologyChannel: UInt16 = 2

    /// Declares or looks for everything of the plan. Throws at the first thing that is wrong.
    func apply(_ plan: TopologyPlan) throws(AMQPError) {
        guard plan.mode != .ignore else { return }
        let channel = Self.topologyChannel
        try openChannel(channel)
        for step in plan.steps { try perform(step, plan.mode, channel: channel) }
        try closeChannel(channel)
    }

    /// Looks for everything of the plan and changes nothing; answers all that is wrong.
    func problems(with plan: TopologyPlan) throws(AMQPError) -> [AMQPError] {
        var problems: [AMQPError] = []
        for step in plan.steps {
            let channel = Self.topologyChannel
            try openChannel(channel)
            do throws(AMQPError) {
                try perform(step, .verify, channel: channel)
            } catch {
                guard !error.endsConnection, !isBroken else { throw error }
                problems.append(error)
                continue
            }
            try closeChannel(channel)
        }
        return problems
    }

    /// Throws `notFound`, without harm to the working channel, if there is no such queue.
    func ensureQueueExists(_ name: String) throws(AMQPError) {
        _ = try queueCounts(name)
    }

    /// Ready messages and consumers of a queue.
    func queueCounts(_ name: String) throws(AMQPError) -> (messages: Int, consumers: Int) {
        try openChannel(Self.topologyChannel)
        let queue = TopologyPlan.Queue(name: name)
        let counts = try declareQueue(queue, passive: true, channel: Self.topologyChannel)
        try closeChannel(Self.topologyChannel)
        return counts
    }

    /// To verify is to look whether a thing is there, then to declare it as it should be: the broker refuses what differs
    /// and leaves the rest alone. Without the right to declare, its being there has to do.
    private func perform(_ step: TopologyPlan.Step, _ mode: TopologyPlan.Mode, channel: UInt16) throws(AMQPError) {
        if case .binding = step {
            // There is no way to look at one without making it.
            if mode == .declare { try perform(step, passive: false, channel: channel) }
            return
        }
        guard mode == .verify else { return try perform(step, passive: false, channel: channel) }
        try perform(step, passive: true, channel: channel)
        do throws(AMQPError) {
            try perform(step, passive: false, channel: channel)
        } catch {
            guard error.code == .accessRefused, !error.endsConnection else { throw error }
            try openChannel(channel)
        }
    }

    private func perform(_ step: TopologyPlan.Step, passive: Bool, channel: UInt16) throws(AMQPError) {
        switch step {
        case .exchange(let exchange):
            // The default exchange and the amq.* ones belong to the broker.
            let reserved = exchange.name.hasPrefix("amq.")
            if !exchange.name.isEmpty {
                try declareExchange(exchange, passive: passive || reserved, channel: channel)
            }
        case .queue(let queue): try declareQueue(queue, passive: passive, channel: channel)
        case .binding(let binding):
            if !passive && !binding.exchange.isEmpty { try bind(binding, channel: channel) }
        }
    }
}

extension TopologyPlan {
    enum Step {
        case exchange(Exchange)
        case queue(Queue)
        case binding(Binding)
    }

    var steps: [Step] {
        exchanges.map { .exchange($0) } + queues.map { .queue($0) } + bindings.map { .binding($0) }
    }
}
