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

    var rendered: String {
        var widths = columns.map { $0.heading.count }
        let shown = rows.map { $0.map(TextTable.printable) }
        for row in shown {
            for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.count) }
        }
        func line(_ cells: [String]) -> String {
            var parts: [String] = []
            for (index, cell) in cells.enumerated() {
                let padding = String(repeating: " ", count: widths[index] - cell.count)
                parts.append(columns[index].alignsRight ? padding + cell : cell + padding)
            }
            var text = parts.joined(separator: "  ")
            while text.last == " " { text.removeLast() }
            return text
        }
        var lines = [
            line(columns.map(\.heading)), widths.map { String(repeating: "-", count: $0) }.joined(separator: "  "),
        ]
        lines += shown.map(line)
        return lines.joined(separator: "\n") + "\n"
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
