#!/usr/bin/env python3
"""The topology: printed, imported, verified; a mismatch told as ours, theirs and the way from one to the other.

    topologytest.py --binary PATH --node DIR     (a directory of deploy/lib/private-rabbitmq)
"""
import argparse, json, os, shlex, subprocess, tempfile

from harness import DEAD, EXCHANGE, HERE, INPUT, OUTPUT, OUTPUTS, Daemon, Table, amqp_client, await_quiet, clear, drain, publish, wait

LIMITED = "inputs: [{queue: backorderd.inbound, single_active_consumer: true, delivery_limit: 30, dead_letter_argument: false, bind: [{exchange: orders, keys: [order-placed]}]}]"
CLASSIC = "inputs: [{queue: backorderd.inbound, queue_type: classic, dead_letter_argument: false, bind: [{exchange: orders, keys: [order-placed]}]}]"


def order(name):
    return json.dumps({"type": "order-placed", "id": f"m-{name}", "time": "2026-03-02T09:00:00Z", "order_id": name,
                       "lines": [{"sku": "A", "quantity": 1}]}).encode()


class Node:
    def __init__(self, directory):
        self.directory = directory
        with open(f"{directory}/url") as file:
            self.url = file.read().strip()

    def ctl(self, *arguments):
        return subprocess.run([f"{HERE}/../../deploy/lib/private-rabbitmq", "ctl", self.directory, *arguments],
                              capture_output=True, text=True, timeout=120)


daemons = []


def configured(binary, url, directory, broker):
    daemon = Daemon(binary, url, directory)
    daemons.append(daemon)
    with open(daemon.config) as file:
        text = file.read()
    with open(daemon.config, "w") as file:
        file.write(text.replace("broker: {", f"broker: {{{broker}, " if broker else "broker: {"))
    return daemon


def command(daemon, *arguments):
    return subprocess.run([daemon.binary, *arguments, "--config", daemon.config], capture_output=True, text=True, env=daemon.environment, timeout=120)


def remove_all(link):
    for queue in [INPUT, DEAD, *OUTPUTS]:
        if link.depth(queue) is not None:
            link.delete_queue(queue)
    for exchange in (EXCHANGE, OUTPUT, DEAD):
        link.delete_exchange(exchange)


def works(table, name, daemon, link, url):
    daemon.start()
    daemon.await_consuming(link)
    clear(link)
    publish(url, [order(f"{name}-{n}") for n in range(20)])
    await_quiet(link, daemon, quiet=1)
    notices = sum(json.loads(m.body).get("kind") == "order-backordered" for m in drain(url, OUTPUTS))
    table.check(f"{name}: messages go through", notices == 20, notices)
    table.check(f"{name}: SIGTERM: exit 0", daemon.stop() == 0)


def imported(table, node, link, directory, name, broker):
    """Printed by us, imported by rabbitmqctl, and nothing else made: `verify` has nothing to say."""
    daemon = configured(options.binary, node.url, f"{directory}/{name}", broker + ("," if broker else "") + " topology: verify")
    printed = command(daemon, "topology", "print")
    definitions = json.loads(printed.stdout)
    remove_all(link)
    missing = command(daemon, "topology", "verify")
    table.check(f"{name}: all is missing: 1, and what", missing.returncode == 1 and INPUT in missing.stderr, missing.stderr.splitlines()[:1])
    with open(f"{directory}/{name}.json", "w") as file:
        file.write(printed.stdout)
    ctl = node.ctl("import_definitions", os.path.abspath(f"{directory}/{name}.json"))
    table.check(f"{name}: rabbitmqctl import_definitions takes it", ctl.returncode == 0, ctl.stderr[-300:])
    fine = command(daemon, "topology", "verify")
    table.check(f"{name}: topology verify", fine.returncode == 0, fine.stderr + fine.stdout.strip())
    check = command(daemon, "check", "--broker")
    table.check(f"{name}: check --broker", check.returncode == 0, check.stderr)
    works(table, name, daemon, link, node.url)
    return daemon, definitions


def said_by_commands(table, daemon, definitions):
    """The rabbitmqadmin form says the same, word by word as a shell splits it."""
    lines = [shlex.split(line) for line in command(daemon, "topology", "print", "--format", "commands").stdout.splitlines()]
    table.check("commands: each is a declaration", all(line[:3] == ["rabbitmqadmin", "--vhost=/", "declare"] for line in lines), len(lines))
    said = {"exchange": [], "queue": [], "binding": []}
    for line in lines:
        said[line[3]].append(dict(word.split("=", 1) for word in line[4:]))
    table.check("commands: the same exchanges", [(e["name"], e["type"]) for e in said["exchange"]] == [(e["name"], e["type"]) for e in definitions["exchanges"]])
    table.check("commands: the same queues", [(q["name"], json.loads(q["arguments"])) for q in said["queue"]] == [(q["name"], q["arguments"]) for q in definitions["queues"]])
    table.check("commands: the same bindings", [(b["source"], b["destination"], b["routing_key"]) for b in said["binding"]]
                == [(b["source"], b["destination"], b["routing_key"]) for b in definitions["bindings"]])


