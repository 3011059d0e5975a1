#!/usr/bin/env python3
"""A shadow beside a live consumer: it sees all and disturbs nothing, loses nothing under kill -9, and its report is right.

    shadowtest.py --binary PATH --node DIR     (a directory of deploy/lib/private-rabbitmq)

The live side is a topic exchange with a queue and a consumer, and the exchanges that a real backorderd would publish to,
each with a queue that catches whatever comes. A policy names the live dead-letter exchange for every queue, as policies do.
"""
import argparse, csv, datetime, io, json, os, random, sqlite3, subprocess, tempfile, threading, time

from harness import Daemon, Table, amqp_client, amqp_tool, wait
from topologytest import Node

LIVE, SHADOW = "live.warehouse", "backorderd.inbound.shadow"
CATCH = {"backorder": "catch.outputs", "backorderd.dead-letter": "catch.dead"}
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
FILLERS = 400


def at(hours):
    return (NOW + datetime.timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def message(kind, hours, **fields):
    body = {"type": kind, "time": at(hours), **fields}
    return json.dumps({"id": f"m-{random.Random(json.dumps(body, sort_keys=True)).getrandbits(64):x}", **body}).encode()


def receipt(name, location, hours, **units):
    return message("stock-received", hours, receipt_id=name, location=location, lines=[{"sku": s, "quantity": q} for s, q in units.items()])


def order(name, sku, quantity, hours):
    return message("order-placed", hours, order_id=name, lines=[{"sku": sku, "quantity": quantity}])


def shipped(name, order_id, location, quantity, hours):
    return message("shipment-dispatched", hours, shipment_id=name, order_id=order_id, location=location, lines=[{"line_id": "1", "quantity": quantity}])


def inbound(name, sku, hours, expected):
    return message("inbound-scheduled", hours, inbound_id=name, location="WH1", expected_at=at(expected), lines=[{"sku": sku, "quantity": 1}])


def history():
    """(messages, what the report has to say of each order that differs)"""
    messages = [
        receipt("R1", "WH1", -50, A=10, B=5, E=2, F=FILLERS), receipt("R2", "WH2", -50, B=5),
        order("O1", "A", 2, -40), order("O2", "B", 1, -40), order("O3", "A", 3, -39), order("O4", "A", 5, -38), order("O5", "A", 1, -37),
        shipped("S1", "O1", "WH1", 2, -36),        # as asked, four hours later
        shipped("S2", "O2", "WH2", 1, -36),        # asked of WH1
        shipped("S3", "O3", "WH1", 2, -35),        # one of three is missing
        shipped("S5", "O5", "WH1", 1, -35),        # waited; its unit is taken from O4, who has been asked for
        inbound("I1", "C", -30, 48), order("O6", "C", 1, -29), inbound("I2", "D", -30, 48), order("O7", "D", 1, -29),
        receipt("R3", "WH1", 1, C=1, D=1),
        shipped("S6", "O6", "WH1", 1, 96),         # promised for 72 h from now
        shipped("S7", "O7", "WH1", 1, 24),         # in time
        order("O9", "PRE-1", 1, -20), shipped("S9", "O9", "WH1", 1, -19),       # the policy holds it
        shipped("S10", "O10", "WH1", 1, -18), order("O10", "G", 1, -17),        # the truck was faster than the order
        order("O11", "E", 2, -16), shipped("S11", "O11", "WH1", 3, -15),        # one too many
        shipped("S12", "O-NEVER", "WH1", 1, -14),
        b'{"type": "order-placed", "id": "m-bad", "order_id": "O13", "lines": []}',
    ]
    fillers = [order(f"F{n}", "F", 1, -12) for n in range(FILLERS)] + [shipped(f"SF{n}", f"F{n}", "WH1", 1, -10) for n in range(FILLERS)]
    differences = [
        ("O10", "before-its-order", 1, ""), ("O11", "more-than-open", 1, ""), ("O2", "another-location", 1, ""),
        ("O3", "partly-shipped", 1, ""), ("O4", "not-shipped", 4, ""), ("O5", "given-to-others", 1, "O4"),
        ("O6", "promise-late", 1, ""), ("O9", "held", 1, ""),
    ]
    return messages, fillers, differences


class Shadow(Daemon):
    def __init__(self, binary, url, directory, *options):
        super().__init__(binary, url, directory,
                         "policy: {rules: [{match: {sku: \"PRE-*\"}, on_backorder: hold}]}\npromise: {handling_days: 1}\n")
        self.options = ["--bind", "shop=order-placed,stock-received,shipment-dispatched,inbound-scheduled", *options]
        with open(self.config) as file:
            text = file.read()
        with open(self.config, "w") as file:
            file.write(text.replace("locations: [{id: WH1}]", "locations: [{id: WH1}, {id: WH2}]"))
        self.store = f"{directory}/store.shadow.db"

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.binary, "shadow", "--config", self.config, *self.options], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=self.environment)

    def command(self, *arguments):
        return subprocess.run([self.binary, *arguments, "--config", self.config], capture_output=True, text=True, env=self.environment, timeout=60)

    def report(self, *options):
        run = self.command("shadow", "report", *options)
        if run.returncode != 0:
            raise SystemExit(f"FAILED: shadow report: exit {run.returncode}: {run.stderr[-500:]}")
        return run.stdout

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()


