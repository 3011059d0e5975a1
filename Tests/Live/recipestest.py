#!/usr/bin/env python3
"""The Python recipes of docs/integration.md as they stand there, against a broker and a daemon; every input type
published and every output consumed with pika (PyPI); CloudEvents of the official SDK (PyPI cloudevents).

    recipestest.py --binary PATH --url AMQP_URL      with a Python that has pika, cloudevents and jsonschema
"""
import argparse, glob, json, os, re, subprocess, sys, tempfile, threading, time

import jsonschema, pika

from harness import DEAD, EXCHANGE, INPUT, OUTPUTS, Daemon, Table, amqp_client, clear, wait

HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENT = os.path.join(HERE, "../../docs/integration.md")
SCHEMAS = os.path.join(HERE, "../../config/schemas")


def recipes():
    with open(DOCUMENT) as file:
        return dict(re.findall(r"<!-- recipe: (\S+) -->\n```python\n(.*?)```", file.read(), re.DOTALL))


class Recipe:
    """A recipe as a process of its own, its lines read as they come."""

    def __init__(self, text, name, directory, url):
        self.name, self.lines = name, []
        path = f"{directory}/{name}"
        with open(path, "w") as file:
            file.write(text)
        self.process = subprocess.Popen([sys.executable, "-B", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, "AMQP_URL": url})
        threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True).start()

    def done(self):
        code = self.process.wait(30)
        return code == 0 or self.process.stderr.read()[-500:]

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def recipes_run(table, url, directory, daemon):
    texts = recipes()
    table.check("the document's Python recipes", sorted(texts) == ["cloudevents_publish.py", "consume.py", "publish.py"], sorted(texts))
    consumer = Recipe(texts["consume.py"], "consume.py", directory, url)
    try:
        for _ in range(2):  # the second one is a duplicate
            done = Recipe(texts["publish.py"], "publish.py", directory, url).done()
            table.check("publish.py", done is True, "" if done is True else done)
        done = Recipe(texts["cloudevents_publish.py"], "cloudevents_publish.py", directory, url).done()
        table.check("cloudevents_publish.py", done is True, "" if done is True else done)
        wait("three notices", lambda: len(consumer.lines) >= 3, 30)
        time.sleep(1)
        told = sorted(line.split(" None")[0].strip() for line in consumer.lines)
        wanted = ["O-1003 1 order-backordered 2 x TENT-2P", "O-1004 1 order-backordered 1 x TENT-2P", "O-1005 1 order-backordered 1 x TENT-2P"]
        table.check("consume.py tells what happened, once", told == wanted, told)
    finally:
        consumer.stop()
    for number, form in ((1004, "structured"), (1005, "binary")):
        order = daemon.show_order(f"O-{number}")
        table.check(f"a {form} event of the SDK is read, its time too", order["placed_at"] == "2026-11-23T10:00:00.000Z", order["placed_at"])


def everything(table, url, daemon):
    """Every input type's example goes out with pika; every output comes back with it and keeps its schema."""
    schemas = {}
    for path in glob.glob(f"{SCHEMAS}/*.json"):
        with open(path) as file:
            document = json.load(file)
        if "asyncapi" not in document:
            schemas[document["title"]] = document
    inputs = [message for schema in schemas.values() if "cause" not in schema["properties"] for message in schema["examples"]]
    # Under names of this test's own, and in their order of time.
    text = json.dumps(sorted(inputs, key=lambda message: message["time"])).replace("O-1003", "O-2003").replace("7d0c9a34", "pika-order").replace("TENT-2P", "TENT-4P")
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    found, dead = [], []
    for message in json.loads(text):
        channel.basic_publish(EXCHANGE, message["type"], json.dumps(message), pika.BasicProperties(
            content_type="application/json", delivery_mode=pika.DeliveryMode.Persistent, message_id=message["id"]), mandatory=True)
    end = time.monotonic() + 60
    while time.monotonic() < end and not {m["type"] for _, m in found} >= {"customer-notification", "fulfilment-requested", "reorder-requested"}:
        for queue in OUTPUTS:
            method, properties, body = channel.basic_get(queue)
            if method:
                message = json.loads(body)
                found.append((properties, message))
                if properties.message_id != message["id"] or properties.delivery_mode != 2 or properties.content_type != "application/json":
                    table.check("properties", False, properties)
                channel.basic_ack(method.delivery_tag)
        time.sleep(0.02)
    method, properties, body = channel.basic_get(DEAD)
    connection.close()
    faults = [f"{message['type']}: {error.message}" for _, message in found
              for error in jsonschema.Draft202012Validator(schemas[message["type"]]).iter_errors(message)]
    kinds = sorted({message["type"] for _, message in found})
    table.check("pika publishes all nine types and consumes what they cause", len(inputs) == 9 and not faults and len(kinds) >= 3 and method is None,
                faults or (f"dead letter: {properties.headers}" if method else f"{len(found)} outputs: {', '.join(kinds)}"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--url", required=True)
    options = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory() as directory:
        daemon = Daemon(options.binary, options.url, directory, "suppliers: {ACME: {lead_time_days: 14}}\n")
        daemon.show_order = lambda name: json.loads(subprocess.run(
            [daemon.binary, "show", "order", name, "--config", daemon.config, "--format", "json"], capture_output=True, text=True,
            env=daemon.environment, check=True).stdout)
        link = amqp_client.Connection(options.url, "recipes")
        clear(link)
        daemon.start()
        try:
            daemon.await_consuming(link)
            recipes_run(table, options.url, directory, daemon)
            everything(table, options.url, daemon)
            daemon.verify(table)
        finally:
            code = daemon.stop()
        table.check("the daemon leaves in order", code == 0, code)
        clear(link)
    table.done()


if __name__ == "__main__":
    main()
