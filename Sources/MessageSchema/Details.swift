import InventoryCore

/// The most characters of a foreign text that a detail shows.
private let shownMax = 60

/// A foreign text in quotes, short and on one line.
func quoted(_ text: String) -> String { "\"" + shortened(text) + "\"" }

/// A foreign text, at most 60 characters of it, with control characters, line separators and the marks that turn the
/// reading direction escaped.
func shortened(_ text: String) -> String {
    var result = ""
    var count = 0
    for scalar in text.unicodeScalars {
        if count == shownMax { return result + "…" }
        count += 1
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069:
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        default:
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}

extension JSONDocument {
    /// What a value is, for a detail: `"2" is text`, `5 is a number`, `is a list`.
    func described(_ index: Int) -> String {
        switch self[index].kind {
        case .null: "is null"
        case .true: "true is no text and no number"
        case .false: "false is no text and no number"
        case .number: "\(shown(index)) is a number"
        case .string: "\(shown(index)) is text"
        case .array: "is a list"
        case .object: "is an object"
        }
    }

    /// A text or number as written, shortened.
    func shown(_ index: Int) -> String {
        // A character has at most 12 bytes in the text, as a surrogate pair: no need to read more of a long one.
        let node = self[index]
        if node.kind == .string { return quoted(string(index)) }
        let slice = slice(node)
        return shortened(String(decoding: slice.prefix(shownMax + 1), as: UTF8.self))
    }
}
