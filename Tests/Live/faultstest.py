#!/usr/bin/env python3
"""One fault at a time at the running daemon: what it says, that it goes on by itself, and that nothing is lost or doubled.

    faultstest.py --binary PATH [--only NAME,…] [--keep DIR]

It starts its own RabbitMQ, and its own PostgreSQL with an asynchronous standby for the failover that loses commits.
"""
import argparse, json, os, signal, sqlite3, subprocess, tempfile, time

from chaos_load import dead_letters
from chaos_services import Broker, Database, Proxy
from harness import INPUT, OUTPUT, OUTPUTS, Daemon, Table, amqp_client, drain, publish, wait

NOTICES, FULFILMENT = "backorder.customer-notifications", "backorder.fulfilment"


def orders(first, count):
    return [json.dumps({"type": "order-placed", "id": f"p{n}", "order_id": f"O{n}", "time": "2026-11-23T10:00:00Z",
                        "lines": [{"sku": "A", "quantity": 1}]}).encode() for n in range(first, first + count)]


class Ground:
    """A broker, a daemon on it, and what was published."""

    def __init__(self, options, directory, table):
        self.options, self.directory, self.table = options, directory, table
        self.broker = Broker(f"{directory}/broker", 1)
        self.broker.start()
        self.node, self.url, self.daemon, self.sent = self.broker.nodes[0], self.broker.urls[0], None, 0
        self.link = amqp_client.Connection(self.url, "faultstest")

    def begin(self, name, store=None, extra=""):
        """A daemon with empty books and empty queues."""
        self.end()
        self.name, self.sent = name, 0
        self.daemon = Daemon(self.options.binary, self.url, f"{self.directory}/{name}", extra, store)
        self.daemon.start()
        self.daemon.await_consuming(self.link)
        for queue in [INPUT, *OUTPUTS]:
            self.link.purge(queue)
        dead_letters(self.link)

    def end(self):
        if self.daemon and self.daemon.process.poll() is None:
            self.daemon.stop()

    def log(self):
        with open(self.daemon.log_path, errors="replace") as file:
            return file.read()

    def said(self, *texts):
        for text in texts:
            wait(f"the log to say {text!r}", lambda: text in self.log(), 60)
            self.table.check(f"{self.name}: it says {text!r}", True)

    def publish(self, count=50):
        publish(self.url, orders(self.sent, count))
        self.sent += count

    def handled(self, count=None):
        """Until so many orders are in the books."""
        wanted = self.sent if count is None else count
        wait(f"{wanted} orders in the books", lambda: sum(row["waiting"] for row in self.daemon.show("back-orders")) >= wanted, 90, 0.3)

    def check_all(self):
        """Every order answered once, under one id; the books hold each once; nothing is left."""
        found = {}
        def answered():
            for message in drain(self.url, [NOTICES]):
                e = json.loads(message.body)
                if e.get("kind") == "order-backordered":
                    found.setdefault(e["order_id"], set()).add(e["id"])
            return len(found) >= self.sent
        wait(f"{self.sent} orders to be answered ({self.name})", answered, 90)
        self.handled()
        code = self.daemon.stop()
        left, dead = self.link.depth(INPUT)[0], dead_letters(self.link)
        twice = [o for o, ids in found.items() if len(ids) != 1]
        total = sum(row["waiting"] for row in self.daemon.show("back-orders"))
        self.table.check(f"{self.name}: each order once in the books and answered under one id, nothing left, exit 0",
                         total == self.sent == len(found) and not (twice or left or dead or code), f"{self.sent} orders" if total == self.sent else f"{total} of {self.sent}, {left} left, {len(dead)} dead")
        self.daemon.verify(self.table)


# RabbitMQ

def queue_deleted(ground):
    ground.begin("queue_deleted")
    ground.publish()
    ground.handled()
    ground.link.delete_queue(INPUT)
    ground.said("cancelled")
    ground.daemon.await_consuming(ground.link)
    ground.publish()
    ground.check_all()


def exchange_deleted(ground):
    """404: the channel is closed under the publisher, with confirms outstanding."""
    ground.begin("exchange_deleted")
    ground.publish()
    ground.handled()
    ground.link.delete_exchange(OUTPUT)
    ground.publish()
    ground.said("404")
    ground.check_all()


