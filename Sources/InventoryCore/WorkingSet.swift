/// The part of the books that a run of inputs touches, in memory, with its changes laid over what the store has.
///
/// Lives inside one transaction and on one thread. The decisions change it; `takeChanges()` says what is to be written.
/// What was loaded once is not asked again, so a whole batch is decided on one picture.
public final class WorkingSet {
    let reader: any LedgerReader
    let strategy: Strategy

    private var orders: [OrderID: OrderRecord] = [:]
    private var absentOrders: Set<OrderID> = []
    private var changedOrders: [OrderRecord] = []
    private var items: [SKU: ItemRecord] = [:]
    private var parkedByOrder: [OrderID: [ParkedMessage]] = [:]
    private var newlyParked: [ParkedMessage] = []
    private var unparked: [ParkedMessage] = []
    private var discrepancies: [Discrepancy] = []
    private var unjournaled: [OrderRecord] = []
    private var events: [OrderEvent] = []
    private var demand: [DemandKey: Demand] = [:]
    private var learnedLeadTimes: [LeadTime] = []
    private var leadTimesBySupplier: [SupplierID: [Int64]] = [:]
    private var marks: [SKU: Instant] = [:]
    /// Of the input in hand; judged when it ends.
    private var newMarks: [SKU: Instant] = [:]
    /// The time of the input in hand.
    var now = Instant(microseconds: 0)
    /// When a queue or supply changed first since this was asked last, whether it has dates or not.
    private var changedAt: Instant?
    /// The earliest date that was promised or expected since this was asked last.
    private var earliestDate: Instant?
    var knownSupplies: [SupplyRowKey: SupplyRecord] = [:]
    /// The same, by id and by the reorder that they are tied to: a batch may know many thousands.
    var suppliesByID: [SupplyID: [SupplyRecord]] = [:]
    var suppliesByReorder: [SupplyID: [SupplyRecord]] = [:]
    /// The rows of each supply id that was asked for whole.
    var suppliesLoadedByID: Set<SupplyID> = []

    public init(reader: any LedgerReader, strategy: Strategy) {
        self.reader = reader
        self.strategy = strategy
    }

    // MARK: Loading

    /// Loads in few questions what these inputs name; what they need beyond that is loaded when it is met.
    public func prefetch(_ inputs: [InputMessage]) throws {
        var orderIDs: Set<OrderID> = []
        var skus: Set<SKU> = []
        for message in inputs {
            switch message.input {
            case .orderPlaced(let placed):
                orderIDs.insert(placed.orderID)
                for line in placed.lines { skus.insert(line.sku) }
            case .stockReceived(let receipt):
                for line in receipt.lines { skus.insert(line.sku) }
            case .shipmentDispatched(let shipment): orderIDs.insert(shipment.orderID)
            case .orderCancelled(let cancelled): orderIDs.insert(cancelled.orderID)
            case .orderReleased(let released): orderIDs.insert(released.orderID)
            case .stockAdjusted(let adjusted):
                for line in adjusted.lines { skus.insert(line.sku) }
            case .inboundScheduled(let inbound):
                for line in inbound.lines { skus.insert(line.sku) }
            case .inboundCancelled: break
            case .itemUpdated(let updated): skus.insert(updated.sku)
            }
        }
        try loadOrders(orderIDs)
        for orderID in orderIDs {
            guard let record = orders[orderID] else { continue }
            for line in record.order.lines { skus.insert(line.sku) }
        }
        try loadItems(skus)
        try loadParked(orderIDs)
    }

    func loadOrders(_ wanted: some Sequence<OrderID>) throws {
        // An order that is named twice is loaded once: its lines stand in the queue once.
        let missing = Set(wanted.lazy.filter { [self] in orders[$0] == nil && !absentOrders.contains($0) }).sorted()
        if missing.isEmpty { return }
        for order in try reader.orders(missing) {
            let record = OrderRecord(order, isNew: false, lead: strategy.lead(of: order))
            orders[order.orderID] = record
            for position in order.lines.indices where order.lines[position].waiting > 0 {
                itemRecordForQueue(order.lines[position].sku).enqueue(entry(record, position))
            }
        }
        for orderID in missing where orders[orderID] == nil { absentOrders.insert(orderID) }
    }

