import InventoryCore
import MessageSchema

/// What must hold between the books before and after one input.
struct StepChecks {
    let before: Snapshot
    let after: Snapshot
    let rules: Rulebook
    let message: SimMessage
    let fail: (Failure.Check, String) -> Void

    /// A line that got units from a location.
    private struct Gain {
        var order: Order
        var position: Int
        var location: LocationID
    }

    func run() {
        for item in after.items where isChanged(item.sku) { checkServed(item.sku) }
        checkDates()
        if case .received(_, let lines, _) = message.knowledge.deed { checkHeld(Set(lines.map(\.sku))) }
        if rules.strategy == .fairShare { checkFairShare() }
    }

    private func isChanged(_ sku: SKU) -> Bool {
        guard let old = before.item(sku), let new = after.item(sku) else { return true }
        return old.stock != new.stock || old.lanes != new.lanes
    }

    // MARK: Precedence

    private func units(_ order: Order?, _ position: Int, _ location: LocationID) -> Units {
        guard let order, order.lines.indices.contains(position) else { return 0 }
        return order.lines[position].allocations.first { $0.location == location }?.units ?? 0
    }

    /// Whoever lost units in this input looks for others before the rest is given out.
    private func hasLost(_ order: Order, _ position: Int) -> Bool {
        guard let old = before.order(order.orderID) else { return false }
        return old.lines[position].allocations.contains {
            $0.units > units(order, position, $0.location)
        }
    }

    /// Under smallest-first: it stands elsewhere when the units are given out, because the input is about it or took
    /// units from it.
    private func hasMoved(_ order: Order) -> Bool {
        message.knowledge.deed.orderID == order.orderID || order.lines.indices.contains { hasLost(order, $0) }
    }

    /// Nobody is served who stands behind somebody that goes on waiting for the same units.
    private func checkServed(_ sku: SKU) {
        if rules.strategy == .fairShare { return }
        // Under smallest-first the places move with every SKU's turn; one SKU alone can be judged from outside.
        if rules.strategy == .smallestFirst, after.items.filter({ isChanged($0.sku) }).count > 1 { return }
        let refs = after.lines[sku] ?? []
        let waiting = refs.filter { after.orders[$0.order].lines[$0.position].waiting > 0 }
        if waiting.isEmpty { return }
        for ref in refs {
            let order = after.orders[ref.order]
            let line = order.lines[ref.position]
            for entry in line.allocations
            where entry.units > units(before.order(order.orderID), ref.position, entry.location) {
                if hasLost(order, ref.position) { continue }
                for other in waiting where other != ref {
                    let waits = after.orders[other.order]
                    let pin = waits.lines[other.position].pin
                    guard pin == nil || pin == entry.location else { continue }
                    if rules.strategy == .smallestFirst, hasMoved(waits) || hasMoved(order) { continue }
                    if precedes(waits, other.position, order, ref.position) {
                        fail(
                            .precedence,
                            "order \(order.orderID), line \(line.lineID) got units of \(sku) at \(entry.location), order "
                                + "\(waits.orderID), line \(waits.lines[other.position].lineID) goes first and waits")
                    }
                }
            }
        }
    }

    private func lead(_ order: Order) -> Int64 {
        switch rules.strategy {
        case .priority, .fairShare: return 0
        case .dueDate: return order.requestedBy?.microseconds ?? .max
        case .smallestFirst:
            let stood = before.order(order.orderID) ?? order
            return stood.lines.reduce(0) { $0 + $1.waiting }
        }
    }

    private func precedes(_ left: Order, _ leftPosition: Int, _ right: Order, _ rightPosition: Int) -> Bool {
        let (leftLead, rightLead) = (lead(left), lead(right))
        if leftLead != rightLead { return leftLead < rightLead }
        if left.priority != right.priority { return left.priority > right.priority }
        if left.placedAt != right.placedAt { return left.placedAt < right.placedAt }
        if left.orderID != right.orderID {
            return left.orderID.text.utf8.lexicographicallyPrecedes(right.orderID.text.utf8)
        }
        return leftPosition < rightPosition
    }

    /// A receipt leaves no held order that could be had whole.
    private func checkHeld(_ skus: Set<SKU>) {
        for order in after.orders
        where order.isHeld && order.lines.contains(where: { $0.held > 0 && skus.contains($0.sku) }) {
            var pinned: [StockModel.Place: Units] = [:]
            var wanted: [SKU: Units] = [:]
            for line in order.lines where line.held > 0 {
                wanted[line.sku, default: 0] += line.held
                if let pin = line.pin { pinned[.init(sku: line.sku, location: pin), default: 0] += line.held }
            }
            func available(_ sku: SKU, _ location: LocationID?) -> Units {
                (after.item(sku)?.stock ?? []).reduce(0) {
                    location == nil || $1.location == location ? $0 + $1.onHand - $1.allocated : $0
                }
            }
            if pinned.allSatisfy({ available($0.key.sku, $0.key.location) >= $0.value }),
                wanted.allSatisfy({ available($0.key, nil) >= $0.value })
            {
                fail(.precedence, "order \(order.orderID) stays held, though all its units are there")
            }
        }
    }

