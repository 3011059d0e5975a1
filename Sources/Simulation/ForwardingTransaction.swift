import BackOrderStore
import InventoryCore

/// A transaction that hands everything on; those that watch, fail or lie on purpose override what they need.
class ForwardingTransaction: StoreTransaction {
    let inner: any StoreTransaction

    init(_ inner: any StoreTransaction) { self.inner = inner }

    /// Told before every call.
    func called(_ name: StaticString) throws {}

    var lockWaitNanoseconds: Int64 { inner.lockWaitNanoseconds }

    func prepare(_ needs: BatchNeeds) throws {
        try called("prepare")
        try inner.prepare(needs)
    }
    func inbox(_ keys: [Digest128]) throws -> [Digest128: InboxRow] {
        try called("inbox")
        return try inner.inbox(keys)
    }
    func appendInbox(_ rows: [InboxRow]) throws {
        try called("appendInbox")
        try inner.appendInbox(rows)
    }
    func forgetInbox(_ keys: [Digest128]) throws {
        try called("forgetInbox")
        try inner.forgetInbox(keys)
    }
    func apply(_ changes: Changes) throws {
        try called("apply")
        try inner.apply(changes)
    }
    func appendOutbox(_ messages: [OutboxMessage], at time: Instant, worker: String?) throws -> OutboxSegmentID {
        try called("appendOutbox")
        return try inner.appendOutbox(messages, at: time, worker: worker)
    }
    func claimOutbox(worker: String, now: Instant, until: Instant, limit: Int) throws -> [OutboxSegment] {
        try called("claimOutbox")
        return try inner.claimOutbox(worker: worker, now: now, until: until, limit: limit)
    }
    func outboxWorkers() throws -> [String] {
        try called("outboxWorkers")
        return try inner.outboxWorkers()
    }
    func leaveOutbox(worker: String) throws {
        try called("leaveOutbox")
        try inner.leaveOutbox(worker: worker)
    }
    func removeOutbox(_ segments: [OutboxSegmentID]) throws {
        try called("removeOutbox")
        try inner.removeOutbox(segments)
    }
    func replaceOutbox(_ segment: OutboxSegmentID, with messages: [OutboxMessage]) throws {
        try called("replaceOutbox")
        try inner.replaceOutbox(segment, with: messages)
    }
    func outbox(after: OutboxSegmentID?, limit: Int) throws -> [OutboxSegment] {
        try called("outbox")
        return try inner.outbox(after: after, limit: limit)
    }
    func pruneInbox(before: Instant, limit: Int) throws -> Int {
        try called("pruneInbox")
        return try inner.pruneInbox(before: before, limit: limit)
    }
    func parkedMessages(before: Instant, limit: Int) throws -> [ParkedMessage] {
        try called("parkedMessages")
        return try inner.parkedMessages(before: before, limit: limit)
    }

    func suspects(_ keys: [Digest128]) throws -> [Digest128: Suspect] {
        try called("suspects")
        return try inner.suspects(keys)
    }
    func putSuspects(_ suspects: [Suspect]) throws {
        try called("putSuspects")
        try inner.putSuspects(suspects)
    }
    func removeSuspects(_ keys: [Digest128]) throws {
        try called("removeSuspects")
        try inner.removeSuspects(keys)
    }
    func pruneSuspects(before: Instant) throws {
        try called("pruneSuspects")
        try inner.pruneSuspects(before: before)
    }

    // MARK: The sweep's book

