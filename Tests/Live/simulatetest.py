#!/usr/bin/env python3
"""`backorderd simulate` on small histories, against figures worked out by hand. Needs no broker.

    simulatetest.py --binary PATH
"""
import argparse, csv, io, json, os, subprocess, tempfile

from harness import Table

BASE = "locations: [{id: WH1}]\n"


def at(day, hour, minute=0):
    return f"2026-03-{day:02}T{hour:02}:{minute:02}:00Z"


def order(name, when, *lines, **more):
    return {"type": "order-placed", "id": f"m-{name}", "time": when, "order_id": name,
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines], **more}


def receipt(name, when, *lines):
    return {"type": "stock-received", "id": f"m-{name}", "time": when, "receipt_id": name, "location": "WH1",
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines]}


class Bench:
    def __init__(self, binary, directory):
        self.binary, self.directory = os.path.abspath(binary), directory
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("BACKORDERD_")}

    def config(self, name, text):
        path = f"{self.directory}/{name}.yaml"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(BASE + text)
        return path

    def run(self, configs, history, *options, piped=False):
        path = f"{self.directory}/history.ndjson"
        with open(path, "w") as file:
            file.writelines((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in history)
        command = [self.binary, "simulate", *(a for c in configs for a in ("--config", c)), *options]
        if piped:  # through a pipe, which can't be read twice
            with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as cat:
                return subprocess.run(command, stdin=cat.stdout, capture_output=True, text=True, env=self.environment)
        return subprocess.run([*command, path], capture_output=True, text=True, env=self.environment)

    def figures(self, configs, history):
        run = self.run(configs, history, "--format", "json")
        if run.returncode:
            raise SystemExit(f"FAILED: simulate: exit {run.returncode}: {run.stderr}")
        return {row["configuration"]: row for row in json.loads(run.stdout)}


def compare(table, name, row, **wanted):
    wrong = {key: (row.get(key), value) for key, value in wanted.items() if row.get(key) != value}
    table.check(name, not wrong, f"found, wanted: {wrong}" if wrong else f"{len(wanted)} figures")


def partial_and_complete(table, bench):
    promise = "promise: {default_lead_time_days: 1, handling_days: 0}\n"
    configs = [bench.config("partial", promise), bench.config("complete", promise + "policy: {default: {ship: complete}}\n")]
    history = [
        receipt("R0", at(1, 0), ("A", 5)),
        order("O1", at(1, 1), ("A", 3), ("B", 2)),  # A at once, B is asked for: promised for the 2nd, 01:00
        order("O2", at(1, 2), ("A", 4)),            # two at once, two are asked for: promised for the 2nd, 02:00
        receipt("R1", at(2, 1), ("B", 2)),          # O1 is whole: on the hour it was promised for
        receipt("R2", at(3, 2), ("A", 1)),          # one of O2's two: late, and one waits on
    ]
    found = bench.figures(configs, history)
    shared = dict(orders=2, units_ordered=9, units_at_once=5, fill_rate=0.5556, units_waiting=1, units_cancelled=0, units_refused=0,
                  orders_held=0, reorders=2, units_reordered=4, lines_first_promise_kept=1, lines_first_promise_broken=1,
                  first_promise_kept_rate=0.5, lines_last_promise_kept=1, lines_last_promise_broken=0, last_promise_kept_rate=1,
                  **{"notices_order-backordered": 2, "notices_order-confirmed": 0}, inputs_rejected=0)
    # Waited: O1's two B for 24 h, one A of O2 for 48 h.
    compare(table, "partial", found["partial"], **shared, units_filled_later=3, wait_p50_seconds=24 * 3600, wait_p95_seconds=48 * 3600,
            shipments=4, shipments_per_order=2, **{"notices_backorder-filled": 2})
    # All five of O1 could go after 24 h; nothing of O2 could.
    compare(table, "complete", found["complete"], **shared, units_filled_later=5, wait_p50_seconds=24 * 3600, wait_p95_seconds=24 * 3600,
            shipments=1, shipments_per_order=1, **{"notices_backorder-filled": 1})


def strategies(table, bench):
    configs = [bench.config("priority", ""), bench.config("smallest", "allocation: {strategy: smallest-first}\n")]
    history = [order("O1", at(1, 0), ("A", 4)), order("O2", at(1, 1), ("A", 1)), order("O3", at(1, 2), ("A", 2)),
               receipt("R1", at(1, 10), ("A", 3)), receipt("R2", at(1, 20), ("A", 4))]
    found = bench.figures(configs, history)
    shared = dict(units_ordered=7, units_at_once=0, fill_rate=0, units_filled_later=7, units_waiting=0, reorders=3, units_reordered=7)
    # O1 3 × 10 h, then O3 2 × 18 h, O2 19 h, O1 20 h: the fourth of seven is 18 h.
    compare(table, "priority", found["priority"], **shared, wait_p50_seconds=18 * 3600, wait_p95_seconds=20 * 3600, shipments=4, shipments_per_order=1.3333)
    # O3 2 × 8 h, O2 9 h, then O1 4 × 20 h: the fourth of seven is 20 h.
    compare(table, "smallest-first", found["smallest"], **shared, wait_p50_seconds=20 * 3600, wait_p95_seconds=20 * 3600, shipments=3, shipments_per_order=1)


def policies(table, bench):
    configs = [bench.config(f"{name}/shop", f"policy: {{default: {{on_backorder: {name}}}}}\n") for name in ("accept", "hold", "refuse")]
    history = [receipt("R0", at(1, 0), ("A", 1)), order("O1", at(1, 1), ("A", 3)), order("O2", at(1, 2), ("B", 2)), '{"type": "order-placed"',
               {"type": "order-cancelled", "id": "c", "time": at(1, 3), "order_id": "O2"}]
    found = bench.figures(configs, history)
    table.check("names: as much of the path as tells them apart", list(found) == ["accept/shop", "hold/shop", "refuse/shop"], list(found))
    compare(table, "accept", found["accept/shop"], units_at_once=1, units_waiting=2, units_cancelled=2, units_refused=0, orders_held=0, inputs_rejected=1)
    compare(table, "hold", found["hold/shop"], units_at_once=0, units_held=3, units_waiting=0, units_cancelled=2, orders_held=2, reorders=0, **{"notices_order-held": 2})
    compare(table, "refuse", found["refuse/shop"], units_at_once=1, fill_rate=0.2, units_refused=4, units_cancelled=0, **{"notices_order-refused": 2})
    one = bench.run(configs, history, "--format", "csv")
    told = [line for line in one.stderr.splitlines() if "rejected" in line]
    table.check("a rejected line is told once, with its number", len(told) == 1 and "line 4: malformed" in told[0] and one.returncode == 0, told)
    again, piped = bench.run(configs, history, "--format", "csv"), bench.run(configs, history, "--format", "csv", piped=True)
    table.check("the same bytes again, also from a pipe", one.stdout == again.stdout == piped.stdout and one.stdout.count("\n") == 4)
    rows = list(csv.DictReader(io.StringIO(one.stdout)))
    table.check("csv and json say the same", all(str(found[r["configuration"]]["units_waiting"]) == r["units_waiting"] for r in rows))
    shown = bench.run([configs[0], configs[0]], history)
    table.check("a table; one file twice is two columns", "accept/shop#2" not in shown.stdout and "shop#2" in shown.stdout and shown.returncode == 0, shown.stdout.splitlines()[0])
    wrong = bench.run([configs[0], bench.config("wrong", "polcy: 1\n")], history)
    table.check("a wrong configuration: exit 78, nothing printed", wrong.returncode == 78 and "polcy" in wrong.stderr and not wrong.stdout, wrong.stderr.strip())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        table, bench = Table(), Bench(options.binary, directory)
        partial_and_complete(table, bench)
        strategies(table, bench)
        policies(table, bench)
    table.done()


if __name__ == "__main__":
    main()
