/// Writing: one statement for all rows of a table, each column an array.
extension PostgresQuery {
    var writingSQL: String {
        switch self {
        case .insertOrders:
            """
            INSERT INTO orders (order_no, order_id, placed_at, customer, segment, priority, requested_by, ship, currency,
                held, sequence, events, sum)
            SELECT * FROM unnest($1::int8[], $2::text[], $3::int8[], $4::text[], $5::text[], $6::int8[], $7::int8[],
                $8::text[], $9::text[], $10::bool[], $11::int8[], $12::int8[], $13::int8[])
            """
        case .updateOrders:
            """
            UPDATE orders o SET held = u.held, sequence = u.sequence, events = u.events, sum = u.sum
            FROM unnest($1::int8[], $2::bool[], $3::int8[], $4::int8[], $5::int8[])
                AS u (order_no, held, sequence, events, sum)
            WHERE o.order_no = u.order_no
            """
        case .insertLines:
            """
            INSERT INTO order_line (order_no, position, waiting, held, allocated, dispatched, cancelled, refused,
                allocations, first_promised_at, promised_at, estimated_at, sum, lead, order_id, line_id, sku_id, pin,
                rank, placed_at, unit_price, ordered)
            SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[],
                $8::int8[], $9::text[], $10::int8[], $11::int8[], $12::int8[], $13::int8[], $14::int8[], $15::text[],
                $16::text[], $17::int8[], $18::text[], $19::int8[], $20::int8[], $21::text[], $22::int8[])
            """
        case .updateLines:
            // Index entries are made anew only where one of their columns changed: PostgreSQL compares.
            """
            UPDATE order_line l SET waiting = u.waiting, held = u.held, allocated = u.allocated,
                dispatched = u.dispatched, cancelled = u.cancelled, refused = u.refused, allocations = u.allocations,
                first_promised_at = u.first_promised_at, promised_at = u.promised_at, estimated_at = u.estimated_at,
                sum = u.sum, lead = u.lead
            FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int8[],
                $9::text[], $10::int8[], $11::int8[], $12::int8[], $13::int8[], $14::int8[])
                AS u (order_no, position, waiting, held, allocated, dispatched, cancelled, refused, allocations,
                    first_promised_at, promised_at, estimated_at, sum, lead)
            WHERE l.order_no = u.order_no AND l.position = u.position
            """
        case .writeItems:
            """
            INSERT INTO item (sku_id, on_order, reorder_count, settings, on_order_dated, has_dates, sum)
            SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::text[], $5::int8[], $6::bool[], $7::int8[])
            ON CONFLICT (sku_id) DO UPDATE SET on_order = excluded.on_order, reorder_count = excluded.reorder_count,
                settings = excluded.settings, on_order_dated = excluded.on_order_dated,
                has_dates = excluded.has_dates, sum = excluded.sum
            """
        case .writeStock:
            """
            INSERT INTO stock (sku_id, location, on_hand, allocated, sum)
            SELECT * FROM unnest($1::int8[], $2::text[], $3::int8[], $4::int8[], $5::int8[])
            ON CONFLICT (sku_id, location) DO UPDATE SET on_hand = excluded.on_hand, allocated = excluded.allocated,
                sum = excluded.sum
            """
        case .writeLanes:
            """
            INSERT INTO waiting_lane (sku_id, pin, units, lines)
            SELECT * FROM unnest($1::int8[], $2::text[], $3::int8[], $4::int8[])
            ON CONFLICT (sku_id, pin) DO UPDATE SET units = excluded.units, lines = excluded.lines
            """
        case .deleteDeficits: "DELETE FROM deficit WHERE sku_id = ANY ($1::int8[])"
        case .insertDeficits:
            """
            INSERT INTO deficit (sku_id, number, location, dispatched_at, units, sum)
            SELECT * FROM unnest($1::int8[], $2::int8[], $3::text[], $4::int8[], $5::int8[], $6::int8[])
            """
        case .writeSupplies:
            """
            INSERT INTO supply (supply_id, sku_id, location, kind, supplier, quantity, outstanding, expected_at,
                created_at, reorder_id, taken_over, expedited_at, cancelled, sum)
            SELECT * FROM unnest($1::text[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::int8[], $7::int8[],
                $8::int8[], $9::int8[], $10::text[], $11::int8[], $12::int8[], $13::bool[], $14::int8[])
            ON CONFLICT (supply_id, sku_id, location) DO UPDATE SET kind = excluded.kind,
                supplier = excluded.supplier, quantity = excluded.quantity, outstanding = excluded.outstanding,
                expected_at = excluded.expected_at, created_at = excluded.created_at,
                reorder_id = excluded.reorder_id, taken_over = excluded.taken_over,
                expedited_at = excluded.expedited_at, cancelled = excluded.cancelled, sum = excluded.sum
            """
        default: ""
        }
    }

