#!/usr/bin/env python3
"""`try` decides on an empty store, `try --live` on the one that is configured, and nothing of either is kept.

    trytest.py --binary PATH [--postgres URL]     (an empty database, which is left with one SKU in it)
"""
import argparse, json, os, subprocess, tempfile

from harness import Table

MAP = """broker:
  inputs:
    - queue: shop
      type: order-placed
      map: {order_id: {property: id}, lines: /items, "lines[].sku": /art, "lines[].quantity": {from: /n, as: [{before: " "}, string-integer]}}
    - queue: stock
      type: stock-received
locations: [{id: WH1}]
operations: {listen: null}
"""
RECEIPT = {"id": "r1", "time": "2026-03-02T09:00:00Z", "receipt_id": "R1", "location": "WH1", "lines": [{"sku": "TRY-1", "quantity": 5}]}


def check(table, name, store, binary, directory):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("BACKORDERD_")}

    def run(command, *arguments):
        return subprocess.run([binary, *command.split(), "--config", f"{directory}/c.yaml", "--store", store, *arguments],
                              capture_output=True, text=True, env=environment, timeout=60)

    early = run("try", "--live", f"{directory}/order.json")
    table.check(f"{name}: a store that is not there, or not migrated: 1, and what to do", early.returncode == 1 and early.stderr.strip(), early.stderr.strip())
    table.check(f"{name}: migrate", run("migrate").returncode == 0)
    table.check(f"{name}: stock comes", run("replay", "--input", "stock", f"{directory}/receipt.ndjson").returncode == 0)
    books = [run(f"show {what}", "--format", "json").stdout for what in ("stock", "back-orders", "reorders")]
    for again in ("", ", again"):
        live = run("try", "--live", "--id", "O-1", f"{directory}/order.json")
        table.check(f"{name}: --live has the stock{again}", live.returncode == 0 and "order-confirmed" in live.stdout and "=> applied" in live.stdout, live.stderr)
    table.check(f"{name}: nothing of it is kept", [run(f"show {what}", "--format", "json").stdout for what in ("stock", "back-orders", "reorders")] == books
                and json.loads(books[0])[0]["allocated"] == 0 and run("show order", "O-1").returncode == 66)
    empty = run("try", "--id", "O-1", f"{directory}/order.json")
    table.check(f"{name}: without --live nothing is in stock", empty.returncode == 0 and "order-backordered" in empty.stdout, empty.stderr)
    wrong = run("try", "--live", "--id", "O-2", f"{directory}/wrong.json")
    table.check(f"{name}: a rejection says which pointer found what: 65", wrong.returncode == 65 and '"two" is not a whole number (at /items/0/n)' in wrong.stdout, wrong.stdout[-200:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--postgres")
    options = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory() as directory:
        for name, text in {"c.yaml": MAP, "receipt.ndjson": json.dumps(RECEIPT) + "\n",
                           "order.json": json.dumps({"items": [{"art": "TRY-1", "n": "2 pcs"}]}),
                           "wrong.json": json.dumps({"items": [{"art": "TRY-1", "n": "two"}]})}.items():
            with open(f"{directory}/{name}", "w") as file:
                file.write(text)
        check(table, "SQLite", f"sqlite://{directory}/store.db", os.path.abspath(options.binary), directory)
        if options.postgres:
            check(table, "PostgreSQL", options.postgres, os.path.abspath(options.binary), directory)
    table.done()


if __name__ == "__main__":
    main()
