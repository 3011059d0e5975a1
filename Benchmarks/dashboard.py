#!/usr/bin/env python3
"""What do metrics, health and dashboard cost the live throughput while 50 requests a second ask for them?

    dashboard.py --binary PATH --url AMQP --history DIR [--rounds 5] [--rate 50]

--history is what the workload generator wrote. Each round takes the same events through the daemon (SQLite, quorum queue)
twice, the first of the two in turn: once with `operations.listen: null`, and once with the endpoint and the requests,
spread evenly over /metrics, /health/ready, the overview, back orders, SKU pages and order pages. The clock runs from the first
consumer until the last output is in its queue; CPU is that of the daemon alone, so it says what the requests cost it
whatever else the machine does. The requests come from one more process, whose own CPU is told too: on few cores it takes from
the throughput what is none of the daemon's cost. The broker should be a private one: the default queues are used and emptied.
"""
import argparse, json, os, random, resource, signal, socket, statistics, subprocess, sys, tempfile, threading, time
from urllib.parse import quote

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Tests/Live"))
from harness import INPUT, OUTPUTS, Daemon, History, amqp_client, await_quiet, clear, depths, drain, publish, wait  # noqa: E402
from live import machine  # noqa: E402


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def paths(history):
    """One address of each kind in turn; SKUs and orders of the history, some asked for more often, as people do."""
    pick, skus, orders = random.Random(7), [], []
    for line in history.events:
        event = json.loads(line)
        if event["type"] == "order-placed":
            orders.append(event["order_id"])
            skus += [entry["sku"] for entry in event["lines"]]
    made = []
    for _ in range(500):
        made += ["/metrics", "/health/ready", "/", pick.choice(["/back-orders", "/back-orders?late=1", f"/back-orders?sku={quote(pick.choice(skus))}"]),
                 f"/item?sku={quote(pick.choice(skus))}", f"/order?id={quote(pick.choice(orders))}"]
    return made


