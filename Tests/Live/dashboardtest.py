#!/usr/bin/env python3
"""The operations endpoint of a running daemon: health, metrics and every page, with hostile names, and with the broker away.

    dashboardtest.py --binary PATH --node DIR [--store POSTGRES_URL] [--shots DIR]

DIR of --node is a private node's (deploy/lib/private-rabbitmq start DIR). Metrics go through promtool, and pages through
headless Chromium, where these are installed; everything else is plain HTTP. With --shots, pictures of the pages are kept. --store:
on PostgreSQL, in a schema of its own, instead of an SQLite file.
"""
import argparse, html.parser, http.client, json, os, re, shutil, socket, subprocess, tempfile, time, urllib.parse
from datetime import datetime, timedelta, timezone

from harness import OUTPUTS, Daemon, Table, amqp_client, clear, drain, publish, wait

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/lib/private-rabbitmq")
HOSTILE = ['<script>document.title="owned"</script>', '"><img src=x onerror=alert(1)>', "'; DROP TABLE item; --", "../../etc/passwd",
           "a&amp;b", "%3Cscript%3E", "naïve ☃ 漢字", "..", "x y+z?#", "\u202eevil"]
LATE = "Überlänge-" + "W" * 60
SECRET, CONTACT = "token-of-24-characters-xx", "secret.person@example.org"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def iso(days):
    return (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def body(days=0, **message):
    return json.dumps({"time": iso(days), **message}).encode()


class Site:
    def __init__(self, port):
        self.port = port

    def get(self, path, method="GET", headers=None, timeout=15):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            link.request(method, path, headers=headers or {})
            answer = link.getresponse()
            return answer.status, answer.read().decode(), {k.lower(): v for k, v in answer.getheaders()}
        finally:
            link.close()

    def status(self, path, **options):
        try:
            return self.get(path, **options)[0]
        except OSError:
            return None

    def json(self, path):
        return json.loads(self.get(path)[1])

    def metric(self, name):
        """Sum over all series of a name; None: there is none."""
        found = re.findall(rf"^{name}(?:{{[^\n]*}})? ([-+0-9.e]+)$", self.get("/metrics")[1], re.M)
        return sum(map(float, found)) if found else None

    def raw(self, data, wait_seconds=8):
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait_seconds) as link:
            link.sendall(data)
            got = b""
            try:
                while chunk := link.recv(65536):
                    got += chunk
            except (TimeoutError, ConnectionResetError):
                pass
            return got


