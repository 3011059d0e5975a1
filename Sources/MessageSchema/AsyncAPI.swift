/// The AsyncAPI 3 document of all that the daemon receives and sends, with the default exchanges, in JSON.
public func asyncAPI() -> String {
    SchemaText.object([
        ("asyncapi", .string("3.0.0")),
        (
            "info",
            .object([
                ("title", .string("backorderd")), ("version", .string("1.0.0")),
                ("description", .string("Back orders: what the daemon is told, and what it tells.")),
            ])
        ),
        ("defaultContentType", .string("application/json")),
        ("channels", .object(messageTable.map { ($0.type, channel($0)) })),
        ("operations", .object(messageTable.map(operation))),
        ("components", .object([("messages", .object(messageTable.map { ($0.type, message($0)) }))])),
    ]).rendered
}

private func reference(_ path: String) -> SchemaText { .object([("$ref", .string(path))]) }

private func channel(_ description: MessageDescription) -> SchemaText {
    let isNotification = description.type == "customer-notification"
    var members: [(String, SchemaText)] = [
        ("address", .string(isNotification ? "customer-notification.{kind}" : description.type)),
        ("messages", .object([(description.type, reference("#/components/messages/\(description.type)"))])),
    ]
    if isNotification, case .choice(let kinds)? = description.fields.first(where: { $0.name == "kind" })?.kind {
        members.append(("parameters", .object([("kind", .object([("enum", .strings(kinds))]))])))
    }
    let exchange: SchemaText = .object([
        ("name", .string(description.direction == .input ? "orders" : "backorder")), ("type", .string("topic")),
        ("durable", .bool(true)),
    ])
    members.append(
        ("bindings", .object([("amqp", .object([("is", .string("routingKey")), ("exchange", exchange)]))])))
    return .object(members)
}

private func operation(_ description: MessageDescription) -> (String, SchemaText) {
    let action = description.direction == .input ? "receive" : "send"
    return (
        "\(action)-\(description.type)",
        .object([
            ("action", .string(action)), ("channel", reference("#/channels/\(description.type)")),
            ("summary", .string(description.summary)),
            ("messages", .list([reference("#/channels/\(description.type)/messages/\(description.type)")])),
        ])
    )
}

private func message(_ description: MessageDescription) -> SchemaText {
    var members: [(String, SchemaText)] = [
        ("name", .string(description.type)), ("summary", .string(description.summary)),
        ("contentType", .string("application/json")),
    ]
    // The W3C trace context of the input is on every output that it causes.
    let headers = ["traceparent", "tracestate"].map { ($0, SchemaText.object([("type", .string("string"))])) }
    members.append(("headers", .object([("type", .string("object")), ("properties", .object(headers))])))
    let examples = messageExamples(description.type).map { SchemaText.object([("payload", $0)]) }
    members.append(("examples", .list(examples)))
    members.append(
        (
            "payload",
            .object([
                ("schemaFormat", .string("application/schema+json;version=draft-2020-12")),
                ("schema", schema(of: description, isDocument: false)),
            ])
        ))
    return .object(members)
}
