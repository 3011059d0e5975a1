import AMQPClient
import BackOrderStore
import Configuration
import InventoryCore
import MessageSchema
import Worker

/// The consumer as the pipeline sees it.
struct AMQPDeliverySource: DeliverySource {
    let consumer: Consumer

    func receive(max: Int, timeoutMilliseconds: Int) -> [InboundDelivery] {
        consumer.receive(max: max, timeoutMilliseconds: timeoutMilliseconds).map { delivery in
            InboundDelivery(
                token: DeliveryToken(generation: delivery.generation, tag: delivery.tag), queue: delivery.queue,
                redelivered: delivery.redelivered,
                envelope: AMQPDeliverySource.envelope(
                    delivery.properties, routingKey: delivery.routingKey),
                body: delivery.body, properties: { PropertiesCoding.encode(delivery.properties) })
        }
    }

    func acknowledge(_ tokens: [DeliveryToken]) {
        consumer.acknowledge(tokens.map { (generation: $0.generation, tag: $0.tag) })
    }

    var generation: UInt64? { consumer.generation }

    func stopConsuming() { consumer.cancelConsuming() }

    /// - Parameter routingKey: the one it came with, where that is known.
    static func envelope(_ properties: MessageProperties, routingKey: String? = nil) -> Envelope {
        var envelope = Envelope(routingKey: routingKey)
        envelope.contentType = properties.contentType
        envelope.type = properties.type
        envelope.messageID = properties.messageID
        envelope.timestamp = properties.timestamp.map { Int64(clamping: $0) }
        for header in properties.headers {
            if case .string(let text) = header.value {
                envelope.headers.append((name: header.name, value: text))
            } else if header.name == "cloudEvents:time" || header.name == "cloudEvents_time",
                let time = time(header.value)
            {
                envelope.headers.append((name: header.name, value: formatRFC3339(time)))
            }
        }
        return envelope
    }

    /// A CloudEvents time that is no text: AMQP 1.0 has milliseconds since 1970, and the SDKs hand them on as a whole
    /// number; AMQP 0-9-1's own timestamps are seconds.
    private static func time(_ value: HeaderValue) -> Instant? {
        let (count, unit): (Int64, Int64) =
            switch value {
            case .timestamp(let seconds): (Int64(clamping: seconds), 1_000_000)
            case .int64(let milliseconds): (milliseconds, 1_000)
            case .uint64(let milliseconds): (Int64(clamping: milliseconds), 1_000)
            default: (-1, 1)
            }
        let (microseconds, isTooLarge) = count.multipliedReportingOverflow(by: unit)
        return count < 0 || isTooLarge ? nil : Instant(microseconds: microseconds)
    }
}

/// The publisher as the pipeline sees it.
struct AMQPOutputSink: OutputSink {
    let publisher: Publisher
    let tracker: OutboxTracker
    let outputExchange: String
    /// Those that the output's mapping names.
    let mappedExchanges: Set<String>
    let deadLetterExchange: String

    func publish(_ messages: [PendingPublication], timeoutMilliseconds: Int) -> Bool {
        // Notes are in an outbox that a shadow left; they were for its journal alone.
        let notes = messages.filter { $0.message.destination == .note }
        let others = notes.isEmpty ? messages : messages.filter { $0.message.destination != .note }
        guard publisher.publish(others.map(outgoing), timeoutMilliseconds: timeoutMilliseconds) else { return false }
        tracker.confirm(notes)
        return true
    }

    func flush(deadlineMilliseconds: Int) -> Bool { publisher.flush(deadlineMilliseconds: deadlineMilliseconds) }

    /// The properties as they came, but for two that would undo the dead letter: the broker refuses a user id that is
    /// not ours, and a message with an expiration would leave the queue by itself. Those go into headers.
    private static func deadLetterProperties(_ message: OutboxMessage) -> MessageProperties {
        var properties = PropertiesCoding.decode(message.originalProperties) ?? MessageProperties()
        if let userID = properties.userID {
            properties.headers.append(Header("x-backorder-user-id", .string(userID)))
            properties.userID = nil
        }
        if let expiration = properties.expiration {
            properties.headers.append(Header("x-backorder-expiration", .string(expiration)))
            properties.expiration = nil
        }
        return properties
    }

