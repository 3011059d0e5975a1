/// What the broker says of itself when we connect.
public struct ServerInfo: Sendable, Equatable {
    public var product: String
    public var version: String
    public var clusterName: String
    /// The broker announces that it tells about alarms and cancelled consumers.
    public var announcesAlarms: Bool

    init(properties: [Header]) {
        func text(_ name: String) -> String {
            for header in properties where header.name == name {
                if case .string(let text) = header.value { return text }
            }
            return ""
        }
        product = text("product")
        version = text("version")
        clusterName = text("cluster_name")
        announcesAlarms = properties.contains { header in
            guard header.name == "capabilities", case .table(let capabilities) = header.value else { return false }
            return capabilities.contains { $0.name == "connection.blocked" && $0.value == .boolean(true) }
        }
    }

    /// Faults of this version of RabbitMQ that a worker may meet, as sentences for the operator.
    public var knownProblems: [String] {
        guard product == "RabbitMQ" else { return [] }
        let parts = version.split(whereSeparator: { !$0.isNumber }).prefix(3).compactMap { Int($0) }
        guard parts.count == 3 else { return [] }
        let number = (parts[0], parts[1], parts[2])
        let table: [((Int, Int, Int), String)] = [
            (
                (3, 10, 9),
                "cancelling and consuming again from a quorum queue with deliveries in flight may close the channel"
            ),
            ((3, 10, 12), "quorum queues grow their log when consumers come and go"),
            ((3, 10, 13), "a classic queue with a single active consumer can stall or crash after its consumer leaves"),
            ((3, 10, 20), "dead-lettering is not resilient to some node failures"),
            ((3, 11, 0), "more messages than the prefetch can be in flight after rejects past a delivery limit"),
        ]
        return table.filter { number < $0.0 }.map { entry in
            "RabbitMQ \(version): \(entry.1) (fixed in \(entry.0.0).\(entry.0.1).\(entry.0.2))"
        }
    }
}