    var appendingSQL: String {
        switch self {
        case .insertDiscrepancies:
            """
            INSERT INTO discrepancy (time, kind, sku, location, quantity, message_id)
            SELECT * FROM unnest($1::int8[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::text[])
            """
        case .insertParked:
            """
            INSERT INTO parked (order_id, message_id, parked_at, message, original)
            SELECT * FROM unnest($1::text[], $2::text[], $3::int8[], $4::text[], $5::bytea[])
            ON CONFLICT (order_id, message_id) DO UPDATE SET parked_at = excluded.parked_at,
                message = excluded.message, original = excluded.original
            """
        case .deleteParked:
            """
            DELETE FROM parked p USING unnest($1::text[], $2::text[]) AS gone (order_id, message_id)
            WHERE p.order_id = gone.order_id AND p.message_id = gone.message_id
            """
        case .insertEvents:
            """
            INSERT INTO order_event (order_no, number, time, event)
            SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::bytea[])
            """
        case .addDemand:
            """
            INSERT INTO demand AS d (sku_id, day, units, filled, back_ordered, held, refused, cancelled_waiting)
            SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[],
                $8::int8[])
            ON CONFLICT (sku_id, day) DO UPDATE SET units = d.units + excluded.units,
                filled = d.filled + excluded.filled, back_ordered = d.back_ordered + excluded.back_ordered,
                held = d.held + excluded.held, refused = d.refused + excluded.refused,
                cancelled_waiting = d.cancelled_waiting + excluded.cancelled_waiting
            """
        case .insertLeadTimes:
            """
            INSERT INTO lead_time (supplier, microseconds)
            SELECT supplier, microseconds FROM unnest($1::text[], $2::int8[]) WITH ORDINALITY
                AS learned (supplier, microseconds, number) ORDER BY number
            """
        case .trimLeadTimes:
            """
            DELETE FROM lead_time old USING unnest($1::text[]) AS of (supplier)
            WHERE old.supplier = of.supplier AND old.number <= (
                SELECT number FROM lead_time newer WHERE newer.supplier = of.supplier
                ORDER BY number DESC OFFSET $2::int8 LIMIT 1)
            """
        case .mark:
            """
            INSERT INTO sweep_mark AS m (sku_id, changed_at) SELECT * FROM unnest($1::int8[], $2::int8[])
            ON CONFLICT (sku_id) DO UPDATE SET changed_again_at = excluded.changed_at
            WHERE m.changed_again_at IS NULL
            """
        default: ""
        }
    }

    var boxSQL: String {
        switch self {
        case .insertInbox:
            "INSERT INTO inbox (key, content, received_at) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int8[])"
        case .insertInboxBatch: "INSERT INTO inbox_batch (received_at, keys) VALUES ($1::int8, $2::uuid[])"
        case .oldInboxBatches:
            """
            SELECT number, keys FROM inbox_batch WHERE received_at < $1::int8
            ORDER BY received_at, number LIMIT $2::int8 FOR UPDATE SKIP LOCKED
            """
        case .deleteInbox: "DELETE FROM inbox WHERE key = ANY ($1::uuid[])"
        case .deleteInboxBatches: "DELETE FROM inbox_batch WHERE number = ANY ($1::int8[])"
        case .replaceInboxBatch: "UPDATE inbox_batch SET keys = $2::uuid[] WHERE number = $1::int8"
        case .nextSegment: "SELECT nextval('outbox_segment')"
        case .appendOutbox:
            """
            INSERT INTO outbox (segment, created_at, message_count, messages, worker)
            VALUES ($1::int8, $2::int8, $3::int8, $4::bytea, $5::text)
            """
        case .removeOutbox: "DELETE FROM outbox WHERE segment = ANY ($1::int8[])"
        case .replaceOutbox: "UPDATE outbox SET message_count = $2::int8, messages = $3::bytea WHERE segment = $1::int8"
        case .outboxAfter:
            """
            SELECT segment, created_at, messages FROM outbox WHERE segment > $1::int8 ORDER BY segment LIMIT $2::int8
            """
        default: ""
        }
    }

