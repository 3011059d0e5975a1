"""What is known: stock, orders, supply. Plain data, and the sums the rules are worded in.

Everything that can be summed up is summed up on every question, not kept: slow, and nothing can run apart.
"""
import datetime

SECOND, HOUR, DAY = 1000, 3_600_000, 86_400_000
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
FOREVER = 1 << 62


def parse_time(text):
    """Times are RFC 3339 with a zone; here whole milliseconds since 1970."""
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return (moment - EPOCH) // datetime.timedelta(milliseconds=1)


def write_time(moment):
    """Written times are UTC, millisecond precision."""
    if moment is None:
        return None
    whole = EPOCH + datetime.timedelta(milliseconds=moment)
    return whole.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment % 1000:03d}Z"


def in_bytes(text):
    """Identifiers are compared byte for byte."""
    return text.encode()


class Line:
    """One line of an order. `ordered = allocated + waiting + held + dispatched + cancelled + refused`.

    `fresh` units are those of an order just arriving: they have looked for no stock yet.
    `allocation` is kept by location; `asked` is the part of it that a fulfilment-requested named.
    """

    def __init__(self, order, index, line_id, sku, quantity, pin):
        self.order, self.index, self.line_id, self.sku, self.ordered, self.pin = order, index, line_id, sku, quantity, pin
        self.fresh = quantity
        self.waiting = self.held = self.dispatched = self.cancelled = self.refused = 0
        self.allocation, self.asked = {}, {}
        self.first_promised_at = self.promised_at = self.estimated_at = None

    @property
    def allocated(self):
        return sum(self.allocation.values())

    def add(self, location, units):
        if units:
            self.allocation[location] = self.allocation.get(location, 0) + units

    def take(self, location, units, asked_first):
        """Takes units off the allocation at a location; answers how many of them had been asked for."""
        asked, held_back = self.asked.get(location, 0), self.allocation[location] - self.asked.get(location, 0)
        gone = min(asked, units) if asked_first else max(0, units - held_back)
        self.allocation[location] -= units
        self.asked[location] = asked - gone
        for book in (self.allocation, self.asked):
            if not book.get(location):
                book.pop(location, None)
        return gone

    def sums_up(self):
        total = self.fresh + self.allocated + self.waiting + self.held + self.dispatched + self.cancelled + self.refused
        return total == self.ordered or (total > self.ordered and self.dispatched)


class Order:
    def __init__(self, message, now):
        self.id = message["order_id"]
        self.customer = message.get("customer")
        self.segment = (self.customer or {}).get("segment")
        self.placed_at = parse_time(message["placed_at"]) if message.get("placed_at") else now
        self.requested_by = parse_time(message["requested_by"]) if message.get("requested_by") else None
        self.priority, self.ship, self.sequence, self.is_held = 0, "partial", 0, False
        self.lines = [Line(self, i, l.get("line_id") or str(i + 1), l["sku"], int(l["quantity"]), l.get("location"))
                      for i, l in enumerate(message["lines"])]

    @property
    def waiting(self):
        return sum(line.waiting for line in self.lines)

    def named(self, line_id):
        return next((line for line in self.lines if line.line_id == line_id), None)


class Supply:
    """A reorder or an inbound: an outstanding quantity of a SKU at a location, and when it is expected."""

    def __init__(self, kind, id, sku, location, supplier, quantity, expected_at, created_at, reorder_id=None):
        self.kind, self.id, self.sku, self.location, self.supplier = kind, id, sku, location, supplier
        self.quantity = self.outstanding = quantity
        self.expected_at, self.created_at, self.reorder_id = expected_at, created_at, reorder_id
        self.took = 0           # of the reorder's outstanding units
        self.hurried = None     # the day purchasing was asked to hurry for

    def is_overdue(self, now):
        return self.expected_at is not None and self.expected_at <= now

    def age(self):
        """Oldest: by expected_at, none last, then id."""
        return (FOREVER if self.expected_at is None else self.expected_at, in_bytes(self.id))


class Books:
    """The state, and the questions the rules ask of it."""

    def __init__(self, config):
        self.configured = [entry["id"] for entry in config.get("locations", [{"id": "WH-1"}, {"id": "WH-2"}])]
        self.on_hand = {}       # (sku, location) -> units; a row stays once it is there
        self.orders = {}        # by id, in the order of arrival
        self.supplies = []
        self.deficits = {}      # (sku, location) -> [[dispatched_at, units]]
        self.discrepancies = {} # (kind, sku, location, message) -> units
        self.touched = set()    # SKUs that this input changed although their numbers may be the same
        self.lead_times = {}    # supplier -> [milliseconds]

    def lines(self, sku=None):
        return [line for order in self.orders.values() for line in order.lines if sku is None or line.sku == sku]

    def allocated(self, sku, location):
        return sum(line.allocation.get(location, 0) for line in self.lines(sku))

    def available(self, sku, location):
        return self.on_hand.get((sku, location), 0) - self.allocated(sku, location)

    def locations(self, sku=None):
        """The configured order; locations with stock that the config does not list come after those it does, by name."""
        others = {place for (of, place) in self.on_hand if sku in (None, of) and place not in self.configured}
        return self.configured + sorted(others, key=in_bytes)

    def rank(self, location):
        """Where a location stands in that order."""
        if location in self.configured:
            return (self.configured.index(location), b"")
        return (len(self.configured), in_bytes(location))

    def waiting(self, sku):
        return sum(line.waiting for line in self.lines(sku))

    def outstanding(self, sku):
        return sum(supply.outstanding for supply in self.supplies if supply.sku == sku)

    def row(self, sku, location):
        """The row of stock, made when something is put or taken there."""
        self.on_hand.setdefault((sku, location), 0)
        return (sku, location)

    def skus(self):
        return {sku for sku, _ in self.on_hand} | {line.sku for line in self.lines()} | {supply.sku for supply in self.supplies}

    def position_of(self, sku):
        """What a reorder looks at: stock, demand and supply."""
        stock = {place: (units, self.allocated(sku, place)) for (of, place), units in self.on_hand.items()
                 if of == sku and (units or self.allocated(sku, place))}
        return stock, [(line.order.id, line.line_id, line.waiting) for line in self.lines(sku) if line.waiting], self.supply_of(sku)

    def supply_of(self, sku):
        return sorted((s.id, s.location, s.outstanding, s.expected_at or 0, s.expected_at is None)
                      for s in self.supplies if s.sku == sku and s.outstanding)

    def note(self, kind, sku, location, units, message):
        key = (kind, sku, location, message)
        self.discrepancies[key] = self.discrepancies.get(key, 0) + units

    def audit(self):
        """The invariants of the section `State`, after every input."""
        for line in self.lines():
            assert line.fresh == 0 and line.sums_up(), f"{line.order.id}/{line.line_id} does not add up: {vars(line)}"
            assert all(line.asked.get(p, 0) <= n for p, n in line.allocation.items())
            for location in [line.pin] if line.pin else self.locations(line.sku):
                assert not (line.waiting and self.available(line.sku, location) > 0), "not work-conserving"
        for sku, location in self.on_hand:
            assert 0 <= self.allocated(sku, location) <= self.on_hand[sku, location]
