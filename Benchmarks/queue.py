#!/usr/bin/env python3
"""What one SKU with a short and with a very long queue costs: place, receive, cancel, re-promise all of it, explain.

    queue.py --binary PATH [--lines 10000,1000000] [--each 100] [--rounds 3]

Each queue is built by replaying orders of 100 lines: once without dates, and once with a lead time, so that every line has
a date and every order a reorder. On the first each kind of message is replayed one to a transaction (worker.batch: 1), in
turns, so that both queues see the same state of the machine. The second is explained and swept: a replay ends with a sweep.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Tests/Live"))
from harness import watch_peak  # noqa: E402

NOW, LATER = "2026-03-02T08:00:00Z", "2026-03-12T08:00:00Z"
KINDS = {"place (goes last)": 0, "place (goes first)": 1, "receive, fills 10": 2, "cancel in the middle": 3}


def line(**message):
    return json.dumps({"time": NOW, **message}, separators=(",", ":"))


def queue_of(number, per_order=100):
    for order in range(number // per_order):
        yield line(type="order-placed", id=f"o{order}", order_id=f"O{order:08d}", lines=[{"sku": "HOT", "quantity": 1}] * per_order)


def messages(kind, size, numbers):
    for n in numbers:
        if kind < 2:
            yield line(type="order-placed", id=f"p{kind}-{n}", order_id=f"P{kind}-{n:06d}", priority=9 * kind, lines=[{"sku": "HOT", "quantity": 1}])
        elif kind == 2:
            yield line(type="stock-received", id=f"r{n}", receipt_id=f"R{n}", location="WH1", lines=[{"sku": "HOT", "quantity": 10}])
        else:
            middle = size // 200 + n // 90
            yield line(type="order-cancelled", id=f"c{n}", order_id=f"O{middle:08d}", lines=[{"line_id": str(n % 90 + 1), "quantity": 1}])


def replay(options, store, lines, batch):
    config = options.config = f"{options.directory}/config.yaml"
    lead = 7 if "dated" in store else "null"
    with open(config, "w") as file:
        file.write(f"worker: {{batch: {batch}}}\nlocations: [{{id: WH1}}]\npromise: {{default_lead_time_days: {lead}}}\n")
    process = subprocess.Popen([options.binary, "replay", "--config", config, "--store", f"sqlite://{store}"],
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    began = time.monotonic()
    for text in lines:
        process.stdin.write(text.encode() + b"\n")
    peak = watch_peak(process.pid)
    process.stdin.close()
    _, status, _ = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"replay failed: {status}")
    return time.monotonic() - began, peak()


def explain(options, store, order):
    began = time.monotonic()
    subprocess.run([options.binary, "explain", "order", order, "--config", options.config, "--store", f"sqlite://{store}"],
                   check=True, stdout=subprocess.DEVNULL)
    return (time.monotonic() - began) * 1000


def measure(options, sizes):
    times, used = {}, 0
    for _ in range(options.rounds):
        for kind in KINDS.values():
            for size in sizes:
                store = f"{options.directory}/{size}.db"
                base, _ = replay(options, store, messages(kind, size, range(used, used + 1)), 1)
                seconds, _ = replay(options, store, messages(kind, size, range(used + 1, used + 2 + options.each)), 1)
                times.setdefault((kind, size), []).append((seconds - base) / options.each * 1000)
        used += options.each + 2
    for name, kind in KINDS.items():
        for size in sizes:
            found = times[kind, size]
            print(f"{name:<22} {size:>9} waiting lines: {statistics.median(found):7.2f} ms "
                  f"(median of {options.rounds} rounds, {min(found):.2f} to {max(found):.2f}; one transaction each, fsync included)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--lines", default="10000,1000000")
    parser.add_argument("--each", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as options.directory:
        sizes = [int(size) for size in options.lines.split(",")]
        for size in sizes:
            seconds, _ = replay(options, f"{options.directory}/{size}.db", queue_of(size), 20)
            print(f"{size:>9} waiting lines placed: {seconds:.1f} s ({size / seconds:,.0f} lines/s)", flush=True)
        measure(options, sizes)
        for size in sizes:
            store = f"{options.directory}/{size}.dated.db"
            seconds, memory = replay(options, store, queue_of(size), 20)
            print(f"{size:>9} waiting lines placed, with their dates: {seconds:.1f} s ({size / seconds:,.0f} lines/s), peak {memory:.0f} MiB", flush=True)
            for place, order in (("first", 0), ("middle", size // 200), ("last", size // 100 - 1)):
                found = [explain(options, store, f"O{order:08d}") for _ in range(3)]
                print(f"{size:>9} waiting lines: explain an order of 100 lines, {place} in the queue: {statistics.median(found):.0f} ms, the process included", flush=True)
        for size in sizes:
            store = f"{options.directory}/{size}.dated.db"
            quiet, _ = replay(options, store, messages(0, size, [10**6]), 1)
            late = [line(type="stock-adjusted", id="late", adjustment_id="late", location="WH9", lines=[{"sku": "OTHER", "counted": 1}]).replace(NOW, LATER)]
            told, memory = replay(options, store, late, 1)
            print(f"{size:>9} waiting lines: a sweep that moves nothing {quiet:.2f} s; one that re-promises every line and tells "
                  f"every order {told:.2f} s ({size / told:,.0f} lines/s), peak {memory:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