class Outline(html.parser.HTMLParser):
    """What of a page is markup: names must never be."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.faults, self.open, self.title, self.text = {}, [], [], [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        names = dict(attributes)
        self.faults += [f"<{tag} {name}>" for name in names if name.startswith("on") or name == "style"]
        if tag == "script" and names.get("src") != "/live.js" or tag in ("img", "iframe", "object", "style"):
            self.faults.append(f"<{tag}>")
        if tag == "a":
            self.links.append(names.get("href", ""))
        if tag == "input" and "id" not in names:
            self.faults.append("an input without a label")
        if tag not in ("meta", "link", "input", "br", "line", "rect", "polyline"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> out of place")

    def handle_data(self, data):
        if self.open and self.open[-1] == "title":
            self.title += data
        self.text.append(data)


def feed(url):
    lines = [body(type="item-updated", id=f"item-{n}", sku=sku, lead_time_days=7, supplier="ACME", reorder={"point": 2, "up_to": 40})
             for n, sku in enumerate(HOSTILE + [LATE])]
    for n, sku in enumerate(HOSTILE + [LATE]):
        for k in range(3):
            lines.append(body(-20 + k, type="order-placed", id=f"o-{n}-{k}", order_id=f"{sku} #{k}" if len(sku) < 60 else f"O{n}-{k}", placed_at=iso(-20 + k),
                              customer={"id": f"C{k} <b>", "segment": "gold", "contact": {"email": CONTACT}},
                              lines=[{"sku": sku, "quantity": 2 + k}, {"sku": sku, "quantity": 1, "location": "WH1"}]))
    # Two pages and more of one customer, and of one SKU at one location.
    lines += [body(type="order-placed", id=f"many-{k}", order_id=f"MANY-{k * 7 % 40:02}", placed_at=iso(-9 - k / 100), customer={"contact": {"id": 1}, "id": 4711},
                   lines=[{"sku": "MANY", "quantity": 1, "location": "WH1"}, {"sku": "MANY", "quantity": 1}, {"sku": "MANY", "quantity": 2, "location": "WH1"}])
              for k in range(40)]
    lines += [body(type="stock-received", id=f"r-{n}", receipt_id=f"R{n}", location="WH1", lines=[{"sku": sku, "quantity": 3}])
              for n, sku in enumerate(HOSTILE)]
    lines.append(body(type="inbound-scheduled", id="in-1", inbound_id="I1", location="WH1", expected_at=iso(12), lines=[{"sku": LATE, "quantity": 5}]))
    # Promised for in some seconds, from supply that will not come.
    lines.append(body(type="inbound-scheduled", id="in-2", inbound_id="I2", location="WH1", expected_at=iso(8 / 86400), lines=[{"sku": "SOON", "quantity": 5}]))
    lines.append(body(type="order-placed", id="soon", order_id="SOON-1", lines=[{"sku": "SOON", "quantity": 2}]))
    lines.append(body(type="stock-adjusted", id="adj", adjustment_id="A1", location="WH1", lines=[{"sku": LATE, "delta": -5}]))
    lines += [b'{"type": "order-placed", "id": "bad"}',
              body(type="stock-received", id="again", receipt_id="R0", location="WH1", lines=[{"sku": HOSTILE[0], "quantity": 4}])]
    publish(url, lines)
    return len(lines)


def endpoint_checks(table, site):
    for path in ("/health/live", "/health/ready", "/metrics", "/", "/back-orders", "/api/overview", "/nothing"):
        status, text, headers = site.get(path)
        table.check(f"GET {path}", status == (404 if path == "/nothing" else 200), f"{status}, {len(text)} bytes")
        policy = headers.get("content-security-policy", "")
        if "default-src 'none'" not in policy or "unsafe" in policy or headers.get("x-content-type-options") != "nosniff":
            table.check(f"headers of {path}", False, headers)
    status, text, headers = site.get("/", method="HEAD")
    table.check("HEAD has no body", status == 200 and text == "" and int(headers["content-length"]) > 500)
    table.check("POST is refused", site.status("/", method="POST") == 405)
    table.check("a body is refused", site.status("/", headers={"Content-Length": "5"}) == 413)
    table.check("a foreign name is refused", site.status("/", headers={"Host": "evil.example:9473"}) == 421)
    table.check("a long head is refused", b" 431 " in site.raw(b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40_000)[:20])
    for bad in (b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\xff\xfe / HTTP/1.1\r\n\r\n"):
        table.check(f"400 to {bad[:24]!r}", b" 400 " in site.raw(bad)[:20])
    # Half a request holds nobody up; its time is limited.
    idle = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(60)]
    for link in idle:
        link.sendall(b"GET / HT")
    table.check("sixty half requests hold nobody up", site.get("/health/live", timeout=2)[0] == 200)
    idle[0].settimeout(8)
    table.check("half a request is ended in time", b" 408 " in idle[0].recv(4096)[:20])
    for link in idle:
        link.close()


def page_checks(table, site):
    pages, seen, faults, texts = ["/", "/back-orders", "/back-orders?late=1", "/supply", "/dead-letters", "/discrepancies"], set(), [], {}
    pages += ["/search?" + urllib.parse.urlencode({"q": name}) for name in HOSTILE]
    pages += ["/back-orders?" + urllib.parse.urlencode({"sku": name, "customer": name, "location": name}) for name in HOSTILE[:3]]
    while pages and len(seen) < 250:
        path = pages.pop(0)
        if path in seen:
            continue
        seen.add(path)
        status, text, _ = site.get(path)
        outline = Outline(text)
        texts[path] = "".join(outline.text)
        faults += [f"{path}: {fault}" for fault in outline.faults]
        if status != 200 or outline.open or "\u202e" in text:
            faults.append(f"{path}: {status}, open {outline.open}")
        pages += [link for link in outline.links if link.startswith("/") and link not in seen]
    table.check("every page that a link leads to is whole, its names are text", not faults, faults[:3] or f"{len(seen)} pages")
    whole = "".join(texts.values())
    missing = [name for name in HOSTILE[:-1] if name not in whole]
    table.check("hostile names are shown as they are", not missing, missing or "")
    table.check("the customer's contact is nowhere", CONTACT not in whole and not any(CONTACT in site.get(f"/api/{p}")[1] for p in ("overview", "back-orders")))
    orders = [path for path in seen if path.startswith("/order?")]
    table.check("orders tell why and what happened", len(orders) > 20 and all("Why it is where it is" in texts[p] and "order-placed" in texts[p] for p in orders), len(orders))
    first = site.json("/api/back-orders")
    table.check("the first page of back orders is full and goes on", len(first["back_orders"]) == 50 or first["next"] is None, len(first["back_orders"]))
    rows, path = [], "/api/back-orders"
    while path:
        page = site.json(path)
        rows, path = rows + page["back_orders"], page["next"]
    keys = [(r["order_id"], r["line_id"]) for r in rows]
    table.check("pages by key meet without gap or repetition", len(keys) == len(set(keys)) > 30, len(keys))
    def filtered(**values):
        found, path = [], "/api/back-orders?" + urllib.parse.urlencode(values)
        while path:
            page = site.json(path)
            found, path = found + page["back_orders"], page["next"]
        return [(r["placed_at"], r["order_id"], r["line_id"]) for r in found], found

    def wanted(condition):
        return [(r["placed_at"], r["order_id"], r["line_id"]) for r in rows if condition(r)]
    for what, values, condition in (
            ("customer", {"customer": "C1 <b>"}, lambda r: r["customer_id"] == "C1 <b>"),
            ("a customer that is a number", {"customer": "4711"}, lambda r: r["customer_id"] == "4711"),
            ("location", {"location": "WH1"}, lambda r: r["location"] == "WH1"),
            ("customer and location", {"customer": "C1 <b>", "location": "WH1"}, lambda r: r["customer_id"] == "C1 <b>" and r["location"] == "WH1"),
            ("customer and SKU", {"customer": "C1 <b>", "sku": LATE}, lambda r: r["customer_id"] == "C1 <b>" and r["sku"] == LATE),
            ("SKU and location", {"sku": "MANY", "location": "WH1"}, lambda r: r["sku"] == "MANY" and r["location"] == "WH1")):
        keys, some = filtered(**values)
        table.check(f"filter by {what}: the rows that the whole list has, on all pages", keys and sorted(keys) == sorted(wanted(condition)), f"{len(keys)} of {len(wanted(condition))}")
        if "SKU" not in what:
            table.check(f"filter by {what}: the longest wait first", [k[0] for k in keys] == sorted(k[0] for k in keys))
        places = {(r["order_id"], r["line_id"]): r["place"] for r in rows}
        table.check(f"filter by {what}: each has its place in the queue", all(r["place"] == places[r["order_id"], r["line_id"]] for r in some))
    table.check("filter by a customer or location that nobody has", filtered(customer="C1")[0] + filtered(customer="nobody@example.com")[0] + filtered(location="WH9")[0] == [])
    wait("the promise to pass", lambda: site.json("/api/back-orders?late=first")["back_orders"], 30, pause=0.5)
    late = site.json("/api/back-orders?late=first")["back_orders"]
    table.check("filter by lateness", [r["order_id"] for r in late] == ["SOON-1"] and all(r["first_promised_at"] < iso(0) for r in late), late)
    told = site.json("/api/back-orders?late=1")["back_orders"]
    table.check("what is late now is late by its promise", all(r["promised_at"] < iso(0) for r in told), len(told))
    some = site.json("/api/item?" + urllib.parse.urlencode({"sku": LATE}))
    table.check("a SKU's supply and demand", some["supply"] and some["demand"] and some["waiting"] > 0)


def metrics_checks(table, site, fed):
    text = site.get("/metrics")[1]
    if shutil.which("promtool"):
        run = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        table.check("promtool check metrics is silent", run.returncode == 0 and not run.stdout + run.stderr, (run.stdout + run.stderr)[:600])
    table.check("inputs are counted", site.metric("backorderd_inputs_total") == fed, site.metric("backorderd_inputs_total"))
    table.check("dead letters by reason", 'backorderd_dead_letters_total{reason="conflict"} 1' in text and 'reason="invalid"} 1' in text)
    table.check("units wait", site.metric("backorderd_waiting_units") > 0, site.metric("backorderd_waiting_units"))
    table.check("the longest wait is that of the first order", 19 < site.metric("backorderd_oldest_wait_seconds") / 86400 < 21)
    table.check("discrepancies", site.metric("backorderd_discrepancies") == 1)
    table.check("queue depths", 'backorderd_queue_messages{queue="backorderd.inbound"} 0' in text and 'backorderd_queue_messages{queue="backorderd.dead-letter"} 2' in text)
    table.check("few series", len(text.splitlines()) < 600, f"{len(text.splitlines())} lines")


def telemetry_checks(table, site):
    """docs/telemetry.md against what is there; the dashboard and the alerts use nothing else."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    doc, text = open(f"{root}/docs/telemetry.md").read(), site.get("/metrics")[1]
    told = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \|", doc, re.M)}
    told_labels = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in re.findall(r"^\| `(\w+)` \| (?:counter|gauge|histogram) \| (.*?) \|", doc, re.M)}
    there = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
    table.check("docs/telemetry.md lists every metric, by name and kind", told == there, sorted(set(told.items()) ^ set(there.items()))[:4] or len(there))
    labels = {name: set() for name in there}
    for series, inner in re.findall(r"^(\w+)\{(.*)\} ", text, re.M):
        name = series if series in there else re.sub("_(bucket|sum|count)$", "", series)
        labels[name] |= set(re.findall(r'(\w+)="', inner)) - {"le"}
    wrong = [name for name in there if labels[name] and labels[name] != told_labels.get(name)]
    table.check("and its labels", not wrong, wrong or "")
    names = set(there) | {f"{name}_{end}" for name, kind in there.items() if kind == "histogram" for end in ("bucket", "sum", "count")}
    for path in ("deploy/prometheus/backorderd.rules.yaml", "deploy/grafana/backorderd.json"):
        used = set(re.findall(r"\b((?:backorderd|process)_\w+)\b", open(f"{root}/{path}").read()))
        table.check(f"{path} uses only metrics that exist", used and used <= names, sorted(used - names) or len(used))
    alerts = set(re.findall(r"alert: (\w+)", open(f"{root}/deploy/prometheus/backorderd.rules.yaml").read()))
    tested = set(re.findall(r"alertname: (\w+)", open(f"{root}/deploy/prometheus/backorderd.rules.test.yaml").read()))
    cured = set(re.findall(r"^\| `(Backorderd\w+)` ", doc, re.M))
    table.check("every alert is tested, and has its cause and cure", alerts == tested == cured, alerts ^ tested | alerts ^ cured or len(alerts))
    keys = set()
    for folder, _, files in os.walk(f"{root}/Sources"):
        for name in files:
            source = open(f"{folder}/{name}").read()
            if "logger." in source or "countsMetadata" in source:
                for block in re.findall(r"(?:metadata: |Metadata = |Logger\.Metadata \{.*?return )\[(.*?)\]\s*(?:\)|$|\n)", source, re.S):
                    keys |= set(re.findall(r'"([a-z_]+)": "', block))
                keys |= set(re.findall(r'metadata\["([a-z_]+)"\] =', source))
    logged = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| key \|.*?\n\n", doc, re.M | re.S))))
    table.check("docs/telemetry.md lists every key of the log", keys and keys == logged, keys ^ logged or len(keys))
    if shutil.which("promtool"):
        run = subprocess.run(["promtool", "test", "rules", "backorderd.rules.test.yaml"], cwd=f"{root}/deploy/prometheus", capture_output=True, text=True)
        table.check("promtool test rules", run.returncode == 0, run.stdout[-400:] if run.returncode else "")


