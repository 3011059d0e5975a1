import ArgumentParser
import BackOrderStore
import Glibc
import InventoryCore
import MessageSchema

extension ShowCommand {
    struct OrderCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "order", abstract: "One order: where each of its lines stands.")
        @OptionGroup var options: Options
        @Argument(help: "The order's id.") var orderID: String

        func run() throws {
            try options.withStore { store in
                guard let order = try store.order(OrderID(orderID)) else {
                    complain("backorderd: no order \"\(TextTable.printable(orderID))\" is known")
                    throw ExitCode(ExitStatus.notFound)
                }
                switch options.format {
                case .json: writeAll(Array((json(order).rendered + "\n").utf8), to: STDOUT_FILENO)
                case .csv: writeAll(Array(table(order).csv.utf8), to: STDOUT_FILENO)
                case .table:
                    let head =
                        "Order \(TextTable.printable(order.orderID.text)): \(order.status.rawValue), "
                        + "placed \(formatRFC3339(order.placedAt)), priority \(order.priority), ships \(order.ship.rawValue)\n\n"
                    writeAll(Array((head + table(order).rendered(for: .output)).utf8), to: STDOUT_FILENO)
                }
            }
        }

        private func time(_ instant: Instant?) -> JSONText { .optional(instant.map { formatRFC3339($0) }) }

        private func json(_ order: Order) -> JSONText {
            .object([
                ("order_id", .string(order.orderID.text)), ("status", .string(order.status.rawValue)),
                ("placed_at", .string(formatRFC3339(order.placedAt))), ("priority", .integer(Int64(order.priority))),
                ("ship", .string(order.ship.rawValue)), ("requested_by", time(order.requestedBy)),
                ("sequence", .integer(order.sequence)),
                (
                    "lines",
                    .array(
                        order.lines.map { line in
                            .object([
                                ("line_id", .string(line.lineID.text)), ("sku", .string(line.sku.text)),
                                ("ordered", .integer(line.ordered)), ("allocated", .integer(line.allocated)),
                                ("waiting", .integer(line.waiting)), ("held", .integer(line.held)),
                                ("dispatched", .integer(line.dispatched)), ("cancelled", .integer(line.cancelled)),
                                ("refused", .integer(line.refused)), ("location", .optional(line.pin?.text)),
                                (
                                    "allocations",
                                    .array(
                                        line.allocations.map {
                                            .object([
                                                ("location", .string($0.location.text)), ("units", .integer($0.units)),
                                                ("requested", .integer($0.requested)),
                                            ])
                                        })
                                ),
                                ("first_promised_at", time(line.firstPromisedAt)),
                                ("promised_at", time(line.promisedAt)), ("estimated_at", time(line.estimatedAt)),
                            ])
                        })
                ),
            ])
        }

        private func table(_ order: Order) -> TextTable {
            var table = TextTable([
                TextTable.text("line_id"), TextTable.text("sku"), TextTable.number("ordered"),
                TextTable.number("allocated"), TextTable.number("waiting"), TextTable.number("held"),
                TextTable.number("dispatched"), TextTable.number("cancelled"), TextTable.number("refused"),
                TextTable.text("promised_at"), TextTable.text("from"),
            ])
            for line in order.lines {
                table.rows.append([
                    line.lineID.text, line.sku.text, "\(line.ordered)", "\(line.allocated)", "\(line.waiting)",
                    "\(line.held)", "\(line.dispatched)", "\(line.cancelled)", "\(line.refused)",
                    line.promisedAt.map { formatRFC3339($0) } ?? "",
                    line.allocations.map { "\($0.location) \($0.units)" }.joined(separator: ", "),
                ])
            }
            return table
        }
    }
}
