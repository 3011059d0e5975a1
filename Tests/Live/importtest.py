#!/usr/bin/env python3
"""`backorderd import` and `export`: a round trip gives the same bytes, the same file again has no effect, and one wrong
row means that nothing is imported. Needs no broker.

    importtest.py --binary PATH [--postgres URL]
"""
import argparse, json, os, random, subprocess, tempfile

from harness import Table

CONFIG = """locations: [{id: WH1}, {id: WH2}]
suppliers: {ACME: {lead_time_days: 14}}
policy:
  default: {on_backorder: %s}
  rules: [{match: {sku: "PRE-*"}, on_backorder: hold}]
"""
KINDS = ("stock", "supply", "orders")


class Bench:
    def __init__(self, binary, directory):
        self.binary, self.directory = os.path.abspath(binary), directory
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("BACKORDERD_")}
        self.config("accept")

    def config(self, policy):
        with open(f"{self.directory}/config.yaml", "w") as file:
            file.write(CONFIG % policy)

    def run(self, command, *arguments, store, text=False):
        return subprocess.run([self.binary, command, "--config", f"{self.directory}/config.yaml", "--store", store, *arguments],
                              capture_output=True, text=text, env=self.environment)

    def ok(self, command, *arguments, store):
        run = self.run(command, *arguments, store=store, text=True)
        if run.returncode:
            raise SystemExit(f"FAILED: {command} {arguments}: exit {run.returncode}: {run.stdout}{run.stderr}")
        return run.stdout

    def file(self, name, text):
        path = f"{self.directory}/{name}"
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def export(self, store, ending):
        result = {}
        for kind in KINDS:
            path = f"{self.directory}/export-{kind}.{ending}"
            self.ok("export", kind, path, store=store)
            with open(path, "rb") as file:
                result[kind] = file.read()
        return result

    def fresh(self, name):
        return f"sqlite://{self.directory}/{name}.db"


def life(seed):
    """A store's life with everything that an export has to tell: odd names, pins, held and partly shipped orders, supply with and without a date."""
    rng, lines = random.Random(seed), []
    skus = ["A", "B", "C", "PRE-1", 'q"uo,te', "zwei\u00e9", "semi;colon", "'apostrophe'", "x" * 128]

    def add(kind, minute, **keys):
        time = f"2026-03-{1 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}:00.{rng.randrange(1000000):06}Z"
        lines.append(json.dumps({"type": kind, "id": f"m{len(lines)}", "time": time, **keys}))
    for minute in range(0, 3000, 3):
        roll, sku, place = rng.random(), rng.choice(skus), rng.choice(["WH1", "WH2", "WH9"])
        if roll < 0.25:
            add("stock-received", minute, receipt_id=f"R{minute}", location=place, lines=[{"sku": sku, "quantity": rng.randint(1, 9)}])
        elif roll < 0.75:
            order = {"order_id": f"O,{minute}" if minute % 7 == 0 else f"O{minute}", "lines": [
                {"line_id": f"L{n}", "sku": rng.choice(skus), "quantity": rng.randint(1, 6),
                 **({"location": place} if rng.random() < 0.2 else {}), **({"unit_price": 12.5} if rng.random() < 0.5 else {})}
                for n in range(rng.randint(1, 4))]}
            if rng.random() < 0.7:
                order["customer"] = {"id": f"c{minute}", "contact": {"mail": "a@b", "note": 'line\nbreak, "quoted"'}, "segment": "gold"}
            if rng.random() < 0.3:
                order |= {"ship": "complete", "currency": "EUR", "requested_by": "2026-05-01T00:00:00+02:00", "priority": rng.randint(0, 9)}
            add("order-placed", minute, **order)
        elif roll < 0.85:
            add("inbound-scheduled", minute, inbound_id=f"I{minute % 60}", location=place, expected_at="2026-06-01T00:00:00Z",
                lines=[{"sku": s, "quantity": rng.randint(1, 9)} for s in rng.sample(skus, 3)], supplier="ACME")
        elif roll < 0.95:
            add("shipment-dispatched", minute, shipment_id=f"S{minute}", order_id=f"O{max(0, minute - 30)}", location=place,
                lines=[{"sku": sku, "quantity": rng.randint(1, 3)}])
        else:
            add("order-cancelled", minute, order_id=f"O{max(0, minute - 60)}")
    return "".join(line + "\n" for line in lines)


def sums(bench, store):
    """Units on hand by SKU."""
    found = {}
    for row in json.loads(show(bench, store, "stock")):
        if row["on_hand"]:
            found[row["sku"]] = found.get(row["sku"], 0) + row["on_hand"]
    return found


