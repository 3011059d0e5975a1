import BackOrderStore
import InventoryCore
import MessageSchema

/// The end state as state.json holds it: what `backorderd show … --format json` prints, a row a line.
struct StateText {
    private let queries: any StoreQueries

    init(_ queries: any StoreQueries) {
        self.queries = queries
    }

    func lines() throws -> [Line] {
        let sections: [(String, [String])] = [
            ("stock", try pages(queries.stock).map(stock)),
            ("orders", try orders()),
            ("back_orders", try pages(queries.backOrders).map(backOrder)),
            (
                "supply",
                try all { try queries.supplies(kind: nil, settled: false, after: $0, limit: $1) }.map(supply)
            ),
            ("discrepancies", try all { try queries.discrepancies(after: $0, limit: $1) }.map(discrepancy)),
        ]
        let text = sections.map { "\"\($0.0)\":\n  [" + $0.1.joined(separator: ",\n  ") + "]" }
        return Array(("{" + text.joined(separator: ",\n ") + "}").utf8).split(separator: 0x0A).map { Array($0) }
    }

    private func all<Row>(_ page: (_ after: Row?, _ limit: Int) throws -> [Row]) throws -> [Row] {
        var rows: [Row] = []
        while true {
            let more = try page(rows.last, 100)
            rows += more
            if more.count < 100 { return rows }
        }
    }

    private func pages<Row>(_ page: (SKU?, Row?, Int) throws -> [Row]) throws -> [Row] {
        try all { try page(nil, $0, $1) }
    }

    private func orders() throws -> [String] {
        var ids: [OrderID] = []
        while true {
            let more = try queries.auditOrders(after: ids.last, limit: 100).map(\.order.orderID)
            ids += more
            if more.count < 100 { break }
        }
        return try ids.compactMap { try queries.order($0).map(order) }
    }

    // MARK: Rows

    private func stock(_ row: StockRow) -> String {
        object([
            ("sku", text(row.sku.text)), ("location", text(row.location.text)), ("on_hand", "\(row.onHand)"),
            ("allocated", "\(row.allocated)"),
        ])
    }

    private func backOrder(_ row: BackOrderRow) -> String {
        object([
            ("order_id", text(row.key.orderID.text)), ("line_id", text(row.lineID.text)), ("sku", text(row.sku.text)),
            ("waiting", "\(row.waiting)"), ("place", "\(row.place)"), ("promised_at", time(row.promisedAt)),
        ])
    }

    private func supply(_ row: Supply) -> String {
        object([
            ("sku", text(row.sku.text)), ("id", text(row.supplyID.text)), ("kind", text(row.kind.rawValue)),
            ("location", text(row.location.text)), ("supplier", text(row.supplier?.text)),
            ("quantity", "\(row.quantity)"), ("outstanding", "\(row.outstanding)"),
            ("expected_at", time(row.expectedAt)), ("created_at", time(row.createdAt)),
            ("reorder_id", text(row.reorderID?.text)),
        ])
    }

    private func discrepancy(_ row: DiscrepancyRow) -> String {
        let it = row.discrepancy
        return object([
            ("time", time(it.time)), ("kind", text(it.kind.rawValue)), ("sku", text(it.sku.text)),
            ("location", text(it.location.text)), ("quantity", "\(it.quantity)"), ("message_id", text(it.messageID)),
        ])
    }

    private func order(_ order: Order) -> String {
        object([
            ("order_id", text(order.orderID.text)), ("status", text(order.status.rawValue)),
            ("placed_at", time(order.placedAt)), ("priority", "\(order.priority)"),
            ("ship", text(order.ship.rawValue)), ("requested_by", time(order.requestedBy)),
            ("sequence", "\(order.sequence)"), ("lines", "[" + order.lines.map(line).joined(separator: ",") + "]"),
        ])
    }

    private func line(_ line: OrderLine) -> String {
        let allocations = line.allocations.map {
            object([
                ("location", text($0.location.text)), ("units", "\($0.units)"), ("requested", "\($0.requested)"),
            ])
        }
        return object([
            ("line_id", text(line.lineID.text)), ("sku", text(line.sku.text)), ("ordered", "\(line.ordered)"),
            ("allocated", "\(line.allocated)"), ("waiting", "\(line.waiting)"), ("held", "\(line.held)"),
            ("dispatched", "\(line.dispatched)"), ("cancelled", "\(line.cancelled)"), ("refused", "\(line.refused)"),
            ("location", text(line.pin?.text)), ("allocations", "[" + allocations.joined(separator: ",") + "]"),
            ("first_promised_at", time(line.firstPromisedAt)), ("promised_at", time(line.promisedAt)),
            ("estimated_at", time(line.estimatedAt)),
        ])
    }

    // MARK: JSON

    private func object(_ members: [(String, String)]) -> String {
        "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }

    private func time(_ instant: Instant?) -> String { text(instant.map { formatRFC3339($0) }) }

    private func text(_ value: String?) -> String {
        guard let value else { return "null" }
        var quoted = "\""
        for scalar in value.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted.unicodeScalars.append("\\") }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }
}
