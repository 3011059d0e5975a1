#!/usr/bin/env python3
"""Foreign in, foreign out: Shopify's webhook bodies through a broker and a mapped `run`; what is published is read with pika
and the official CloudEvents SDK (PyPI), structured and binary, and compared with `replay`. Exchanges by type are verified,
declared and printed. An output that waits in the outbox keeps its body when the mapping changes: one id, one body.

    outputmaptest.py --binary PATH --url AMQP_URL      with a Python that has pika and cloudevents
"""
import argparse, json, os, subprocess, sys, tempfile, time

import pika
from cloudevents.core.bindings.amqp import AMQPMessage, from_amqp
from cloudevents.core.formats.json import JSONFormat

from harness import DEAD, HERE, Daemon, Table, amqp_client, wait

ORDERS, NOTICES, PICKING, PURCHASES = "shopify.orders", "crm.notices", "wms.picking", "erp.purchases"
EXCHANGES = ["shop.events", "warehouse", "erp"]
SAMPLES = os.path.join(HERE, "../../config/examples/mapped/shopify")
OUTPUT = """
  output:
    exchange: shop.events
    map:
      source: /shops/berlin
      type: [com.example., {property: routing_key}]
      customer-notification:
        envelope: cloudevents
        routing_key: [notice., /kind]
        subject: /order_id
        body:
          orderNumber: {from: /order_id, as: string-integer, else: 0}
          mail: /customer/contact
          event: {from: /kind, is: {order-backordered: LATE}, else: OTHER}
          at: {from: /time, as: unix-seconds}
          items: /lines
          items[].article: /sku
          items[].pieces: /quantity
      fulfilment-requested: {envelope: cloudevents-binary, exchange: warehouse, routing_key: pick}
      reorder-requested:
        exchange: erp
        routing_key: purchase
        headers: {X-Supplier: {from: /supplier, default: nobody}}
        body: {material: /sku, amount: {from: /quantity, as: text}, plant: /location}
  output_queues:
    crm.notices: ["notice.#"]
    wms.picking: {exchange: warehouse, keys: [pick]}
    erp.purchases: {exchange: erp, keys: [purchase]}
"""


def write(daemon, url, output, topology="declare", queues=True):
    """Shopify's example with our broker and store, the output in another shape."""
    with open(f"{SAMPLES}/backorderd.yaml") as file:
        text = file.read()
    if not queues:
        output = output[:output.index("  output_queues:")] + "  output_queues: {}\n"
    text = text.replace("broker:\n", f"broker:\n  urls: [\"{url}\"]\n  topology: {topology}{output}", 1)
    text = text.replace("\"memory:\"", f"\"sqlite://{os.path.abspath(daemon.directory)}/store.db\"") + "operations: {listen: null}\nworker: {drain_timeout: 1s}\n"
    with open(daemon.config, "w") as file:
        file.write(text)


def command(daemon, *arguments, stdin=None):
    return subprocess.run([daemon.binary, *arguments, "--config", daemon.config], capture_output=True, text=True, input=stdin,
                          env=daemon.environment, timeout=60)


def sample(name):
    with open(f"{SAMPLES}/{name}") as file:
        return file.read().splitlines()


def started(daemon, link):
    daemon.start()
    wait("the daemon to consume", lambda: daemon.check_alive() or (link.depth(ORDERS) or (0, 0))[1] > 0, 60)


def take(channel, queue, count):
    found, end = [], time.monotonic() + 30
    while len(found) < count and time.monotonic() < end:
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        if method:
            found.append((method, properties, body))
        else:
            time.sleep(0.05)
    return found


def event(properties, body):
    return from_amqp(AMQPMessage({"content-type": properties.content_type}, properties.headers or {}, body), JSONFormat())


def topology(table, daemon, url, link):
    write(daemon, url, OUTPUT)
    printed = json.loads(command(daemon, "topology", "print").stdout)
    names = [exchange["name"] for exchange in printed["exchanges"]]
    table.check("topology print has every exchange", set(EXCHANGES) <= set(names), names)
    run = command(daemon, "topology", "declare")
    table.check("topology declare makes them", run.returncode == 0 and command(daemon, "topology", "verify").returncode == 0, run.stderr.strip())
    link.delete_exchange("erp")
    write(daemon, url, OUTPUT, topology="verify")
    run = command(daemon, "check", "--broker")
    told = run.stderr.strip().splitlines()
    table.check("a missing exchange is told", run.returncode == 1 and len(told) == 1 and "exchange 'erp'" in told[0], told)

    def log():
        with open(daemon.log_path) as file:
            return file.read()
    daemon.start()
    wait("the missing exchange in the log", lambda: "no exchange 'erp'" in log(), 30)
    table.check("and by run, which takes nothing in without it", "consumer: consuming" not in log())
    daemon.stop()
    write(daemon, url, OUTPUT)
    table.check("declare makes it again", command(daemon, "topology", "declare").returncode == 0)