    /// What an earlier configuration decided for an exchange that is named no longer goes to the output exchange: to
    /// publish to one that may be gone would cost the channel, and with it everything else that is under way.
    private func exchange(of message: OutboxMessage) -> String {
        guard let exchange = message.exchange, mappedExchanges.contains(exchange) else { return outputExchange }
        return exchange
    }

    private func outgoing(_ publication: PendingPublication) -> OutgoingMessage {
        let message = publication.message
        var properties: MessageProperties
        let exchange: String
        switch message.destination {
        case .output, .note:
            properties = MessageProperties()
            properties.contentType = message.contentType ?? "application/json"
            properties.type = message.type
            properties.messageID = message.messageID
            properties.appID = "backorderd"
            exchange = self.exchange(of: message)
        case .deadLetter:
            properties = AMQPOutputSink.deadLetterProperties(message)
            exchange = deadLetterExchange
        }
        properties.deliveryMode = 2
        for header in message.headers {
            properties.headers.removeAll { $0.name == header.name }
            properties.headers.append(Header(header.name, .string(header.value)))
        }
        return OutgoingMessage(
            handle: publication.handle, exchange: exchange, routingKey: message.routingKey, properties: properties,
            body: message.body)
    }
}

extension Configuration {
    /// What has to be there on the broker before work begins.
    var topologyPlan: TopologyPlan {
        var plan = TopologyPlan(mode: broker.topology.plan)
        func exchange(_ name: String) {
            if name.isEmpty || plan.exchanges.contains(where: { $0.name == name }) { return }
            plan.exchanges.append(.init(name: name, kind: "topic", durable: true))
        }
        exchange(broker.deadLetter.exchange)
        plan.queues.append(.init(name: broker.deadLetter.queue, type: .quorum))
        plan.bindings.append(.init(queue: broker.deadLetter.queue, exchange: broker.deadLetter.exchange, key: "#"))
        for input in broker.inputs {
            var arguments: [Header] = []
            // Bodies over the limit are rejected, and the broker itself moves them to the dead letters.
            if input.deadLetterArgument {
                arguments.append(Header("x-dead-letter-exchange", .string(broker.deadLetter.exchange)))
            }
            if input.singleActiveConsumer { arguments.append(Header("x-single-active-consumer", .boolean(true))) }
            if let limit = input.deliveryLimit { arguments.append(Header("x-delivery-limit", .int64(limit))) }
            plan.queues.append(
                .init(
                    name: input.queue, type: input.queueType == .quorum ? .quorum : .classic, arguments: arguments))
            for binding in input.bind {
                exchange(binding.exchange)
                for key in binding.keys {
                    plan.bindings.append(.init(queue: input.queue, exchange: binding.exchange, key: key))
                }
            }
        }
        exchange(broker.output)
        for name in mappedExchanges { exchange(name) }
        for output in broker.outputQueues {
            let source = output.exchange ?? broker.output
            exchange(source)
            plan.queues.append(.init(name: output.queue, type: .quorum))
            for key in output.keys {
                plan.bindings.append(.init(queue: output.queue, exchange: source, key: key))
            }
        }
        return plan
    }

    /// How connections are made; throws what is wrong with an address.
    func connectionOptions(role: String, process: Int32) throws(AMQPError) -> ConnectionOptions {
        var addresses: [AMQPAddress] = []
        for url in broker.urls { addresses.append(try AMQPAddress(parsing: url)) }
        return ConnectionOptions(
            addresses: addresses,
            tls: TLSOptions(
                caPath: broker.tls.ca, certificatePath: broker.tls.certificate, keyPath: broker.tls.key,
                verify: broker.tls.verify),
            // A broker that is back is found within five seconds; full jitter keeps many workers apart.
            name: "backorderd \(role) pid \(process)", backoffMillisecondsMax: 5_000)
    }
}

extension Configuration.Topology {
    fileprivate var plan: TopologyPlan.Mode {
        switch self {
        case .declare: .declare
        case .verify: .verify
        case .ignore: .ignore
        }
    }
}