def browse(table, site, shots):
    browser = shutil.which("chromium")
    if not browser:
        return print("skipped: chromium is not installed", flush=True)
    def run(path, *options, directory):
        command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={directory}", "--virtual-time-budget=3000",
                   "--enable-logging=stderr", *options, f"http://127.0.0.1:{site.port}{path}"]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)
    item = "/item?" + urllib.parse.urlencode({"sku": HOSTILE[0]})
    order = "/order?" + urllib.parse.urlencode({"id": HOSTILE[1] + " #1"})
    with tempfile.TemporaryDirectory() as directory:
        for path in ("/", item, order):
            dom = run(path, "--dump-dom", directory=directory)
            good = "<h1>" in dom.stdout and "owned</title>" not in dom.stdout and "onerror=alert(1)>" not in dom.stdout.replace("&lt;img src=x onerror=alert(1)&gt;", "")
            errors = [line for line in dom.stderr.splitlines() if "CONSOLE" in line]
            table.check(f"Chromium shows {path[:30]} and its console is silent", good and not errors, errors[:2] or dom.stderr[-200:] if not good else "")
        if shots:
            os.makedirs(shots, exist_ok=True)
            pages = {"overview": "/", "back-orders": "/back-orders", "late": "/back-orders?late=1", "order": order, "item": "/item?" + urllib.parse.urlencode({"sku": LATE}),
                     "hostile": item, "supply": "/supply", "dead-letters": "/dead-letters", "discrepancies": "/discrepancies"}
            for name, path in pages.items():
                for kind, options in {"wide": ["--window-size=1200,1500"], "phone": ["--window-size=500,1600"], "dark": ["--window-size=1200,1500", "--blink-settings=preferredColorScheme=0"]}.items():
                    run(path, f"--screenshot={os.path.abspath(shots)}/{name}-{kind}.png", *options, directory=directory)


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def trace_checks(table, daemon, url):
    """Trace context goes from an input to all its outputs, and into the log line of a dead letter."""
    drain(url, OUTPUTS)
    parent = f"00-{TRACE}-00f067aa0ba902b7-01"
    link = amqp_client.Connection(url, "traces")
    link.confirm()
    link.publish([("order-placed", {"message_id": name, "headers": {"traceparent": parent, "tracestate": "a=b"}}, text) for name, text in [
        ("traced", body(type="order-placed", id="traced", order_id="TRACED", lines=[{"sku": "T", "quantity": 1}])), ("traced-bad", b"{}")]], "orders", 10)
    link.close()
    found = []

    def told():
        found.extend(drain(url, OUTPUTS))
        return any(m.properties.get("headers", {}).get("traceparent") for m in found)
    wait("a traced output", told, 30)
    headers = [m.properties.get("headers", {}) for m in found if json.loads(m.body).get("order_id") == "TRACED"]
    table.check("outputs carry the trace context of their input", headers and all((h.get("traceparent"), h.get("tracestate")) == (parent, "a=b") for h in headers), headers[:1])
    lines = [json.loads(line) for line in open(daemon.log_path, errors="replace") if TRACE in line]
    table.check("the dead letter's log line has its trace id", [(e.get("trace_id"), e.get("message_id")) for e in lines] == [(TRACE, "traced-bad")], lines)


