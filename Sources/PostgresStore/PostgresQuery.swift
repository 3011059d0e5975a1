/// Every statement that is prepared once and kept. A case's raw value names it on the connection.
///
/// The rows of the SKUs in hand are found through a setting of the transaction that the locking statement leaves behind
/// (`backorderd.skus`): so locking and loading go in one round trip, though only the server knows which SKUs the orders
/// of a batch name.
enum PostgresQuery: Int, CaseIterable {
    case begin, beginReading, commit, rollback, version, commitCount, clock
    case strategy, setMeta, meta
    // Locks, in this order (decision 0013).
    case lockNames, addSKUs, lockSKUs, lockOrders
    case skuIDs, skuNames, reserve, takeInHand, takeOrderInHand
    case orderHeads, orderLines, knownOrders, knownLines
    case items, stock, lanes, deficits
    case inbox, parkedOf, parkedBefore
    case waitingFirst, waitingAfter, waitingLast, waitingBefore
    case allocatedLast, allocatedBefore, heldFirst, heldAfter
    case outstandingFirst, outstandingAfter, outstandingLast, outstandingBefore, suppliesByID, suppliesTied, leadTimes
    // What a batch will probably ask, for all of its SKUs at once.
    case waitingHeads, waitingTails, outstandingHeads, outstandingTails, reordersOfHeads, heldSKUs
    case insertOrders, updateOrders, insertLines, updateLines
    case writeItems, writeStock, writeLanes, deleteDeficits, insertDeficits, writeSupplies
    case insertDiscrepancies, insertParked, deleteParked, insertEvents, addDemand, insertLeadTimes, trimLeadTimes, mark
    case insertInbox, insertInboxBatch, oldInboxBatches, deleteInbox, deleteInboxBatches, replaceInboxBatch
    case nextSegment, appendOutbox, removeOutbox, replaceOutbox, outboxAfter
    case lockMarks, marks, putMark, removeMark, ordersToTell, addOrdersToTell, removeOrdersToTell
    case passedPromises, passedSupply, nextPromise, nextSupply, leader, setLeader
    case suspects, putSuspects, removeSuspects, pruneSuspects
    case keepLease, pruneLeases, leases, removeLease, freeOutbox, claimOutbox

    static let hand = "ANY (current_setting('backorderd.skus')::int8[])"
    static let ordersInHand = "ANY (current_setting('backorderd.orders')::int8[])"
    static let head = """
        o.order_no, o.order_id, o.placed_at, o.customer, o.segment, o.priority, o.requested_by, o.ship, o.currency, \
        o.held, o.sequence, o.events
        """
    static let line = """
        l.order_no, l.line_id, l.sku_id, l.pin, l.unit_price, l.ordered, l.waiting, l.held, l.allocated, l.dispatched, \
        l.cancelled, l.refused, l.allocations, l.first_promised_at, l.promised_at, l.estimated_at, l.lead, l.order_id
        """
    static let supply = """
        s.supply_id, s.sku_id, s.location, s.kind, s.supplier, s.quantity, s.outstanding, s.expected_at, s.created_at, \
        s.reorder_id, s.taken_over, s.expedited_at, s.cancelled
        """
    static let expected = "coalesce(s.expected_at, 9223372036854775807)"
    static let ascending = "ORDER BY lead, rank, placed_at, order_id, position"
    static let descending = "ORDER BY lead DESC, rank DESC, placed_at DESC, order_id DESC, position DESC"
    static let supplyAscending = "ORDER BY \(expected), s.supply_id, s.location"
    static let supplyDescending = "ORDER BY \(expected) DESC, s.supply_id DESC, s.location DESC"

    static func lines(_ units: String) -> String {
        "lead, rank, placed_at, order_id, position, line_id, pin, \(units), promised_at, estimated_at"
    }

    /// One lane of a queue from its first or last line, or from beyond a key.
    private static func queue(_ units: String, pinned: Bool, beyond comparison: String? = nil, _ order: String)
        -> String
    {
        let first = pinned ? 3 : 2
        var condition = "sku_id = $1::int8 AND \(units) > 0"
        if pinned { condition += " AND pin = $2::text" }
        if let comparison {
            condition += """
                 AND (lead, rank, placed_at, order_id, position) \(comparison) \
                ($\(first + 1)::int8, $\(first + 2)::int8, $\(first + 3)::int8, $\(first + 4)::text, $\(first + 5)::int8)
                """
        }
        return "SELECT \(lines(units)) FROM order_line WHERE \(condition) \(order) LIMIT $\(first)::int8"
    }

