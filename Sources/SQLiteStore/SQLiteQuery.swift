/// Every statement that is prepared once and kept. A case's raw value is its place in the connection's table.
enum SQLiteQuery: Int, CaseIterable {
    case beginImmediate, beginDeferred, commit, rollback, userVersion
    case strategy, setStrategy
    case skuID, skuText, insertSKU
    case item, stock, lanes, deficits
    case writeItemHead, writeItemLane, writeStock, insertStock, writeLane, countLanes, deleteDeficits, insertDeficit
    case countDeficits
    case orderHead, orderLines, orderNumber, lineStates, insertOrder, updateOrder, insertLine, updateLine
    case updateLineQuietly
    case waitingFirst, waitingAfter, waitingLast, waitingBefore
    case allocatedLast, allocatedBefore, heldFirst, heldAfter
    case outstandingFirst, outstandingAfter, suppliesByID, suppliesTied, writeSupply
    case insertDiscrepancy, anyParked, parkedOf, parkedBefore, insertParked, deleteParked
    case inbox, insertInbox, deleteInbox, insertInboxBatch, oldInboxBatch, replaceInboxBatch, deleteInboxBatch
    case outstandingLast, insertEvent, addDemand, leadTimes, insertLeadTime, trimLeadTimes
    case mark, putMark, removeMark, marks, marksAfter, ordersToTell, addOrderToTell, removeOrderToTell
    case sweptThrough, setSweptThrough, passedPromises, passedSupply, nextPromise, nextSupply, leader, setLeader
    case auditedLines, events
    case suspect, putSuspect, removeSuspect, pruneSuspects
    case keepLease, pruneLeases, leases, lease, removeLease, freeOutbox, nextClaimant, outboxOf, claimSegment
    case appendOutbox, removeOutbox, replaceOutbox, outboxAfter

    private static let head = """
        order_no, order_id, placed_at, customer, segment, priority, requested_by, ship, currency, held, sequence, events
        """
    private static let line = """
        line_key, line_id, sku_id, pin, unit_price, ordered, waiting, held, allocated, dispatched, cancelled, refused, \
        allocations, first_promised_at, promised_at, estimated_at, lead
        """
    private static let supply = """
        supply_id, sku_id, location, kind, supplier, quantity, outstanding, expected_at, created_at, reorder_id, \
        taken_over, expedited_at, cancelled
        """
    private static let ascending = "ORDER BY lead, rank, placed_at, order_id, line_key"
    private static let descending = "ORDER BY lead DESC, rank DESC, placed_at DESC, order_id DESC, line_key DESC"

    private static func queue(_ units: String, _ condition: String, _ order: String) -> String {
        """
        SELECT lead, rank, placed_at, order_id, line_key, line_id, pin, \(units), promised_at, estimated_at
        FROM order_line WHERE \(condition) \(order)
        """
    }

