/// A JSON value to build messages from; keys stay in their order.
enum J: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    /// Goes out as it is.
    case raw(String)
    case string(String)
    case list([J])
    case object([(String, J)])

    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .raw(String(value)) }
    init(arrayLiteral elements: J...) { self = .list(elements) }
    init(dictionaryLiteral elements: (String, J)...) { self = .object(elements) }

    static let null = J.raw("null")

    var text: String {
        switch self {
        case .raw(let text): text
        case .string(let text): J.quoted(text)
        case .list(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { J.quoted($0.0) + ":" + $0.1.text }.joined(separator: ",") + "}"
        }
    }

    var bytes: [UInt8] { Array(text.utf8) }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    subscript(key: String) -> J? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.0 == key }?.1
    }

    /// The same with another value at a path like `lines[0].sku`; nil takes the key away.
    func setting(_ path: String, _ value: J?) -> J {
        let parts = path.split(separator: ".", maxSplits: 1).map(String.init)
        guard case .object(var members) = self, let head = parts.first else { return self }
        let bracket = head.split(separator: "[")
        let key = String(bracket[0])
        let known = members.firstIndex { $0.0 == key }
        var child = known.map { members[$0].1 } ?? .object([])
        var result: J? = value
        if bracket.count == 2, case .list(var elements) = child {
            let index = Int(bracket[1].dropLast()) ?? 0
            if parts.count == 2 {
                elements[index] = elements[index].setting(parts[1], value)
            } else if let value {
                elements[index] = value
            }
            child = .list(elements)
            result = child
        } else if parts.count == 2 {
            result = child.setting(parts[1], value)
        }
        if let known {
            if let result { members[known].1 = result } else { members.remove(at: known) }
        } else if let result {
            members.append((key, result))
        }
        return .object(members)
    }
}
