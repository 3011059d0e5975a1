#!/usr/bin/env python3
"""How long a receipt takes that fills 10 lines, with a short and with a very long queue of that SKU; and the memory after many events.

    queue.py --binary PATH [--lines 1000,1000000] [--receipts 200] [--directory DIR]

Each queue is built by replaying orders of 100 lines; then receipts of 10 units are replayed one to a transaction
(worker.batch: 1), in turns, so that both see the same state of the machine.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Tests/Live"))
from harness import watch_peak  # noqa: E402


def lines_of(number, per_order=100):
    for order in range(number // per_order):
        yield json.dumps({"type": "order-placed", "id": f"o{order}", "time": "2026-03-02T08:00:00Z", "order_id": f"O{order:08d}",
                          "lines": [{"sku": "HOT", "quantity": 1}] * per_order}, separators=(",", ":"))


def replay(options, store, lines, batch):
    config = f"{options.directory}/batch-{batch}.yaml"
    with open(config, "w") as file:
        file.write(f"worker: {{batch: {batch}}}\nlocations: [{{id: WH1}}]\n")
    process = subprocess.Popen([options.binary, "replay", "--config", config, "--store", f"sqlite://{store}"],
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    began = time.monotonic()
    for line in lines:
        process.stdin.write(line.encode() + b"\n")
    peak = watch_peak(process.pid)
    process.stdin.close()
    _, status, _ = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"replay failed: {status}")
    return time.monotonic() - began, peak()


def receipts(start, number):
    for index in range(start, start + number):
        yield json.dumps({"type": "stock-received", "id": f"r{index}", "time": "2026-03-03T08:00:00Z", "receipt_id": f"R{index}",
                          "location": "WH1", "lines": [{"sku": "HOT", "quantity": 10}]}, separators=(",", ":"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--lines", default="1000,1000000")
    parser.add_argument("--receipts", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as options.directory:
        sizes = [int(size) for size in options.lines.split(",")]
        times, start = {size: [] for size in sizes}, {size: 0 for size in sizes}
        for size in sizes:
            seconds, memory = replay(options, f"{options.directory}/{size}.db", lines_of(size), 20)
            print(f"{size:>9} waiting lines placed in {seconds:.1f} s ({size / seconds:,.0f} lines/s), peak {memory:.0f} MiB", flush=True)
        base = min(replay(options, f"{options.directory}/none.db", [], 1)[0] for _ in range(3))
        for _ in range(options.rounds):
            for size in sizes:
                seconds, _ = replay(options, f"{options.directory}/{size}.db", receipts(start[size], options.receipts), 1)
                start[size] += options.receipts
                times[size].append((seconds - base) / options.receipts * 1000)
        for size in sizes:
            print(f"{size:>9} waiting lines: a receipt that fills 10 takes {statistics.median(times[size]):.2f} ms "
                  f"(median of {options.rounds} rounds, {min(times[size]):.2f} to {max(times[size]):.2f}; one transaction each, fsync included)")


if __name__ == "__main__":
    main()
