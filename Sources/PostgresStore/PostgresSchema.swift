/// The tables, as numbered steps. A step that was released is never changed; a new version adds one. Numbers and meaning
/// are those of the SQLite store's.
///
/// The number of the last step done is in `schema_version`, with the oldest program that may go on working on it.
enum PostgresSchema {
    static var wanted: Int { steps.count }

    /// The oldest program (by the number of steps it knows) that is correct on this schema: such a one may run beside
    /// ours while workers are exchanged one by one. A step that only adds what an older program need not fill leaves it.
    static let oldestProgram = 2

    static let steps: [String] = [first, second, suspects, claims, filters]

    /// What every version has: where the version itself is kept.
    static let version = """
        CREATE TABLE IF NOT EXISTS schema_version (
            one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
            version BIGINT NOT NULL,
            oldest_program BIGINT NOT NULL
        );
        """

    /// Names are compared by bytes: COLLATE "C". `rank` is −priority and `pin` is '' for none, so that the precedence of
    /// lines is plain ascending order. Rows that are updated in place have room for it on their page.
    static let first = """
        CREATE TABLE meta (
            key TEXT COLLATE "C" PRIMARY KEY,
            value TEXT NOT NULL
        );

        -- Never changed and never deleted: a SKU's row is what its lock is taken on.
        CREATE TABLE sku (
            sku_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            sku TEXT COLLATE "C" NOT NULL UNIQUE
        );

        CREATE TABLE item (
            sku_id BIGINT PRIMARY KEY,
            on_order BIGINT NOT NULL,
            reorder_count BIGINT NOT NULL,
            settings TEXT
        ) WITH (fillfactor = 80);

        CREATE TABLE stock (
            sku_id BIGINT NOT NULL,
            location TEXT COLLATE "C" NOT NULL,
            on_hand BIGINT NOT NULL,
            allocated BIGINT NOT NULL,
            PRIMARY KEY (sku_id, location),
            CONSTRAINT stock_allocated_is_on_hand CHECK (0 <= allocated AND allocated <= on_hand)
        ) WITH (fillfactor = 80);

        CREATE TABLE waiting_lane (
            sku_id BIGINT NOT NULL,
            pin TEXT COLLATE "C" NOT NULL,
            units BIGINT NOT NULL,
            lines BIGINT NOT NULL,
            PRIMARY KEY (sku_id, pin),
            CONSTRAINT lane_units_cover_lines CHECK (0 <= lines AND lines <= units)
        ) WITH (fillfactor = 80);

        CREATE TABLE deficit (
            sku_id BIGINT NOT NULL,
            number BIGINT NOT NULL,
            location TEXT COLLATE "C" NOT NULL,
            dispatched_at BIGINT NOT NULL,
            units BIGINT NOT NULL,
            PRIMARY KEY (sku_id, number)
        );

        CREATE SEQUENCE order_number;
        CREATE TABLE orders (
            order_no BIGINT PRIMARY KEY,
            order_id TEXT COLLATE "C" NOT NULL UNIQUE,
            placed_at BIGINT NOT NULL,
            customer TEXT,
            segment TEXT,
            priority BIGINT NOT NULL,
            requested_by BIGINT,
            ship TEXT NOT NULL,
            currency TEXT,
            held BOOLEAN NOT NULL,
            sequence BIGINT NOT NULL
        ) WITH (fillfactor = 80);

        CREATE TABLE order_line (
            order_no BIGINT NOT NULL,
            position BIGINT NOT NULL,
            order_id TEXT COLLATE "C" NOT NULL,
            line_id TEXT COLLATE "C" NOT NULL,
            sku_id BIGINT NOT NULL,
            pin TEXT COLLATE "C" NOT NULL,
            lead BIGINT NOT NULL,
            rank BIGINT NOT NULL,
            placed_at BIGINT NOT NULL,
            unit_price TEXT,
            ordered BIGINT NOT NULL,
            waiting BIGINT NOT NULL,
            held BIGINT NOT NULL,
            allocated BIGINT NOT NULL,
            dispatched BIGINT NOT NULL,
            cancelled BIGINT NOT NULL,
            refused BIGINT NOT NULL,
            -- units,requested,bytes:location one after the other; NULL: none
            allocations TEXT,
            first_promised_at BIGINT,
            promised_at BIGINT,
            estimated_at BIGINT,
            PRIMARY KEY (order_no, position),
            CONSTRAINT line_units_add_up CHECK (
                waiting >= 0 AND held >= 0 AND allocated >= 0 AND dispatched >= 0 AND cancelled >= 0 AND refused >= 0
                AND waiting + held + allocated + cancelled + refused <= ordered
                AND waiting + held + allocated + cancelled + refused + dispatched >= ordered
            )
        ) WITH (fillfactor = 80);
        CREATE INDEX line_waiting ON order_line (sku_id, pin, lead, rank, placed_at, order_id, position)
            WHERE waiting > 0;
        CREATE INDEX line_allocated ON order_line (sku_id, lead, rank, placed_at, order_id, position)
            WHERE allocated > 0;
        CREATE INDEX line_held ON order_line (sku_id, lead, rank, placed_at, order_id, position) WHERE held > 0;

        CREATE TABLE supply (
            supply_id TEXT COLLATE "C" NOT NULL,
            sku_id BIGINT NOT NULL,
            location TEXT COLLATE "C" NOT NULL,
            kind TEXT NOT NULL,
            supplier TEXT COLLATE "C",
            quantity BIGINT NOT NULL,
            outstanding BIGINT NOT NULL,
            expected_at BIGINT,
            created_at BIGINT NOT NULL,
            reorder_id TEXT COLLATE "C",
            taken_over BIGINT NOT NULL,
            expedited_at BIGINT,
            cancelled BOOLEAN NOT NULL,
            PRIMARY KEY (supply_id, sku_id, location),
            CONSTRAINT supply_is_not_negative CHECK (outstanding >= 0 AND taken_over >= 0)
        ) WITH (fillfactor = 80);
        CREATE INDEX supply_outstanding
            ON supply (sku_id, coalesce(expected_at, 9223372036854775807), supply_id, location) WHERE outstanding > 0;
        CREATE INDEX supply_tied ON supply (reorder_id) WHERE reorder_id IS NOT NULL;

        CREATE TABLE discrepancy (
            number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            time BIGINT NOT NULL,
            kind TEXT NOT NULL,
            sku TEXT COLLATE "C" NOT NULL,
            location TEXT COLLATE "C" NOT NULL,
            quantity BIGINT NOT NULL,
            message_id TEXT NOT NULL
        );

        CREATE TABLE parked (
            order_id TEXT COLLATE "C" NOT NULL,
            message_id TEXT COLLATE "C" NOT NULL,
            parked_at BIGINT NOT NULL,
            message TEXT NOT NULL,
            original BYTEA NOT NULL,
            PRIMARY KEY (order_id, message_id)
        );
        CREATE INDEX parked_age ON parked (parked_at, order_id, message_id);

        -- A digest is a uuid to PostgreSQL: 16 bytes that compare as bytes.
        CREATE TABLE inbox (
            key UUID PRIMARY KEY,
            content UUID NOT NULL,
            received_at BIGINT NOT NULL
        );

        -- The keys that were appended together: finds old rows without an index over all of them.
        CREATE TABLE inbox_batch (
            number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            received_at BIGINT NOT NULL,
            keys UUID[] NOT NULL
        );
        CREATE INDEX inbox_batch_age ON inbox_batch (received_at, number);

        -- Numbers are taken under the locks of the rows that the messages are about, so that of two transactions on one
        -- order the later has the greater.
        CREATE SEQUENCE outbox_segment;
        CREATE TABLE outbox (
            segment BIGINT PRIMARY KEY,
            created_at BIGINT NOT NULL,
            message_count BIGINT NOT NULL,
            messages BYTEA NOT NULL
        );

        -- What each worker has committed, counted: a worker that finds less than it saw committed knows that a failover
        -- lost the rest.
        CREATE TABLE worker_commit (
            worker TEXT COLLATE "C" PRIMARY KEY,
            sequence BIGINT NOT NULL,
            timeline BIGINT,
            seen_at TIMESTAMPTZ NOT NULL DEFAULT now()
        ) WITH (fillfactor = 50);
        """

