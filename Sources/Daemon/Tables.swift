import Glibc

/// A table for a person, or CSV for a spreadsheet: columns with a heading, rows of text.
struct TextTable {
    struct Column {
        var heading: String
        var alignsRight = false
    }

    let columns: [Column]
    var rows: [[String]] = []

    init(_ columns: [Column]) {
        self.columns = columns
    }

    static func text(_ heading: String) -> Column { Column(heading: heading) }
    static func number(_ heading: String) -> Column { Column(heading: heading, alignsRight: true) }

    /// Control characters of foreign names are shown, not obeyed.
    static func printable(_ text: String) -> String {
        if !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) { return text }
        return String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "\u{FFFD}" : $0 }))
    }

    /// The same for a text of several lines of our own.
    static func printableLines(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { printable(String($0)) }.joined(
            separator: "\n")
    }

    /// For a person: fitted to the terminal, if it is one, by cutting the widest text; numbers are never cut.
    func rendered(for terminal: Terminal) -> String {
        let shown = rows.map { $0.map(TextTable.printable) }
        let full = columns.indices.map { column in
            shown.reduce(Terminal.places(columns[column].heading)) { max($0, Terminal.places($1[column])) }
        }
        let widths = terminal.columns.map { fitted(full, to: $0) } ?? full
        func line(_ cells: [String]) -> String {
            var parts: [String] = []
            for (index, cell) in cells.enumerated() {
                let text = TextTable.cut(cell, to: widths[index])
                let padding = String(repeating: " ", count: widths[index] - Terminal.places(text))
                parts.append(columns[index].alignsRight ? padding + text : text + padding)
            }
            var text = parts.joined(separator: TextTable.gap)
            while text.last == " " { text.removeLast() }
            return text
        }
        let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: TextTable.gap)
        var lines = [terminal.styled(line(columns.map(\.heading)), .bold), terminal.styled(rule, .dim)]
        lines += shown.map(line)
        if widths != full {
            lines.append(
                terminal.styled(TextTable.cut("(… is cut: --format csv has all)", to: terminal.columns ?? .max), .dim))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static let gap = "  "
    /// No text column gets narrower than this: what would be left of it tells nothing.
    private static let textPlacesMin = 8

    private func fitted(_ full: [Int], to places: Int) -> [Int] {
        var widths = full
        var excess = full.reduce(0, +) + TextTable.gap.count * (full.count - 1) - places
        while excess > 0 {
            let texts = columns.indices.filter { !columns[$0].alignsRight && widths[$0] > TextTable.textPlacesMin }
            guard let widest = texts.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
            excess -= 1
        }
        return widths
    }

    /// The beginning of a text that fits, and an ellipsis if that is not all of it.
    static func cut(_ text: String, to places: Int) -> String {
        if Terminal.places(text) <= places { return text }
        var kept = ""
        var used = 0
        for character in text {
            let more = Terminal.places(character)
            if used + more > places - 1 { break }
            kept.append(character)
            used += more
        }
        return kept + "…"
    }

    var csv: String {
        func field(_ text: String) -> String {
            if !text.contains(where: { $0 == "," || $0 == "\"" || $0 == "\n" || $0 == "\r" || $0 == "\r\n" }) {
                return text
            }
            return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
        }
        var text = columns.map { field($0.heading) }.joined(separator: ",") + "\n"
        for row in rows { text += row.map(field).joined(separator: ",") + "\n" }
        return text
    }
}
