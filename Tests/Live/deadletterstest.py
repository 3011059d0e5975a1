#!/usr/bin/env python3
"""`backorderd dead-letters`: nothing lost, reordered or done twice, beside the running daemon and under kill -9.

    deadletterstest.py --binary PATH --url AMQP_URL [--seed N]
"""
import argparse, json, random, signal, subprocess, tempfile, time

from harness import DEAD, EXCHANGE, INPUT, OUTPUTS, Daemon, Table, amqp_client, await_quiet, clear, drain, publish, wait

EXTRA = "worker: {parking: 1s}\nlimits: {message_bytes: 100000}\n"


def body(**message):
    return json.dumps({"time": "2026-03-02T09:00:00Z", **message}).encode()


def order(name):
    return body(type="order-placed", id=f"m-{name}", order_id=name, lines=[{"sku": "A", "quantity": 1}])


def shipment(name):
    return body(type="shipment-dispatched", id=f"s-{name}", shipment_id=f"S{name}", order_id=name, location="WH1",
                lines=[{"sku": "A", "quantity": 1}])


class Letters:
    """The command, and what it says."""

    def __init__(self, daemon):
        self.daemon = daemon

    def command(self, *arguments):
        return [self.daemon.binary, "dead-letters", *arguments, "--config", self.daemon.config]

    def run(self, *arguments):
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, env=self.daemon.environment, timeout=120)

    def list(self):
        run = self.run("list", "--format", "json")
        if run.returncode:
            raise SystemExit(f"FAILED: list: exit {run.returncode}: {run.stderr}")
        return json.loads(run.stdout)


def peek(url, queue):
    """All messages of a queue; they go back."""
    link, found = amqp_client.Connection(url, "peek"), []
    wanted = link.depth(queue)[0]
    if wanted:
        link.consume(queue, prefetch=0)
        end = time.monotonic() + 10
        while len(found) < wanted:
            found += link.messages(1)
            if time.monotonic() > end:
                raise SystemExit(f"FAILED: {queue} had {wanted} messages and gave {len(found)}")
    link.close()
    wait("the messages to be back", lambda: depth(url, queue) == wanted, 20)
    return found


def depth(url, queue):
    link = amqp_client.Connection(url, "depth")
    try:
        return link.depth(queue)[0]
    finally:
        link.close()


def put(url, letters):
    """Letters into the dead-letter queue, as the daemon writes them."""
    link = amqp_client.Connection(url, "put")
    link.confirm()
    link.publish(((DEAD, {"delivery_mode": 2, "headers": {
        "x-backorder-reason": reason, "x-backorder-detail": "put here by a test", "x-backorder-queue": INPUT,
        "x-backorder-time": "2026-03-02T09:00:00.000Z", "shop": "north"}}, content) for reason, content in letters), "")
    link.close()


def look(table, letters, link, url):
    """list and show change nothing, and tell all."""
    conflict = json.loads(order("O1")) | {"id": "m-other", "lines": [{"sku": "A", "quantity": 9}]}
    messages = [("order-placed", {"delivery_mode": 2, "message_id": "bad-1", "headers": {"shop": "north", "n": 1}}, b"{"),
                ("order-placed", {"delivery_mode": 2}, b"\xff\xfe\x1b[31m"),
                ("order-placed", {"delivery_mode": 2}, order("O1")),
                ("order-placed", {"delivery_mode": 2}, json.dumps(conflict).encode()),
                ("order-placed", {"delivery_mode": 2, "message_id": "wide"}, b" " * 150_000)]
    link.confirm()
    for message in messages:
        link.publish([message], EXCHANGE)
    publish(url, [shipment(f"P{n}") for n in range(6)])
    wait("ten dead letters", lambda: link.depth(DEAD)[0] >= 10, 30)
    first = letters.list()
    reasons = sorted(letter["reason"] for letter in first)
    table.check("list: each with its reason", reasons == sorted(["malformed"] * 2 + ["conflict", "too-large"] + ["expired"] * 6), reasons)
    keys = ["id", "message_id", "type", "reason", "detail", "queue", "time", "bytes"]
    table.check("list: stable keys", all(list(letter) == keys for letter in first))
    table.check("list: all from our input, with a time", all(letter["queue"] == INPUT and letter["time"] for letter in first))
    raw = [message.body for message in peek(url, DEAD)]
    again = [letters.list() for _ in range(3)]
    table.check("list: nothing lost or reordered by four lists", all(other == first for other in again)
                and [message.body for message in peek(url, DEAD)] == raw)
    show = letters.run("show", "bad-1", "--format", "json")
    shown = json.loads(show.stdout or "{}")
    table.check("show: by the message's id, body and headers as they came", show.returncode == 0 and shown.get("body") == "{"
                and shown["headers"]["shop"] == "north" and shown["properties"]["message_id"] == "bad-1", show.stderr)
    binary = next(letter["id"] for letter in first if letter["bytes"] == 7)
    table.check("show: by the letter's id, bytes that are no text", json.loads(letters.run("show", binary, "--format", "json").stdout).get("body_base64") == "//4bWzMxbQ==")
    table.check("show: text, without control characters", "\x1b" not in letters.run("show", binary).stdout + letters.run("list").stdout)
    missing = letters.run("show", "bad-2")
    table.check("show: 66 and a suggestion for an unknown id", missing.returncode == 66 and "bad-1" in missing.stderr, missing.stderr.strip())
    table.check("replay without a name: usage, 64", letters.run("replay").returncode == 64)
    chain = [letters.run("show", letters.list()[-1]["id"]).returncode for _ in range(10)]
    table.check("show right after list, ten times", chain == [0] * 10, chain)
    table.check("csv", letters.run("list", "--format", "csv").stdout.splitlines()[0] == ",".join(keys))


