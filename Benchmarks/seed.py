#!/usr/bin/env python3
"""`backorderd import` of large files: wall time, CPU time and the most memory that was resident, for stock, supply and orders.

    seed.py --binary PATH [--rows 1000000] [--store URL] [--ending csv] [--directory DIR] [KIND…]

Rows of 1,000,000: stock of as many SKUs at two locations; supply of 100,000 purchase orders; orders of 1 to 4 lines of
which half find no stock. A fresh SQLite file, or --store with an empty database. The files are made once and kept.
"""
import argparse, json, os, random, resource, subprocess, sys, time

CONFIG = "locations: [{id: WH1}, {id: WH2}]\nsuppliers: {ACME: {lead_time_days: 14}}\n"


def stock(rows, rng):
    numbers = list(range(rows))
    rng.shuffle(numbers)
    for number in numbers:
        yield {"sku": f"SKU-{number:07}", "location": "WH1" if rng.random() < 0.8 else "WH2", "on_hand": rng.choice((0, 0, 1, 3, 10, 40))}


def supply(rows, rng, skus):
    for number in range(rows):
        inbound = number // 10
        yield {"inbound_id": f"PO-{inbound:06}", "sku": f"SKU-{(number * 7919 + rng.randrange(97)) % skus:07}", "quantity": rng.randint(1, 50),
               "location": "WH1" if inbound % 5 else "WH2", "expected_at": f"2027-0{1 + inbound % 9}-15T08:00:00Z", "supplier": "ACME",
               "announced_at": f"2026-11-{1 + inbound % 20:02}T09:30:00Z"}


def orders(rows, rng, skus):
    number = made = 0
    while made < rows:
        lines = min(rng.choice((1, 2, 3, 4, 4, 2, 3)), rows - made)
        second = rng.randrange(86400 * 60)
        day, rest = divmod(second, 86400)
        time = f"2026-{9 + day // 30:02}-{1 + day % 30:02}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}Z"
        for line in range(lines):
            yield {"order_id": f"W-{100000000 + number * 13}", "line_id": str(line + 1), "sku": f"SKU-{min(rng.randrange(skus), rng.randrange(skus)):07}",
                   "quantity": rng.choice((1, 1, 1, 2, 3)), "placed_at": time, "customer_id": f"C-{number % 200000}", "unit_price": "12.50", "currency": "EUR"}
        number, made = number + 1, made + lines


def write(path, rows):
    with open(path + ".new", "w") as file:
        for number, row in enumerate(rows):
            if path.endswith("ndjson"):
                if "unit_price" in row:
                    row["unit_price"] = float(row["unit_price"])
                file.write(json.dumps(row) + "\n")
            else:
                if number == 0:
                    file.write(",".join(row) + "\n")
                file.write(",".join(map(str, row.values())) + "\n")
    os.rename(path + ".new", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--store", help="an empty database; otherwise a new file in DIR")
    parser.add_argument("--ending", choices=("csv", "ndjson"), default="csv")
    parser.add_argument("--directory", default="/tmp/backorderd-seed")
    parser.add_argument("kinds", nargs="*", default=["stock", "supply", "orders"], metavar="KIND")
    options = parser.parse_args()
    os.makedirs(options.directory, exist_ok=True)
    store = options.store
    if not store:
        path = f"{options.directory}/seed.db"
        for name in (path, path + "-wal", path + "-shm"):
            if os.path.exists(name):
                os.remove(name)
        store = f"sqlite://{path}"
    with open(f"{options.directory}/config.yaml", "w") as file:
        file.write(CONFIG)
    for kind in options.kinds:
        path = f"{options.directory}/{kind}-{options.rows}.{options.ending}"
        if not os.path.exists(path):
            rng = random.Random(kind)
            write(path, stock(options.rows, rng) if kind == "stock" else {"supply": supply, "orders": orders}[kind](options.rows, rng, options.rows))
        start = time.monotonic()
        process = subprocess.Popen([options.binary, "import", "--config", f"{options.directory}/config.yaml", "--store", store, kind, path],
                                   stdout=subprocess.PIPE, text=True)
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        if status:
            sys.exit(f"import {kind} failed: {status}: {said}")
        print(f"{kind}, {options.ending}: {wall:.1f} s, CPU {usage.ru_utime:.1f} + {usage.ru_stime:.1f} s, {usage.ru_maxrss // 1024} MiB; "
              f"load {os.getloadavg()[0]:.1f}; {said.splitlines()[0]}", flush=True)


if __name__ == "__main__":
    main()
