#!/usr/bin/env python3
"""What the links to broker and database are worth: heartbeats that the broker does not want, keep-alives, packets that vanish
without a word, headers that no frame holds.

    linktest.py --binary PATH [--only NAME,…] [--keep DIR]

It starts its own RabbitMQ and PostgreSQL. With the right to make a network namespace, a link is really taken down; without it
that part is left out, and says so.
"""
import argparse, asyncio, os, secrets, sqlite3, struct, subprocess, tempfile, time

from chaos_load import dead_letters
from chaos_services import Database, Proxy
from faultstest import Ground, orders
from harness import EXCHANGE, Daemon, Table, amqp_client, publish, wait


def environment(ground, name, value):
    """A setting of the broker's, for connections that are made from now on."""
    ground.node.ctl("eval", f"application:set_env(rabbit, {name}, {value}).")


def heartbeats(ground):
    """What each of the daemon's connections agreed on, in seconds, as the broker tells."""
    rows = [row.split("\t") for row in ground.node.ctl("list_connections", "-q", "client_properties", "timeout").splitlines()]
    return sorted(row[1] for row in rows if len(row) == 2 and '"backorderd"' in row[0])


def dead_link(ground):
    """The broker wants no heartbeats, and a link goes dead: noticed all the same, by the 15 seconds that the daemon asks for."""
    environment(ground, "heartbeat", 0)
    proxy, direct = Proxy(ground.node.port), ground.url
    try:
        ground.url = f"amqp://guest:guest@127.0.0.1:{proxy.port}/%2F"
        ground.begin("dead_link")
        ground.url = direct
        wait("both connections", lambda: len(heartbeats(ground)) == 2, 30, 1)
        ground.table.check("dead_link: the daemon's own 15 seconds hold", heartbeats(ground) == ["15", "15"], heartbeats(ground))
        ground.publish()
        ground.handled()
        proxy.freeze()
        ground.said("consumer: while reading from the broker: no heartbeat from the broker")
        proxy.thaw()
        ground.publish()
        ground.check_all()
    finally:
        ground.url = direct
        environment(ground, "heartbeat", 4)


