#!/usr/bin/env python3
"""kill -9, again and again, while a history of orders passes; then everything has to be as if nothing had happened.

    killtest.py --binary PATH --url AMQP --history DIR [--kills 20] [--seed 1] [--rate 2000] [--keep DIR]

The broker should be a private one (deploy/lib/private-rabbitmq start DIR): the default queue names are used and emptied.
DIR of --history is what the workload generator wrote: opening.ndjson, events.ndjson, expected.json.
"""
import argparse, random, tempfile, threading, time

from harness import DEAD, INPUT, OUTPUTS, Daemon, History, Table, amqp_client, await_quiet, check_outputs, clear, drain, publish


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("binary", "url", "history"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=2000, help="messages a second into the exchange")
    parser.add_argument("--keep", help="directory for configuration, store and log, to look at afterwards")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run(options, options.keep or scratch)


def run(options, directory):
    history, chance, link = History(options.history), random.Random(options.seed), amqp_client.Connection(options.url, "killtest")
    daemon, table, began = Daemon(options.binary, options.url, directory), Table(), time.monotonic()
    daemon.start()
    try:
        daemon.await_consuming(link)
        clear(link)
        publish(options.url, history.opening)
        await_quiet(link, daemon, quiet=1)
        feeder = threading.Thread(target=publish, args=(options.url, history.events, options.rate), daemon=True)
        feeder.start()
        busy = by_itself = 0
        for number in range(options.kills):
            # Mostly while it works, sometimes while it still starts.
            if chance.random() < 0.8:
                daemon.await_consuming(link)
            time.sleep(chance.uniform(0.02, 0.9))
            busy += feeder.is_alive() or link.depth(INPUT)[0] > 0
            by_itself += not daemon.kill()
            daemon.start()
            print(f"kill {number + 1} of {options.kills}", end="\r", flush=True)
        print()
        feeder.join()
        daemon.await_consuming(link)
        await_quiet(link, daemon)
        code = daemon.stop()
        left = link.depth(INPUT)[0]
        messages, dead = drain(options.url, OUTPUTS), drain(options.url, [DEAD])
        print(f"{len(history.events)} messages, {options.kills} kills (seed {options.seed}), {time.monotonic() - began:.0f} s")
        table.check("killed while it had work", busy >= options.kills * 0.7 or options.kills == 0, f"{busy} of {options.kills}; a lower --rate makes it more")
        table.check("never ended by itself", by_itself == 0, by_itself or "")
        table.check("SIGTERM: exit 0", code == 0, code)
        check_outputs(table, history, messages, dead, left)
        got = daemon.digest(history)
        table.check("digest of the end state", got == history.expected["digest"], f"{got}, expected {history.expected['digest']}")
        daemon.verify(table)
    finally:
        if daemon.process.poll() is None:
            daemon.kill()
    table.done()


if __name__ == "__main__":
    main()
