@testable import Configuration

/// The sample of contract/config-and-cli.md, without its comments and with the keys it has commented out.
let contractSample = """
    broker:
      urls: [amqp://guest:guest@127.0.0.1:5672/%2F]   # several: tried in turn; amqps:// for TLS
      tls: {ca: /path, certificate: /path, key: /path, verify: true}
      prefetch: 1000
      topology: declare            # declare | verify | ignore
      inputs:
        - queue: backorderd.inbound
          queue_type: quorum       # quorum | classic
          bind: [{exchange: orders, keys: [order-placed, stock-received, shipment-dispatched, order-cancelled, order-released,
                  stock-adjusted, inbound-scheduled, inbound-cancelled, item-updated]}]
          type: order-placed
          map: {order_id: /order/number, lines: /order/items, "lines[].sku": /article, "lines[].quantity": /qty}
      output: {exchange: backorder}
      output_queues: {backorder.customer-notifications: [customer-notification.*], backorder.reorders: [reorder-requested, reorder-expedite], backorder.fulfilment: [fulfilment-requested, fulfilment-withdrawn]}
      dead_letter: {exchange: backorderd.dead-letter, queue: backorderd.dead-letter}
    store: {url: sqlite:///var/lib/backorderd/backorderd.db}
    worker: {batch: 200, delivery_limit: 5, drain_timeout: 20s, parking: 24h, inbox_retention: 30d}
    limits: {message_bytes: 1048576, lines: 1000}
    locations: [{id: WH-1}, {id: WH-2}]             # the order is the sourcing order
    allocation: {strategy: priority, sourcing: fewest-splits}
    policy:
      default: {on_backorder: accept, backorder_limit: null, ship: partial}
      rules:
        - {match: {sku: "PRE-*"}, on_backorder: hold}
        - {match: {segment: gold}, on_backorder: accept, priority: 7}
    items:
      "A-100": {supplier: ACME, lead_time_days: 7, reorder: {point: 10, up_to: 60, minimum: 12, multiple: 6}}
    suppliers: {ACME: {lead_time_days: 14}}
    promise: {default_lead_time_days: null, handling_days: 1, promise_quantile: 0.8, notify_after_hours: 24}
    operations: {listen: 127.0.0.1:9473}
    log: {level: info, format: auto}
    """

/// Every key, none at its default.
let everyKey = """
    broker:
      urls: ["amqps://u:secret@h1:5671/v", "amqps://u:secret@[::1]/"]
      tls: {ca: /ca.pem, certificate: /c.pem, key: /k.pem, verify: false}
      prefetch: 7
      topology: verify
      inputs:
        - queue: in.1
          queue_type: classic
          bind: [{exchange: a, keys: [x.*, "#"]}, {exchange: b, keys: [y]}]
          type: item-updated
          map: {sku: [/a, {b: /c}]}
        - {queue: in.2, single_active_consumer: true, delivery_limit: 30, dead_letter_argument: false}
      output: {exchange: out, map: {exchange: mail}}
      output_queues: {z: [k], a: [l, m], b: {exchange: mail, keys: [n]}}
      dead_letter: {exchange: dx, queue: dq}
    store: {url: "postgres://u:secret@h1,h2:5433/db?target_session_attrs=read-write"}
    worker: {batch: 9, delivery_limit: 2, drain_timeout: 500ms, parking: 5m, inbox_retention: 24h}
    limits: {message_bytes: 100, lines: 10}
    locations: [{id: B}, {id: A}, {id: NO}]
    allocation: {strategy: fair-share, sourcing: fewest-shipments}
    policy:
      default: {on_backorder: hold, backorder_limit: 0, ship: complete, priority: 9}
      rules:
        - match: {sku: "A*", location: "B?", segment: "*"}
          on_backorder: refuse
          backorder_limit: null
          ship: partial
          priority: 0
        - {priority: 1}
    items:
      0815:
        supplier: S
        lead_time_days: 0
        reorder: {point: 1, up_to: 2, minimum: 3, multiple: 4}
        on_backorder: accept
        backorder_limit: 5
        ship: complete
      "*": {backorder_limit: null}
    suppliers: {S: {lead_time_days: 3}, T: {}}
    promise: {default_lead_time_days: 8, handling_days: 0, promise_quantile: 1, notify_after_hours: 0}
    operations: {listen: "[::1]:80"}
    log: {level: critical, format: journald}
    """

/// A map of a mapping; where it stands makes no difference.
func mapping(_ entries: (String, Configuration.Mapping.Value)...) -> Configuration.Mapping {
    .init(value: .map(entries.map { .init(key: $0, line: 1, value: .init(value: $1, line: 1)) }), line: 1)
}
