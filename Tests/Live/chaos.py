#!/usr/bin/env python3
"""Workers, broker and database under faults drawn from a seed, while a shop and a warehouse go on; then nothing may be lost or doubled.

    chaos.py --binary PATH [--seed 1] [--minutes 2 | --short] [--workers 4] [--cluster] [--sqlite] [--only FAULT,…] [--keep DIR]

It starts what it breaks: RabbitMQ (--cluster: three nodes), PostgreSQL with a synchronous standby (--sqlite: one file
instead), and workers that reach them through proxies. --short: each of the main faults once, about a minute.
The faults are dealt like cards: each comes once before one comes twice. What the kernel and the scheduler add is not in
the seed; the same seed deals the same faults to the same targets.
"""
import argparse, os, random, signal, tempfile, time

from chaos_load import Shop, dead_letters
from chaos_services import Broker, Database, Node, Proxy
from harness import INPUT, Daemon, Table, amqp_client, wait

WORKER = ["kill-worker", "kill-all-workers", "freeze-worker", "restart-worker"]
BROKER = ["cut-broker", "slow-broker", "dead-broker-link", "stop-broker", "kill-broker", "restart-app", "alarm"]
DATABASE = ["cut-database", "slow-database", "dead-database-link", "restart-database", "kill-database", "kill-sessions", "failover"]
SHORT = ["kill-worker", "kill-all-workers", "cut-broker", "kill-broker", "cut-database", "kill-database", "failover", "dead-broker-link"]


