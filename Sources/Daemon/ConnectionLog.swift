import AMQPClient
import BackOrderStore
import Configuration
import Logging
import Worker

/// What a connection does, in words an operator can act on.
enum ConnectionLog {
    static func tell(
        _ event: ConnectionEvent, _ role: String, _ configuration: Configuration, _ logger: Logger,
        _ shadow: ShadowRun? = nil
    ) {
        switch event {
        case .connecting(let address):
            logger.debug("\(role): connecting to \(address)")
        case .connected(let address, let version):
            logger.notice("\(role): connected to \(address)", metadata: ["broker_version": "\(version)"])
        case .consuming:
            logger.notice("\(role): consuming")
        case .disconnected(let error, let retry) where !error.isRetriable:
            // What is wrong was told a moment ago, as `fatal`.
            logger.notice("\(role): trying again in \(retry) ms")
        case .disconnected(let error, let retry):
            logger.warning("\(role): \(error.message); trying again in \(retry) ms")
        case .blocked(let reason):
            logger.warning("\(role): the broker takes no publishes for now: \(reason)")
        case .unblocked:
            logger.notice("\(role): the broker takes publishes again")
        case .consumerCancelledByBroker(let queue):
            logger.warning("\(role): the broker cancelled the consumer of \(queue) (was the queue deleted?)")
        case .oversized(let queue, let bytes, let messageID):
            logger.warning(
                "too-large: a message was rejected, the broker moves it to the dead letters",
                metadata: ["queue": "\(queue)", "bytes": "\(bytes)", "message_id": "\(messageID ?? "-")"])
        case .staleAcks(let count):
            logger.info("\(role): \(count) acknowledgements came after their connection had gone; the inbox knows them")
        case .fatal(let error):
            logger.error("\(role): \(shadow?.told(error) ?? error.told(configuration))")
        }
    }

    /// Outputs that came back.
    static func tell(_ loud: [(message: OutboxMessage, outcome: PublicationOutcome)], _ logger: Logger) {
        guard let first = loud.first else { return }
        let why: String =
            switch first.outcome {
            case .returned(let text):
                "unroutable (\(text)): is a queue bound for routing key \(first.message.routingKey)"
                    + (first.message.exchange.map { " to the exchange \($0)?" } ?? "?")
            case .unsendable(let text): "not to be sent as it is (\(text))."
            case .nacked: "refused by the broker: is a queue full?"
            default: "not confirmed"
            }
        logger.error(
            "an output is \(why) It is kept and sent again.",
            metadata: ["count": "\(loud.count)", "message_id": "\(first.message.messageID)"])
    }
}