    /// Dates that pass, the sweep's book, journals, demand, lead times, and sums over rows for `verify`.
    /// A row from before this step has no sum until it is written again.
    static let second = """
        ALTER TABLE item ADD COLUMN on_order_dated BIGINT NOT NULL DEFAULT 0;
        ALTER TABLE item ADD COLUMN has_dates BOOLEAN NOT NULL DEFAULT false;
        ALTER TABLE item ADD COLUMN sum BIGINT;
        UPDATE item SET
            on_order_dated = coalesce((SELECT sum(outstanding) FROM supply
                WHERE supply.sku_id = item.sku_id AND expected_at IS NOT NULL), 0),
            has_dates = EXISTS (SELECT FROM order_line
                WHERE order_line.sku_id = item.sku_id AND waiting > 0
                    AND (promised_at IS NOT NULL OR estimated_at IS NOT NULL));
        ALTER TABLE stock ADD COLUMN sum BIGINT;
        ALTER TABLE deficit ADD COLUMN sum BIGINT;
        ALTER TABLE orders ADD COLUMN events BIGINT NOT NULL DEFAULT 0;
        ALTER TABLE orders ADD COLUMN sum BIGINT;
        ALTER TABLE order_line ADD COLUMN sum BIGINT;
        ALTER TABLE supply ADD COLUMN sum BIGINT;

        CREATE INDEX line_promised ON order_line (promised_at, sku_id) WHERE waiting > 0 AND promised_at IS NOT NULL;
        CREATE INDEX supply_due ON supply (expected_at, sku_id) WHERE outstanding > 0 AND expected_at IS NOT NULL;

        CREATE TABLE order_event (
            order_no BIGINT NOT NULL,
            number BIGINT NOT NULL,
            time BIGINT NOT NULL,
            event BYTEA NOT NULL,
            PRIMARY KEY (order_no, number)
        );

        CREATE TABLE demand (
            sku_id BIGINT NOT NULL,
            day BIGINT NOT NULL,
            units BIGINT NOT NULL,
            filled BIGINT NOT NULL,
            back_ordered BIGINT NOT NULL,
            held BIGINT NOT NULL,
            refused BIGINT NOT NULL,
            cancelled_waiting BIGINT NOT NULL,
            PRIMARY KEY (sku_id, day)
        ) WITH (fillfactor = 80);

        CREATE TABLE lead_time (
            number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            supplier TEXT COLLATE "C" NOT NULL,
            microseconds BIGINT NOT NULL
        );
        CREATE INDEX lead_time_supplier ON lead_time (supplier, number);

        CREATE TABLE sweep_mark (
            sku_id BIGINT PRIMARY KEY,
            changed_at BIGINT NOT NULL,
            changed_again_at BIGINT,
            cursor TEXT
        ) WITH (fillfactor = 50);

        CREATE TABLE sweep_order (
            order_id TEXT COLLATE "C" PRIMARY KEY
        );

        -- one row: who leads, and until when
        CREATE TABLE leader (
            one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
            worker TEXT NOT NULL,
            until BIGINT NOT NULL
        ) WITH (fillfactor = 50);
        """
}
