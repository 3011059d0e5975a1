import InventoryCore

/// A JSON value to be written for people: two spaces, keys in their order.
enum SchemaText: Sendable {
    case string(String)
    case integer(Int64)
    /// A number as it is written.
    case number(String)
    case bool(Bool)
    case null
    case list([SchemaText])
    case object([(name: String, value: SchemaText)])

    static func strings(_ texts: [String]) -> SchemaText { .list(texts.map { .string($0) }) }

    /// Reads JSON of our own; null if it is none, which a test would show.
    static func read(_ json: String) -> SchemaText {
        Array(json.utf8).withUnsafeBufferPointer { bytes in
            let value = try? JSONDocument.withParsed(bytes) { (document) throws(Rejection) -> SchemaText in
                SchemaText(document, JSONDocument.root)
            }
            return value ?? .null
        }
    }

    private init(_ document: JSONDocument, _ index: Int) {
        switch document[index].kind {
        case .null: self = .null
        case .true: self = .bool(true)
        case .false: self = .bool(false)
        case .number: self = .number(document.written(index))
        case .string: self = .string(document.string(index))
        case .array:
            var values: [SchemaText] = []
            var child = index + 1
            while child < document.end(of: index) {
                values.append(SchemaText(document, child))
                child = document.next(after: child)
            }
            self = .list(values)
        case .object:
            var members: [(name: String, value: SchemaText)] = []
            var key = index + 1
            while key < document.end(of: index) {
                members.append((document.string(key), SchemaText(document, key + 1)))
                key = document.next(after: key + 1)
            }
            self = .object(members)
        }
    }

    var rendered: String {
        var text = ""
        append(to: &text, depth: 0)
        return text
    }

    private func append(to text: inout String, depth: Int) {
        switch self {
        case .string(let value): text += SchemaText.quoted(value)
        case .integer(let value): text += String(value)
        case .number(let written): text += written
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
