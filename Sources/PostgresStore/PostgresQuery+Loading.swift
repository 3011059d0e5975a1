/// Locking and loading.
extension PostgresQuery {
    var lockingSQL: String {
        switch self {
        case .lockNames:
            // Names that are not in the books yet have no row to lock: a number that stands for the name is locked
            // instead. Sorted, so that all workers take them in the same order.
            """
            SELECT pg_advisory_xact_lock(number) FROM (
                SELECT number FROM unnest($1::text[], $2::int8[]) AS named (order_id, number)
                WHERE NOT EXISTS (SELECT FROM orders o WHERE o.order_id = named.order_id)
                UNION SELECT unnest($3::int8[]) ORDER BY 1
            ) AS names
            """
        case .addSKUs:
            // Another worker that adds the same SKU is waited for, and then this one is passed over.
            """
            INSERT INTO sku (sku) SELECT name FROM unnest($1::text[]) AS name
            WHERE NOT EXISTS (SELECT FROM sku WHERE sku.sku = name) ORDER BY name COLLATE "C" ON CONFLICT DO NOTHING
            """
        case .lockSKUs:
            """
            WITH wanted AS (
                SELECT unnest($1::int8[]) AS sku_id
                UNION SELECT sku_id FROM sku WHERE sku = ANY ($2::text[])
                UNION SELECT l.sku_id FROM orders o JOIN order_line l ON l.order_no = o.order_no
                    WHERE o.order_id = ANY ($3::text[])
                UNION SELECT sku_id FROM supply WHERE supply_id = ANY ($4::text[])
                UNION SELECT sku_id FROM supply WHERE reorder_id = ANY ($4::text[])
            ), locked AS MATERIALIZED (
                SELECT sku_id FROM sku WHERE sku_id IN (SELECT sku_id FROM wanted) ORDER BY sku FOR UPDATE
            )
            SELECT set_config('backorderd.skus', coalesce(array_agg(sku_id), '{}')::text, true) FROM locked
            """
        case .lockOrders:
            // The orders that are named, and those at the head of the queues that what came in will serve.
            """
            WITH wanted AS (
                SELECT order_no FROM orders WHERE order_id = ANY ($1::text[])
                UNION SELECT ahead.order_no
                FROM unnest($2::text[], $3::int8[]) AS received (sku, units)
                JOIN sku ON sku.sku = received.sku
                JOIN waiting_lane lane ON lane.sku_id = sku.sku_id AND lane.lines > 0
                CROSS JOIN LATERAL (
                    SELECT head.order_no, sum(head.waiting) OVER (ORDER BY head.number) - head.waiting AS before FROM (
                        SELECT l.order_no, l.waiting, row_number() OVER (
                            ORDER BY l.lead, l.rank, l.placed_at, l.order_id, l.position) AS number
                        FROM order_line l WHERE l.sku_id = lane.sku_id AND l.pin = lane.pin AND l.waiting > 0
                        ORDER BY l.lead, l.rank, l.placed_at, l.order_id, l.position LIMIT 100
                    ) AS head
                ) AS ahead
                WHERE ahead.before < received.units
            ), locked AS MATERIALIZED (
                SELECT order_no FROM orders WHERE order_no IN (SELECT order_no FROM wanted) ORDER BY order_id FOR UPDATE
            )
            SELECT set_config('backorderd.orders', coalesce(array_agg(order_no), '{}')::text, true) FROM locked
            """
        case .skuIDs: "SELECT sku_id, sku FROM sku WHERE sku = ANY ($1::text[])"
        case .skuNames: "SELECT sku_id, sku FROM sku WHERE sku_id = ANY ($1::int8[])"
        case .takeOrderInHand:
            """
            SELECT set_config('backorderd.orders', coalesce(array_agg(order_no), '{}')::text, true)
            FROM orders WHERE order_id = $1::text
            """
        case .takeInHand:
            """
            SELECT set_config('backorderd.skus', coalesce(array_agg(sku_id), '{}')::text, true)
            FROM sku WHERE sku = ANY ($1::text[])
            """
        case .reserve:
            "SELECT nextval('order_number') FROM generate_series(1, $1::int8)"
        default: ""
        }
    }

    var loadingSQL: String {
        switch self {
        case .orderHeads: "SELECT \(Self.head) FROM orders o WHERE o.order_no = \(Self.ordersInHand)"
        case .orderLines:
            """
            SELECT \(Self.line) FROM order_line l WHERE l.order_no = \(Self.ordersInHand)
            ORDER BY l.order_no, l.position
            """
        case .knownOrders: "SELECT order_id, order_no FROM orders WHERE order_id = ANY ($1::text[])"
        case .knownLines: "SELECT count(*) FROM order_line WHERE order_no = $1::int8"
        case .items:
            """
            SELECT sku.sku_id, sku.sku, i.on_order, i.reorder_count, i.settings, i.on_order_dated, i.has_dates
            FROM sku LEFT JOIN item i ON i.sku_id = sku.sku_id WHERE sku.sku_id = \(Self.hand)
            """
        case .stock:
            """
            SELECT sku_id, location, on_hand, allocated FROM stock WHERE sku_id = \(Self.hand)
            ORDER BY sku_id, location
            """
        case .lanes:
            "SELECT sku_id, pin, units, lines FROM waiting_lane WHERE sku_id = \(Self.hand) ORDER BY sku_id, pin"
        case .deficits:
            """
            SELECT sku_id, location, dispatched_at, units FROM deficit WHERE sku_id = \(Self.hand)
            ORDER BY sku_id, number
            """
        case .inbox: "SELECT key, content, received_at FROM inbox WHERE key = ANY ($1::uuid[])"
        case .parkedOf:
            // Locked, so that it can't expire at another worker meanwhile.
            """
            SELECT order_id, parked_at, message, original FROM parked WHERE order_id = ANY ($1::text[])
            ORDER BY order_id, message_id FOR UPDATE
            """
        case .parkedBefore:
            // What another worker has in hand is passed over: its order has just come.
            """
            SELECT order_id, parked_at, message, original FROM parked WHERE parked_at < $1::int8
            ORDER BY parked_at, order_id, message_id LIMIT $2::int8 FOR UPDATE SKIP LOCKED
            """
        default: ""
        }
    }
}
