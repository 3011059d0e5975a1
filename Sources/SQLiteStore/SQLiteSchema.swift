/// The tables, as numbered steps. A step that was released is never changed; a new version adds one.
///
/// The number of the last step done is the file's `user_version`. `application_id` marks the file as ours.
enum SQLiteSchema {
    /// "BkOr".
    static let applicationID: Int64 = 0x426b_4f72

    static var wanted: Int { steps.count }

    static let steps: [String] = [first, second, suspects, claims, filters]

    /// `order_line.line_key` is order_no × 65536 + position: an order's lines lie together, new orders at the end.
    /// `rank` is −priority and `pin` is '' for none, so that the precedence of lines is plain ascending order.
    /// A unit test asks the query planner whether the queues are read through their indexes without sorting.
    static let first = """
        CREATE TABLE meta (
            key TEXT PRIMARY KEY NOT NULL,
            value TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE sku (
            sku_id INTEGER PRIMARY KEY,
            sku TEXT NOT NULL UNIQUE
        ) STRICT;

        CREATE TABLE item (
            sku_id INTEGER PRIMARY KEY,
            on_order INTEGER NOT NULL,
            reorder_count INTEGER NOT NULL,
            settings TEXT,
            -- of the lines without a pin; NULL: none ever waited
            waiting_units INTEGER,
            waiting_lines INTEGER,
            -- how many rows of waiting_lane and deficit it has
            pins INTEGER NOT NULL DEFAULT 0,
            deficits INTEGER NOT NULL DEFAULT 0,
            CHECK (waiting_lines IS NULL OR (waiting_lines >= 0 AND waiting_lines <= waiting_units))
        ) STRICT;

        CREATE TABLE stock (
            sku_id INTEGER NOT NULL,
            location TEXT NOT NULL,
            on_hand INTEGER NOT NULL,
            allocated INTEGER NOT NULL,
            PRIMARY KEY (sku_id, location),
            CHECK (0 <= allocated AND allocated <= on_hand)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE waiting_lane (
            sku_id INTEGER NOT NULL,
            pin TEXT NOT NULL,
            units INTEGER NOT NULL,
            lines INTEGER NOT NULL,
            PRIMARY KEY (sku_id, pin),
            CHECK (lines >= 0 AND lines <= units)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE deficit (
            sku_id INTEGER NOT NULL,
            number INTEGER NOT NULL,
            location TEXT NOT NULL,
            dispatched_at INTEGER NOT NULL,
            units INTEGER NOT NULL,
            PRIMARY KEY (sku_id, number)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE orders (
            order_no INTEGER PRIMARY KEY,
            order_id TEXT NOT NULL UNIQUE,
            placed_at INTEGER NOT NULL,
            customer TEXT,
            segment TEXT,
            priority INTEGER NOT NULL,
            requested_by INTEGER,
            ship TEXT NOT NULL,
            currency TEXT,
            held INTEGER NOT NULL,
            sequence INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE order_line (
            line_key INTEGER PRIMARY KEY,
            order_id TEXT NOT NULL,
            line_id TEXT NOT NULL,
            sku_id INTEGER NOT NULL,
            pin TEXT NOT NULL,
            lead INTEGER NOT NULL,
            rank INTEGER NOT NULL,
            placed_at INTEGER NOT NULL,
            unit_price TEXT,
            ordered INTEGER NOT NULL,
            waiting INTEGER NOT NULL,
            held INTEGER NOT NULL,
            allocated INTEGER NOT NULL,
            dispatched INTEGER NOT NULL,
            cancelled INTEGER NOT NULL,
            refused INTEGER NOT NULL,
            -- units,requested,bytes:location one after the other; NULL: none
            allocations TEXT,
            first_promised_at INTEGER,
            promised_at INTEGER,
            estimated_at INTEGER,
            CHECK (
                waiting >= 0 AND held >= 0 AND allocated >= 0 AND dispatched >= 0 AND cancelled >= 0 AND refused >= 0
                AND waiting + held + allocated + cancelled + refused <= ordered
                AND waiting + held + allocated + cancelled + refused + dispatched >= ordered
            )
        ) STRICT;
        CREATE INDEX line_waiting ON order_line (sku_id, pin, lead, rank, placed_at, order_id) WHERE waiting > 0;
        CREATE INDEX line_allocated ON order_line (sku_id, lead, rank, placed_at, order_id) WHERE allocated > 0;
        CREATE INDEX line_held ON order_line (sku_id, lead, rank, placed_at, order_id) WHERE held > 0;

        CREATE TABLE supply (
            supply_id TEXT NOT NULL,
            sku_id INTEGER NOT NULL,
            location TEXT NOT NULL,
            kind TEXT NOT NULL,
            supplier TEXT,
            quantity INTEGER NOT NULL,
            outstanding INTEGER NOT NULL,
            expected_at INTEGER,
            created_at INTEGER NOT NULL,
            reorder_id TEXT,
            taken_over INTEGER NOT NULL,
            expedited_at INTEGER,
            cancelled INTEGER NOT NULL,
            PRIMARY KEY (supply_id, sku_id, location),
            CHECK (outstanding >= 0 AND taken_over >= 0)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX supply_outstanding
            ON supply (sku_id, ifnull(expected_at, 9223372036854775807), supply_id, location) WHERE outstanding > 0;
        CREATE INDEX supply_tied ON supply (reorder_id) WHERE reorder_id IS NOT NULL;

        CREATE TABLE discrepancy (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            time INTEGER NOT NULL,
            kind TEXT NOT NULL,
            sku TEXT NOT NULL,
            location TEXT NOT NULL,
            quantity INTEGER NOT NULL,
            message_id TEXT NOT NULL
        ) STRICT;

        CREATE TABLE parked (
            order_id TEXT NOT NULL,
            message_id TEXT NOT NULL,
            parked_at INTEGER NOT NULL,
            message TEXT NOT NULL,
            original BLOB NOT NULL,
            PRIMARY KEY (order_id, message_id)
        ) STRICT;
        CREATE INDEX parked_age ON parked (parked_at, order_id, message_id);

        CREATE TABLE inbox (
            key_high INTEGER NOT NULL,
            key_low INTEGER NOT NULL,
            content_high INTEGER NOT NULL,
            content_low INTEGER NOT NULL,
            received_at INTEGER NOT NULL,
            PRIMARY KEY (key_high, key_low)
        ) STRICT, WITHOUT ROWID;

        -- The keys that were appended together, 16 bytes each: finds old rows without an index over all of them.
        CREATE TABLE inbox_batch (
            number INTEGER PRIMARY KEY,
            received_at INTEGER NOT NULL,
            keys BLOB NOT NULL
        ) STRICT;
        CREATE INDEX inbox_batch_age ON inbox_batch (received_at);

        CREATE TABLE outbox (
            segment INTEGER PRIMARY KEY AUTOINCREMENT,
            created_at INTEGER NOT NULL,
            message_count INTEGER NOT NULL,
            messages BLOB NOT NULL
        ) STRICT;
        """

