internal import BackOrderStore
internal import InventoryCore

/// Writing what the decisions changed: only what is named, one statement for each table.
extension PostgresTransaction {
    static var linesOfAnOrder: Int { 65_536 }

    func apply(_ changes: Changes) throws {
        try changing { () throws(StoreError) in
            try makeIDs(changes.skusToKnow)
            try applyOrders(changes.orders)
            try applyItems(changes.items)
            try write(changes.supplies)
            try append(changes)
        }
    }

    // MARK: Orders

    private struct LineRow {
        var number: Int64
        var position: Int
        var line: OrderLine
        var lead: Int64
    }

    private func applyOrders(_ changes: [Changes.OrderChange]) throws(StoreError) {
        for change in changes {
            if let violation = StoreInvariants.violation(in: change.order, lines: change.lines) {
                throw StoreError(.corrupt, violation)
            }
        }
        let new = changes.filter(\.isNew)
        let old = changes.filter { !$0.isNew }
        try insert(new)
        if old.isEmpty { return }
        try learnNumbers(old.map(\.order.orderID))
        var heads = Parameters()
        heads.integers(old) { orderNumber[$0.order.orderID] }
        heads.booleans(old) { $0.order.isHeld }
        heads.integers(old) { $0.order.sequence }
        heads.integers(old) { $0.order.eventCount }
        heads.integers(old) { RowSum.of($0.order) }
        try post(
            .updateOrders, heads, expecting: (old.count, "an order that was changed is not in the books any more"))
        let lines = rows(old)
        if lines.isEmpty { return }
        var parameters = Parameters()
        parameters.integers(lines) { $0.number }
        parameters.integers(lines) { Int64($0.position) }
        addStates(of: lines, to: &parameters)
        try post(
            .updateLines, parameters, expecting: (lines.count, "a line that was changed is not in the books"))
    }

    private func rows(_ changes: [Changes.OrderChange]) -> [LineRow] {
        var rows: [LineRow] = []
        for change in changes {
            let number = orderNumber[change.order.orderID] ?? 0
            for position in change.lines {
                rows.append(
                    LineRow(number: number, position: position, line: change.order.lines[position], lead: change.lead))
            }
        }
        return rows
    }

    private func insert(_ new: [Changes.OrderChange]) throws(StoreError) {
        if new.isEmpty { return }
        for change in new
        where change.order.lines.count > Self.linesOfAnOrder || change.lines.count != change.order.lines.count {
            throw StoreError(
                .corrupt, "order \(change.order.orderID): new, but not all lines named, or too many of them")
        }
        try reserveNumbers(new.count)
        for change in new { orderNumber[change.order.orderID] = orderNumbers.removeFirst() }
        var heads = Parameters()
        heads.integers(new) { orderNumber[$0.order.orderID] }
        heads.texts(new) { $0.order.orderID.text }
        heads.integers(new) { $0.order.placedAt.microseconds }
        heads.texts(new) { $0.order.customer?.json }
        heads.texts(new) { $0.order.customer?.segment }
        heads.integers(new) { Int64($0.order.priority) }
        heads.integers(new) { $0.order.requestedBy?.microseconds }
        heads.texts(new) { $0.order.ship.rawValue }
        heads.texts(new) { $0.order.currency }
        heads.booleans(new) { $0.order.isHeld }
        heads.integers(new) { $0.order.sequence }
        heads.integers(new) { $0.order.eventCount }
        heads.integers(new) { RowSum.of($0.order) }
        try post(.insertOrders, heads)

        let orders = new.flatMap { change in change.order.lines.map { _ in change.order } }
        let lines = rows(new)
        if lines.isEmpty { return }
        var parameters = Parameters()
        parameters.integers(lines) { $0.number }
        parameters.integers(lines) { Int64($0.position) }
        addStates(of: lines, to: &parameters)
        parameters.texts(orders) { $0.orderID.text }
        parameters.texts(lines) { $0.line.lineID.text }
        parameters.integers(lines) { knownID($0.line.sku) }
        parameters.texts(lines) { $0.line.pin?.text ?? "" }
        parameters.integers(orders) { Int64(-$0.priority) }
        parameters.integers(orders) { $0.placedAt.microseconds }
        parameters.texts(lines) { $0.line.unitPrice }
        parameters.integers(lines) { $0.line.ordered }
        try post(.insertLines, parameters)
    }

