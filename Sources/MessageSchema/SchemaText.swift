/// A JSON value to be written for people: two spaces, keys in their order.
enum SchemaText: Sendable {
    case string(String)
    case integer(Int64)
    case bool(Bool)
    case null
    case list([SchemaText])
    case object([(name: String, value: SchemaText)])

    static func strings(_ texts: [String]) -> SchemaText { .list(texts.map { .string($0) }) }

    var rendered: String {
        var text = ""
        append(to: &text, depth: 0)
        return text
    }

    private func append(to text: inout String, depth: Int) {
        switch self {
        case .string(let value): text += SchemaText.quoted(value)
        case .integer(let value): text += String(value)
        case .bool(let value): text += value ? "true" : "false"
        case .null: text += "null"
        case .list(let values):
            let isFlat = values.allSatisfy(\.isScalar)
            SchemaText.bracket("[", "]", isFlat || values.isEmpty, values.count, to: &text, depth: depth) {
                index, text in
                values[index].append(to: &text, depth: depth + 1)
            }
        case .object(let members):
            SchemaText.bracket("{", "}", members.isEmpty, members.count, to: &text, depth: depth) { index, text in
                text += SchemaText.quoted(members[index].name) + ": "
                members[index].value.append(to: &text, depth: depth + 1)
            }
        }
    }

    private var isScalar: Bool {
        switch self {
        case .list, .object: false
        default: true
        }
    }

    private static func bracket(
        _ open: String, _ close: String, _ isFlat: Bool, _ count: Int, to text: inout String, depth: Int,
        _ element: (Int, inout String) -> Void
    ) {
        text += open
        for index in 0..<count {
            if index > 0 { text += isFlat ? ", " : "," }
            if !isFlat { text += "\n" + String(repeating: "  ", count: depth + 1) }
            element(index, &text)
        }
        if !isFlat { text += "\n" + String(repeating: "  ", count: depth) }
        text += close
    }

    private static func quoted(_ text: String) -> String {
        var writer = JSONWriter(capacity: text.utf8.count + 2)
        writer.string(text)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