    var sql: String {
        switch self {
        case .beginImmediate: "BEGIN IMMEDIATE"
        case .beginDeferred: "BEGIN"
        case .commit: "COMMIT"
        case .rollback: "ROLLBACK"
        case .userVersion: "PRAGMA user_version"
        case .strategy: "SELECT value FROM meta WHERE key = 'strategy'"
        case .setStrategy: "INSERT OR REPLACE INTO meta (key, value) VALUES ('strategy', ?1)"

        case .skuID: "SELECT sku_id FROM sku WHERE sku = ?1"
        case .skuText: "SELECT sku FROM sku WHERE sku_id = ?1"
        case .insertSKU: "INSERT INTO sku (sku) VALUES (?1)"

        case .item:
            """
            SELECT on_order, reorder_count, settings, waiting_units, waiting_lines, pins, deficits, on_order_dated, has_dates
            FROM item WHERE sku_id = ?1
            """
        case .stock: "SELECT location, on_hand, allocated FROM stock WHERE sku_id = ?1 ORDER BY location"
        case .lanes: "SELECT pin, units, lines FROM waiting_lane WHERE sku_id = ?1 ORDER BY pin"
        case .deficits: "SELECT location, dispatched_at, units FROM deficit WHERE sku_id = ?1 ORDER BY number"
        case .writeItemHead:
            """
            INSERT INTO item (sku_id, on_order, reorder_count, settings, on_order_dated, has_dates, sum)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            ON CONFLICT (sku_id) DO UPDATE SET
                on_order = ?2, reorder_count = ?3, settings = ?4, on_order_dated = ?5, has_dates = ?6, sum = ?7
            """
        case .writeItemLane: "UPDATE item SET waiting_units = ?2, waiting_lines = ?3 WHERE sku_id = ?1"
        case .writeStock: "UPDATE stock SET on_hand = ?3, allocated = ?4, sum = ?5 WHERE sku_id = ?1 AND location = ?2"
        case .insertStock: "INSERT INTO stock (sku_id, location, on_hand, allocated, sum) VALUES (?1, ?2, ?3, ?4, ?5)"
        case .writeLane: "INSERT OR REPLACE INTO waiting_lane (sku_id, pin, units, lines) VALUES (?1, ?2, ?3, ?4)"
        case .countLanes:
            "UPDATE item SET pins = (SELECT count(*) FROM waiting_lane WHERE sku_id = ?1) WHERE sku_id = ?1"
        case .deleteDeficits: "DELETE FROM deficit WHERE sku_id = ?1"
        case .insertDeficit:
            "INSERT INTO deficit (sku_id, number, location, dispatched_at, units, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
        case .countDeficits: "UPDATE item SET deficits = ?2 WHERE sku_id = ?1"

        case .orderHead: "SELECT \(Self.head) FROM orders WHERE order_id = ?1"
        case .orderLines: "SELECT \(Self.line) FROM order_line WHERE line_key BETWEEN ?1 AND ?2 ORDER BY line_key"
        case .orderNumber: "SELECT order_no FROM orders WHERE order_id = ?1"
        case .lineStates:
            "SELECT waiting, held, allocated, lead FROM order_line WHERE line_key BETWEEN ?1 AND ?2 ORDER BY line_key"
        case .insertOrder:
            """
            INSERT INTO orders (order_id, placed_at, customer, segment, priority, requested_by, ship, currency, held,
                sequence, events, sum)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
            """
        case .updateOrder: "UPDATE orders SET held = ?2, sequence = ?3, events = ?4, sum = ?5 WHERE order_no = ?1"
        case .insertLine:
            """
            INSERT INTO order_line (line_key, waiting, held, allocated, dispatched, cancelled, refused, allocations,
                first_promised_at, promised_at, estimated_at, sum, lead, order_id, line_id, sku_id, pin, rank, placed_at,
                unit_price, ordered)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
            """
        case .updateLine:
            """
            UPDATE order_line SET waiting = ?2, held = ?3, allocated = ?4, dispatched = ?5, cancelled = ?6, refused = ?7,
                allocations = ?8, first_promised_at = ?9, promised_at = ?10, estimated_at = ?11, sum = ?12, lead = ?13
            WHERE line_key = ?1
            """
        case .updateLineQuietly:
            """
            UPDATE order_line SET dispatched = ?5, cancelled = ?6, refused = ?7,
                allocations = ?8, first_promised_at = ?9, promised_at = ?10, estimated_at = ?11, sum = ?12
            WHERE line_key = ?1
            """

        case .waitingFirst: Self.queue("waiting", "sku_id = ?1 AND pin = ?2 AND waiting > 0", Self.ascending)
        case .waitingAfter:
            Self.queue(
                "waiting",
                "sku_id = ?1 AND pin = ?2 AND waiting > 0 AND (lead, rank, placed_at, order_id) >= (?3, ?4, ?5, ?6)",
                Self.ascending)
        case .waitingLast: Self.queue("waiting", "sku_id = ?1 AND pin = ?2 AND waiting > 0", Self.descending)
        case .waitingBefore:
            Self.queue(
                "waiting",
                "sku_id = ?1 AND pin = ?2 AND waiting > 0 AND (lead, rank, placed_at, order_id) <= (?3, ?4, ?5, ?6)",
                Self.descending)
        case .allocatedLast: Self.queue("allocated", "sku_id = ?1 AND allocated > 0", Self.descending)
        case .allocatedBefore:
            Self.queue(
                "allocated", "sku_id = ?1 AND allocated > 0 AND (lead, rank, placed_at, order_id) <= (?3, ?4, ?5, ?6)",
                Self.descending)
        case .heldFirst: Self.queue("held", "sku_id = ?1 AND held > 0", Self.ascending)
        case .heldAfter:
            Self.queue(
                "held", "sku_id = ?1 AND held > 0 AND (lead, rank, placed_at, order_id) >= (?3, ?4, ?5, ?6)",
                Self.ascending)

        case .outstandingFirst:
            """
            SELECT \(Self.supply) FROM supply WHERE sku_id = ?1 AND outstanding > 0
            ORDER BY ifnull(expected_at, 9223372036854775807), supply_id, location
            """
        case .outstandingAfter:
            """
            SELECT \(Self.supply) FROM supply WHERE sku_id = ?1 AND outstanding > 0
                AND ifnull(expected_at, 9223372036854775807) >= ?2
                AND (ifnull(expected_at, 9223372036854775807), supply_id, location) > (?2, ?3, ?4)
            ORDER BY ifnull(expected_at, 9223372036854775807), supply_id, location
            """
        case .outstandingLast:
            """
            SELECT \(Self.supply) FROM supply WHERE sku_id = ?1 AND outstanding > 0
                AND ifnull(expected_at, 9223372036854775807) <= ?2
                AND (ifnull(expected_at, 9223372036854775807), supply_id, location) < (?2, ?3, ?4)
            ORDER BY ifnull(expected_at, 9223372036854775807) DESC, supply_id DESC, location DESC
            """
        case .insertEvent: "INSERT INTO order_event (order_no, number, time, event) VALUES (?1, ?2, ?3, ?4)"
        case .addDemand:
            """
            INSERT INTO demand (sku_id, day, units, filled, back_ordered, held, refused, cancelled_waiting)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            ON CONFLICT (sku_id, day) DO UPDATE SET units = units + ?3, filled = filled + ?4,
                back_ordered = back_ordered + ?5, held = held + ?6, refused = refused + ?7,
                cancelled_waiting = cancelled_waiting + ?8
            """
        case .leadTimes: "SELECT microseconds FROM lead_time WHERE supplier = ?1 ORDER BY number DESC"
        case .insertLeadTime: "INSERT INTO lead_time (supplier, microseconds) VALUES (?1, ?2)"
        case .trimLeadTimes:
            """
            DELETE FROM lead_time WHERE supplier = ?1 AND number <= (
                SELECT number FROM lead_time WHERE supplier = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)
            """
        case .mark:
            """
            INSERT INTO sweep_mark (sku_id, changed_at) VALUES (?1, ?2)
            ON CONFLICT (sku_id) DO UPDATE SET changed_again_at = ?2 WHERE changed_again_at IS NULL
            """
        case .putMark:
            "INSERT OR REPLACE INTO sweep_mark (sku_id, changed_at, changed_again_at, cursor) VALUES (?1, ?2, ?3, ?4)"
        case .removeMark: "DELETE FROM sweep_mark WHERE sku_id = ?1"
        case .marks, .marksAfter:
            """
            SELECT sku.sku, changed_at, changed_again_at, cursor
            FROM sweep_mark CROSS JOIN sku ON sku.sku_id = sweep_mark.sku_id
            \(self == .marks ? "" : "WHERE sku.sku > ?1") ORDER BY sku.sku
            """
        case .ordersToTell: "SELECT order_id FROM sweep_order ORDER BY order_id"
        case .addOrderToTell: "INSERT OR IGNORE INTO sweep_order (order_id) VALUES (?1)"
        case .removeOrderToTell: "DELETE FROM sweep_order WHERE order_id = ?1"
        case .sweptThrough: "SELECT value FROM meta WHERE key = 'swept_through'"
        case .setSweptThrough: "INSERT OR REPLACE INTO meta (key, value) VALUES ('swept_through', ?1)"
        case .passedPromises:
            """
            SELECT sku_id, min(promised_at) FROM order_line
            WHERE waiting > 0 AND promised_at IS NOT NULL AND promised_at <= ?1
                AND NOT EXISTS (SELECT 1 FROM sweep_mark WHERE sweep_mark.sku_id = order_line.sku_id)
            GROUP BY sku_id
            """
        case .passedSupply:
            """
            SELECT sku_id, min(expected_at) FROM supply
            WHERE outstanding > 0 AND expected_at IS NOT NULL AND expected_at > ?1 AND expected_at <= ?2
                AND NOT EXISTS (SELECT 1 FROM sweep_mark WHERE sweep_mark.sku_id = supply.sku_id)
                AND EXISTS (SELECT 1 FROM order_line WHERE order_line.sku_id = supply.sku_id AND waiting > 0)
            GROUP BY sku_id
            """
        case .nextPromise:
            "SELECT min(promised_at) FROM order_line WHERE waiting > 0 AND promised_at IS NOT NULL"
        case .nextSupply:
            """
            SELECT min(expected_at) FROM supply
            WHERE outstanding > 0 AND expected_at IS NOT NULL AND expected_at > ?1 AND expected_at > created_at
            """
        case .auditedLines:
            """
            SELECT sum, line_key % 65536, line_id, order_id, rank, placed_at FROM order_line
            WHERE line_key BETWEEN ?1 AND ?2 ORDER BY line_key
            """
        case .events:
            """
            SELECT number, time, event FROM order_event
            WHERE order_no = (SELECT order_no FROM orders WHERE order_id = ?1) AND number > ?2 ORDER BY number
            """
        case .leader: "SELECT worker, until FROM leader"
        case .setLeader: "INSERT OR REPLACE INTO leader (one, worker, until) VALUES (1, ?1, ?2)"
        case .suppliesByID: "SELECT \(Self.supply) FROM supply WHERE supply_id = ?1"
        case .suppliesTied: "SELECT \(Self.supply) FROM supply WHERE reorder_id = ?1 AND kind = 'inbound'"
        case .writeSupply:
            "INSERT OR REPLACE INTO supply (\(Self.supply), sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"

        case .insertDiscrepancy:
            """
            INSERT INTO discrepancy (time, kind, sku, location, quantity, message_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            """
        case .anyParked: "SELECT EXISTS (SELECT 1 FROM parked)"
        case .parkedOf:
            "SELECT order_id, parked_at, message, original FROM parked WHERE order_id = ?1 ORDER BY message_id"
        case .parkedBefore:
            """
            SELECT order_id, parked_at, message, original FROM parked WHERE parked_at < ?1
            ORDER BY parked_at, order_id, message_id
            """
        case .insertParked:
            "INSERT OR REPLACE INTO parked (order_id, message_id, parked_at, message, original) VALUES (?1, ?2, ?3, ?4, ?5)"
        case .deleteParked: "DELETE FROM parked WHERE order_id = ?1 AND message_id = ?2"

        case .inbox: "SELECT content_high, content_low, received_at FROM inbox WHERE key_high = ?1 AND key_low = ?2"
        case .insertInbox:
            "INSERT INTO inbox (key_high, key_low, content_high, content_low, received_at) VALUES (?1, ?2, ?3, ?4, ?5)"
        case .deleteInbox: "DELETE FROM inbox WHERE key_high = ?1 AND key_low = ?2"
        case .insertInboxBatch: "INSERT INTO inbox_batch (received_at, keys) VALUES (?1, ?2)"
        case .oldInboxBatch:
            "SELECT number, keys FROM inbox_batch WHERE received_at < ?1 ORDER BY received_at, number LIMIT 1"
        case .replaceInboxBatch: "UPDATE inbox_batch SET keys = ?2 WHERE number = ?1"
        case .deleteInboxBatch: "DELETE FROM inbox_batch WHERE number = ?1"

        case .suspect:
            "SELECT batch, deaths, deaths_alone, at FROM suspect WHERE key_high = ?1 AND key_low = ?2"
        case .putSuspect:
            """
            INSERT OR REPLACE INTO suspect (key_high, key_low, batch, deaths, deaths_alone, at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            """
        case .removeSuspect: "DELETE FROM suspect WHERE key_high = ?1 AND key_low = ?2"
        case .pruneSuspects: "DELETE FROM suspect WHERE at < ?1"

        case .appendOutbox: "INSERT INTO outbox (created_at, message_count, messages, worker) VALUES (?1, ?2, ?3, ?4)"
        case .keepLease: "INSERT OR REPLACE INTO outbox_lease (worker, until) VALUES (?1, ?2)"
        case .pruneLeases: "DELETE FROM outbox_lease WHERE worker > '' AND until <= ?1 AND worker <> ?2"
        case .leases: "SELECT worker FROM outbox_lease WHERE worker > '' ORDER BY worker"
        case .lease: "SELECT until FROM outbox_lease WHERE worker = ?1"
        case .removeLease: "DELETE FROM outbox_lease WHERE worker = ?1"
        case .freeOutbox: "UPDATE outbox SET worker = NULL WHERE worker = ?1"
        case .nextClaimant: "SELECT worker FROM outbox WHERE worker > ?1 ORDER BY worker LIMIT 1"
        case .outboxOf: "SELECT segment, created_at, messages FROM outbox WHERE worker IS ?1 ORDER BY segment"
        case .claimSegment: "UPDATE outbox SET worker = ?2 WHERE segment = ?1"
        case .removeOutbox: "DELETE FROM outbox WHERE segment = ?1"
        case .replaceOutbox: "UPDATE outbox SET message_count = ?2, messages = ?3 WHERE segment = ?1"
        case .outboxAfter: "SELECT segment, created_at, messages FROM outbox WHERE segment > ?1 ORDER BY segment"
        }
    }
}