    func sweepMarks(after: SKU?, limit: Int) throws -> [SweepMark] {
        try called("sweepMarks")
        return try inner.sweepMarks(after: after, limit: limit)
    }
    func putSweepMark(_ mark: SweepMark) throws {
        try called("putSweepMark")
        try inner.putSweepMark(mark)
    }
    func removeSweepMark(_ sku: SKU) throws {
        try called("removeSweepMark")
        try inner.removeSweepMark(sku)
    }
    func ordersToTell(limit: Int) throws -> [OrderID] {
        try called("ordersToTell")
        return try inner.ordersToTell(limit: limit)
    }
    func addOrdersToTell(_ orderIDs: [OrderID]) throws {
        try called("addOrdersToTell")
        try inner.addOrdersToTell(orderIDs)
    }
    func removeOrdersToTell(_ orderIDs: [OrderID]) throws {
        try called("removeOrdersToTell")
        try inner.removeOrdersToTell(orderIDs)
    }
    func sweptThrough() throws -> Instant {
        try called("sweptThrough")
        return try inner.sweptThrough()
    }
    func setSweptThrough(_ time: Instant) throws {
        try called("setSweptThrough")
        try inner.setSweptThrough(time)
    }
    func passedDates(since: Instant, through: Instant, limit: Int) throws -> [(sku: SKU, date: Instant)] {
        try called("passedDates")
        return try inner.passedDates(since: since, through: through, limit: limit)
    }
    func nextDate(since: Instant) throws -> Instant? {
        try called("nextDate")
        return try inner.nextDate(since: since)
    }
    func lead(worker: String, now: Instant, until: Instant) throws -> Bool {
        try called("lead")
        return try inner.lead(worker: worker, now: now, until: until)
    }

    // MARK: The ledger

    func orders(_ orderIDs: [OrderID]) throws -> [Order] {
        try called("orders")
        return try inner.orders(orderIDs)
    }
    func items(_ skus: [SKU]) throws -> [Item] {
        try called("items")
        return try inner.items(skus)
    }
    func waitingLines(sku: SKU, pin: LocationID?, after: PrecedenceKey?, limit: Int) throws -> [QueuedLine] {
        try called("waitingLines")
        return try inner.waitingLines(sku: sku, pin: pin, after: after, limit: limit)
    }
    func waitingLinesFromLast(sku: SKU, pin: LocationID?, before: PrecedenceKey?, limit: Int) throws -> [QueuedLine] {
        try called("waitingLinesFromLast")
        return try inner.waitingLinesFromLast(sku: sku, pin: pin, before: before, limit: limit)
    }
    func allocatedLinesFromLast(sku: SKU, before: PrecedenceKey?, limit: Int) throws -> [QueuedLine] {
        try called("allocatedLinesFromLast")
        return try inner.allocatedLinesFromLast(sku: sku, before: before, limit: limit)
    }
    func heldLines(sku: SKU, after: PrecedenceKey?, limit: Int) throws -> [QueuedLine] {
        try called("heldLines")
        return try inner.heldLines(sku: sku, after: after, limit: limit)
    }
    func leadTimes(_ supplier: SupplierID) throws -> [Int64] {
        try called("leadTimes")
        return try inner.leadTimes(supplier)
    }
    func supplies(_ supplyIDs: [SupplyID]) throws -> [Supply] {
        try called("supplies")
        return try inner.supplies(supplyIDs)
    }
    func inbounds(tiedTo reorderIDs: [SupplyID]) throws -> [Supply] {
        try called("inbounds")
        return try inner.inbounds(tiedTo: reorderIDs)
    }
    func parkedMessages(_ orderIDs: [OrderID]) throws -> [ParkedMessage] {
        try called("parkedMessages of orders")
        return try inner.parkedMessages(orderIDs)
    }
    func outstandingSupplies(sku: SKU, after: SupplyKey?, limit: Int) throws -> [Supply] {
        try called("outstandingSupplies")
        return try inner.outstandingSupplies(sku: sku, after: after, limit: limit)
    }
    func outstandingSuppliesFromLast(sku: SKU, before: SupplyKey?, limit: Int) throws -> [Supply] {
        try called("outstandingSuppliesFromLast")
        return try inner.outstandingSuppliesFromLast(sku: sku, before: before, limit: limit)
    }
}