    /// The columns that `insertLines` and `updateLines` share, in their order.
    private func addStates(of lines: [LineRow], to parameters: inout Parameters) {
        parameters.integers(lines) { $0.line.waiting }
        parameters.integers(lines) { $0.line.held }
        parameters.integers(lines) { $0.line.allocated }
        parameters.integers(lines) { $0.line.dispatched }
        parameters.integers(lines) { $0.line.cancelled }
        parameters.integers(lines) { $0.line.refused }
        parameters.texts(lines) { $0.line.allocations.isEmpty ? nil : AllocationColumn.encode($0.line.allocations) }
        parameters.integers(lines) { $0.line.firstPromisedAt?.microseconds }
        parameters.integers(lines) { $0.line.promisedAt?.microseconds }
        parameters.integers(lines) { $0.line.estimatedAt?.microseconds }
        parameters.integers(lines) { RowSum.of($0.line, at: $0.position) }
        parameters.integers(lines) { $0.lead }
    }

    /// Sees to it that so many numbers for new orders are at hand.
    func reserveNumbers(_ count: Int) throws(StoreError) {
        if orderNumbers.count >= count { return }
        var parameters = Parameters()
        parameters.add(Int64(max(count, 64)))
        let rows = try answer(.reserve, parameters)
        for row in 0..<rows.count { orderNumbers.append(rows.integer(row, 0)) }
    }

    /// The numbers of orders that must be there.
    func learnNumbers(_ orderIDs: [OrderID]) throws(StoreError) {
        let missing = orderIDs.filter { orderNumber[$0] == nil }
        if missing.isEmpty { return }
        var parameters = Parameters()
        parameters.texts(missing) { $0.text }
        let rows = try answer(.knownOrders, parameters)
        for row in 0..<rows.count { orderNumber[OrderID(rows.text(row, 0))] = rows.integer(row, 1) }
        for orderID in missing where orderNumber[orderID] == nil {
            throw StoreError(.corrupt, "order \(orderID) is not in the books, and was not said to be new")
        }
    }

    // MARK: Items

    private func applyItems(_ changes: [Changes.ItemChange]) throws(StoreError) {
        try writeHeads(changes.filter { $0.isNew || $0.headChanged })
        var stock: [(sku: SKU, stock: Stock)] = []
        var lanes: [(sku: SKU, lane: WaitingLane)] = []
        for change in changes {
            let sku = change.item.sku
            for index in change.stock {
                let entry = change.item.stock[index]
                if let violation = StoreInvariants.violation(in: entry, of: sku) {
                    throw StoreError(.corrupt, violation)
                }
                stock.append((sku, entry))
            }
            for index in change.lanes {
                let lane = change.item.lanes[index]
                if let violation = StoreInvariants.violation(in: lane, of: sku) {
                    throw StoreError(.corrupt, violation)
                }
                lanes.append((sku, lane))
            }
        }
        if !stock.isEmpty {
            var parameters = Parameters()
            parameters.integers(stock) { knownID($0.sku) }
            parameters.texts(stock) { $0.stock.location.text }
            parameters.integers(stock) { $0.stock.onHand }
            parameters.integers(stock) { $0.stock.allocated }
            parameters.integers(stock) { RowSum.of($0.stock, of: $0.sku) }
            try post(.writeStock, parameters)
        }
        if !lanes.isEmpty {
            var parameters = Parameters()
            parameters.integers(lanes) { knownID($0.sku) }
            parameters.texts(lanes) { $0.lane.pin?.text ?? "" }
            parameters.integers(lanes) { $0.lane.units }
            parameters.integers(lanes) { $0.lane.lines }
            try post(.writeLanes, parameters)
        }
        try writeDeficits(changes.filter(\.deficitsChanged))
    }

