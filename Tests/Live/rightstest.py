#!/usr/bin/env python3
"""Least privilege: a broker user that may consume and publish and nothing else, a database role that may make no table.

    rightstest.py --binary PATH --node DIR --postgres DIR     (of deploy/lib/private-rabbitmq and private-postgres)
"""
import argparse, json, os, re, shlex, subprocess, tempfile
from urllib.parse import urlsplit

from harness import DEAD, EXCHANGE, HERE, INPUT, OUTPUT, OUTPUTS, Daemon, Table, amqp_client, await_quiet, clear, drain, publish, wait
from topologytest import Node, command, configured, daemons, order, remove_all

USER, PASSWORD = "least", "s3cret-least"


def grants(daemon):
    """The lines that `topology print --format permissions` gives: for run, for run and dead-letters, for declare."""
    text = command(daemon, "topology", "print", "--format", "permissions", "--user", USER).stdout
    return [shlex.split(line)[1:] for line in text.splitlines() if not line.startswith("#")]


def refused(link, what):
    """The reply code with which the broker says no; the channel is opened again."""
    try:
        what()
    except amqp_client.AMQPError as error:
        link.open_channel()
        return error.code
    return 0


def refused_publish(link, exchange):
    link.confirm()
    return refused(link, lambda: link.publish([("order-placed", {}, b"x")], exchange))


def passes(table, name, daemon, link, url, count=20):
    publish(url, [order(f"{name}-{n}".replace(" ", "-")) for n in range(count)] + [b'{"type":"order-placed","id":"broken"}'])
    await_quiet(link, daemon, quiet=1)
    placed = sum(json.loads(m.body).get("kind") == "order-backordered" for m in drain(url, OUTPUTS))
    table.check(f"{name}: messages go through, outputs and dead letters included", placed == count and link.depth(DEAD)[0] >= 1, placed)


def broker(table, node, link, directory):
    mine = f"amqp://{USER}:{PASSWORD}@127.0.0.1:{urlsplit(node.url).port}/%2F"
    owner = configured(options.binary, node.url, f"{directory}/owner", "")
    run, letters, declare = grants(owner)
    node.ctl("delete_user", USER)
    table.check("a user of its own", node.ctl("add_user", USER, PASSWORD).returncode == 0)
    remove_all(link)

    # With declare's rights all is made from nothing; then they are taken away.
    table.check("declare: rabbitmqctl takes the line", node.ctl(*declare).returncode == 0, " ".join(declare))
    maker = configured(options.binary, mine, f"{directory}/maker", "")
    made = command(maker, "topology", "declare")
    table.check("declare: these rights make it all", made.returncode == 0, made.stderr)
    table.check("declare: nothing outside of it", (least := amqp_client.Connection(mine)) and refused(least, lambda: least.declare_queue("elsewhere")) == 403)
    least.close()

    table.check("run: rabbitmqctl takes the line", node.ctl(*run).returncode == 0, " ".join(run))
    least = amqp_client.Connection(mine, "least")
    table.check("run: may not declare a queue", refused(least, lambda: least.declare_queue("elsewhere")) == 403)
    table.check("run: may not declare its own input", refused(least, lambda: least.declare_queue(INPUT)) == 403)
    table.check("run: may not delete its input", refused(least, lambda: least.delete_queue(INPUT)) == 403)
    table.check("run: may not bind", refused(least, lambda: least.bind(INPUT, EXCHANGE, "x")) == 403)
    table.check("run: may not read outputs", refused(least, lambda: least.consume(OUTPUTS[0])) == 403)
    table.check("run: may not read dead letters", refused(least, lambda: least.consume(DEAD)) == 403)
    table.check("run: may not publish inputs", refused_publish(least, EXCHANGE) == 403)
    table.check("run: may not publish to queues by name", refused_publish(least, "") == 403)
    least.close()
    for topology in ("ignore", "verify"):
        daemon = configured(options.binary, mine, f"{directory}/{topology}", f"topology: {topology}")
        daemon.start()
        daemon.await_consuming(link)
        clear(link)
        passes(table, f"run, topology: {topology}", daemon, link, node.url)
        table.check(f"run, topology: {topology}: SIGTERM: exit 0", daemon.stop() == 0)
    listed = command(daemon, "dead-letters", "list")
    table.check("run's rights are not for dead letters: 1, and the cure", listed.returncode == 1 and "set_permissions" in listed.stderr, listed.stderr.strip())

    table.check("dead-letters: rabbitmqctl takes the line", node.ctl(*letters).returncode == 0, " ".join(letters))
    listed = command(daemon, "dead-letters", "list", "--format", "json")
    count = len(json.loads(listed.stdout or "[]"))
    replayed = command(daemon, "dead-letters", "replay", "--all")
    table.check("dead-letters: list and replay", count > 0 and replayed.returncode == 0, listed.stderr + replayed.stderr)
    dropped = command(daemon, "dead-letters", "drop", "--all")
    table.check("dead-letters: drop", dropped.returncode == 0, dropped.stderr)
    clear(link)

    node.ctl("set_permissions", USER, "^$", "^$", "^$")
    daemon.start()

    def told():
        with open(daemon.log_path) as file:
            return "set_permissions" in file.read()
    wait("the log to name the missing right", told, 20)
    with open(daemon.log_path) as file:
        log = file.read()
    table.check("no rights: told with the cure, without the password", PASSWORD not in log)
    node.ctl(*run)
    daemon.await_consuming(link)
    passes(table, "rights given while it runs", daemon, link, node.url)
    table.check("rights given while it runs: SIGTERM: exit 0", daemon.stop() == 0)