def broker_away(table, site, options):
    subprocess.run([SCRIPT, "ctl", options.node, "stop_app"], check=True, capture_output=True)
    try:
        wait("not ready", lambda: site.status("/health/ready") == 503, 60)
        answer = json.loads(site.get("/health/ready")[1])
        failing = answer["failing"]
        table.check("without a broker it is not ready, and says so", "broker-consumer" in failing and "broker-publisher" in failing and "store" not in failing, failing)
        table.check("each check has age and remedy", all("age_milliseconds" in c and "for_seconds" in c and (c["status"] == "fine" or c["remedy"]) for c in answer["checks"]))
        table.check("and it is live", site.status("/health/live") == 200)
        table.check("pages are there", site.status("/") == 200 and site.status("/back-orders") == 200)
        table.check("ready is 0", site.metric("backorderd_ready") == 0 and site.metric("backorderd_connections_lost_total") >= 2)
    finally:
        subprocess.run([SCRIPT, "ctl", options.node, "start_app"], check=True, capture_output=True)
    wait("ready again", lambda: site.status("/health/ready") == 200, 60)
    table.check("ready again when the broker is back", True)


def token_checks(table, options, directory, url):
    daemon, site = Daemon(options.binary, url, f"{directory}/token"), Site(free_port())
    daemon.environment.update(BACKORDERD_OPERATIONS_LISTEN=f"0.0.0.0:{site.port}", BACKORDERD_OPERATIONS_TOKEN=SECRET)
    daemon.start()
    wait("the endpoint", lambda: site.status("/health/live") == 200, 30)
    table.check("with a token: nothing without it", {site.status(p) for p in ("/", "/metrics", "/api/overview")} == {401})
    table.check("a wrong one is refused", site.status("/", headers={"Authorization": f"Bearer {SECRET}x"}) == 401)
    table.check("with it, from any name", site.status("/metrics", headers={"Authorization": f"Bearer {SECRET}", "Host": "ops.example"}) == 200)
    table.check("as a browser's password", site.status("/", headers={"Authorization": "Basic b3BzOnRva2VuLW9mLTI0LWNoYXJhY3RlcnMteHg="}) == 200)
    table.check("health needs none", site.status("/health/ready") in (200, 503))
    daemon.stop()
    log = open(daemon.log_path, errors="replace").read()
    table.check("the token is not in the log", SECRET not in log)
    refused = Daemon(options.binary, url, f"{directory}/refused")
    refused.environment["BACKORDERD_OPERATIONS_LISTEN"] = f"0.0.0.0:{site.port}"
    refused.start()
    table.check("open to others without a token: exit 78", refused.process.wait(20) == 78)


