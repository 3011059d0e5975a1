"""Broken messages, each with the reason for which it must be dead-lettered. Deterministic; standard library only."""
import copy, json

ORDER = {"type": "order-placed", "id": "b-1", "time": "2026-03-02T08:00:00Z", "order_id": "B1",
         "customer": {"id": "C1"}, "lines": [{"sku": "A", "quantity": 1}]}
RECEIPT = {"type": "stock-received", "id": "b-2", "time": "2026-03-02T08:00:00Z", "receipt_id": "RB1",
           "location": "WH1", "lines": [{"sku": "A", "quantity": 1}]}
SHIPMENT = {"type": "shipment-dispatched", "id": "b-3", "time": "2026-03-02T08:00:00Z", "shipment_id": "SB1",
            "order_id": "B1", "lines": [{"line_id": "1", "quantity": 1}]}
ADJUSTMENT = {"type": "stock-adjusted", "id": "b-4", "time": "2026-03-02T08:00:00Z", "adjustment_id": "AB1",
              "location": "WH1", "lines": [{"sku": "A", "delta": 1}]}
INBOUND = {"type": "inbound-scheduled", "id": "b-5", "time": "2026-03-02T08:00:00Z", "inbound_id": "IB1",
           "location": "WH1", "expected_at": "2026-04-02T08:00:00Z", "lines": [{"sku": "A", "quantity": 1}]}
MISSING = object()


def changed(message, path, value):
    result = copy.deepcopy(message)
    at = result
    for step in path[:-1]:
        at = at[step]
    if value is MISSING:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return json.dumps(result).encode()


def raw(message, old, new):
    body = json.dumps(message).encode()
    assert old in body, old
    return body.replace(old, new, 1)


