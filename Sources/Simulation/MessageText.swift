import InventoryCore
import MessageSchema

/// Bodies in the contract's three envelopes. Written by hand, not by the program's own encoder.
enum MessageText {
    static func quoted(_ text: String) -> String { "\"\(text)\"" }

    static func object(_ members: [(String, String)]) -> String {
        "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }

    static func array(_ elements: [String]) -> String { "[" + elements.joined(separator: ",") + "]" }

    /// RFC 3339 in UTC with six digits of the second.
    static func time(_ instant: Instant) -> String {
        let day = instant.day
        var rest = instant.microseconds - day * Instant.microsecondsPerDay
        let micros = rest % 1_000_000
        rest /= 1_000_000
        // Days to civil date, as in every calendar's textbook.
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * month + 2) / 5 + 1
        let civilMonth = month < 10 ? month + 3 : month - 9
        let year = yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0)
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let digits = String(String(1_000_000 + micros).dropFirst())
        return "\(year)-\(two(civilMonth))-\(two(dayOfMonth))T\(two(rest / 3600)):\(two(rest / 60 % 60)):"
            + "\(two(rest % 60)).\(digits)Z"
    }

    enum Form: CaseIterable {
        case native, properties, structured, binary
    }

    /// - Parameter spaced: the same content, written another way.
    static func message(
        _ type: String, id: String?, time: Instant?, _ members: [(String, String)], form: Form, spaced: Bool
    ) -> (body: [UInt8], envelope: Envelope) {
        var envelope = Envelope(contentType: "application/json")
        var head: [(String, String)] = []
        let timeText = time.map { MessageText.time($0) }
        let members = spaced ? members.reversed() : members
        switch form {
        case .native:
            head.append(("type", quoted(type)))
            if let id { head.append(("id", quoted(id))) }
            if let timeText { head.append(("time", quoted(timeText))) }
        case .properties:
            envelope.type = type
            envelope.messageID = id
            if let timeText { head.append(("time", quoted(timeText))) }
        case .structured:
            envelope.contentType = "application/cloudevents+json"
            var outer = [
                ("specversion", quoted("1.0")), ("type", quoted("com.example." + type)), ("source", quoted("/sim")),
            ]
            if let id { outer.append(("id", quoted(id))) }
            if let timeText { outer.append(("time", quoted(timeText))) }
            outer.append(("data", object(members)))
            return (Array(object(outer).utf8), envelope)
        case .binary:
            envelope.headers.append(("cloudEvents:specversion", "1.0"))
            envelope.headers.append(("cloudEvents:type", type))
            envelope.headers.append(("cloudEvents:source", "/sim"))
            if let id { envelope.headers.append(("cloudEvents:id", id)) }
            if let timeText { envelope.headers.append(("cloudEvents_time", timeText)) }
        }
        var text = object(head + members)
        if spaced { text = text.replacing(",\"", with: " ,\n \"").replacing("\":", with: "\" : ") }
        return (Array(text.utf8), envelope)
    }
}