def run(options, directory):
    table, url = Table(), open(f"{options.node}/url").read().strip()
    store = None
    if options.store:
        store = f"{options.store}{'&' if '?' in options.store else '?'}options=-csearch_path%3Ddashboard_{os.getpid()}"
    daemon = Daemon(options.binary, url, directory, extra="promise: {default_lead_time_days: 3, handling_days: 0}\n", store=store)
    site = Site(free_port())
    daemon.environment["BACKORDERD_OPERATIONS_LISTEN"] = f"127.0.0.1:{site.port}"
    link = amqp_client.Connection(url, "dashboardtest")
    try:
        clear(link)
        daemon.start()
        daemon.await_consuming(link)
        wait("ready", lambda: site.status("/health/ready") == 200, 30)
        fed = feed(url)
        wait("all inputs", lambda: site.metric("backorderd_inputs_total") == fed, 60, pause=0.5)
        # Figures are read every 15 s, queue depths every 10.
        wait("fresh figures", lambda: site.metric("backorderd_discrepancies") == 1 and 'dead-letter"} 2' in site.get("/metrics")[1], 40, pause=0.5)
        metrics_checks(table, site, fed)
        telemetry_checks(table, site)
        endpoint_checks(table, site)
        page_checks(table, site)
        if options.shots or not options.store:  # what a browser makes of a page does not depend on the store
            browse(table, site, options.shots)
        trace_checks(table, daemon, url)
        link.close()
        broker_away(table, site, options)
        table.check("SIGTERM: exit 0", daemon.stop() == 0)
        log = open(daemon.log_path, errors="replace").read()
        table.check("the log has no contact, no password, nothing for each message", CONTACT not in log and "guest:guest" not in log and len(log.splitlines()) < 60, len(log.splitlines()))
        token_checks(table, options, directory, url)
        link = amqp_client.Connection(url, "dashboardtest")
        clear(link)
    finally:
        daemon.stop()
        link.close()
    table.done()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("binary", "node"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--store")
    parser.add_argument("--shots")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        run(options, directory)
