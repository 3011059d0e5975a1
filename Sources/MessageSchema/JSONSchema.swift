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
    members.append(("examples", .list(messageExamples(message.type))))
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

/// What every JSON Schema validator understands alike: no look-ahead in patterns, and `not` where `$` would do, since in
/// some dialects it stands before a last line feed, too.
private func kindMembers(_ kind: Field.Kind, _ message: MessageDescription) -> [(String, SchemaText)] {
    switch kind {
    case .identifier:
        [
            ("type", .string("string")), ("minLength", .integer(1)),
            ("maxLength", .integer(Int64(ObjectReader.identifierBytesMax))),
            ("not", text("[\\u0000-\\u001f\\u007f-\\u009f]")),
        ]
    case .text(let bytesMax):
        [
            ("type", .string("string")), ("maxLength", .integer(Int64(bytesMax))), ("not", text("\\u0000")),
        ]
    case .time: [("type", .string("string")), ("format", .string("date-time")), ("pattern", .string(timePattern))]
    case .whole(let range), .change(let range): whole(range, kind)
    case .number: [("type", .string("number"))]
    case .choice(let words): [("type", .string("string")), ("enum", .strings(words))]
    case .uuid:
        [
            ("type", .string("string")), ("format", .string("uuid")),
            ("pattern", .string("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")),
        ]
    case .messageType: [("type", .string("string")), ("enum", .strings([message.type]))]
    case .anything: []
    case .object(let fields): objectMembers(fields, message)
    case .list(let fields, let atMost, let rule): list(fields, atMost, rule, message)
    }
}

private let timePattern =
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)"
    + "(\\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"

/// A text that has this; a pattern alone holds for whatever is no text.
private func text(_ pattern: String) -> SchemaText {
    .object([("type", .string("string")), ("pattern", .string(pattern))])
}

private func whole(_ range: ClosedRange<Int64>, _ kind: Field.Kind) -> [(String, SchemaText)] {
    var members: [(String, SchemaText)] = [("type", .string("integer")), ("minimum", .integer(range.lowerBound))]
    if range.upperBound != .max { members.append(("maximum", .integer(range.upperBound))) }
    if case .change = kind { members.append(("not", .object([("const", .integer(0))]))) }
    return members
}

private func list(
    _ fields: [Field], _ atMost: Int?, _ rule: Field.Rule?, _ message: MessageDescription
) -> [(String, SchemaText)] {
    var items = objectMembers(fields, message)
    // A key that is null is as good as absent, so it does not fulfil the rule.
    func alternatives(_ names: [String]) -> SchemaText {
        .list(
            names.map { name in
                let isThere: SchemaText = .object([(name, .object([("not", .object([("type", .string("null"))]))]))])
                return .object([("required", .strings([name])), ("properties", isThere)])
            })
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