class LiveConsumer(threading.Thread):
    """What runs today: takes every message of its own queue."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.link, self.bodies, self.isWanted = amqp_client.Connection(url, "live"), [], True
        self.link.consume(LIVE)

    def run(self):
        while self.isWanted:
            for found in self.link.messages(0.2):
                self.bodies.append(found.body)
                self.link.ack(found.tag)


def publish(url, bodies, rate=None):
    link = amqp_client.Connection(url, "shop")
    link.confirm()
    began = time.monotonic()

    def tick(count):
        if rate and count % 20 == 0:
            time.sleep(max(0, began + count / rate - time.monotonic()))
    link.publish([amqp_tool.from_json(body, routing_key="order-placed" if b"m-bad" in body else None) for body in bodies], "shop", 1000, tick)
    good = not link.returned and not link.nacked
    link.close()
    return good


def await_empty(link, daemon, seconds=90):
    def empty():
        daemon.check_alive()
        depth = link.depth(SHADOW)
        return depth is not None and depth[0] == 0 and depth[1] > 0
    wait("the shadow's queue to be empty", empty, seconds)
    time.sleep(1)


def refusals(table, binary, url, directory, link):
    daemon = Shadow(binary, url, f"{directory}/refusals")
    live = f"{directory}/refusals/store.db"
    open(live, "w").close()
    os.symlink(live, f"{directory}/refusals/other.db")
    for name, options, word in [
        ("the live store", ["--store", f"sqlite://{live}"], "the daemon's own store"),
        ("a link to the live store", ["--store", f"sqlite://{directory}/refusals/other.db"], "the daemon's own store"),
        ("a store that is no file", ["--store", "memory:"], "SQLite"),
        ("an exchange of the live side", ["--exchange", "backorder"], "not the shadow's own"),
        ("no suffix", ["--suffix", ""], "must not be empty"),
        ("a port that is none", ["--listen", "nowhere"], "host:port"),
    ]:
        run = daemon.command("shadow", *daemon.options, *options)
        table.check(f"refused, 78: {name}", run.returncode == 78 and word in run.stderr, run.stderr.strip()[:160])
    table.check("nothing was made for those that were refused", link.depth(SHADOW) is None)
    run = daemon.command("shadow", "report")
    table.check("a report without a journal: 66", run.returncode == 66, run.stderr.strip()[:120])


def check_report(table, daemon, fillers, differences):
    text = daemon.report("--format", "json")
    report = json.loads(text)
    found = [(d["order_id"], d["difference"], d["units"], d["other_orders"] or "") for d in report["differences"]]
    table.check("report: each order that differs, and how", sorted(found) == differences, "" if sorted(found) == differences else found)
    figures = report["figures"]
    wanted = {
        "orders": 9 + 1 + FILLERS, "orders_shipped": 9 + FILLERS, "orders_shipped_as_asked": 3 + FILLERS, "orders_another_location": 1,
        "orders_given_to_others": 1, "orders_held": 1, "orders_before_its_order": 1, "orders_more_than_open": 1, "orders_partly_shipped": 1,
        "orders_not_shipped": 1, "orders_not_ready": 0, "lines_last_promise_kept": 1, "lines_last_promise_late": 1, "dead_letters": 1,
        "shipments": 10 + FILLERS, "shipments_of_unknown_orders": 1, "request_to_truck_p50_seconds": 2 * 3600,
        "messages": 25 + 2 * FILLERS, "last_promise_to_truck_p95_seconds": 24 * 3600,
    }
    differing = {name: (figures.get(name), value) for name, value in wanted.items() if figures.get(name) != value}
    table.check("report: the figures", not differing, differing or "")
    o2 = next(d for d in report["differences"] if d["order_id"] == "O2")
    table.check("report: where it would have asked, and where it left", (o2["expected_location"], o2["shipped_location"], o2["shipment_id"]) == ("WH1", "WH2", "S2"), o2)
    rows = list(csv.DictReader(io.StringIO(daemon.report("--format", "csv"))))
    table.check("report: CSV has the same rows", sorted((r["order_id"], r["difference"], int(r["units"]), r["other_orders"]) for r in rows) == differences)
    table_text = daemon.report()
    table.check("report: plain sentences first", f"Of {9 + FILLERS} orders that were shipped, {3 + FILLERS} (" in table_text and "1 order left from another place" in table_text)
    print("\n".join("        " + line for line in report["summary"]))


def run(directory):
    table, node = Table(), Node(options.node)
    url = node.url
    link = amqp_client.Connection(url, "shadowtest")
    daemon = Shadow(options.binary, url, f"{directory}/shadow")
    consumer = None
    try:
        for exchange in ("shop", *CATCH):
            link.declare_exchange(exchange)
        link.declare_queue(LIVE, "quorum", {})
        link.bind(LIVE, "shop", "#")
        for exchange, queue in CATCH.items():
            link.declare_queue(queue, "classic", {})
            link.bind(queue, exchange, "#")
        policy = node.ctl("set_policy", "dlx", ".*", '{"dead-letter-exchange": "backorderd.dead-letter"}', "--apply-to", "queues")
        table.check("a policy names the live dead-letter exchange for every queue", policy.returncode == 0, policy.stderr[-200:])
        refusals(table, options.binary, url, directory, link)
        exchanges = node.ctl("list_exchanges", "name", "--quiet").stdout
        before = [row["name"] for row in json.loads(node.ctl("list_queues", "name", "--quiet", "--formatter", "json").stdout)]
        messages, fillers, differences = history()
        consumer = LiveConsumer(url)
        consumer.start()
        daemon.start()
        wait("the shadow to consume", lambda: (daemon.check_alive(), (link.depth(SHADOW) or (0, 0))[1] > 0)[1], 30)
        second = daemon.command("shadow", *daemon.options)
        table.check("a second one on the same journal is refused", second.returncode == 1 and "another backorderd shadow" in second.stderr, second.stderr.strip()[-160:])
        table.check("all is taken by the broker", publish(url, messages))
        await_empty(link, daemon)
        feeder = threading.Thread(target=publish, args=(url, fillers, 100))
        feeder.start()
        kills = 0
        while feeder.is_alive():
            time.sleep(random.uniform(0.4, 1.2))
            daemon.kill()
            kills += 1
            daemon.start()
        feeder.join()
        await_empty(link, daemon)
        large = b'{"type": "order-placed", "id": "m-large", "x": "' + b"x" * 1_100_000 + b'"}'
        publish(url, [large])
        await_empty(link, daemon)
        table.check(f"killed {kills} times and started again: SIGTERM: exit 0", kills > 2 and daemon.stop() == 0)
        check_report(table, daemon, fillers, differences)
        wait("the live consumer", lambda: len(consumer.bodies) >= len(messages) + len(fillers) + 1, 20)
        table.check("the live consumer got every message, once", sorted(consumer.bodies) == sorted([*messages, *fillers, large]), len(consumer.bodies))
        table.check("its queue is as it was", link.depth(LIVE) == (0, 1), link.depth(LIVE))
        for exchange, queue in CATCH.items():
            table.check(f"nothing was published to {exchange}", link.depth(queue) == (0, 0), link.depth(queue))
        after = node.ctl("list_exchanges", "name", "--quiet").stdout
        table.check("no exchange was made", sorted(after.split()) == sorted(exchanges.split()))
        queues = {row["name"]: row["arguments"] for row in json.loads(node.ctl("list_queues", "name", "arguments", "--quiet", "--formatter", "json").stdout)}
        table.check("one queue was made", sorted(set(queues) - set(before)) == [SHADOW] and set(before) <= set(queues), sorted(queues))
        bounds = json.dumps(queues[SHADOW])
        table.check("it is bounded and expires", all(word in bounds for word in ("x-max-length", "x-max-length-bytes", "drop-head", "x-expires")), bounds[:200])
        verify = daemon.command("verify", "--store", f"sqlite://{daemon.store}")
        table.check("verify of its books is silent", verify.returncode == 0 and not verify.stdout, verify.stdout[:300])
        table.check("the live store was not made", not os.path.exists(f"{directory}/shadow/store.db"))
        gone(table, daemon, link)
        own_exchange(table, daemon, link, url, directory)
        full(table, url, directory, link)
        opening(table, url, directory, link)
    finally:
        if consumer:
            consumer.isWanted = False
            consumer.join()
        for started in Started:
            if started.process and started.process.poll() is None:
                started.kill()
        if daemon.process and daemon.process.poll() is None:
            daemon.kill()
        node.ctl("clear_policy", "dlx")
        for queue in (LIVE, SHADOW, "catch.own", *CATCH.values()):
            if link.depth(queue) is not None:
                link.delete_queue(queue)
        for exchange in ("shop", "trial", *CATCH):
            link.delete_exchange(exchange)
        link.close()
    table.done()


Started = []


def gone(table, daemon, link):
    """Its queue went while nobody read it: the report says from when to when messages are missing."""
    link.delete_queue(SHADOW)
    daemon.start()
    wait("the shadow to consume", lambda: (daemon.check_alive(), (link.depth(SHADOW) or (0, 0))[1] > 0)[1], 30)
    table.check("SIGTERM: exit 0", daemon.stop() == 0)
    gaps = json.loads(daemon.report("--format", "json"))["gaps"]
    table.check("a queue that was gone is told as a gap", len(gaps) == 1 and "gone" in gaps[0]["cause"], gaps)


def own_exchange(table, daemon, link, url, directory):
    link.delete_queue(SHADOW)
    other = Shadow(options.binary, url, f"{directory}/own", "--exchange", "live-by-another-name")
    Started.append(other)
    link.declare_exchange("live-by-another-name")
    other.start()
    wait("the log to tell", lambda: "another durable" in other.log(), 20)
    table.check("a live exchange that the configuration does not name is refused by the broker", "is there with another durable" in other.log())
    table.check("SIGTERM: exit 0", other.stop() == 0)
    link.delete_exchange("live-by-another-name")
    own = Shadow(options.binary, url, f"{directory}/own2", "--exchange", "trial")
    Started.append(own)
    own.start()
    wait("the shadow to consume", lambda: (own.check_alive(), (link.depth(SHADOW) or (0, 0))[1] > 0)[1], 30)
    publish(url, [order("X1", "X", 1, -1)])
    await_empty(link, own)
    link.declare_queue("catch.own", "classic", {})
    link.bind("catch.own", "trial", "#")
    publish(url, [order("X2", "X", 1, -1)])
    await_empty(link, own)
    table.check("SIGTERM: exit 0, though nobody listened at first", own.stop() == 0)
    found = []
    amqp_tool.take(link2 := amqp_client.Connection(url, "take"), ["catch.own"], 1.0, found.append)
    link2.close()
    kinds = [json.loads(m.body).get("kind") or json.loads(m.body)["type"] for m in found]
    table.check("its own exchange gets the outputs", kinds == ["order-backordered", "reorder-requested"], kinds)
    for exchange, queue in CATCH.items():
        table.check(f"nothing was published to {exchange}", link.depth(queue) == (0, 0), link.depth(queue))


def full(table, url, directory, link):
    """Its store stands still and its queue runs full while it runs: told in the log and in the report; then all goes."""
    link.delete_queue(SHADOW)
    small = Shadow(options.binary, url, f"{directory}/full", "--queue-messages", "50")
    Started.append(small)
    small.start()
    wait("the shadow to consume", lambda: (small.check_alive(), (link.depth(SHADOW) or (0, 0))[1] > 0)[1], 30)
    lock = sqlite3.connect(small.store, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    publish(url, [order(f"F{n}", "F", 1, -1) for n in range(1_300)])        # more than are prefetched and may wait
    wait("the log to tell", lambda: f"{SHADOW} is full" in small.log(), 30)
    lock.execute("ROLLBACK")
    lock.close()
    wait("the log to tell that it is over", lambda: f"{SHADOW} is no longer full" in small.log(), 60)
    await_empty(link, small)
    busy = small.command("shadow", "remove")
    table.check("remove while it runs: refused", busy.returncode == 1 and "stop it first" in busy.stderr and link.depth(SHADOW) is not None, busy.stderr.strip())
    table.check("SIGTERM: exit 0", small.stop() == 0)
    gaps = json.loads(small.report("--format", "json"))["gaps"]
    table.check("a queue that ran full is told as a gap", len(gaps) == 1 and "ran full" in gaps[0]["cause"], gaps)
    kept = small.command("shadow", "remove", "--keep-books")
    table.check("remove --keep-books: the queue goes, the report stays", kept.returncode == 0 and link.depth(SHADOW) is None and small.report(), kept.stdout.strip())
    with open(f"{small.store}.journal/note.txt", "w") as file:
        file.write("somebody else's")
    gone = small.command("shadow", "remove")
    left = sorted(name for name in os.listdir(f"{directory}/full") if "shadow" in name)
    table.check("remove: books and journal go, what is not its own stays", gone.returncode == 0 and left == ["store.shadow.db.journal"]
                and os.listdir(f"{small.store}.journal") == ["note.txt"], (left, gone.stderr.strip()))
    os.remove(f"{small.store}.journal/note.txt")
    again = small.command("shadow", "remove")
    table.check("remove again: nothing is there, 0", again.returncode == 0 and "was not there" in again.stdout
                and not os.path.exists(f"{small.store}.journal"), again.stdout.strip())


def opening(table, url, directory, link):
    """Orders of the system before, imported into the shadow's books, are compared, too."""
    link.delete_queue(SHADOW)
    daemon = Shadow(options.binary, url, f"{directory}/opening")
    Started.append(daemon)
    store = f"sqlite://{daemon.store}"
    for what, text in [("stock", "sku,location,on_hand\nA,WH1,5\n"), ("orders", "order_id,sku,quantity,placed_at\nP1,A,2,2026-11-20T09:00:00Z\nP2,A,2,2026-11-20T10:00:00Z\n")]:
        with open(f"{directory}/{what}.csv", "w") as file:
            file.write(text)
        run = daemon.command("import", what, f"{directory}/{what}.csv", "--store", store)
        table.check(f"import {what} into the shadow's books", run.returncode == 0, run.stderr[-200:])
    daemon.start()
    wait("the shadow to consume", lambda: (daemon.check_alive(), (link.depth(SHADOW) or (0, 0))[1] > 0)[1], 30)
    publish(url, [shipped("SP1", "P1", "WH1", 2, 5)])
    await_empty(link, daemon)
    table.check("SIGTERM: exit 0", daemon.stop() == 0)
    report = json.loads(daemon.report("--format", "json"))
    found = [(d["order_id"], d["difference"], d["units"]) for d in report["differences"]]
    table.check("an imported order that is shipped is as asked, the other one is not shipped", report["figures"]["orders_shipped_as_asked"] == 1
                and found == [("P2", "not-shipped", 2)], (report["figures"]["orders_shipped_as_asked"], found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("binary", "node"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run(scratch)
