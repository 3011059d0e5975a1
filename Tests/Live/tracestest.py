#!/usr/bin/env python3
"""Traces of a running daemon: a small HTTP server plays the OpenTelemetry collector.

    tracestest.py --binary PATH --url AMQP_URL

Spans of receive, decide, commit and publish arrive in the trace of their input, with the attributes of the messaging
conventions; what is not sampled is not told; a collector that is dead, hangs or refuses changes nothing for the
messages, and what it does not get is counted.
"""
import argparse, http.server, json, os, socket, tempfile, threading, time, urllib.request

from harness import DEAD, INPUT, OUTPUTS, Daemon, Table, amqp_client, clear, drain, wait

SECRET = "collector-key-of-24-characters"


class Collector:
    """Takes OTLP/HTTP in JSON, as strictly as the real one. `status`: what it answers; `hangs`: it takes requests and never answers."""

    def __init__(self, port=0):
        self.spans, self.requests, self.faults, self.status, self.hangs, self.answer = [], [], [], 200, False, b"{}"
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.requests.append((self.path, dict(self.headers)))
                while outer.hangs:
                    time.sleep(0.05)
                try:
                    if outer.status == 200:
                        outer.take(json.loads(body))
                except (ValueError, KeyError, AssertionError) as fault:
                    outer.faults.append(f"{fault!r} in {body[:300]!r}")
                self.send_response(outer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(outer.answer)))
                self.end_headers()
                self.wfile.write(outer.answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.handle_error = lambda *_: None
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def take(self, request):
        for group in request["resourceSpans"]:
            resource = attributes(group["resource"]["attributes"])
            for scope in group["scopeSpans"]:
                assert scope["scope"]["name"] == "backorderd"
                for span in scope["spans"]:
                    assert len(span["traceId"]) == 32 and len(span["spanId"]) == 16 and int(span["spanId"], 16)
                    assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]) and 1 <= span["kind"] <= 5
                    self.spans.append({**span, "attributes": attributes(span.get("attributes", [])), "resource": resource})

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def attributes(entries):
    found = {}
    for entry in entries:
        (kind, value), = entry["value"].items()
        assert kind in ("stringValue", "intValue", "doubleValue", "boolValue"), kind
        found[entry["key"]] = int(value) if kind == "intValue" else value
    assert len(found) == len(entries), "an attribute twice"
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Run:
    """One daemon with its environment."""

    def __init__(self, options, directory, name, **environment):
        self.daemon, self.port = Daemon(options.binary, options.url, f"{directory}/{name}"), free_port()
        self.daemon.environment = {k: v for k, v in self.daemon.environment.items() if not k.startswith("OTEL_")}
        self.daemon.environment.update(BACKORDERD_OPERATIONS_LISTEN=f"127.0.0.1:{self.port}", OTEL_BSP_SCHEDULE_DELAY="100", **environment)

    def __enter__(self):
        self.daemon.start()
        return self

    def __exit__(self, *_):
        self.daemon.stop()

    def metric(self, name, cause=""):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            lines = [line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line.startswith(name) and line[len(name):len(name) + 1] in "{ " and cause in line]
        return sum(float(value) for _, value in lines) if lines else None

    def log(self):
        with open(self.daemon.log_path, errors="replace") as file:
            return file.read()


def trace(number):
    return f"{number:032x}"


def order(number, parent=None, body=None):
    text = body or json.dumps({"type": "order-placed", "id": f"m-{number}", "time": "2026-11-23T10:00:00Z", "order_id": f"O-{number}",
                               "lines": [{"sku": "A", "quantity": 1}]}).encode()
    headers = {"headers": {"traceparent": parent, "tracestate": "shop=1"}} if parent else {}
    return "order-placed", {"message_id": f"m-{number}", **headers}, text


def send(url, messages):
    link = amqp_client.Connection(url, "tracestest sender")
    link.confirm()
    link.publish(messages, "orders", 1000)
    link.close()


def outputs(url, orders, seconds=60):
    """What comes out until each of the orders has had its notice; by order."""
    found, wanted = {}, {f"O-{n}" for n in orders}

    def all_there():
        for message in drain(url, OUTPUTS):
            if message.routing_key.startswith("customer-notification"):
                found.setdefault(json.loads(message.body)["order_id"], []).append(message)
        return wanted <= set(found)
    wait("the outputs of all orders", all_there, seconds)
    return found


def by_trace(collector, number):
    return [span for span in collector.spans if span["traceId"] == trace(number)]