    /// Dates that pass, the sweep's book, journals, demand, lead times, and sums over rows for `verify`.
    /// A row from before this step has no sum until it is written again.
    static let second = """
        ALTER TABLE item ADD COLUMN on_order_dated INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE item ADD COLUMN has_dates INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE item ADD COLUMN sum INTEGER;
        UPDATE item SET
            on_order_dated = ifnull((SELECT sum(outstanding) FROM supply
                WHERE supply.sku_id = item.sku_id AND expected_at IS NOT NULL), 0),
            has_dates = EXISTS (SELECT 1 FROM order_line
                WHERE order_line.sku_id = item.sku_id AND waiting > 0
                    AND (promised_at IS NOT NULL OR estimated_at IS NOT NULL));
        ALTER TABLE stock ADD COLUMN sum INTEGER;
        ALTER TABLE deficit ADD COLUMN sum INTEGER;
        ALTER TABLE orders ADD COLUMN events INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE orders ADD COLUMN sum INTEGER;
        ALTER TABLE order_line ADD COLUMN sum INTEGER;
        ALTER TABLE supply ADD COLUMN sum INTEGER;

        -- with the units in it, a place in the queue is counted without a look at the lines
        DROP INDEX line_waiting;
        CREATE INDEX line_waiting ON order_line (sku_id, pin, lead, rank, placed_at, order_id, line_key, waiting)
            WHERE waiting > 0;
        CREATE INDEX line_promised ON order_line (promised_at, sku_id) WHERE waiting > 0 AND promised_at IS NOT NULL;
        CREATE INDEX supply_due ON supply (expected_at, sku_id) WHERE outstanding > 0 AND expected_at IS NOT NULL;

        CREATE TABLE order_event (
            order_no INTEGER NOT NULL,
            number INTEGER NOT NULL,
            time INTEGER NOT NULL,
            event BLOB NOT NULL,
            PRIMARY KEY (order_no, number)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE demand (
            sku_id INTEGER NOT NULL,
            day INTEGER NOT NULL,
            units INTEGER NOT NULL,
            filled INTEGER NOT NULL,
            back_ordered INTEGER NOT NULL,
            held INTEGER NOT NULL,
            refused INTEGER NOT NULL,
            cancelled_waiting INTEGER NOT NULL,
            PRIMARY KEY (sku_id, day)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE lead_time (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            supplier TEXT NOT NULL,
            microseconds INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX lead_time_supplier ON lead_time (supplier, number);

        CREATE TABLE sweep_mark (
            sku_id INTEGER PRIMARY KEY,
            changed_at INTEGER NOT NULL,
            changed_again_at INTEGER,
            cursor TEXT
        ) STRICT;

        CREATE TABLE sweep_order (
            order_id TEXT PRIMARY KEY NOT NULL
        ) STRICT, WITHOUT ROWID;

        -- one row: who leads, and until when
        CREATE TABLE leader (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            worker TEXT NOT NULL,
            until INTEGER NOT NULL
        ) STRICT;
        """
}
