#!/usr/bin/env python3
"""A history through a real broker; then the outputs have to be those of `backorderd replay`, and the end state the expected one.

    livehistory.py --binary PATH --url AMQP --history DIR [--keep DIR]

What the timer causes (cause `timer`) depends on the time of day and is left out of the comparison.
"""
import argparse, collections, json, subprocess, tempfile, time

from harness import DEAD, INPUT, OUTPUTS, Daemon, History, Table, amqp_client, await_quiet, check_outputs, clear, drain, publish


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("binary", "url", "history"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--keep", help="directory for configuration, store and log, to look at afterwards")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run(options, options.keep or scratch)


def replayed(daemon, history, directory):
    lines = b"\n".join(history.opening + history.events) + b"\n"
    run = subprocess.run([daemon.binary, "replay", "--config", daemon.config, "--store", f"sqlite://{directory}/replay.db"],
                         input=lines, capture_output=True, env=daemon.environment)
    if run.returncode != 0:
        raise SystemExit(f"FAILED: replay: exit {run.returncode}: {run.stderr[-500:]!r}")
    outputs = [json.loads(line) for line in run.stdout.splitlines()]
    return {e["id"]: e for e in outputs}


def run(options, directory):
    history, link, table = History(options.history), amqp_client.Connection(options.url, "livehistory"), Table()
    daemon = Daemon(options.binary, options.url, directory)
    wanted = replayed(daemon, history, directory)
    daemon.start()
    try:
        daemon.await_consuming(link)
        clear(link)
        began = time.monotonic()
        publish(options.url, history.opening + history.events)
        last, _ = await_quiet(link, daemon)
        code, left = daemon.stop(), link.depth(INPUT)[0]
        messages, dead = drain(options.url, OUTPUTS), drain(options.url, [DEAD])
        print(f"{len(history.opening) + len(history.events)} messages in {last - began:.1f} s, feeding included")
        table.check("SIGTERM: exit 0", code == 0, code)
        found = check_outputs(table, history, messages, dead, left)
        table.check("nothing sent twice", len(messages) == len(found), len(messages) - len(found) or "")
        for name, more, fewer in (("in the replay, not live", wanted, found), ("live, not in the replay", found, wanted)):
            only = [e for i, e in more.items() if i not in fewer and e.get("cause") != "timer"]
            kinds = collections.Counter(e.get("kind") or e["type"] for e in only)
            table.check(f"no output only {name}", not only, f"{dict(kinds)}, for example {only[0]['id']}" if only else "")
        got = daemon.digest(history)
        table.check("digest of the end state", got == history.expected["digest"], f"{got}, expected {history.expected['digest']}")
        daemon.verify(table)
    finally:
        if daemon.process.poll() is None:
            daemon.kill()
    table.done()


if __name__ == "__main__":
    main()
