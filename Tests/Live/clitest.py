#!/usr/bin/env python3
"""The command line as people and scripts meet it: tables that fit, colours and progress on a terminal only, suggestions,
JSON that stays, exit codes; man pages and completions that can be made. Needs no broker.

    clitest.py --binary PATH
"""
import argparse, fcntl, glob, json, os, pty, re, shutil, sqlite3, struct, subprocess, sys, tempfile, termios, threading

from harness import Table

HERE = os.path.dirname(os.path.abspath(__file__))
MANUAL = os.path.join(HERE, "../../deploy/package/manual.py")
LONG = "TENT-WITH-A-VERY-LONG-NAME-THAT-DOES-NOT-FIT-INTO-ANY-TERMINAL-OF-THE-USUAL-WIDTH-OF-EIGHTY-LETTERS"
WIDE = "帐篷-" + "露营" * 15

# What scripts read: these keys, in this order (config-and-cli.md).
KEYS = {
    ("show", "stock"): ["sku", "location", "on_hand", "allocated"],
    ("show", "back-orders"): ["order_id", "line_id", "sku", "waiting", "place", "promised_at"],
    ("show", "demand"): ["sku", "day", "demand", "filled", "back_ordered", "held", "refused", "cancelled_waiting"],
}
ORDER = ["order_id", "status", "placed_at"]
LINE = ["line_id", "sku", "ordered", "allocated", "waiting", "held", "dispatched", "cancelled", "refused", "first_promised_at", "promised_at", "estimated_at"]
TYPING_ERRORS = [
    (["shwo", "stock"], "Did you mean 'backorderd show'?"),
    (["show", "stokc"], "Did you mean 'backorderd show stock'?"),
    (["back-orders"], "Did you mean 'backorderd show back-orders'?"),
    (["explain", "4711"], "Did you mean 'backorderd explain order 4711'?"),
    (["show", "stock", "--formt", "json"], "Did you mean '--format'?"),
    (["show", "stock", "--format", "jsn"], "'table', 'json' or 'csv'"),
    (["dead-letters", "lst"], "Did you mean 'backorderd dead-letters list'?"),
    (["frobnicate"], "Commands: run, shadow, check, "),
    (["schema", "order-plced"], "did you mean order-placed?"),
]