def mapped(table, daemon, link, channel):
    bodies = sample("1-shopify.orders.ndjson")
    started(daemon, link)
    for body in bodies:
        channel.basic_publish("", ORDERS, body, pika.BasicProperties(delivery_mode=2))
    for body in sample("2-backorderd.inbound.ndjson"):
        channel.basic_publish("", "backorderd.inbound", body, pika.BasicProperties(delivery_mode=2))
    notices, picking, purchases = take(channel, NOTICES, 1), take(channel, PICKING, 1), take(channel, PURCHASES, 1)
    table.check("notices, picking and purchases each have their exchange", bool(notices and picking and purchases),
                f"{len(notices)} {len(picking)} {len(purchases)}")
    method, properties, body = notices[0]
    read = event(properties, body)
    data = read.get_data()
    table.check("the SDK reads a structured notice", properties.content_type == "application/cloudevents+json"
                and (read.get_id(), read.get_source(), read.get_type()) == (properties.message_id, "/shops/berlin", properties.type)
                and read.get_type().startswith("com.example.customer-notification.") and read.get_subject() == str(data["orderNumber"])
                and list(data)[0] == "orderNumber" and abs(data["at"] - read.get_time().timestamp()) < 1 and method.routing_key.startswith("notice."),
                json.dumps(data))
    method, properties, body = picking[0]
    read = event(properties, body)
    table.check("the SDK reads a binary picking request", properties.content_type == "application/json" and read.get_id() == properties.message_id
                and read.get_type() == "com.example.fulfilment-requested" and set(read.get_data()) >= {"order_id", "location", "lines"}
                and not set(read.get_data()) & {"id", "type", "time"} and method.exchange == "warehouse", body.decode())
    method, properties, body = purchases[0]
    table.check("a purchase in its own shape", method.exchange == "erp" and properties.headers.get("X-Supplier") == "nobody"
                and list(json.loads(body)) == ["material", "amount", "plant"], body.decode())
    # What replay prints of the same orders: the same ids and, but for the clock, the same bodies.
    run = subprocess.run([daemon.binary, "replay", "--config", daemon.config, "--input", ORDERS, "--store", "memory:"], capture_output=True, text=True,
                         input="\n".join(bodies), env=daemon.environment, timeout=60)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    first = json.loads(notices[0][2])
    same = [line for line in lines if line.get("id") == first["id"]]
    table.check("replay prints it mapped", run.returncode in (0, 65) and len(same) == 1 and same[0]["routing_key"] == notices[0][0].routing_key
                and {k: v for k, v in same[0]["data"].items() if k != "at"} == {k: v for k, v in first["data"].items() if k != "at"}, run.stderr[-300:])
    for queue in (NOTICES, PICKING, PURCHASES):
        channel.queue_purge(queue)
    table.check("nothing is a dead letter", link.depth(DEAD) == (0, 0), link.depth(DEAD))
    table.check("the daemon leaves in order", daemon.stop() == 0)


def kept(table, daemon, url, link, channel):
    """The notice finds no queue and stays in the outbox; then the mapping changes, and a queue is bound."""
    channel.queue_unbind(NOTICES, "shop.events", "notice.#")
    write(daemon, url, OUTPUT, queues=False)
    started(daemon, link)
    order = json.loads(sample("1-shopify.orders.ndjson")[0])
    order["id"] = 987654321
    channel.basic_publish("", ORDERS, json.dumps(order), pika.BasicProperties(delivery_mode=2))
    wait("the unroutable output in the log", lambda: "unroutable" in open(daemon.log_path).read(), 30)
    daemon.stop()
    write(daemon, url, OUTPUT.replace("orderNumber:", "changed:"))
    started(daemon, link)
    found = [json.loads(body) for _, _, body in take(channel, NOTICES, 1)]
    table.check("an output in the outbox keeps its body when the mapping changes", len(found) == 1 and found[0]["data"].get("orderNumber") == 987654321
                and "changed" not in found[0]["data"], found[0]["data"] if found else "nothing came")
    order["id"] = 987654322
    channel.basic_publish("", ORDERS, json.dumps(order), pika.BasicProperties(delivery_mode=2))
    found = [json.loads(body)["data"] for _, _, body in take(channel, NOTICES, 1)]
    table.check("the next one has the new shape", found[0].get("changed") == 987654322 if found else False, found)
    daemon.verify(table)
    daemon.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--url", required=True)
    options = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory() as directory:
        daemon = Daemon(options.binary, options.url, directory)
        link = amqp_client.Connection(options.url, "outputmaptest")
        connection = pika.BlockingConnection(pika.URLParameters(options.url))
        channel = connection.channel()
        queues = [ORDERS, "shopify.fulfillments", "backorderd.inbound", NOTICES, PICKING, PURCHASES]
        try:
            topology(table, daemon, options.url, link)
            for queue in [*queues, DEAD]:
                channel.queue_purge(queue)
            mapped(table, daemon, link, channel)
            kept(table, daemon, options.url, link, channel)
        finally:
            daemon.stop()
            for queue in queues:
                channel.queue_delete(queue)
            for exchange in EXCHANGES:
                channel.exchange_delete(exchange)
            connection.close()
            link.close()
    table.done()


if __name__ == "__main__":
    main()
