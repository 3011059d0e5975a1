"""order-placed, order-released, order-cancelled."""
from allocation import total
from books import Order, parse_time


class Placing:
    def arrive(self, message, now):
        """"When the order arrives, its parked shipments and cancellations are applied first, by their time, then id, to units that have
        looked for no stock yet"."""
        order = Order(message, now)
        order.ship = message.get("ship") or self.rules.for_order(order, "ship")
        order.priority = message["priority"] if message.get("priority") is not None else self.rules.for_order(order, "priority")
        self.books.orders[order.id] = order
        self.apply_parked("shipment-dispatched", message, now, "order-cancelled")

    def apply_parked(self, kind, placed, now, other=None):
        """"each with its own outputs and its own cause"."""
        parked = [entry for entry in self.parked if entry[2]["order_id"] == placed["order_id"] and entry[2]["type"] in (kind, other)]
        for entry in sorted(parked, key=lambda entry: (parse_time(entry[2]["time"]), entry[2]["id"].encode())):
            self.parked.remove(entry)
            try:
                self.effect(entry[2], now)
            except self.invalid:
                self.reject(entry[1], "invalid")

    def on_order_placed(self, message, now):
        self.go_through(self.books.orders[message["order_id"]], "fresh", policy=True)

    def go_through(self, order, kind, policy):
        """order-placed, steps 1 to 4, for the units of a kind: `fresh` ones of an order just placed, `held` ones of one released.

        `policy` false: with `accept`.
        """
        wanted = [(line, getattr(line, kind)) for line in order.lines if getattr(line, kind)]
        parts = self.allocation.source(wanted)
        left = [(line, units - total(taken)) for (line, units), (_, taken) in zip(wanted, parts)]
        if policy and any(units and self.rules.for_line(line, "on_backorder") == "hold" for line, units in left):
            for line, units in wanted:
                line.fresh, line.held = 0, line.held + units
            order.is_held = True
            self.tell.notify(order, "order-held", wanted)
            return
        order.is_held = False
        refused, waits, got = [], [], []
        for (line, units), (_, taken), (_, short) in zip(wanted, parts, left):
            setattr(line, kind, 0)
            for location, part in taken.items():
                line.add(location, part)
            accepted = short
            if policy and self.rules.for_line(line, "on_backorder") == "refuse":
                accepted = 0
            limit = self.rules.for_line(line, "backorder_limit")
            if limit is not None:
                accepted = min(accepted, max(0, limit - self.books.waiting(line.sku)))
            line.waiting += accepted
            line.refused += short - accepted
            refused.append((line, short - accepted))
            waits.append((line, accepted))
            got.append((line, total(taken)))
        refused, waits, got = ([(line, units) for line, units in list if units] for list in (refused, waits, got))
        if refused:
            self.tell.notify(order, "order-refused", refused)
        if waits:
            self.tell.with_dates(order, "order-backordered", waits)
        elif got:
            self.tell.notify(order, "order-confirmed", got)
        if order.ship == "partial" or not order.waiting:
            self.tell.request(order)

    def on_order_released(self, message, now):
        order = self.books.orders[message["order_id"]]
        if not order.is_held:
            return
        if (message.get("decision") or "wait") == "wait":
            self.go_through(order, "held", policy=False)
        else:
            order.is_held = False
            self.cancel(order, [(line, None) for line in order.lines])

    def on_order_cancelled(self, message, now):
        order = self.books.orders[message["order_id"]]
        if message.get("lines") is None:
            return self.cancel(order, [(line, None) for line in order.lines])
        for named in message["lines"]:
            self.named_lines(order, named)      # all of them are known, or nothing happens
        self.cancel(order, None, message["lines"])

    def cancel(self, order, parts, named=None):
        """"Cancelling a line takes its waiting units first, then held, then allocated (last configured location first; fulfilment-withdrawn
        if they had been asked for), never dispatched ones. What is freed goes to those who wait, as for a receipt"."""
        waited, cancelled, asked, freed = order.waiting, {}, [], []

        def one(line, limit):
            done = 0
            for kind in ("fresh", "waiting", "held"):
                units = getattr(line, kind) if limit is None else min(limit - done, getattr(line, kind))
                setattr(line, kind, getattr(line, kind) - units)
                done += units
            for location in sorted(line.allocation, key=self.books.rank, reverse=True):
                units = line.allocation[location] if limit is None else min(limit - done, line.allocation[location])
                if units:
                    asked.append((line, {location: line.take(location, units, asked_first=False)}))
                    done += units
                    if line.sku not in freed:
                        freed.append(line.sku)
            line.cancelled += done
            cancelled[line.index] = cancelled.get(line.index, 0) + done
            return done

        for line, limit in parts or []:
            one(line, limit)
        for entry in named or []:
            limit = entry.get("quantity")
            for line in self.named_lines(order, entry):
                done = one(line, limit)
                limit = None if limit is None else limit - done
        told = [(order.lines[index], units) for index, units in sorted(cancelled.items()) if units]
        if told:
            self.tell.notify(order, "order-cancelled", told)
        self.tell.withdraw(order, asked)
        ready = [order] if order.ship == "complete" and waited and not order.waiting else []
        self.fill(freed, ready=ready)
