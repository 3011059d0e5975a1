import BackOrderStore
import InventoryCore

/// The books at one moment, as rows; what is worked out of them here is worked out of nothing else.
struct Snapshot {
    struct LineRef: Hashable {
        var order: OrderID
        var position: Int
    }

    private(set) var orders: [Order] = []
    private(set) var leads: [[Int64]] = []
    private(set) var items: [Item] = []
    private(set) var supplies: [Supply] = []
    private(set) var discrepancies: [DiscrepancyRow] = []
    private(set) var orderIndex: [OrderID: Int] = [:]
    private(set) var itemIndex: [SKU: Int] = [:]
    /// Positions of lines, by SKU, in order of order id.
    private(set) var lines: [SKU: [(order: Int, position: Int)]] = [:]

    init() {}

    init(_ queries: any StoreQueries) throws {
        for row in try queries.auditOrders(after: nil, limit: .max) {
            orderIndex[row.order.orderID] = orders.count
            for position in row.order.lines.indices {
                lines[row.order.lines[position].sku, default: []].append((orders.count, position))
            }
            orders.append(row.order)
            leads.append(row.leads)
        }
        for row in try queries.auditItems(after: nil, limit: .max) {
            itemIndex[row.item.sku] = items.count
            items.append(row.item)
        }
        supplies = try queries.auditSupplies(after: nil, limit: .max).map(\.supply)
        discrepancies = try queries.discrepancies(after: nil, limit: .max)
    }

    func order(_ orderID: OrderID) -> Order? { orderIndex[orderID].map { orders[$0] } }
    func item(_ sku: SKU) -> Item? { itemIndex[sku].map { items[$0] } }

    /// One line of text for each row, to compare two books.
    func text() -> [String] {
        var result: [String] = []
        for (order, leads) in zip(orders, leads) {
            var text = "order \(order.orderID) placed \(order.placedAt.microseconds) p\(order.priority)"
            text += " by \(time(order.requestedBy)) \(order.ship.rawValue) held \(order.isHeld)"
            text += " seq \(order.sequence) events \(order.eventCount) customer \(order.customer?.json ?? "-")"
            for (line, lead) in zip(order.lines, leads) {
                let isOpen = line.waiting > 0 || line.held > 0 || !line.allocations.isEmpty
                text += " | \(line.lineID) \(line.sku) @\(line.pin?.text ?? "-") \(line.ordered) = "
                text += line.allocations.map { "\($0.location) \($0.units)/\($0.requested)" }.joined(separator: " + ")
                text += " w\(line.waiting) h\(line.held) d\(line.dispatched) c\(line.cancelled) r\(line.refused)"
                text += " \(time(line.firstPromisedAt)) \(time(line.promisedAt)) \(time(line.estimatedAt))"
                if isOpen { text += " lead \(lead)" }
            }
            result.append(text)
        }
        for item in items {
            var text = "item \(item.sku) on order \(item.onOrder)/\(item.onOrderDated) dates \(item.hasDates)"
            text += " reorders \(item.reorderCount)"
            text += item.stock.map { " \($0.location) \($0.onHand)/\($0.allocated)" }.joined()
            // A lane in which nothing waits any more may be kept or not.
            text += item.lanes.filter { $0.units > 0 || $0.lines > 0 }
                .map { " pin \($0.pin?.text ?? "-") \($0.units) in \($0.lines)" }.joined()
            text += item.deficits.map { " deficit \($0.location) \($0.dispatchedAt.microseconds) \($0.units)" }.joined()
            if let settings = item.settings { text += " \(settings)" }
            result.append(text)
        }
        for supply in supplies { result.append("supply \(supply)") }
        for row in discrepancies { result.append("discrepancy \(row.discrepancy)") }
        return result
    }

    private func time(_ instant: Instant?) -> String { instant.map { "\($0.microseconds)" } ?? "-" }
}
