#!/usr/bin/env python3
"""A history through several daemons on one store and one queue; at the end everything has to be as one alone would have left it.

    manyworkers.py --binary PATH --url AMQP --history DIR [--store URL] [--workers 1,2,4] [--kill-every SECONDS]
                   [--rabbitmq DIR] [--postgres DIR | --failover] [--seed 1] [--rate 2000] [--feed causal|at-once] [--keep DIR]

--store: a PostgreSQL URL, of which each run uses a schema of its own; without it, one SQLite file on this host.
--kill-every: kill -9 of a random worker, that often, while the history passes; it is started again.
--rabbitmq, --postgres: the DIR of deploy/lib/private-rabbitmq and private-postgres: the broker is restarted, the database
killed and started again, while the history passes.
--feed: competing consumers take messages in another order than they were sent.
    causal (the default): orders and receipts are sent as they come, a shipment when the daemon has asked for all of its order,
    as a warehouse does. Then the end state does not depend on who took what when: the digest is the history's.
    at-once: all of the history is put into the queue. A shipment may then come before its order or before the receipt that it
    stands on, and the contract says what follows: an order that was shipped before it came is told of no placing; units that
    left before they were booked are a discrepancy, and stay in the books where a receipt that is later than the shipment took
    their place. So what is checked is that the books differ from the history's by no more than that.
"""
import argparse, json, os, random, subprocess, tempfile, threading, time

from chaos_services import Database
from harness import DEAD, HERE, INPUT, OUTPUTS, Daemon, History, Table, amqp_client, check_outputs, clear, depths, drain, publish
from shopfeed import Sender, Warehouse, shop

LIB = os.path.join(HERE, "../../deploy/lib")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("binary", "url", "history"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--store")
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--kill-every", type=float, default=0)
    parser.add_argument("--rabbitmq")
    parser.add_argument("--postgres")
    parser.add_argument("--failover", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=2000, help="messages a second into the exchange")
    parser.add_argument("--feed", choices=("causal", "at-once"), default="causal")
    parser.add_argument("--keep", help="directory for configurations, stores and logs, to look at afterwards")
    options = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)  # a database of our own runs as another user
        for count in map(int, options.workers.split(",")):
            Run(options, f"{options.keep or scratch}/{count}", count, table).go()
    table.done()


