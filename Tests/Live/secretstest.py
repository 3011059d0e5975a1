#!/usr/bin/env python3
"""Secrets stay secret: the daemon and its commands are given recognisable ones and every error we can cause, and all that they
write, show in the process list or tell the broker is searched.

    secretstest.py --binary PATH --node DIR --postgres DIR     (of deploy/lib/private-rabbitmq and private-postgres)
"""
import argparse, base64, json, os, subprocess, tempfile, time
from urllib.parse import quote, urlsplit

from harness import Table
from topologytest import Node

# With characters that need escapes, so that decoded and encoded forms differ.
SECRETS = {name: f"{name}/Zq9@x:{name[::-1]} end" for name in ("amqpsecret", "pgsecret", "querysecret", "filesecret", "argsecret", "keysecret", "reloadsecret")}
ENCODED = {name: quote(secret, safe="") for name, secret in SECRETS.items()}


def forms(name):
    secret = SECRETS[name]
    return [secret, ENCODED[name], quote(secret), f"{name}/Zq9", f"{name}%2FZq9", base64.b64encode(secret.encode()).decode()[:16]]


class Search:
    """Everything that was written, by where."""

    def __init__(self):
        self.written = []

    def add(self, where, text):
        self.written.append((where, text if isinstance(text, str) else text.decode("utf-8", "replace")))

    def found(self):
        return [(where, form) for where, text in self.written for name in SECRETS for form in forms(name) if form in text]


def yaml(directory, name, broker="", store="memory:", extra=""):
    path = f"{directory}/{name}.yaml"
    with open(path, "w") as file:
        file.write((f"broker: {{{broker}}}\n" if broker else "") + f"store: {{url: \"{store}\"}}\nlocations: [{{id: WH1}}]\n{extra}")
    return path


def process_list(search, pid, where):
    for file in ("cmdline", "comm", "status"):
        with open(f"/proc/{pid}/{file}", "rb") as source:
            search.add(f"{where}: /proc/{file}", source.read())
    search.add(f"{where}: ps", subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True).stdout)