def told(table, options, directory):
    collector = Collector()
    with Run(options, directory, "told", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.port}/base/", OTEL_SERVICE_NAME="shop-backorders",
             OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test%20bench", OTEL_EXPORTER_OTLP_HEADERS=f"x-key={SECRET}") as run:
        link = amqp_client.Connection(options.url, "tracestest")
        run.daemon.await_consuming(link)
        link.close()
        sender = "00f067aa0ba902b7"
        send(options.url, [order(1, f"00-{trace(1)}-{sender}-01")])
        made = outputs(options.url, [1])
        wait("the spans of one order", lambda: len(by_trace(collector, 1)) >= 5, 20)
        spans = {span["name"].split()[0]: span for span in by_trace(collector, 1)}
        table.check("receive, decide, commit and publish in the trace of the input", set(spans) == {"process", "receive", "decide", "commit", "publish"}, sorted(spans))
        process = spans["process"]
        table.check("the sender's span is the parent", process["parentSpanId"] == sender and process["traceState"] == "shop=1")
        table.check("and process holds the others", all(s["parentSpanId"] == process["spanId"] for n, s in spans.items() if n != "process"))
        known = [("process", 5, INPUT, "process"), ("receive", 3, INPUT, "receive"), ("publish", 4, "backorder", "send"), ("decide", 1, INPUT, None), ("commit", 3, INPUT, None)]
        for name, kind, destination, operation in known:
            found = spans[name]["attributes"]
            good = (spans[name]["kind"], found.get("messaging.system"), found.get("messaging.operation.name"), found.get("messaging.operation.type"),
                    found.get("messaging.destination.name")) == (kind, "rabbitmq", name, operation, destination)
            table.check(f"conventions of {name}", good, found)
        table.check("of one message the id, of the commit the database", process["attributes"].get("messaging.message.id") == "m-1"
                    and "messaging.batch.message_count" not in process["attributes"] and spans["commit"]["attributes"].get("db.system.name") == "sqlite")
        table.check("the service's name and attributes", {k: process["resource"].get(k) for k in ("service.name", "deployment.environment.name")}
                    == {"service.name": "shop-backorders", "deployment.environment.name": "test bench"}, process["resource"])
        table.check("path and headers as the environment has them", collector.requests[0][0] == "/base/v1/traces" and collector.requests[0][1].get("x-key") == SECRET, collector.requests[0][0])
        headers = made["O-1"][0].properties["headers"]
        table.check("an output keeps the trace; the sender's span is its parent, too", (headers["traceparent"], headers["tracestate"]) == (f"00-{trace(1)}-{sender}-01", "shop=1"))

        # Many at once: traces, none, and one that the sender does not sample.
        send(options.url, [order(n, f"00-{trace(n)}-{sender}-01") for n in range(2, 42)] + [order(n) for n in range(42, 62)] + [order(62, f"00-{trace(62)}-{sender}-00")])
        outputs(options.url, range(2, 63))
        wait("a publish span of each trace", lambda: all(any(s["name"].startswith("publish") for s in by_trace(collector, n)) for n in range(2, 42)), 20)
        table.check("each of forty traces has its five spans", all(len(by_trace(collector, n)) == 5 for n in range(2, 42)))
        batches = [s["attributes"].get("messaging.batch.message_count", 1) for s in collector.spans if s["name"].startswith("process")]
        table.check("batches are told with their size", max(batches) > 1, max(batches))
        table.check("what the sender does not sample is not told", not by_trace(collector, 62))
        own = [s for s in collector.spans if "parentSpanId" not in s]
        table.check("inputs without a trace: one trace a batch", 0 < len(own) < 20 and sum(s["attributes"].get("backorderd.trace.message_count", 1) for s in own) == 20, len(own))
        send(options.url, [order(63, f"00-{trace(63)}-{sender}-01", body=b"{}")])
        wait("the trace of a dead letter", lambda: len(by_trace(collector, 63)) >= 5, 20)
        spans = {span["name"]: span for span in by_trace(collector, 63)}
        bad = spans.get(f"process {INPUT}", {})
        table.check("a dead letter is an error of its trace", bad.get("status", {}).get("code") == 2 and bad["attributes"].get("error.type") and f"publish {DEAD}" in spans, sorted(spans))
        wait("the count of spans", lambda: run.metric("backorderd_spans_exported_total") == len(collector.spans), 10)
        table.check("all are counted, none dropped", run.metric("backorderd_spans_dropped_total") == 0, len(collector.spans))
        collector.answer = b'{"partialSuccess": {"rejectedSpans": "2", "errorMessage": "no"}}'
        send(options.url, [order(64, f"00-{trace(64)}-{sender}-01")])
        wait("spans that the collector rejects to be counted", lambda: run.metric("backorderd_spans_dropped_total") >= 2, 20)
        table.check("what the collector rejects of a request is counted", True)
        outputs(options.url, [64])
    table.check("SIGTERM: exit 0", run.daemon.process.returncode == 0)
    table.check("every request was sound OTLP", not collector.faults, collector.faults[:1])
    table.check("the key is not in the log", SECRET not in run.log() and "traces are sent to" in run.log())
    collector.close()


