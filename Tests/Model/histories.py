"""Seeded random histories and configurations, small enough that everything gets in everything's way."""
import datetime
import random

START = datetime.datetime(2026, 3, 2, 8, tzinfo=datetime.timezone.utc)
DAY = 86400


def stamp(seconds):
    return (START + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


class History:
    def __init__(self, seed, strategy=None):
        self.random = random.Random(seed)
        r = self.random
        self.skus = ["TENT", "ROPE", "PRE-A", "LAMP"][:r.randint(1, 4)]
        self.places = ["WH-1", "WH-2", "WH-3"][:r.randint(1, 3)]
        self.orders = [f"O{n}" for n in range(1, r.randint(3, 12))]
        self.lines = {}         # what an order's lines are to be, whether it came yet or not
        self.sent, self.clock, self.number = [], 0, 0
        self.scale = r.choice([1, 1, 1, 1, 1, 200_000_000])
        self.pace = r.choice([[0, 1, 60, 600], [30, 59, 60, 61, 3600], [600, 3600, 6 * 3600], [3600, DAY // 2, DAY, 2 * DAY]])
        self.backwards = r.random() < 0.3
        self.mix = {kind: weight * r.choice([0, 1, 1, 2]) for kind, weight in self.kinds().items()}
        self.mix["order_placed"] = max(self.mix["order_placed"], 6)
        self.mix["stock_received"] = max(self.mix["stock_received"], 3)
        self.config = self.configuration(strategy)

    @staticmethod
    def kinds():
        return {"order_placed": 8, "stock_received": 5, "shipment_dispatched": 4, "order_cancelled": 3, "order_released": 2,
                "stock_adjusted": 3, "inbound_scheduled": 3, "inbound_cancelled": 1, "item_updated": 1, "again": 1}

    def some(self, chance, value):
        return value() if self.random.random() < chance else None

    def small(self, top=6):
        return min(self.random.randint(1, top) * self.scale, 1_000_000_000)

    # The configuration

    def reorder_levels(self):
        r = self.random
        point = min(r.choice([0, 0, 2, 5]) * self.scale, 1_000_000_000)
        levels = {"point": point, "up_to": min(point + r.choice([0, 1, 4, 10]) * self.scale, 1_000_000_000)}
        if r.random() < 0.5:
            levels["minimum"] = self.small(8)
        if r.random() < 0.5:
            levels["multiple"] = r.choice([2, 3, 5, 6])
        return levels

    def settings(self):
        r = self.random
        all = {"on_backorder": r.choice(["accept", "accept", "hold", "refuse"]), "backorder_limit": r.choice([None, 0, 2, 5, 8]),
               "ship": r.choice(["partial", "complete"]), "supplier": r.choice(["ACME", "BOLT"]), "lead_time_days": r.choice([0, 1, 3, 7, 20]),
               "reorder": self.reorder_levels()}
        if all["backorder_limit"]:
            all["backorder_limit"] = min(all["backorder_limit"] * self.scale, 1_000_000_000)
        return {key: value for key, value in all.items() if r.random() < 0.35}

    def configuration(self, strategy):
        r = self.random
        config = {"allocation": {"strategy": strategy or r.choice(["priority", "due-date", "smallest-first", "fair-share"]),
                                 "sourcing": r.choice(["fewest-splits", "fewest-splits", "fewest-shipments"])}}
        config["locations"] = [{"id": place} for place in r.sample(self.places, r.randint(min(1, len(self.places)), len(self.places)))]
        if r.random() < 0.05:
            config["locations"] = []
        default = {"on_backorder": r.choice(["accept"] * 5 + ["hold", "refuse"]), "backorder_limit": r.choice([None, None, 4 * self.scale]),
                   "ship": r.choice(["partial", "partial", "complete"])}
        rules = []
        for _ in range(r.choice([0, 0, 1, 2, 4])):
            match = {"sku": r.choice(self.skus + ["PRE-*", "?E*", "*"]), "location": r.choice(self.places + ["WH-*"]),
                     "segment": r.choice(["gold", "g*", "trade"])}
            match = {key: value for key, value in match.items() if r.random() < 0.4}
            said = {key: value for key, value in self.settings().items() if key in ("on_backorder", "backorder_limit", "ship")}
            if r.random() < 0.4:
                said["priority"] = r.choice([0, 3, 7, 9])
            if match or said:
                rules.append({"match": match, **said})
        config["policy"] = {"default": default, "rules": rules}
        names = r.sample(self.skus + ["*", "PRE-*", "?E*", "*E*T"], r.choice([0, 1, 2, 3]))
        config["items"] = {name: self.settings() for name in names}
        if r.random() < 0.4:
            config["suppliers"] = {"ACME": {"lead_time_days": r.choice([0, 2, 14])}}
        config["promise"] = {"default_lead_time_days": r.choice([None, None, 0, 3, 10]), "handling_days": r.choice([0, 1, 1, 3]),
                             "promise_quantile": r.choice([0.5, 0.8, 0.9]), "notify_after_hours": r.choice([1, 24, 24, 72])}
        config["worker"] = {"parking_hours": r.choice([1, 6, 24, 240])}
        return config

    # The messages

    def messages(self):
        r = self.random
        kinds = [kind for kind, weight in self.mix.items() for _ in range(weight)]
        for _ in range(r.choice([8, 15, 25, 40])):
            step = r.choice(self.pace) if r.random() < 0.85 else 0
            if self.backwards and r.random() < 0.15:
                step = -r.choice(self.pace)
            self.clock = max(0, self.clock + step)
            kind = r.choice(kinds)
            message = getattr(self, kind)()
            if message is None:
                continue
            if kind != "again":
                self.number += 1
                message = {"type": kind.replace("_", "-"), "id": f"m{self.number:03d}", "time": stamp(self.clock), **message}
            self.sent.append({key: value for key, value in message.items() if value is not None})
        return self.sent

    def around(self):
        return stamp(self.clock + self.random.choice([-3 * DAY, -3600, 0, 60, 3600, DAY, 2 * DAY, 5 * DAY]))

    def place(self):
        return self.random.choice(self.places)

    def order_placed(self):
        r = self.random
        fresh = [id for id in self.orders if not any(m.get("order_id") == id and m["type"] == "order-placed" for m in self.sent)]
        if not fresh:
            return None
        id = r.choice(fresh[:3])
        lines = self.lines.setdefault(id, self.order_lines())
        return {"order_id": id, "lines": lines, "placed_at": self.some(0.3, self.around), "requested_by": self.some(0.5, self.around),
                "priority": self.some(0.3, lambda: r.choice([0, 1, 5, 9])), "ship": self.some(0.25, lambda: r.choice(["partial", "complete"])),
                "customer": self.some(0.6, lambda: {"id": "c", "segment": r.choice(["gold", "trade", "web"])})}

    def order_lines(self):
        lines = []
        for number in range(self.random.choice([1, 1, 1, 2, 2, 3, 4])):
            line = {"sku": self.random.choice(self.skus), "quantity": self.small(), "line_id": self.some(0.2, lambda: f"L{9 - number}"),
                    "location": self.some(0.2, self.place)}
            lines.append({key: value for key, value in line.items() if value is not None})
        return lines

    def reorder_name(self):
        return f"RO-{self.random.choice(self.skus)}-{self.random.randint(1, 3):07d}"

    def goods(self, top):
        return [{"sku": self.random.choice(self.skus), "quantity": self.small(top)} for _ in range(self.random.choice([1, 1, 2, 3]))]

    def stock_received(self):
        r = self.random
        return {"receipt_id": f"R{self.number}", "location": self.place(), "lines": self.goods(9),
                "supplier": self.some(0.2, lambda: r.choice(["ACME", "BOLT"])), "reorder_id": self.some(0.3, self.reorder_name),
                "inbound_id": self.some(0.2, lambda: f"I{r.randint(1, 3)}"), "received_at": self.some(0.3, self.around)}

    def an_order(self):
        r = self.random
        known = [m["order_id"] for m in self.sent if m["type"] == "order-placed"]
        return r.choice(known) if known and r.random() < 0.85 else r.choice(self.orders)

    def named(self, id, quantity):
        lines = self.lines.setdefault(id, self.order_lines())
        parts = []
        for _ in range(self.random.choice([1, 1, 2])):
            number = self.random.randrange(len(lines))
            part = {"quantity": quantity(lines[number]["quantity"])}
            if self.random.random() < 0.3:
                part["sku"] = lines[number]["sku"] if self.random.random() < 0.95 else "NONE"
            else:
                part["line_id"] = lines[number].get("line_id", str(number + 1)) if self.random.random() < 0.97 else "none"
            parts.append({key: value for key, value in part.items() if value is not None})
        return parts

    def shipment_dispatched(self):
        r = self.random
        id = self.an_order()
        return {"shipment_id": f"S{self.number}", "order_id": id, "location": self.some(0.6, self.place),
                "lines": self.named(id, lambda ordered: r.choice([ordered, self.small(), max(1, ordered // 2)])),
                "carrier": self.some(0.3, lambda: "DHL"), "dispatched_at": self.some(0.3, self.around)}

    def order_cancelled(self):
        r = self.random
        id = self.an_order()
        return {"order_id": id, "lines": self.some(0.6, lambda: self.named(id, lambda ordered: r.choice([None, ordered, self.small(3)])))}

    def order_released(self):
        return {"order_id": self.an_order(), "decision": self.random.choice([None, "wait", "wait", "cancel"])}

    def stock_adjusted(self):
        lines = []
        for sku in self.random.sample(self.skus, self.random.randint(1, min(2, len(self.skus)))):
            change = {"counted": self.random.choice([0, 1, 2, 4, 5]) * self.scale} if self.random.random() < 0.5 else {
                "delta": self.random.choice([-4, -2, -1, 1, 3]) * self.scale}
            lines.append({"sku": sku, **change})
        return {"adjustment_id": f"A{self.number}", "location": self.place(), "lines": lines}

    def inbound_scheduled(self):
        r = self.random
        return {"inbound_id": f"I{r.randint(1, 3)}", "location": self.place(), "expected_at": self.around(), "lines": self.goods(7),
                "supplier": self.some(0.3, lambda: "BOLT"), "reorder_id": self.some(0.5, self.reorder_name)}

    def inbound_cancelled(self):
        return {"inbound_id": f"I{self.random.randint(1, 3)}"}

    def item_updated(self):
        return {"sku": self.random.choice(self.skus), **{k: v for k, v in self.settings().items() if v is not None}}

    def again(self):
        """A message comes again: as it was, under another id, or changed."""
        if not self.sent:
            return None
        message = dict(self.random.choice(self.sent))
        how = self.random.choice(["same", "same, later", "other id", "other content", "same id, other content"])
        if how == "same, later":
            message["time"] = stamp(self.clock)
        if how in ("other id", "other content"):
            self.number += 1
            message["id"] = f"m{self.number:03d}"
        if "content" in how:
            message["reason"] = "changed"
        return message
