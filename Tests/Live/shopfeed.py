"""A shop and its warehouse as they feed the daemon: orders and receipts come when they come, a shipment leaves when the daemon
asked for all of it (fulfilment-requested). So cause comes before effect, as in life, however the workers take turns.
Both outlive the broker: what was not confirmed is sent again under the same ids."""
import json, threading, time

from harness import EXCHANGE, amqp_client, amqp_tool

WAREHOUSE = "shopfeed.fulfilment"


class Sender:
    """Publishes with confirms until it succeeds."""

    def __init__(self, url, name, patience=120):
        self.url, self.name, self.patience, self.link, self.repeats = url, name, patience, None, 0

    def connected(self):
        end = time.monotonic() + self.patience
        while self.link is None:
            try:
                self.link = amqp_client.Connection(self.url, self.name)
                self.link.confirm()
            except Exception as error:  # whatever a broker that is on its way up makes of it
                self.drop()
                if time.monotonic() > end:
                    raise SystemExit(f"FAILED: no broker for {self.patience} s: {error}")
                time.sleep(0.2)
        return self.link

    def drop(self):
        if self.link:
            self.link.socket.close()
        self.link = None

    def send(self, lines):
        while lines:
            try:
                link = self.connected()
                link.publish(map(amqp_tool.from_json, lines), EXCHANGE, 4000)
                if not link.returned and not link.nacked:
                    return
                # The exchange or the queue is on its way up.
            except (OSError, amqp_client.AMQPError):
                pass
            self.repeats += 1
            self.drop()
            time.sleep(0.2)


class Warehouse(threading.Thread):
    """Ships an order as soon as all its units were asked for."""

    def __init__(self, url, events):
        super().__init__(daemon=True)
        self.sender, self.events, self.ended, self.failure = Sender(url, "warehouse"), events, False, None
        self.missing, self.shipments, self.seen, self.lock = {}, {}, set(), threading.Lock()
        for line in events:
            event = json.loads(line)
            if event["type"] == "order-placed":
                self.missing[event["order_id"]] = sum(entry["quantity"] for entry in event["lines"])
            elif event["type"] == "shipment-dispatched":
                self.shipments.setdefault(event["order_id"], []).append(line)
        self.open()

    def open(self):
        link = self.sender.connected()
        link.declare_queue(WAREHOUSE)
        link.bind(WAREHOUSE, "backorder", "fulfilment-requested")
        link.consume(WAREHOUSE)
        return link

    def clear(self):
        """Forgets what was asked for before: requests of an earlier run."""
        self.sender.link.purge(WAREHOUSE)

    def run(self):
        try:
            while not self.ended:
                try:
                    self.work()
                except (OSError, amqp_client.AMQPError):
                    self.sender.drop()
                    time.sleep(0.2)
        except BaseException as error:
            self.failure = error

    def work(self):
        link = self.sender.link
        if link is None or not link.consumers:  # a new one, made while shipments were sent
            link = self.open()
        batch = link.messages(0.2)
        ready = []
        for message in batch:
            request = json.loads(message.body)
            if request["id"] in self.seen:  # sent twice, as may be
                continue
            self.seen.add(request["id"])
            order = request["order_id"]
            if order in self.missing:
                self.missing[order] -= sum(entry["quantity"] for entry in request["lines"])
                if self.missing[order] == 0:
                    with self.lock:
                        ready += self.shipments.pop(order, [])
        self.sender.send(ready)
        if batch and self.sender.link is link:
            link.ack(batch[-1].tag)

    def finish(self):
        """What the daemon never asked for, because others got the units: it leaves all the same. Ends the warehouse."""
        self.ended = True
        self.join(150)
        if self.failure or self.is_alive():
            raise SystemExit(f"FAILED: the warehouse: {self.failure or 'it hangs'}")
        rest = [line for lines in self.shipments.values() for line in lines]
        self.shipments = {}
        self.sender.send(rest)
        link = self.open()
        link.delete_queue(WAREHOUSE)
        self.sender.drop()
        return len(rest)


def shop(events):
    """What nobody asks the daemon for: orders and receipts, in their order."""
    return [line for line in events if b'"type":"shipment-dispatched"' not in line]
