#!/usr/bin/env python3
"""A small AMQP 0-9-1 tool for the scripts and live tests of backorderd. Standard library only.

It declares, purges and deletes nothing but what it is asked to. `amqp_tool.py COMMAND --help` tells more.
The URL comes from --url or the environment variable AMQP_URL.
"""
import argparse, base64, json, os, signal, sys, time

from amqp_client import PROPERTIES, AMQPError, Connection
from notice_lines import human

def from_json(line, routing_key=None, properties=None):
    """One body in the project's own shape -> what publish() takes. Lines that are no JSON go out as they are."""
    body = line.rstrip(b"\r\n")
    try:
        event = json.loads(body)
        event = event if isinstance(event, dict) else {}
    except ValueError:
        event = {}
    kind, identity = event.get("type"), event.get("id")
    made = {"content_type": "application/json", "delivery_mode": 2}
    if isinstance(identity, str):
        made["message_id"] = identity
    key = routing_key or kind
    if not isinstance(key, str):
        raise AMQPError(f"no type in this line, so --routing-key is needed: {body[:60]!r}")
    return key, {**made, **(properties or {})}, body


def from_record(line, routing_key=None, properties=None):
    record = json.loads(line)
    body = base64.b64decode(record["body_base64"]) if "body_base64" in record else record["body"].encode()
    made = {**record.get("properties", {}), "headers": record.get("headers", {}), **(properties or {})}
    return routing_key or record["routing_key"], {k: v for k, v in made.items() if v != {}}, body


def raw_bodies(path):
    if os.path.isdir(path):
        for name in sorted(os.listdir(path)):
            with open(os.path.join(path, name), "rb") as file:
                yield file.read()
    else:
        with open(path, "rb") as file:
            yield from (base64.b64decode(line) for line in file if line.strip())


def pairs(items):
    found = {}
    for item in items or []:
        key, separator, text = item.partition("=")
        if not separator:
            raise AMQPError(f"{item}: expected NAME=VALUE")
        found[key.replace("-", "_") if key.replace("-", "_") in dict(PROPERTIES) else key] = text
    return found


def publish(options, link):
    properties, headers = pairs(options.property), pairs(options.header)
    properties.update({"headers": headers} if headers else {})
    if options.binary_bodies:
        if not options.routing_key:
            raise AMQPError("--binary-bodies needs --routing-key")
        messages = ((options.routing_key, {"delivery_mode": 2, **properties}, body) for body in raw_bodies(options.binary_bodies))
    else:
        form = from_record if options.records else from_json
        source = sys.stdin.buffer if options.file == "-" else open(options.file, "rb")
        messages = (form(line, options.routing_key, properties) for line in source if line.strip())
    began, tick = time.monotonic(), None
    if options.rate:
        def tick(count):
            time.sleep(max(0, began + count / options.rate - time.monotonic()))
    link.confirm()
    count = link.publish(messages, options.exchange, options.window, tick)
    seconds = time.monotonic() - began
    if not options.silent:
        print(f"{count} published and confirmed in {seconds:.2f} s ({count / max(seconds, 1e-6):.0f}/s)", file=sys.stderr)
    for message in link.returned[:5]:
        print(f"returned: no queue for routing key {message.routing_key}", file=sys.stderr)
    return 1 if link.returned or link.nacked else 0


def take(link, queues, quiet, each, limit=None, count=None, ack=True):
    """Hands every message of the queues to `each`, until `quiet` seconds bring none, `limit` seconds or `count` messages passed."""
    for queue in queues:
        link.consume(queue)
    end, last, seen = time.monotonic() + (limit or 1e9), time.monotonic(), 0
    while (now := time.monotonic()) < min(end, last + (quiet or 1e9)) and (count is None or seen < count):
        batch = link.messages(min(0.2, max(0.01, end - now)))
        if count is not None:
            batch = batch[:count - seen]
        for message in batch:
            each(message)
        if batch:
            sys.stdout.flush()
            if ack:
                link.ack(batch[-1].tag)
            last, seen = time.monotonic(), seen + len(batch)
    return seen


