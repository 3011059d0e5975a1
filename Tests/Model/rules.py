"""The section `Policy`, item settings, and `Precedence`."""
import fnmatch
import re

from books import FOREVER, in_bytes


def matches(pattern, text):
    """Only `*` and `?` mean something in a pattern."""
    escaped = re.sub(r"([\[\]])", r"[\1]", pattern)
    return fnmatch.fnmatchcase(text, escaped)


class Rules:
    def __init__(self, config):
        self.policy = config.get("policy", {})
        self.default = {"on_backorder": "accept", "backorder_limit": None, "ship": "partial", "priority": 0, **self.policy.get("default", {})}
        self.items, self.updates = config.get("items", {}), {}
        self.suppliers = config.get("suppliers", {})
        self.promise = {"default_lead_time_days": None, "handling_days": 1, "promise_quantile": 0.8, "notify_after_hours": 24,
                        **config.get("promise", {})}

    def update(self, message):
        """item-updated "replaces what the config says of that item"; what it does not name stays as it was."""
        said = {key: message[key] for key in ("supplier", "lead_time_days", "reorder", "on_backorder", "backorder_limit", "ship") if key in message}
        self.updates.setdefault(message["sku"], {}).update(said)

    def item(self, sku, key):
        """The item: "longest matching pattern that has it". Answers (said, value)."""
        if key in self.updates.get(sku, {}):
            return True, self.updates[sku][key]
        having = [p for p, settings in self.items.items() if key in settings and matches(p, sku)]
        if not having:
            return False, None
        return True, self.items[max(having, key=lambda pattern: (len(pattern), pattern == sku))][key]     # the first of equals

    def rule(self, line, key):
        """"the first matching rule that has the key"; match looks at the line's sku and pin and the customer's segment."""
        for rule in self.policy.get("rules", []):
            if key in rule and self.rule_matches(rule.get("match", {}), line):
                return True, rule[key]
        return False, None

    @staticmethod
    def rule_matches(match, line):
        seen = {"sku": line.sku, "location": line.pin, "segment": line.order.segment}
        return all(seen[key] is not None and matches(pattern, seen[key]) for key, pattern in match.items())

    def said_of_line(self, line, key):
        said, value = self.rule(line, key)
        return (said, value) if said else self.item(line.sku, key)

    def for_line(self, line, key):
        """"the first matching rule that has the key, else the item, else the default"."""
        said, value = self.said_of_line(line, key)
        return value if said else self.default[key]

    def for_order(self, order, key):
        """"ship and priority belong to the order: the first of its lines for which a rule or item says one decides"."""
        for line in order.lines:
            said, value = self.said_of_line(line, key)
            if said:
                return value
        return self.default[key]

    def supplier(self, sku):
        return self.item(sku, "supplier")[1]


class Precedence:
    """Who goes first when units are scarce."""

    def __init__(self, config):
        allocation = config.get("allocation", {})
        self.strategy = allocation.get("strategy", "priority")
        self.sourcing = allocation.get("sourcing", "fewest-splits")

    def key(self, line):
        """"higher priority, then earlier placed_at, then smaller order_id (bytes), then line order in its message"."""
        order = line.order
        base = (-order.priority, order.placed_at, in_bytes(order.id), line.index)
        if self.strategy == "due-date":     # "earlier requested_by first, none last, then as above"
            return (FOREVER if order.requested_by is None else order.requested_by,) + base
        if self.strategy == "smallest-first":   # "fewest waiting units in the whole order first"
            return (order.waiting,) + base
        return base                         # fair-share: "ties as above"

    def sorted(self, lines):
        return sorted(lines, key=self.key)