def troubled(table, options, directory, name, collector, port, cause, **environment):
    """A collector that is no good changes nothing for the messages."""
    with Run(options, directory, name, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"http://127.0.0.1:{port}/v1/traces", OTEL_BSP_MAX_QUEUE_SIZE="64",
             OTEL_EXPORTER_OTLP_TIMEOUT="400", **environment) as run:
        link = amqp_client.Connection(options.url, "tracestest")
        run.daemon.await_consuming(link)
        link.close()
        send(options.url, [order(n, f"00-{trace(n)}-00f067aa0ba902b7-01") for n in range(1000, 1400)])
        made = outputs(options.url, range(1000, 1400))
        table.check(f"{name}: every order has its one notice", all(len(made[f"O-{n}"]) == 1 for n in range(1000, 1400)))
        wait(f"spans dropped as {cause}", lambda: run.metric("backorderd_spans_dropped_total", cause) > 0 and run.metric("backorderd_spans_dropped_total", "queue-full") > 0, 60)
        table.check(f"{name}: what was dropped is counted, by cause", run.metric("backorderd_spans_dropped_total") >= 2000 - 64, run.metric("backorderd_spans_dropped_total"))
        with urllib.request.urlopen(f"http://127.0.0.1:{run.port}/health/ready") as answer:
            table.check(f"{name}: ready all the same", answer.status == 200)
        began = time.monotonic()
        code = run.daemon.stop()
        table.check(f"{name}: it stops in time", code == 0 and time.monotonic() - began < 15, f"{time.monotonic() - began:.1f} s")
        complaints = run.log().count("traces can't be sent")
        table.check(f"{name}: the log says so once", complaints == 1, complaints)
        run.daemon.verify(table)
    if collector:
        collector.hangs = False
        collector.close()


def off(table, options, directory):
    """Without the variables nothing is sent; with impossible ones the daemon works and says what is wrong."""
    collector = Collector()
    for name, said, environment in [
            ("nothing set", "", {}), ("switched off", "", {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}", "OTEL_SDK_DISABLED": "true"}),
            ("exporter none", "", {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}", "OTEL_TRACES_EXPORTER": "none"}),
            ("https", "without TLS only", {"OTEL_EXPORTER_OTLP_ENDPOINT": f"https://user:{SECRET}@127.0.0.1:{collector.port}"})]:
        with Run(options, directory, name, **environment) as run:
            link = amqp_client.Connection(options.url, "tracestest")
            run.daemon.await_consuming(link)
            link.close()
            send(options.url, [order(2000, f"00-{trace(2000)}-00f067aa0ba902b7-01")])
            outputs(options.url, [2000])
            time.sleep(0.5)
            none = run.metric("backorderd_spans_exported_total") == 0 and run.metric("backorderd_spans_dropped_total") == 0
        table.check(f"{name}: no spans, orders as ever", none and not collector.requests and said in run.log() and SECRET not in run.log() and ("trace" in run.log()) == bool(said))
    collector.close()


def run(options, directory):
    table = Table()
    link = amqp_client.Connection(options.url, "tracestest")
    clear(link)
    try:
        told(table, options, directory)
        troubled(table, options, directory, "dead collector", None, free_port(), "unreachable")
        hanging = Collector()
        hanging.hangs = True
        troubled(table, options, directory, "hanging collector", hanging, hanging.port, "unreachable")
        refusing = Collector()
        refusing.status = 400
        # Small requests fill the queue faster than they are refused.
        troubled(table, options, directory, "refusing collector", refusing, refusing.port, "refused", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="4")
        off(table, options, directory)
    finally:
        clear(link)
        link.close()
    table.done()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("binary", "url"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    options.binary = os.path.abspath(options.binary)
    with tempfile.TemporaryDirectory() as directory:
        run(options, directory)
