import InventoryCore
import MessageSchema

/// Charts as SVG in the page: no script, and the numbers stand in words beside them.
enum Chart {
    private static let width = 720.0
    private static let height = 160.0
    private static let left = 60.0
    private static let bottom = 24.0

    private static func coordinate(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
    private static func day(_ day: Int64) -> String {
        String(formatRFC3339(Instant(microseconds: day * Instant.microsecondsPerDay)).prefix(10))
    }

    private static func frame(
        _ title: String, _ description: String, most: String, from: String, to: String, _ inner: HTML
    )
        -> HTML
    {
        """
        <figure><figcaption class="soft">\(title)</figcaption>
        <svg viewBox="0 0 720 160" role="img" aria-label="\(title): \(description)">
        <line class="axis" x1="60" y1="136" x2="712" y2="136"/><line class="axis" x1="60" y1="8" x2="60" y2="136"/>
        <text x="54" y="16" text-anchor="end">\(most)</text><text x="54" y="136" text-anchor="end">0</text>
        <text x="60" y="154">\(from)</text><text x="712" y="154" text-anchor="end">\(to)</text>
        \(inner)</svg></figure>
        """
    }

    /// A value over time.
    static func curve(_ title: String, _ points: [(at: Instant, value: Int64)]) -> HTML {
        guard let first = points.first, let last = points.last, points.count > 1 else {
            return "<p class=\"soft\">\(title): the curve begins with the second minute.</p>"
        }
        let most = max(1, points.map(\.value).max() ?? 1)
        let span = Double(max(1, last.at.microseconds - first.at.microseconds))
        let places = points.map { point in
            let x = left + (width - left - 8) * Double(point.at.microseconds - first.at.microseconds) / span
            let y = height - bottom - (height - bottom - 12) * Double(point.value) / Double(most)
            return "\(coordinate(x)),\(coordinate(y))"
        }
        return frame(
            title,
            "\(Layout.number(first.value)) at first, \(Layout.number(last.value)) now, \(Layout.number(most)) at most",
            most: Layout.number(most), from: String(formatRFC3339(first.at).dropFirst(11).prefix(5)),
            to: String(formatRFC3339(last.at).dropFirst(11).prefix(5)),
            "<polyline class=\"curve\" points=\"\(places.joined(separator: " "))\"/>")
    }

    /// What was ordered each day, and what of it was not in stock.
    static func demand(_ rows: [Demand], from first: Int64, through last: Int64) -> HTML {
        let most = max(1, rows.map(\.units).max() ?? 1)
        let step = (width - left - 8) / Double(max(1, last - first + 1))
        let bars = rows.map { row -> HTML in
            let x = left + step * Double(row.day - first)
            func bar(_ units: Units, _ style: String) -> HTML {
                let tall = (height - bottom - 12) * Double(units) / Double(most)
                return """
                    <rect class="\(style)" x="\(coordinate(x))" y="\(coordinate(height - bottom - tall))" \
                    width="\(coordinate(max(1, step - 1)))" height="\(coordinate(tall))"/>
                    """
            }
            return """
                <g><title>\(day(row.day)): \(row.units) ordered, \(row.units - row.filled) not in stock</title>\
                \(bar(row.units, "bar"))\(bar(max(0, row.units - row.filled), "bar2"))</g>
                """
        }
        let units = rows.reduce(0) { $0 + $1.units }
        let missing = rows.reduce(0) { $0 + $1.units - $1.filled }
        return frame(
            "Units ordered a day; red: not in stock when ordered",
            "\(Layout.number(units)) ordered in all, \(Layout.number(missing)) of them not in stock",
            most: Layout.number(most), from: day(first), to: day(last), "\(bars)")
    }

    /// What is to come, and when.
    static func supply(_ supplies: [Supply], now: Instant) -> HTML {
        let dated = supplies.filter { $0.expectedAt != nil }
        guard let first = dated.first?.expectedAt, let last = dated.last?.expectedAt else { return "" }
        let (begin, end) = (min(first, now), max(last, now.adding(days: 7)))
        let span = Double(max(1, end.microseconds - begin.microseconds))
        let most = max(1, dated.map(\.outstanding).max() ?? 1)
        func place(_ time: Instant) -> Double {
            left + (width - left - 24) * Double(time.microseconds - begin.microseconds) / span + 8
        }
        let marks = dated.map { supply -> HTML in
            let at = supply.expectedAt ?? now
            let tall = 12 + (height - bottom - 28) * Double(supply.outstanding) / Double(most)
            return """
                <g><title>\(supply.kind.rawValue) \(supply.supplyID.text): \(supply.outstanding) units, \(formatRFC3339(at))</title>\
                <rect class="\(at < now ? "marklate" : "mark")" x="\(coordinate(place(at) - 3))" \
                y="\(coordinate(height - bottom - tall))" width="6" height="\(coordinate(tall))"/></g>
                """
        }
        return frame(
            "Supply on its way; red: overdue", "\(dated.count) with a date", most: Layout.number(most),
            from: day(begin.day),
            to: day(end.day),
            """
            <line class="axis" x1="\(coordinate(place(now)))" y1="8" x2="\(coordinate(place(now)))" y2="136" stroke-dasharray="4 3"/>\
            <text x="\(coordinate(place(now) + 4))" y="20">now</text>\(marks)
            """)
    }
}
