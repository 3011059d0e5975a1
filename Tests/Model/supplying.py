"""stock-received, inbound-scheduled, inbound-cancelled, item-updated."""
from books import Supply, parse_time


class Supplying:
    def on_stock_received(self, message, now):
        books, location = self.books, message["location"]
        when = parse_time(message["received_at"]) if message.get("received_at") else now
        seen = set()
        for entry in message["lines"]:
            sku, units = entry["sku"], int(entry["quantity"])
            row = books.row(sku, location)
            self.settle(message, sku, location, units, when, seen)
            books.on_hand[row] += units - self.make_good(row, units, when)
        self.fill(list(dict.fromkeys(entry["sku"] for entry in message["lines"])), first=location)

    def make_good(self, row, units, when):
        """"A receipt there whose received_at is not later than that was merely late: its units settle the deficit first"."""
        settled = 0
        for deficit in sorted(self.books.deficits.get(row, []), key=lambda deficit: deficit[0]):
            if when <= deficit[0]:
                part = min(units - settled, deficit[1])
                deficit[1] -= part
                settled += part
        return settled

    def settle(self, message, sku, location, units, when, seen):
        """"A receipt settles the inbound_id it names, or the reorder_id (inbounds tied to it first), else the oldest outstanding supply of
        that SKU at that location"."""
        of_sku = sorted((s for s in self.books.supplies if s.sku == sku and s.outstanding), key=lambda s: s.age())
        if message.get("inbound_id"):
            settled = [s for s in of_sku if s.kind == "inbound" and s.id == message["inbound_id"]]
        elif message.get("reorder_id"):
            tied = [s for s in of_sku if s.kind == "inbound" and s.reorder_id == message["reorder_id"]]
            settled = tied + [s for s in of_sku if s.kind == "reorder" and s.id == message["reorder_id"]]
        else:
            settled = [s for s in of_sku if s.location == location]
        for supply in settled:
            part = min(units, supply.outstanding)
            supply.outstanding -= part
            units -= part
            if part:
                self.observe(message, supply, when, seen)

    def observe(self, message, supply, when, seen):
        """What was observed between reorder and receipt."""
        reorder_id = supply.id if supply.kind == "reorder" else supply.reorder_id
        reorder = next((s for s in self.books.supplies if s.kind == "reorder" and s.id == reorder_id and s.sku == supply.sku), None)
        if reorder is None or reorder_id in seen:
            return
        seen.add(reorder_id)
        supplier = reorder.supplier or message.get("supplier")
        if supplier is not None and when >= reorder.created_at:
            self.books.lead_times.setdefault(supplier, []).append(when - reorder.created_at)

    def on_inbound_scheduled(self, message, now):
        """"A later one for the same inbound_id (by `time`) replaces it"; "a later version of the inbound first gives back what the earlier
        took"."""
        books, id = self.books, message["inbound_id"]
        earlier = [s for s in books.supplies if s.kind == "inbound" and s.id == id]
        if any(s.created_at >= now for s in earlier):
            return
        reorders = {s.id: s for s in books.supplies if s.kind == "reorder"}
        was_hurried = {}
        for old in earlier:
            was_hurried[old.sku] = old.hurried
            reorder = reorders.get(old.reorder_id)
            if reorder is not None and reorder.sku == old.sku:
                reorder.outstanding += min(old.took, old.outstanding)
            books.supplies.remove(old)
        units = {}
        for entry in message["lines"]:
            units[entry["sku"]] = units.get(entry["sku"], 0) + int(entry["quantity"])
        for sku, quantity in units.items():
            new = Supply("inbound", id, sku, message["location"], message.get("supplier"), quantity, parse_time(message["expected_at"]), now,
                         message.get("reorder_id"))
            new.hurried = was_hurried.get(sku)
            reorder = reorders.get(message.get("reorder_id"))
            if reorder is not None and reorder.sku == sku:
                new.took = min(reorder.outstanding, quantity)
                reorder.outstanding -= new.took
            books.supplies.append(new)

    def on_inbound_cancelled(self, message, now):
        """"Cancelling an inbound does not give back"."""
        for supply in self.books.supplies:
            if supply.kind == "inbound" and supply.id == message["inbound_id"]:
                supply.outstanding = supply.took = 0

    def on_item_updated(self, message, now):
        self.rules.update(message)
