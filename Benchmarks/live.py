#!/usr/bin/env python3
"""How fast is backorderd against a C program that only moves messages, through the same broker, on the same history?

    live.py --binary PATH --peer PATH --url AMQP (--history DIR | --workload DIR) [--rounds 3] [--orders 20000]

--history is what the workload generator wrote; with --workload, the directory of generate.py, it is made first.
Each round: the daemon takes the opening stock, is stopped, the events are put into its input queue, and the clock runs from
its first consumer until the last output is in its queue. Then the same events again for the peer, with as many outputs
of the same mean size as the daemon published. The broker should be a private one: the default queues are used and emptied.
"""
import argparse, json, os, platform, statistics, subprocess, sys, tempfile, time
from urllib.parse import unquote, urlsplit

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Tests/Live"))
from harness import INPUT, OUTPUT, OUTPUTS, Daemon, History, amqp_client, await_quiet, clear, drain, publish, wait  # noqa: E402


def daemon_round(options, history, link):
    with tempfile.TemporaryDirectory() as directory:
        daemon = Daemon(options.binary, options.url, directory)
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
            daemon.start()
            wait("the daemon to consume", lambda: link.depth(INPUT)[1] > 0, 60, pause=0.005)
            began = time.monotonic()
            last, outputs = await_quiet(link, daemon, quiet=2, pause=0.02)
            cpu, peak = daemon.usage()
            daemon.stop()
            good = daemon.digest(history) == history.expected["digest"]
            messages = drain(options.url, OUTPUTS)
        finally:
            if daemon.process.poll() is None:
                daemon.kill()
    # CPU counts from the start of the process, idle waiting included; that is little.
    size = sum(len(m.body) for m in messages) // max(1, len(messages))
    return {"per_second": len(history.events) / (last - began), "cpu_us": cpu * 1e6 / len(history.events), "peak_mib": peak,
            "outputs": outputs, "size": size, "digest": good}


def peer_round(options, history, link, outputs, size):
    clear(link)
    publish(options.url, history.events)
    wait("the preloaded queue", lambda: link.depth(INPUT)[0] == len(history.events), 60)
    parts = urlsplit(options.url)
    run = subprocess.run([options.peer, parts.hostname, str(parts.port or 5672), unquote(parts.username or "guest"), unquote(parts.password or "guest"),
                          unquote(parts.path[1:]) or "/", INPUT, OUTPUT, "customer-notification.order-confirmed",
                          str(len(history.events)), str(round(outputs * 1000 / len(history.events))), str(size)],
                         capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"FAILED: {run.stderr.strip()}")
    clear(link)
    return json.loads(run.stdout)


def output_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip().splitlines()[0]
    except (OSError, IndexError):
        return "unknown"


def machine():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) / 1048576
    packages = {p: output_of("dpkg-query", "-W", "-f", "${Version}", p) for p in ("rabbitmq-server", "librabbitmq4", "libsqlite3-0")}
    return [f"machine: {model}, {os.cpu_count()} cores, {memory:.0f} GiB, load {os.getloadavg()[0]:.1f} at the start",
            f"versions: {output_of('swift', '--version')}; " + ", ".join(f"{p} {v}" for p, v in packages.items())]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("binary", "peer", "url"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--history")
    parser.add_argument("--workload")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--orders", type=int, default=20000)
    options = parser.parse_args()
    lines = machine()
    with tempfile.TemporaryDirectory() as made:
        if not options.history:
            if not options.workload:
                parser.error("--history or --workload is needed")
            options.history = made
            print("Making the history", flush=True)
            subprocess.run([sys.executable, f"{options.workload}/generate.py", made, "--orders", str(options.orders)], check=True, stdout=subprocess.DEVNULL)
        history, link = History(options.history), amqp_client.Connection(options.url, "live benchmark")
        rounds = []
        for number in range(options.rounds):
            ours = daemon_round(options, history, link)
            peer = peer_round(options, history, link, ours["outputs"], ours["size"])
            rounds.append((ours, peer))
            print(f"round {number + 1} of {options.rounds} done", flush=True)
    print("\n".join(lines))
    print(f"history: {len(history.events)} messages; outputs {rounds[0][0]['outputs']} of {rounds[0][0]['size']} bytes on average\n")
    print("| round | backorderd msg/s | C peer msg/s | ratio | backorderd CPU µs/msg | peer CPU µs/msg | backorderd peak MiB | digest |\n|---|---|---|---|---|---|---|---|")
    for number, (ours, peer) in enumerate(rounds, 1):
        print(f"| {number} | {ours['per_second']:.0f} | {peer['per_second']} | {ours['per_second'] / peer['per_second']:.2f} | {ours['cpu_us']:.1f} | {peer['cpu_us']} "
              f"| {ours['peak_mib']:.0f} | {'ok' if ours['digest'] else 'WRONG'} |")
    middle = statistics.median(ours["per_second"] for ours, _ in rounds), statistics.median(peer["per_second"] for _, peer in rounds)
    print(f"| median | {middle[0]:.0f} | {middle[1]:.0f} | {middle[0] / middle[1]:.2f} | | | | |")
    sys.exit(0 if all(ours["digest"] for ours, _ in rounds) else 1)


if __name__ == "__main__":
    main()
