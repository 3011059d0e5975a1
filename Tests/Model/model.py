"""The rules of semantics.md, read again from its text: a history goes in, outputs and the end state come out.

Slow and plain on purpose. Nothing here was taken from Sources.
"""
import json

from allocation import Allocation, total
from books import Books, HOUR, Line, Order, Supply, in_bytes, parse_time, write_time
from notices import Notices
from placing import Placing
from promise import Promises
from reorder import Reorders
from rules import Precedence, Rules
from shipping import Shipping
from supplying import Supplying

UNKNOWN_ORDER = ("shipment-dispatched", "order-cancelled", "order-released")
BUSINESS_KEYS = {"order-placed": "order_id", "stock-received": "receipt_id", "shipment-dispatched": "shipment_id",
                 "stock-adjusted": "adjustment_id", "inbound-scheduled": "inbound_id"}


class Invalid(Exception):
    pass


class Model(Placing, Shipping, Supplying):
    def __init__(self, config):
        self.books, self.rules, self.precedence = Books(config), Rules(config), Precedence(config)
        self.allocation = Allocation(self.books, self.precedence)
        self.tell = Notices(self.books)
        self.promises = Promises(self.books, self.rules, self.precedence, self.tell)
        self.tell.promises = self.promises
        self.reorders = Reorders(self.books, self.rules, self.precedence, self.tell)
        self.parking = config.get("worker", {}).get("parking_hours", 24) * HOUR
        self.parked = []        # (parked at, line number, message)
        self.ids, self.facts = set(), {}
        self.rejected = []      # {line, reason}
        self.invalid = Invalid

    # The history

    def run(self, messages):
        for number, message in enumerate(messages, 1):
            self.sweep_until(parse_time(message["time"]))
            self.take_in(number, message)
            self.books.audit()
        due = self.promises.due(at_end=True)
        if due is not None:
            self.sweep(due)
        return self.tell.out

    def sweep_until(self, moment):
        """"at change + 60 s of message time, before the next message that is later"."""
        due = self.promises.due()
        while due is not None and due < moment:
            self.sweep(due)
            due = self.promises.due()

    def sweep(self, now):
        self.tell.now, self.tell.cause = now, "timer"
        self.promises.sweep(now)

    def take_in(self, number, message):
        now = parse_time(message["time"])
        self.expire(now)
        fact, content = self.fact(message)
        if message["id"] in self.ids:
            return
        if fact and fact in self.facts:
            if self.facts[fact] != content:
                self.reject(number, "conflict")
            return
        try:
            self.handle(number, message, now)
        except Invalid:
            return self.reject(number, "invalid")
        self.ids.add(message["id"])
        if fact:
            self.facts[fact] = content

    @staticmethod
    def fact(message):
        """The business key with the type, and the content: "everything but `id`, `time`" (and the type, which is the envelope's)."""
        key = BUSINESS_KEYS.get(message["type"])
        content = json.dumps({k: v for k, v in message.items() if k not in ("id", "time", "type")}, sort_keys=True)
        if key is None:
            return None, content
        fact = (message["type"], message[key])
        return (fact + (parse_time(message["time"]),) if key == "inbound_id" else fact), content

    def reject(self, number, reason):
        self.rejected.append({"line": number, "reason": reason})

    def expire(self, now):
        for entry in [e for e in self.parked if now - e[0] >= self.parking]:
            self.parked.remove(entry)
            self.reject(entry[1], "expired")

    # One input

    def handle(self, number, message, now):
        kind = message["type"]
        if kind in UNKNOWN_ORDER and message["order_id"] not in self.books.orders:
            self.parked.append((now, number, message))
            return
        self.effect(message, now)

    def effect(self, message, now):
        """What one message does: its rule, then reorders, then the dates of its notices. The order's parked messages pass here each for
        itself, before the order does."""
        if message["type"] == "order-placed":
            self.arrive(message, now)
        books = self.books
        before = {sku: books.position_of(sku) for sku in books.skus()}
        queues = {sku: self.queue_and_supply(sku) for sku in books.skus()}
        self.tell.now, self.tell.cause = now, message["id"]
        books.touched.clear()
        getattr(self, "on_" + message["type"].replace("-", "_"))(message, now)
        for sku in self.in_order(message, before.keys()):
            if sku in books.touched or books.position_of(sku) != before.get(sku, ({}, [], [])):
                self.reorders.ask(sku, now)
        self.tell.fill_in_dates(lambda line: self.promises.date(line, now))
        for sku in books.skus():
            if self.queue_and_supply(sku) != queues.get(sku, ([], [])):
                self.promises.changed[sku] = min(now, self.promises.changed.get(sku, now))
        if message["type"] == "order-placed":
            self.apply_parked("order-released", message, now)

    def queue_and_supply(self, sku):
        return [(self.precedence.key(line), line.waiting) for line in self.promises.queue(sku)], self.books.supply_of(sku)

    def in_order(self, message, known):
        """The SKUs of a message in line order, then all others; also `known` ones of which nothing is left on the books."""
        lines = message.get("lines") or []
        order = self.books.orders.get(message.get("order_id"))
        if order and message["type"] != "order-placed":
            lines = [{"sku": line.sku} for line in order.lines]
        named = list(dict.fromkeys(line["sku"] for line in lines if "sku" in line))
        return named + sorted((self.books.skus() | set(known)) - set(named), key=in_bytes)

    # Telling who was filled

    def note_served(self, served, order, key, line=None, units=0):
        entry = served.setdefault(order.id, (key, order, {}))
        if line is not None:
            entry[2][id(line)] = entry[2].get(id(line), 0) + units

    def fill(self, skus, first=None, ready=()):
        """Freed units go to those who wait, then to held orders. `ready`: complete orders that wait no longer, whatever made it so."""
        served = {}
        for sku in skus:
            for key, line, units in self.allocation.fill(sku, first):
                self.note_served(served, line.order, key, line, units)
        for key, order in self.allocation.release_held(skus):
            self.note_served(served, order, key)
            for line in order.lines:
                self.note_served(served, order, key, line, line.allocated)
        for order in ready:
            if order.id not in served:
                self.note_served(served, order, self.precedence.key(order.lines[0]))
        for _, order, units in sorted(served.values(), key=lambda entry: entry[0]):
            self.tell_filled(order, [(line, units.get(id(line), 0)) for line in order.lines])

    def tell_filled(self, order, parts):
        """"For a `complete` order nothing is told until it is ready"; then its notices cover all of it that is allocated."""
        if order.ship == "complete":
            if order.waiting or not any(units > line.asked.get(place, 0) for line in order.lines for place, units in line.allocation.items()):
                return
            parts = [(line, line.allocated) for line in order.lines]
        parts = [(line, units) for line, units in parts if units]
        if parts:
            self.tell.notify(order, "backorder-filled", parts)
            self.tell.request(order)

    # The end state

    def state(self):
        books = self.books
        return {
            "stock": [{"sku": sku, "location": place, "on_hand": units, "allocated": books.allocated(sku, place)}
                      for (sku, place), units in sorted(books.on_hand.items(), key=lambda row: (in_bytes(row[0][0]), in_bytes(row[0][1])))],
            "orders": [self.order_state(books.orders[id]) for id in sorted(books.orders, key=in_bytes)],
            "back_orders": [{"order_id": line.order.id, "line_id": line.line_id, "sku": sku, "waiting": line.waiting, "place": place,
                             "promised_at": write_time(line.promised_at)}
                            for sku in sorted(books.skus(), key=in_bytes) for place, line in enumerate(self.promises.queue(sku), 1)],
            "supply": sorted(({"sku": s.sku, "id": s.id, "kind": s.kind, "location": s.location, "outstanding": s.outstanding,
                               "expected_at": write_time(s.expected_at), "reorder_id": s.reorder_id}
                              for s in books.supplies if s.outstanding), key=lambda s: json.dumps(s, sort_keys=True)),
            "discrepancies": sorted([kind, sku, place, units, message] for (kind, sku, place, message), units in books.discrepancies.items()),
        }

    @staticmethod
    def order_state(order):
        return {"order_id": order.id, "placed_at": write_time(order.placed_at), "lines": [
            {"line_id": l.line_id, "sku": l.sku, "ordered": l.ordered, "allocated": l.allocated, "waiting": l.waiting, "held": l.held,
             "dispatched": l.dispatched, "cancelled": l.cancelled, "refused": l.refused,
             "first_promised_at": write_time(l.first_promised_at), "promised_at": write_time(l.promised_at),
             "estimated_at": write_time(l.estimated_at)} for l in order.lines]}
