#!/usr/bin/env python3
"""Broken messages through `replay` and through the broker: each in the dead letters with its reason, body and properties
untouched, none lost, the daemon up, the good messages between them all processed.

    badinput.py --binary PATH --url AMQP [--keep DIR]
"""
import argparse, collections, json, subprocess, tempfile

from broken_messages import corpus
from harness import DEAD, EXCHANGE, INPUT, OUTPUTS, Daemon, Table, amqp_client, await_quiet, clear, drain, wait

TOO_LARGE = 2 << 20


def good(number):
    return {"type": "order-placed", "id": f"good-{number}", "time": "2026-03-02T09:00:00Z", "order_id": f"G{number}",
            "lines": [{"sku": "A", "quantity": 1}]}


def through_replay(daemon, table, broken, directory):
    lines, wanted = [], {}
    for number, (name, body, reason) in enumerate(broken):
        if b"\n" in body or not body.strip(b" \t\r"):
            continue  # replay reads lines, and passes over empty ones
        lines.append(body)
        wanted[len(lines)] = (name, reason)
        lines.append(json.dumps(good(number)).encode())
    lines.append(b'{"a":"' + b"x" * TOO_LARGE + b'"}')
    wanted[len(lines)] = ("2 MiB", "too-large")
    run = subprocess.run([daemon.binary, "replay", "--config", daemon.config, "--store", f"sqlite://{directory}/replay.db"],
                         input=b"\n".join(lines) + b"\n", capture_output=True, env=daemon.environment)
    table.check("replay: exit 65", run.returncode == 65, run.returncode)
    rejected = {entry["line"]: entry for entry in map(json.loads, run.stderr.splitlines())}
    wrong = [(name, reason, rejected.get(line, {}).get("reason")) for line, (name, reason) in wanted.items()
             if rejected.get(line, {}).get("reason") != reason]
    table.check("replay: each line with its reason", not wrong, wrong[:5] or f"{len(wanted)} lines")
    table.check("replay: each with a detail on one line", all(e["detail"] and "\n" not in e["detail"] for e in rejected.values()))
    table.check("replay: no good line rejected", set(rejected) == set(wanted), len(set(rejected) - set(wanted)) or "")
    notices = sum(json.loads(line).get("kind") == "order-backordered" for line in run.stdout.splitlines())
    table.check("replay: the good lines between them", notices == len(lines) // 2, f"{notices} of {len(lines) // 2}")


def through_broker(daemon, table, broken, url):
    link = amqp_client.Connection(url, "badinput")
    daemon.start()
    daemon.await_consuming(link)
    clear(link)
    messages, wanted = [], {}
    for number, (name, body, reason) in enumerate(broken):
        properties = {"content_type": "application/json", "correlation_id": f"c-{number}",
                      "delivery_mode": 2, "headers": {"shop": "north", "number": number}}
        # Not every shop gives ids; some give what would undo a dead letter.
        if number % 2:
            properties["message_id"] = f"bad-{number}"
        if number % 5 == 0:
            properties |= {"user_id": "guest", "expiration": "600000"}
        messages += [("order-placed", properties, body), ("order-placed", {"delivery_mode": 2}, json.dumps(good(number)).encode())]
        wanted[f"c-{number}"] = (name, body, reason, number)
    for number in range(3):
        messages.append(("order-placed", {"message_id": f"large-{number}", "delivery_mode": 2}, b" " * (TOO_LARGE + number)))
    # Headers that fill a frame: with our own they fit no longer, and the letter has to go without them.
    messages.append(("order-placed", {"message_id": "wide", "delivery_mode": 2, "headers": {"wide": "x" * 130_900}}, b"{"))
    link.confirm()
    link.publish(iter(messages), EXCHANGE, 200)
    await_quiet(link, daemon, quiet=2)
    wait("the dead letters", lambda: link.depth(DEAD)[0] >= len(broken) + 4, 60)
    found, outputs = drain(url, [DEAD]), drain(url, OUTPUTS)
    by_name = collections.defaultdict(list)
    for message in found:
        by_name[message.properties.get("correlation_id") or message.properties.get("message_id")].append(message)
        if "x-backorder-properties-dropped" in message.properties.get("headers", {}):
            by_name["wide"].append(message)
    lost = [name for name in wanted if len(by_name[name]) != 1]
    table.check("broker: each in the dead letters, once", not lost, [wanted[n][0] for n in lost[:5]] or f"{len(wanted)} messages")
    wrong, touched = [], []
    for identity, (name, body, reason, number) in wanted.items():
        for message in by_name[identity]:
            headers = message.properties.get("headers", {})
            if headers.get("x-backorder-reason") != reason or not headers.get("x-backorder-detail"):
                wrong.append((name, reason, headers.get("x-backorder-reason")))
            kept = (message.body == body and message.properties.get("correlation_id") == f"c-{number}"
                    and headers.get("shop") == "north" and headers.get("number") == number
                    and message.properties.get("message_id") == (f"bad-{number}" if number % 2 else None)
                    and headers.get("x-backorder-queue") == INPUT and headers.get("x-backorder-time"))
            if not kept:
                touched.append(name)
    table.check("broker: each with its reason and detail", not wrong, wrong[:5] or "")
    table.check("broker: body and properties untouched", not touched, touched[:5] or "")
    table.check("broker: headers that fill a frame", [m.body for m in by_name["wide"]] == [b"{"])
    large = [m for number in range(3) for m in by_name[f"large-{number}"] if len(m.body) == TOO_LARGE + number]
    table.check("broker: too large ones moved by the broker itself", len(large) == 3 and all("x-death" in m.properties["headers"] for m in large), len(large))
    notices = sum(json.loads(m.body).get("kind") == "order-backordered" for m in outputs)
    table.check("broker: the good messages between them", notices == len(broken), f"{notices} of {len(broken)}")
    daemon.check_alive()
    table.check("broker: SIGTERM: exit 0", daemon.stop() == 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("binary", "url"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--keep", help="directory for configuration, store and log, to look at afterwards")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        directory, table, broken = options.keep or scratch, Table(), corpus()
        print(f"{len(broken)} broken messages")
        daemon = Daemon(options.binary, options.url, directory)
        try:
            through_replay(daemon, table, broken, directory)
            through_broker(daemon, table, broken, options.url)
        finally:
            if daemon.process and daemon.process.poll() is None:
                daemon.kill()
        table.done()


if __name__ == "__main__":
    main()
