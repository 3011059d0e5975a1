#!/usr/bin/env python3
"""What do traces cost the daemon? CPU of the daemon for each message: off, on without a trace in the inputs, on with a sampled trace in each.

    traces.py --binary PATH --url AMQP --history DIR [--rounds 3]

The three go in turn over the same events (SQLite, quorum queue, digests compared). The collector is a process that takes everything and looks
at nothing; its CPU is not in the figures, that of the daemon's exporting thread is.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Tests/Live"))
from harness import INPUT, OUTPUTS, Daemon, History, amqp_client, amqp_tool, await_quiet, clear, depths, drain, publish, wait  # noqa: E402
from live import machine  # noqa: E402

COLLECTOR = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"{}")
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


def traced(lines):
    for number, line in enumerate(lines, 1):
        key, properties, body = amqp_tool.from_json(line)
        yield key, {**properties, "headers": {"traceparent": f"00-{number:032x}-{number:016x}-01"}}, body


def one_run(options, history, link, port, has_traces):
    with tempfile.TemporaryDirectory() as directory:
        daemon = Daemon(options.binary, options.url, directory)
        daemon.environment = {k: v for k, v in daemon.environment.items() if not k.startswith("OTEL_")}
        if port:
            # Nothing is to be dropped, or the figure would be of less work.
            daemon.environment.update(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}", OTEL_BSP_MAX_QUEUE_SIZE="1000000", OTEL_BSP_SCHEDULE_DELAY="200")
        daemon.start()
        try:
            daemon.await_consuming(link)
            clear(link)
            publish(options.url, history.opening)
            await_quiet(link, daemon, quiet=1)
            daemon.stop()
            clear(link)
            sender = amqp_client.Connection(options.url, "traces benchmark sender")
            sender.confirm()
            sender.publish(traced(history.events) if has_traces else map(amqp_tool.from_json, history.events), "orders", 4000)
            sender.close()
            wait("the preloaded queue", lambda: link.depth(INPUT)[0] == len(history.events), 60)
            daemon.start()
            wait("the daemon to consume", lambda: link.depth(INPUT)[1] > 0, 60, pause=0.005)
            began, before, last = time.monotonic(), None, 0
            cpu_began = daemon.usage()[0]
            while True:
                daemon.check_alive()
                now = depths(link)
                if now != before:
                    last, before = time.monotonic(), now
                elif now[0] == 0 and time.monotonic() - last >= 2:
                    break
                time.sleep(0.05)
            # What waits to be exported is part of the cost.
            cpu, peak = daemon.usage()
            daemon.stop()
            good = daemon.digest(history) == history.expected["digest"]
            drain(options.url, OUTPUTS)
        finally:
            if daemon.process.poll() is None:
                daemon.kill()
    return {"per_second": len(history.events) / (last - began), "cpu_us": (cpu - cpu_began) * 1e6 / len(history.events), "peak": peak, "good": good}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("binary", "url", "history"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    history, link = History(options.history), amqp_client.Connection(options.url, "traces benchmark")
    collector = subprocess.Popen([sys.executable, "-c", COLLECTOR], stdout=subprocess.PIPE, text=True)
    port, lines = int(collector.stdout.readline()), machine()
    kinds, rounds = {"off": (None, False), "off, traces in the inputs": (None, True), "on, none in the inputs": (port, False), "on, one in each input": (port, True)}, []
    try:
        for number in range(options.rounds):
            names = list(kinds) if number % 2 == 0 else list(kinds)[::-1]
            rounds.append({name: one_run(options, history, link, *kinds[name]) for name in names})
            print(f"round {number + 1} of {options.rounds} done", file=sys.stderr, flush=True)
    finally:
        collector.terminate()
    clear(link)
    print("\n".join(lines) + f"\nhistory: {len(history.events)} messages\n\n| traces | CPU µs/msg, median (range) | msg/s, median (range) | peak MiB | digests |\n|---|---|---|---|---|")
    for name in kinds:
        cpu, speed = ([r[name][key] for r in rounds] for key in ("cpu_us", "per_second"))
        print(f"| {name} | {statistics.median(cpu):.1f} ({min(cpu):.1f}–{max(cpu):.1f}) | {statistics.median(speed):.0f} ({min(speed):.0f}–{max(speed):.0f}) "
              f"| {max(r[name]['peak'] for r in rounds):.0f} | {'ok' if all(r[name]['good'] for r in rounds) else 'WRONG'} |")
    sys.exit(0 if all(run["good"] for r in rounds for run in r.values()) else 1)


if __name__ == "__main__":
    main()