    /// One SKU came in, nobody is pinned, not all can be served: everybody's share is known.
    private func checkFairShare() {
        guard case .received(_, let lines, _) = message.knowledge.deed, let sku = lines.first?.sku,
            lines.allSatisfy({ $0.sku == sku }), let old = before.item(sku)
        else { return }
        var waiting: [(order: Order, position: Int, units: Units)] = []
        for ref in before.lines[sku] ?? [] {
            let line = before.orders[ref.order].lines[ref.position]
            if line.waiting == 0 { continue }
            if line.pin != nil { return }
            waiting.append((before.orders[ref.order], ref.position, line.waiting))
        }
        waiting.sort { precedes($0.order, $0.position, $1.order, $1.position) }
        let all = waiting.reduce(0) { $0 + $1.units }
        let given = all - (after.item(sku)?.lanes.reduce(0) { $0 + $1.units } ?? 0)
        if old.stock.contains(where: { $0.onHand > $0.allocated }) || given <= 0 || given >= all { return }
        var shares = waiting.map { $0.units * given / all }
        let rest = Int(given - shares.reduce(0, +))
        let byRemainder = waiting.indices.sorted { left, right in
            let (leftRest, rightRest) = (waiting[left].units * given % all, waiting[right].units * given % all)
            return leftRest != rightRest ? leftRest > rightRest : left < right
        }
        for index in byRemainder.prefix(rest) { shares[index] += 1 }
        for (entry, share) in zip(waiting, shares) {
            let now = after.order(entry.order.orderID)?.lines[entry.position].waiting ?? 0
            if entry.units - now != share {
                fail(
                    .precedence,
                    "order \(entry.order.orderID) got \(entry.units - now) of \(given) \(sku), its fair share is \(share)"
                )
            }
        }
    }

    // MARK: Dates

    private func checkDates() {
        for order in after.orders {
            guard let old = before.order(order.orderID) else { continue }
            for (line, was) in zip(order.lines, old.lines)
            where was.firstPromisedAt != nil && line.firstPromisedAt != was.firstPromisedAt {
                fail(.dates, "order \(order.orderID), line \(line.lineID): what was first promised has changed")
            }
        }
    }
}

/// A SKU whose position is at its reorder point was asked for.
struct ReorderChecks {
    let before: Snapshot
    let after: Snapshot
    let rules: Rulebook
    /// What item-updated said.
    let settings: [SKU: ItemSettings]
    let fail: (Failure.Check, String) -> Void

    func run() {
        for item in after.items {
            let old = before.item(item.sku) ?? Item(sku: item.sku)
            if old.stock == item.stock, old.lanes == item.lanes, old.onOrder == item.onOrder { continue }
            check(item)
        }
        for supply in after.supplies
        where supply.kind == .reorder && !before.supplies.contains(where: { $0.supplyID == supply.supplyID }) {
            checkNew(supply)
        }
    }

    private func reorder(_ sku: SKU) -> ReorderSettings? {
        if let own = settings[sku]?.reorder { return own }
        // In this world patterns are whole names or `*`.
        if let named = rules.items.first(where: { $0.pattern.text == sku.text })?.settings.reorder { return named }
        return rules.items.first { $0.pattern.text == "*" }?.settings.reorder
    }

    private func check(_ item: Item) {
        let numbers = reorder(item.sku)
        let point = numbers?.point ?? 0
        let upTo = numbers?.upTo ?? max(0, point)
        var position = item.onOrder
        for stock in item.stock { position += stock.onHand - stock.allocated }
        for lane in item.lanes { position -= lane.units }
        if position <= point, upTo - position > 0 {
            fail(.reorders, "\(item.sku): the position is \(position), the reorder point \(point), up to \(upTo)")
        }
    }

    private func checkNew(_ supply: Supply) {
        let numbers = reorder(supply.sku)
        if supply.quantity < numbers?.minimum ?? 0 || supply.quantity % (numbers?.multiple ?? 1) != 0 {
            fail(
                .reorders, "\(supply.supplyID): \(supply.quantity) units, the item says \(String(describing: numbers))")
        }
    }
}
