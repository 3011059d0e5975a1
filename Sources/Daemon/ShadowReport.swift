import ArgumentParser
import Configuration
import Glibc
import InventoryCore
import MessageSchema

extension ShadowCommand {
    struct Report: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What the shadow would have done beside what was really shipped.",
            discussion: """
                Reads the shadow's journal, also while it runs. The table has a summary, the figures and the first \
                differences; JSON has all of it; CSV has a row for each difference. All times are the messages' own.
                """)

        @OptionGroup var options: Options

        @Option(name: .long, help: "table, json or csv.")
        var format: ShowCommand.Format = .table

        @Option(name: .long, help: "Only orders that were placed at this time or later, as in 2026-11-23T10:00:00Z.")
        var since: String?

        @Option(name: .long, help: "Differences in the table, at most.")
        var limit = 20

        func validate() throws {
            if limit < 0 { throw ValidationError("--limit needs a number from 0.") }
            if let since, parseRFC3339(since) == nil {
                throw ValidationError("--since \(since): write it as in 2026-11-23T10:00:00Z.")
            }
        }

        func run() throws {
            let (live, store) = try options.load()
            let directory: String
            do throws(ShadowPlan.Refusal) {
                directory = try ShadowPlan.journalDirectory(
                    of: store ?? .sqlite(path: ShadowPlan.storePath(beside: live.store)))
            } catch {
                complain("backorderd: \(error.text)")
                throw ExitCode(ExitStatus.badConfiguration)
            }
            let files = ShadowJournal.files(in: directory)
            if files.isEmpty {
                complain(
                    "backorderd: there is no journal in \(directory); are --config and --store those of the shadow?")
                throw ExitCode(ExitStatus.notFound)
            }
            var comparison = ShadowComparison(since: since.flatMap { parseRFC3339($0) })
            do throws(ReadFailure) {
                for file in files { try read(file, into: &comparison) }
            } catch {
                complain("backorderd: \(directory) can't be read: \(error.text)")
                throw ExitCode(ExitStatus.failed)
            }
            comparison.finish()
            let report = ShadowReport(comparison)
            writeAll(Array(report.rendered(format, limit: limit).utf8), to: STDOUT_FILENO)
        }

        private func read(_ path: String, into comparison: inout ShadowComparison) throws(ReadFailure) {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            if descriptor < 0 {
                // The oldest file went while the others were read.
                if errno == ENOENT { return }
                throw ReadFailure(code: errno)
            }
            defer { close(descriptor) }
            var reader = LineReader(descriptor: descriptor, limit: 64 << 20)
            while let line = try reader.next() {
                // The last line may be half written.
                guard case .bytes(let bytes) = line, let (at, entry) = ShadowEntry.read(bytes) else { continue }
                comparison.take(entry, at: at)
            }
        }
    }
}

/// A comparison for a person or a program.
struct ShadowReport {
    private typealias Kind = ShadowComparison.Kind
    private let comparison: ShadowComparison

    /// - Parameter comparison: finished.
    init(_ comparison: ShadowComparison) {
        self.comparison = comparison
    }