class Chaos:
    def __init__(self, options, directory):
        self.options, self.directory, self.chance = options, directory, random.Random(options.seed)
        self.broker = Broker(f"{directory}/broker", 3 if options.cluster else 1)
        self.database = None
        if not options.sqlite:
            os.makedirs(f"{directory}/database")
            self.database = Database(f"{directory}/database")
        self.table, self.recoveries, self.faults, self.by_itself, self.began = Table(), {}, 0, [], time.monotonic()
        self.workers, self.links = [], []

    def say(self, text):
        print(f"{time.monotonic() - self.began:7.1f}  {text}", flush=True)

    # Start and end

    def start(self):
        # The database first: while nodes join a cluster the machine has little to spare.
        store = None
        if self.database:
            self.database.start()
            self.database.follow()
            server, standby = self.database.primary, self.database.standby
            self.links = [Proxy(server.port), Proxy(standby.port)]
            hosts = ",".join(f"127.0.0.1:{link.port}" for link in self.links)
            store = f"postgres://backorderd:{server.password}@{hosts}/{self.database.name}?target_session_attrs=read-write"
        self.broker.start()
        self.broker_links = [Proxy(node.port) for node in self.broker.nodes]
        urls = [f"amqp://guest:guest@127.0.0.1:{link.port}/%2F" for link in self.broker_links]
        if not store:
            store = f"sqlite://{self.directory}/store.db"
        extra = "log: {level: info}\nworker: {batch: 100}\n"
        self.workers = [Daemon(self.options.binary, urls, f"{self.directory}/worker{n}", extra, store) for n in range(self.options.workers)]
        for worker in self.workers:
            worker.start()
        link = self.link()
        def all_consume():
            for worker in self.workers:
                worker.check_alive()
            return (link.depth(INPUT) or (0, 0))[1] >= len(self.workers)
        wait("all workers to consume", all_consume, 90)
        link.close()
        self.shop = Shop(self.broker.urls, self.options.seed, rate=self.options.rate)
        self.shop.start()

    def link(self, seconds=120):
        end = time.monotonic() + seconds
        while True:
            for url in self.broker.urls:
                try:
                    return amqp_client.Connection(url, "chaos")
                except (OSError, amqp_client.AMQPError) as error:
                    last = error
            if time.monotonic() > end:
                raise SystemExit(f"FAILED: no broker for {seconds} s: {last}")
            time.sleep(0.2)

    def stop(self):
        for worker in self.workers:
            if worker.process and worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
                worker.kill()
        self.broker.stop()
        if self.database:
            self.database.stop()

    def check_alive(self):
        """A worker that ends by itself is a failure, but the run goes on to see what becomes of it."""
        for number, worker in enumerate(self.workers):
            if (code := worker.process.poll()) is not None:
                with open(worker.log_path, errors="replace") as log:
                    last = "".join(log.readlines()[-2:]).strip()
                self.by_itself.append(f"worker {number}: exit {code}: {last[-300:]}")
                self.say(f"worker {number} ENDED BY ITSELF, exit {code}: {last[-300:]}")
                worker.start()

    # The run

    def deal(self):
        """Faults without end, shuffled like cards."""
        names = self.options.only or (SHORT if self.options.short else WORKER + BROKER + DATABASE)
        while True:
            deck = [n for n in names if self.database or n not in DATABASE]
            self.chance.shuffle(deck)
            yield from deck
            if self.options.short:
                return

    def play(self):
        self.start()
        self.began = time.monotonic()
        end = self.began + self.options.minutes * 60
        for name in self.deal():
            time.sleep(self.chance.uniform(1, 2) if self.options.short else self.chance.uniform(1, 6))
            if time.monotonic() > end and not self.options.short:
                break
            self.check_alive()
            self.say(f"{name} …")
            self.faults += 1
            getattr(self, name.replace("-", "_"))()
            self.await_recovery(name)
        self.say("no more faults; waiting for what is open")
        self.shop.finish(self.check_alive)
        took = time.monotonic() - self.began
        codes = [worker.stop() for worker in self.workers]
        self.shop.close()
        link = self.link()
        left, dead = link.depth(INPUT)[0], dead_letters(link)
        link.close()
        print(f"-- seed {self.options.seed}, {len(self.workers)} workers, {'three nodes' if self.options.cluster else 'one node'}, "
              f"{'PostgreSQL with standby' if self.database else 'SQLite'}, {self.faults} faults, {took:.0f} s, {self.shop.published / took:.0f} messages/s")
        print("-- seconds from the end of the fault: until a new output came, and until an order published after it was answered")
        for name, times in sorted(self.recoveries.items()):
            first, through = (sorted(column) for column in zip(*times))
            print(f"   {name:20}", *(f"median {t[len(t) // 2]:5.1f} longest {t[-1]:5.1f}  " for t in (first, through)), f"of {len(times)}")
        self.table.check("SIGTERM: exit 0", not any(codes), codes)
        self.table.check("no worker ended by itself", not self.by_itself, self.by_itself[:2] or "")
        self.shop.check(self.table, self.workers[0], dead, left)
        self.workers[0].verify(self.table)

    def await_recovery(self, name, seconds=150):
        """Until an order that is published now is answered: a measure; and that it comes at all is a check."""
        mark, end = self.shop.mark(), time.monotonic() + seconds
        while mark["through"] is None:
            self.check_alive()
            if time.monotonic() > end or self.shop.trouble:
                raise SystemExit(f"FAILED: nothing is answered {seconds} s after {name}; {self.shop.trouble or ''} open: {self.shop.missing()}")
            time.sleep(0.02)
        self.recoveries.setdefault(name, []).append((mark["again"], mark["through"]))
        self.say(f"{name}: at work after {mark['again']:.1f} s, an order answered after {mark['through']:.1f} s")

    # Workers

    def one(self):
        return self.chance.choice(self.workers)

    def kill_worker(self):
        self.end_and_start([self.one()])

    def kill_all_workers(self):
        self.end_and_start(self.workers)

    def end_and_start(self, workers):
        for worker in workers:
            worker.kill()
        time.sleep(self.chance.uniform(0, 1.5))
        for worker in workers:
            worker.start()

    def freeze_worker(self):
        """SIGSTOP for longer than the broker waits for a heartbeat: what it has in hand is given to others meanwhile."""
        worker = self.one()
        worker.process.send_signal(signal.SIGSTOP)
        end = time.monotonic() + Node.HEARTBEAT * self.chance.uniform(2.5, 4)
        if len(self.workers) > 1:
            self.await_recovery("one frozen")
        time.sleep(max(0, end - time.monotonic()))
        worker.process.send_signal(signal.SIGCONT)

    def restart_worker(self):
        worker = self.one()
        if code := worker.stop():
            self.by_itself.append(f"SIGTERM: exit {code}")
        worker.start()

    # The broker and the way to it

    def each(self, links, action):
        for link in links:
            action(link)

    def cut_broker(self):
        for _ in range(self.chance.randint(1, 4)):
            self.each(self.broker_links, Proxy.cut)
            time.sleep(self.chance.uniform(0, 0.4))

    def slow(self, links):
        for link in links:
            link.delay = self.chance.uniform(0.02, 0.3)
        time.sleep(self.chance.uniform(2, 6))
        for link in links:
            link.delay = 0.0

    def dead(self, links, seconds):
        self.each(links, Proxy.freeze)
        time.sleep(seconds)
        self.each(links, Proxy.thaw)

    def slow_broker(self):
        self.slow(self.broker_links)

    def dead_broker_link(self):
        """Half-open: nothing passes and nothing is closed, for longer than two heartbeats. Then the path is new."""
        self.dead(self.broker_links, Node.HEARTBEAT * self.chance.uniform(2.2, 3))
        self.each(self.broker_links, Proxy.cut)

    def node(self):
        return self.chance.choice(self.broker.nodes)

    def stop_broker(self):
        self.down_and_up(Node.stop)

    def kill_broker(self):
        self.down_and_up(Node.kill)

    def down_and_up(self, how):
        """Of a cluster one node, of which it takes the loss; work goes on meanwhile, or it is a failure."""
        node, worker = self.node(), self.one()
        how(node)
        # One that starts in the middle of it waits like the others.
        worker.kill()
        worker.start()
        if self.options.cluster:
            self.await_recovery("one node down")
        time.sleep(self.chance.uniform(0, 4))
        node.start()

    def restart_app(self):
        node = self.node()
        node.ctl("stop_app")
        time.sleep(self.chance.uniform(0, 2))
        node.ctl("start_app")

    def alarm(self):
        """The memory alarm: no publishes are taken, ours included."""
        node = self.node()
        node.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
        time.sleep(self.chance.uniform(1, 4))
        node.ctl("set_vm_memory_high_watermark", "absolute", "1GB")

    # The database and the way to it

    def cut_database(self):
        for _ in range(self.chance.randint(1, 12)):
            self.each(self.links, Proxy.cut)
            time.sleep(self.chance.uniform(0, 0.3))

    def slow_database(self):
        self.slow(self.links)

    def dead_database_link(self):
        self.dead(self.links, self.chance.uniform(2, 8))
        self.each(self.links, Proxy.cut)

    def restart_database(self):
        self.database.primary.end("stop")
        time.sleep(self.chance.uniform(0, 2))
        self.database.primary.start()

    def kill_database(self):
        worker = self.one()
        self.database.primary.kill()
        worker.kill()
        worker.start()
        time.sleep(self.chance.uniform(0.5, 4))
        self.database.primary.start()

    def kill_sessions(self):
        for _ in range(self.chance.randint(1, 6)):
            self.database.primary.ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'backorderd'")
            time.sleep(self.chance.uniform(0, 0.5))

    def failover(self):
        """The primary dies, the standby takes over, and gets a standby of its own where the dead one was."""
        self.database.primary.kill()
        former = self.database.promote()
        self.await_recovery("failover (promoted)")
        self.database.follow(port=former.port)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--cluster", action="store_true")
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--only", type=lambda text: text.split(","), help=f"of: {', '.join(WORKER + BROKER + DATABASE)}")
    parser.add_argument("--rate", type=float, help="messages a second at most; without it a backlog of some hundred is kept")
    parser.add_argument("--keep", help="directory for configurations, stores and logs, to look at afterwards")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chaos-") as scratch:
        directory = os.path.abspath(options.keep or scratch)
        os.makedirs(directory, exist_ok=True)
        os.chmod(directory, 0o755)
        chaos = Chaos(options, directory)
        good = False
        try:
            chaos.play()
            good = not chaos.table.failed
        finally:
            chaos.stop()
            if not good:
                given = f"--seed {options.seed} --workers {options.workers} " + ("--short" if options.short else f"--minutes {options.minutes:g}")
                for name in ("cluster", "sqlite"):
                    given += f" --{name}" if getattr(options, name) else ""
                given += f" --only {','.join(options.only)}" if options.only else ""
                print(f"Again: python3 -B Tests/Live/chaos.py --binary {options.binary} {given}", flush=True)
    chaos.table.done()


if __name__ == "__main__":
    main()
