/// What a batch will probably ask of queues and supply, for all of its SKUs in one statement each.
///
/// The lists are bounded: `Loaded.linesAhead` waiting lines, which is what a reorder lists, and few supplies.
extension PostgresQuery {
    /// $1: numbers of SKUs, $2: names of those whose numbers are not known.
    private static let wanted =
        "(SELECT unnest($1::int8[]) AS sku_id UNION SELECT sku_id FROM sku WHERE sku = ANY ($2::text[])) AS wanted"

    var aheadSQL: String {
        switch self {
        case .waitingHeads: Self.lanes("lane.lines > 0", Self.ascending, limit: "$3::int8")
        // A lane that the heads show whole needs no tail.
        case .waitingTails: Self.lanes("lane.lines > $3::int8", Self.descending, limit: "32")
        case .outstandingHeads: Self.supplies("item.on_order > 0", "", Self.supplyAscending, limit: "32")
        case .outstandingTails:
            Self.supplies("item.on_order_dated > 0", "AND s.expected_at IS NOT NULL", Self.supplyDescending, limit: "8")
        case .reordersOfHeads:
            // What a receipt settles tells how long its reorder took.
            """
            SELECT \(Self.supply) FROM supply s WHERE s.supply_id IN (
                SELECT coalesce(first.reorder_id, first.supply_id) FROM \(Self.wanted)
                JOIN item ON item.sku_id = wanted.sku_id AND item.on_order > 0
                CROSS JOIN LATERAL (
                    SELECT s.supply_id, s.reorder_id FROM supply s
                    WHERE s.sku_id = wanted.sku_id AND s.outstanding > 0 \(Self.supplyAscending) LIMIT 32
                ) AS first
            )
            """
        case .heldSKUs:
            """
            SELECT wanted.sku_id FROM \(Self.wanted)
            WHERE EXISTS (SELECT FROM order_line l WHERE l.sku_id = wanted.sku_id AND l.held > 0)
            """
        default: ""
        }
    }

    private static func lanes(_ condition: String, _ order: String, limit: String) -> String {
        """
        SELECT lane.sku_id, found.* FROM \(wanted) JOIN waiting_lane AS lane ON lane.sku_id = wanted.sku_id
        CROSS JOIN LATERAL (
            SELECT \(lines("waiting")) FROM order_line
            WHERE sku_id = lane.sku_id AND pin = lane.pin AND waiting > 0 \(order) LIMIT \(limit)
        ) AS found
        WHERE \(condition)
        """
    }

    private static func supplies(_ condition: String, _ more: String, _ order: String, limit: String) -> String {
        """
        SELECT found.* FROM \(wanted) JOIN item ON item.sku_id = wanted.sku_id
        CROSS JOIN LATERAL (
            SELECT \(supply) FROM supply s
            WHERE s.sku_id = wanted.sku_id AND s.outstanding > 0 \(more) \(order) LIMIT \(limit)
        ) AS found
        WHERE \(condition)
        """
    }
}