    private func loadItems(_ wanted: some Sequence<SKU>) throws {
        let missing = wanted.filter { items[$0]?.isLoaded != true }.sorted()
        if missing.isEmpty { return }
        for item in try reader.items(missing) { itemRecordForQueue(item.sku).load(item, isNew: false) }
        for sku in missing {
            let record = itemRecordForQueue(sku)
            if !record.isLoaded { record.load(Item(sku: sku), isNew: true) }
        }
    }

    private func loadParked(_ wanted: some Sequence<OrderID>) throws {
        let missing = wanted.filter { parkedByOrder[$0] == nil }.sorted()
        if missing.isEmpty { return }
        for orderID in missing { parkedByOrder[orderID] = [] }
        for message in try reader.parkedMessages(missing) {
            parkedByOrder[message.orderID, default: []].append(message)
        }
    }

    /// The record that carries a SKU's queue; the item itself may not be loaded yet.
    private func itemRecordForQueue(_ sku: SKU) -> ItemRecord {
        if let record = items[sku] { return record }
        let record = ItemRecord(sku: sku)
        items[sku] = record
        return record
    }

    // MARK: Orders

    func order(_ orderID: OrderID) throws -> OrderRecord? {
        if let record = orders[orderID] { return record }
        if absentOrders.contains(orderID) { return nil }
        try loadOrders(CollectionOfOne(orderID))
        return orders[orderID]
    }

    func isLoaded(_ orderID: OrderID) -> Bool { orders[orderID] != nil }

    var loadedOrders: some Sequence<OrderRecord> { orders.values }

    func insert(_ order: Order) -> OrderRecord {
        let record = OrderRecord(order, isNew: true, lead: strategy.lead(of: order))
        orders[order.orderID] = record
        absentOrders.remove(order.orderID)
        markChanged(record)
        return record
    }

    func markChanged(_ record: OrderRecord, line position: Int? = nil) {
        if let position {
            record.changedLines[position] = true
            if !record.isUnjournaled {
                record.isUnjournaled = true
                unjournaled.append(record)
            }
        }
        if !record.isChanged {
            record.isChanged = true
            changedOrders.append(record)
        }
    }

    func entry(_ record: OrderRecord, _ position: Int) -> QueuedLine {
        let line = record.order.lines[position]
        return QueuedLine(
            key: key(record, position), lineID: line.lineID, pin: line.pin, units: line.waiting)
    }

    func key(_ record: OrderRecord, _ position: Int) -> PrecedenceKey {
        let order = record.order
        return PrecedenceKey(
            lead: record.lead, priority: order.priority, placedAt: order.placedAt, orderID: order.orderID,
            position: position)
    }

    // MARK: Items

    func item(_ sku: SKU) throws -> ItemRecord {
        if let record = items[sku], record.isLoaded { return record }
        try loadItems(CollectionOfOne(sku))
        return itemRecordForQueue(sku)
    }

    // MARK: Units, always moved in pairs so that lines and stock agree

    /// Gives the line available units of one location.
    func allocate(_ record: OrderRecord, _ position: Int, at location: LocationID, _ units: Units) throws {
        if units == 0 { return }
        let item = try item(record.order.lines[position].sku)
        item.changeStock(at: location) { $0.allocated += units }
        let index = record.order.lines[position].allocations.firstIndex { $0.location == location }
        if let index {
            record.order.lines[position].allocations[index].units += units
        } else {
            record.order.lines[position].allocations.append(Allocation(location: location, units: units))
        }
        markChanged(record, line: position)
    }

    /// Takes units of the line's allocation at one location, those that were not asked for first. Answers how many of
    /// them had been asked for.
    @discardableResult
    func deallocate(_ record: OrderRecord, _ position: Int, at location: LocationID, _ units: Units) throws -> Units {
        if units == 0 { return 0 }
        guard let index = record.order.lines[position].allocations.firstIndex(where: { $0.location == location })
        else { return 0 }
        let item = try item(record.order.lines[position].sku)
        item.changeStock(at: location) { $0.allocated -= units }
        var allocation = record.order.lines[position].allocations[index]
        let unasked = allocation.units - allocation.requested
        let asked = max(0, units - unasked)
        allocation.units -= units
        allocation.requested -= asked
        if allocation.units == 0 {
            record.order.lines[position].allocations.remove(at: index)
        } else {
            record.order.lines[position].allocations[index] = allocation
        }
        markChanged(record, line: position)
        return asked
    }