    private func writeHeads(_ changes: [Changes.ItemChange]) throws(StoreError) {
        if changes.isEmpty { return }
        var settings: [String?] = []
        for change in changes {
            var text: String?
            if let known = change.item.settings { text = try JSONColumn.encode(known) }
            settings.append(text)
        }
        let heads = Array(zip(changes, settings))
        var parameters = Parameters()
        parameters.integers(heads) { knownID($0.0.item.sku) }
        parameters.integers(heads) { $0.0.item.onOrder }
        parameters.integers(heads) { $0.0.item.reorderCount }
        parameters.texts(heads) { $0.1 }
        parameters.integers(heads) { $0.0.item.onOrderDated }
        parameters.booleans(heads) { $0.0.item.hasDates }
        parameters.integers(heads) { RowSum.of($0.0.item, settings: $0.1) }
        try post(.writeItems, parameters)
    }

    private func writeDeficits(_ changes: [Changes.ItemChange]) throws(StoreError) {
        if changes.isEmpty { return }
        var parameters = Parameters()
        parameters.integers(changes) { knownID($0.item.sku) }
        try post(.deleteDeficits, parameters)
        let rows = changes.flatMap { change in
            change.item.deficits.enumerated().map { (sku: change.item.sku, number: $0.offset, deficit: $0.element) }
        }
        if rows.isEmpty { return }
        parameters = Parameters()
        parameters.integers(rows) { knownID($0.sku) }
        parameters.integers(rows) { Int64($0.number) }
        parameters.texts(rows) { $0.deficit.location.text }
        parameters.integers(rows) { $0.deficit.dispatchedAt.microseconds }
        parameters.integers(rows) { $0.deficit.units }
        parameters.integers(rows) { RowSum.of($0.deficit, of: $0.sku) }
        try post(.insertDeficits, parameters)
    }

    // MARK: Supply

    private func write(_ supplies: [Supply]) throws(StoreError) {
        if supplies.isEmpty { return }
        for supply in supplies {
            if let violation = StoreInvariants.violation(in: supply) { throw StoreError(.corrupt, violation) }
        }
        var parameters = Parameters()
        parameters.texts(supplies) { $0.supplyID.text }
        parameters.integers(supplies) { knownID($0.sku) }
        parameters.texts(supplies) { $0.location.text }
        parameters.texts(supplies) { $0.kind.rawValue }
        parameters.texts(supplies) { $0.supplier?.text }
        parameters.integers(supplies) { $0.quantity }
        parameters.integers(supplies) { $0.outstanding }
        parameters.integers(supplies) { $0.expectedAt?.microseconds }
        parameters.integers(supplies) { $0.createdAt.microseconds }
        parameters.texts(supplies) { $0.reorderID?.text }
        parameters.integers(supplies) { $0.takenOver }
        parameters.integers(supplies) { $0.expeditedAt?.microseconds }
        parameters.booleans(supplies) { $0.isCancelled }
        parameters.integers(supplies) { RowSum.of($0) }
        try post(.writeSupplies, parameters)
    }
}

extension Changes {
    /// The SKUs of which a row will be written.
    fileprivate var skusToKnow: Set<SKU> {
        var skus: Set<SKU> = []
        for change in orders where change.isNew {
            for line in change.order.lines { skus.insert(line.sku) }
        }
        for change in items { skus.insert(change.item.sku) }
        for supply in supplies { skus.insert(supply.sku) }
        for entry in demand { skus.insert(entry.sku) }
        for mark in marks { skus.insert(mark.sku) }
        return skus
    }
}
