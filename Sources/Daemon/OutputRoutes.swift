import Configuration
import MessageSchema

extension Configuration {
    /// Outputs that go another way than the contract has it and that no queue of `output_queues` takes: one line for
    /// each way. They are not lost, but stay in the outbox; whoever binds queues of their own knows better than we do.
    var outputWarnings: [String] {
        guard let routes = (try? outputMapping())?.routes else { return [] }
        var ways: [(exchange: String, key: String?, outputs: [String])] = []
        for route in routes {
            let exchange = route.exchange ?? broker.output
            if isTaken(exchange, route.routingKey) { continue }
            if let index = ways.firstIndex(where: { $0.exchange == exchange && $0.key == route.routingKey }) {
                ways[index].outputs.append(route.output)
            } else {
                ways.append((exchange, route.routingKey, [route.output]))
            }
        }
        return ways.map { way in
            let what = way.outputs.count == 1 ? way.outputs[0] : "\(way.outputs[0]) and \(way.outputs.count - 1) more"
            let key = way.key.map { " with the key \(shellQuoted($0))" } ?? ""
            return "broker.output.map: \(what) go to the exchange \(shellQuoted(way.exchange))\(key), and none of "
                + "broker.output_queues takes that. Unless you bind a queue there yourself they wait in the outbox: add "
                + "one, or skip what nobody wants"
        }
    }

    /// - Parameter key: nil: any; then a queue at that exchange may be enough.
    private func isTaken(_ exchange: String, _ key: String?) -> Bool {
        broker.outputQueues.contains { queue in
            guard (queue.exchange ?? broker.output) == exchange else { return false }
            guard let key else { return !queue.keys.isEmpty }
            return queue.keys.contains { topicMatches($0, key) }
        }
    }
}

/// Whether a topic exchange hands a message with a routing key to a binding: `*` is one word, `#` none or more.
func topicMatches(_ binding: String, _ key: String) -> Bool {
    func words(_ text: String) -> [Substring] {
        text.isEmpty ? [] : text.split(separator: ".", omittingEmptySubsequences: false)
    }
    let (pattern, subject) = (words(binding), words(key))
    var (place, word) = (0, 0)
    // Where the last # stands, and how far it reaches.
    var (hash, reach) = (-1, 0)
    while word < subject.count {
        if place < pattern.count, pattern[place] == "#" {
            (hash, reach) = (place, word)
            place += 1
        } else if place < pattern.count, pattern[place] == "*" || pattern[place] == subject[word] {
            (place, word) = (place + 1, word + 1)
        } else if hash >= 0 {
            reach += 1
            (place, word) = (hash + 1, reach)
        } else {
            return false
        }
    }
    return pattern[place...].allSatisfy { $0 == "#" }
}
