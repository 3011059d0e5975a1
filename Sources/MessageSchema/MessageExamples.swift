/// Whole messages of one small story, by type: in the schemas and in docs/messages.md. The outputs are what the daemon
/// says to the inputs; Tests/Live/schematest.py plays them.
func messageExamples(_ type: String) -> [SchemaText] {
    (examples[type] ?? []).map { SchemaText.read($0) }
}

private let examples: [String: [String]] = [
    "order-placed": [
        """
        {"type": "order-placed", "id": "7d0c9a34", "time": "2026-11-23T10:00:00Z", "order_id": "O-1003",
        "lines": [{"line_id": "1", "sku": "TENT-2P", "quantity": 5, "unit_price": 249.00}, {"line_id": "2",
        "sku": "STOVE-1", "quantity": 1, "location": "BERLIN", "unit_price": 39.90}],
        "placed_at": "2026-11-23T09:59:48Z", "customer": {"id": "anna", "segment": "gold",
        "contact": "anna@example.org"}, "priority": 3, "requested_by": "2026-12-20T00:00:00Z",
        "ship": "partial", "currency": "EUR"}
        """
    ],
    "stock-received": [
        """
        {"type": "stock-received", "id": "grn-7731", "time": "2026-12-10T09:00:00Z",
        "receipt_id": "GRN-7731", "location": "BERLIN", "lines": [{"sku": "TENT-2P", "quantity": 10}],
        "supplier": "ACME", "reorder_id": "RO-TENT-2P-0000001", "inbound_id": "ASN-5512",
        "received_at": "2026-12-10T08:40:00Z"}
        """
    ],
    "shipment-dispatched": [
        """
        {"type": "shipment-dispatched", "id": "ship-88120", "time": "2026-11-23T15:30:00Z",
        "shipment_id": "S-88120", "order_id": "O-1003", "lines": [{"line_id": "1", "quantity": 2},
        {"sku": "STOVE-1", "quantity": 1}], "location": "BERLIN", "carrier": "DHL", "service": "Paket",
        "tracking_number": "00340434161094000000",
        "tracking_url": "https://www.dhl.com/track?id=00340434161094000000",
        "dispatched_at": "2026-11-23T15:28:10Z", "estimated_delivery": "2026-11-25T18:00:00Z"}
        """
    ],
    "order-cancelled": [
        """
        {"type": "order-cancelled", "id": "cancel-9120", "time": "2026-11-26T11:00:00Z",
        "order_id": "O-1003", "lines": [{"line_id": "1", "quantity": 1}], "reason": "one tent is enough"}
        """
    ],
    "order-released": [
        """
        {"type": "order-released", "id": "release-311", "time": "2026-11-26T12:00:00Z",
        "order_id": "O-1007", "decision": "wait"}
        """
    ],
    "stock-adjusted": [
        """
        {"type": "stock-adjusted", "id": "count-2026-11-23", "time": "2026-11-23T06:00:00Z",
        "adjustment_id": "COUNT-481", "location": "BERLIN", "lines": [{"sku": "TENT-2P", "counted": 3},
        {"sku": "STOVE-1", "delta": 40}], "reason": "stocktaking"}
        """
    ],
    "inbound-scheduled": [
        """
        {"type": "inbound-scheduled", "id": "asn-5512", "time": "2026-11-25T08:00:00Z",
        "inbound_id": "ASN-5512", "location": "BERLIN", "expected_at": "2026-12-11T08:00:00Z",
        "lines": [{"sku": "TENT-2P", "quantity": 10}], "supplier": "ACME",
        "reorder_id": "RO-TENT-2P-0000001", "carrier": "Maersk", "tracking_number": "MSKU1234565"}
        """
    ],
    "inbound-cancelled": [
        """
        {"type": "inbound-cancelled", "id": "asn-5498-off", "time": "2026-11-26T13:00:00Z",
        "inbound_id": "ASN-5498", "reason": "the supplier can't deliver"}
        """
    ],
    "item-updated": [
        """
        {"type": "item-updated", "id": "item-2026-11-20-17", "time": "2026-11-20T16:00:00Z",
        "sku": "TENT-2P", "supplier": "ACME", "lead_time_days": 14, "reorder": {"point": 0, "up_to": 0,
        "minimum": 10, "multiple": 5}, "on_backorder": "accept", "backorder_limit": 200, "ship": "partial"}
        """
    ],
    "customer-notification": [
        """
        {"id": "44bd5c56-fa0b-5cdf-bad2-8bb1c9e26426", "type": "customer-notification",
        "time": "2026-11-23T10:00:00.000Z", "cause": "7d0c9a34", "order_id": "O-1003",
        "customer": {"id": "anna", "segment": "gold", "contact": "anna@example.org"}, "sequence": 1,
        "kind": "order-backordered", "lines": [{"line_id": "1", "sku": "TENT-2P", "quantity": 2,
        "promised_at": "2026-12-08T10:00:00.000Z"}], "promised_at": "2026-12-08T10:00:00.000Z"}
        """,
        """
        {"id": "c74269a3-564a-5486-92ba-2ec1ba002815", "type": "customer-notification",
        "time": "2026-11-25T08:01:00.000Z", "cause": "timer", "order_id": "O-1003",
        "customer": {"id": "anna", "segment": "gold", "contact": "anna@example.org"}, "sequence": 6,
        "kind": "backorder-delayed", "lines": [{"line_id": "1", "sku": "TENT-2P", "quantity": 3,
        "promised_at": "2026-12-12T08:00:00.000Z", "previous_promised_at": "2026-12-08T10:00:00.000Z"}],
        "promised_at": "2026-12-12T08:00:00.000Z"}
        """,
        """
        {"id": "bdf13cbd-95cf-5da9-95aa-a50304541b44", "type": "customer-notification",
        "time": "2026-11-23T15:30:00.000Z", "cause": "ship-88120", "order_id": "O-1003",
        "customer": {"id": "anna", "segment": "gold", "contact": "anna@example.org"}, "sequence": 3,
        "kind": "order-dispatched", "lines": [{"line_id": "1", "sku": "TENT-2P", "quantity": 2},
        {"line_id": "2", "sku": "STOVE-1", "quantity": 1}], "shipment_id": "S-88120", "carrier": "DHL",
        "service": "Paket", "tracking_number": "00340434161094000000",
        "tracking_url": "https://www.dhl.com/track?id=00340434161094000000",
        "estimated_delivery": "2026-11-25T18:00:00.000Z"}
        """,
    ],
    "fulfilment-requested": [
        """
        {"id": "b831e113-78dd-5af6-ae3d-24587ed1ca7e", "type": "fulfilment-requested",
        "time": "2026-11-23T10:00:00.000Z", "cause": "7d0c9a34", "order_id": "O-1003",
        "customer": {"id": "anna", "segment": "gold", "contact": "anna@example.org"}, "sequence": 2,
        "location": "BERLIN", "lines": [{"line_id": "1", "sku": "TENT-2P", "quantity": 3}, {"line_id": "2",
        "sku": "STOVE-1", "quantity": 1}]}
        """
    ],
    "fulfilment-withdrawn": [
        """
        {"id": "23e54386-607a-5c32-aea6-c7d792b37ee0", "type": "fulfilment-withdrawn",
        "time": "2026-11-24T06:00:00.000Z", "cause": "count-2026-11-24", "order_id": "O-1003",
        "customer": {"id": "anna", "segment": "gold", "contact": "anna@example.org"}, "sequence": 4,
        "location": "BERLIN", "lines": [{"line_id": "1", "sku": "TENT-2P", "quantity": 1}]}
        """
    ],
    "reorder-requested": [
        """
        {"id": "c663ccd5-c04b-5a23-928c-3a088eb8b630", "type": "reorder-requested",
        "time": "2026-11-23T10:00:00.000Z", "cause": "7d0c9a34", "reorder_id": "RO-TENT-2P-0000001",
        "sku": "TENT-2P", "location": "BERLIN", "supplier": "ACME", "quantity": 10, "reason": "back-order",
        "expected_at": "2026-12-07T10:00:00.000Z", "position": {"on_hand": 3, "allocated": 3,
        "backordered": 2, "on_order": 0}, "back_orders": [{"order_id": "O-1003", "line_id": "1",
        "quantity": 2}]}
        """
    ],
    "reorder-expedite": [
        """
        {"id": "e22b1974-c408-5935-a463-9de1ad5af62d", "type": "reorder-expedite",
        "time": "2026-11-25T08:01:00.000Z", "cause": "timer", "reorder_id": "RO-TENT-2P-0000001",
        "sku": "TENT-2P", "supplier": "ACME", "expected_at": "2026-12-11T08:00:00.000Z",
        "promised_at": "2026-12-08T10:00:00.000Z"}
        """
    ],
]