def send_back(table, letters, url):
    """What was parked and expired has its effect once, however often it is sent back."""
    publish(url, [order(f"P{n}") for n in range(6)])
    expired = [letter["id"] for letter in letters.list() if letter["reason"] == "expired"]
    saved = [message for message in peek(url, DEAD) if message.properties["headers"].get("x-backorder-reason") == "expired"]
    run = letters.run("replay", *expired, "--format", "json")
    results = [entry["result"] for entry in json.loads(run.stdout)]
    table.check("replay: the six expired ones", run.returncode == 0 and results == ["replayed"] * 6, run.stderr or results)
    found = []

    def dispatched():
        found.extend(json.loads(message.body) for message in drain(url, OUTPUTS))
        return sum(e.get("kind") == "order-dispatched" for e in found) >= 6
    wait("their dispatch notices", dispatched, 30)
    # As after a kill between confirm and removal: the letters are there although they were sent back.
    link = amqp_client.Connection(url, "again")
    link.confirm()
    link.publish([(DEAD, message.properties, message.body) for message in saved], "")
    link.close()
    run = letters.run("replay", *expired, "--format", "json")
    notes = [entry["detail"] or "" for entry in json.loads(run.stdout)]
    table.check("replay: told that they are repeats", run.returncode == 0 and len(notes) == 6 and all("repeat" in note for note in notes), notes[:1])
    wait("the input to be empty", lambda: depth(url, INPUT) == 0, 20)
    time.sleep(1)
    found.extend(json.loads(message.body) for message in drain(url, OUTPUTS))
    told = sorted(e["order_id"] for e in found if e.get("kind") == "order-dispatched")
    table.check("replay: each effect once", told == [f"P{n}" for n in range(6)], told)
    back = letters.list()
    conflict = next(letter["id"] for letter in back if letter["reason"] == "conflict")
    run = letters.run("replay", conflict)
    wait("it to come again", lambda: any(letter["reason"] == "conflict" and letter["id"] != conflict for letter in letters.list()), 20)
    table.check("replay: what is still wrong is a dead letter again, at the end", letters.list()[-1]["reason"] == "conflict"
                and len(letters.list()) == len(back), run.stderr)
    run = letters.run("replay", letters.list()[0]["id"], "no-such-letter")
    table.check("replay: 66 when one asked for is not there", run.returncode == 66, run.stderr.strip())


