"""The shop and the warehouse of the chaos test: what is published, what comes back, and what must then be true. Standard library only.

Nothing here depends on the order in which workers take messages: an order is shipped when (and exactly as) a
fulfilment-requested asks for it, and one that is cancelled is never shipped. So the sums of each SKU at the end follow
from what was published alone.
"""
import collections, datetime, hashlib, json, random, threading, time, zlib

from harness import DEAD, EXCHANGE, INPUT, OUTPUTS, amqp_client, amqp_tool

LOCATIONS = ("WH1", "WH2")
PLACING = ("order-confirmed", "order-backordered", "order-held", "order-refused")
BROKEN = (b"no JSON at all, %d", b'{"type":"order-placed","id":"broken-%d","order_id":"","lines":[]}')


def fate(order):
    """What becomes of an order is in its name, for whoever meets it."""
    number = zlib.crc32(order.encode()) % 100
    return "cancelled" if number < 8 else "left" if number < 16 else "shipped"


class Shop:
    def __init__(self, urls, seed, skus=150, backlog=600, rate=None):
        self.urls, self.seed, self.backlog, self.rate = urls, seed, backlog, rate
        self.chance, self.skus = random.Random(seed), [f"SKU{n:04d}" for n in range(1, skus + 1)]
        self.weights = [1 / (n + 3) for n in range(skus)]
        self.lock, self.threads, self.ending, self.ended, self.trouble = threading.Lock(), [], False, False, []
        # Published, each once however often it was sent.
        self.orders, self.received, self.shipped = {}, collections.Counter(), collections.Counter()
        self.cancelled, self.shipments, self.broken, self.published, self.repeated = set(), set(), set(), 0, 0
        self.sent_at = {}
        # Come back.
        self.bodies, self.differing, self.outputs, self.wrong_keys = {}, [], 0, []
        self.sequences, self.placing = collections.defaultdict(list), collections.defaultdict(list)
        self.dispatched, self.cancellations = collections.Counter(), collections.Counter()
        self.to_ship, self.marks, self.last_new = collections.deque(), [], time.monotonic()

    # What is published

    def event(self, kind, identifier, **rest):
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return json.dumps({"type": kind, "id": identifier, "time": now, **rest}, separators=(",", ":")).encode()

    def lines(self, low, high):
        names = dict.fromkeys(self.chance.choices(self.skus, self.weights, k=self.chance.randint(1, 3)))
        return [{"sku": name, "quantity": self.chance.randint(low, high)} for name in names]

    def batch(self):
        """Some messages of every kind, shuffled: a cancellation may well come before its order."""
        events = []
        for _ in range(60):
            order = f"O{len(self.orders) + 1:07d}"
            lines = self.orders[order] = self.lines(1, 4)
            events.append(self.event("order-placed", f"placed-{order}", order_id=order, lines=lines, customer={"id": f"C{len(self.orders) % 97}"}))
            if fate(order) == "cancelled":
                self.cancelled.add(order)
                events.append(self.event("order-cancelled", f"cancel-{order}", order_id=order))
            if len(self.orders) % 4 == 0:
                lines = self.lines(6, 14)
                for line in lines:
                    self.received[line["sku"]] += line["quantity"]
                events.append(self.event("stock-received", f"receipt-{order}", receipt_id=f"R-{order}", location=self.chance.choice(LOCATIONS), lines=lines))
        self.chance.shuffle(events)
        if self.chance.random() < 0.2:
            broken = self.chance.choice(BROKEN) % len(self.orders)
            self.broken.add(broken)
            events.append(broken)
        if self.chance.random() < 0.5:
            # A sender that was not sure sends again.
            events += self.chance.sample(events, 3)
            self.repeated += 3
        return events

    def shipping(self):
        events = []
        while self.to_ship and len(events) < 500:
            request = self.to_ship.popleft()
            shipment = f"S-{request['id']}"
            self.shipments.add(shipment)
            for line in request["lines"]:
                self.shipped[line["sku"]] += line["quantity"]
            events.append(self.event("shipment-dispatched", shipment, shipment_id=shipment, order_id=request["order_id"],
                                     location=request["location"], carrier="DHL", tracking_number=request["id"][:8],
                                     lines=[{"line_id": line["line_id"], "quantity": line["quantity"]} for line in request["lines"]]))
        return events

    # The threads

    def start(self):
        for work in (self.publish, self.collect):
            thread = threading.Thread(target=self.persistently, args=(work,), daemon=True)
            thread.start()
            self.threads.append(thread)

    def persistently(self, work):
        state = {}
        while not self.ended:
            for url in self.urls:
                try:
                    link = amqp_client.Connection(url, f"chaos {work.__name__}", timeout=3)
                    link.socket.settimeout(20)
                    work(link, state)
                    link.close()
                    return
                except (OSError, amqp_client.AMQPError):
                    time.sleep(0.05)  # the broker is away, or one of its nodes
                except Exception as error:  # a fault of this test must not look like silence
                    self.trouble.append(f"{work.__name__}: {error!r}")
                    return

    def publish(self, link, state):
        link.confirm()
        while not self.ended:
            if not state.get("batch"):
                events = self.shipping()
                if not self.ending:
                    events += self.batch()
                state["batch"] = events
            batch = state["batch"]
            if not batch:
                time.sleep(0.02)
                continue
            while (link.depth(INPUT) or (0, 0))[0] > self.backlog and not self.ended:
                time.sleep(0.05)
            began = time.monotonic()
            link.publish(map(message, batch), EXCHANGE)
            if link.returned or link.nacked:
                link.returned, link.nacked = [], 0
                continue  # sent again as a whole: an id may come twice
            self.published += len(batch)
            for body in batch:
                if body.startswith(b'{"type":"order-placed","id":"placed-'):
                    self.sent_at[body[36:44].decode()] = began
            state["batch"] = None
            if self.rate and not self.ending:
                time.sleep(max(0, began + len(batch) / self.rate - time.monotonic()))

    def collect(self, link, _):
        for queue in OUTPUTS:
            link.consume(queue)
        while not self.ended:
            found = link.messages(0.2)
            for output in found:
                self.take(output)
            if found:
                link.ack(found[-1].tag)

    def take(self, output):
        self.outputs += 1
        e = json.loads(output.body)
        name, digest = e["id"], hashlib.sha1(output.body).digest()
        if (known := self.bodies.get(name)) is not None:
            if known != digest:
                self.differing.append(name)
            return
        self.bodies[name], self.last_new = digest, time.monotonic()
        self.note(e["order_id"] if e.get("kind") in PLACING else None)
        kind = e.get("kind")
        if output.routing_key != (f"customer-notification.{kind}" if kind else e["type"]):
            self.wrong_keys.append(output.routing_key)
        order = e.get("order_id")
        if order is not None:
            self.sequences[order].append(e.get("sequence"))
        if kind in PLACING:
            self.placing[order].append(kind)
        elif kind == "order-dispatched":
            self.dispatched[e["shipment_id"]] += 1
        elif kind == "order-cancelled":
            self.cancellations[order] += 1
        elif e["type"] == "fulfilment-requested" and fate(order) == "shipped":
            self.to_ship.append(e)

    # How long it takes until work goes on

    def mark(self):
        """From now on: when does anything new come back, and when is an order, published after this, answered?"""
        mark = {"at": time.monotonic(), "again": None, "through": None}
        with self.lock:
            self.marks.append(mark)
        return mark

    def note(self, order):
        if not self.marks:
            return
        sent, now = self.sent_at.get(order, 0), time.monotonic()
        with self.lock:
            for mark in list(self.marks):
                mark["again"] = mark["again"] or now - mark["at"]
                if sent >= mark["at"]:
                    mark["through"] = now - mark["at"]
                    self.marks.remove(mark)

    # The end

    def missing(self):
        """What has to come yet: (placing notices, notices of shipments, notices of cancellations, requests to ship)"""
        placed = sum(1 for o in list(self.orders) if o not in self.placing and o not in self.cancelled)
        return placed, len(self.shipments) - len(self.dispatched), len(self.cancelled) - len(self.cancellations), len(self.to_ship)

    def finish(self, alive, seconds=300):
        """No new orders; until everything is answered, or nothing has come for long."""
        self.ending, end = True, time.monotonic() + seconds
        while time.monotonic() < end:
            alive()
            if self.trouble or not any(self.missing()) and time.monotonic() - self.last_new > 3:
                break
            time.sleep(0.2)
        # Repeats of a worker that died come within its lease.
        time.sleep(3)

    def close(self):
        self.ended = True
        for thread in self.threads:
            thread.join(30)

    def check(self, table, worker, dead, input_left):
        """worker: for its `show`; dead: the dead letters."""
        def none(name, bad, detail=""):
            bad = list(bad)
            table.check(name, not bad, f"{len(bad)}: {bad[:3]}" if bad else detail)
        none("the test itself had no trouble", self.trouble)
        table.check("published", self.published > 0, f"{self.published} messages, {len(self.orders)} orders, {len(self.shipments)} shipments, {self.repeated} on purpose twice")
        table.check("outputs", bool(self.bodies), f"{len(self.bodies)} different, {self.outputs - len(self.bodies)} repeated")
        none("one body for each output id", self.differing)
        none("routing keys match", self.wrong_keys)
        none("sequence 1…n without gap in every order", (o for o, s in self.sequences.items() if sorted(s) != list(range(1, len(s) + 1))), f"{len(self.sequences)} orders")
        none("one placing notice for each order", [o for o in self.orders if len(self.placing.get(o, [])) != 1 and not (o in self.cancelled and o not in self.placing)]
             + [o for o in self.placing if o not in self.orders])
        none("one order-dispatched for each shipment", [s for s in self.shipments if self.dispatched[s] != 1] + [s for s in self.dispatched if s not in self.shipments])
        none("one order-cancelled for each cancellation", [o for o in self.cancelled if self.cancellations[o] != 1] + [o for o in self.cancellations if o not in self.cancelled])
        table.check("input queue empty", input_left == 0, input_left or "")
        wrong = [m.body[:60] for m in dead if m.body not in self.broken]
        none("no dead letter but the broken messages", wrong)
        none("every broken message is a dead letter", self.broken - {m.body for m in dead}, f"{len(self.broken)} broken messages")
        self.check_sums(table, worker)

    def check_sums(self, table, worker):
        stock, waiting = collections.defaultdict(lambda: [0, 0]), collections.Counter()
        for row in worker.show("stock"):
            stock[row["sku"]][0] += row["on_hand"]
            stock[row["sku"]][1] += row["allocated"]
        for row in worker.show("back-orders"):
            waiting[row["sku"]] += row["waiting"]
        demand = collections.Counter()
        for order, lines in self.orders.items():
            for line in lines if order not in self.cancelled else ():
                demand[line["sku"]] += line["quantity"]
        wrong = []
        for sku in self.skus:
            on_hand, open_ = self.received[sku] - self.shipped[sku], demand[sku] - self.shipped[sku]
            expected = (on_hand, min(on_hand, open_), open_ - min(on_hand, open_))
            if (found := (*stock[sku], waiting[sku])) != expected:
                wrong.append(f"{sku}: on hand, allocated, waiting {found}, not {expected}")
        table.check("stock and back orders are what was published", not wrong, f"{len(wrong)} wrong: {wrong[:2]}" if wrong else f"{len(self.skus)} SKUs, {sum(self.received.values())} units received, {sum(self.shipped.values())} shipped")


def message(body):
    if body.startswith(b'{"type"'):
        return amqp_tool.from_json(body)
    return "order-placed", {"delivery_mode": 2, "content_type": "application/json"}, body


def dead_letters(link):
    found = []
    if link.depth(DEAD) is not None:
        amqp_tool.take(link, [DEAD], 1.0, found.append)
    return found
