#!/usr/bin/env python3
"""How fast are the pages of back orders, filter by filter, with 1,000,000 waiting lines?

    filters.py --binary PATH --store URL [--filled] [--directory DIR] [--rounds 5]

Fills the store, an empty database or the path of a new file, by `backorderd import`: 250,000 orders of four lines, 100,000
of them of one SKU and the others of 50,000 SKUs, 30 % of the orders of the customer BIG, 4 of OLD, the others of 100,000
customers; 30 % of the lines may only come from WH1, 125 only from RARE. OLD has 50,000 orders more that are done. Then the
daemon is started without a broker, and pages are asked for over HTTP: the first, the one after, the hundredth and the last
of each filter. Time of an answer at the median and the longest; what was filled stays in DIR.
"""
import argparse, json, os, random, socket, statistics, subprocess, sys, time, urllib.parse, urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Tests/Live"))
from harness import Daemon, wait  # noqa: E402

FILTERS = [{}, {"sku": "HOT"}, {"sku": "SKU-00017"}, {"customer": "BIG"}, {"customer": "C-4711"}, {"customer": "OLD"}, {"customer": "nobody"},
           {"location": "WH1"}, {"location": "RARE"}, {"location": "WH2"}, {"customer": "BIG", "location": "RARE"}, {"customer": "BIG", "sku": "SKU-00017"},
           {"sku": "HOT", "location": "WH1"}, {"sku": "HOT", "location": "RARE"}]


def free_port():
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        return link.getsockname()[1]


def orders():
    rng, lines, number = random.Random(5), 0, 0

    def row(order, line, sku, quantity, location, customer, second):
        day, rest = divmod(second, 86400)
        return f"{order},{line},{sku},{quantity},{location},2026-{9 + day // 30:02}-{1 + day % 30:02}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}Z,{customer},12.50,EUR\n"
    yield "order_id,line_id,sku,quantity,location,placed_at,customer_id,unit_price,currency\n"
    while lines < 1_000_000:
        second = rng.randrange(86400 * 60)
        customer = "BIG" if rng.random() < 0.3 else "OLD" if number % 60_000 == 7 else f"C-{rng.randrange(100_000)}"
        for line in range(4):
            location = "RARE" if number % 2_000 == 3 and line == 0 else "WH1" if rng.random() < 0.3 else ""
            sku = f"SKU-{rng.randrange(50_000):05}" if rng.random() < 0.9 else "HOT"
            yield row(f"W-{100000000 + number * 13}", line + 1, sku, rng.choice((1, 1, 2, 3)), location, customer, second)
        lines, number = lines + 4, number + 1
    for number in range(50_000):
        yield row(f"D-{number}", 1, "INSTOCK", 1, "", "OLD", rng.randrange(86400 * 60))


def fill(daemon, directory, store):
    with open(f"{directory}/stock.csv", "w") as file:
        file.write("sku,location,on_hand\nINSTOCK,WH1,500000\n")
    with open(f"{directory}/orders.csv", "w") as file:
        file.writelines(orders())
    for kind in ("stock", "orders"):
        began = time.monotonic()
        process = subprocess.Popen([daemon.binary, "import", "--config", daemon.config, "--store", store, kind, f"{directory}/{kind}.csv"], env=daemon.environment, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"import {kind} failed: {status}")
        print(f"import {kind}: {time.monotonic() - began:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of CPU", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--store", required=True)
    parser.add_argument("--filled", action="store_true", help="by a run before")
    parser.add_argument("--directory", default="/tmp/backorderd-filters")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.makedirs(options.directory, exist_ok=True)
    store = options.store if "://" in options.store else f"sqlite://{os.path.abspath(options.store)}"
    daemon, port = Daemon(options.binary, "amqp://nobody@127.0.0.1:1/", options.directory, store=store), free_port()
    if not options.filled:
        fill(daemon, options.directory, store)
    daemon.environment["BACKORDERD_OPERATIONS_LISTEN"] = f"127.0.0.1:{port}"
    daemon.start()

    def get(path):
        began = time.monotonic()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            body = answer.read()
        return (time.monotonic() - began) * 1e3, json.loads(body)

    def alive():
        daemon.check_alive()
        try:
            return get("/health/live")
        except OSError:
            return None

    def told(path):
        """One page: its rows, the median time and the longest."""
        times, page = [], None
        for _ in range(options.rounds):
            milliseconds, page = get(path)
            times.append(milliseconds)
        return page, f"{statistics.median(times):.0f} ({max(times):.0f})"
    try:
        wait("the endpoint", alive, 300)
        print(f"load {os.getloadavg()[0]:.1f}\n\n| filter | first | second | hundredth | last | rows |\n|---|---|---|---|---|---|")
        for values in FILTERS:
            path, columns, rows, number = "/api/back-orders?" + urllib.parse.urlencode(values), [], 0, 0
            while path and number < 2_500 and rows < 20_000:
                number += 1
                if number in (1, 2, 100):
                    page, figure = told(path)
                    columns.append(figure)
                else:
                    page = get(path)[1]
                rows, last, path = rows + len(page["back_orders"]), path, page["next"]
            columns += ["–"] * (3 - len(columns))
            columns.append(told(last)[1] if path is None and number > 1 else "–")
            print(f"| {', '.join(f'{k} {v}' for k, v in values.items()) or 'none'} | {' | '.join(columns)} | {rows}{'' if path is None else ' and more'} on {number} pages |", flush=True)
    finally:
        daemon.stop()


if __name__ == "__main__":
    main()