def mismatch(table, node, link, directory):
    url = node.url
    for broker, name in (("topology: declare", "declare"), ("topology: verify", "verify")):
        link.delete_queue(INPUT)
        link.declare_queue(INPUT, "classic", {"x-dead-letter-exchange": DEAD})
        daemon = configured(options.binary, url, f"{directory}/mismatch-{name}", broker)
        told = command(daemon, "topology", "verify").stderr
        good = "ours is 'quorum', theirs is 'classic'" in told and "queue_type: classic" in told and "--if-empty --if-unused" in told
        table.check(f"mismatch, {name}: ours, theirs, both ways", good, told.strip())
        daemon.start()

        def logged():
            with open(daemon.log_path) as file:
                return "theirs is 'classic'" in file.read()
        wait("the log to tell", logged, 20)
        table.check(f"mismatch, {name}: told by run, which does not consume", link.depth(INPUT) == (0, 0))
        table.check(f"mismatch, {name}: SIGTERM: exit 0", daemon.stop() == 0)
    theirs = configured(options.binary, url, f"{directory}/theirs", f"topology: verify, {CLASSIC}")
    link.delete_queue(INPUT)
    link.call(50, 10, b"\0\0" + amqp_client.short(INPUT) + b"\x02" + amqp_client.table({}), (50, 11))
    link.bind(INPUT, EXCHANGE, "order-placed")
    works(table, "theirs, after the advice", theirs, link, url)
    link.delete_queue(INPUT)
    link.declare_queue(INPUT, "quorum", {"x-dead-letter-exchange": "elsewhere"})
    daemon = configured(options.binary, url, f"{directory}/dlx", "topology: verify")
    told = command(daemon, "topology", "verify").stderr
    table.check("mismatch: the dead-letter exchange", "theirs is 'elsewhere'" in told and "dead_letter: {exchange: elsewhere}" in told, told.strip())
    link.delete_exchange(OUTPUT)
    link.declare_exchange(OUTPUT, "direct")
    told = command(daemon, "topology", "verify").stderr
    table.check("mismatch: an exchange's type", "ours is 'topic', theirs is 'direct'" in told, told.strip().splitlines()[:1])
    wrong = command(configured(options.binary, url, f"{directory}/wrong", f"topology: verify, {CLASSIC.replace('dead_letter_argument: false', 'delivery_limit: 3')}"), "check")
    table.check("a delivery limit on a classic queue is refused: 78", wrong.returncode == 78 and "quorum" in wrong.stderr, wrong.stderr.strip())


def moved(table, node, link, directory):
    """The advice followed: a new queue beside the old one, which is emptied, unbound and deleted. Nothing is lost."""
    old, new = INPUT, "backorderd.inbound-2"
    remove_all(link)
    link.call(50, 10, b"\0\0" + amqp_client.short(old) + b"\x02" + amqp_client.table({}), (50, 11))
    link.declare_exchange(EXCHANGE)
    link.bind(old, EXCHANGE, "order-placed")
    publish(node.url, [order(f"old-{n}") for n in range(50)])
    bind = "bind: [{exchange: orders, keys: [order-placed]}]"
    both = f"inputs: [{{queue: {old}, queue_type: classic, dead_letter_argument: false, {bind}}}, {{queue: {new}, {bind}}}]"
    daemon = configured(options.binary, node.url, f"{directory}/moved", both)
    daemon.start()
    daemon.await_consuming(link)
    wait("the new queue's consumer", lambda: (link.depth(new) or (0, 0))[1] == 1, 20)
    publish(node.url, [order(f"both-{n}") for n in range(50)])
    link.unbind(old, EXCHANGE, "order-placed")
    publish(node.url, [order(f"new-{n}") for n in range(50)])
    await_quiet(link, daemon, quiet=1)
    table.check("moved: SIGTERM: exit 0", daemon.stop() == 0)
    gone = node.ctl("delete_queue", old, "--if-empty", "--if-unused")
    placed = [json.loads(m.body)["order_id"] for m in drain(node.url, OUTPUTS) if json.loads(m.body).get("kind") == "order-backordered"]
    table.check("moved: the old queue is emptied and goes; no order is lost, none placed twice",
                gone.returncode == 0 and sorted(placed) == sorted(f"{w}-{n}" for w in ("old", "both", "new") for n in range(50)), f"{len(placed)} {gone.stderr[-200:]}")
    daemon = configured(options.binary, node.url, f"{directory}/after", f"topology: verify, inputs: [{{queue: {new}, {bind}}}]")
    after = command(daemon, "topology", "verify")
    table.check("moved: topology verify", after.returncode == 0, after.stderr)
    link.delete_queue(new)


def run(directory):
    table, node = Table(), Node(options.node)
    link = amqp_client.Connection(node.url, "topologytest")
    try:
        daemon, definitions = imported(table, node, link, directory, "default", "")
        said_by_commands(table, daemon, definitions)
        _, limited = imported(table, node, link, directory, "limited", LIMITED)
        arguments = next(q["arguments"] for q in limited["queues"] if q["name"] == INPUT)
        table.check("limited: single active consumer, delivery limit, no dead-letter argument",
                    arguments == {"x-queue-type": "quorum", "x-single-active-consumer": True, "x-delivery-limit": 30}, arguments)
        mismatch(table, node, link, directory)
        moved(table, node, link, directory)
        remove_all(link)
        fresh = configured(options.binary, node.url, f"{directory}/fresh", "topology: verify")
        made = command(fresh, "topology", "declare")
        table.check("topology declare makes it all", made.returncode == 0 and command(fresh, "topology", "verify").returncode == 0, made.stderr)
        works(table, "declared", fresh, link, node.url)
    finally:
        for daemon in daemons:
            if daemon.process and daemon.process.poll() is None:
                daemon.kill()
        remove_all(link)
        link.close()
    table.done()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("binary", "node"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run(scratch)