    func rendered(_ format: ShowCommand.Format, limit: Int) -> String {
        switch format {
        case .table:
            var text = sentences.map { TextTable.printable($0) + "\n" }.joined() + "\n"
            var table = TextTable([TextTable.text("figure"), TextTable.number("value")])
            for figure in figures { table.rows.append([figure.name, figure.value.map { String($0) } ?? "–"]) }
            text += table.rendered(for: .output)
            if limit > 0, !comparison.differences.isEmpty {
                var rows = TextTable(ShadowReport.columns)
                rows.rows = comparison.differences.prefix(limit).map { ShadowReport.cells($0).map(\.shown) }
                text += "\n" + rows.rendered(for: .output)
                let more = comparison.differences.count + comparison.differencesLeftOut - limit
                if more > 0 { text += "… and \(more) more: --limit, or --format csv.\n" }
            }
            return text
        case .csv:
            var rows = TextTable(ShadowReport.columns)
            rows.rows = comparison.differences.map { ShadowReport.cells($0).map(\.shown) }
            return rows.csv
        case .json:
            let figures = JSONText.object(self.figures.map { ($0.name, $0.value.map { .integer($0) } ?? .null) })
            let differences = comparison.differences.map { difference in
                JSONText.object(zip(ShadowReport.columns, ShadowReport.cells(difference)).map { ($0.heading, $1.json) })
            }
            let gaps = comparison.gaps.map { gap in
                JSONText.object([
                    ("from", .string(formatRFC3339(gap.from))), ("to", .string(formatRFC3339(gap.to))),
                    ("cause", .string(gap.cause)),
                ])
            }
            return JSONText.object([
                ("from", .optional(comparison.beginsAt.map { formatRFC3339($0) })),
                ("to", .optional(comparison.endsAt.map { formatRFC3339($0) })),
                ("summary", .array(sentences.map { .string($0) })), ("figures", figures), ("gaps", .array(gaps)),
                ("differences", .array(differences)),
            ]).rendered + "\n"
        }
    }

    // MARK: Differences

    private static let columns = [
        TextTable.text("order_id"), TextTable.text("line_id"), TextTable.text("sku"), TextTable.text("difference"),
        TextTable.number("units"), TextTable.text("expected_at"), TextTable.text("expected_location"),
        TextTable.text("shipped_at"), TextTable.text("shipped_location"), TextTable.text("shipment_id"),
        TextTable.text("other_orders"),
    ]

    private static func cells(_ difference: ShadowComparison.Difference) -> [Listing.Cell] {
        [
            .text(difference.orderID.text), .text(difference.lineID.text), .text(difference.sku.text),
            .text(difference.kind.rawValue), .number(difference.units), .time(difference.expectedAt),
            .optional(difference.expectedLocation?.text), .time(difference.shippedAt),
            .optional(difference.shippedLocation?.text), .optional(difference.shipmentID?.text),
            .optional(difference.others.isEmpty ? nil : difference.others.map(\.text).joined(separator: " ")),
        ]
    }

    // MARK: Figures

    private var figures: [(name: String, value: Int64?)] {
        var figures: [(name: String, value: Int64?)] = [
            ("orders", Int64(comparison.orders)), ("orders_asked", Int64(comparison.ordersAsked)),
            ("orders_shipped", Int64(comparison.ordersShipped)),
            ("orders_shipped_as_asked", Int64(comparison.ordersAsAsked)), ("units_shipped", comparison.unitsShipped),
            ("units_shipped_as_asked", comparison.unitsAsAsked),
        ]
        for kind in Kind.allCases where kind != .late && kind != .overdue {
            let name = String(kind.rawValue.map { $0 == "-" ? "_" : $0 })
            figures.append(("orders_\(name)", Int64(comparison.ordersBy[kind] ?? 0)))
            figures.append(("units_\(name)", comparison.units[kind] ?? 0))
        }
        figures += [
            ("request_to_truck_p50_seconds", comparison.delay.percentile(50)),
            ("request_to_truck_p95_seconds", comparison.delay.percentile(95)),
            ("not_shipped_age_p50_seconds", comparison.openAge.percentile(50)),
            ("not_shipped_age_max_seconds", comparison.openAge.percentile(100)),
        ]
        for (name, promises) in [("first", comparison.first), ("last", comparison.last)] {
            figures += [
                ("lines_\(name)_promise_kept", Int64(promises.kept)),
                ("lines_\(name)_promise_late", Int64(promises.late)),
                ("lines_\(name)_promise_overdue", Int64(promises.overdue)),
                ("lines_\(name)_promise_open", Int64(promises.open)),
                ("\(name)_promise_to_truck_p50_seconds", promises.distance.percentile(50)),
                ("\(name)_promise_to_truck_p95_seconds", promises.distance.percentile(95)),
            ]
        }
        figures += [
            ("shipments", Int64(comparison.shipments)),
            ("shipments_without_location", Int64(comparison.shipmentsWithoutLocation)),
            ("shipments_of_unknown_orders", Int64(comparison.shipmentsOfUnknownOrders)),
            ("messages", Int64(comparison.inputs.values.reduce(0, +))),
            ("dead_letters", Int64(comparison.deadLetters.values.reduce(0, +))),
        ]
        return figures
    }

