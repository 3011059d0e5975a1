#!/usr/bin/env python3
"""What a mapping costs: CPU microseconds for each message over the native shape, inputs and outputs.

    mapping.py --binary PATH [--messages 200000] [--rounds 5] [--inputs-only]

Inputs: one order of four lines many times over, through `replay` and a store in memory: the first one is applied, all others
are duplicates, so that reading is most of what is done. The same order in the contract's shape and in foreign ones of about
the same length, taken in turn. Outputs: an order after the other, each back-ordered; with and without a map of the output.
"""
import argparse, json, os, statistics, subprocess, tempfile

LINES = [{"sku": f"TENT-{n}P", "quantity": n, "unit_price": 199.5, "line_id": str(n)} for n in range(1, 5)]
NATIVE = {"type": "order-placed", "id": "order-created-1042", "time": "2026-06-01T10:00:00Z", "order_id": "O-1042", "currency": "EUR",
          "customer": {"id": "C-77", "segment": "gold", "contact": "jo@shop.example"}, "lines": LINES}
RENAMED = {"event": "order.created", "key": "order-created-1042", "at": "2026-06-01T10:00:00Z", "order": {
    "number": "O-1042", "money": "EUR", "buyer": {"no": "C-77", "tier": "gold", "mail": "jo@shop.example"},
    "items": [{"art": i["sku"], "pcs": i["quantity"], "price": i["unit_price"], "pos": i["line_id"]} for i in LINES]}}
COERCED = {"event": "order.created", "key": "order-created-1042", "at": 1780308000000, "order": {
    "number": 1042, "shop": "DE", "money": "EUR", "buyer": {"no": "C-77", "tier": "1", "mail": "jo@shop.example"},
    "items": [{"art": i["sku"].lower(), "pcs": str(i["quantity"]), "price": "199,5", "pos": int(i["line_id"])} for i in LINES]}}
MAPS = {
    "renamed and nested": """
        type: {from: /event, is: {order.created: order-placed}, else: skip}
        id: /key
        time: /at
        order_id: /order/number
        currency: /order/money
        customer.id: /order/buyer/no
        customer.segment: /order/buyer/tier
        customer.contact: /order/buyer/mail
        lines: /order/items
        lines[].sku: /art
        lines[].quantity: /pcs
        lines[].unit_price: /price
        lines[].line_id: /pos
""",
    "the same with joins, tables, coercions, filters": """
        skip: {unless: {/event: "order.*"}}
        type: {from: /event, is: {order.created: order-placed}, else: skip}
        id: /key
        time: {from: /at, as: unix-milliseconds}
        order_id: [/order/shop, "-", /order/number]
        currency: /order/money
        customer.id: /order/buyer/no
        customer.segment: {from: /order/buyer/tier, is: {1: gold, 2: silver}, else: normal}
        customer.contact: /order/buyer/mail
        lines: {from: /order/items, skip: {when: {/virtual: true}}}
        lines[].sku: {from: /art, as: [trim, upper]}
        lines[].quantity: {from: /pcs, as: string-integer}
        lines[].unit_price: {from: /price, as: [decimal-comma, string-number]}
        lines[].line_id: {from: /pos, as: text}
""",
}
OUTPUTS = {
    "routing key and exchange alone": "customer-notification: {exchange: mail, routing_key: [notice., /kind]}",
    "CloudEvents, structured": "{envelope: cloudevents, source: /shop, type: [com.example., {property: routing_key}], subject: /order_id}",
    "a body of its own": """
      customer-notification:
        body:
          order.number: /order_id
          event: {from: /kind, is: {order-backordered: LATE}, else: OTHER}
          at: {from: /time, as: unix-seconds}
          items: /lines
          items[].article: /sku
          items[].pieces: /quantity
      reorder-requested: {body: {material: /sku, amount: {from: /quantity, as: text}, plant: /location}}
""",
}


def seconds(binary, scratch, name, config, text):
    with open(f"{scratch}/{name}.yaml", "w") as file:
        file.write(config + "store: {url: \"memory:\"}\nlocations: [{id: WH-1}]\noperations: {listen: null}\n")
    process = subprocess.Popen([binary, "replay", "--config", f"{scratch}/{name}.yaml", "--input", "q", text],
                               stdout=open(f"{scratch}/{name}.out", "wb"), env={k: v for k, v in os.environ.items() if not k.startswith("BACKORDERD_")})
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name}: exit {process.returncode}")
    with open(f"{scratch}/{name}.out", "rb") as file:
        return used.ru_utime + used.ru_stime, sum(1 for _ in file)


def table(title, rounds, count, cases, run):
    """Cases in turn, round by round; the first is what the others are compared with."""
    used, outputs = {name: [] for name in cases}, {}
    for _ in range(rounds):
        for name in cases:
            cpu, outputs[name] = run(name)
            used[name].append(cpu / count * 1e6)
    base = next(iter(cases))
    print(f"| {title} | CPU µs each | over the first, median (range) | outputs |\n|---|---|---|---|")
    for name in cases:
        over = [mine - other for mine, other in zip(used[name], used[base])]
        told = "–" if name == base else f"{statistics.median(over):+.2f} ({min(over):+.2f} … {max(over):+.2f})"
        print(f"| {name} | {statistics.median(used[name]):.2f} | {told} | {outputs[name]} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--inputs-only", action="store_true", help="for a binary without broker.output.map")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        bodies = {"native": NATIVE, **dict(zip(MAPS, (RENAMED, COERCED)))}
        for number, body in enumerate(bodies.values()):
            with open(f"{scratch}/{number}.ndjson", "w") as file:
                file.write((json.dumps(body, separators=(",", ":")) + "\n") * options.messages)

        def read(name):
            number = list(bodies).index(name)
            mapping = f"      map:{MAPS[name]}" if name in MAPS else ""
            return seconds(options.binary, scratch, f"in-{number}", f"broker:\n  inputs:\n    - queue: q\n{mapping}", f"{scratch}/{number}.ndjson")
        table("inputs", options.rounds, options.messages, list(bodies), read)
        if options.inputs_only:
            return
        orders = options.messages // 10
        with open(f"{scratch}/orders.ndjson", "w") as file:
            for number in range(orders):
                file.write(json.dumps({**NATIVE, "id": f"m-{number}", "order_id": f"O-{number}", "lines": [{"sku": f"SKU-{number}", "quantity": 2}]}) + "\n")

        def write(name):
            number = ["native", *OUTPUTS].index(name)
            output = f"  output:\n    map: {OUTPUTS[name]}\n" if OUTPUTS.get(name, "").startswith("{") else \
                f"  output:\n    map:\n      {OUTPUTS[name].strip()}\n" if name in OUTPUTS else ""
            return seconds(options.binary, scratch, f"out-{number}", f"broker:\n  inputs: [{{queue: q}}]\n{output}", f"{scratch}/orders.ndjson")
        print()
        table("outputs, of two", options.rounds, 2 * orders, ["native", *OUTPUTS], write)


if __name__ == "__main__":
    main()
