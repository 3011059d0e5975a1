public import InventoryCore

/// What must hold of every row, whatever keeps it. The databases say the same in their CHECKs.
public enum StoreInvariants {
    /// What is wrong with the order, or nil. Only the lines at these positions are looked at.
    public static func violation(in order: Order, lines positions: [Int]) -> String? {
        for position in positions {
            guard order.lines.indices.contains(position) else {
                return "order \(order.orderID): there is no line at position \(position)"
            }
            let line = order.lines[position]
            let kept = line.allocated + line.waiting + line.held + line.cancelled + line.refused
            // The bits of a negative number begin with 1, so one comparison answers for all of them.
            let signs = line.waiting | line.held | line.dispatched | line.cancelled | line.refused
            var areAllocationsWhole = true
            for entry in line.allocations where entry.units <= 0 || entry.requested < 0 || entry.requested > entry.units
            {
                areAllocationsWhole = false
            }
            if line.unplaced != 0 || signs < 0 || kept > line.ordered || kept + line.dispatched < line.ordered
                || !areAllocationsWhole
            {
                return """
                    order \(order.orderID), line \(line.lineID): the units do not add up (ordered \(line.ordered), \
                    allocated \(line.allocated), waiting \(line.waiting), held \(line.held), dispatched \
                    \(line.dispatched), cancelled \(line.cancelled), refused \(line.refused), unplaced \(line.unplaced))
                    """
            }
        }
        return nil
    }

    public static func violation(in stock: Stock, of sku: SKU) -> String? {
        if 0 <= stock.allocated, stock.allocated <= stock.onHand { return nil }
        return
            "stock of \(sku) at \(stock.location): allocated \(stock.allocated) is not within 0…\(stock.onHand) on hand"
    }

    public static func violation(in lane: WaitingLane, of sku: SKU) -> String? {
        if 0 <= lane.lines, lane.lines <= lane.units { return nil }
        return "queue of \(sku), pin \(lane.pin?.text ?? "none"): \(lane.units) units in \(lane.lines) lines"
    }

    public static func violation(in supply: Supply) -> String? {
        if 0 <= supply.outstanding, 0 <= supply.takenOver { return nil }
        return
            "supply \(supply.supplyID) of \(supply.sku): outstanding \(supply.outstanding), taken over \(supply.takenOver)"
    }
}
