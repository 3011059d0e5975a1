import InventoryCore
import MessageSchema

/// The figures of several configurations side by side: as a table with a column for each, or as JSON or CSV with a row
/// for each.
struct SimulationReport {
    private enum Value {
        case count(Int64)
        /// Thousandths of `of`, to one digit of a percent.
        case share(Int64, of: Int64)
        case quotient(Int64, by: Int64)
        case seconds(Int64?)

        /// For a person.
        var shown: String {
            switch self {
            case .count(let number): String(number)
            case .share(let part, let whole): whole == 0 ? "–" : "\(decimal(part * 100, whole, 1)) %"
            case .quotient(let number, let by): by == 0 ? "–" : decimal(number, by, 2)
            case .seconds(let seconds): seconds.map(SimulationReport.duration) ?? "–"
            }
        }

        /// For a program: a number, or nothing.
        var plain: String? {
            switch self {
            case .count(let number): String(number)
            case .share(let part, let whole): whole == 0 ? nil : decimal(part, whole, 4)
            case .quotient(let number, let by): by == 0 ? nil : decimal(number, by, 4)
            case .seconds(let seconds): seconds.map { String($0) }
            }
        }
    }

    private let names: [String]
    /// By metric, in order of printing: its name, and its value by configuration.
    private let rows: [(name: String, values: [Value])]

    init(_ all: [SimulationFigures]) {
        names = all.map(\.configuration)
        func row(_ name: String, _ value: (SimulationFigures) -> Value) -> (name: String, values: [Value]) {
            (name, all.map(value))
        }
        func kept(_ promises: SimulationFigures.Promises) -> Value {
            .share(promises.kept, of: promises.kept + promises.broken)
        }
        rows =
            [
                row("orders") { .count($0.orders) },
                row("units_ordered") { .count($0.unitsOrdered) },
                row("units_at_once") { .count($0.unitsAtOnce) },
                row("fill_rate") { .share($0.unitsAtOnce, of: $0.unitsOrdered) },
                row("units_filled_later") { .count($0.unitsFilledLater) },
                row("wait_p50_seconds") { .seconds($0.wait.percentile(50)) },
                row("wait_p95_seconds") { .seconds($0.wait.percentile(95)) },
                row("units_waiting") { .count($0.unitsWaiting) },
                row("units_held") { .count($0.unitsHeld) },
                row("units_cancelled") { .count($0.unitsCancelled) },
                row("units_refused") { .count($0.unitsRefused) },
                row("orders_held") { .count($0.ordersEverHeld) },
                row("lines_first_promise_kept") { .count($0.first.kept) },
                row("lines_first_promise_broken") { .count($0.first.broken) },
                row("first_promise_kept_rate") { kept($0.first) },
                row("lines_last_promise_kept") { .count($0.last.kept) },
                row("lines_last_promise_broken") { .count($0.last.broken) },
                row("last_promise_kept_rate") { kept($0.last) },
                row("orders_first_promise_kept_rate") { kept($0.ordersFirst) },
                row("orders_last_promise_kept_rate") { kept($0.ordersLast) },
                row("shipments") { .count($0.shipments) },
                row("shipments_per_order") { .quotient($0.shipments, by: $0.ordersToShip) },
                row("reorders") { .count($0.reorders) },
                row("units_reordered") { .count($0.unitsReordered) },
                row("reorders_expedited") { .count($0.expedites) },
            ]
            + NotificationKind.allCases.map { kind in
                row("notices_\(kind.rawValue)") { .count($0.notices[kind.rawValue] ?? 0) }
            } + [row("inputs_rejected") { .count($0.rejected) }]
    }

    func rendered(_ format: ShowCommand.Format) -> String {
        switch format {
        case .table:
            var table = TextTable([TextTable.text("figure")] + names.map { TextTable.number($0) })
            for row in rows {
                // A duration is shown with its units, so its name needs none.
                let name = row.name.hasSuffix("_seconds") ? String(row.name.dropLast(8)) : row.name
                table.rows.append([name] + row.values.map(\.shown))
            }
            return table.rendered(for: .output)
        case .csv:
            var table = TextTable([TextTable.text("configuration")] + rows.map { TextTable.number($0.name) })
            for (index, name) in names.enumerated() {
                table.rows.append([name] + rows.map { $0.values[index].plain ?? "" })
            }
            return table.csv
        case .json:
            let objects = names.enumerated().map { index, name in
                let members = rows.map { "\"\($0.name)\":\($0.values[index].plain ?? "null")" }
                return "{\"configuration\":\(JSONText.string(name).rendered),\(members.joined(separator: ","))}"
            }
            return "[" + objects.joined(separator: ",\n ") + "]\n"
        }
    }

    static func duration(_ seconds: Int64) -> String {
        let days = seconds / 86_400
        let parts = [(seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")]
        var texts = days > 0 ? ["\(days) d"] : []
        // Two units are enough for a person.
        for (number, unit) in parts where number > 0 && texts.count < 2 { texts.append("\(number) \(unit)") }
        return texts.isEmpty ? "0 s" : texts.joined(separator: " ")
    }
}

/// A quotient with so many digits after the point, rounded half up; in whole numbers, so that every machine prints the
/// same.
private func decimal(_ number: Int64, _ divisor: Int64, _ digits: Int) -> String {
    var scale: Int64 = 1
    for _ in 0..<digits { scale *= 10 }
    let (high, low) = number.multipliedFullWidth(by: scale * 2)
    // Shares and quotients of a history are far below what would not fit.
    let wide = high == 0 ? low / UInt64(divisor) : divisor.dividingFullWidth((high, low)).quotient.magnitude
    let scaled = (wide + 1) / 2
    let text = String(scaled % UInt64(scale))
    return "\(scaled / UInt64(scale))." + String(repeating: "0", count: digits - text.count) + text
}
