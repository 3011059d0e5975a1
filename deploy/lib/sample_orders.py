#!/usr/bin/env python3
"""A morning in a small outdoor shop, as messages for the quickstart: one JSON body a line, in order.

    sample_orders.py [--more N]      N further orders after the story, drawn with a fixed seed
"""
import argparse, json, random
from datetime import datetime, timedelta, timezone

PEOPLE = ["anna", "ben", "clara", "dario", "emma", "finn", "greta", "hugo", "ida", "jonas"]
ITEMS = ["TENT-2P", "STOVE-S", "MAT-XL", "ROPE-30", "SOCK-M", "MUG-TI"]


class Shop:
    def __init__(self):
        self.clock, self.count, self.lines = datetime.now(timezone.utc) - timedelta(hours=1), 0, []

    def say(self, kind, **keys):
        self.clock += timedelta(seconds=40)
        self.count += 1
        message = {"type": kind, "id": f"m-{self.count:03d}", "time": self.clock.isoformat(timespec="seconds").replace("+00:00", "Z"), **keys}
        self.lines.append(json.dumps(message))

    def order(self, number, person, *lines, **keys):
        self.say("order-placed", order_id=number, customer={"id": f"C-{person}", "contact": f"{person}@example.org", "segment": "web"},
                 lines=[{"sku": sku, "quantity": quantity} for sku, quantity in lines], **keys)

    def receive(self, number, *lines, **keys):
        self.say("stock-received", receipt_id=number, location="WH-1", lines=[{"sku": s, "quantity": q} for s, q in lines], **keys)

    def ship(self, number, order, *lines):
        self.say("shipment-dispatched", shipment_id=number, order_id=order, location="WH-1", carrier="DHL", tracking_number=f"JD0{number[2:]}",
                 lines=[{"sku": sku, "quantity": quantity} for sku, quantity in lines])


def story(shop):
    # Opening stock.
    shop.receive("R-1", ("TENT-2P", 2), ("STOVE-S", 6), ("MAT-XL", 12))
    shop.receive("R-2", ("ROPE-30", 8), ("SOCK-M", 30), ("LAMP-H", 3), ("MUG-TI", 10))
    # All there.
    shop.order("O-1001", "anna", ("TENT-2P", 1), ("STOVE-S", 1))
    placed = shop.lines[-1]
    shop.order("O-1002", "ben", ("SOCK-M", 3), ("MUG-TI", 2))
    # One tent is left, two are wanted: one waits, and purchasing is asked.
    shop.order("O-1003", "clara", ("TENT-2P", 2))
    shop.order("O-1004", "dario", ("TENT-2P", 1), ("MAT-XL", 2))
    # Not out yet: held until a clerk or the customer says wait.
    shop.order("O-1005", "emma", ("PRE-STOVE-2", 1))
    # Discontinued: three are left, what is beyond is refused.
    shop.order("O-1006", "finn", ("LAMP-H", 5))
    # The same message once more, as brokers do now and then: no effect.
    shop.lines.append(placed)
    # A broken one: to the dead letters, with field and cause.
    shop.order("O-1099", "greta", ("TENT-2P", 2.5))
    # Takes mats below their reorder point.
    shop.order("O-1007", "greta", ("MAT-XL", 7))
    shop.ship("S-5501", "O-1001", ("TENT-2P", 1), ("STOVE-S", 1))
    shop.ship("S-5502", "O-1002", ("SOCK-M", 3), ("MUG-TI", 2))
    shop.order("O-1008", "hugo", ("STOVE-S", 4))
    shop.order("O-1009", "ida", ("STOVE-S", 3), ("ROPE-30", 1))
    # The supplier tells when the tents come.
    expected = (datetime.now(timezone.utc) + timedelta(days=5)).strftime("%Y-%m-%dT09:00:00Z")
    shop.say("inbound-scheduled", inbound_id="IN-77", location="WH-1", supplier="NORDIC", expected_at=expected, lines=[{"sku": "ROPE-30", "quantity": 20}])
    shop.order("O-1010", "jonas", ("ROPE-30", 9))
    # One changes her mind, which frees nothing but a place in the queue.
    shop.say("order-cancelled", order_id="O-1009", lines=[{"sku": "STOVE-S", "quantity": 1}], reason="found one in the attic")
    # Tents arrive: clara first, then dario.
    shop.receive("R-3", ("TENT-2P", 6), supplier="NORDIC")
    shop.ship("S-5503", "O-1003", ("TENT-2P", 2))
    shop.ship("S-5504", "O-1004", ("TENT-2P", 1), ("MAT-XL", 2))
    shop.say("order-released", order_id="O-1005", decision="wait")
    shop.say("stock-adjusted", adjustment_id="A-1", location="WH-1", lines=[{"sku": "MUG-TI", "delta": -1}], reason="dropped")
    shop.receive("R-4", ("STOVE-S", 4), ("MAT-XL", 18), supplier="ALPEN")
    shop.ship("S-5505", "O-1006", ("LAMP-H", 3))
    shop.ship("S-5506", "O-1007", ("MAT-XL", 7))
    shop.ship("S-5507", "O-1008", ("STOVE-S", 4))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--more", type=int, default=12)
    more, shop, chance = parser.parse_args().more, Shop(), random.Random(7)
    story(shop)
    for number in range(more):
        shop.order(f"O-{1100 + number}", chance.choice(PEOPLE), (chance.choice(ITEMS), chance.choice([1, 1, 1, 2, 3])))
    print("\n".join(shop.lines))


if __name__ == "__main__":
    main()