def load(port, rate, file):
    """The process that asks, until SIGTERM; then its figures as one line of JSON. Requests go out when they are due, whether or not
    earlier ones were answered."""
    with open(file) as text:
        wanted = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() for path in json.load(text)]
    lock, stopping, figures = threading.Lock(), threading.Event(), {"answers": {}, "seconds": [], "number": 0}
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    began = time.monotonic()

    def one(request):
        sent = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
                link.sendall(request)
                answer = link.recv(65536)
                status = answer[9:12].decode()
                while answer:
                    answer = link.recv(1 << 20)
        except OSError as error:
            status = type(error).__name__
        with lock:
            figures["seconds"].append(time.monotonic() - sent)
            figures["answers"][status] = figures["answers"].get(status, 0) + 1

    def work():
        while not stopping.is_set():
            with lock:
                number = figures["number"]
                figures["number"] += 1
            if stopping.wait(max(0, began + number / rate - time.monotonic())):
                return
            one(wanted[number % len(wanted)])
    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    stopping.wait()
    seconds = time.monotonic() - began
    for thread in threads:
        thread.join()
    usage, waits = resource.getrusage(resource.RUSAGE_SELF), sorted(figures["seconds"]) or [0]
    print(json.dumps({"answers": figures["answers"], "rate": len(waits) / seconds, "cpu": (usage.ru_utime + usage.ru_stime) / seconds,
                      "p50": waits[len(waits) // 2], "p99": waits[len(waits) * 99 // 100]}))


def endpoint_seconds(pid):
    """CPU of the threads that answer requests and gather what they tell."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat") as stat:
            name, rest = stat.read().split("(", 1)[1].rsplit(")", 1)
        if name in ("http", "http-pages", "figures", "health", "queue-watch"):
            user, system = rest.split()[11:13]
            total += (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return total


def one_run(options, history, link, asked):
    """One pass of the history; `asked`: the file of addresses, or None for no endpoint."""
    with tempfile.TemporaryDirectory() as directory:
        daemon, port, asker = Daemon(options.binary, options.url, directory), free_port(), None
        daemon.start()
        try:
            daemon.await_consuming(link)
            clear(link)
            publish(options.url, history.opening)
            await_quiet(link, daemon, quiet=1)
            daemon.stop()
            clear(link)
            publish(options.url, history.events)
            wait("the preloaded queue", lambda: link.depth(INPUT)[0] == len(history.events), 60)
            if asked:
                daemon.environment["BACKORDERD_OPERATIONS_LISTEN"] = f"127.0.0.1:{port}"
            daemon.start()
            wait("the daemon to consume", lambda: link.depth(INPUT)[1] > 0, 60, pause=0.005)
            began, cpu_began = time.monotonic(), daemon.usage()[0]
            if asked:
                asker = subprocess.Popen([sys.executable, "-B", __file__, "--load", str(port), "--rate", str(options.rate), "--paths", asked], stdout=subprocess.PIPE, text=True)
            last, cpu, before = began, cpu_began, None
            while True:
                daemon.check_alive()
                now = depths(link)
                if now != before:
                    last, cpu, before = time.monotonic(), daemon.usage()[0], now
                elif now[0] == 0 and time.monotonic() - last >= 2:
                    break
                time.sleep(0.05)
            answers = None
            if asker:
                asker.terminate()
                answers = json.loads(asker.communicate(timeout=60)[0])
            peak, endpoint = daemon.usage()[1], endpoint_seconds(daemon.process.pid)
            daemon.stop()
            good = daemon.digest(history) == history.expected["digest"]
            drain(options.url, OUTPUTS)
        finally:
            if asker and asker.poll() is None:
                asker.kill()
            if daemon.process.poll() is None:
                daemon.kill()
    return {"per_second": len(history.events) / (last - began), "cpu_us": (cpu - cpu_began) * 1e6 / len(history.events), "peak": peak, "good": good, "answers": answers, "endpoint": endpoint}


def spread(values, form):
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("binary", "url", "history", "paths"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--load", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=float, default=50)
    options = parser.parse_args()
    if options.load:
        return load(options.load, options.rate, options.paths)
    if not (options.binary and options.url and options.history):
        parser.error("--binary, --url and --history are needed")
    history, link, rounds = History(options.history), amqp_client.Connection(options.url, "dashboard benchmark"), []
    lines = machine()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(paths(history), file)
        file.flush()
        for number in range(options.rounds):
            order = [None, file.name] if number % 2 == 0 else [file.name, None]
            runs = {bool(asked): one_run(options, history, link, asked) for asked in order}
            rounds.append((runs[False], runs[True]))
            print(f"round {number + 1} of {options.rounds}: {rounds[-1]}", file=sys.stderr, flush=True)
    clear(link)
    print("\n".join(lines) + f", {os.getloadavg()[0]:.1f} at the end\nhistory: {len(history.events)} messages\n")
    print("| round | alone msg/s | asked msg/s | change | alone CPU µs/msg | asked CPU µs/msg | change | requests/s | p50, p99 ms | digests |\n|---|---|---|---|---|---|---|---|---|---|")
    falls, costs = [], []
    for number, (alone, asked) in enumerate(rounds, 1):
        falls.append(100 * (asked["per_second"] / alone["per_second"] - 1))
        costs.append(100 * (asked["cpu_us"] / alone["cpu_us"] - 1))
        told = asked["answers"]
        print(f"| {number} | {alone['per_second']:.0f} | {asked['per_second']:.0f} | {falls[-1]:+.1f} % | {alone['cpu_us']:.1f} | {asked['cpu_us']:.1f} | {costs[-1]:+.1f} % "
              f"| {told['rate']:.1f} {told['answers']} | {told['p50'] * 1e3:.1f}, {told['p99'] * 1e3:.1f} | {'ok' if alone['good'] and asked['good'] else 'WRONG'} |")
    print(f"\nthroughput, median of the changes: {spread(falls, '+.1f')} %; of the medians: "
          f"{100 * (statistics.median(r[1]['per_second'] for r in rounds) / statistics.median(r[0]['per_second'] for r in rounds) - 1):+.1f} %")
    print(f"CPU of the daemon for each message, median of the changes: {spread(costs, '+.1f')} %")
    each = [(asked["cpu_us"] - alone["cpu_us"]) * len(history.events) / 1e3 / sum(asked["answers"]["answers"].values()) for alone, asked in rounds]
    print(f"CPU of the daemon for each request: {spread(each, '.2f')} ms; at {options.rate:.0f} requests/s {statistics.median(each) * options.rate / 10:.1f} % of a core, "
          f"{statistics.median(each) * options.rate / 10 / os.cpu_count():.1f} % of this machine's")
    threads = [asked["endpoint"] * 1e3 / sum(asked["answers"]["answers"].values()) for _, asked in rounds]
    print(f"of that in the endpoint's own threads: {spread(threads, '.2f')} ms")
    print(f"peak memory: alone {max(r[0]['peak'] for r in rounds):.0f} MiB, asked {max(r[1]['peak'] for r in rounds):.0f} MiB; "
          f"the asking process took {statistics.median(r[1]['answers']['cpu'] for r in rounds):.1%} of a core")
    sys.exit(0 if all(a["good"] and b["good"] for a, b in rounds) else 1)


if __name__ == "__main__":
    main()