    /// Sets how many units of the line wait; keeps the lane's totals and the queue.
    func setWaiting(_ record: OrderRecord, _ position: Int, _ units: Units) throws {
        let line = record.order.lines[position]
        if line.waiting == units { return }
        let item = try item(line.sku)
        mark(line.sku)
        if line.waiting > 0 { item.dequeue(key(record, position)) }
        item.changeLane(
            pin: line.pin, units: units - line.waiting, lines: (units > 0 ? 1 : 0) - (line.waiting > 0 ? 1 : 0))
        record.order.lines[position].waiting = units
        markChanged(record, line: position)
        let lead = strategy.lead(of: record.order)
        if lead != record.lead {
            try moveInQueues(record, lead: lead, except: position)
        }
        if units > 0 { item.enqueue(entry(record, position)) }
    }

    /// Under smallest-first an order's place changes in every queue it stands in when one of its lines changes.
    private func moveInQueues(_ record: OrderRecord, lead: Int64, except position: Int) throws {
        let others = record.order.lines.indices.filter { $0 != position && record.order.lines[$0].waiting > 0 }
        for other in others {
            itemRecordForQueue(record.order.lines[other].sku).dequeue(key(record, other))
            markPlace(record.order.lines[other].sku)
        }
        record.lead = lead
        for other in record.order.lines.indices { markChanged(record, line: other) }
        for other in others { itemRecordForQueue(record.order.lines[other].sku).enqueue(entry(record, other)) }
    }

    // MARK: Parked messages, discrepancies

    func parked(_ orderID: OrderID) throws -> [ParkedMessage] {
        try loadParked(CollectionOfOne(orderID))
        return parkedByOrder[orderID] ?? []
    }

    func park(_ message: ParkedMessage) throws {
        try loadParked(CollectionOfOne(message.orderID))
        parkedByOrder[message.orderID, default: []].append(message)
        newlyParked.append(message)
    }

    /// Takes what is parked for an order out of its place.
    func takeParked(_ orderID: OrderID) throws -> [ParkedMessage] {
        let messages = try parked(orderID)
        if messages.isEmpty { return [] }
        parkedByOrder[orderID] = []
        for message in messages { remove(message) }
        return messages
    }

    /// A message whose time to wait is over.
    public func expire(_ message: ParkedMessage) {
        parkedByOrder[message.orderID]?.removeAll { $0.message.id == message.message.id }
        remove(message)
    }

    private func remove(_ message: ParkedMessage) {
        let index = newlyParked.firstIndex {
            $0.orderID == message.orderID && $0.message.id == message.message.id
        }
        if let index { newlyParked.remove(at: index) } else { unparked.append(message) }
    }

    func note(_ discrepancy: Discrepancy) { discrepancies.append(discrepancy) }

    // MARK: Journal

    /// Writes down what changed of orders since this was called last, as the doing of one message.
    func keepJournal(of origin: Origin) {
        for record in unjournaled {
            record.isUnjournaled = false
            let lines = record.takeLineChanges()
            if lines.isEmpty { continue }
            record.order.eventCount += 1
            markChanged(record)
            events.append(
                OrderEvent(
                    orderID: record.order.orderID, number: record.order.eventCount, time: now, cause: origin.id,
                    kind: origin.kind, lines: lines))
        }
        unjournaled.removeAll(keepingCapacity: true)
        settleMarks()
    }

    // MARK: Demand, lead times

    private struct DemandKey: Hashable {
        var sku: SKU
        var day: Int64
    }

    func addDemand(_ sku: SKU, of order: Order, _ change: (inout Demand) -> Void) {
        let day = order.placedAt.day
        change(&demand[DemandKey(sku: sku, day: day), default: Demand(sku: sku, day: day)])
    }

