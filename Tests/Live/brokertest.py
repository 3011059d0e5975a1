#!/usr/bin/env python3
"""Connections cut and the broker stopped and started while a history passes; then everything has to be as if nothing had happened.

    brokertest.py --binary PATH --node DIR --history DIR [--cuts 8] [--seed 1] [--keep DIR]

DIR of --node is a private node's (deploy/lib/private-rabbitmq start DIR). The history waits in the queue before the daemon begins.
"""
import argparse, os, random, subprocess, tempfile, time

from harness import DEAD, INPUT, OUTPUTS, Daemon, History, Table, amqp_client, await_quiet, check_outputs, clear, drain, publish, wait

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/lib/private-rabbitmq")


def node(options, *arguments):
    run = subprocess.run([SCRIPT, arguments[0], options.node, *arguments[1:]], capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"FAILED: private-rabbitmq {' '.join(arguments)}: {run.stderr[-500:]}")
    return run.stdout


def cut(options, role):
    """Closes the daemon's connection of this role from the broker's side."""
    for line in node(options, "ctl", "list_connections", "-q", "pid", "client_properties").splitlines():
        if f"backorderd {role}" in line:
            subprocess.run([SCRIPT, "ctl", options.node, "close_connection", line.split("\t")[0], "a test cuts it"], capture_output=True)
            return 1
    return 0


def run(options, directory):
    url = open(f"{options.node}/url").read().strip()
    history, chance, table = History(options.history), random.Random(options.seed), Table()
    daemon = Daemon(options.binary, url, directory, extra="worker: {batch: 20}\n")
    daemon.start()
    try:
        link = amqp_client.Connection(url, "brokertest")
        daemon.await_consuming(link)
        clear(link)
        daemon.stop()
        publish(url, history.opening + history.events)
        link.close()
        daemon.start()
        cuts = 0
        for _ in range(options.cuts):
            time.sleep(chance.uniform(0.05, 0.5))
            cuts += cut(options, chance.choice(["consumer", "publisher"]))
        node(options, "stop")
        node(options, "start")
        link = wait("the broker", lambda: connected(url), 60)
        daemon.await_consuming(link, 60)
        await_quiet(link, daemon)
        code = daemon.stop()
        left = link.depth(INPUT)[0]
        messages, dead = drain(url, OUTPUTS), drain(url, [DEAD])
        table.check("connections cut, and the broker stopped once", cuts > 0, cuts)
        table.check("SIGTERM: exit 0", code == 0, code)
        check_outputs(table, history, messages, dead, left)
        got = daemon.digest(history)
        table.check("digest of the end state", got == history.expected["digest"], f"{got}, expected {history.expected['digest']}")
        daemon.verify(table)
    finally:
        if daemon.process.poll() is None:
            daemon.kill()
    table.done()


def connected(url):
    try:
        return amqp_client.Connection(url, "brokertest")
    except OSError:
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("binary", "node", "history"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--cuts", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="directory for configuration, store and log, to look at afterwards")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run(options, options.keep or scratch)


if __name__ == "__main__":
    main()
