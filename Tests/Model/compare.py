"""Feeds random histories to the model and to `backorderd replay`, and says where they differ.

    compare.py --binary B --seeds 1-300 [--jobs 1] [--strategy S] [--show-every 25]
"""
import argparse
import concurrent.futures
import datetime
import json
import os
import sqlite3
import subprocess
import sys
import tempfile

import histories
from books import write_time
from model import Model


def clean(value):
    """A key that is null is a key that is absent."""
    if isinstance(value, dict):
        return {key: clean(part) for key, part in value.items() if part is not None and key != "id"}
    return [clean(part) for part in value] if isinstance(value, list) else value


class Program:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def call(self, *arguments):
        done = subprocess.run([self.binary, *arguments], capture_output=True, text=True, cwd=self.folder)
        return done

    def run(self, config, messages, show):
        """Answers outputs, rejections and end state."""
        for name in os.listdir(self.folder):
            os.unlink(os.path.join(self.folder, name))
        config = json.loads(json.dumps(config))
        config["worker"]["parking"] = f'{config["worker"].pop("parking_hours")}h'
        self.configuration = os.path.join(self.folder, "config.yaml")
        with open(self.configuration, "w") as file:
            json.dump(config, file)
        with open(os.path.join(self.folder, "in.ndjson"), "w") as file:
            file.writelines(json.dumps(message) + "\n" for message in messages)
        self.store = os.path.join(self.folder, "store.db")
        done = self.call("replay", "--config", self.configuration, "--store", f"sqlite://{self.store}", "in.ndjson")
        if done.returncode not in (0, 65):
            raise RuntimeError(f"replay ended with {done.returncode}: {done.stderr[-2000:]}")
        outputs = [json.loads(line) for line in done.stdout.splitlines()]
        rejected = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
        rejected = [{"line": entry["line"], "reason": entry["reason"]} for entry in rejected if "line" in entry]
        return outputs, rejected, self.shown(messages) if show else self.rows()

    def show(self, *arguments):
        done = self.call("show", *arguments, "--format", "json", "--config", self.configuration, "--store", f"sqlite://{self.store}")
        return json.loads(done.stdout) if done.stdout.strip() else []

    def shown(self, messages):
        """The end state as `backorderd show` prints it."""
        ids = sorted({m["order_id"] for m in messages if "order_id" in m}, key=str.encode)
        return {"stock": self.show("stock"), "orders": [order for order in (self.show("order", id) for id in ids) if order],
                "back_orders": self.show("back-orders"), "supply": self.show("supply"),
                "discrepancies": [[d["kind"], d["sku"], d["location"], d["quantity"], d["message_id"]] for d in self.show("discrepancies")]}

    def rows(self):
        """The same from the rows: a process for each order takes long."""
        database = sqlite3.connect(self.store)
        database.row_factory = sqlite3.Row
        skus = dict(database.execute("select sku_id, sku from sku").fetchall())

        def read(query):
            rows = [dict(row) for row in database.execute(query)]
            for row in rows:
                if "sku_id" in row:
                    row["sku"] = skus[row["sku_id"]]
                for key in row:
                    if key.endswith("_at") and row[key] is not None:
                        row[key] = write_time(row[key] // 1000)
            return rows
        lines = read("select * from order_line order by line_key")
        orders = read("select * from orders")
        for order in orders:
            order["lines"] = [line for line in lines if line["order_id"] == order["order_id"]]
        state = {"stock": read("select * from stock"), "orders": orders, "supply": read("select * from supply where outstanding > 0"),
                 "discrepancies": [[d["kind"], d["sku"], d["location"], d["quantity"], d["message_id"]]
                                   for d in read("select * from discrepancy")]}
        for supply in state["supply"]:
            supply["id"] = supply["supply_id"]
        database.close()
        return state


def like(part, model):
    """Only the keys that the model has."""
    return {key: part.get(key) for key in model}


def same_form(state, model):
    """Both end states with the same keys in the same order."""
    def tidy(rows, keys, order):
        return sorted((clean({key: row.get(key) for key in keys}) for row in rows), key=lambda row: [str(row.get(k)) for k in order])
    form = {}
    stock = [row for row in state["stock"] if row["on_hand"] or row["allocated"]]
    form["stock"] = tidy(stock, ("sku", "location", "on_hand", "allocated"), ("sku", "location"))
    lines = ("line_id", "sku", "ordered", "allocated", "waiting", "held", "dispatched", "cancelled", "refused", "first_promised_at",
             "promised_at", "estimated_at")
    form["orders"] = sorted(([o["order_id"], o["placed_at"], [clean({key: line.get(key) for key in lines}) for line in o["lines"]]]
                             for o in state["orders"]), key=lambda o: o[0])
    form["supply"] = tidy(state["supply"], ("sku", "id", "kind", "location", "outstanding", "expected_at", "reorder_id"),
                          ("sku", "id", "location"))
    noted = {}      # a message that shows the same twice may say so in one row or two
    for kind, sku, location, quantity, message in state["discrepancies"]:
        noted[kind, sku, location, message] = noted.get((kind, sku, location, message), 0) + quantity
    form["discrepancies"] = sorted([*key, units] for key, units in noted.items())
    if model and "back_orders" in state:
        form["back_orders"] = [clean(row) for row in state["back_orders"]]
    return form


def by_order(outputs):
    """Outputs of each order in sequence, and those of none."""
    groups = {}
    for output in outputs:
        group = f'order {output["order_id"]}' if "order_id" in output else output["type"]
        groups.setdefault(group, []).append(clean(output))
    return groups


def differences(program, config, messages, show=False):
    """What differs between program and model, as text; empty: nothing."""
    model = Model(config)
    try:
        outputs = model.run(messages)
    except Exception as error:      # a broken model must show as a difference, too
        import traceback
        return ["the model fails: " + "".join(traceback.format_exception(error))[-1500:]]
    actual, rejected, state = program.run(config, messages, show)
    found = []

    def compare(what, ours, theirs):
        if ours == theirs:
            return
        if isinstance(ours, list) and isinstance(theirs, list):
            for index in range(max(len(ours), len(theirs))):
                mine = ours[index] if index < len(ours) else "nothing"
                other = theirs[index] if index < len(theirs) else "nothing"
                if mine != other:
                    text = f"{what} [{index + 1}]\n    model:   {json.dumps(mine, sort_keys=True)}\n    program: {json.dumps(other, sort_keys=True)}"
                    return found.append(text)
        found.append(f"{what}\n    model:   {ours}\n    program: {theirs}")
    ours, theirs = by_order(outputs), by_order(actual)
    for group in sorted(set(ours) | set(theirs)):
        compare(group, ours.get(group, []), theirs.get(group, []))
    if not found:
        compare("outputs over all", [clean(o) for o in outputs], [clean(o) for o in actual])
    compare("rejected", sorted(model.rejected, key=lambda e: e["line"]), sorted(rejected, key=lambda e: e["line"]))
    mine = same_form(model.state(), show)
    other = same_form(state, show)
    for key in mine:
        compare("end state: " + key, mine[key], other[key])
    return found


def shrink(program, config, messages):
    """Drops messages, and parts of the configuration, while program and model still differ."""
    size = max(1, len(messages) // 2)
    while True:
        index = 0
        while index < len(messages):
            fewer = messages[:index] + messages[index + size:]
            if fewer and differences(program, config, fewer):
                messages = fewer
            else:
                index += size
        if size == 1:
            break
        size //= 2
    for path in [("policy", "rules"), ("items",), ("policy",), ("suppliers",), ("promise",), ("allocation",)]:
        smaller = json.loads(json.dumps(config))
        part = smaller
        for key in path[:-1]:
            part = part.get(key, {})
        if part.pop(path[-1], None) is not None and differences(program, smaller, messages):
            config = smaller
    return config, messages


def one_seed(binary, seed, strategy, show, small):
    history = histories.History(seed, strategy)
    messages = history.messages()
    with tempfile.TemporaryDirectory(prefix="backorderd-model-") as folder:
        program = Program(binary, folder)
        found = differences(program, history.config, messages, show)
        if not found:
            return seed, len(messages), None
        config = history.config
        if small and not show:
            config, messages = shrink(program, config, messages)
            found = differences(program, config, messages)
        text = [f"SEED {seed}: model and program differ", "  " + json.dumps(config)]
        text += ["  " + json.dumps(message) for message in messages] + ["  " + line for line in found]
        text.append(f"  again: python3 -B Tests/Model/compare.py --binary {binary} --seeds {seed}-{seed}"
                    + (f" --strategy {strategy}" if strategy else "") + (" --show-every 1" if show else ""))
        return seed, len(messages), "\n".join(text)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", required=True)
    options.add_argument("--seeds", required=True, help="A-B")
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument("--strategy", choices=["priority", "due-date", "smallest-first", "fair-share"])
    options.add_argument("--show-every", type=int, default=25, help="for each n-th seed the end state is read through `show`, else from the rows")
    options.add_argument("--stop-after", type=int, default=5, help="stop after so many seeds that differ")
    options.add_argument("--no-shrink", action="store_true")
    o = options.parse_args()
    first, last = (int(part) for part in o.seeds.split("-"))
    began, seeds, messages, failed = datetime.datetime.now(), 0, 0, []
    binary = os.path.abspath(o.binary)
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        def work(seed):
            return one_seed(binary, seed, o.strategy, seed % o.show_every == 0, not o.no_shrink) if len(failed) < o.stop_after else None
        for result in pool.map(work, range(first, last + 1)):
            if result is None:
                continue
            seeds, messages = seeds + 1, messages + result[1]
            if result[2]:
                failed.append(result[0])
                print(result[2], flush=True)
    seconds = (datetime.datetime.now() - began).total_seconds()
    print(f"{seeds} histories, {messages} messages, {len(failed)} differ {failed or ''} ({seconds:.0f} s)")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
