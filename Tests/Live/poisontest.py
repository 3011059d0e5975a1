#!/usr/bin/env python3
"""Messages that kill the daemon (a failpoint of debug builds): found in a few deaths, no neighbour blamed, nothing lost.

    poisontest.py --binary PATH --url AMQP_URL [--store URL]     (a debug build; any other has no failpoint)
"""
import argparse, json, math, re, signal, subprocess, tempfile, threading, time

from harness import DEAD, INPUT, OUTPUTS, Daemon, Table, amqp_client, clear, drain, publish, wait

LIMIT, PREFETCH, BATCH = 3, 400, 100
daemons = []
EXTRA = f"worker: {{batch: {BATCH}, delivery_limit: {LIMIT}}}\n"


def order(name):
    return json.dumps({"type": "order-placed", "id": f"m-{name}", "time": "2026-03-02T09:00:00Z", "order_id": name,
                       "lines": [{"sku": "A", "quantity": 1}]}).encode()


class Supervisor:
    """Starts the daemon again whenever it dies, as systemd does."""

    def __init__(self, daemon, killers):
        self.daemon, self.deaths, self.on = daemon, [], True
        daemon.environment["BACKORDERD_FAILPOINT_POISON"] = ",".join(killers)
        # Whoever may have it in hand still has 30 s to finish it; here all others are known to be dead.
        daemon.environment["BACKORDERD_FAILPOINT_GRACE"] = "1500"
        daemon.start()
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def follow(self):
        while self.on:
            code = self.daemon.process.poll()
            if code is None:
                time.sleep(0.02)
            elif code == -signal.SIGKILL:
                self.deaths.append(time.monotonic())
                self.daemon.start()
            else:
                return

    def stop(self):
        self.on = False
        self.thread.join()
        for name in ("POISON", "GRACE"):
            del self.daemon.environment[f"BACKORDERD_FAILPOINT_{name}"]
        return self.daemon.stop()


def backordered(messages):
    """Orders placed, by their notices; one that was sent again before its confirm came counts once."""
    notices = {e["id"]: e for e in map(json.loads, (m.body for m in messages)) if e.get("kind") == "order-backordered"}
    return [e["order_id"] for e in notices.values()]


def peek(url, queue):
    """What is in a queue; it goes back."""
    link, found = amqp_client.Connection(url, "peek"), []
    wanted, end = link.depth(queue)[0], time.monotonic() + 5
    link.consume(queue)
    while len(found) < wanted and time.monotonic() < end:
        found += link.messages(0.5)
    link.close()
    return found


def distinct(letters):
    return sorted({json.loads(m.body)["order_id"] for m in letters})


def collect(url, wanted, so_far=()):
    """Notices of placed orders, until there are so many: what is in a worker's hand is in no queue."""
    messages, known = [], set(so_far)

    def all_there():
        messages.extend(drain(url, OUTPUTS))
        return len(known | set(backordered(messages))) >= wanted
    try:
        wait("all notices", all_there, 30)
    except SystemExit:
        pass  # told by the check
    return backordered(messages)


def one_among_many(table, daemon, link, url):
    names = [f"N{n}" for n in range(PREFETCH + 200)]
    killer = names[130]
    publish(url, [order(name) for name in names])
    supervisor = Supervisor(daemon, [f"m-{killer}"])
    wait("the killer to be a dead letter", lambda: link.depth(DEAD)[0] >= 1, 120)
    placed = collect(url, len(names) - 1)
    code = supervisor.stop()
    letters = drain(url, [DEAD])
    # One in the batch it came in first, then halves of a batch until it is alone, then its own.
    most = 1 + math.ceil(math.log2(BATCH)) + 1 + LIMIT
    table.check("one killer: dead-lettered alone", distinct(letters) == [killer], len(letters))
    headers = letters[0].properties["headers"]
    table.check("one killer: poison, and why", headers.get("x-backorder-reason") == "poison" and str(LIMIT) in headers["x-backorder-detail"], headers.get("x-backorder-detail"))
    table.check(f"one killer: at most {most} deaths", LIMIT < len(supervisor.deaths) <= most, len(supervisor.deaths))
    table.check("one killer: all others, each once", sorted(placed) == sorted(set(names) - {killer}), f"{len(placed)} of {len(names) - 1}")
    table.check("one killer: SIGTERM: exit 0", code == 0, code)
    return letters[0]


