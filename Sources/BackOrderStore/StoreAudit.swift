internal import InventoryCore

/// Reads every row of the books and says what does not hold: the rules of semantics.md, the kept totals, and the sums
/// over rows. Works on one snapshot, also while workers run; memory grows with the number of SKUs, not of orders.
public struct StoreAudit {
    /// One rule that does not hold, in one line for a person.
    public struct Finding: Sendable, Equatable {
        /// The order, SKU or supply it is about.
        public var subject: String
        public var problem: String
    }

    public private(set) var findings: [Finding] = []
    /// How many more there were than are kept.
    public private(set) var findingsDropped = 0
    public private(set) var orders = 0
    public private(set) var items = 0
    public private(set) var supplies = 0

    private let store: any StoreQueries
    private let page: Int
    /// Of each order's journal, read together with those of its page; few have more.
    private let eventsTogether: Int
    private static let findingsKept = 10_000

    private struct LaneKey: Hashable {
        var sku: SKU
        var pin: LocationID?
    }

    private struct PlaceKey: Hashable {
        var sku: SKU
        var location: LocationID
    }

    private var allocated: [PlaceKey: Units] = [:]
    private var waiting: [LaneKey: (units: Units, lines: Int64)] = [:]
    private var hasDates: Set<SKU> = []
    private var outstanding: [SKU: (all: Units, dated: Units)] = [:]
    private var reorders: [SKU: Int64] = [:]
    private var strategy: Strategy?

    public init(_ store: any StoreQueries, page: Int = 500, eventsTogether: Int = 32) {
        self.store = store
        self.eventsTogether = eventsTogether
        self.page = page
    }

    /// - Parameter progress: told now and then how many orders were read.
    public mutating func run(progress: (_ orders: Int) -> Void = { _ in }) throws {
        strategy = try store.adoptedStrategy()
        try checkOrders(progress)
        try checkSupplies()
        try checkItems()
        for (key, units) in allocated where units != 0 {
            note("SKU \(key.sku)", "lines have \(units) units allocated at \(key.location), the stock knows of none")
        }
        for (key, lane) in waiting where lane.units != 0 {
            note("SKU \(key.sku)", "\(lane.units) units wait (pin \(pin(key.pin))) that the item does not count")
        }
        for (sku, units) in outstanding where units.all != 0 {
            note("SKU \(sku)", "\(units.all) units are outstanding that the item does not count as on order")
        }
        findings.sort { ($0.subject, $0.problem) < ($1.subject, $1.problem) }
    }

    private mutating func note(_ subject: String, _ problem: String) {
        if findings.count < Self.findingsKept {
            findings.append(Finding(subject: subject, problem: problem))
        } else {
            findingsDropped += 1
        }
    }

    private func pin(_ pin: LocationID?) -> String { pin?.text ?? "none" }

    // MARK: Orders

    private mutating func checkOrders(_ progress: (Int) -> Void) throws {
        var after: OrderID?
        while true {
            let rows = try store.auditOrders(after: after, limit: page)
            let journals = try store.firstEvents(
                of: rows.filter { $0.order.eventCount > 0 }.map(\.order.orderID), limit: eventsTogether)
            for row in rows { try check(row, journals[row.order.orderID] ?? []) }
            orders += rows.count
            progress(orders)
            guard rows.count == page, let last = rows.last else { return }
            after = last.order.orderID
        }
    }

