#!/usr/bin/env python3
"""The sweep in the running daemon: a freight delay reaches the customer within a minute, once, with two workers on one store.

    sweeptest.py --binary PATH --url AMQP_URL

One of the workers is killed (kill -9) before the second delay: the other one leads then.
"""
import argparse, json, tempfile, time
from datetime import datetime, timedelta, timezone

from harness import DEAD, INPUT, OUTPUTS, Daemon, Table, amqp_client, clear, drain, publish, wait

EXTRA = "promise: {default_lead_time_days: 7}\nworker: {batch: 20}\n"


def iso(days):
    return (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def body(**message):
    return json.dumps({"time": iso(0), **message}).encode()


def inbound(version, days):
    return body(type="inbound-scheduled", id=f"in-{version}", inbound_id="I1", location="WH1", expected_at=iso(days),
                reorder_id="RO-LATE-0000001", lines=[{"sku": "LATE", "quantity": 5}])


def collect(url, found, wanted, seconds):
    """Outputs so far, until one of these kinds or types has come for every order asked for."""
    def seen():
        found.extend(json.loads(message.body) for message in drain(url, OUTPUTS))
        return all(any(e.get("kind", e["type"]) == kind and e.get("order_id") == order for e in found) for kind, order in wanted)
    began = time.monotonic()
    wait(f"{wanted}", seen, seconds, pause=0.5)
    return time.monotonic() - began


def run(options, directory):
    table, found = Table(), []
    workers = [Daemon(options.binary, options.url, directory, extra=EXTRA) for _ in range(2)]
    link = amqp_client.Connection(options.url, "sweeptest")
    try:
        for worker in workers:
            worker.start()
        wait("both workers to consume", lambda: (link.depth(INPUT) or (0, 0))[1] == 2, 60)
        clear(link)
        publish(options.url, [body(type="order-placed", id=f"o{n}", order_id=f"O{n}", lines=[{"sku": "LATE", "quantity": 2}, {"sku": "LATE", "quantity": 1}]) for n in (1, 2)])
        collect(options.url, found, [("order-backordered", "O1"), ("order-backordered", "O2")], 30)
        publish(options.url, [inbound(1, 30)])
        took = collect(options.url, found, [("backorder-delayed", "O2")], 75)
        table.check("a freight delay is told within 60 s", took < 60, f"{took:.0f} s")
        killed = workers[0].kill()
        publish(options.url, [inbound(2, 60)])
        took = collect(options.url, [], [("backorder-delayed", "O2")], 90)
        table.check("the other worker leads when the first is killed", killed, f"{took:.0f} s")
        code = workers[1].stop()
        table.check("SIGTERM: exit 0", code == 0, code)
        delayed = [e for e in found if e.get("kind") == "backorder-delayed" and e["order_id"] == "O2"]
        table.check("told once, with the date before", len(delayed) == 1 and all("previous_promised_at" in line for line in delayed[0]["lines"]), len(delayed))
        table.check("purchasing is asked to hurry", any(e["type"] == "reorder-expedite" and e["reorder_id"] == "RO-LATE-0000001" for e in found))
        table.check("no dead letters", not drain(options.url, [DEAD]))
        workers[1].verify(table)
    finally:
        for worker in workers:
            if worker.process and worker.process.poll() is None:
                worker.kill()
        clear(link)
        link.close()
    table.done()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--url", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        run(options, directory)


if __name__ == "__main__":
    main()
