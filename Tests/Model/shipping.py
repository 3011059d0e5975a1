"""shipment-dispatched and stock-adjusted: what left, what was counted, and what is taken back for it."""
from allocation import total
from books import parse_time


class Shipping:
    def named_lines(self, order, named):
        if named.get("line_id") is not None:
            lines = [line for line in order.lines if line.line_id == named["line_id"]]
        else:
            lines = [line for line in order.lines if line.sku == named.get("sku")]
        if not lines:
            raise self.invalid
        return lines

    def on_shipment_dispatched(self, message, now):
        order = self.books.orders[message["order_id"]]
        for named in message["lines"]:
            self.named_lines(order, named)
        when = parse_time(message["dispatched_at"]) if message.get("dispatched_at") else parse_time(message["time"])
        waited, gone, freed, touched = order.waiting, {}, [], []
        for named in message["lines"]:
            left = int(named["quantity"])
            lines = self.named_lines(order, named)
            for line in lines:
                units = left if line is lines[-1] else min(left, max(0, line.ordered - line.dispatched - line.cancelled))
                left -= units
                if units:
                    gone[line.index] = gone.get(line.index, 0) + units
                    self.leave(line, units, message, when, freed)
                    touched.append(line.sku)
        parts = [(order.lines[index], units) for index, units in sorted(gone.items())]
        self.tell.dispatched(order, message, parts)
        self.take_back(dict.fromkeys(touched))
        ready = [order] if order.ship == "complete" and waited and not order.waiting else []
        self.fill(freed, ready=ready)

    def leave(self, line, units, message, when, freed):
        """"on_hand falls by what left, and the line's dispatched grows"."""
        if message.get("location"):
            pieces = [(message["location"], units)]
        else:
            pieces, left = [], units
            for location in sorted(line.allocation, key=self.books.rank):
                part = min(left, line.allocation[location])
                left -= part
                pieces.append((location, part))
            if left:
                # what the pieces so far take is gone from their shelves
                def remains(place):
                    return self.books.on_hand.get((line.sku, place), 0) - dict(pieces).get(place, 0)
                places = self.books.configured or self.books.locations(line.sku)
                stocked = [place for place in places if remains(place) > 0]
                pieces.append(((stocked or places or ["default"])[0], left))
        for location, part in pieces:
            if part:
                self.leave_from(line, location, part, message["id"], when, freed)

    def leave_from(self, line, location, units, cause, when, freed):
        books = self.books
        row = books.row(line.sku, location)
        missing = max(0, units - books.on_hand[row])
        books.on_hand[row] = max(0, books.on_hand[row] - units)
        books.touched.add(line.sku)
        if missing:
            books.note("shipped-without-stock", line.sku, location, missing, cause)
            books.deficits.setdefault(row, []).append([when, missing])
        line.dispatched += units
        elsewhere = [place for place in sorted(line.allocation, key=books.rank) if place != location]
        for place in [location] + elsewhere:
            part = min(units, line.allocation.get(place, 0))
            if part:
                line.take(place, part, asked_first=True)
                units -= part
                if place != location and line.sku not in freed:
                    freed.append(line.sku)
        for kind in ("fresh", "waiting", "held"):
            part = min(units, getattr(line, kind))
            setattr(line, kind, getattr(line, kind) - part)
            units -= part
        if units:
            books.note("over-shipment", line.sku, location, units, cause)

    def take_back(self, skus):
        """"taken back from the lowest precedence up ...; then, by precedence, they look for another location, as a new line would, else wait:
        `backorder-delayed`, and fulfilment-withdrawn if they had been asked for"."""
        affected = {}
        for sku in skus:
            losers = self.allocation.take_back(sku)
            waits = self.allocation.look_elsewhere(losers)
            for key, line, _, asked in losers:
                entry = affected.setdefault(line.order.id, [key, line.order, [], []])
                entry[0] = min(entry[0], key)
                entry[2].append((line, asked))
                entry[3].append((line, waits[id(line)]))
        for _, order, asked, waits in sorted(affected.values(), key=lambda entry: entry[0]):
            self.tell.withdraw(order, asked)
            waits = [(line, units) for line, units in sorted(waits, key=lambda part: part[0].index) if units]
            if waits:
                self.tell.with_dates(order, "backorder-delayed", waits)
            if order.ship == "partial" or not order.waiting:
                self.tell.request(order)

    def on_stock_adjusted(self, message, now):
        books, location = self.books, message["location"]
        skus, more = [], []
        for entry in message["lines"]:
            row = books.row(entry["sku"], location)
            was = books.on_hand[row]
            target = entry["counted"] if entry.get("counted") is not None else was + entry["delta"]
            if entry.get("counted") is not None:
                books.deficits.pop(row, None)
            if target < 0:
                books.note("adjusted-below-zero", entry["sku"], location, -target, message["id"])
            books.on_hand[row] = max(0, target)
            skus.append(entry["sku"])
        self.take_back(dict.fromkeys(skus))
        more = [sku for sku in dict.fromkeys(skus) if books.available(sku, location) > 0]
        self.fill(more, first=location)