def heartbeat_short(ground):
    """One second: also while the store keeps the pipeline waiting, nobody is cut off."""
    environment(ground, "heartbeat", 1)
    try:
        ground.begin("heartbeat_short")
        wait("both connections", lambda: heartbeats(ground) == ["1", "1"], 30, 1)
        other = sqlite3.connect(f"{ground.daemon.directory}/store.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        ground.publish(2000)
        ground.said("the store is not available")
        time.sleep(5)
        other.execute("ROLLBACK")
        other.close()
        ground.handled()
        ground.table.check("heartbeat_short: no connection was lost", ground.log().count(": connected to") == 2)
        ground.check_all()
    finally:
        environment(ground, "heartbeat", 4)


def headers_over_a_frame(ground):
    """A header table larger than the frames that the broker allows now stands at the head of the queue. It can be read by
    nobody: told with the cure, tried again slowly, and nothing behind it is lost."""
    ground.begin("headers_over_a_frame")
    ground.daemon.stop()
    wide = amqp_client.Connection(ground.url, "linktest")
    wide.confirm()
    wide.publish(iter([("order-placed", {"delivery_mode": 2, "headers": {"wide": "x" * 100_000}}, orders(0, 1)[0])]), EXCHANGE)
    ground.sent = 1
    ground.publish(20)
    environment(ground, "frame_max", 8192)
    try:
        ground.daemon.start()
        ground.said("a message at the head of a queue may be unreadable, remove or move it with the management tools")
        tries = ground.log().count("headers larger than a frame")
        time.sleep(5)
        tries = ground.log().count("headers larger than a frame") - tries
        ground.table.check("headers_over_a_frame: no busy loop", tries <= 10, tries)
        ground.daemon.check_alive()
    finally:
        # The cure that an operator has: frames as they were.
        environment(ground, "frame_max", 131072)
    ground.check_all()


def nested(levels):
    """A header table: `deep` is an array in an array in an array …"""
    inner = b""
    for _ in range(levels):
        inner = b"A" + struct.pack(">I", len(inner)) + inner
    entry = amqp_client.short("deep") + inner
    return struct.pack(">I", len(entry)) + entry


def send(link, key, table, body):
    """A message with headers as the bytes given, on a link that waits for confirms."""
    header = struct.pack(">HHQH", 60, 0, len(body), 1 << 13 | 1 << 12) + table + b"\x02"
    link.sequence += 1
    link.outstanding[link.sequence] = True
    link.send(60, 40, b"\0\0" + amqp_client.short(EXCHANGE) + amqp_client.short(key) + b"\0")
    for kind, payload in ((amqp_client.HEADER, header), (amqp_client.BODY, body)):
        link.socket.sendall(struct.pack(">BHI", kind, 1, len(payload)) + payload + amqp_client.FRAME_END)
    link.await_confirms()


def odd_headers(ground):
    """Headers nested thousands deep, thousands of them, one that fills a frame: a good message counts, a bad one is a dead letter."""
    ground.begin("odd_headers")
    link = amqp_client.Connection(ground.url, "linktest")
    link.confirm()
    many = amqp_client.table({f"header-{n}": n for n in range(5000)})
    tables = [nested(20_000), nested(2_000), many, amqp_client.table({"wide": "x" * 130_900}), amqp_client.table({"": "", "traceparent": "é" * 200})]
    good = orders(0, len(tables))
    for headers, body in zip(tables, good):
        send(link, "order-placed", headers, body)
        send(link, "order-placed", headers, b"{")
    ground.sent = len(tables)
    ground.publish()
    found = []
    wait("the dead letters", lambda: found.extend(dead_letters(ground.link)) or len(found) >= len(tables), 60)
    ground.table.check("odd_headers: each bad message is a dead letter, body untouched", [m.body for m in found] == [b"{"] * len(tables), len(found))
    reasons = {m.properties.get("headers", {}).get("x-backorder-reason") for m in found}
    ground.table.check("odd_headers: with its reason", reasons == {"malformed"}, reasons)
    ground.daemon.check_alive()
    ground.check_all()
    link.close()


# The network itself

class Door(Proxy):
    """A proxy on an address other than 127.0.0.1."""

    def __init__(self, target, host):
        self.host = host
        super().__init__(target)

    def serve(self, ready):
        asyncio.set_event_loop(self.loop)
        self.open = asyncio.Event()
        self.open.set()
        self.loop.run_until_complete(asyncio.start_server(self.accept, self.host, self.port))
        ready.set()
        self.loop.run_forever()


class Wire:
    """A network namespace at the end of a wire that can be pulled: packets vanish, nobody is told."""

    def __init__(self):
        number = secrets.randbelow(60_000)
        self.name, self.near, self.far = f"backorderd{number}", f"bo{number}n", f"bo{number}f"
        base = f"10.{200 + number // 15_000}.{number // 60 % 250}"
        self.host, self.guest = f"{base}.{number % 60 * 4 + 1}", f"{base}.{number % 60 * 4 + 2}"

    def ip(self, *words, check=True):
        return subprocess.run(["ip", *words], capture_output=True, text=True, check=check)

    def lay(self):
        """False: there is no right to."""
        if self.ip("netns", "add", self.name, check=False).returncode:
            return False
        if self.ip("link", "add", self.near, "type", "veth", "peer", "name", self.far, check=False).returncode:
            self.ip("netns", "del", self.name)
            return False
        self.ip("link", "set", self.far, "netns", self.name)
        self.ip("addr", "add", f"{self.host}/30", "dev", self.near)
        self.ip("link", "set", self.near, "up")
        inside = ["-n", self.name]
        self.ip(*inside, "addr", "add", f"{self.guest}/30", "dev", self.far)
        for device in (self.far, "lo"):
            self.ip(*inside, "link", "set", device, "up")
        return True

    def pull(self):
        self.ip("link", "set", self.near, "down")

    def plug(self):
        self.ip("link", "set", self.near, "up")

    def remove(self):
        self.ip("netns", "del", self.name, check=False)
        self.ip("link", "del", self.near, check=False)

    def sockets(self, port):
        """Established connections to that port from within, with their timers."""
        run = subprocess.run(["ip", "netns", "exec", self.name, "ss", "-tnoH", "state", "established", "dport", "=", f":{port}"],
                             capture_output=True, text=True, check=True)
        return run.stdout.splitlines()


class WiredDaemon(Daemon):
    def start(self, wire):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(["ip", "netns", "exec", wire.name, self.binary, "run", "--config", self.config],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)


def pulled_wire(ground):
    """Keep-alives are on, towards broker and database alike. The wire is pulled, and nobody closes anything: noticed, said, made
    good by itself."""
    wire = Wire()
    if os.getuid() or not wire.lay():
        print("LEFT OUT  pulled_wire: it takes the right to make a network namespace")
        return
    folder = f"{ground.directory}/wired"
    os.makedirs(folder)
    database = Database(folder)
    try:
        database.start()
        server = database.primary
        to_broker, to_store = Door(ground.node.port, wire.host), Door(server.port, wire.host)
        ground.end()
        ground.name, ground.sent = "pulled_wire", 0
        ground.daemon = WiredDaemon(ground.options.binary, f"amqp://guest:guest@{wire.host}:{to_broker.port}/%2F", f"{folder}/daemon", "",
                                    f"postgres://backorderd:{server.password}@{wire.host}:{to_store.port}/{database.name}")
        ground.daemon.start(wire)
        ground.daemon.await_consuming(ground.link)
        for name, port in (("broker", to_broker.port), ("PostgreSQL", to_store.port)):
            def kept():
                rows = wire.sockets(port)
                return rows and all("timer:(keepalive," in row for row in rows)
            wait(f"keep-alive timers on all sockets to {name}", kept, 30, 0.2)
            ground.table.check(f"pulled_wire: keep-alives run on all sockets to {name}", True, f"{len(wire.sockets(port))} sockets")
        ground.publish()
        ground.handled()
        before = len(ground.log())
        wire.pull()
        publish(ground.url, orders(ground.sent, 50))
        ground.sent += 50

        def noticed():
            text = ground.log()[before:]
            return "the connection to the server was lost" in text or "did not answer" in text
        wait("the daemon to notice its dead store", noticed, 60, 0.5)
        ground.table.check("pulled_wire: it notices that the database's link is dead", True)
        wait("the daemon to notice its dead broker", lambda: "consumer: while" in ground.log()[before:], 60, 0.5)
        ground.table.check("pulled_wire: it notices that the broker's link is dead", True)
        wire.plug()
        ground.check_all()
    finally:
        ground.end()
        database.stop()
        wire.remove()


PARTS = {f.__name__: f for f in (dead_link, heartbeat_short, headers_over_a_frame, odd_headers, pulled_wire)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--only", type=lambda text: text.split(","), help=f"of: {', '.join(PARTS)}")
    parser.add_argument("--keep", help="directory for configurations, stores and logs, to look at afterwards")
    options = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory(prefix="links-") as scratch:
        directory = os.path.abspath(options.keep or scratch)
        os.makedirs(directory, exist_ok=True)
        os.chmod(directory, 0o755)
        ground = Ground(options, directory, table)
        try:
            for name in options.only or PARTS:
                PARTS[name](ground)
        finally:
            ground.end()
            ground.broker.stop()
    table.done()


if __name__ == "__main__":
    main()
