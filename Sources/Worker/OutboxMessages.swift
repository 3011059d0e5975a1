import BackOrderStore
import InventoryCore
import MessageSchema

extension OutputEncoder {
    /// An output as the outbox keeps it, mapped already: from then on nothing changes its body. nil: the mapping passes
    /// it over.
    func message(_ output: Output) -> OutboxMessage? {
        guard let encoded = publication(of: output) else { return nil }
        var headers: [OutboxMessage.Header] = []
        if let trace = output.trace {
            headers.append(.init(name: "traceparent", value: trace.parent))
            if let state = trace.state { headers.append(.init(name: "tracestate", value: state)) }
        }
        for header in encoded.headers { headers.append(.init(name: header.name, value: header.value)) }
        var message = OutboxMessage(
            destination: .output, routingKey: encoded.routingKey, messageID: encoded.id, type: encoded.type,
            headers: headers, body: encoded.body)
        message.exchange = encoded.exchange
        message.contentType = encoded.contentType
        return message
    }
}