def consumer_timeout(ground):
    """406: the broker gives up a consumer that does not acknowledge, because its store is locked."""
    ground.node.ctl("eval", "application:set_env(rabbit, channel_tick_interval, 1000), application:set_env(rabbit, consumer_timeout, 3000).")
    ground.begin("consumer_timeout")
    other = sqlite3.connect(f"{ground.daemon.directory}/store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ground.publish()
    ground.said("the store is not available", "406")
    other.execute("ROLLBACK")
    other.close()
    ground.node.ctl("eval", "application:set_env(rabbit, consumer_timeout, 1800000).")
    ground.check_all()


def unroutable(ground):
    """Returned: kept, told, sent again until somebody binds a queue."""
    ground.begin("unroutable")
    ground.link.unbind(NOTICES, OUTPUT, "customer-notification.*")
    ground.publish()
    ground.said("NO_ROUTE")
    ground.handled()
    ground.table.check("unroutable: nothing arrives meanwhile", ground.link.depth(NOTICES)[0] == 0)
    ground.link.bind(NOTICES, OUTPUT, "customer-notification.*")
    ground.check_all()


def refused(ground):
    """nack: a full queue with reject-publish, of which room is made by reading."""
    fill(ground, "refused")
    ground.check_all()
    ground.node.ctl("clear_policy", "full")


def limit_lifted(ground):
    """The same, and the limit is lifted: RabbitMQ 3.10.8 goes on refusing on the channels on which it did."""
    fill(ground, "limit_lifted")
    ground.node.ctl("clear_policy", "full")
    ground.check_all()


def fill(ground, name):
    ground.begin(name)
    ground.node.ctl("set_policy", "full", NOTICES.replace(".", "\\."), '{"max-length":5,"overflow":"reject-publish"}', "--apply-to", "queues")
    # A policy takes hold when the broker gets to it.
    for _ in range(10):
        ground.publish(200)
        ground.handled()
        time.sleep(2)
        if "refused by the broker" in ground.log():
            break
    ground.said("refused by the broker")


def blocked(ground):
    """A memory alarm: inputs are taken, outputs wait in the outbox, also over a kill -9."""
    ground.begin("blocked")
    ground.publish()
    ground.handled()
    publishing = amqp_client.Connection(ground.url, "faultstest input")
    # In the queue first: during the alarm our own publisher is blocked as well.
    ground.daemon.process.send_signal(signal.SIGSTOP)
    publish(ground.url, orders(ground.sent, 50))
    ground.sent += 50
    ground.node.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
    ground.daemon.process.send_signal(signal.SIGCONT)
    ground.said("takes no publishes")
    ground.handled()
    ground.daemon.kill()
    ground.daemon.start()
    time.sleep(2)
    ground.node.ctl("set_vm_memory_high_watermark", "absolute", "1GB")
    publishing.close()
    ground.check_all()


def stopped_twice(ground):
    """A second SIGTERM ends it at once; what was in hand comes again."""
    ground.begin("stopped_twice", extra="worker: {batch: 5}\n")
    ground.publish(2000)
    wait("some work", lambda: ground.daemon.show("back-orders"), 30)
    for _ in range(2):
        ground.daemon.process.terminate()
        time.sleep(0.4)
    began = time.monotonic()
    code = ground.daemon.process.wait(30)
    ground.table.check("stopped_twice: it left, exit 0", code == 0, f"{time.monotonic() - began:.1f} s")
    ground.daemon.start()
    ground.check_all()


# Stores

def disk_full(ground):
    """SQLite on a file system that is full: it pauses, acknowledges nothing, and goes on by itself."""
    place = f"{ground.directory}/small"
    os.makedirs(place, exist_ok=True)
    if os.getuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", place], capture_output=True).returncode:
        print("LEFT OUT  disk_full: it takes the right to mount a file system")
        return
    try:
        ground.begin("disk_full", f"sqlite://{place}/store.db")
        ground.publish()
        ground.handled()
        filler = os.open(f"{place}/filler", os.O_CREAT | os.O_WRONLY)
        try:
            while True:
                os.write(filler, bytes(4096))
        except OSError:
            os.close(filler)
        ground.publish(400)
        ground.said("the store is not available")
        # The broker counts unacknowledged messages of a quorum queue anew every few seconds only.
        def held():
            rows = dict(row.split("\t") for row in ground.node.ctl("list_queues", "-q", "name", "messages").splitlines() if "\t" in row)
            return int(rows.get(INPUT, "0") or 0)
        wait("unacknowledged inputs", lambda: held() > 0, 30, 1)
        ground.table.check("disk_full: what is not committed is not acknowledged", held() > 0, held())
        os.remove(f"{place}/filler")
        ground.check_all()
    finally:
        ground.end()
        subprocess.run(["umount", "-l", place])


def turned_read_only(ground):
    """SQLite's files refuse to be written under the running daemon, as after a fault of the disk."""
    ground.begin("turned_read_only")
    ground.publish()
    ground.handled()
    files = [f"{ground.daemon.directory}/store.db{end}" for end in ("", "-wal")]
    if os.getuid() or subprocess.run(["chattr", "+i", *files], capture_output=True).returncode:
        print("LEFT OUT  turned_read_only: it takes root, and a file system with attributes")
        ground.check_all()
        return
    try:
        ground.publish()
        ground.said("the store is not available")
        ground.table.check("turned_read_only: nothing of it was answered", ground.link.depth(NOTICES)[0] <= ground.sent - 50, ground.link.depth(NOTICES)[0])
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)
    ground.check_all()