def drain(options, link):
    out = open(options.out, "w") if options.out else sys.stdout
    seen = take(link, options.queues, options.quiet, lambda m: print(json.dumps(m.record()), file=out), count=options.count, ack=not options.peek)
    out.flush()
    return 0 if options.count is None or seen == options.count else 1


def watch(options, link):
    show = (lambda m: print(json.dumps(m.record()))) if options.json else (lambda m: print(human(m)))
    take(link, options.queues, options.quiet, show, limit=options.seconds, ack=not options.peek)
    return 0


def depth(options, link):
    end = time.monotonic() + options.timeout
    while True:
        found = {queue: link.depth(queue) for queue in options.queues}
        done = all(d is not None and d[1] >= options.consumers and (not options.empty or d[0] == 0) for d in found.values())
        if done or time.monotonic() >= end or not (options.empty or options.consumers):
            break
        time.sleep(0.1)
    if not options.silent:
        for queue, d in found.items():
            print(f"{queue}\t-\t-" if d is None else f"{queue}\t{d[0]}\t{d[1]}")
    return 0 if done else 1


def declare(options, link):
    for exchange in options.exchange or []:
        link.declare_exchange(exchange)
    for queue in options.queue or []:
        link.declare_queue(queue, options.type)
        for binding in options.bind or []:
            exchange, _, key = binding.partition(":")
            link.bind(queue, exchange, key or "#")
    return 0


def purge(options, link):
    for queue in options.queues:
        link.purge(queue)
    return 0


def delete(options, link):
    for queue in options.queue or []:
        link.delete_queue(queue)
    for exchange in options.exchange or []:
        link.delete_exchange(exchange)
    return 0


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default=os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run, text, *options):
        sub = commands.add_parser(run.__name__, help=text, description=text)
        sub.set_defaults(run=run)
        for names, settings in options:
            sub.add_argument(*names.split(), **settings)

    queues, silent = ("queues", {"nargs": "+"}), ("--silent", {"action": "store_true"})
    many, peek = {"action": "append"}, ("--peek", {"action": "store_true", "help": "leave the messages in the queue"})
    command(publish, "publish lines, wait for their confirms; 1 if one came back",
            ("file", {"nargs": "?", "default": "-", "help": "NDJSON bodies, - for standard input"}),
            ("--exchange", {"required": True}), ("--routing-key", {"help": "default: the message's type"}),
            ("--records", {"action": "store_true", "help": "lines as `drain` writes them"}),
            ("--binary-bodies", {"metavar": "PATH", "help": "a directory of bodies, or a file of base64 lines"}),
            ("--property", {**many, "metavar": "NAME=VALUE", "help": "empty value: leave it out"}),
            ("--header", {**many, "metavar": "NAME=VALUE"}), ("--window", {"type": int, "default": 2000}),
            ("--rate", {"type": float, "help": "messages a second"}), silent)
    command(drain, "take all messages of queues, write them as JSON lines", queues, peek,
            ("--quiet", {"type": float, "default": 1.0, "help": "done after so many seconds without one"}),
            ("--count", {"type": int, "help": "done after so many; 1 if fewer came"}), ("--out", {"help": "a file"}))
    command(watch, "show messages as they come", queues, peek, ("--json", {"action": "store_true"}),
            ("--quiet", {"type": float, "help": "done after so many seconds without one"}),
            ("--seconds", {"type": float, "help": "done after so many seconds"}))
    command(depth, "queue, ready messages, consumers; 1 if what is waited for did not come", queues, silent,
            ("--empty", {"action": "store_true", "help": "wait until nothing is ready"}),
            ("--consumers", {"type": int, "default": 0, "help": "wait for so many"}), ("--timeout", {"type": float, "default": 30}))
    command(declare, "make durable topic exchanges, queues and bindings", ("--exchange", many), ("--queue", many),
            ("--type", {"default": "quorum"}), ("--bind", {**many, "metavar": "EXCHANGE:KEY"}))
    command(purge, "empty queues", queues)
    command(delete, "delete queues and exchanges", ("--exchange", many), ("--queue", many))
    return parser.parse_args(arguments)


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    options = parse(sys.argv[1:])
    try:
        link = Connection(options.url)
        code = options.run(options, link)
        link.close()
        return code
    except (AMQPError, OSError, ValueError, KeyError) as error:
        print(f"amqp_tool: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
