"""Reorders: when more is asked for, how much, and when it is expected."""
import math

from books import DAY, Supply, in_bytes


class Reorders:
    def __init__(self, books, rules, precedence, tell):
        self.books, self.rules, self.precedence, self.tell = books, rules, precedence, tell
        self.counts = {}

    def ask(self, sku, now):
        """"position = on_hand − allocated − waiting + on_order, over all locations. If position ≤ point: ask for up_to − position, raised to
        `minimum`, rounded up to `multiple`; nothing if up_to − position ≤ 0"."""
        books = self.books
        on_hand = sum(units for (of, _), units in books.on_hand.items() if of == sku)
        allocated = sum(line.allocated for line in books.lines(sku))
        waiting, on_order = books.waiting(sku), books.outstanding(sku)
        position = on_hand - allocated - waiting + on_order
        levels = self.rules.item(sku, "reorder")[1] or {}
        wanted = levels.get("up_to", 0) - position
        if position > levels.get("point", 0) or wanted <= 0:
            return
        multiple = levels.get("multiple", 1)
        units = math.ceil(max(wanted, levels.get("minimum", 0)) / multiple) * multiple
        queue = self.precedence.sorted(line for line in books.lines(sku) if line.waiting)
        self.counts[sku] = self.counts.get(sku, 0) + 1
        supply = Supply("reorder", f"RO-{sku}-{self.counts[sku]:07d}", sku, self.location(sku, queue), self.rules.supplier(sku), units,
                        self.expected_at(sku, now), now)
        books.supplies.append(supply)
        self.tell.reorder(supply, "back-order" if waiting else "reorder-point",
                          {"on_hand": on_hand, "allocated": allocated, "backordered": waiting, "on_order": on_order},
                          [{"order_id": l.order.id, "line_id": l.line_id, "quantity": l.waiting} for l in queue[:100]])

    def location(self, sku, queue):
        """"the pin of the first waiting line by precedence, else the first configured location, else the one with most on hand, else
        `default`"."""
        if queue and queue[0].pin:
            return queue[0].pin
        if self.books.configured:
            return self.books.configured[0]
        stocked = [(-units, in_bytes(place), place) for (of, place), units in self.books.on_hand.items() if of == sku and units]
        return min(stocked)[2] if stocked else "default"

    def expected_at(self, sku, now):
        """"the item's, else the supplier's, else what was observed ..., else the default, else null"."""
        supplier = self.rules.supplier(sku)
        days = self.rules.item(sku, "lead_time_days")[1]
        if days is None and supplier is not None:
            days = self.rules.suppliers.get(supplier, {}).get("lead_time_days")
        if days is None and supplier is not None:
            observed = self.observed(supplier)
            if observed is not None:
                return now + observed
        if days is None:
            days = self.rules.promise["default_lead_time_days"]
        return None if days is None else now + int(days * DAY)

    def observed(self, supplier):
        """"the k-th smallest of n, k = ⌈promise_quantile·(n+1)⌉, needing k ≤ n and n ≥ 5"."""
        seen = sorted(self.books.lead_times.get(supplier, []))
        k = math.ceil(round(self.rules.promise["promise_quantile"] * (len(seen) + 1), 9))
        return seen[k - 1] if len(seen) >= 5 and 1 <= k <= len(seen) else None