class Run:
    def __init__(self, options, directory, count, table):
        self.options, self.table, self.count = options, table, count
        self.chance, self.history = random.Random(options.seed + count), History(options.history)
        os.makedirs(directory, exist_ok=True)
        store = f"sqlite://{os.path.abspath(directory)}/store.db"
        if options.store:
            schema = f"many_{os.getpid()}_{count}"
            store = f"{options.store}{'&' if '?' in options.store else '?'}options=-csearch_path%3D{schema}"
        self.database = None
        if options.failover:
            os.makedirs(f"{directory}/database")
            self.database = Database(f"{directory}/database")
            self.database.start("many")
            self.database.follow()
            servers = [self.database.primary, self.database.standby]
            hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
            store = f"postgres://backorderd:{servers[0].password}@{hosts}/many?target_session_attrs=read-write"
        self.may_repeat = False  # sends what was on its way when a worker left at once
        self.workers = [Daemon(options.binary, options.url, f"{directory}/{n}", store=store) for n in range(count)]
        self.busy, self.ended, self.kills, self.recoveries, self.unasked, self.lines = True, [], 0, [], 0, {}

    def link(self):
        """A connection of our own; the broker may be on its way up."""
        end = time.monotonic() + 120
        while True:
            try:
                return amqp_client.Connection(self.options.url, "manyworkers")
            except Exception as error:  # whatever a broker that is down makes of it
                if time.monotonic() > end:
                    raise SystemExit(f"FAILED: no broker for 120 s: {error}")
                time.sleep(0.2)

    def kill_some(self):
        while self.busy:
            time.sleep(self.options.kill_every)
            if not self.busy:
                return
            worker = self.chance.choice(self.workers)
            if not worker.kill():
                self.ended.append(worker.process.returncode)
            self.kills += 1
            worker.start()

    def service(self, program, *arguments):
        subprocess.run([f"{LIB}/{program}", *arguments], check=True, stdout=subprocess.DEVNULL)

    def break_services(self):
        """Restarts what was named; tells how long it took from "it is back" to the next message taken."""
        for program, directory, how in (("private-rabbitmq", self.options.rabbitmq, "stop"), ("private-postgres", self.options.postgres, "kill")):
            if not directory:
                continue
            self.service(program, how, directory)
            time.sleep(self.chance.uniform(0.5, 2))
            self.service(program, "start", directory)
            self.await_recovery(program[8:])
        if self.database:
            self.database.primary.kill()
            time.sleep(self.chance.uniform(0, 2))
            self.database.promote()
            self.await_recovery("failover")

    def await_recovery(self, name):
        back, link = time.monotonic(), self.link()
        before = depths(link)[1]
        while depths(link)[1] <= before and depths(link)[0] > 0 and time.monotonic() < back + 60:
            time.sleep(0.05)
        self.recoveries.append(f"{name} {time.monotonic() - back:.1f} s")
        link.close()

    def await_done(self, seconds=600):
        """Until the input is empty, nothing is unacknowledged (a stop gives that back) and every outbox is sent."""
        link, end, still, before = self.link(), time.monotonic() + seconds, 0, None
        while still < 30:
            for worker in self.workers:
                worker.check_alive()
            now = depths(link)
            still = still + 1 if now == before and now[0] == 0 else 0
            before = now
            if time.monotonic() > end:
                raise SystemExit(f"FAILED: not done after {seconds} s: {now[0]} messages in the input, {now[1]} outputs")
            time.sleep(0.1)
        # What the last to be killed had open is a neighbour's within 9 s.
        if self.kills:
            time.sleep(10)
        link.close()

    def go(self):
        try:
            self.play()
        finally:
            self.busy = False
            for worker in self.workers:
                if worker.process and worker.process.poll() is None:
                    worker.kill()
            if self.database:
                self.database.stop()

    def play(self):
        history, options, table = self.history, self.options, self.table
        link = self.link()
        clear(link)  # before somebody takes what an earlier run may have left
        for worker in self.workers:  # all at once: they migrate the same store
            worker.start()
        end = time.monotonic() + 60
        while (link.depth(INPUT) or (0, 0))[1] < self.count:
            for worker in self.workers:
                worker.check_alive()
            if time.monotonic() > end:
                raise SystemExit(f"FAILED: not all of {self.count} workers consume after 60 s")
            time.sleep(0.05)
        clear(link)
        publish(options.url, history.opening)
        while link.depth(INPUT)[0]:
            time.sleep(0.1)
        time.sleep(1)
        link.close()
        began, causal = time.monotonic(), options.feed == "causal"
        warehouse = Warehouse(options.url, history.events) if causal else None
        if causal:
            warehouse.start()
        killer = threading.Thread(target=self.kill_some, daemon=True)
        if options.kill_every:
            killer.start()
        breaker = threading.Thread(target=self.break_services, daemon=True)
        lines = shop(history.events) if causal else history.events
        paced = options.rate if options.kill_every or options.rabbitmq or options.postgres or options.failover else None
        self.feed(lines[:len(lines) // 4], paced)
        breaker.start()
        self.feed(lines[len(lines) // 4:], paced)
        breaker.join()
        self.await_input_empty()
        if causal:
            self.await_quiet()
            self.unasked = warehouse.finish()
            self.await_input_empty()
        self.await_input_empty()
        self.busy = False
        if options.kill_every:
            killer.join()
        self.await_done()
        took = time.monotonic() - began
        codes = [worker.stop() for worker in self.workers]
        link = self.link()
        left = link.depth(INPUT)[0]
        link.close()
        messages, dead = drain(options.url, OUTPUTS), drain(options.url, [DEAD])
        told = [f"{self.count} workers", f"{len(history.events)} messages {options.feed}", f"{took:.0f} s"]
        told += [f"{self.kills} kills"] * bool(self.kills) + self.recoveries
        told += [f"{self.unasked} shipments that were not asked for"] * causal
        print(f"-- {', '.join(told)}", flush=True)
        table.check("SIGTERM: exit 0", not any(codes), codes)
        table.check("never ended by itself", not self.ended, self.ended or "")
        found = check_outputs(table, history, messages, dead, left, may_overtake=not causal)
        if not self.kills and not self.recoveries and not self.may_repeat:
            table.check("nothing sent twice", len(messages) == len(found), len(messages) - len(found) or "")
        self.check_books(causal)
        self.workers[0].verify(table)

    def feed(self, lines, rate):
        """Sends in order, 100 at a time, whatever becomes of the broker meanwhile."""
        sender, began = Sender(self.options.url, "shop"), time.monotonic()
        for start in range(0, len(lines), 100):
            sender.send(lines[start:start + 100])
            if rate:
                time.sleep(max(0, began + start / rate - time.monotonic()))
        sender.drop()

    def await_quiet(self):
        """Until nothing comes out any more: what the warehouse was asked for, it has sent."""
        link, last, before = self.link(), time.monotonic(), None
        while time.monotonic() - last < (12 if self.kills else 3):
            now = depths(link)
            if now != before:
                before, last = now, time.monotonic()
            time.sleep(0.1)
        link.close()

    def check_books(self, causal):
        history, table, daemon = self.history, self.table, self.workers[0]
        missing = {}
        for row in daemon.show("discrepancies"):
            missing[row["sku"]] = missing.get(row["sku"], 0) + row["quantity"]
        if causal:
            got = daemon.digest(history)
            table.check("digest of the end state", got == history.expected["digest"], f"{got}, expected {history.expected['digest']}")
            table.check("no discrepancies", not missing, sorted(missing)[:3] or "")
            return
        # Units on hand; units that orders want and did not get shipped.
        wanted, found = {}, {}

        def add(books, sku, on_hand, open_):
            entry = books.setdefault(sku, [0, 0])
            entry[0] += on_hand
            entry[1] += open_
        for event in map(json.loads, history.opening + history.events):
            if event["type"] == "order-placed":
                lines = {line["line_id"]: line["sku"] for line in event["lines"]}
                self.lines[event["order_id"]] = lines
            for line in event["lines"]:
                sku = line.get("sku") or self.lines[event["order_id"]][line["line_id"]]
                sign = {"order-placed": (0, 1), "stock-received": (1, 0), "shipment-dispatched": (-1, -1)}[event["type"]]
                add(wanted, sku, sign[0] * line["quantity"], sign[1] * line["quantity"])
        for row in daemon.show("stock"):
            add(found, row["sku"], row["on_hand"], row["allocated"])
        for row in daemon.show("back-orders"):
            add(found, row["sku"], 0, row["waiting"])
        bad, kept = [], 0
        for sku in wanted.keys() | found.keys():
            (on_hand, open_), (wanted_on_hand, wanted_open) = found.get(sku, [0, 0]), wanted.get(sku, [0, 0])
            over = on_hand - wanted_on_hand
            kept += over
            if open_ != wanted_open or not 0 <= over <= missing.get(sku, 0):
                bad.append(sku)
        table.check("the books are the history's but for what left before it came", not bad,
                    sorted(bad)[:5] or f"{sum(missing.values())} units left first, {kept} stayed in the books")

    def await_input_empty(self, seconds=900):
        link, end = self.link(), time.monotonic() + seconds
        while depths(link)[0] > 0:
            if not self.options.kill_every:
                for worker in self.workers:
                    worker.check_alive()
            if time.monotonic() > end:
                raise SystemExit(f"FAILED: {depths(link)[0]} messages in the input after {seconds} s")
            time.sleep(0.1)
        link.close()


if __name__ == "__main__":
    main()
