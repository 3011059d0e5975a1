@testable import MessageSchema

/// The generated part of docs/messages.md: every message with its keys, from the field table, and an example.
enum MessagesPage {
    static func text(_ direction: MessageDescription.Direction) -> String {
        messageTable.filter { $0.direction == direction }.map(section).joined(separator: "\n")
    }

    private static func section(_ message: MessageDescription) -> String {
        var lines = [
            "### `\(message.type)`", "", "\(message.summary). [JSON Schema](../config/schemas/\(message.type).json)",
            "",
            "| key | what | meaning |", "|---|---|---|",
        ]
        lines += rows(message.fields, prefix: "")
        for example in messageExamples(message.type) { lines += ["", "```json", example.rendered, "```"] }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func rows(_ fields: [Field], prefix: String) -> [String] {
        fields.flatMap { field -> [String] in
            let name = "`\(prefix)\(field.name)`"
            let row = "| \(field.isRequired ? "**\(name)**" : name) | \(kind(field)) | \(field.summary) |"
            switch field.kind {
            case .object(let inner): return [row] + rows(inner, prefix: "\(prefix)\(field.name).")
            case .list(let inner, _, _): return [row] + rows(inner, prefix: "\(prefix)\(field.name)[].")
            default: return [row]
            }
        }
    }

    private static func kind(_ field: Field) -> String {
        let text =
            switch field.kind {
            case .identifier: "identifier"
            case .text(let bytesMax): "text, at most \(grouped(Int64(bytesMax))) bytes"
            case .time: "time"
            case .whole(let range): whole(range)
            case .change(let range): "\(whole(range)), not 0"
            case .number: "number"
            case .choice(let words): words.map { "`\($0)`" }.joined(separator: ", ")
            case .uuid: "UUID"
            case .messageType: "the type"
            case .anything: "any value"
            case .object: "object"
            case .list(_, let atMost, let rule): list(atMost, rule)
            }
        return field.isNullable ? "\(text), or null" : text
    }

    private static func whole(_ range: ClosedRange<Int64>) -> String {
        let low = grouped(range.lowerBound)
        return range.upperBound == .max
            ? "whole number from \(low)" : "whole number, \(low) to \(grouped(range.upperBound))"
    }

    private static func list(_ atMost: Int?, _ rule: Field.Rule?) -> String {
        var text = "list of objects"
        if let atMost { text += ", at most \(grouped(Int64(atMost)))" }
        switch rule {
        case .anyOf(let names): text += "; each with " + names.map { "`\($0)`" }.joined(separator: " or ")
        case .oneOf(let names): text += "; each with either " + names.map { "`\($0)`" }.joined(separator: " or ")
        case nil: break
        }
        return text
    }

    /// 1000000 as 1,000,000.
    private static func grouped(_ number: Int64) -> String {
        var digits = String(number.magnitude)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (number < 0 ? "−" : "") + ([digits] + groups).joined(separator: ",")
    }
}