def heartbeats_off(ground):
    """A broker that suggests no heartbeats: the daemon has them all the same, or a dead link would never be noticed."""
    before = ground.node.ctl("eval", "application:get_env(rabbit, heartbeat).").split(",")[-1].strip(" }\n")
    ground.node.ctl("eval", "application:set_env(rabbit, heartbeat, 0).")
    try:
        ground.begin("heartbeats_off")
        ours = [row.split("\t") for row in ground.node.ctl("list_connections", "-q", "timeout", "client_properties").splitlines() if "backorderd" in row]
        ground.table.check("heartbeats_off: 15 s on both connections", [row[0] for row in ours] == ["15", "15"], [row[0] for row in ours])
        ground.publish()
        ground.check_all()
    finally:
        ground.node.ctl("eval", f"application:set_env(rabbit, heartbeat, {before}).")


def never_confirmed(ground):
    """An output queue that answers neither yes nor no, on a connection that is well: as when the leader of a quorum queue is
    lost with messages on their way."""
    ground.begin("never_confirmed")
    ground.publish()
    ground.handled()
    # The queue's process, by its registered name.
    queue = f"'%2F_{NOTICES}'"
    ground.node.ctl("eval", f"sys:suspend({queue}).")
    try:
        ground.publish()
        ground.said("no confirm within")
    finally:
        ground.node.ctl("eval", f"sys:resume({queue}).")
    ground.check_all()


def lost_commits(ground):
    """An asynchronous standby that was behind takes over: told loudly by the worker that saw the commits, and the cure works."""
    folder = f"{ground.directory}/database"
    os.makedirs(folder)
    database = Database(folder)
    try:
        database.start()
        database.follow(synchronous=False)
        server, standby = database.primary, database.standby
        links = [Proxy(server.port), Proxy(standby.port)]
        store = (f"postgres://backorderd:{server.password}@{','.join(f'127.0.0.1:{link.port}' for link in links)}"
                 f"/{database.name}?target_session_attrs=read-write")
        ground.begin("lost_commits", store)
        ground.publish()
        ground.handled()
        time.sleep(1)
        database.replication.freeze()
        ground.publish()
        ground.handled()
        wait("all notices", lambda: ground.link.depth(NOTICES)[0] >= ground.sent, 30)
        taken = {json.loads(m.body)["id"] for m in drain(ground.url, [NOTICES])}
        server.kill()
        database.promote()
        ground.said("COMMITS WERE LOST", "timeline 1, now 2")
        code = ground.daemon.process.wait(30)
        ground.table.check("lost_commits: the worker stops, exit 1", code == 1, code)
        ground.daemon.start()
        ground.daemon.await_consuming(ground.link)
        kept = sum(row["waiting"] for row in ground.daemon.show("back-orders"))
        ground.table.check("lost_commits: the books are those of before", kept == 50, kept)
        # The cure that the message names: send again what was sent; what is known is passed over.
        publish(ground.url, orders(0, ground.sent))
        ground.handled()
        again = {json.loads(m.body)["id"] for m in drain(ground.url, [NOTICES])}
        ground.table.check("lost_commits: sent again, the same ids come out", again <= taken and len(again) >= 50, f"{len(again)}, {len(again - taken)} new")
        total = sum(row["waiting"] for row in ground.daemon.show("back-orders"))
        ground.table.check("lost_commits: each order once in the books", total == ground.sent, total)
        ground.daemon.stop()
        ground.daemon.verify(ground.table)
    finally:
        ground.end()
        database.stop()


FAULTS = {f.__name__: f for f in (queue_deleted, exchange_deleted, consumer_timeout, unroutable, refused, limit_lifted, blocked, stopped_twice, disk_full, turned_read_only, heartbeats_off, never_confirmed, lost_commits)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--only", type=lambda text: text.split(","), help=f"of: {', '.join(FAULTS)}")
    parser.add_argument("--keep", help="directory for configurations, stores and logs, to look at afterwards")
    options = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
        directory = os.path.abspath(options.keep or scratch)
        os.makedirs(directory, exist_ok=True)
        os.chmod(directory, 0o755)
        ground = Ground(options, directory, table)
        try:
            for name in options.only or FAULTS:
                FAULTS[name](ground)
        finally:
            ground.end()
            ground.broker.stop()
    table.done()


if __name__ == "__main__":
    main()