def two_workers(table, make, link, url):
    """Two workers on one store and one queue: what one died over, the other takes in halves."""
    names = [f"W{n}" for n in range(600)]
    killers = [names[77], names[450]]
    publish(url, [order(name) for name in names])
    supervisors = [Supervisor(make(), [f"m-{name}" for name in killers]) for _ in range(2)]
    wait("the killers to be dead letters", lambda: len(distinct(peek(url, DEAD))) >= 2, 180, pause=0.5)
    placed = collect(url, len(names) - 2)
    wait("both workers to consume", lambda: link.depth(INPUT)[1] == 2, 60)
    codes = [supervisor.stop() for supervisor in supervisors]
    letters = drain(url, [DEAD])
    deaths = [len(supervisor.deaths) for supervisor in supervisors]
    most = 2 * (1 + math.ceil(math.log2(BATCH)) + 1 + LIMIT)
    table.check("two workers: the killers and nobody else", distinct(letters) == sorted(killers), f"{distinct(letters)} in {len(letters)} letters")
    table.check(f"two workers: at most {most} deaths for two killers", sum(deaths) <= most, deaths)
    table.check("two workers: all others, each once", sorted(placed) == sorted(set(names) - set(killers)), f"{len(placed)} of {len(names) - 2}")
    table.check("two workers: SIGTERM: exit 0", codes == [0, 0], codes)


def a_storm(table, daemon, link, url):
    """Killers at the head of the queue; new orders go on coming, and are not kept waiting until the last killer is found."""
    killers = [f"K{n}" for n in range(8)]
    publish(url, [order(name) for name in killers])
    supervisor, seen = Supervisor(daemon, ["m-K*"]), {}
    wait("the first deaths", lambda: len(supervisor.deaths) >= 3, 60)
    number = 0
    reader = amqp_client.Connection(url, "storm")
    for queue in OUTPUTS:
        reader.consume(queue)
    end = time.monotonic() + 200
    while (dead := link.depth(DEAD)[0]) < len(killers) and time.monotonic() < end:
        publish(url, [order(f"S{number}")])
        number += 1
        batch = reader.messages(0.05)
        for name in backordered(batch):
            seen.setdefault(name, len(supervisor.deaths))
        if batch:
            reader.ack(batch[-1].tag)
    during, lives = len(seen), len(supervisor.deaths)
    reader.close()
    wait("all killers to be dead letters", lambda: link.depth(DEAD)[0] >= len(killers), 60)
    placed = set(seen) | set(collect(url, number, seen))
    code = supervisor.stop()
    letters = drain(url, [DEAD])
    found = distinct(letters)
    table.check("storm: the killers and nobody else", found == killers, f"{found} in {len(letters)} letters, {len(supervisor.deaths)} deaths")
    table.check("storm: new orders went through between the deaths", during >= number * 0.5 and len(set(seen.values())) > 5,
                f"{during} of {number} before the last killer was found, in {len(set(seen.values()))} of {lives} lives")
    table.check("storm: each once in the end", sorted(placed) == sorted(f"S{n}" for n in range(number)),
                f"{len(placed)} of {number}, missing {sorted(set(f'S{n}' for n in range(number)) - placed)}")
    table.check("storm: SIGTERM: exit 0", code == 0, code)


def repaired(table, daemon, link, url, letter):
    """A program that no longer dies on it takes the letter back."""
    link.confirm()
    link.publish([(DEAD, letter.properties, letter.body)], "")
    daemon.start()
    daemon.await_consuming(link)
    run = subprocess.run([daemon.binary, "dead-letters", "replay", "--all", "--config", daemon.config], capture_output=True, text=True, env=daemon.environment)
    found = []

    def placed():
        found.extend(backordered(drain(url, OUTPUTS)))
        return found
    wait("its order", placed, 30)
    table.check("repaired: replayed, and its order placed", run.returncode == 0 and found == [json.loads(letter.body)["order_id"]], run.stderr or found)
    table.check("repaired: SIGTERM: exit 0", daemon.stop() == 0)


def made(options, directory):
    daemon = Daemon(options.binary, options.url, directory, extra=EXTRA)
    with open(daemon.config) as file:
        text = file.read()
    with open(daemon.config, "w") as file:
        if options.store:
            text = re.sub("store: .*", f'store: {{url: "{options.store}"}}', text)
        file.write(text.replace("broker: {", f"broker: {{prefetch: {PREFETCH}, "))
    daemons.append(daemon)
    return daemon


def run(options, directory):
    table, daemon = Table(), made(options, directory)
    link = amqp_client.Connection(options.url, "poisontest")
    try:
        daemon.start()
        daemon.await_consuming(link)
        daemon.stop()
        clear(link)
        letter = one_among_many(table, daemon, link, options.url)
        two_workers(table, lambda: made(options, directory), link, options.url)
        a_storm(table, daemon, link, options.url)
        repaired(table, daemon, link, options.url, letter)
        daemon.verify(table)
    finally:
        for daemon in daemons:
            if daemon.process and daemon.process.poll() is None:
                daemon.kill()
        clear(link)
        link.close()
    table.done()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("binary", "url"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--store", help="a store's URL, instead of an SQLite file of its own")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        run(options, directory)


if __name__ == "__main__":
    main()
