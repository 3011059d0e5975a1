#!/usr/bin/env python3
"""A history through several daemons on one store and one queue; at the end everything has to be as one alone would have left it.

    manyworkers.py --binary PATH --url AMQP --history DIR [--store URL] [--workers 1,2,4] [--kill-every SECONDS]
                   [--rabbitmq DIR] [--postgres DIR] [--seed 1] [--rate 2000] [--keep DIR]

--store: a PostgreSQL URL, of which each run uses a schema of its own; without it, one SQLite file on this host.
--kill-every: kill -9 of a random worker, that often, while the history passes; it is started again.
--rabbitmq, --postgres: the DIR of deploy/lib/private-rabbitmq and private-postgres: the broker is restarted, the database
killed and started again, while the history passes.

Competing consumers take messages in another order than they were sent: a shipment may come before its order. What the
digest and the placing notices of a history with shipments should be then is not settled; those two checks are known to
fail with more than one worker on such a history. All others hold for any order.
"""
import argparse, os, random, subprocess, tempfile, threading, time

from harness import DEAD, HERE, INPUT, OUTPUTS, Daemon, History, Table, amqp_client, check_outputs, clear, depths, drain, publish

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
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=2000, help="messages a second into the exchange")
    parser.add_argument("--keep", help="directory for configurations, stores and logs, to look at afterwards")
    options = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory() as scratch:
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
        self.workers = [Daemon(options.binary, options.url, f"{directory}/{n}", store=store) for n in range(count)]
        self.busy, self.ended, self.kills, self.recoveries = True, [], 0, []

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
            back, link = time.monotonic(), self.link()
            before = depths(link)[1]
            while depths(link)[1] <= before and depths(link)[0] > 0 and time.monotonic() < back + 60:
                time.sleep(0.05)
            self.recoveries.append(f"{program[8:]} {time.monotonic() - back:.1f} s")
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

    def play(self):
        history, options, table = self.history, self.options, self.table
        link = self.link()
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
        began = time.monotonic()
        # Half of the history is in the queue before the services are broken: our own publisher is not what is tested.
        if options.rabbitmq or options.postgres:
            publish(options.url, history.events)
        killer = threading.Thread(target=self.kill_some, daemon=True)
        if options.kill_every:
            killer.start()
        if options.rabbitmq or options.postgres:
            self.break_services()
        else:
            publish(options.url, history.events, options.rate if options.kill_every else None)
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
        print(f"-- {self.count} workers, {len(history.events)} messages, {self.kills} kills, {took:.0f} s; {', '.join(self.recoveries)}", flush=True)
        table.check("SIGTERM: exit 0", not any(codes), codes)
        table.check("never ended by itself", not self.ended, self.ended or "")
        found = check_outputs(table, history, messages, dead, left)
        if not self.kills and not self.recoveries:
            table.check("nothing sent twice", len(messages) == len(found), len(messages) - len(found) or "")
        got = self.workers[0].digest(history)
        table.check("digest of the end state", got == history.expected["digest"], f"{got}, expected {history.expected['digest']}")
        self.workers[0].verify(table)

    def await_input_empty(self, seconds=900):
        link, end = self.link(), time.monotonic() + seconds
        while depths(link)[0] > 0:
            if time.monotonic() > end:
                raise SystemExit(f"FAILED: {depths(link)[0]} messages in the input after {seconds} s")
            time.sleep(0.1)
        link.close()


if __name__ == "__main__":
    main()
