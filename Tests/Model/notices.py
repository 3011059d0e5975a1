"""What is told, in the shapes of messages.md. A notice whose dates are not known yet is filled in when the input is done."""
from books import parse_time, write_time

SHIPPING = ("shipment_id", "carrier", "service", "tracking_number", "tracking_url", "estimated_delivery")


def named(line, units):
    return {"line_id": line.line_id, "sku": line.sku, "quantity": units}


class Notices:
    def __init__(self, books):
        self.books, self.out = books, []
        self.now, self.cause, self.promises = 0, "timer", None
        self.dated = []     # of this input: (notice, [(line, previous)])

    def put(self, type, order=None, **keys):
        notice = {"type": type, "time": write_time(self.now), "cause": self.cause}
        if order is not None:
            order.sequence += 1
            notice |= {"order_id": order.id, "sequence": order.sequence}
            if order.customer is not None:
                notice["customer"] = order.customer
        notice |= keys
        notice["routing_key"] = type + ("." + keys["kind"] if "kind" in keys else "")
        self.out.append(notice)
        return notice

    def notify(self, order, kind, parts, **keys):
        """parts: [(line, units)]"""
        return self.put("customer-notification", order, kind=kind, lines=[named(line, units) for line, units in parts], **keys)

    def with_dates(self, order, kind, parts):
        """The dates are worked out after the reorders of the same input."""
        notice = self.notify(order, kind, parts)
        self.dated.append((notice, [line for line, _ in parts]))

    def fill_in_dates(self, date_of):
        """date_of: the date a line stands on now."""
        for notice, lines in self.dated:
            for written, line in zip(notice["lines"], lines):
                if notice["kind"] == "backorder-delayed":
                    written["previous_promised_at"] = write_time(line.promised_at)
                self.promises.note(line, date_of(line))
                written["promised_at"] = write_time(line.promised_at)
            self.latest(notice)
        self.dated = []

    @staticmethod
    def latest(notice):
        """The latest of its lines; a line without a date is later than all."""
        dates = [line["promised_at"] for line in notice["lines"]]
        notice["promised_at"] = None if None in dates else max(dates)

    def moved(self, order, kind, parts):
        notice = self.notify(order, kind, [(line, units) for line, units, _ in parts])
        for written, (line, _, previous) in zip(notice["lines"], parts):
            written |= {"promised_at": write_time(line.estimated_at), "previous_promised_at": write_time(previous)}
        self.latest(notice)

    def by_location(self, type, order, parts):
        """One for each location, in configured order. parts: {location: [(line, units)]}"""
        for location in sorted(parts, key=self.books.rank):
            units = {}
            for line, part in parts[location]:
                units[line.index] = units.get(line.index, 0) + part
            lines = [named(order.lines[index], part) for index, part in sorted(units.items()) if part]
            if lines:
                self.put(type, order, location=location, lines=lines)

    def request(self, order):
        """"Units asked for once are not asked for again"."""
        parts = {}
        for line in order.lines:
            for location, units in line.allocation.items():
                if units > line.asked.get(location, 0):
                    parts.setdefault(location, []).append((line, units - line.asked.get(location, 0)))
                    line.asked[location] = units
        self.by_location("fulfilment-requested", order, parts)

    def withdraw(self, order, taken):
        """taken: [(line, {location: units that had been asked for})]"""
        parts = {}
        for line, asked in taken:
            for location, units in asked.items():
                parts.setdefault(location, []).append((line, units))
        self.by_location("fulfilment-withdrawn", order, parts)

    def dispatched(self, order, message, parts):
        said = {key: message[key] for key in SHIPPING if message.get(key) is not None}
        if "estimated_delivery" in said:
            said["estimated_delivery"] = write_time(parse_time(said["estimated_delivery"]))
        self.notify(order, "order-dispatched", parts, **said)

    def reorder(self, supply, reason, position, back_orders):
        self.put("reorder-requested", reorder_id=supply.id, sku=supply.sku, location=supply.location, supplier=supply.supplier,
                 quantity=supply.quantity, reason=reason, expected_at=write_time(supply.expected_at), position=position,
                 back_orders=back_orders)

    def expedite(self, supply, promised_at):
        self.put("reorder-expedite", reorder_id=supply.id if supply.kind == "reorder" else supply.reorder_id, sku=supply.sku,
                 supplier=supply.supplier, expected_at=write_time(supply.expected_at), promised_at=write_time(promised_at))
