"""How units find stock, and how they lose it: order-placed step 1, filling, taking back."""
from fractions import Fraction


def total(parts):
    return sum(parts.values())


class Allocation:
    """Works on the books; tells nobody anything. `precedence` says who goes first."""

    def __init__(self, books, precedence):
        self.books, self.precedence = books, precedence

    # Looking for stock

    def source(self, wanted):
        """Where each of [(line, units)] would take units from: [(line, {location: units})]. Nothing is taken yet."""
        taken = {}
        one = self.one_location(wanted) if self.precedence.sourcing == "fewest-shipments" else None
        return [(line, self.source_line(line, units, taken, one)) for line, units in wanted]

    def free(self, sku, location, taken):
        return max(0, self.books.available(sku, location) - taken.get((sku, location), 0))

    def source_line(self, line, units, taken, one=None):
        """"from its pinned location only, if it has one; else from the first configured location that has enough for the whole
        line; else from several, in configured order, as much as each has"."""
        if line.pin:
            places = [line.pin]
        elif one:
            places = [one]
        else:
            places = self.books.locations(line.sku)
            whole = [place for place in places if self.free(line.sku, place, taken) >= units]
            places = whole[:1] or places
        return self.collect(line.sku, units, places, taken)

    def collect(self, sku, units, places, taken):
        parts = {}
        for place in places:
            part = min(units - total(parts), self.free(sku, place, taken))
            if part > 0:
                parts[place] = part
                taken[sku, place] = taken.get((sku, place), 0) + part
        return parts

    def one_location(self, wanted):
        """"the first location that can cover all the unpinned lines and those pinned to it, if there is one, serves them all"."""
        if all(line.pin for line, _ in wanted):
            return None
        for place in self.books.locations():
            needed = {}
            for line, units in wanted:
                if line.pin in (None, place):
                    needed[line.sku] = needed.get(line.sku, 0) + units
            if all(self.books.available(sku, place) >= units for sku, units in needed.items()):
                return place
        return None

    # Filling those who wait

    def fill(self, sku, first=None):
        """"waiting lines take what is available, by precedence, as much as each can, the receipt's own location first".

        Answers [(precedence key, line, units)] in the order of service. Keys are those of the moment the SKU's turn begins.
        """
        queue = sorted((self.precedence.key(line), line.index, line) for line in self.books.lines(sku) if line.waiting)
        places = ([first] if first else []) + [place for place in self.books.locations(sku) if place != first]
        if self.precedence.strategy == "fair-share":
            return self.fill_fairly(sku, queue, places)
        served = []
        for key, _, line in queue:
            units = self.give(line, line.waiting, places)
            if units:
                served.append((key, line, units))
        return served

    def give(self, line, units, places):
        """A waiting line takes up to so many units, from its pin or from these places in this order."""
        parts = self.collect(line.sku, units, [line.pin] if line.pin else places, {})
        for place, part in parts.items():
            line.add(place, part)
        line.waiting -= total(parts)
        return total(parts)

    def fill_fairly(self, sku, queue, places):
        """"what is available is divided in proportion to waiting quantity, whole units, largest remainder first, ties as above"."""
        served = {}
        while True:
            shares = self.shares(sku, [entry for entry in queue if entry[2].waiting], places)
            given = 0
            for key, index, line in sorted(queue, key=lambda entry: entry[2].pin is None):
                part = self.give(line, shares.get(id(line), 0), places)
                given += part
                if part:
                    served[id(line)] = (key, line, part + served.get(id(line), (0, 0, 0))[2])
            if not given:
                return sorted(served.values(), key=lambda entry: entry[0])

    def shares(self, sku, queue, places):
        """All that is available to these lines, divided among them at once."""
        queue = [entry for entry in queue if any(self.books.available(sku, p) > 0 for p in self.reach(entry[2], places))]
        reach = {place for entry in queue for place in self.reach(entry[2], places)}
        available = sum(max(0, self.books.available(sku, place)) for place in reach)
        wanted = sum(line.waiting for _, _, line in queue)
        if available >= wanted:
            return {id(line): line.waiting for _, _, line in queue}
        exact = {id(line): Fraction(available * line.waiting, wanted) for _, _, line in queue}
        shares = {name: int(part) for name, part in exact.items()}
        by_remainder = sorted(queue, key=lambda entry: (shares[id(entry[2])] - exact[id(entry[2])], entry[0]))
        for _, _, line in by_remainder[:available - sum(shares.values())]:
            shares[id(line)] += 1
        return shares

    @staticmethod
    def reach(line, places):
        return [line.pin] if line.pin else places

    def release_held(self, skus):
        """"Then held orders whose lines name one of those SKUs, by precedence, each only if all its units can be allocated now"."""
        held = [o for o in self.books.orders.values() if o.is_held and any(line.sku in skus for line in o.lines)]
        released = []
        for order in sorted(held, key=lambda o: self.precedence.key(o.lines[0])):
            key = self.precedence.key(order.lines[0])
            # Pinned lines first: "can be allocated" is asked of the order, not of its lines one by one.
            taken = {}
            parts = self.source(sorted(((line, line.held) for line in order.lines if line.held), key=lambda want: want[0].pin is None))
            if all(total(taken) == line.held for line, taken in parts):
                order.is_held = False
                for line, taken in parts:
                    line.held = 0
                    for place, units in taken.items():
                        line.add(place, units)
                released.append((key, order))
        return released

    # Taking back

    def take_back(self, sku):
        """"allocations there are taken back from the lowest precedence up, as many units as needed".

        Answers [(key, line, {location: units}, {location: units that had been asked for})] by precedence.
        """
        keys = {id(line): self.precedence.key(line) for line in self.books.lines(sku)}
        losers = {}
        for place in self.books.locations(sku):
            needed = -self.books.available(sku, place)
            there = [line for line in self.books.lines(sku) if line.allocation.get(place)]
            for line in sorted(there, key=lambda l: keys[id(l)], reverse=True):
                units = min(needed, line.allocation[place])
                if units > 0:
                    needed -= units
                    loser = losers.setdefault(id(line), (keys[id(line)], line, {}, {}))
                    loser[2][place] = units
                    asked = line.take(place, units, asked_first=False)
                    if asked:
                        loser[3][place] = asked
        return sorted(losers.values(), key=lambda loser: loser[0])

    def look_elsewhere(self, losers):
        """"then, by precedence, they look for another location, as a new line would, else wait". Answers {id(line): units that wait}."""
        waits = {}
        for _, line, lost, _ in losers:
            units = total(lost)
            (_, parts), = self.source([(line, units)])
            for place, part in parts.items():
                line.add(place, part)
            line.waiting += units - total(parts)
            waits[id(line)] = units - total(parts)
        return waits
