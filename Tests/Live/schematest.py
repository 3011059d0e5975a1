#!/usr/bin/env python3
"""The committed schemas under a public validator (PyPI jsonschema): they are sound; every input and output of every
scenario keeps them; mutated messages are refused by a schema exactly when the daemon refuses them; the examples are
true. Needs no broker.

    schematest.py --binary PATH [--history FILE.ndjson --config FILE]...
"""
import argparse, copy, glob, json, os, subprocess, tempfile

import jsonschema

from harness import Table

HERE = os.path.dirname(os.path.abspath(__file__))
SCHEMAS = os.path.join(HERE, "../../config/schemas")
SCENARIOS = os.path.join(HERE, "../Scenarios")
Validator = jsonschema.Draft202012Validator
# The shop of the examples.
SHOP = "locations: [{id: BERLIN}, {id: ROTTERDAM}]\npolicy: {rules: [{match: {sku: \"PRE-*\"}, on_backorder: hold}]}\n"


def closed(schema, name=""):
    """The same, but a key that it does not name is a fault: nothing is published that is not described."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: {k: closed(v, k) for k, v in value.items()} if key == "properties" else closed(value, key)
              for key, value in schema.items()}
    if "properties" in schema and schema.get("type") == "object" and name != "customer":
        result["additionalProperties"] = False
    return result


def load():
    schemas = {}
    for path in sorted(glob.glob(f"{SCHEMAS}/*.json")):
        with open(path) as file:
            document = json.load(file)
        if "asyncapi" in document:
            parts = [m["payload"]["schema"] for m in document["components"]["messages"].values()]
        else:
            schemas[document["title"]], parts = document, [document]
        for part in parts:
            Validator.check_schema(part)
    return schemas


def fault(validator, message):
    error = jsonschema.exceptions.best_match(validator.iter_errors(message))
    return error and f"{error.json_path}: {error.message}"[:200]


def replay(binary, lines, directory, config=SHOP):
    """The outputs, and by line number why it was refused."""
    with open(f"{directory}/config.yaml", "w") as file:
        file.write(config)
    with open(f"{directory}/in.ndjson", "w") as file:
        file.writelines(line + "\n" for line in lines)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("BACKORDERD_")}
    run = subprocess.run([binary, "replay", "--config", f"{directory}/config.yaml", "--store", "memory:", f"{directory}/in.ndjson"],
                         capture_output=True, text=True, env=environment)
    if run.returncode not in (0, 65):
        raise SystemExit(f"FAILED: replay: exit {run.returncode}: {run.stderr}")
    return [json.loads(line) for line in run.stdout.splitlines()], {r["line"]: r for r in map(json.loads, run.stderr.splitlines())}


def native(message):
    """A structured CloudEvent as the native message that it carries."""
    if "specversion" not in message or "data" not in message:
        return message
    return {**message["data"], **{key: message[key] for key in ("id", "time") if key in message}, "type": message["type"].rpartition(".")[2]}


def scenarios(table, schemas, outputs, binary, directory):
    counts, faults = [0, 0, 0], []
    for folder in sorted(glob.glob(f"{SCENARIOS}/*/")):
        name = os.path.basename(folder[:-1])
        refused = {}
        if os.path.exists(f"{folder}rejected.ndjson"):
            with open(f"{folder}rejected.ndjson") as file:
                refused = {r["line"]: r["reason"] for r in map(json.loads, file)}
        with open(f"{folder}in.ndjson") as file:
            lines = file.read().splitlines()
        for number, line in enumerate(lines, 1):
            if refused.get(number) in ("malformed", "invalid", "unknown-type"):
                counts[2] += 1
                continue
            message = native(json.loads(line))
            counts[0] += 1
            if error := fault(Validator(schemas[message["type"]]), message):
                faults.append(f"{name} in {number}: {error}")
        # What is committed leaves out the ids: the outputs are made anew.
        with open(f"{folder}config.yaml") as file:
            made, _ = replay(binary, lines, directory, file.read())
        with open(f"{folder}out.ndjson") as file:
            if len(made) != len(file.read().splitlines()):
                faults.append(f"{name}: {len(made)} outputs")
        for number, message in enumerate(made, 1):
            counts[1] += 1
            if message.pop("routing_key").partition(".")[0] != message["type"]:
                faults.append(f"{name} out {number}: routing key")
            if error := fault(outputs[message["type"]], message):
                faults.append(f"{name} out {number}: {error}")
    table.check("scenarios keep the schemas", not faults and counts[0] > 500 and counts[1] > 500,
                "; ".join(faults[:5]) or f"{counts[0]} inputs, {counts[1]} outputs; {counts[2]} lines that are refused left out")


# Mutations

def values(schema, filler):
    """Values for one key, at and beyond every limit that its schema has, and of every wrong type."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    yield from (None, True, 5, 2.5, "x", [], {}, [1])
    if "string" in kinds:
        yield from ("", "a\u0007b", "a\u0085b", "a\u0000b", "\n", "a\nb", "é")
        if "maxLength" in schema:
            longest = schema["maxLength"]
            yield from ((filler + "x" * longest)[:longest], (filler + "x" * longest)[:longest] + "y")
        if schema.get("format") == "date-time":
            yield from ("2026-11-23T10:00:00Z", "2026-11-23t10:00:00.123456789z", "2026-11-23T12:00:00+02:00",
                        "2026-11-23T10:00:00", "2026-11-23 10:00:00Z", "2026-11-23", "2026-13-01T10:00:00Z",
                        "2026-11-32T10:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T10:60:00Z", "2026-11-23T10:00:61Z",
                        "2026-11-23T10:00:00.Z", "2026-11-23T10:00:00+24:00", "2026-11-23T10:00:00+0100", "yesterday")
        for word in schema.get("enum", []):
            yield word
            yield word and word.upper()
    if "integer" in kinds:
        low, high = schema["minimum"], schema.get("maximum")
        yield from (low, low - 1, high, high + 1, 0, -1, 1.0, 2.0, 2.5, "2", 1e300, -1e300, 1e-3)
    if "number" in kinds:
        yield from (0, -1, 12.5, 1e9, "9.99")
    if "array" in kinds:
        yield from ([None], [5], [[]], [{}])