def beside_the_daemon(table, letters, link, url):
    """replay --all while the daemon runs, writes new letters, and rejects some of the old ones again."""
    before = depth(url, DEAD)
    put(url, [("poison", order(f"B{n}")) for n in range(200)])
    replay = subprocess.Popen(letters.command("replay", "--all"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              env=letters.daemon.environment)
    publish(url, [body(type="order-placed", id=f"x{n}", order_id=f"X{n}", lines=[]) for n in range(50)])
    code = replay.wait(60)
    table.check("beside the daemon: exit 0", code == 0, replay.stderr.read())
    await_quiet(link, letters.daemon, quiet=2)
    wait("the broken ones", lambda: depth(url, DEAD) >= before + 50, 30)
    table.check("beside the daemon: the broken ones are back, the good ones are not", depth(url, DEAD) == before + 50, depth(url, DEAD))
    placed = [json.loads(m.body)["order_id"] for m in drain(url, OUTPUTS) if json.loads(m.body).get("kind") == "order-backordered"]
    table.check("beside the daemon: 200 orders, each once", sorted(placed) == sorted(f"B{n}" for n in range(200)), len(placed))


def killed(table, letters, url, seed, count=400):
    """kill -9 in the middle, again and again, with the daemon away: each letter is in one queue or in both."""
    chance = random.Random(seed)
    put(url, [("poison", order(f"K{n}")) for n in range(count)])
    wanted, kills, lost, moved = {f"K{n}" for n in range(count)}, 0, set(), []
    while (left := depth(url, DEAD)) > 0:
        replay = subprocess.Popen(letters.command("replay", "--all"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=letters.daemon.environment)
        end = time.monotonic() + 20
        goal = depth(url, INPUT) + chance.randint(5, 60)
        while replay.poll() is None and depth(url, INPUT) < goal and time.monotonic() < end:
            pass
        if kills < 12:
            kills += replay.poll() is None
            replay.send_signal(signal.SIGKILL)
        replay.wait()
        time.sleep(0.2)  # the broker notices
        there = [{json.loads(m.body).get("order_id") for m in peek(url, queue)} for queue in (DEAD, INPUT)]
        lost |= wanted - there[0] - there[1]
        moved.append(left - len(there[0]))
    table.check("killed: in the middle, a dozen times", kills >= 5, f"{kills} kills, moved {moved}")
    table.check("killed: none in neither queue", not lost, sorted(lost)[:5] or "")
    copies = peek(url, INPUT)
    clean = all(set(m.properties["headers"]) <= {"shop", "x-delivery-count"} for m in copies)
    table.check("killed: back as they came, without our headers", clean)
    return len(copies) - count, wanted


def run(options, directory):
    table = Table()
    daemon = Daemon(options.binary, options.url, directory, extra=EXTRA)
    letters, link = Letters(daemon), amqp_client.Connection(options.url, "deadletterstest")
    try:
        for queue in (DEAD, INPUT):
            if link.depth(queue) is not None:
                link.delete_queue(queue)
        early = letters.run("list")
        table.check("list: no queue yet: 1, and why", early.returncode == 1 and DEAD in early.stderr, early.stderr.strip())
        daemon.start()
        daemon.await_consuming(link)
        clear(link)
        table.check("list: empty", letters.list() == [] and letters.run("list").stdout == "There are no dead letters.\n")
        look(table, letters, link, options.url)
        send_back(table, letters, options.url)
        beside_the_daemon(table, letters, link, options.url)
        drop = letters.run("drop", letters.list()[0]["id"])
        table.check("drop: one", drop.returncode == 0 and "dropped" in drop.stdout, drop.stderr)
        put(options.url, [("poison", order(f"D{n}")) for n in range(500)])
        before = depth(options.url, DEAD)
        drop = letters.run("drop", "--all")
        table.check("drop: all that were there", drop.returncode == 0 and drop.stdout.count("dropped") == before and depth(options.url, DEAD) == 0,
                    f"exit {drop.returncode}, {drop.stdout.count('dropped')} of {before}, {depth(options.url, DEAD)} left {drop.stderr}")
        table.check("SIGTERM: exit 0", daemon.stop() == 0)
        extra, wanted = killed(table, letters, options.url, options.seed)
        daemon.start()
        daemon.await_consuming(link)
        await_quiet(link, daemon, quiet=2)
        placed = sorted(json.loads(m.body)["order_id"] for m in drain(options.url, OUTPUTS) if json.loads(m.body).get("kind") == "order-backordered")
        table.check("killed: each order once, though some came twice", placed == sorted(wanted), f"{len(placed)} orders, {extra} copies")
        table.check("SIGTERM: exit 0", daemon.stop() == 0)
        daemon.verify(table)
        with open(daemon.config) as file:
            text = file.read()
        with open(daemon.config, "w") as file:
            file.write(text.replace(options.url, "amqp://guest:very-secret-word@127.0.0.1:1/%2F"))
        away = letters.run("list")
        table.check("broker away: 1, no password", away.returncode == 1 and "very-secret-word" not in away.stderr, away.stderr.strip())
    finally:
        if daemon.process and daemon.process.poll() is None:
            daemon.kill()
        clear(link)
        link.close()
    table.done()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("binary", "url"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        run(options, directory)


if __name__ == "__main__":
    main()
