"""What the live tests and benchmarks share: the daemon as a process, a history, its outputs, its digest. Standard library only."""
import json, os, signal, subprocess, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../deploy/lib"))
import amqp_client, amqp_tool, digest  # noqa: E402,F401

INPUT, EXCHANGE, OUTPUT, DEAD = "backorderd.inbound", "orders", "backorder", "backorderd.dead-letter"
OUTPUTS = ["backorder.customer-notifications", "backorder.reorders", "backorder.fulfilment"]


def wait(text, condition, seconds, pause=0.05):
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise SystemExit(f"FAILED: waited {seconds} s for {text}")
        time.sleep(pause)
    return found


def watch_peak(pid):
    """Follows a process's peak memory; answers a function that tells it in MiB. (What wait4 tells begins with our own.)"""
    found = [0.0]

    def follow():
        while True:
            try:
                with open(f"/proc/{pid}/status") as file:
                    found[0] = max([found[0]] + [int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM")])
            except (OSError, ValueError):
                return
            time.sleep(0.02)
    threading.Thread(target=follow, daemon=True).start()
    return lambda: found[0]


class Daemon:
    """`backorderd run` with a store of its own under `directory`; stopped or killed, and started again. `url`: one, or a list."""

    def __init__(self, binary, url, directory, extra="", store=None):
        self.binary, self.directory, self.process = os.path.abspath(binary), directory, None
        self.config, self.log_path = f"{directory}/backorderd.yaml", f"{directory}/backorderd.log"
        os.makedirs(directory, exist_ok=True)
        with open(self.config, "w") as file:
            urls = json.dumps([url] if isinstance(url, str) else url)
            file.write(f"broker: {{urls: {urls}}}\nstore: {{url: \"{store or f'sqlite://{os.path.abspath(directory)}/store.db'}\"}}\n"
                       f"locations: [{{id: WH1}}]\noperations: {{listen: null}}\n{extra}")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("BACKORDERD_")}

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([self.binary, "run", "--config", self.config], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=self.environment)

    def check_alive(self):
        if self.process.poll() is not None:
            with open(self.log_path, errors="replace") as log:
                raise SystemExit(f"FAILED: the daemon ended by itself ({self.process.returncode}):\n" + "".join(log.readlines()[-15:]))

    def await_consuming(self, link, seconds=60):
        def consuming():
            self.check_alive()
            return (link.depth(INPUT) or (0, 0))[1] > 0
        wait("the daemon to consume", consuming, seconds)

    def kill(self):
        """kill -9. False: it had ended by itself before, which is a failure of its own."""
        alive = self.process.poll() is None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        return alive

    def stop(self, seconds=60):
        """SIGTERM; returns the exit code, which is to be 0."""
        if self.process is None or self.process.poll() is not None:
            return self.process and self.process.returncode
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise SystemExit(f"FAILED: the daemon did not leave within {seconds} s of SIGTERM")

    def usage(self):
        """(CPU seconds so far, peak memory in MiB)"""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        with open(f"/proc/{self.process.pid}/status") as file:
            peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), peak / 1024

    def show(self, what):
        run = subprocess.run([self.binary, "show", what, "--config", self.config, "--format", "json"], capture_output=True, text=True, env=self.environment)
        if run.returncode not in (0, 66):
            raise SystemExit(f"FAILED: backorderd show {what}: exit {run.returncode}: {run.stderr[-500:]}")
        return json.loads(run.stdout or "[]")

    def verify(self, table):
        run = subprocess.run([self.binary, "verify", "--config", self.config], capture_output=True, text=True, env=self.environment)
        table.check("verify is silent", run.returncode == 0 and not run.stdout, (run.stdout + run.stderr)[:500])

    def digest(self, history):
        return digest.digest(self.show("stock"), self.show("back-orders"), digest.skus_of(history.path))


class History:
    """What the workload generator or make_history.py wrote."""

    def __init__(self, path):
        self.path = path
        self.opening, self.events = (self.read(name) for name in ("opening", "events"))
        with open(f"{path}/expected.json") as file:
            self.expected = json.load(file)

    def read(self, name):
        with open(f"{self.path}/{name}.ndjson", "rb") as file:
            return file.read().splitlines()


def publish(url, lines, rate=None):
    link = amqp_client.Connection(url, "history")
    link.confirm()
    began = time.monotonic()

    def tick(count):
        if count % 50 == 0:
            time.sleep(max(0, began + count / rate - time.monotonic()))
    link.publish(map(amqp_tool.from_json, lines), EXCHANGE, 4000, tick if rate else None)
    if link.returned or link.nacked:
        raise SystemExit(f"FAILED: {len(link.returned)} messages returned, {link.nacked} refused by the broker")
    link.close()


def depths(link):
    """(ready in the input queue, ready in all output queues together)"""
    return (link.depth(INPUT) or (0, 0))[0], sum((link.depth(q) or (0, 0))[0] for q in OUTPUTS)


