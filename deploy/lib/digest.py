#!/usr/bin/env python3
"""The digest of an end state: sha256 over "sku<TAB>on_hand<TAB>allocated<TAB>waiting" lines, sorted, first 16 hex digits.

    digest.py STOCK_JSON BACK_ORDERS_JSON SKUS

STOCK_JSON is `backorderd show stock --format json`, BACK_ORDERS_JSON `backorderd show back-orders --format json`.
SKUS is a history directory (expected.json tells how many there are), an NDJSON file of messages, or a list, one a line.
"""
import hashlib, json, os, sys


def digest(stock, back_orders, skus):
    """Sums over locations; every SKU counts, also one with no stock and no orders."""
    state = {sku: [0, 0, 0] for sku in skus}
    for row in stock:
        entry = state.setdefault(row["sku"], [0, 0, 0])
        entry[0] += row["on_hand"]
        entry[1] += row["allocated"]
    for row in back_orders:
        state.setdefault(row["sku"], [0, 0, 0])[2] += row["waiting"]
    lines = "".join(f"{sku}\t{a}\t{b}\t{c}\n" for sku, (a, b, c) in sorted(state.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def skus_of(path):
    # opening.ndjson leaves out SKUs that start empty, so a history's list is rebuilt from its number of SKUs.
    if os.path.isdir(path):
        with open(os.path.join(path, "expected.json")) as file:
            return [f"SKU{i:04d}" for i in range(1, json.load(file)["args"]["skus"] + 1)]
    with open(path) as file:
        lines = [line.strip() for line in file if line.strip()]
    if lines and lines[0].startswith("{"):
        return sorted({line["sku"] for text in lines for line in json.loads(text).get("lines", [])})
    return lines


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    with open(sys.argv[1]) as first, open(sys.argv[2]) as second:
        print(digest(json.load(first), json.load(second), skus_of(sys.argv[3])))