def show(bench, store, what):
    run = subprocess.run([bench.binary, "show", what, "--config", f"{bench.directory}/config.yaml", "--store", store, "--format", "json"],
                         capture_output=True, text=True, env=bench.environment)
    if run.returncode:
        raise SystemExit(f"FAILED: show {what}: {run.stderr}")
    return run.stdout


def round_trips(table, bench, stores):
    bench.config("accept")
    history = bench.file("life.ndjson", life(5))
    origin = bench.fresh("origin")
    bench.run("replay", history, store=origin)
    bench.config("refuse")  # what is open stays open, whatever the policy would do with a new order
    first = {ending: bench.export(origin, ending) for ending in ("csv", "ndjson")}
    rows = {kind: text.count(b"\n") for kind, text in first["ndjson"].items()}
    for name, store, ending in stores:
        for kind in KINDS:
            bench.ok("import", kind, bench.file(f"in-{kind}.{ending}", first[ending][kind]), store=store)
        again = bench.export(store, ending)
        differ = [kind for kind in KINDS if again[kind] != first[ending][kind]]
        verify = bench.run("verify", store=store, text=True)
        table.check(f"{name}, {ending}: export, import, export: the same bytes, and verify is silent",
                    not differ and verify.returncode == 0 and not verify.stdout and min(rows.values()) > 10,
                    f"{differ}: {verify.stdout}" if differ or verify.returncode else f"{rows} rows")
        table.check(f"{name}, {ending}: as much on hand", sums(bench, store) == sums(bench, origin))
        told = [bench.ok("import", kind, f"{bench.directory}/in-{kind}.{ending}", store=store) for kind in KINDS]
        table.check(f"{name}, {ending}: the same files again have no effect",
                    all(" 0 messages taken" in text for text in told) and bench.export(store, ending) == again, "" if all(" 0 messages taken" in t for t in told) else told)
    other = bench.fresh("other")
    for kind in KINDS:
        bench.ok("import", kind, bench.file(f"in-{kind}.csv", first["csv"][kind]), store=other)
    table.check("CSV and NDJSON say the same", bench.export(other, "ndjson") == first["ndjson"])
    told = [bench.ok("import", kind, bench.file(f"in-{kind}.ndjson", first["ndjson"][kind]), store=other) for kind in KINDS]
    table.check("and are known as the same", all(" 0 messages taken" in text for text in told), "" if all(" 0 messages taken" in t for t in told) else told)


BROKEN = [  # kind, ending, text, the lines and columns that must be told
    ("stock", "csv", 'sku,location,on_hand\nA,WH1,5\nB,WH1,2.5\n,WH1,1\nC,WH1,-1\nD,WH1,x"y\nE,WH1\nF,WH1,"1\nG,WH1,1\nA,WH1,6\n',
     [(3, "on_hand"), (4, "sku"), (5, "on_hand"), (6, ""), (7, ""), (8, ""), (10, "sku")]),
    ("stock", "csv", b"sku,location,on_hand\nA\xff,WH1,1\nB,WH1,1000000001\n", [(2, ""), (3, "on_hand")]),
    ("stock", "csv", "sku;location;on_hand\nA;WH1;1\n", [(1, "")]),
    ("stock", "csv", "sku,place,on_hand\nA,WH1,1\n", [(1, "place")]),
    ("stock", "csv", "sku,sku,on_hand\nA,WH1,1\n", [(1, "sku")]),
    ("stock", "csv", "sku,on_hand\nA,1\n", [(1, "location")]),
    ("stock", "csv", "", [(1, "")]),
    ("orders", "csv", "order_id,sku,quantity,placed_at,customer,priority,ship,held\nO1,A,1,2026-01-01T00:00:00Z,{},12,partial,\n"
     "O2,A,1,2026-01-01,,,,\nO3,A,0,2026-01-01T00:00:00Z,,,,\nO4,A,1,2026-01-01T00:00:00Z,[],,,\nO5,A,1,2026-01-01T00:00:00Z,,,now,\n"
     "O6,A,1,2026-01-01T00:00:00Z,,,,yes\nO1,B,1,2026-01-01T00:00:00Z,,,,\nO7,A,1,2026-01-01T00:00:00Z,,,,\nO7,B,nine,2026-01-02T00:00:00Z,,,,\nO7,,1,,,,,\nO7,C,1,,,,,\n",
     [(2, "priority"), (3, "placed_at"), (4, "quantity"), (5, "customer"), (6, "ship"), (7, "held"), (8, "order_id"), (10, "placed_at"), (11, "sku")]),
    ("orders", "ndjson", '{"order_id":"O1","line_id":"1","sku":"A","quantity":1,"placed_at":"2026-01-01T00:00:00Z"}\n{"order_id":"O1","line_id":"1","sku":"B","quantity":"1"}\n'
     '{"order_id":"O2","sku":"A","quantity":1,"placed_at":"2026-01-01T00:00:00Z","extra":1}\n{"order_id":\n[]\n',
     [(2, "quantity"), (3, "extra"), (4, ""), (5, "")]),
    ("orders", "ndjson", '{"order_id":"O1","line_id":"1","sku":"A","quantity":1,"placed_at":"2026-01-01T00:00:00Z"}\n{"order_id":"O1","line_id":"1","sku":"B","quantity":1}\n',
     [(2, "line_id")]),
    ("supply", "csv", "inbound_id,sku,quantity,location,expected_at\nP1,A,1,WH1,tomorrow\nP2,A,1,,\nP3,A,1,WH1,\nP3,B,1,WH2,\n",
     [(2, "expected_at"), (3, "location"), (5, "location")]),
]