    private static func outstanding(beyond comparison: String? = nil, _ order: String) -> String {
        let condition =
            comparison.map { " AND (\(expected), s.supply_id, s.location) \($0) ($3::int8, $4::text, $5::text)" } ?? ""
        return """
            SELECT \(supply) FROM supply s WHERE s.sku_id = $1::int8 AND s.outstanding > 0\(condition) \(order)
            LIMIT $2::int8
            """
    }

    var sql: String {
        switch self {
        case .begin: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
        case .beginReading: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        case .commit: "COMMIT"
        case .rollback: "ROLLBACK"
        case .version: "SELECT version, oldest_program FROM schema_version"
        case .commitCount:
            """
            INSERT INTO worker_commit (worker, sequence, timeline) VALUES ($1::text, $2::int8, $3::int8)
            ON CONFLICT (worker) DO UPDATE SET sequence = $2::int8, timeline = $3::int8, seen_at = now()
            """
        case .clock: "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8"
        case .strategy: "SELECT value FROM meta WHERE key = 'strategy'"
        case .meta: "SELECT value FROM meta WHERE key = $1::text"
        case .setMeta:
            "INSERT INTO meta (key, value) VALUES ($1::text, $2::text) ON CONFLICT (key) DO UPDATE SET value = $2::text"
        case .lockNames, .addSKUs, .lockSKUs, .lockOrders, .skuIDs, .skuNames, .reserve, .takeInHand, .takeOrderInHand:
            lockingSQL
        case .orderHeads, .orderLines, .knownOrders, .knownLines, .items, .stock, .lanes, .deficits, .inbox,
            .parkedOf, .parkedBefore:
            loadingSQL
        case .waitingFirst: Self.queue("waiting", pinned: true, Self.ascending)
        case .waitingAfter: Self.queue("waiting", pinned: true, beyond: ">", Self.ascending)
        case .waitingLast: Self.queue("waiting", pinned: true, Self.descending)
        case .waitingBefore: Self.queue("waiting", pinned: true, beyond: "<", Self.descending)
        case .allocatedLast: Self.queue("allocated", pinned: false, Self.descending)
        case .allocatedBefore: Self.queue("allocated", pinned: false, beyond: "<", Self.descending)
        case .heldFirst: Self.queue("held", pinned: false, Self.ascending)
        case .heldAfter: Self.queue("held", pinned: false, beyond: ">", Self.ascending)
        case .outstandingFirst: Self.outstanding(Self.supplyAscending)
        case .outstandingAfter: Self.outstanding(beyond: ">", Self.supplyAscending)
        case .outstandingLast: Self.outstanding(Self.supplyDescending)
        case .outstandingBefore: Self.outstanding(beyond: "<", Self.supplyDescending)
        case .suppliesByID: "SELECT \(Self.supply) FROM supply s WHERE s.supply_id = ANY ($1::text[])"
        case .suppliesTied:
            "SELECT \(Self.supply) FROM supply s WHERE s.reorder_id = ANY ($1::text[]) AND s.kind = 'inbound'"
        case .leadTimes:
            """
            SELECT wanted.supplier, found.microseconds FROM unnest($1::text[]) AS wanted (supplier) CROSS JOIN LATERAL (
                SELECT microseconds FROM lead_time WHERE supplier = wanted.supplier ORDER BY number DESC LIMIT $2::int8
            ) AS found
            """
        case .waitingHeads, .waitingTails, .outstandingHeads, .outstandingTails, .reordersOfHeads, .heldSKUs: aheadSQL
        case .insertOrders, .updateOrders, .insertLines, .updateLines, .writeItems, .writeStock, .writeLanes,
            .deleteDeficits, .insertDeficits, .writeSupplies:
            writingSQL
        case .insertDiscrepancies, .insertParked, .deleteParked, .insertEvents, .addDemand, .insertLeadTimes,
            .trimLeadTimes, .mark:
            appendingSQL
        case .insertInbox, .insertInboxBatch, .oldInboxBatches, .deleteInbox, .deleteInboxBatches, .replaceInboxBatch,
            .nextSegment, .appendOutbox, .removeOutbox, .replaceOutbox, .outboxAfter:
            boxSQL
        case .lockMarks, .marks, .putMark, .removeMark, .ordersToTell, .addOrdersToTell, .removeOrdersToTell,
            .passedPromises, .passedSupply, .nextPromise, .nextSupply, .leader, .setLeader:
            sweepSQL
        case .suspects, .putSuspects, .removeSuspects, .pruneSuspects: suspectSQL
        case .keepLease, .pruneLeases, .leases, .removeLease, .freeOutbox, .claimOutbox: claimSQL
        }
    }
}
