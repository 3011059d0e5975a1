public import InventoryCore

/// A checksum that a database keeps in a row of the books, so that `verify` finds a value that was changed by hand or by
/// a fault, also where no rule of the books would notice (a price, a date, a customer).
///
/// It guards against accidents, not against an adversary: whoever may write rows may write sums. What can be worked out
/// anew (queue totals, the leading value of a line's precedence) is not in it.
public struct RowSum {
    private var state: UInt64 = 0xcbf2_9ce4_8422_2325

    private mutating func add(_ value: Int64) {
        state = (state ^ UInt64(bitPattern: value)) &* 0x9e37_79b9_7f4a_7c15
        state ^= state >> 29
    }

    private mutating func add(_ value: Int64?) {
        add(value == nil ? 0x5a5a : 1)
        if let value { add(value) }
    }

    private mutating func add(_ text: String?) {
        guard let text else { return add(Int64(-1)) }
        add(Int64(text.utf8.count))
        for byte in text.utf8 { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
        state ^= state >> 29
    }

    private var value: Int64 { Int64(bitPattern: state) }

    public static func of(_ order: Order) -> Int64 {
        var sum = RowSum()
        sum.add(order.orderID.text)
        sum.add(order.placedAt.microseconds)
        sum.add(order.customer?.json)
        sum.add(order.customer?.segment)
        sum.add(Int64(order.priority))
        sum.add(order.requestedBy?.microseconds)
        sum.add(order.ship.rawValue)
        sum.add(order.currency)
        sum.add(Int64(order.isHeld ? 1 : 0))
        sum.add(order.sequence)
        sum.add(order.eventCount)
        sum.add(Int64(order.lines.count))
        return sum.value
    }

    public static func of(_ line: OrderLine, at position: Int) -> Int64 {
        var sum = RowSum()
        sum.add(Int64(position))
        sum.add(line.lineID.text)
        sum.add(line.sku.text)
        sum.add(line.pin?.text)
        sum.add(line.unitPrice)
        sum.add(line.ordered)
        for entry in line.allocations {
            sum.add(entry.location.text)
            sum.add(entry.units)
            sum.add(entry.requested)
        }
        sum.add(line.waiting)
        sum.add(line.held)
        sum.add(line.dispatched)
        sum.add(line.cancelled)
        sum.add(line.refused)
        sum.add(line.firstPromisedAt?.microseconds)
        sum.add(line.promisedAt?.microseconds)
        sum.add(line.estimatedAt?.microseconds)
        return sum.value
    }

    public static func of(_ stock: Stock, of sku: SKU) -> Int64 {
        var sum = RowSum()
        sum.add(sku.text)
        sum.add(stock.location.text)
        sum.add(stock.onHand)
        sum.add(stock.allocated)
        return sum.value
    }

    public static func of(_ deficit: Deficit, of sku: SKU) -> Int64 {
        var sum = RowSum()
        sum.add(sku.text)
        sum.add(deficit.location.text)
        sum.add(deficit.dispatchedAt.microseconds)
        sum.add(deficit.units)
        return sum.value
    }

    /// Of an item's head: not its stock, queue totals and deficits. `settings`: as the store keeps them.
    public static func of(_ item: Item, settings: String?) -> Int64 {
        var sum = RowSum()
        sum.add(item.sku.text)
        sum.add(item.onOrder)
        sum.add(item.onOrderDated)
        sum.add(Int64(item.hasDates ? 1 : 0))
        sum.add(item.reorderCount)
        sum.add(settings)
        return sum.value
    }

    public static func of(_ supply: Supply) -> Int64 {
        var sum = RowSum()
        sum.add(supply.supplyID.text)
        sum.add(supply.kind.rawValue)
        sum.add(supply.sku.text)
        sum.add(supply.location.text)
        sum.add(supply.supplier?.text)
        sum.add(supply.quantity)
        sum.add(supply.outstanding)
        sum.add(supply.expectedAt?.microseconds)
        sum.add(supply.createdAt.microseconds)
        sum.add(supply.reorderID?.text)
        sum.add(supply.takenOver)
        sum.add(supply.expeditedAt?.microseconds)
        sum.add(Int64(supply.isCancelled ? 1 : 0))
        return sum.value
    }
}
