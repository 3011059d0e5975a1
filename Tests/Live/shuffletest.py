#!/usr/bin/env python3
"""Messages that do not compete for the same units may arrive in any order: the end state is the same.

    shuffletest.py --binary PATH [--seeds 1-20] [--groups 12]

Each group has SKUs, orders and suppliers of its own; the messages of a group keep their order, those of different groups are
interleaved anew each time. Beside that, each order's own story (placed, received, dispatched, cancelled) is told in every
order of arrival for which the contract promises the same end. `verify` has to be silent after each.
"""
import argparse, itertools, json, os, random, subprocess, sys, tempfile

START = 1_790_000_000


def iso(second):
    import datetime
    return datetime.datetime.fromtimestamp(START + second, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Group:
    """A small shop of its own: messages that make sense one after the other."""

    def __init__(self, chance, name):
        self.chance, self.name, self.messages, self.orders, self.clock, self.count = chance, name, [], [], chance.randrange(600), 0
        self.skus = [f"{name}-A", f"{name}-B"]

    def say(self, type, **body):
        self.clock += self.chance.randrange(1, 4000)
        self.count += 1
        self.messages.append({"type": type, "id": f"{self.name}-{self.count}", "time": iso(self.clock), **body})

    def step(self):
        chance = self.chance
        kind = chance.choices(["order", "receipt", "ship", "cancel", "count", "inbound"], [5, 4, 3, 1, 1, 2])[0]
        place = chance.choice(["WH-1", "WH-2"])
        sku = chance.choice(self.skus)
        if kind == "order" or (kind in ("ship", "cancel") and not self.orders):
            order = f"{self.name}-O{len(self.orders)}"
            lines = [{"sku": chance.choice(self.skus), "quantity": chance.randrange(1, 9)} for _ in range(chance.randrange(1, 4))]
            self.orders.append((order, lines))
            self.say("order-placed", order_id=order, priority=chance.choice([0, 0, 0, 5]), ship=chance.choice(["partial", "partial", "complete"]), lines=lines)
        elif kind == "receipt":
            self.say("stock-received", receipt_id=f"{self.name}-R{self.count}", location=place, lines=[{"sku": sku, "quantity": chance.randrange(1, 20)}])
        elif kind == "ship":
            order, lines = chance.choice(self.orders)
            line = chance.randrange(len(lines))
            self.say("shipment-dispatched", shipment_id=f"{self.name}-S{self.count}", order_id=order, location=place,
                     lines=[{"line_id": str(line + 1), "quantity": chance.randrange(1, lines[line]["quantity"] + 1)}])
        elif kind == "cancel":
            self.say("order-cancelled", order_id=chance.choice(self.orders)[0])
        elif kind == "count":
            self.say("stock-adjusted", adjustment_id=f"{self.name}-J{self.count}", location=place, lines=[{"sku": sku, "counted": chance.randrange(0, 12)}])
        else:
            self.say("inbound-scheduled", inbound_id=f"{self.name}-I{chance.randrange(3)}", location=place, expected_at=iso(self.clock + 864000),
                     lines=[{"sku": sku, "quantity": chance.randrange(1, 15)}])


def interleave(chance, groups):
    queues = [list(group.messages) for group in groups]
    result = []
    while queues:
        queue = chance.choice(queues)
        result.append(queue.pop(0))
        queues = [queue for queue in queues if queue]
    return result


class Runner:
    def __init__(self, binary, directory):
        self.binary, self.directory = os.path.abspath(binary), directory
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("BACKORDERD_")}
        with open(f"{directory}/config.yaml", "w") as file:
            file.write("locations: [{id: WH-1}, {id: WH-2}]\npromise: {default_lead_time_days: 3}\nworker: {parking: 365d}\n")

    def call(self, *arguments, **more):
        return subprocess.run([self.binary, *arguments, "--config", f"{self.directory}/config.yaml", "--store", f"sqlite://{self.directory}/store.db"],
                              capture_output=True, text=True, env=self.environment, **more)

    def end_state(self, messages):
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(f"{self.directory}/store.db{suffix}"):
                os.remove(f"{self.directory}/store.db{suffix}")
        run = self.call("replay", input="\n".join(json.dumps(m) for m in messages))
        if run.returncode not in (0, 65):
            sys.exit(f"FAILED: replay: {run.stderr[-500:]}")
        found = self.call("verify")
        if found.returncode or found.stdout:
            sys.exit(f"FAILED: verify: {found.stdout[:1000]}")
        state = {what: json.loads(self.call("show", what, "--format", "json").stdout) for what in ("stock", "back-orders", "supply")}
        for row in state["back-orders"]:
            row.pop("promised_at")  # depends on when the sweep saw it
        return state


def differs(name, first, second):
    for what in first:
        if first[what] != second[what]:
            missing = [row for row in first[what] if row not in second[what]][:3]
            extra = [row for row in second[what] if row not in first[what]][:3]
            print(f"FAILED  {name}: {what}: only in the first: {missing}; only in the second: {extra}")
            return True
    return False


def stories():
    """One order's story, told in every order of arrival, and whether its reorders are the same each time: units that are
    cancelled before their order comes are never asked for."""
    yield "placed, received, dispatched", True, [
        {"type": "order-placed", "id": "a", "time": iso(0), "order_id": "O", "lines": [{"sku": "A", "quantity": 5}]},
        {"type": "stock-received", "id": "b", "time": iso(60), "receipt_id": "R", "location": "WH-1", "lines": [{"sku": "A", "quantity": 5}]},
        {"type": "shipment-dispatched", "id": "c", "time": iso(120), "shipment_id": "S", "order_id": "O", "location": "WH-1", "lines": [{"line_id": "1", "quantity": 5}]}]
    yield "placed, part cancelled, another article counted", False, [
        {"type": "order-placed", "id": "a", "time": iso(0), "order_id": "O", "lines": [{"sku": "A", "quantity": 5}]},
        {"type": "order-cancelled", "id": "b", "time": iso(60), "order_id": "O", "lines": [{"line_id": "1", "quantity": 2}]},
        {"type": "stock-adjusted", "id": "d", "time": iso(90), "adjustment_id": "J", "location": "WH-1", "lines": [{"sku": "B", "counted": 2}]}]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--seeds", default="1-8")
    parser.add_argument("--groups", type=int, default=12)
    parser.add_argument("--steps", type=int, default=25)
    options = parser.parse_args()
    low, _, high = options.seeds.partition("-")
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        runner = Runner(options.binary, directory)
        for seed in range(int(low), int(high or low) + 1):
            chance = random.Random(seed)
            groups = [Group(chance, f"G{number}") for number in range(options.groups)]
            for group in groups:
                for _ in range(options.steps):
                    group.step()
            wanted = runner.end_state([m for group in groups for m in group.messages])
            for attempt in range(2):
                failed += differs(f"seed {seed}, interleaving {attempt}", wanted, runner.end_state(interleave(chance, groups)))
        for name, with_supply, story in stories():
            first = runner.end_state(story)
            if not with_supply:
                del first["supply"]
            for arrival in itertools.permutations(story):
                failed += differs(f"{name}, as {'/'.join(m['id'] for m in arrival)}", first, runner.end_state(arrival))
    print(f"{failed} differences" if failed else "The end state does not depend on the order of arrival.")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