class Runner:
    def __init__(self, binary, directory):
        self.binary, self.directory = os.path.abspath(binary), directory
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("BACKORDERD_") and k not in ("NO_COLOR", "COLUMNS")}
        self.environment |= {"TERM": "xterm", "LC_ALL": "C.UTF-8"}
        self.config = f"{directory}/backorderd.yaml"
        with open(self.config, "w") as file:
            file.write(f"store: {{url: \"sqlite://{directory}/store.db\"}}\nlocations: [{{id: WH1}}]\n")

    def __call__(self, *arguments, **more):
        return subprocess.run([self.binary, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, env=self.environment, cwd=self.directory, **more)

    def on_terminal(self, *arguments, columns=80, output=True, errors=True, **environment):
        """Runs it with standard output and error, or one of them, on a terminal; answers what appeared there, and elsewhere."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        attributes = termios.tcgetattr(theirs)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        with tempfile.TemporaryFile() as elsewhere:
            run = subprocess.Popen([self.binary, *arguments], stdin=subprocess.DEVNULL, stdout=theirs if output else elsewhere,
                                   stderr=theirs if errors else elsewhere, env={**self.environment, **environment}, cwd=self.directory)
            os.close(theirs)
            seen = b""
            try:
                while data := os.read(ours, 65536):
                    seen += data
            except OSError:
                pass  # The last one closed the terminal.
            os.close(ours)
            run.wait()
            elsewhere.seek(0)
            return seen.decode(), elsewhere.read().decode()


def width(line):
    plain = re.sub(r"\x1b\[[0-9;]*m", "", line)
    return sum(2 if ord(c) >= 0x2E80 else 1 for c in plain)


def history(directory, count=3000):
    lines = [{"type": "stock-received", "id": f"r{n}", "receipt_id": f"R{n}", "location": "WH1", "lines": [{"sku": sku, "quantity": 3}]} for n, sku in enumerate((LONG, WIDE))]
    lines += [{"type": "order-placed", "id": f"o{n}", "order_id": f"O{n}", "lines": [{"sku": (LONG, WIDE)[n % 2], "quantity": 2}]} for n in range(count)]
    with open(f"{directory}/history.ndjson", "w") as file:
        file.writelines(json.dumps({"time": "2026-11-23T10:00:00Z", **line}) + "\n" for line in lines)
    return f"{directory}/history.ndjson"


def tables(table, run):
    for columns in (60, 80, 200):
        shown, _ = run.on_terminal("show", "stock", "--config", run.config, columns=columns)
        widest = max(map(width, shown.splitlines()))
        table.check(f"a table fits {columns} columns", widest <= columns and "on_hand" in shown and "3" in shown, widest)
    table.check("and is not cut where it fits", LONG in run.on_terminal("show", "stock", "--config", run.config, columns=200)[0])
    piped = run("show", "stock", "--config", run.config).stdout
    table.check("in a pipe nothing is cut or coloured", LONG in piped and WIDE in piped and "\x1b" not in piped and "…" not in piped)
    shown, _ = run.on_terminal("show", "stock", "--config", run.config)
    table.check("on a terminal the heading is set apart", "\x1b[1m" in shown)
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        shown, _ = run.on_terminal("show", "stock", "--config", run.config, **{name: value})
        table.check(f"not with {name}={value}", "\x1b" not in shown and "on_hand" in shown)


def progress(table, run, path):
    shown, output = run.on_terminal("replay", "--config", run.config, "--store", f"sqlite://{run.directory}/p.db", path, output=False)
    table.check("replay tells how far it is, on the terminal alone", re.search(r"\d+ messages \(\d+ %\)", shown) and output.count("\n") > 1000 and "\x1b" not in output, shown[-60:])
    table.check("and cleans up", shown.endswith("\r\x1b[K"))
    both, _ = run.on_terminal("replay", "--config", run.config, "--store", f"sqlite://{run.directory}/q.db", path)
    table.check("not into its own output", " %)" not in both)
    shown, output = run.on_terminal("simulate", "--config", run.config, "--config", run.config, path, output=False)
    table.check("simulate tells how far it is", re.search(r"messages \(\d+ %\)", shown), shown[-60:])
    shown, _ = run.on_terminal("verify", "--config", run.config, output=False)
    table.check("verify tells how far it is, and what it read", "orders read" in shown and "all holds: 3000 orders" in shown, shown[-60:])
    table.check("migrate tells that it waits", *migrate_that_waits(run))
    for command in (["replay", "--store", f"sqlite://{run.directory}/r.db", path], ["verify"], ["simulate", path]):
        quiet = run(command[0], "--config", run.config, *command[1:])
        table.check(f"{command[0]}: silent where nobody watches", quiet.returncode == 0 and not quiet.stderr, quiet.stderr[:200])


def migrate_that_waits(run):
    """Another one has the store for two seconds and more."""
    path = f"{run.directory}/locked.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(2.5, lambda: other.execute("ROLLBACK"))
    release.start()
    shown, output = run.on_terminal("migrate", "--config", run.config, "--store", f"sqlite://{path}", output=False)
    release.join()
    other.close()
    return "bringing the schema up to date, 1 s" in shown and shown.endswith("\r\x1b[K") and "version 0 to" in output, (shown[-60:] + output).strip()


def typing_errors(table, run):
    for words, wanted in TYPING_ERRORS:
        said = run(*words)
        table.check(" ".join(words), said.returncode == (66 if words[0] == "schema" else 64) and wanted in said.stderr and not said.stdout, " | ".join(said.stderr.splitlines()))


def scripts(table, run):
    for words, keys in KEYS.items():
        rows = json.loads(run(*words, "--config", run.config, "--format", "json").stdout)
        table.check(f"{' '.join(words)}: the keys of its JSON", rows and all(list(row) == keys for row in rows), list(rows[0]) if rows else "none")
    order = json.loads(run("show", "order", "O1", "--config", run.config, "--format", "json").stdout)
    lines = order["lines"]
    table.check("show order: the keys of its JSON", [k for k in order if k in ORDER] == ORDER and all(set(LINE) <= set(line) for line in lines), list(lines[0]))
    with open(f"{run.directory}/wrong.yaml", "w") as file:
        file.write("worker: {bach: 1}\n")
    with open(f"{run.directory}/bad.ndjson", "w") as file:
        file.write("{}\n")
    for words, code in ((["check", "--config", run.config], 0), (["check", "--config", "wrong.yaml"], 78), (["show", "order", "NONE", "--config", run.config], 66),
                        (["explain", "order", "NONE", "--config", run.config], 66), (["schema", "nothing"], 66), (["replay", "--store", "memory:", "bad.ndjson"], 65),
                        (["replay", "nowhere.ndjson", "--store", "memory:"], 1), (["show", "stock", "--store", "sqlite://nowhere.db"], 1), (["--version"], 0), (["show", "--help"], 0)):
        said = run(*words)
        table.check(f"exit {code}: {' '.join(words[:3])}", said.returncode == code, said.stderr.strip()[:120])


def made(table, run):
    """What the package takes along."""
    subprocess.run([sys.executable, "-B", MANUAL, run.binary, f"{run.directory}/man"], check=True)
    pages = sorted(glob.glob(f"{run.directory}/man/*.1"))
    commands = re.findall(r"^  ([a-z-]+) {2,}", run("--help").stdout.split("SUBCOMMANDS:")[1], re.M)
    names = {os.path.basename(page) for page in pages}
    table.check("a man page for each command", names == {"backorderd.1"} | {f"backorderd-{c}.1" for c in commands if c != "help"}, len(pages))
    with open(f"{run.directory}/man/backorderd-run.1") as file:
        text = file.read().replace("\\-", "-")
    options = set(re.findall(r"--[a-z-]+", run("run", "--help").stdout))
    table.check("with every option that --help has", options and all(option in text for option in options), sorted(options))
    if shutil.which("groff"):
        said = [subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", page], capture_output=True, text=True).stderr for page in pages]
        table.check("groff has nothing to say against them", not any(said), "".join(said)[:200])
    for shell in ("bash", "zsh", "fish"):
        script = run("--generate-completion-script", shell).stdout
        table.check(f"completions for {shell} know the commands", all(c in script for c in commands))
        if shutil.which(shell):
            path = f"{run.directory}/completion.{shell}"
            with open(path, "w") as file:
                file.write(script)
            checked = subprocess.run([shell, "-n", path], capture_output=True, text=True)
            table.check(f"and are a script of {shell}", checked.returncode == 0, checked.stderr[:200])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    options = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory() as directory:
        run = Runner(options.binary, directory)
        path = history(directory)
        first = run("replay", "--config", run.config, path)
        table.check("a history to look at", first.returncode == 0, first.stderr[:200])
        tables(table, run)
        progress(table, run, path)
        typing_errors(table, run)
        scripts(table, run)
        made(table, run)
    table.done()


if __name__ == "__main__":
    main()