def daemon(search, where, arguments, environment=None, seconds=2.5, reload=None, node=None):
    """A run that fails in one way or another; ended by SIGTERM if it does not end by itself."""
    process = subprocess.Popen([options.binary, "run", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env={**clean, **(environment or {})})
    try:
        time.sleep(0.7)
        if process.poll() is None:
            process_list(search, process.pid, where)
            if reload:
                reload()
                process.send_signal(1)
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        if node:
            search.add(f"{where}: list_connections", node.ctl("list_connections", "-q", "user", "client_properties").stdout)
        process.terminate()
    out = process.communicate(timeout=40)[0].decode("utf-8", "replace")
    search.add(where, out)
    return process.returncode, out


def say(table, name, result, *wanted):
    code, out = result
    missing = [word for word in wanted if word not in out]
    table.check(f"{name}: told", out and not missing, f"exit {code}; " + (f"missing {missing}: {out[:300]}" if missing else out.strip().splitlines()[-1][:160]))


def brokers(table, search, directory, node):
    port = urlsplit(node.url).port
    good = f"amqp://right:{ENCODED['amqpsecret']}@127.0.0.1:{port}/%2F"
    wrong = f"amqp://wrong:{ENCODED['amqpsecret']}@127.0.0.1:{port}/%2F"
    key = f"{directory}/key.pem"
    with open(key, "w") as file:
        file.write(f"-----BEGIN PRIVATE KEY-----\n{base64.b64encode(SECRETS['keysecret'].encode()).decode()}\n{SECRETS['keysecret']}\n-----END PRIVATE KEY-----\n")
    secure = f"amqps://wrong:{ENCODED['amqpsecret']}@localhost:{port}/%2F"  # a certificate names no address
    node.ctl("add_user", "right", SECRETS["amqpsecret"])
    node.ctl("set_permissions", "right", ".*", ".*", ".*")
    cases = {
        "wrong password": (f'urls: ["{wrong}"]', ["check user and password"]),
        "unreachable port": (f'urls: ["{wrong.replace(str(port), "1")}"]', ["trying again"]),
        "unknown host": (f'urls: ["{wrong.replace("127.0.0.1", "no-such-host.invalid")}"]', ["no-such-host.invalid"]),
        "wrong virtual host": (f'urls: ["{good[:-3]}nowhere"]', ["virtual host"]),
        "TLS to a port without": (f'urls: ["{secure}"]', ["TLS"]),
        "missing CA file": (f'urls: ["{secure}"], tls: {{ca: {directory}/none.pem}}', ["none.pem"]),
        "key that is none": (f'urls: ["{secure}"], tls: {{certificate: {key}, key: {key}}}', ["key.pem"]),
    }
    for name, (broker, wanted) in cases.items():
        say(table, name, daemon(search, name, ["--config", yaml(directory, name.replace(" ", "-"), broker)]), *wanted)
        for command in (["check", "--broker"], ["dead-letters", "list"], ["topology", "verify"], ["topology", "print", "--format", "permissions"]):
            run = subprocess.run([options.binary, *command, "--config", f"{directory}/{name.replace(' ', '-')}.yaml"], capture_output=True, env=clean, timeout=60)
            search.add(f"{name}: {command}", run.stdout + run.stderr)
    # A run that works, with its password on the command line, and a reload that does not.
    path = yaml(directory, "works", "", extra="log: {level: trace}\n")

    def spoil():
        yaml(directory, "works", f'urls: ["amqp://u:{ENCODED["reloadsecret"]}@h:x"]')
    result = daemon(search, "works", ["--config", path, "--broker", good], reload=spoil, node=node)
    say(table, "works, and a reload that does not", result, "consuming", "was not read anew")
    node.ctl("delete_user", "right")
    # What can't be a URL, everywhere that one can stand.
    for number, bad in enumerate([f"amqp://u:{SECRETS['filesecret']}@h", f"http://u:{ENCODED['filesecret']}@h", f"amqp://u:{ENCODED['filesecret']}@h:x/",
                                  f"amqp://u:{ENCODED['filesecret']}@", f"amqp://u:{ENCODED['filesecret']}@h/?x={ENCODED['querysecret']}", f"{ENCODED['filesecret']}"]):
        path = yaml(directory, f"bad-{number}", f"urls: [{json.dumps(bad)}]")
        with open(f"{directory}/secret-{number}", "w") as file:
            file.write(bad)
        for name, (arguments, environment) in {
            "file": (["--config", path], {}), "option": (["--config", yaml(directory, "plain"), "--broker", bad], {}),
            "environment": (["--config", yaml(directory, "plain")], {"BACKORDERD_BROKER_URL": bad}),
            "secret file": (["--config", yaml(directory, "plain")], {"BACKORDERD_BROKER_URL_FILE": f"{directory}/secret-{number}"}),
        }.items():
            code, out = daemon(search, f"bad URL {number} by {name}", arguments, environment)
            if code != 78:
                table.check(f"bad URL {number} by {name}: 78", False, f"{code} {out[:200]}")
    path = yaml(directory, "unknown-key", f'ulrs: ["{wrong}"], passwort: "{SECRETS["filesecret"]}"')
    code, out = daemon(search, "unknown key", ["--config", path])
    table.check("unknown key with a secret beside it: 78", code == 78, out.strip()[:200])


def databases(table, search, directory):
    with open(f"{options.postgres}/url") as file:
        port = urlsplit(file.read().strip()).port
    secret = ENCODED["pgsecret"]
    cases = {
        "database: wrong password": (f"postgres://backorderd:{secret}@127.0.0.1:{port}/postgres", ["password"]),
        "database: no such role": (f"postgres://nobody:{secret}@127.0.0.1:{port}/postgres", ["password"]),
        "database: unreachable": (f"postgres://backorderd:{secret}@127.0.0.1:1/postgres", ["refused"]),
        "database: unknown host": (f"postgres://backorderd:{secret}@no-such-host.invalid/postgres", ["no-such-host.invalid"]),
        "database: in a parameter": (f"postgres://backorderd@127.0.0.1:{port}/postgres?password={ENCODED['querysecret']}", ["password"]),
        "database: TLS asked of one without": (f"postgres://backorderd:{secret}@127.0.0.1:{port}/postgres?sslmode=require", ["SSL"]),
        "database: a wrong parameter": (f"postgres://backorderd:{secret}@127.0.0.1:{port}/postgres?sslmode=sometimes", []),
        "database: a bad port": (f"postgres://backorderd:{secret}@127.0.0.1:x/postgres", []),
        "database: not encoded": (f"postgres://backorderd:{SECRETS['pgsecret']}@127.0.0.1:{port}/postgres", []),
    }
    for name, (url, wanted) in cases.items():
        path = yaml(directory, name.replace(" ", "-").replace(":", ""), "", url)
        say(table, name, daemon(search, name, ["--config", path], seconds=4), *wanted)
        for command in (["check", "--store"], ["migrate"], ["show", "stock"], ["verify"]):
            run = subprocess.run([options.binary, *command, "--config", path], capture_output=True, env=clean, timeout=60)
            search.add(f"{name}: {command}", run.stdout + run.stderr)
        daemon(search, f"{name}, by option", ["--config", yaml(directory, "plain"), "--store", url.replace("pgsecret", "argsecret")], seconds=1.5)


def run(directory):
    table, search, node = Table(), Search(), Node(options.node)
    table.check("the search finds what it looks for", all((search.add("", text), search.found(), search.written.pop())[1] for text in (
        SECRETS["pgsecret"], "x" + ENCODED["amqpsecret"], "keysecret/Zq9")))
    brokers(table, search, directory, node)
    databases(table, search, directory)
    found = search.found()
    written = sum(len(text) for _, text in search.written)
    table.check("no secret in logs, errors, process list or at the broker", not found, found[:8] or f"{len(search.written)} places, {written} bytes searched")
    table.done()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("binary", "node", "postgres"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    options.binary = os.path.abspath(options.binary)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("BACKORDERD_")}
    with tempfile.TemporaryDirectory() as scratch:
        run(scratch)