    var sweepSQL: String {
        switch self {
        case .lockMarks:
            // Who changes a SKU's queue holds its row while it marks it.
            """
            SELECT FROM sku WHERE sku_id IN (
                SELECT m.sku_id FROM sweep_mark m JOIN sku ON sku.sku_id = m.sku_id
                WHERE $1::text IS NULL OR sku.sku > $1::text ORDER BY sku.sku LIMIT $2::int8)
            ORDER BY sku FOR UPDATE
            """
        case .marks:
            """
            SELECT sku.sku, m.changed_at, m.changed_again_at, m.cursor
            FROM sweep_mark m JOIN sku ON sku.sku_id = m.sku_id
            WHERE $1::text IS NULL OR sku.sku > $1::text ORDER BY sku.sku LIMIT $2::int8
            """
        case .putMark:
            """
            INSERT INTO sweep_mark (sku_id, changed_at, changed_again_at, cursor)
            VALUES ($1::int8, $2::int8, $3::int8, $4::text)
            ON CONFLICT (sku_id) DO UPDATE SET changed_at = excluded.changed_at,
                changed_again_at = excluded.changed_again_at, cursor = excluded.cursor
            """
        case .removeMark: "DELETE FROM sweep_mark WHERE sku_id = $1::int8"
        case .ordersToTell: "SELECT order_id FROM sweep_order ORDER BY order_id LIMIT $1::int8"
        case .addOrdersToTell:
            """
            INSERT INTO sweep_order (order_id) SELECT DISTINCT id COLLATE "C" FROM unnest($1::text[]) AS id
            ON CONFLICT DO NOTHING
            """
        case .removeOrdersToTell: "DELETE FROM sweep_order WHERE order_id = ANY ($1::text[])"
        case .passedPromises:
            """
            SELECT sku.sku, passed.date FROM (
                SELECT l.sku_id, min(l.promised_at) AS date FROM order_line l
                WHERE l.waiting > 0 AND l.promised_at IS NOT NULL AND l.promised_at <= $1::int8
                    AND NOT EXISTS (SELECT FROM sweep_mark m WHERE m.sku_id = l.sku_id)
                GROUP BY l.sku_id) AS passed
            JOIN sku ON sku.sku_id = passed.sku_id
            """
        case .passedSupply:
            """
            SELECT sku.sku, passed.date FROM (
                SELECT s.sku_id, min(s.expected_at) AS date FROM supply s
                WHERE s.outstanding > 0 AND s.expected_at IS NOT NULL AND s.expected_at > $1::int8
                    AND s.expected_at <= $2::int8
                    AND NOT EXISTS (SELECT FROM sweep_mark m WHERE m.sku_id = s.sku_id)
                    AND EXISTS (SELECT FROM order_line l WHERE l.sku_id = s.sku_id AND l.waiting > 0)
                GROUP BY s.sku_id) AS passed
            JOIN sku ON sku.sku_id = passed.sku_id
            """
        case .nextPromise:
            "SELECT min(promised_at) FROM order_line WHERE waiting > 0 AND promised_at IS NOT NULL"
        case .nextSupply:
            """
            SELECT min(expected_at) FROM supply
            WHERE outstanding > 0 AND expected_at IS NOT NULL AND expected_at > $1::int8 AND expected_at > created_at
            """
        case .leader: "SELECT worker, until FROM leader"
        case .setLeader:
            """
            INSERT INTO leader AS l (worker, until) VALUES ($1::text, $2::int8)
            ON CONFLICT (one) DO UPDATE SET worker = excluded.worker, until = excluded.until
            WHERE l.worker = excluded.worker OR l.until <= $3::int8
            """
        default: ""
        }
    }
}