def broken(table, bench):
    bench.config("accept")
    store, wrong = bench.fresh("broken"), []
    for number, (kind, ending, text, wanted) in enumerate(BROKEN):
        path = bench.file(f"broken-{number}.{ending}", text)
        run = bench.run("import", kind, path, store=store, text=True)
        told = [line[len(path) + 1:].split(": ") for line in run.stderr.splitlines() if line.startswith(path)]
        found = [(int(parts[0]), parts[1] if parts[1].replace("_", "").isalpha() and len(parts) > 2 else "") for parts in told]
        if run.returncode != 65 or found != wanted or not all(";" in line for line in run.stderr.splitlines() if line.startswith(path)):
            wrong.append(f"{number}: exit {run.returncode}, {found}, wanted {wanted}: {run.stderr}")
    for line in wrong:
        print("   ", line)
    table.check("every wrong row is told with line, column, cause and remedy", not wrong, f"{len(BROKEN)} files, {sum(len(b[3]) for b in BROKEN)} faults")
    left = bench.export(store, "csv")
    table.check("and nothing of these files was imported", all(text.count(b"\n") == 1 for text in left.values()))
    many = bench.file("many.csv", "sku,location,on_hand\n" + "".join(f"S{n},WH1,x\n" for n in range(2000)))
    run = bench.run("import", "stock", many, store=store, text=True)
    table.check("a long report is cut, and counts", run.returncode == 65 and run.stderr.count("\n") == 52 and "1950 faults more" in run.stderr and "2000 faults in 2000 rows" in run.stderr,
                run.stderr.splitlines()[-2:])


def conflicts(table, bench):
    store = bench.fresh("conflicts")
    bench.ok("import", "stock", bench.file("s.csv", "sku,location,on_hand\nA,WH1,5\n"), store=store)
    first = "order_id,sku,quantity,placed_at\nO1,A,3,2026-01-01T00:00:00Z\nO2,A,3,2026-01-02T00:00:00Z\n"
    out = bench.ok("import", "orders", bench.file("o.csv", first), store=store)
    table.check("customers are told nothing, purchasing is", "Not published" in out and "1 reorder-requested" in out.split("Not published")[0], out.strip())
    run = bench.run("import", "orders", bench.file("o.csv", first.replace("O1,A,3", "O1,A,4") + "O3,A,1,2026-01-03T00:00:00Z\n"), store=store, text=True)
    table.check("another content under a known order_id is told before anything changes",
                run.returncode == 65 and ":2: order_id:" in run.stderr and "O3" not in bench.export(store, "csv")["orders"].decode(), run.stderr.strip())
    out = bench.ok("import", "orders", bench.file("o.csv", first + "O0,A,3,2026-01-03T00:00:00Z\n"), store=store)
    table.check("new rows of a known file are taken alone", "1 message taken, 2 known" in out, out.splitlines()[0])
    early = bench.fresh("early")
    bench.ok("import", "stock", f"{bench.directory}/s.csv", store=early)
    bench.ok("import", "orders", bench.file("o.csv", "order_id,sku,quantity,placed_at\nLATE,A,5,2026-02-01T00:00:00Z\nEARLY,A,4,2026-01-01T00:00:00Z\n"), store=early)
    order = json.loads(subprocess.run([bench.binary, "show", "order", "EARLY", "--config", f"{bench.directory}/config.yaml", "--store", early, "--format", "json"],
                                      capture_output=True, text=True, env=bench.environment).stdout)
    table.check("units go by precedence, not by the order of the file", order["lines"][0]["allocated"] == 4, order["status"])
    text = subprocess.run([bench.binary, "explain", "order", "LATE", "--config", f"{bench.directory}/config.yaml", "--store", early],
                          capture_output=True, text=True, env=bench.environment).stdout
    table.check("explain names the import where no rule of the configuration accepted", "by the import" in text and "policy.rules" not in text, text)
    check = bench.run("import", "--check", "orders", f"{bench.directory}/o.csv", store=bench.fresh("checked"), text=True)
    table.check("--check changes nothing", check.returncode == 0 and bench.export(bench.fresh("checked"), "csv")["orders"].count(b"\n") == 1, check.stdout.strip())


