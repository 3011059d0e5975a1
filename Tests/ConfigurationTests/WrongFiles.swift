/// A file, and the line that it stops the start with, after the file's name.
struct WrongFile: Sendable {
    let yaml: String
    let line: String

    init(_ yaml: String, _ line: String) {
        self.yaml = yaml
        self.line = line
    }
}

let wrongFiles: [WrongFile] = [
    WrongFile(
        "broker:\n  prefech: 10\n",
        ":2: broker.prefech: unknown key; did you mean broker.prefetch?"),
    WrongFile(
        "broker:\n  tls: {certificat: /x}\n",
        ":2: broker.tls.certificat: unknown key; did you mean broker.tls.certificate?"),
    WrongFile(
        "prefetch: 10\n",
        ":1: prefetch: unknown key; it belongs at broker.prefetch"),
    WrongFile(
        "workers: {batch: 5}\n",
        ":1: workers: unknown key; did you mean worker?"),
    WrongFile(
        "broker:\n  batch: 5\n",
        ":2: broker.batch: unknown key; it belongs at worker.batch"),
    WrongFile(
        "worker:\n  frobnicate: 1\n",
        ":2: worker.frobnicate: unknown key; the nearest valid key is worker.batch (of batch, delivery_limit, drain_timeout, parking, inbox_retention)"
    ),
    WrongFile(
        "zzz: 1\n",
        ":1: zzz: unknown key; the nearest valid key is log (of broker, store, worker, limits, locations, allocation, policy, items, suppliers, promise, operations, log)"
    ),
    WrongFile(
        "broker: {url: amqp://u:secret@h}\n",
        ":1: broker.url: unknown key; did you mean broker.urls?"),
    WrongFile(
        "broker:\n  inputs:\n    - queue: q\n      queuetype: classic\n",
        ":4: broker.inputs[0].queuetype: unknown key; did you mean broker.inputs[0].queue_type?"),
    WrongFile(
        "broker:\n  inputs:\n    - {queue: q, bind: [{exchange: e, key: [a]}]}\n",
        ":3: broker.inputs[0].bind[0].key: unknown key; did you mean broker.inputs[0].bind[0].keys?"),
    WrongFile(
        "policy: {rules: [{match: {skus: A}}]}\n",
        ":1: policy.rules[0].match.skus: unknown key; did you mean policy.rules[0].match.sku?"),
    WrongFile(
        "policy: {on_backorder: hold}\n",
        ":1: policy.on_backorder: unknown key; it belongs at policy.default.on_backorder, policy.rules[].on_backorder or items.<sku>.on_backorder"
    ),
    WrongFile(
        "items:\n  A-100:\n    reoder: {point: 1}\n",
        ":3: items.A-100.reoder: unknown key; did you mean items.A-100.reorder?"),
    WrongFile(
        "items:\n  \"PRE-*\":\n    priority: 3\n",
        ":3: items.\"PRE-*\".priority: unknown key; it belongs at policy.default.priority or policy.rules[].priority"),
    WrongFile(
        "lead_time_days: 3\n",
        ":1: lead_time_days: unknown key; it belongs at items.<sku>.lead_time_days or suppliers.<supplier>.lead_time_days"
    ),
    WrongFile(
        "broker: {locations: []}\n",
        ":1: broker.locations: unknown key; it belongs at the top level: locations"),
    WrongFile(
        "worker: {delivery-limit: 3}\n",
        ":1: worker.delivery-limit: unknown key; did you mean worker.delivery_limit?"),
    WrongFile(
        "log: {Level: info}\n",
        ":1: log.Level: unknown key; did you mean log.level?"),
    WrongFile(
        "\"amqp://u:secret@h\": 1\n",
        ":1: \"***\": unknown key; the nearest valid key is store (of broker, store, worker, limits, locations, allocation, policy, items, suppliers, promise, operations, log)"
    ),
    WrongFile(
        "# one\n\nworker:\n  drain_timeout: 5s\n\n\n\n  batch: many\n",
        ":8: worker.batch: \"many\" is not a whole number; give a number between 1 and 10000"),
    WrongFile(
        "worker: {batch: \"200\"}\n",
        ":1: worker.batch: \"200\" is text, not a whole number; write it without quotes: 200"),
    WrongFile(
        "worker: {batch: 2.5}\n",
        ":1: worker.batch: \"2.5\" is not a whole number; give a number between 1 and 10000"),
    WrongFile(
        "worker: {batch: 0x10}\n",
        ":1: worker.batch: \"0x10\" is not a whole number; give a number between 1 and 10000"),
    WrongFile(
        "worker: {batch: 010}\n",
        ":1: worker.batch: \"010\" is not a whole number; give a number between 1 and 10000"),
    WrongFile(
        "worker: {batch: [1]}\n",
        ":1: worker.batch: a list is not a whole number; give a number between 1 and 10000"),
    WrongFile(
        "worker: {batch: }\n",
        ":1: worker.batch: nothing is not a whole number; give a number between 1 and 10000"),
    WrongFile(
        "worker: {batch: 1_000}\n",
        ":1: worker.batch: \"1_000\" is not a whole number; give a number between 1 and 10000"),
    WrongFile(
        "worker: 5\n",
        ":1: worker: \"5\" is not a map; write it as worker: {batch: 200}"),
    WrongFile(
        "worker: [batch]\n",
        ":1: worker: a list is not a map; write it as worker: {batch: 200}"),
    WrongFile(
        "broker: {urls: amqp://u:secret@h}\n",
        ":1: broker.urls: this is not a list; write it as [amqp://user:password@host:5672/%2F]"),
    WrongFile(
        "broker: {urls: [{a: b}]}\n",
        ":1: broker.urls[0]: is not a URL; write one URL"),
    WrongFile(
        "broker: {tls: {verify: yes}}\n",
        ":1: broker.tls.verify: \"yes\" is not true or false; did you mean true?"),
    WrongFile(
        "broker: {tls: {verify: 1}}\n",
        ":1: broker.tls.verify: \"1\" is not true or false; write true or false"),
    WrongFile(
        "broker: {topology: [declare]}\n",
        ":1: broker.topology: a list is not declare, verify or ignore; write one of them"),
    WrongFile(
        "broker: {output: backorder}\n",
        ":1: broker.output: \"backorder\" is not a map; write it as output: {exchange: backorder}"),
    WrongFile(
        "broker: {output: {exchange: 5}}\n",
        ":1: broker.output.exchange: 5 is a number, not text; write it in quotes: \"5\""),
    WrongFile(
        "broker: {output_queues: [a]}\n",
        ":1: broker.output_queues: a list is not a map; write it as {backorder.reorders: [reorder-requested]}"),
    WrongFile(
        "broker: {output_queues: {q: a}}\n",
        ":1: broker.output_queues.q: \"a\" is not a list; write it as [order-placed]"),
    WrongFile(
        "locations: [WH-1]\n",
        ":1: locations[0]: \"WH-1\" is not a map; write it as {id: WH-1}"),
    WrongFile(
        "locations: [{id: 4711}]\n",
        ":1: locations[0].id: 4711 is a number, not text; write it in quotes: \"4711\""),
    WrongFile(
        "locations: [{id: true}]\n",
        ":1: locations[0].id: true is a truth value, not text; write it in quotes: \"true\""),
    WrongFile(
        "locations: {id: WH-1}\n",
        ":1: locations: a map is not a list; write it as [{id: WH-1}]"),
    WrongFile(
        "locations: [{}]\n",
        ":1: locations[0]: has no id; write it as {id: WH-1}"),
    WrongFile(
        "items: [A-100]\n",
        ":1: items: a list is not a map; write it as {A-100: {supplier: ACME}}"),
    WrongFile(
        "items: {A-100: ACME}\n",
        ":1: items.A-100: \"ACME\" is not a map; write it as {supplier: ACME}"),
    WrongFile(
        "suppliers: {ACME: 14}\n",
        ":1: suppliers.ACME: \"14\" is not a map; write it as {lead_time_days: 14}"),
    WrongFile(
        "policy: {rules: {match: {sku: A}}}\n",
        ":1: policy.rules: a map is not a list; write it as - {match: {sku: \"PRE-*\"}, on_backorder: hold}"),
    WrongFile(
        "operations: null\n",
        ":1: operations: nothing is not a map; write operations: {listen: null} for no endpoint"),
    WrongFile(
        "operations: {listen: 9473}\n",
        ":1: operations.listen: \"9473\" has no port; write host:port, e.g. 127.0.0.1:9473, or null for none"),
    WrongFile(
        "log: info\n",
        ":1: log: \"info\" is not a map; write it as log: {level: info}"),
    WrongFile(
        "store: sqlite:///x\n",
        ":1: store: \"***\" is not a map; write it as store: {url: sqlite:///path}"),
    WrongFile(
        "store: {url: }\n",
        ":1: store.url: is not a URL; write one URL"),
    WrongFile(
        "promise: {promise_quantile: high}\n",
        ":1: promise.promise_quantile: \"high\" is not a number; give a number above 0 and at most 1, e.g. 0.8"),
    WrongFile(
        "broker: {inputs: [{queue: q, map: [a]}]}\n",
        ":1: broker.inputs[0].map: a list is not a map; write it as {order_id: /order/number}"),
    WrongFile(
        "worker: {batch: 0}\n",
        ":1: worker.batch: 0 is out of range; give a number between 1 and 10000"),
    WrongFile(
        "worker: {batch: -5}\n",
        ":1: worker.batch: -5 is out of range; give a number between 1 and 10000"),
    WrongFile(
        "worker: {batch: 99999999999999999999}\n",
        ":1: worker.batch: 99999999999999999999 is out of range; give a number between 1 and 10000"),
    WrongFile(
        "broker: {prefetch: 70000}\n",
        ":1: broker.prefetch: 70000 is out of range; give a number between 1 and 65535"),
    WrongFile(
        "broker: {urls: []}\n",
        ":1: broker.urls: is empty; name at least one broker, or remove the key"),
    WrongFile(
        "broker: {urls: [\"\"]}\n",
        ":1: broker.urls[0]: is empty; write amqp://user:password@host:5672/%2F"),
    WrongFile(
        "broker: {urls: [http://h]}\n",
        ":1: broker.urls[0]: is not an amqp:// or amqps:// URL; write it as amqp://user:password@host:5672/%2F"),
    WrongFile(
        "broker: {urls: [amqp://u:secret@]}\n",
        ":1: broker.urls[0]: has no host; name the host, e.g. 127.0.0.1"),
    WrongFile(
        "broker: {urls: [\"amqp://u:secret@h:99999\"]}\n",
        ":1: broker.urls[0]: has a port that is not a number between 1 and 65535; correct the port or leave it out"),
    WrongFile(
        "broker: {urls: [\"amqp://u:secret@h:x\"]}\n",
        ":1: broker.urls[0]: has a port that is not a number between 1 and 65535; correct the port or leave it out"),
    WrongFile(
        "broker: {urls: [\"amqp://u:se%zz@h\"]}\n",
        ":1: broker.urls[0]: has a % that does not begin a valid escape; write % itself as %25"),
    WrongFile(
        "broker: {urls: [\"amqp://u:se@cret@h\"]}\n",
        ":1: broker.urls[0]: has more than one @; write an @ in a user or password as %40"),
    WrongFile(
        "broker: {urls: [\"amqp://u:se/cret@h\"]}\n",
        ":1: broker.urls[0]: has an @ after its host; write /, ? and # in a password as %2F, %3F and %23"),
    WrongFile(
        "broker: {urls: [\"amqp://u:p@h/a/b\"]}\n",
        ":1: broker.urls[0]: has a / in its virtual host; write it as %2F"),
    WrongFile(
        "broker: {urls: [\"amqp://h?heartbeat=5\"]}\n",
        ":1: broker.urls[0]: has a ? or #, and a broker URL has no parameters; end it after the virtual host; in a user or password write %3F and %23"
    ),
    WrongFile(
        "broker: {urls: [localhost]}\n",
        ":1: broker.urls[0]: is not a URL; write it as amqp://user:password@host:5672/%2F"),
    WrongFile(
        "broker: {urls: [\"amqp://u:p@::1\"]}\n",
        ":1: broker.urls[0]: has more than one : after its host; write an IPv6 address in brackets, as [::1]"),
    WrongFile(
        "broker: {urls: [\"amqp://u:p@h\", \"amqp:// h\"]}\n",
        ":1: broker.urls[1]: holds a space or a control character; write it in one piece, a space as %20"),
    WrongFile(
        "broker:\n  urls: [amqps://u:secret@h]\n  tls: {certificate: /c.pem}\n",
        ":3: broker.tls.certificate: is given without broker.tls.key; give both, or neither"),
    WrongFile(
        "broker:\n  urls: [amqps://h]\n",
        ":2: broker.urls: has amqps:// without a user, and there is no broker.tls.certificate to log in with; write amqps://user:password@host, or give broker.tls.certificate and broker.tls.key"
    ),
    WrongFile(
        "broker: {topology: verfy}\n",
        ":1: broker.topology: \"verfy\" is not declare, verify or ignore; did you mean verify?"),
    WrongFile(
        "broker: {topology: create}\n",
        ":1: broker.topology: \"create\" is not declare, verify or ignore; write one of them"),
    WrongFile(
        "broker: {inputs: []}\n",
        ":1: broker.inputs: is empty; name at least one queue to read, or remove the key"),
    WrongFile(
        "broker: {inputs: [{queue_type: quorum}]}\n",
        ":1: broker.inputs[0]: has no queue; add queue: and its name"),
    WrongFile(
        "broker: {inputs: [{queue: q, queue_type: classic, single_active_consumer: true}]}\n",
        ":1: broker.inputs[0].single_active_consumer: is for quorum queues only; remove it, or set queue_type: quorum"),
    WrongFile(
        "broker: {inputs: [{queue: q, delivery_limit: 3, queue_type: classic}]}\n",
        ":1: broker.inputs[0].delivery_limit: is for quorum queues only; remove it, or set queue_type: quorum"),
    WrongFile(
        "broker: {inputs: [{queue: q, delivery_limit: 0}]}\n",
        ":1: broker.inputs[0].delivery_limit: 0 is out of range; give a number between 1 and 1000000"),
    WrongFile(
        "broker: {inputs: [{queue: \"\"}]}\n",
        ":1: broker.inputs[0].queue: is empty; write at least one character"),
    WrongFile(
        "broker: {inputs: [{queue: amq.q}]}\n",
        ":1: broker.inputs[0].queue: \"amq.q\" begins with amq., which the broker keeps for itself; name another queue"),
    WrongFile(
        "broker: {inputs: [{queue: q, type: orders-placed}]}\n",
        ":1: broker.inputs[0].type: \"orders-placed\" is not order-placed, stock-received, shipment-dispatched, order-cancelled, order-released, stock-adjusted, inbound-scheduled, inbound-cancelled or item-updated; did you mean order-placed?"
    ),
    WrongFile(
        "broker: {inputs: [{queue: q, bind: [{exchange: e, keys: []}]}]}\n",
        ":1: broker.inputs[0].bind[0].keys: is empty; give at least one routing key; \"#\" is all"),
    WrongFile(
        "broker: {inputs: [{queue: q, bind: [{keys: [a]}]}]}\n",
        ":1: broker.inputs[0].bind[0]: has no exchange; write it as {exchange: orders, keys: [order-placed]}"),
    WrongFile(
        "broker:\n  inputs:\n    - queue: q\n    - queue: q\n",
        ":4: broker.inputs[1].queue: \"q\" is already read by broker.inputs[0].queue; name another queue, or remove one of them"
    ),
    WrongFile(
        "broker:\n  inputs:\n    - queue: backorderd.dead-letter\n",
        ":3: broker.inputs[0].queue: \"backorderd.dead-letter\" is also the dead-letter queue; read another queue, or change broker.dead_letter.queue"
    ),
    WrongFile(
        "broker: {inputs: [{queue: backorder.reorders}]}\n",
        ":1: broker.inputs[0].queue: \"backorder.reorders\" is also one of the output queues; read another queue, or change broker.output_queues"
    ),
    WrongFile(
        "broker: {dead_letter: {exchange: backorder}}\n",
        ":1: broker.dead_letter.exchange: \"backorder\" is also the output exchange; name another exchange"),
    WrongFile(
        "store: {url: \"mysql://u:secret@h/db\"}\n",
        ":1: store.url: is of an unknown kind of store; write sqlite:///path, memory: or postgres://user@host/database"),
    WrongFile(
        "store: {url: \"sqlite:/var/x.db\"}\n",
        ":1: store.url: is not a store URL; write sqlite:///absolute/path or sqlite://relative/path"),
    WrongFile(
        "store: {url: \"sqlite://\"}\n",
        ":1: store.url: names no file; write sqlite:///absolute/path or sqlite://relative/path"),
    WrongFile(
        "store: {url: \"sqlite:///var/lib/\"}\n",
        ":1: store.url: names a directory; name the file in it"),
    WrongFile(
        "store: {url: \"postgres://u:secret@h:0/db\"}\n",
        ":1: store.url: has a port that is not a number between 1 and 65535; correct the port or leave it out"),
    WrongFile(
        "store: {url: \"postgers://h/db\"}\n",
        ":1: store.url: is of an unknown kind of store; did you mean postgres:?"),
    WrongFile(
        "store: {url: memory}\n",
        ":1: store.url: is not a store URL; write memory:"),
    WrongFile(
        "store: {url: /var/x.db}\n",
        ":1: store.url: is not a store URL; write sqlite:///path, memory: or postgres://user@host/database"),
    WrongFile(
        "store: {memory: }\n",
        ":1: store.memory: unknown key; the nearest valid key is store.url (of url)"),
    WrongFile(
        "worker: {drain_timeout: 20}\n",
        ":1: worker.drain_timeout: 20 has no unit; write 20s, or ms, m, h or d"),
    WrongFile(
        "worker: {drain_timeout: 20 seconds}\n",
        ":1: worker.drain_timeout: \"20 seconds\" is not a duration; write a whole number with ms, s, m, h or d, e.g. 20s"
    ),
    WrongFile(
        "worker: {drain_timeout: 0s}\n",
        ":1: worker.drain_timeout: 0s is out of range; give a duration between 1ms and 1d"),
    WrongFile(
        "worker: {parking: -1h}\n",
        ":1: worker.parking: \"-1h\" is not a duration; write a whole number with ms, s, m, h or d, e.g. 20s"),
    WrongFile(
        "worker: {inbox_retention: 99999d}\n",
        ":1: worker.inbox_retention: 99999d is out of range; give a duration between 1ms and 3650d"),
    WrongFile(
        "limits: {lines: 0}\n",
        ":1: limits.lines: 0 is out of range; give a number between 1 and 1000000"),
    WrongFile(
        "limits: {message_bytes: 1MiB}\n",
        ":1: limits.message_bytes: \"1MiB\" is not a whole number; give a number between 1 and 134217728"),
    WrongFile(
        "locations:\n  - id: WH-1\n  - id: WH-2\n  - id: WH-1\n",
        ":4: locations[2].id: \"WH-1\" is already on line 2; list each location once"),
    WrongFile(
        "locations: [{id: \"\"}]\n",
        ":1: locations[0].id: is empty; write at least one character"),
    WrongFile(
        "locations: [{id: \"a\\tb\"}]\n",
        ":1: locations[0].id: \"a\\tb\" holds a control character; remove it"),
    WrongFile(
        "locations: [{id: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}]\n",
        ":1: locations[0].id: is 129 bytes long; use at most 128 bytes"),
    WrongFile(
        "allocation: {strategy: priorty}\n",
        ":1: allocation.strategy: \"priorty\" is not priority, due-date, smallest-first or fair-share; did you mean priority?"
    ),
    WrongFile(
        "allocation: {sourcing: cheapest}\n",
        ":1: allocation.sourcing: \"cheapest\" is not fewest-splits or fewest-shipments; write one of them"),
    WrongFile(
        "policy: {default: {on_backorder: acept}}\n",
        ":1: policy.default.on_backorder: \"acept\" is not accept, hold or refuse; did you mean accept?"),
    WrongFile(
        "policy: {default: {backorder_limit: -1}}\n",
        ":1: policy.default.backorder_limit: -1 is out of range; give a number between 0 and 1000000000000"),
    WrongFile(
        "policy: {default: {backorder_limit: unlimited}}\n",
        ":1: policy.default.backorder_limit: \"unlimited\" is not a whole number; give a number between 0 and 1000000000000"
    ),
    WrongFile(
        "policy: {default: {ship: whole}}\n",
        ":1: policy.default.ship: \"whole\" is not partial or complete; write one of them"),
    WrongFile(
        "policy: {rules: [{priority: 12}]}\n",
        ":1: policy.rules[0].priority: 12 is out of range; give a number between 0 and 9"),
    WrongFile(
        "items: {A: {reorder: {point: 10, up_to: 5}}}\n",
        ":1: items.A.reorder.point: 10 is more than up_to, which is 5; give a point of at most 5, or raise up_to"),
    WrongFile(
        "items: {A: {reorder: {multiple: 0}}}\n",
        ":1: items.A.reorder.multiple: 0 is out of range; give a number between 1 and 1000000000"),
    WrongFile(
        "items: {A: {lead_time_days: -1}}\n",
        ":1: items.A.lead_time_days: -1 is out of range; give a number between 0 and 36500"),
    WrongFile(
        "items: {\"\": {supplier: A}}\n",
        ":1: items.\"\": is empty; write at least one character"),
    WrongFile(
        "promise: {promise_quantile: 1.5}\n",
        ":1: promise.promise_quantile: 1.5 is out of range; give a number above 0 and at most 1, e.g. 0.8"),
    WrongFile(
        "promise: {promise_quantile: -0.1}\n",
        ":1: promise.promise_quantile: -0.1 is out of range; give a number above 0 and at most 1, e.g. 0.8"),
    WrongFile(
        "promise: {promise_quantile: .nan}\n",
        ":1: promise.promise_quantile: \".nan\" is not a number; give a number above 0 and at most 1, e.g. 0.8"),
    WrongFile(
        "promise: {handling_days: -1}\n",
        ":1: promise.handling_days: -1 is out of range; give a number between 0 and 36500"),
    WrongFile(
        "promise: {notify_after_hours: soon}\n",
        ":1: promise.notify_after_hours: \"soon\" is not a whole number; give a number between 0 and 876000"),
    WrongFile(
        "operations: {listen: localhost}\n",
        ":1: operations.listen: \"localhost\" has no port; write host:port, e.g. 127.0.0.1:9473, or null for none"),
    WrongFile(
        "operations: {listen: \":9473\"}\n",
        ":1: operations.listen: \":9473\" has no host; write host:port, e.g. 127.0.0.1:9473, or null for none"),
    WrongFile(
        "operations: {listen: 127.0.0.1:99999}\n",
        ":1: operations.listen: \"127.0.0.1:99999\" has a port that is not a number between 1 and 65535; write host:port, e.g. 127.0.0.1:9473, or null for none"
    ),
    WrongFile(
        "log: {level: warn}\n",
        ":1: log.level: \"warn\" is not trace, debug, info, notice, warning, error or critical; did you mean warning?"),
    WrongFile(
        "log: {level: loud}\n",
        ":1: log.level: \"loud\" is not trace, debug, info, notice, warning, error or critical; write one of them"),
    WrongFile(
        "log: {format: xml}\n",
        ":1: log.format: \"xml\" is not auto, text, json or journald; write one of them"),
    WrongFile(
        "worker:\n  batch: 1\n  parking: 1h\n  batch: 2\n",
        ":4: worker.batch: is given twice; keep one of lines 2 and 4"),
    WrongFile(
        "worker: {}\nlog: {}\nworker: {}\n",
        ":3: worker: is given twice; keep one of lines 1 and 3"),
    WrongFile(
        "items:\n  \"A\": {}\n  'A': {}\n",
        ":3: items.A: is given twice; keep one of lines 2 and 3"),
    WrongFile(
        "worker:\n\tbatch: 5\n",
        ":2: not valid YAML: while scanning for the next token: found character that cannot start any token; indent with spaces, not tabs, and put text with special characters in quotes"
    ),
    WrongFile(
        "worker:\n  batch: 5\n parking: 1h\n",
        ":3: not valid YAML: while parsing a block mapping begun on line 1: did not find expected key; check the indentation, quotes and brackets here and just above"
    ),
    WrongFile(
        "worker: {batch: 5\n",
        ":2: not valid YAML: while parsing a flow mapping begun on line 1: did not find expected ',' or '}'; check the indentation, quotes and brackets here and just above"
    ),
    WrongFile(
        "log: {level: \"info}\n",
        ":2: not valid YAML: while scanning a quoted scalar begun on line 1: found unexpected end of stream; check the indentation, quotes and brackets here and just above"
    ),
    WrongFile(
        "a: b: c\n",
        ":1: not valid YAML: mapping values are not allowed in this context; check the indentation, and put text with a colon in quotes"
    ),
    WrongFile(
        "log: *level\n",
        ":1: not valid YAML: found undefined alias; define the anchor with & above its use, or put the text in quotes"),
    WrongFile(
        "- a\n- b\n",
        ":1: a list is not a map; write it as key: value, one a line"),
    WrongFile(
        "hello\n",
        ":1: \"hello\" is not a map; write it as key: value, one a line"),
    WrongFile(
        "log: {level: info}\n---\nlog: {level: info}\n",
        ":2: not valid YAML: found another document; keep one document"),
    WrongFile(
        "? [a, b]\n: c\n",
        ":1: a key is not text; write keys as plain words"),
    WrongFile(
        "worker: {<<: 5}\n",
        ":1: worker.\"<<\": merges something that is not a map; name an anchor of a map: <<: *name"),
    WrongFile(
        "log: {level: \"\\q\"}\n",
        ":1: not valid YAML: while parsing a quoted scalar: found unknown escape character; check the indentation, quotes and brackets here and just above"
    ),
    WrongFile(
        "log:\n  level: \u{1}\n",
        ":2: not valid YAML: control characters are not allowed; remove it, or write it as an escape in double quotes"),
    WrongFile(
        "policy:\n  rules:\n    - match: {sku: A}\n      ship: compleet\n",
        ":4: policy.rules[0].ship: \"compleet\" is not partial or complete; did you mean complete?"),
    WrongFile(
        "items:\n  a.b:\n    ship: none\n",
        ":3: items.\"a.b\".ship: \"none\" is not partial or complete; write one of them"),
    WrongFile(
        "worker:\n  batch: many\n  drain_timeout: 5\nbrokr: {}\n",
        ":2: worker.batch: \"many\" is not a whole number; give a number between 1 and 10000"),
    WrongFile(
        "worker: {batchsize: 5}\n",
        ":1: worker.batchsize: unknown key; the nearest valid key is worker.batch (of batch, delivery_limit, drain_timeout, parking, inbox_retention)"
    ),
    WrongFile(
        "broker: {urls: [amqps://h], tls: {verify: false, key: /k}}\n",
        ":1: broker.tls.key: is given without broker.tls.certificate; give both, or neither"),
    WrongFile(
        "items: {A: {supplier: 12}}\n",
        ":1: items.A.supplier: 12 is a number, not text; write it in quotes: \"12\""),
    WrongFile(
        "broker: {dead_letter: {queue: backorder.reorders}}\n",
        ":1: broker.dead_letter.queue: \"backorder.reorders\" is also one of the output queues; name another queue"),
    WrongFile(
        "store: {url: \"sqlite:///x?mode=ro\"}\n",
        ":1: store.url: has a ? or #, and sqlite takes no parameters; end it after the path; in a path write %3F and %23"
    ),
    WrongFile(
        "store: {url: \"postgres://u:se:cret@h/db\"}\n",
        ":1: store.url: has a : in its password; write it as %3A"),
    WrongFile(
        "store: {url: \"\"}\n",
        ":1: store.url: is empty; write sqlite:///path, memory: or postgres://user@host/database"),
    WrongFile(
        "policy: {default: {backorder_limit: \"5\"}}\n",
        ":1: policy.default.backorder_limit: \"5\" is text, not a whole number; write it without quotes: 5"),
    WrongFile(
        "store: {url: \"memory://\"}\n",
        ":1: store.url: is not a store URL; write memory:"),
    WrongFile(
        "broker: {tls: [a]}\n",
        ":1: broker.tls: a list is not a map; write it as tls: {ca: /path}"),
    WrongFile(
        "broker: {inputs: {queue: q}}\n",
        ":1: broker.inputs: a map is not a list; write it as - queue: backorderd.inbound"),
    WrongFile(
        "a: 1\nb: 2\na: 3\nb: 4\n",
        ":1: a: unknown key; did you mean broker.tls.ca?"),
    WrongFile(
        "store: {url: postgres://h1,h2:2/db?password=secret}\n",
        ":1: store.\"***\": unknown key; the nearest valid key is store.url (of url)"),
]
