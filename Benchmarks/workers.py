#!/usr/bin/env python3
"""How does backorderd on PostgreSQL grow with workers, beside the C program that only moves messages?

    workers.py --binary PATH --peer PATH --url AMQP --store POSTGRES_URL --history DIR [--workers 1,2,4] [--rounds 3]
               [--batch 200] [--prefetch 1000] [--watch NAME=PID]…

--watch: a service's process; its CPU time, with that of its children, is told per message.

Each round goes through the numbers of workers and the peer once, on the same history, so that what else the machine does
meets all of them. The opening stock is taken, the daemons are stopped, the events are put into the input queue (quorum),
and the clock runs from the first consumer until the last output is in its queue. Retries and lock waits are what the daemons'
own metrics say. Each run has a schema of its own, dropped afterwards. The broker should be a private one.
"""
import argparse, json, os, socket, statistics, subprocess, sys, tempfile, time, urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Tests/Live"))
from harness import INPUT, OUTPUTS, Daemon, History, amqp_client, await_quiet, clear, drain, publish, wait  # noqa: E402
from live import machine, output_of, peer_round  # noqa: E402


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Worker(Daemon):
    """A daemon with its operations endpoint, to be asked for metrics."""

    def start(self):
        self.port = free_port()
        self.environment["BACKORDERD_OPERATIONS_LISTEN"] = f"127.0.0.1:{self.port}"
        super().start()

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))}


def cpu_of(pid):
    """CPU seconds of a process and its children so far, those that ended included."""
    ticks = 0
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(entry) == pid:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == pid:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


STAGES = ("decode", "load", "decide", "write", "commit")


def one_round(options, history, link, count):
    schema = f"bench_{os.getpid()}_{count}_{time.monotonic_ns()}"
    store = f"{options.store}{'&' if '?' in options.store else '?'}options=-csearch_path%3D{schema}"
    extra = f"worker: {{batch: {options.batch}}}\n"
    with tempfile.TemporaryDirectory() as directory:
        workers = [Worker(options.binary, options.url, f"{directory}/{n}", extra=extra, store=store) for n in range(count)]
        for worker in workers:
            with open(worker.config) as file:
                text = file.read().replace("operations: {listen: null}\n", "").replace("broker: {", f"broker: {{prefetch: {options.prefetch}, ", 1)
            with open(worker.config, "w") as file:
                file.write(text)
        try:
            workers[0].start()
            workers[0].await_consuming(link)
            clear(link)
            publish(options.url, history.opening)
            await_quiet(link, workers[0], quiet=1)
            workers[0].stop()
            clear(link)
            publish(options.url, history.events)
            wait("the preloaded queue", lambda: link.depth(INPUT)[0] == len(history.events), 60)
            for worker in workers:
                worker.start()
            wait("the daemons to consume", lambda: link.depth(INPUT)[1] > 0, 60, pause=0.005)
            began, before = time.monotonic(), {name: cpu_of(pid) for name, pid in options.watched}
            last, outputs = await_quiet(link, workers[0], quiet=2, pause=0.02)
            services = {name: (cpu_of(pid) - before[name]) * 1e6 / len(history.events) for name, pid in options.watched}
            found = [worker.metrics() for worker in workers]
            cpu = sum(worker.usage()[0] for worker in workers)
            for worker in workers:
                if worker.stop() != 0:
                    raise SystemExit("FAILED: a worker did not leave with 0")
            audit = subprocess.run([options.binary, "verify", "--config", workers[0].config], capture_output=True, text=True, env=workers[0].environment)
            good = audit.returncode == 0 and (count > 1 or workers[0].digest(history) == history.expected["digest"])
            messages = drain(options.url, OUTPUTS)
        finally:
            for worker in workers:
                if worker.process and worker.process.poll() is None:
                    worker.kill()
    subprocess.run(["psql", "-X", "-q", options.store, "-c", f"DROP SCHEMA \"{schema}\" CASCADE"], check=False, stderr=subprocess.DEVNULL)

    def total(name):
        return sum(values.get(f"backorderd_{name}", 0) for values in found)
    batches = max(1, total("batch_size_count"))
    return {"per_second": len(history.events) / (last - began), "cpu_us": cpu * 1e6 / len(history.events), "outputs": outputs, "good": good,
            "services": services, "size": sum(len(m.body) for m in messages) // max(1, len(messages)), "batch": total("batch_size_sum") / batches,
            "lock_ms": total("store_lock_wait_seconds_sum") * 1000 / batches, "retries": total("store_retries_total"),
            "deadlocks": total('store_conflicts_total{cause="deadlock"}'),
            "stages": {s: total(f'stage_duration_seconds_sum{{stage="{s}"}}') * 1000 / batches for s in STAGES}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("binary", "peer", "url", "store", "history"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--prefetch", type=int, default=1000)
    parser.add_argument("--watch", action="append", default=[])
    options = parser.parse_args()
    options.watched = [(name, int(pid)) for name, _, pid in (text.partition("=") for text in options.watch)]
    counts, lines = list(map(int, options.workers.split(","))), machine()
    history, link = History(options.history), amqp_client.Connection(options.url, "workers benchmark")
    ours, peers = {count: [] for count in counts}, []
    for number in range(options.rounds):
        for count in counts:
            ours[count].append(one_round(options, history, link, count))
        peers.append(peer_round(options, history, link, ours[counts[0]][-1]["outputs"], ours[counts[0]][-1]["size"])["per_second"])
        print(f"round {number + 1} of {options.rounds} done: " + ", ".join(f"{c} workers {ours[c][-1]['per_second']:.0f}/s" for c in counts)
              + f", peer {peers[-1]:.0f}/s", flush=True)
    print("\n".join(lines))
    print(f"PostgreSQL {output_of('psql', '--version')}; history: {len(history.events)} messages; batch {options.batch}, prefetch {options.prefetch}\n")
    print(f"| workers | msg/s, median (range) | of the C peer | CPU µs/msg: {', '.join(['workers'] + [name for name, _ in options.watched])} | messages a batch | lock wait ms/batch | retries (deadlocks) "
          f"| stages ms/batch: {', '.join(STAGES)} | books |\n|---|---|---|---|---|---|---|---|---|")
    peer = statistics.median(peers)
    for count in counts:
        runs = ours[count]

        def middle(name):
            return statistics.median(run[name] for run in runs)
        rates = [run["per_second"] for run in runs]
        cpu = ", ".join([f"{middle('cpu_us'):.0f}"] + [f"{statistics.median(run['services'][name] for run in runs):.0f}" for name, _ in options.watched])
        stages = ", ".join(f"{statistics.median(run['stages'][s] for run in runs):.1f}" for s in STAGES)
        print(f"| {count} | {middle('per_second'):.0f} ({min(rates):.0f}–{max(rates):.0f}) | {middle('per_second') / peer:.2f} | {cpu} "
              f"| {middle('batch'):.0f} | {middle('lock_ms'):.1f} | {sum(r['retries'] for r in runs):.0f} ({sum(r['deadlocks'] for r in runs):.0f}) "
              f"| {stages} | {'ok' if all(r['good'] for r in runs) else 'WRONG'} |")
    print(f"| C peer | {peer:.0f} ({min(peers):.0f}–{max(peers):.0f}) | 1 | | | | | | |")
    sys.exit(0 if all(run["good"] for runs in ours.values() for run in runs) else 1)


if __name__ == "__main__":
    main()