    func leadTimes(_ supplier: SupplierID) throws -> [Int64] {
        if let known = leadTimesBySupplier[supplier] { return known }
        let stored = try reader.leadTimes(supplier)
        leadTimesBySupplier[supplier] = stored
        return stored
    }

    func observe(_ leadTime: LeadTime) throws {
        _ = try leadTimes(leadTime.supplier)
        leadTimesBySupplier[leadTime.supplier]?.append(leadTime.microseconds)
        learnedLeadTimes.append(leadTime)
    }

    // MARK: What the sweep will look at

    /// The SKU's queue or supply changed.
    func mark(_ sku: SKU) {
        if newMarks[sku] == nil { newMarks[sku] = now }
        noteChange()
    }

    /// The SKU's queue changed by an order's place alone. Whether it has dates is not asked: it may not be loaded, and
    /// what is loaded depends on which inputs share the batch.
    private func markPlace(_ sku: SKU) {
        if marks[sku] == nil { marks[sku] = now }
        noteChange()
    }

    private func noteChange() {
        changedAt = changedAt.map { min($0, now) } ?? now
    }

    /// A date was promised or is expected. One that is over already passes no more: its SKU is marked now, that is all.
    func noteDate(_ date: Instant?) {
        guard let date, date > now else { return }
        earliestDate = earliestDate.map { min($0, date) } ?? date
    }

    /// Whether a SKU that has dates was marked.
    public var hasSweepMarks: Bool { !marks.isEmpty || newMarks.keys.contains { isToBeSwept($0) } }

    /// Without a date anywhere there is nothing that could have moved.
    private func isToBeSwept(_ sku: SKU) -> Bool {
        guard let record = items[sku] else { return false }
        return !record.isLoaded || record.item.hasDates || record.item.onOrderDated > 0
    }

    /// Judges the marks of one input by what it left behind, so that a batch leaves those that its inputs leave one by
    /// one.
    private func settleMarks() {
        for (sku, time) in newMarks where marks[sku] == nil && isToBeSwept(sku) { marks[sku] = time }
        newMarks.removeAll(keepingCapacity: true)
    }

    /// When a queue or supply changed first, and the earliest new date, since this was asked last.
    public func takeTimes() -> (changedAt: Instant?, earliestDate: Instant?) {
        defer { (changedAt, earliestDate) = (nil, nil) }
        return (changedAt, earliestDate)
    }

    // MARK: The result

    /// What was changed since this was asked last. The working set goes on from there.
    ///
    /// - Parameter isSorted: false: the caller sorts it, maybe on another thread.
    public func takeChanges(isSorted: Bool = true) -> Changes {
        var changes = Changes()
        for record in changedOrders {
            let lines = record.order.lines.indices.filter { record.isNew || record.changedLines[$0] }
            changes.orders.append(
                .init(order: record.order, isNew: record.isNew, lines: lines, lead: record.lead))
            record.settle()
        }
        changedOrders.removeAll(keepingCapacity: true)
        // Sorted as records: what they say is much larger to move about.
        var changedItems = items.values.filter(\.mayHaveChanged)
        if isSorted { changedItems.sort { $0.sku < $1.sku } }
        changes.items = changedItems.compactMap { $0.takeChange() }
        var changedSupplies = knownSupplies.values.filter(\.isChanged)
        if isSorted { changedSupplies.sort { Changes.precedes($0.supply, $1.supply) } }
        changes.supplies = changedSupplies.map { record in
            record.isChanged = false
            return record.supply
        }
        changes.discrepancies = discrepancies
        changes.parked = newlyParked
        changes.unparked = unparked
        changes.events = events
        changes.demand = Array(demand.values)
        changes.leadTimes = learnedLeadTimes
        settleMarks()
        for (sku, time) in marks { changes.marks.append(SweepMark(sku: sku, changedAt: time)) }
        if isSorted { changes.sortRest() }
        discrepancies = []
        newlyParked = []
        unparked = []
        events = []
        demand = [:]
        learnedLeadTimes = []
        marks = [:]
        return changes
    }
}