def places(schema, path=()):
    """Every key that the schema names, with its own schema."""
    for name, part in schema.get("properties", {}).items():
        yield path + (name,), part
        yield from places(part, path + (name,))
        if "items" in part:
            yield from places(part["items"], path + (name, 0))


def changed(message, path, value, absent=False):
    result = copy.deepcopy(message)
    node = result
    for step in path[:-1]:
        if isinstance(step, str) and step not in node:
            node[step] = {}
        node = node[step]
    if absent:
        node.pop(path[-1], None)
    else:
        node[path[-1]] = value
    return result


# The keys that name a fact: each mutant gets its own, or they would be each other's duplicates.
KEYS = {"order-placed": "order_id", "stock-received": "receipt_id", "shipment-dispatched": "shipment_id",
        "stock-adjusted": "adjustment_id", "inbound-scheduled": "inbound_id"}


def mutants(kind, schema):
    example = schema["examples"][0]
    if kind == "order-placed":  # a default line_id is the position: one line alone can't collide with another
        example = {**example, "lines": example["lines"][:1]}
    yield example
    for path, part in places(schema):
        for value in values(part, f"{kind}-{'.'.join(map(str, path))}-"):
            if path == ("type",) and value is None:
                continue  # the AMQP property stands in, of which a schema knows nothing
            yield changed(example, path, value)
        if path != ("type",):
            yield changed(example, path, None, absent=True)
        if "maxItems" in part:
            line = example[path[-1]][0]
            for count in (part["maxItems"], part["maxItems"] + 1):
                yield changed(example, path, [{**line, "line_id": f"L{n}"} if "line_id" in line else line for n in range(count)])
    if "lines" in schema["properties"]:
        line = {"sku": "TENT-2P", "quantity": 1}
        for either, other in (("line_id", "sku"), ("delta", "counted")):
            if either in schema["properties"]["lines"]["items"]["properties"]:
                for first in (1, None, "absent"):
                    for second in (2, None, "absent"):
                        base = {**line, either: first, other: second}
                        if either == "line_id":
                            base = {key: str(value) if isinstance(value, int) and key in (either, other) else value for key, value in base.items()}
                        yield changed(example, ("lines",), [{k: v for k, v in base.items() if v != "absent"}])