def await_quiet(link, daemon, quiet=3.0, seconds=900, pause=0.1):
    """Until the input is empty and the outputs stopped growing. Returns (the moment of the last change, outputs ready)."""
    last, before, end = time.monotonic(), None, time.monotonic() + seconds
    while True:
        daemon.check_alive()
        now = depths(link)
        if now != before:
            last, before = time.monotonic(), now
        elif now[0] == 0 and time.monotonic() - last >= quiet:
            return last, now[1]
        if time.monotonic() > end:
            raise SystemExit(f"FAILED: not done after {seconds} s: {now[0]} messages in the input, {now[1]} outputs")
        time.sleep(pause)


def drain(url, queues):
    link, found = amqp_client.Connection(url, "drain"), []
    queues = [queue for queue in queues if link.depth(queue) is not None]
    amqp_tool.take(link, queues, 1.0, found.append)
    link.close()
    return found


def clear(link):
    for queue in [INPUT, DEAD, *OUTPUTS]:
        if link.depth(queue):
            link.purge(queue)


class Table:
    """Checks, told one a line; `done` ends the program with 1 if one of them failed."""

    def __init__(self):
        self.failed = 0

    def check(self, name, good, detail=""):
        self.failed += not good
        print(f"{'ok    ' if good else 'FAILED'}  {name}{'  ' + str(detail) if detail != '' else ''}", flush=True)

    def done(self):
        print(f"{self.failed} checks failed" if self.failed else "All checks hold.")
        sys.exit(1 if self.failed else 0)


def check_outputs(table, history, messages, dead, input_left, may_overtake=False):
    """The rules that hold for the outputs of any run of the history, however often it was killed.

    may_overtake: a shipment may have come before its order; an order that was shipped before it came is not told that it was
    placed.
    """
    bodies, differing = {}, set()
    for message in messages:
        name = json.loads(message.body)["id"]
        if bodies.setdefault(name, message.body) != message.body:
            differing.add(name)
    parsed = {name: json.loads(body) for name, body in bodies.items()}
    table.check("outputs", bool(parsed), f"{len(parsed)} different, {len(messages) - len(parsed)} repeated")
    table.check("one body for each output id", not differing, sorted(differing)[:3] or "")
    def key(e):
        return f"{e['type']}.{e['kind']}" if e["type"] == "customer-notification" else e["type"]
    wrong_key = [m.routing_key for m in messages if m.routing_key != key(json.loads(m.body))]
    table.check("routing keys match", not wrong_key, wrong_key[:3] or "")
    sequences, placing, shipped = {}, {}, {}
    for e in parsed.values():
        # A reorder concerns a SKU; only what names an order carries a sequence.
        if "order_id" in e:
            sequences.setdefault(e["order_id"], []).append(e.get("sequence"))
        if e.get("kind") in ("order-confirmed", "order-backordered", "order-held", "order-refused"):
            placing.setdefault(e["order_id"], []).append(e["kind"])
        if e.get("kind") == "order-dispatched":
            shipped[e["shipment_id"]] = shipped.get(e["shipment_id"], 0) + 1
    gaps = [o for o, s in sequences.items() if sorted(s, key=lambda n: n or 0) != list(range(1, len(s) + 1))]
    table.check("sequence 1…n without gap in every order", not gaps, f"{len(gaps)} with gaps: {gaps[:3]}" if gaps else f"{len(sequences)} orders")
    events = [json.loads(line) for line in history.events]
    orders = {e["order_id"] for e in events if e["type"] == "order-placed"}
    shipments = {e["shipment_id"] for e in events if e["type"] == "shipment-dispatched"}
    before = set()
    if may_overtake:
        units = {e["order_id"]: sum(line["quantity"] for line in e["lines"]) for e in events if e["type"] == "order-placed"}
        before = {e["order_id"] for e in parsed.values() if e.get("kind") == "order-dispatched" and e["sequence"] == 1
                  and sum(line["quantity"] for line in e["lines"]) == units.get(e["order_id"])}
    bad = [o for o in orders if len(placing.get(o, [])) != (0 if o in before else 1)] + [o for o in placing if o not in orders]
    told = f"{len(orders)} orders" + (f", {len(before)} of them shipped before they came" if may_overtake else "")
    table.check("one placing notice for each order", not bad, f"{len(bad)} without exactly one: {sorted(bad)[:3]}" if bad else told)
    bad = [s for s in shipments if shipped.get(s) != 1] + [s for s in shipped if s not in shipments]
    table.check("one order-dispatched for each shipment", not bad, f"{len(bad)} without exactly one: {sorted(bad)[:3]}" if bad else f"{len(shipments)} shipments")
    table.check("input queue empty", input_left == 0, input_left or "")
    reasons = sorted({str(m.properties.get("headers", {}).get("x-backorder-reason")) for m in dead})
    table.check("no dead letters", not dead, f"{len(dead)}: {reasons}" if dead else "")
    return parsed