def odd_bytes(table, bench):
    """A byte order mark, CRLF, and fields with quotes, commas and line breaks, over many reads of the file."""
    rng, contacts, rows = random.Random(9), {}, ["order_id,sku,quantity,placed_at,contact,customer_id"]
    for number in range(4000):
        contacts[f"O{number}"] = "".join(rng.choice(['"', ",", "\r\n", "\n", "\r", "x", "é水", " "]) for _ in range(rng.randint(1, 250)))
        rows.append(f'"O{number}",A,1,2026-01-01T00:00:00Z,"' + contacts[f"O{number}"].replace('"', '""') + '",c')
    store = bench.fresh("odd")
    path = bench.file("odd.csv", "﻿" + "\r\n".join(rows) + "\r\n\r\n")
    out = bench.ok("import", "orders", path, store=store)
    found = {row["order_id"]: row["customer"]["contact"] for row in map(json.loads, bench.export(store, "ndjson")["orders"].splitlines())}
    table.check("BOM, CRLF, quotes and line breaks", found == contacts, f"{os.path.getsize(path)} bytes: {out.splitlines()[0]}")
    return path, bench.export(store, "csv")


def ordered(export):
    """Units of outstanding supply."""
    return sum(int(row.split(b",")[2]) for row in export["supply"].splitlines()[1:])


def killed(table, bench, path, wanted, stores):
    """Killed whenever it has got somewhere, until it comes to its end: the same as if it had never been."""
    total = wanted["orders"].count(b"\nO")
    for name, store in stores:
        parts, reached = [], 0
        while True:
            process = subprocess.Popen([bench.binary, "import", "--config", f"{bench.directory}/config.yaml", "--store", store, "orders", path],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=bench.environment)
            while process.poll() is None and reached <= (parts[-1] if parts else 0):
                reached = bench.run("export", "orders", store=store).stdout.count(b"\nO")
            process.kill()
            out, err = process.communicate()
            if process.returncode >= 0:
                break
            reached = bench.run("export", "orders", store=store).stdout.count(b"\nO")
            parts.append(reached)
        found = bench.export(store, "csv")
        verify = bench.run("verify", store=store, text=True)
        table.check(f"{name}: killed in the middle, then run again: the same in the end",
                    process.returncode == 0 and found["orders"] == wanted["orders"] and ordered(found) == ordered(wanted) and verify.returncode == 0
                    and any(0 < part < total for part in parts),
                    f"rows left by each: {parts} of {total}; {out.splitlines()[0] if out else err}")


def many(bench):
    """Enough orders for several transactions, of some that go together; and what comes of them when nobody disturbs."""
    rng, rows = random.Random(11), ["order_id,sku,quantity,placed_at,held"]
    for number in range(10000):
        time = f"2026-01-{rng.randint(1, 28):02}T00:00:{rng.randint(0, 59):02}Z"
        rows += [f"O{number:06},S{rng.randrange(3000)},{rng.randint(1, 4)},{time},{'true' if number % 50 == 0 else ''}" for _ in range(rng.randint(1, 2))]
    path, store = bench.file("many-orders.csv", "\n".join(rows) + "\n"), bench.fresh("undisturbed")
    bench.ok("import", "stock", bench.file("many-stock.csv", "sku,location,on_hand\n" + "".join(f"S{n},WH{1 + n % 2},{n % 9}\n" for n in range(3000))), store=store)
    bench.ok("import", "orders", path, store=store)
    return path, bench.export(store, "csv")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--postgres", help="an empty database, which is left full")
    parser.add_argument("--postgres-killed", help="another one, for the import that is killed")
    options = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(options.binary, directory)
        stores = [("SQLite", bench.fresh("csv"), "csv"), ("SQLite", bench.fresh("ndjson"), "ndjson")]
        if options.postgres:
            stores.append(("PostgreSQL", options.postgres, "csv"))
        round_trips(table, bench, stores)
        broken(table, bench)
        conflicts(table, bench)
        odd_bytes(table, bench)
        path, wanted = many(bench)
        fresh = [("SQLite", bench.fresh("killed"))]
        if options.postgres_killed:
            fresh.append(("PostgreSQL", options.postgres_killed))
        for _, store in fresh:
            bench.ok("import", "stock", f"{directory}/many-stock.csv", store=store)
        killed(table, bench, path, wanted, fresh)
    table.done()


if __name__ == "__main__":
    main()