    private mutating func check(_ row: AuditedOrder, _ firstEvents: [OrderEvent]) throws {
        let order = row.order
        let subject = "order \(order.orderID)"
        for fault in row.faults { note(subject, fault) }
        if let sum = row.sum, sum != RowSum.of(order) { note(subject, "its row was changed by something else") }
        if order.lines.isEmpty { note(subject, "it has no lines") }
        if !(0...9).contains(order.priority) { note(subject, "its priority is \(order.priority)") }
        if Set(order.lines.map(\.lineID)).count != order.lines.count { note(subject, "two lines have one line_id") }
        let held = order.lines.contains { $0.held > 0 }
        if held != order.isHeld {
            note(subject, order.isHeld ? "it is held, but none of its units are" : "units are held, but it is not")
        }
        for position in order.lines.indices {
            let line = order.lines[position]
            let name = "\(subject), line \(line.lineID)"
            if let violation = StoreInvariants.violation(in: order, lines: [position]) { note(name, violation) }
            if row.lineSums.indices.contains(position), let sum = row.lineSums[position],
                sum != RowSum.of(line, at: position)
            {
                note(name, "its row was changed by something else")
            }
            if row.allocated.indices.contains(position), row.allocated[position] != line.allocated {
                note(name, "allocated is \(row.allocated[position]), by location it is \(line.allocated)")
            }
            if let pin = line.pin, line.allocations.contains(where: { $0.location != pin }) {
                note(name, "it is pinned to \(pin), but has units elsewhere")
            }
            let isOpen = line.waiting > 0 || line.held > 0 || !line.allocations.isEmpty
            if isOpen, let strategy, row.leads.indices.contains(position),
                row.leads[position] != strategy.lead(of: order)
            {
                note(name, "its place in the queue is not where the strategy \(strategy.rawValue) puts it")
            }
            if order.isHeld, line.waiting > 0 || !line.allocations.isEmpty {
                note(name, "its order is held, but it waits or has stock")
            }
            add(line)
        }
        try checkJournal(order, firstEvents, subject)
    }

    private mutating func add(_ line: OrderLine) {
        for entry in line.allocations {
            allocated[PlaceKey(sku: line.sku, location: entry.location), default: 0] += entry.units
        }
        if line.waiting > 0 {
            var lane = waiting[LaneKey(sku: line.sku, pin: line.pin)] ?? (0, 0)
            lane.units += line.waiting
            lane.lines += 1
            waiting[LaneKey(sku: line.sku, pin: line.pin)] = lane
            if line.promisedAt != nil || line.estimatedAt != nil { hasDates.insert(line.sku) }
        }
    }

    /// What the journal says moved must add up to where the lines stand.
    private mutating func checkJournal(_ order: Order, _ firstEvents: [OrderEvent], _ subject: String) throws {
        // An order from before there were journals has none.
        if order.eventCount == 0 { return }
        var sums = order.lines.map { _ in OrderEvent.LineChange(position: 0) }
        var after: Int64 = 0
        var events = firstEvents
        var limit = eventsTogether
        while true {
            for event in events {
                if event.number != after + 1 { note(subject, "event \(after + 1) is missing in its journal") }
                after = event.number
                for line in event.lines where sums.indices.contains(line.position) {
                    sums[line.position].waiting += line.waiting
                    sums[line.position].held += line.held
                    sums[line.position].dispatched += line.dispatched
                    sums[line.position].cancelled += line.cancelled
                    sums[line.position].refused += line.refused
                    // One number is enough here: by location it is checked against the stock.
                    let moved = line.allocated.reduce(Units(0)) { $0 + $1.units }
                    sums[line.position].allocated = [
                        .init(location: "", units: (sums[line.position].allocated.first?.units ?? 0) + moved)
                    ]
                }
            }
            if events.count < limit { break }
            limit = page
            events = try store.events(of: order.orderID, after: after, limit: limit)
        }
        if after != order.eventCount { note(subject, "its journal ends at event \(after), not \(order.eventCount)") }
        for (line, sum) in zip(order.lines, sums) {
            let moved = sum.allocated.first?.units ?? 0
            if moved != line.allocated || sum.waiting != line.waiting || sum.held != line.held
                || sum.dispatched != line.dispatched || sum.cancelled != line.cancelled || sum.refused != line.refused
            {
                note("\(subject), line \(line.lineID)", "its journal does not add up to where it stands")
            }
        }
    }

    // MARK: Supply

    private mutating func checkSupplies() throws {
        var after: Supply?
        while true {
            let rows = try store.auditSupplies(after: after, limit: page)
            for row in rows { check(row) }
            supplies += rows.count
            guard rows.count == page, let last = rows.last else { return }
            after = last.supply
        }
    }

