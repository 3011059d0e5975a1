#!/usr/bin/env python3
"""Foreign shapes through a broker: worked examples give on the wire what their test says, and the two inputs of mapping.md
make two events of one message.

    shapestest.py --binary PATH --url AMQP_URL
"""
import argparse, json, os, re, tempfile

from harness import DEAD, HERE, OUTPUTS, Daemon, Table, amqp_client, drain, wait

ROOT = os.path.join(HERE, "../..")
EXAMPLES = ["commercetools", "debezium", "edi-x12"]
OUR_QUEUES = [DEAD, *OUTPUTS]


def clear(link):
    for queue in OUR_QUEUES:
        if link.depth(queue):
            link.purge(queue)


def started(daemon, link, text, queues):
    with open(daemon.config, "w") as file:
        file.write(text)
    daemon.start()

    def consuming():
        daemon.check_alive()
        return all((link.depth(queue) or (0, 0))[1] > 0 for queue in queues)
    wait("the daemon to consume", consuming, 60)


def settings(text, url, daemon):
    text = text.replace("broker:\n", f"broker:\n  urls: [\"{url}\"]\n", 1)
    return text.replace("\"memory:\"", f"\"sqlite://{os.path.abspath(daemon.directory)}/store.db\"") + "operations: {listen: null}\n"


def publish(url, bodies, exchange, key, properties=None):
    link = amqp_client.Connection(url, "shapestest")
    link.confirm()
    link.publish(((key, {"content_type": "application/json", "delivery_mode": 2, **(properties or {})}, body) for body in bodies), exchange)
    link.await_confirms()
    if link.returned or link.nacked:
        raise SystemExit(f"FAILED: {link.returned} returned")
    link.close()


def quiet(link, queue, outputs):
    """The queue is empty, and so many outputs and dead letters are there."""
    wait(f"{queue} to be worked off, and {outputs} messages out",
         lambda: link.depth(queue)[0] == 0 and sum((link.depth(q) or (0, 0))[0] for q in OUR_QUEUES) >= outputs, 60)


def example(table, link, url, binary, name, directory):
    folder = os.path.join(ROOT, "config/examples/mapped", name)
    sample = next(file for file in os.listdir(folder) if re.match(r"1-.*\.ndjson", file))
    queue = sample[2:-len(".ndjson")]
    with open(f"{folder}/{sample}", "rb") as file:
        bodies = file.read().splitlines()
    with open(f"{folder}/expected.ndjson") as file:
        expected = [json.loads(line) for line in file]
    with open(f"{folder}/backorderd.yaml") as file:
        text = file.read()
    daemon = Daemon(binary, url, f"{directory}/{name}")
    clear(link)
    started(daemon, link, settings(text, url, daemon), [queue])
    publish(url, bodies, "", queue)
    outputs = [line for line in expected if "id" in line]
    rejected = [line["detail"] for line in expected if "rejected" in line]
    quiet(link, queue, len(outputs) + len(rejected))
    made = sorted(json.loads(message.body)["id"] for message in drain(url, OUTPUTS))
    table.check(f"{name}: the outputs of its test come out", made == sorted(line["id"] for line in outputs), f"{len(made)} of {len(outputs)}")
    dead = drain(url, [DEAD])
    details = [str(message.properties["headers"].get("x-backorder-detail")) for message in dead]
    table.check(f"{name}: dead letters say which pointer found what", details == rejected, details)
    daemon.verify(table)
    table.check(f"{name}: the daemon leaves in order", daemon.stop() == 0)
    link.delete_queue(queue)


def two_events(table, link, url, binary, directory):
    with open(os.path.join(ROOT, "docs/mapping.md")) as file:
        page = file.read()
    inputs = re.search(r"```yaml\n(inputs:\n  - queue: pos\.sales\n.*?)```", page, re.S).group(1)
    text = "broker:\n" + "".join(f"  {line}\n" for line in inputs.splitlines()) + "store: {url: \"memory:\"}\nlocations: [{id: WH-1}]\n"
    daemon = Daemon(binary, url, f"{directory}/pos")
    clear(link)
    started(daemon, link, settings(text, url, daemon), ["pos.sales", "pos.returns"])
    receipt = json.dumps({"receipt": "K-1", "lines": [{"sku": "SHAPE-A", "qty": 2}, {"sku": "SHAPE-B", "qty": -3}]}).encode()
    for _ in range(2):
        publish(url, [receipt], "pos", "receipt", {"message_id": "K-1"})
    quiet(link, "pos.sales", 2)
    wait("the returns", lambda: [row for row in daemon.show("stock") if row["sku"] == "SHAPE-B"], 30)
    stock = {row["sku"]: row["on_hand"] for row in daemon.show("stock")}
    table.check("one message, two inputs: its return is in stock, once", stock.get("SHAPE-B") == 3, stock)
    notices = [json.loads(message.body) for message in drain(url, OUTPUTS[:1])]
    table.check("and its sale is one back order", [n["kind"] for n in notices] == ["order-backordered"] and notices[0]["lines"][0]["quantity"] == 2, notices)
    table.check("and nothing is a dead letter", link.depth(DEAD)[0] == 0)
    table.check("the daemon leaves in order", daemon.stop() == 0)
    for queue in ("pos.sales", "pos.returns"):
        link.delete_queue(queue)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--url", required=True)
    options = parser.parse_args()
    table, link = Table(), amqp_client.Connection(options.url, "shapestest")
    with tempfile.TemporaryDirectory() as directory:
        for name in EXAMPLES:
            example(table, link, options.url, options.binary, name, directory)
        two_events(table, link, options.url, options.binary, directory)
    clear(link)
    link.close()
    table.done()


if __name__ == "__main__":
    main()
