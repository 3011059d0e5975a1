#!/usr/bin/env python3
"""A small order history of the tests' own, with the end state that a correct run reaches. One seed, one history.

    make_history.py OUT [--orders 2000] [--skus 60] [--seed 7]

Writes opening.ndjson, events.ndjson and expected.json in the form that harness.py reads. First come, first served, one
location, about a third of the lines short when placed; a complete order is dispatched a little later.
"""
import argparse, datetime, hashlib, json, os, random, uuid

LOCATION = "WH1"


class Books:
    """What the end state must be, said as simply as can be."""

    def __init__(self, on_hand):
        self.on_hand, self.waiting, self.missing = dict(on_hand), {sku: [] for sku in on_hand}, {}
        self.allocated = dict.fromkeys(on_hand, 0)

    def place(self, order, lines):
        """Answers whether all of it is there."""
        self.missing[order] = 0
        for sku, quantity in lines:
            got = min(quantity, self.on_hand[sku] - self.allocated[sku])
            self.allocated[sku] += got
            if got < quantity:
                self.waiting[sku].append([order, quantity - got])
                self.missing[order] += quantity - got
        return self.missing[order] == 0

    def receive(self, sku, quantity):
        """Answers the orders that are complete now."""
        self.on_hand[sku] += quantity
        done = []
        while self.waiting[sku] and self.on_hand[sku] > self.allocated[sku]:
            first = self.waiting[sku][0]
            got = min(first[1], self.on_hand[sku] - self.allocated[sku])
            self.allocated[sku] += got
            first[1] -= got
            self.missing[first[0]] -= got
            if not first[1]:
                self.waiting[sku].pop(0)
            if not self.missing[first[0]]:
                done.append(first[0])
        return done

    def dispatch(self, lines):
        for sku, quantity in lines:
            self.on_hand[sku] -= quantity
            self.allocated[sku] -= quantity

    def digest(self):
        lines = (f"{sku}\t{self.on_hand[sku]}\t{self.allocated[sku]}\t{sum(w[1] for w in self.waiting[sku])}\n" for sku in sorted(self.on_hand))
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def make(orders, skus, seed):
    random_ = random.Random(seed)
    names = [f"SKU{i:04d}" for i in range(1, skus + 1)]
    opening = {sku: random_.randint(0, orders // skus // 2) for sku in names}
    books, events = Books(opening), []
    clock = datetime.datetime(2026, 3, 2, 8, tzinfo=datetime.timezone.utc)
    lines_of, ship_at = {}, {}

    def put(event):
        nonlocal clock
        clock += datetime.timedelta(milliseconds=random_.randint(200, 9000))
        identifier = str(uuid.UUID(int=random_.getrandbits(128), version=4))
        events.append({**event, "id": identifier, "time": clock.isoformat().replace("+00:00", "Z")})

    def later(order, step):
        ship_at.setdefault(step + random_.randint(2, 30), []).append(order)

    for step in range(1, orders + 40):
        if step <= orders:
            order = f"O{step:06d}"
            lines = [(sku, random_.randint(1, 4)) for sku in random_.sample(names, random_.randint(1, 3))]
            lines_of[order] = lines
            put({"type": "order-placed", "order_id": order, "customer": {"id": f"C{step % 97}"},
                 "lines": [{"line_id": str(i + 1), "sku": sku, "quantity": q} for i, (sku, q) in enumerate(lines)]})
            if books.place(order, lines):
                later(order, step)
        if step % 4 == 0:
            received = [(sku, random_.randint(3, 12)) for sku in random_.sample(names, 4)]
            put({"type": "stock-received", "receipt_id": f"R{step:06d}", "location": LOCATION,
                 "lines": [{"sku": sku, "quantity": q} for sku, q in received]})
            for sku, quantity in received:
                for order in books.receive(sku, quantity):
                    later(order, step)
        for order in ship_at.pop(step, []):
            put({"type": "shipment-dispatched", "shipment_id": f"S-{order}", "order_id": order, "location": LOCATION,
                 "carrier": "DHL", "tracking_number": f"T{order}",
                 "lines": [{"line_id": str(i + 1), "quantity": q} for i, (_, q) in enumerate(lines_of[order])]})
            books.dispatch(lines_of[order])
    return opening, events, books


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--skus", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    opening, events, books = make(options.orders, options.skus, options.seed)
    os.makedirs(options.out, exist_ok=True)
    receipts = [{"type": "stock-received", "id": f"opening-{sku}", "receipt_id": f"OPEN-{sku}", "location": LOCATION,
                 "time": "2026-03-02T07:00:00Z", "lines": [{"sku": sku, "quantity": q}]} for sku, q in opening.items() if q]
    for name, rows in (("opening", receipts), ("events", events)):
        with open(f"{options.out}/{name}.ndjson", "w") as file:
            file.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    types = [event["type"] for event in events]
    with open(f"{options.out}/expected.json", "w") as file:
        json.dump({"args": {"skus": options.skus}, "events": len(events), "digest": books.digest(),
                   "by_type": {name: types.count(name) for name in sorted(set(types))}}, file, indent=1)


if __name__ == "__main__":
    main()