    // MARK: Sentences

    private var sentences: [String] {
        guard let from = comparison.beginsAt, let to = comparison.endsAt else { return ["The journal is empty."] }
        let placed = comparison.inputs[InputType.orderPlaced.rawValue] ?? 0
        let dead = comparison.deadLetters.values.reduce(0, +)
        var text = [
            "From \(formatRFC3339(from)) to \(formatRFC3339(to)) the shadow took in "
                + "\(counted(comparison.inputs.values.reduce(0, +), "message")): \(counted(placed, "order")), "
                + "\(counted(comparison.shipments, "shipment"))."
        ]
        if dead > 0 {
            let reasons = comparison.deadLetters.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            text.append(
                "\(counted(dead, "message")) could not be used (\(reasons.joined(separator: ", "))): "
                    + "see the lines with dead_letter in the journal, and mend the mapping.")
        }
        for gap in comparison.gaps {
            text.append(
                "Messages are missing from \(formatRFC3339(gap.from)) to \(formatRFC3339(gap.to)): \(gap.cause).")
        }
        if comparison.shipments == 0 {
            text.append(
                "It saw no shipment, so nothing can be compared: see that shipment-dispatched reaches its queue.")
        } else if comparison.ordersShipped > 0 {
            let share = comparison.ordersAsAsked * 1000 / comparison.ordersShipped
            text.append(
                "Of \(counted(comparison.ordersShipped, "order")) that were shipped, \(comparison.ordersAsAsked) "
                    + "(\(share / 10).\(share % 10) %) left as it would have asked: from the same place, as many units, "
                    + "after its request.")
        }
        text += Kind.allCases.compactMap(sentence)
        if let half = comparison.delay.percentile(50), let most = comparison.delay.percentile(95) {
            text.append("From its request to the truck: half within \(duration(half)), 95 % within \(duration(most)).")
        }
        let promises = comparison.last
        if promises.kept + promises.late + promises.overdue + promises.open > 0 {
            text.append(
                "Lines with a promised date: \(promises.kept) shipped by the date told last, \(promises.late) later; "
                    + "not shipped yet: \(promises.overdue) overdue, \(promises.open) in time.")
        }
        if comparison.shipmentsOfUnknownOrders > 0 {
            text.append(
                "Not compared: \(counted(comparison.shipmentsOfUnknownOrders, "shipment")) of orders that it has not seen "
                    + "placed, or that were placed before --since.")
        }
        return text
    }

    private func sentence(_ kind: Kind) -> String? {
        guard let count = comparison.ordersBy[kind], count > 0 else { return nil }
        let orders = counted(count, "order")
        switch kind {
        case .elsewhere: return "\(orders) left from another place than it would have asked."
        case .givenToOthers:
            return "\(orders) left before it would have asked, with units that it had given to orders before them."
        case .notReady:
            return "\(orders) left while it waited for stock or for the rest of a complete order: "
                + "see that all receipts and counts reach it."
        case .held: return "\(orders) left that its policy held for a decision."
        case .beforeOrder: return "\(orders) left before the order reached the shadow."
        case .over: return "\(orders) left with more units than were open."
        case .notShipped, .partlyShipped:
            let what = kind == .notShipped ? "not shipped yet" : "shipped in part only"
            let oldest = comparison.openAge.percentile(100).map { ", the oldest request since \(duration($0))" } ?? ""
            return "\(orders) it has asked for \(count == 1 ? "is" : "are") \(what)\(oldest)."
        case .late, .overdue: return nil
        }
    }

    private func duration(_ seconds: Int64) -> String {
        seconds < 0 ? "\(SimulationReport.duration(-seconds)) before it" : SimulationReport.duration(seconds)
    }

    private func counted(_ count: Int, _ word: String) -> String { count == 1 ? "1 \(word)" : "\(count) \(word)s" }
}
