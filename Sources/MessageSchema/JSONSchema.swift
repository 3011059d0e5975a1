/// Every message type, inputs first, in the contract's order.
public var messageTypes: [String] { messageTable.map(\.type) }

/// The JSON Schema (2020-12) of a message type's native form, on several lines; nil for a type that there is not.
public func jsonSchema(for type: String) -> String? {
    messageTable.first { $0.type == type }.map { schema(of: $0, isDocument: true).rendered }
}

func schema(of message: MessageDescription, isDocument: Bool) -> SchemaText {
    var members: [(String, SchemaText)] = []
    if isDocument {
        members.append(("$schema", .string("https://json-schema.org/draft/2020-12/schema")))
        members.append(("$id", .string("urn:backorderd:schema:\(message.type)")))
    }
    members.append(("title", .string(message.type)))
    members.append(("description", .string(message.summary)))
    members += objectMembers(message.fields, message)
    return .object(members)
}

private func objectMembers(_ fields: [Field], _ message: MessageDescription) -> [(String, SchemaText)] {
    var members: [(String, SchemaText)] = [
        ("type", .string("object")),
        ("properties", .object(fields.map { ($0.name, property($0, message)) })),
    ]
    let required = fields.filter(\.isRequired).map(\.name)
    if !required.isEmpty { members.append(("required", .strings(required))) }
    return members
}

private func property(_ field: Field, _ message: MessageDescription) -> SchemaText {
    // null is as good as absent in an input.
    let mayBeNull = field.isNullable || (message.direction == .input && !field.isRequired)
    var members = kindMembers(field.kind, message)
    if mayBeNull {
        for index in members.indices {
            if members[index].0 == "type" { members[index].1 = .list([members[index].1, .string("null")]) }
            if members[index].0 == "enum", case .list(let values) = members[index].1 {
                members[index].1 = .list(values + [.null])
            }
        }
    }
    members.append(("description", .string(field.summary)))
    return .object(members)
}

private func kindMembers(_ kind: Field.Kind, _ message: MessageDescription) -> [(String, SchemaText)] {
    switch kind {
    case .identifier:
        [
            ("type", .string("string")), ("minLength", .integer(1)),
            ("maxLength", .integer(Int64(ObjectReader.identifierBytesMax))),
            ("pattern", .string("^[^\\u0000-\\u001f\\u007f-\\u009f]*$")),
        ]
    case .text(let bytesMax): [("type", .string("string")), ("maxLength", .integer(Int64(bytesMax)))]
    case .time: [("type", .string("string")), ("format", .string("date-time"))]
    case .whole(let range):
        [("type", .string("integer")), ("minimum", .integer(range.lowerBound))]
            + (range.upperBound == .max ? [] : [("maximum", .integer(range.upperBound))])
    case .number: [("type", .string("number"))]
    case .choice(let words): [("type", .string("string")), ("enum", .strings(words))]
    case .uuid: [("type", .string("string")), ("format", .string("uuid"))]
    case .messageType: [("type", .string("string")), ("enum", .strings([message.type]))]
    case .object(let fields): objectMembers(fields, message)
    case .list(let fields, let atMost, let rule): list(fields, atMost, rule, message)
    }
}

private func list(
    _ fields: [Field], _ atMost: Int?, _ rule: Field.Rule?, _ message: MessageDescription
) -> [(String, SchemaText)] {
    var items = objectMembers(fields, message)
    func alternatives(_ names: [String]) -> SchemaText {
        .list(names.map { .object([("required", .strings([$0]))]) })
    }
    switch rule {
    case .anyOf(let names): items.append(("anyOf", alternatives(names)))
    case .oneOf(let names): items.append(("oneOf", alternatives(names)))
    case nil: break
    }
    var members: [(String, SchemaText)] = [("type", .string("array")), ("items", .object(items))]
    if message.direction == .input { members.append(("minItems", .integer(1))) }
    if let atMost { members.append(("maxItems", .integer(Int64(atMost)))) }
    return members
}