def psql(sql):
    run = subprocess.run([f"{HERE}/../../deploy/lib/private-postgres", "psql", options.postgres, "-v", "ON_ERROR_STOP=1", "-qtAc", sql],
                         capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"FAILED: psql: {run.stderr}")
    return run.stdout.strip()


def documented():
    """The statements of docs/threat-model.md, so that what is written there is what is tested."""
    with open(f"{HERE}/../../docs/threat-model.md") as file:
        return re.search(r"```sql\n(.*?)```", file.read(), re.S).group(1)


def database(table, node, link, directory):
    with open(f"{options.postgres}/url") as file:
        owner = file.read().strip()
    address = urlsplit(owner)
    psql("DROP SCHEMA IF EXISTS backorderd CASCADE")
    if psql("SELECT 1 FROM pg_roles WHERE rolname = 'backorderd_worker'"):
        psql("DROP OWNED BY backorderd_worker")
        psql("DROP ROLE backorderd_worker")
    daemon = configured(options.binary, node.url, f"{directory}/database", "")
    migrated = subprocess.run([daemon.binary, "migrate", "--config", daemon.config, "--store", owner], capture_output=True, text=True, env=daemon.environment)
    table.check("database: migrate as the owner", migrated.returncode == 0, migrated.stderr)
    for statement in documented().replace("'…'", f"'{PASSWORD}'").split(";"):
        if statement.strip():
            psql(statement)
    worker = f"postgres://backorderd_worker:{PASSWORD}@127.0.0.1:{address.port}{address.path}"
    with open(daemon.config) as file:
        text = file.read()
    with open(daemon.config, "w") as file:
        file.write(re.sub(r"store: .*", f'store: {{url: "{worker}"}}', text))
    made = subprocess.run(["psql", "-X", worker, "-c", "CREATE TABLE backorderd.mine (x int)"], capture_output=True, text=True)
    table.check("database: the role may make no table", made.returncode != 0 and "permission denied" in made.stderr, made.stderr.strip())
    made = subprocess.run(["psql", "-X", worker, "-c", "DROP TABLE backorderd.outbox"], capture_output=True, text=True)
    table.check("database: nor drop one", made.returncode != 0 and "must be owner" in made.stderr, made.stderr.strip())
    with open(daemon.log_path, "ab") as log:
        daemon.process = subprocess.Popen([daemon.binary, "run", "--no-migrate", "--config", daemon.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=daemon.environment)
    daemon.await_consuming(link)
    clear(link)
    passes(table, "database, run --no-migrate", daemon, link, node.url)
    table.check("database: SIGTERM: exit 0", daemon.stop() == 0)
    daemon.verify(table)
    psql("DROP SCHEMA backorderd CASCADE")
    early = subprocess.run([daemon.binary, "run", "--no-migrate", "--config", daemon.config], capture_output=True, text=True, env=daemon.environment, timeout=60)
    told = early.stdout + early.stderr
    table.check("database: no schema: 1, and the cure", early.returncode == 1 and "migrate" in told and PASSWORD not in told, told.strip()[-300:])


def run(directory):
    table, node = Table(), Node(options.node)
    link = amqp_client.Connection(node.url, "rightstest")
    try:
        broker(table, node, link, directory)
        database(table, node, link, directory)
    finally:
        for daemon in daemons:
            if daemon.process and daemon.process.poll() is None:
                daemon.kill()
        node.ctl("delete_user", USER)
        remove_all(link)
        link.close()
    table.done()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("binary", "node", "postgres"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run(scratch)
