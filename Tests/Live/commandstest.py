#!/usr/bin/env python3
"""The command line: exit codes of the contract, JSON that stays as it is, suggestions for what is spelt wrong. Needs no service.

    commandstest.py --binary PATH
"""
import argparse, json, os, subprocess, tempfile

from harness import Table

GOOD = b'{"type":"order-placed","id":"m1","time":"2026-03-02T09:00:00Z","order_id":"O1","lines":[{"sku":"A","quantity":3}]}\n'
RECEIPT = b'{"type":"stock-received","id":"m2","time":"2026-03-02T10:00:00Z","receipt_id":"R1","location":"WH1","lines":[{"sku":"A","quantity":2}]}\n'
KEYS = {
    "stock": ["sku", "location", "on_hand", "allocated"],
    "back-orders": ["order_id", "line_id", "sku", "waiting", "place", "promised_at"],
    "order": ["order_id", "status", "placed_at", "lines"],
    "line": ["line_id", "sku", "ordered", "allocated", "waiting", "held", "dispatched", "cancelled", "refused", "first_promised_at", "promised_at", "estimated_at"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    options = parser.parse_args()
    binary, table = os.path.abspath(options.binary), Table()
    clean = {k: v for k, v in os.environ.items() if not k.startswith("BACKORDERD_")}
    with tempfile.TemporaryDirectory() as directory:
        def written(name, text):
            with open(f"{directory}/{name}", "w") as file:
                file.write(text)
            return f"{directory}/{name}"

        config = written("good.yaml", f"broker: {{urls: [\"amqp://u:p@127.0.0.1:1/\"]}}\nstore: {{url: \"sqlite://{directory}/store.db\"}}\nlocations: [{{id: WH1}}]\noperations: {{listen: null}}\n")
        bad = written("bad.yaml", "worker: {bath: 3}\n")
        away = written("away.yaml", "store: {url: \"sqlite:///proc/nowhere/store.db\"}\n")

        def run(line, stdin=b"", file=config):
            arguments = line.split()
            if file and arguments[0] != "help" and "--config" not in arguments:
                arguments += ["--config", file]
            return subprocess.run([binary, *arguments], input=stdin, capture_output=True, env=clean, timeout=60)

        def code(line, wanted, stdin=b"", file=config, said=""):
            done = run(line, stdin, file)
            text = (done.stdout + done.stderr).decode()
            table.check(f"{line}: {wanted}" + (f", {said}" if said else ""), done.returncode == wanted and said in text,
                        "" if done.returncode == wanted and said in text else f"{done.returncode}: {text[:300]}")
            return done.stdout

        code("check", 0)
        code("check", 78, file=bad, said="worker.batch")
        code("run", 78, file=bad, said="worker.batch")
        code("run", 1, file=away)
        code("check --broker", 1)
        code("show stock", 1, said="is not there")
        code("migrate", 0)
        code("check --store", 0)
        for what in ("stock", "back-orders", "supply", "reorders", "parked", "discrepancies", "demand"):
            table.check(f"show {what} --format json on empty books", json.loads(code(f"show {what} --format json", 0)) == [])
        code("show order nobody", 66)
        code("explain order nobody", 66)
        code("replay", 0, GOOD)
        code("replay", 65, GOOD + b"{\n" + RECEIPT, said="malformed")
        table.check("show stock: keys", [list(row) for row in json.loads(code("show stock --format json", 0))] == [KEYS["stock"]])
        table.check("show back-orders: keys", [list(row) for row in json.loads(code("show back-orders --format json", 0))] == [KEYS["back-orders"]])
        shown = json.loads(code("show order O1 --format json", 0))
        # The contract's keys; there may be more.
        missing = [key for key in KEYS["order"] if key not in shown] + [key for line in shown["lines"] for key in KEYS["line"] if key not in line]
        table.check("show order: keys", not missing and len(shown["lines"]) == 1, missing or list(shown))
        code("explain order O1", 0)
        # Two lines of one order for the same SKU, the first of them first in the queue of all.
        pair = {"type": "order-placed", "id": "m3", "time": "2026-03-02T09:00:00Z", "order_id": "O2",
                "lines": [{"line_id": n, "sku": "B", "quantity": 3} for n in ("1", "2")]}
        run("replay", (json.dumps(pair) + "\n").encode())
        told = code("explain order O2", 0).decode()
        table.check("explain names who is ahead, the order's own line too", "3 units ahead, first O2 (3)." in told, told[-400:])
        code("verify", 0)
        code("dead-letters list", 1)
        code("topology print", 0)
        for line, meant in {
            "shw stock": "backorderd show", "show stok": "backorderd show stock", "runn": "backorderd run", "dead-leters list": "backorderd dead-letters",
            "dead-letters lst": "backorderd dead-letters list", "topology prnt": "backorderd topology print", "explain ordr O1": "backorderd explain order",
            "show stock --fromat json": "--format", "dead-letters replay --al": "--all", "check --brokr": "--broker",
            "show stock --format jsn": "'json'",
        }.items():
            code(line, 64, said=meant)
        code("zzzzzz", 64, said="Commands: run")
    table.done()


if __name__ == "__main__":
    main()
