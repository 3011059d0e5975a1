import AMQPClient
import Configuration

extension AMQPError {
    /// What an operator reads: what happened, and for a topology mismatch how to get from one to the other without loss.
    func told(_ configuration: Configuration) -> String {
        guard let mismatch else { return message }
        return "\(mismatch.told). To keep theirs: \(configuration.keepingTheirs(mismatch)). "
            + "To have ours without loss: \(configuration.havingOurs(mismatch))."
    }
}

extension Configuration {
    fileprivate func keepingTheirs(_ mismatch: TopologyMismatch) -> String {
        guard let input = broker.inputs.first(where: { $0.queue == mismatch.name }), mismatch.kind == .queue else {
            return "set broker.topology: ignore, and see that it does what the daemon needs"
        }
        let key: String? =
            switch (mismatch.argument, mismatch.theirs) {
            case ("x-queue-type", let type?) where QueueType(rawValue: type) != nil: "queue_type: \(type)"
            case ("x-queue-type", nil): "queue_type: classic"
            case ("x-single-active-consumer", "true"?): "single_active_consumer: true"
            case ("x-single-active-consumer", _): "single_active_consumer: false"
            case ("x-delivery-limit", let limit): "delivery_limit: \(limit ?? "null")"
            case ("x-dead-letter-exchange", nil): "dead_letter_argument: false (and let a policy name the exchange)"
            default: nil
            }
        if mismatch.argument == "x-dead-letter-exchange", let name = mismatch.theirs {
            if name == broker.deadLetter.exchange {
                return "set dead_letter_argument: true for the input \(input.queue)"
            }
            return "set broker.dead_letter: {exchange: \(name)}"
        }
        guard let key else { return "set broker.topology: ignore, and see that it does what the daemon needs" }
        return "set \(key) for the input \(input.queue)"
    }

    fileprivate func havingOurs(_ mismatch: TopologyMismatch) -> String {
        switch mismatch.kind {
        case .exchange:
            return "name another exchange in the configuration, bind its queues, move the publishers to it, and delete "
                + "\(mismatch.name) when nothing comes through it any more"
        case .queue:
            let delete = "rabbitmqctl delete_queue \(shellQuoted(mismatch.name)) --if-empty --if-unused"
            if broker.inputs.contains(where: { $0.queue == mismatch.name }) {
                return
                    "name a new queue as a further input, with the same bind, and keep this one as an input with what is "
                    + "theirs until it is unbound and empty; then \(delete)"
            }
            return
                "name a new queue in the configuration; when this one is unbound and its readers have emptied it, \(delete)"
        }
    }
}

/// A word as a shell takes it.
func shellQuoted(_ text: String) -> String {
    let isPlain =
        !text.isEmpty
        && text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: "="): true
            default: false
            }
        }
    if isPlain { return text }
    return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
}
