import BackOrderStore
import InventoryCore

/// What must hold of the rows after every input, whatever it was.
struct RowChecks {
    let snapshot: Snapshot
    let fail: (Failure.Check, String) -> Void

    func run() {
        var allocated: [StockModel.Place: Units] = [:]
        var overShipped: [SKU: Units] = [:]
        for order in snapshot.orders {
            check(order)
            for line in order.lines {
                for entry in line.allocations {
                    allocated[.init(sku: line.sku, location: entry.location), default: 0] += entry.units
                }
                let sum = line.allocated + line.waiting + line.held + line.dispatched + line.cancelled + line.refused
                if sum != line.ordered { overShipped[line.sku, default: 0] += sum - line.ordered }
            }
        }
        for row in snapshot.discrepancies where row.discrepancy.kind == .overShipment {
            overShipped[row.discrepancy.sku, default: 0] -= row.discrepancy.quantity
        }
        for sku in overShipped.keys.sorted() where overShipped[sku] != 0 {
            fail(
                .lineSums,
                "SKU \(sku): lines pass what was ordered by \(overShipped[sku] ?? 0) more than discrepancies say")
        }
        for item in snapshot.items { check(item, &allocated) }
        for place in allocated.keys.sorted() where allocated[place] != 0 {
            fail(
                .allocated, "\(place.sku) at \(place.location): lines have \(allocated[place] ?? 0) units, no stock has"
            )
        }
    }

    private func check(_ order: Order) {
        for line in order.lines {
            let name = "order \(order.orderID), line \(line.lineID)"
            let kept = line.allocated + line.waiting + line.held + line.cancelled + line.refused
            let parts = [line.waiting, line.held, line.dispatched, line.cancelled, line.refused]
            if parts.contains(where: { $0 < 0 }) || kept > line.ordered || kept + line.dispatched < line.ordered {
                fail(.lineSums, "\(name): \(line)")
            }
            for entry in line.allocations {
                if entry.units <= 0 || (line.pin != nil && line.pin != entry.location) {
                    fail(.allocated, "\(name): \(entry)")
                }
                // What a `complete` order has is asked for when nothing of it waits; a `partial` one's at once.
                let isReady = order.ship == .partial || !order.lines.contains { $0.waiting > 0 }
                if entry.requested < 0 || entry.requested > entry.units || (isReady && entry.requested != entry.units) {
                    fail(.fulfilment, "\(name) (\(order.ship)): \(entry)")
                }
            }
            if order.isHeld, line.waiting > 0 || !line.allocations.isEmpty {
                fail(.lineSums, "\(name): its order is held")
            }
            if !order.isHeld, line.held > 0 { fail(.lineSums, "\(name): units are held, the order is not") }
        }
    }

    private func check(_ item: Item, _ allocated: inout [StockModel.Place: Units]) {
        for stock in item.stock {
            if stock.allocated < 0 || stock.allocated > stock.onHand {
                fail(.allocated, "\(item.sku) at \(stock.location): \(stock.allocated) of \(stock.onHand)")
            }
            let place = StockModel.Place(sku: item.sku, location: stock.location)
            let lines = allocated.removeValue(forKey: place) ?? 0
            if lines != stock.allocated {
                fail(.allocated, "\(item.sku) at \(stock.location): \(stock.allocated), lines have \(lines)")
            }
        }
        var waiting: [LocationID?: (units: Units, lines: Int64)] = [:]
        for ref in snapshot.lines[item.sku] ?? [] {
            let order = snapshot.orders[ref.order]
            let line = order.lines[ref.position]
            if line.waiting == 0 { continue }
            waiting[line.pin, default: (0, 0)].units += line.waiting
            waiting[line.pin, default: (0, 0)].lines += 1
            for stock in item.stock
            where stock.onHand > stock.allocated && (line.pin == nil || line.pin == stock.location) {
                fail(
                    .workConserving,
                    "order \(order.orderID), line \(line.lineID) waits for \(line.waiting) of \(item.sku) while "
                        + "\(stock.onHand - stock.allocated) are available at \(stock.location)")
            }
        }
        for lane in item.lanes {
            let found = waiting.removeValue(forKey: lane.pin) ?? (0, 0)
            if found.units != lane.units || found.lines != lane.lines {
                fail(.lanes, "\(item.sku) pin \(lane.pin?.text ?? "-"): \(lane), the lines say \(found)")
            }
        }
        if !waiting.isEmpty { fail(.lanes, "\(item.sku): lines wait that no lane counts") }
        var outstanding: Units = 0
        for supply in snapshot.supplies where supply.sku == item.sku { outstanding += supply.outstanding }
        if outstanding != item.onOrder {
            fail(.onOrder, "\(item.sku): \(item.onOrder) on order, outstanding supply is \(outstanding)")
        }
        for supply in snapshot.supplies where supply.sku == item.sku && supply.outstanding < 0 {
            fail(.onOrder, "\(supply)")
        }
    }
}
