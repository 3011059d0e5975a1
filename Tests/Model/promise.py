"""Promised dates, and the sweep that re-makes them."""
from books import DAY, FOREVER, HOUR, in_bytes

WITHIN = 60_000     # "at most 60 s after the change"


class Promises:
    def __init__(self, books, rules, precedence, tell):
        self.books, self.rules, self.precedence, self.tell = books, rules, precedence, tell
        self.changed = {}       # sku -> when its supply or queue changed first since the last sweep
        self.swept_through = 0

    @property
    def handling(self):
        return int(self.rules.promise["handling_days"] * DAY)

    # What is true now

    def queue(self, sku):
        return self.precedence.sorted(line for line in self.books.lines(sku) if line.waiting)

    def expected(self, supply, now):
        """"Supply whose expected_at has passed counts as expected one day from now"."""
        return now + DAY if supply.is_overdue(now) else supply.expected_at

    def stand(self, sku, now):
        """Which supply each waiting line stands on: "the supply with which the cumulative quantity covers all waiting units ahead of it
        and its own". Answers [(line, supply or None, date or None)] by precedence."""
        def turn(supply):
            expected = self.expected(supply, now)
            return (FOREVER if expected is None else expected, supply.age(), in_bytes(supply.location))
        supplies = sorted((s for s in self.books.supplies if s.sku == sku and s.outstanding), key=turn)
        stands, ahead = [], 0
        for line in self.queue(sku):
            ahead += line.waiting
            cumulative, found = 0, None
            for supply in supplies:
                cumulative += supply.outstanding
                if cumulative >= ahead:
                    found = supply
                    break
            expected = self.expected(found, now) if found else None
            stands.append((line, found, None if expected is None else expected + self.handling))
        return stands

    def date(self, line, now):
        return next((date for other, _, date in self.stand(line.sku, now) if other is line), None)

    @staticmethod
    def note(line, date):
        """The customer was told a date."""
        line.promised_at = line.estimated_at = date
        if line.first_promised_at is None:
            line.first_promised_at = date

    # The sweep

    def passings(self):
        """(when, sku): supplies whose day passes, promises that pass unmet."""
        for supply in self.books.supplies:
            if supply.outstanding and supply.expected_at is not None and supply.expected_at > max(supply.created_at, self.swept_through):
                yield supply.expected_at, supply.sku
        for line in self.books.lines():
            if line.waiting and line.promised_at is not None:
                yield line.promised_at, line.sku

    def due(self, at_end=False):
        """When the next sweep is; at the end of the input only for what a message changed."""
        if at_end and not self.changed:
            return None
        changes = list(self.changed.values()) + [when for when, _ in self.passings()]
        return min(changes) + WITHIN if changes else None

    def sweep(self, now):
        skus = set(self.changed) | {sku for when, sku in self.passings() if when <= now}
        told, hurried = {}, []
        for sku in sorted(skus, key=in_bytes):
            stands = self.stand(sku, now)
            hurried += self.hurry(stands, now)
            for line, _, date in stands:
                line.estimated_at = date
                if self.is_news(line, now):
                    told.setdefault(line.order.id, []).append(line)
        self.swept_through = max(now, self.swept_through)
        self.changed.clear()
        for supply, promised_at in hurried:
            self.tell.expedite(supply, promised_at)
        for id in sorted(told, key=in_bytes):
            order = self.books.orders[id]
            later = [l for l in told[id] if l.promised_at is not None and (l.estimated_at is None or l.estimated_at > l.promised_at)]
            earlier = [l for l in told[id] if l not in later]
            for kind, lines in (("backorder-delayed", later), ("backorder-advanced", earlier)):
                if lines:
                    self.tell.moved(order, kind, [(line, line.waiting, line.promised_at) for line in sorted(lines, key=lambda l: l.index)])
                    for line in lines:
                        self.note(line, line.estimated_at)

    def is_news(self, line, now):
        """"by at least notify_after_hours, or a date appears or vanishes"; "a promise that passes unmet is such a change"."""
        old, new = line.promised_at, line.estimated_at
        if old is None or new is None:
            return old is not new
        return old != new and (abs(new - old) >= self.rules.promise["notify_after_hours"] * HOUR or old <= now)

    def hurry(self, stands, now):
        """"Where promised supply becomes overdue or later than a promise that stands on it, one reorder-expedite for each reorder and each
        new date"."""
        late = {}
        for line, supply, _ in stands:
            if supply is None or line.promised_at is None or supply.expected_at is None or supply.hurried == supply.expected_at:
                continue
            if (supply.kind == "reorder" or supply.reorder_id) and (
                    supply.is_overdue(now) or supply.expected_at + self.handling > line.promised_at):
                known = late.get(id(supply))
                late[id(supply)] = (supply, min(known[1], line.promised_at) if known else line.promised_at)
        for supply, _ in late.values():
            supply.hurried = supply.expected_at
        return list(late.values())