def corpus():
    """[(name, body, reason)]"""
    found = []

    def add(name, body, reason):
        found.append((name, body, reason))

    good = json.dumps(ORDER).encode()
    for cut in range(1, len(good), 4):
        add(f"cut at {cut}", good[:cut], "malformed")
    for name, body in {
        "empty": b"", "spaces": b"   ", "null": b"null", "number": b"42", "text": b'"order"', "list": b"[]", "true": b"true",
        "binary": bytes(range(256)), "zeros": b"\0" * 64, "utf-16": good.decode().encode("utf-16"), "two objects": good + good,
        "rubbish behind": good + b"x", "single quotes": good.replace(b'"', b"'"), "comment": b"/* hi */" + good,
        "trailing comma": raw(ORDER, b'"quantity": 1}', b'"quantity": 1,}'), "NaN": raw(ORDER, b'"quantity": 1', b'"quantity": NaN'),
        "Infinity": raw(ORDER, b'"quantity": 1', b'"quantity": Infinity'), "plus": raw(ORDER, b'"quantity": 1', b'"quantity": +1'),
        "leading zero": raw(ORDER, b'"quantity": 1', b'"quantity": 01'), "bare point": raw(ORDER, b'"quantity": 1', b'"quantity": 1.'),
        "hex": raw(ORDER, b'"quantity": 1', b'"quantity": 0x1'), "invalid utf-8": raw(ORDER, b'"B1"', b'"B\xff1"'),
        "overlong utf-8": raw(ORDER, b'"B1"', b'"B\xc0\xaf"'), "surrogate in utf-8": raw(ORDER, b'"B1"', b'"B\xed\xa0\x80"'),
        "half a pair": raw(ORDER, b'"B1"', b'"B\\ud800"'), "bad escape": raw(ORDER, b'"B1"', b'"B\\x41"'),
        "raw control": raw(ORDER, b'"B1"', b'"B\x011"'), "deep lists": b"[" * 5000 + b"]" * 5000,
        "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "deep inside": raw(ORDER, b'"C1"', b"[" * 2000 + b"]" * 2000), "unclosed deep": b"[" * 100_000,
    }.items():
        add(name, body, "malformed")
    for kind in ("", "order", "order-Placed", "com.acme.unheard", "order-placed ", "customer-notification"):
        add(f"type {kind!r}", changed(ORDER, ["type"], kind), "unknown-type")
    add("no type", changed(ORDER, ["type"], MISSING), "unknown-type")

    wrong_quantities = [2.5, 0, -1, 1_000_000_001, "2", "", None, True, [], {}, [1], 1e300, -0.5, 0.999999999]
    for message in (ORDER, RECEIPT, SHIPMENT, INBOUND):
        for quantity in wrong_quantities:
            add(f"{message['type']} quantity {quantity!r}", changed(message, ["lines", 0, "quantity"], quantity), "invalid")
        add(f"{message['type']} without quantity", changed(message, ["lines", 0, "quantity"], MISSING), "invalid")
        for lines in ([], None, {}, "A", 1, [None], [1], ["A"], [[]], [{}]):
            add(f"{message['type']} lines {lines!r}", changed(message, ["lines"], lines), "invalid")
    for huge in (b"1e300", b"1" + b"0" * 400, b"1e99999999999999999999", b"9223372036854775808", b"0." + b"1" * 400):
        add(f"quantity {huge[:12]!r}", raw(ORDER, b'"quantity": 1', b'"quantity": ' + huge), "invalid")
    keys = [(ORDER, ["order_id"]), (ORDER, ["lines", 0, "sku"]), (RECEIPT, ["receipt_id"]), (RECEIPT, ["location"]),
            (SHIPMENT, ["shipment_id"]), (SHIPMENT, ["order_id"]), (ADJUSTMENT, ["adjustment_id"]), (INBOUND, ["inbound_id"])]
    for message, path in keys:
        for text in ("", "x" * 129, "tab\there", "line\nbreak", "nul\0", "\x7f", 5, None, MISSING, ["A"], {"a": 1}, True, "ä" * 65):
            name = "missing" if text is MISSING else repr(text)[:20]
            add(f"{message['type']} {path[-1]} {name}", changed(message, path, text), "invalid")
    times = ["2026-03-02T08:00:00", "2026-03-02", "yesterday", "", 5, "2026-13-02T08:00:00Z", "2026-02-30T08:00:00Z",
             "2026-03-02T25:00:00Z", "2026-03-02T08:61:00Z", "2026-03-02T08:00:00+25:00", "02.03.2026 08:00", "2026-03-02T08:00Z"]
    for time in times:
        add(f"time {time!r}", changed(ORDER, ["time"], time), "invalid")
        add(f"placed_at {time!r}", changed(ORDER, ["placed_at"], time), "invalid")
        add(f"expected_at {time!r}", changed(INBOUND, ["expected_at"], time), "invalid")
    add("no expected_at", changed(INBOUND, ["expected_at"], MISSING), "invalid")
    for path, value in ((["priority"], 10), (["priority"], -1), (["priority"], "high"), (["priority"], 1.5), (["ship"], "later"),
                        (["ship"], 1), (["customer"], "anna"), (["customer"], []), (["lines", 0, "location"], ""), (["lines", 0, "line_id"], 1)):
        add(f"{path[-1]} {value!r}", changed(ORDER, path, value), "invalid")
    twice = [{"sku": "A", "quantity": 1, "line_id": "7"}, {"sku": "B", "quantity": 1, "line_id": "7"}]
    add("line_id twice", changed(ORDER, ["lines"], twice), "invalid")
    add("line_id meets a default", changed(ORDER, ["lines"], [{"sku": "A", "quantity": 1, "line_id": "2"}, {"sku": "B", "quantity": 1}]), "invalid")
    add("1001 lines", changed(ORDER, ["lines"], [{"sku": f"S{i}", "quantity": 1} for i in range(1001)]), "invalid")
    add("10000 lines", changed(ORDER, ["lines"], [{"sku": f"S{i}", "quantity": 1} for i in range(10_000)]), "invalid")
    for line in ({"sku": "A"}, {"sku": "A", "delta": 0}, {"sku": "A", "delta": 1, "counted": 1}, {"sku": "A", "counted": -1}, {"sku": "A", "delta": 2.5}):
        add(f"adjustment {line}", changed(ADJUSTMENT, ["lines"], [line]), "invalid")
    add("line without a name", changed(SHIPMENT, ["lines"], [{"quantity": 1}]), "invalid")
    return found