def mutations(table, schemas, binary, directory):
    differ, taken, count = [], 0, 0
    for kind, schema in schemas.items():
        if "cause" in schema["properties"]:
            continue
        original, messages = schema["examples"][0], []
        for number, mutant in enumerate(mutants(kind, schema), 1):
            for key in {"id", "order_id", KEYS.get(kind, "id")}:
                if mutant.get(key) == original.get(key) and key in mutant:
                    mutant = {**mutant, key: f"{key}-{number}"}
            messages.append(mutant)
        # Type by type: what speaks of an order finds none, and is only read.
        _, refused = replay(binary, [json.dumps(message) for message in messages], directory)
        count += len(messages)
        for number, message in enumerate(messages, 1):
            error = fault(Validator(schema), message)
            # Two mutants of one fact, or a parked one whose time is over: the decoder took them.
            daemon = refused.get(number)
            if daemon and daemon["reason"] in ("conflict", "expired"):
                daemon = None
            taken += daemon is None
            if bool(error) != bool(daemon):
                differ.append(f"{kind} line {number}: schema: {error}; daemon: {daemon and daemon['detail']}: {json.dumps(message)[:300]}")
    for line in differ[:10]:
        print("   ", line)
    table.check("mutated messages: schema and daemon agree", not differ and taken > 100 and count - taken > 500,
                f"{count} messages, {taken} taken, {count - taken} refused, {len(differ)} differ")


def examples(table, schemas, outputs, binary, directory):
    faults = [f"{kind}: {error}" for kind, schema in schemas.items() for message in schema["examples"]
              if (error := fault(outputs[kind], message))]
    inputs = [m for s in schemas.values() if "cause" not in s["properties"] for m in s["examples"]]
    inputs.sort(key=lambda message: message["time"])
    # What the books lose the day after the shipment: the story behind fulfilment-withdrawn.
    inputs.append({"type": "stock-adjusted", "id": "count-2026-11-24", "time": "2026-11-24T06:00:00Z", "adjustment_id": "COUNT-482",
                   "location": "BERLIN", "lines": [{"sku": "TENT-2P", "counted": 0}], "reason": "water damage"})
    inputs.sort(key=lambda message: message["time"])
    made, refused = replay(binary, [json.dumps(message) for message in inputs], directory)
    for message in made:
        message.pop("routing_key")
    told = [m for s in schemas.values() if "cause" in s["properties"] for m in s["examples"]]
    missing = [message["id"] for message in told if message not in made]
    # The release is of another story: its order never comes.
    refused = {line: r for line, r in refused.items() if r["reason"] != "expired"}
    table.check("the examples keep the schemas and are true", not faults and not missing and not refused,
                "; ".join(faults) or (f"not published: {missing}" if missing else str(refused or f"{len(inputs)} inputs, {len(told)} outputs")))


def history(table, outputs, binary, path, config, directory):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("BACKORDERD_")}
    faults, count = [], 0
    command = [binary, "replay", "--config", config, "--store", "memory:", path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment) as run:
        for line in run.stdout:
            message = json.loads(line)
            message.pop("routing_key")
            count += 1
            if not outputs[message["type"]].is_valid(message) and len(faults) < 5:
                faults.append(fault(outputs[message["type"]], message))
    table.check(f"every output of {os.path.basename(path)} keeps its schema", not faults and count > 0 and run.returncode in (0, 65),
                "; ".join(faults) or f"{count} outputs")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--history", help="NDJSON to replay; every output is validated")
    parser.add_argument("--config", help="the configuration of that history")
    options = parser.parse_args()
    table, schemas, binary = Table(), load(), os.path.abspath(options.binary)
    outputs = {kind: Validator(closed(schema)) for kind, schema in schemas.items()}
    table.check("the schemas are sound", len(schemas) == 14, f"{len(schemas)} types, and the AsyncAPI document's")
    with tempfile.TemporaryDirectory() as directory:
        scenarios(table, schemas, outputs, binary, directory)
        examples(table, schemas, outputs, binary, directory)
        mutations(table, schemas, binary, directory)
        if options.history:
            history(table, outputs, binary, options.history, options.config or f"{directory}/config.yaml", directory)
    table.done()


if __name__ == "__main__":
    main()