    private mutating func check(_ row: AuditedSupply) {
        let supply = row.supply
        let subject = "supply \(supply.supplyID) of \(supply.sku) at \(supply.location)"
        if let sum = row.sum, sum != RowSum.of(supply) { note(subject, "its row was changed by something else") }
        if let violation = StoreInvariants.violation(in: supply) { note(subject, violation) }
        if supply.quantity <= 0 { note(subject, "its quantity is \(supply.quantity)") }
        if supply.kind == .inbound, supply.outstanding > supply.quantity {
            note(subject, "\(supply.outstanding) are outstanding of \(supply.quantity)")
        }
        if supply.kind == .reorder, supply.takenOver != 0 || supply.reorderID != nil {
            note(subject, "it is a reorder, but tied to one")
        }
        if supply.isCancelled, supply.outstanding > 0 { note(subject, "it is cancelled, but units are outstanding") }
        if supply.kind == .reorder { reorders[supply.sku, default: 0] += 1 }
        if supply.outstanding > 0 {
            var sums = outstanding[supply.sku] ?? (0, 0)
            sums.all += supply.outstanding
            sums.dated += supply.datedOutstanding
            outstanding[supply.sku] = sums
        }
    }

    // MARK: Items

    private mutating func checkItems() throws {
        var after: SKU?
        while true {
            let rows = try store.auditItems(after: after, limit: page)
            for row in rows { check(row) }
            items += rows.count
            guard rows.count == page, let last = rows.last else { return }
            after = last.item.sku
        }
    }

    private mutating func check(_ row: AuditedItem) {
        let item = row.item
        let subject = "SKU \(item.sku)"
        for fault in row.faults { note(subject, fault) }
        if let sum = row.sum, sum != RowSum.of(item, settings: row.settings) {
            note(subject, "its item's row was changed by something else")
        }
        for (index, stock) in item.stock.enumerated() {
            if let violation = StoreInvariants.violation(in: stock, of: item.sku) { note(subject, violation) }
            if row.stockSums.indices.contains(index), let sum = row.stockSums[index],
                sum != RowSum.of(stock, of: item.sku)
            {
                note(subject, "its stock at \(stock.location) was changed by something else")
            }
            let lines = allocated.removeValue(forKey: PlaceKey(sku: item.sku, location: stock.location)) ?? 0
            if lines != stock.allocated {
                note(subject, "\(stock.allocated) units are allocated at \(stock.location), lines have \(lines)")
            }
        }
        for (index, deficit) in item.deficits.enumerated() {
            if deficit.units <= 0 { note(subject, "a deficit at \(deficit.location) is \(deficit.units)") }
            if row.deficitSums.indices.contains(index), let sum = row.deficitSums[index],
                sum != RowSum.of(deficit, of: item.sku)
            {
                note(subject, "its deficit at \(deficit.location) was changed by something else")
            }
        }
        for lane in item.lanes {
            if let violation = StoreInvariants.violation(in: lane, of: item.sku) { note(subject, violation) }
            let lines = waiting.removeValue(forKey: LaneKey(sku: item.sku, pin: lane.pin)) ?? (0, 0)
            if lines.units != lane.units || lines.lines != lane.lines {
                note(
                    subject,
                    "\(lane.units) units in \(lane.lines) lines wait (pin \(pin(lane.pin))), the lines say \(lines.units) in \(lines.lines)"
                )
            }
            checkWorkConserving(item, lane, subject)
        }
        let supply = outstanding.removeValue(forKey: item.sku) ?? (0, 0)
        if supply.all != item.onOrder {
            note(subject, "\(item.onOrder) units are on order, the supply says \(supply.all)")
        }
        if supply.dated != item.onOrderDated {
            note(subject, "\(item.onOrderDated) units on order have a date, the supply says \(supply.dated)")
        }
        if let made = reorders[item.sku], made > item.reorderCount {
            note(subject, "\(made) reorders are there, only \(item.reorderCount) were counted")
        }
        if hasDates.contains(item.sku), !item.hasDates {
            note(subject, "waiting lines have dates, but the item says none has: they would not be swept")
        }
    }

    /// No waiting unit could take a unit that is available to it.
    private mutating func checkWorkConserving(_ item: Item, _ lane: WaitingLane, _ subject: String) {
        if lane.units <= 0 { return }
        for stock in item.stock where stock.available > 0 && (lane.pin == nil || lane.pin == stock.location) {
            note(
                subject,
                "\(lane.units) units wait (pin \(pin(lane.pin))) while \(stock.available) are available at \(stock.location)"
            )
        }
    }
}
