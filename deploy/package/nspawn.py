"""The package under a systemd of its own: systemd-nspawn boots the root directory, and we enter it by its first process."""
import json, os, re, signal, subprocess, time

from harness import INPUT, History, amqp_client, clear, publish, wait


class Machine:
    """A booted container; the network is the host's, so that the broker on loopback is in reach."""

    def __init__(self, root):
        self.root = root
        # Neither machined nor a scope of the host's systemd: where this runs there may be none.
        self.log = open(root.inside("/tmp/console.log"), "wb")
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--directory", root.path, "--register=no", "--keep-unit", "--console=pipe", "--boot",
             "--resolv-conf=off", "--timezone=off", "systemd.unit=multi-user.target"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        self.leader = wait("the container's first process", self.first_process, 30)
        wait("systemd in the container", lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"), 90, pause=0.5)

    def first_process(self):
        if self.process.poll() is not None:
            with open(self.log.name, errors="replace") as log:
                raise SystemExit(f"FAILED: systemd-nspawn: exit {self.process.returncode}\n{log.read()[-2000:]}")
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
                children = file.read().split()
            return next((pid for pid in children if open(f"/proc/{pid}/comm").read().strip() == "systemd"), None)
        except OSError:
            return None

    def run(self, *words, check=True, seconds=120):
        run = subprocess.run(["nsenter", "--target", self.leader, "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--root", "--wd=/", *words],
                             capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=seconds,
                             env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": "", "DEBIAN_FRONTEND": "noninteractive"})
        if check and run.returncode:
            journal = self.run("journalctl", "-n", "30", "--no-pager", "-u", "backorderd*", check=False).stdout
            raise SystemExit(f"FAILED: {' '.join(words)}: exit {run.returncode}\n{run.stdout[-1500:]}{run.stderr[-1500:]}{journal}")
        return run

    def show(self, unit, name):
        return self.run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()

    def await_active(self, unit, seconds=120):
        wait(f"{unit} to be active", lambda: self.show(unit, "ActiveState") == "active", seconds, pause=0.5)

    def restarts(self, unit):
        return int(self.show(unit, "NRestarts"))

    def stop(self):
        if self.process.poll() is None:
            # The container's systemd shuts down on this signal (systemd(1)).
            os.kill(int(self.leader), signal.SIGRTMIN + 4)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


def under_systemd(table, options, root):
    root.run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", "--no-install-recommends", "install", "systemd", "systemd-sysv", "dbus")
    root.install(options.package)
    with open(root.inside("/etc/backorderd/backorderd.yaml"), "w") as file:
        file.write("locations: [{id: WH1}]\n")
    with open(root.inside("/etc/credstore/backorderd.broker-url"), "w") as file:
        # By name: the sandbox has to let it be looked up.
        file.write(options.url.replace("127.0.0.1", "broker.example") + "\n")
    with open(root.inside("/etc/hosts"), "w") as file:
        file.write("127.0.0.1 localhost broker.example\n")
    os.chmod(root.inside("/etc/credstore/backorderd.broker-url"), 0o600)
    # What the chroot needed is the container's own affair from here on.
    for mounted in ("/proc", "/dev"):
        subprocess.run(["umount", "--recursive", "--lazy", root.inside(mounted)], check=True)
    machine, link = Machine(root), amqp_client.Connection(options.url, "nspawn")
    try:
        work(table, options, root, machine, link)
        trouble(table, machine, link)
        several(table, options, machine, link)
        packaged(table, options, root, machine, link)
    finally:
        machine.stop()
        clear(link)
        link.close()


def consumers(link):
    return (link.depth(INPUT) or (0, 0))[1]


def work(table, options, root, machine, link):
    history = History(options.history)
    table.check("not started by being installed", machine.show("backorderd", "ActiveState") == "inactive")
    machine.run("systemctl", "enable", "backorderd.target", "backorderd.service")
    machine.run("systemctl", "start", "backorderd.target", "backorderd.service")
    table.check("systemctl start comes back once it consumes", consumers(link) == 1 and machine.show("backorderd", "SubState") == "running")
    clear(link)
    publish(options.url, history.opening + history.events)
    wait("the input queue to be empty", lambda: link.depth(INPUT)[0] == 0, 120)
    wait("STATUS to tell a rate", lambda: re.match(r"Consuming: \d+ messages/s", machine.show("backorderd", "StatusText")), 30)
    table.check("systemctl status tells", True, machine.show("backorderd", "StatusText"))
    said = machine.run("runuser", "-u", "backorderd", "--", "backorderd", "show", "stock", "--format", "json").stdout
    table.check("the sandbox lets it work: the books are written", len(json.loads(said)) > 0, f"{len(json.loads(said))} SKUs")
    table.check("the state is the daemon's alone", root.mode("/var/lib/backorderd/backorderd.db") == "backorderd:backorderd 600", root.mode("/var/lib/backorderd/backorderd.db"))
    security = machine.run("systemd-analyze", "security", "--no-pager", "backorderd", check=False).stdout.splitlines()[-1]
    table.check("its exposure while it runs", float(re.search(r"service: ([\d.]+)", security).group(1)) <= 1.4, security)
    entries = [json.loads(line) for line in machine.run("journalctl", "-u", "backorderd", "-o", "json", "--no-pager").stdout.splitlines()]
    own = [entry for entry in entries if entry.get("_COMM") == "backorderd"]
    table.check("the journal has priorities, not their marks", bool(own) and all(not str(e["MESSAGE"]).startswith("<") for e in own) and "5" in {e["PRIORITY"] for e in own}, sorted({e["PRIORITY"] for e in own}))
    fields = sorted({name for entry in own for name in entry if name.startswith("BACKORDERD_")})
    found = machine.run("journalctl", "-u", "backorderd", "BACKORDERD_STORE=" + next(e["BACKORDERD_STORE"] for e in own if "BACKORDERD_STORE" in e), "-o", "cat", "--no-pager").stdout
    table.check("and fields to search by", "starts" in found and len(fields) > 2, fields)
    table.check("and no secret", not any("guest:guest" in str(e["MESSAGE"]) for e in own))


def trouble(table, machine, link):
    before = machine.show("backorderd", "MainPID")
    machine.run("systemctl", "reload", "backorderd")
    machine.await_active("backorderd")
    table.check("systemctl reload: the same process goes on", machine.show("backorderd", "MainPID") == before)
    machine.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "backorderd")
    wait("a restart after kill -9", lambda: machine.restarts("backorderd") == 1, 60)
    machine.await_active("backorderd")
    table.check("kill -9: started again, consuming", consumers(link) == 1, machine.show("backorderd", "Result"))
    began = time.monotonic()
    machine.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", "backorderd")
    wait("the watchdog to restart a process that hangs", lambda: machine.restarts("backorderd") == 2, 120, pause=1)
    took = time.monotonic() - began
    machine.await_active("backorderd")
    journal = machine.run("journalctl", "-u", "backorderd", "--no-pager").stdout
    table.check("SIGSTOP: the watchdog ends and starts it again", "Watchdog timeout" in journal, f"{took:.0f} s")
    with open(machine.root.inside("/etc/backorderd/backorderd.yaml"), "a") as file:
        file.write("broker: {prefech: 1}\n")
    refused = machine.run("systemctl", "reload", "backorderd", check=False)
    table.check("reload of a wrong file is refused, the daemon stays", refused.returncode != 0 and machine.show("backorderd", "ActiveState") == "active")
    machine.run("systemctl", "restart", "backorderd", check=False)
    wait("a wrong file to end it", lambda: machine.show("backorderd", "ActiveState") == "failed", 60)
    table.check("a wrong file: exit 78, no second try", machine.show("backorderd", "ExecMainStatus") == "78", machine.show("backorderd", "ExecMainStatus"))
    with open(machine.root.inside("/etc/backorderd/backorderd.yaml"), "w") as file:
        file.write("locations: [{id: WH1}]\n")
    machine.run("systemctl", "start", "backorderd")


def several(table, options, machine, link):
    machine.run("systemctl", "start", "backorderd@2", "backorderd@3")
    wait("three workers to consume", lambda: consumers(link) == 3, 60)
    table.check("three workers on one store", True)
    publish(options.url, [json.dumps({"type": "stock-received", "id": f"n{n}", "receipt_id": f"N{n}", "location": "WH1", "lines": [{"sku": "N", "quantity": 1}]}).encode() for n in range(300)])
    wait("the input queue to be empty", lambda: link.depth(INPUT)[0] == 0, 60)
    machine.run("systemctl", "stop", "backorderd.target")
    units = ("backorderd", "backorderd@2", "backorderd@3")
    wait("all workers to stop", lambda: all(machine.show(u, "ActiveState") == "inactive" for u in units), 60)
    table.check("stop of the target drains all of them", all(machine.show(u, "Result") == "success" for u in units) and consumers(link) == 0)
    stock = json.loads(machine.run("runuser", "-u", "backorderd", "--", "backorderd", "show", "stock", "--sku", "N", "--format", "json").stdout)
    left = link.depth(INPUT)[0]
    table.check("each message counted once, or still in the queue", sum(row["on_hand"] for row in stock) + left == 300, f"{stock}, {left} left")
    run = machine.run("runuser", "-u", "backorderd", "--", "backorderd", "verify", check=False)
    table.check("verify is silent", run.returncode == 0 and not run.stdout, run.stdout + run.stderr)
    machine.run("systemctl", "start", "backorderd.target")
    wait("the target to start what is enabled", lambda: machine.show("backorderd", "ActiveState") == "active", 60)


def packaged(table, options, root, machine, link):
    before = machine.show("backorderd", "MainPID")
    install(machine, root, options.upgrade)
    wait("the upgrade to restart the worker", lambda: machine.show("backorderd", "MainPID") not in ("0", before), 90)
    machine.await_active("backorderd")
    table.check("upgrade while it runs: drained and started anew", machine.show("backorderd", "Result") == "success" and root.version().endswith("-2 installed"))
    machine.run("dpkg", "--purge", "backorderd")
    left = root.leftovers()
    table.check("purged while it ran: stopped, nothing is left", consumers(link) == 0 and not left, left)


def install(machine, root, package):
    subprocess.run(["cp", package, root.inside("/var/tmp/backorderd.deb")], check=True)
    machine.run("apt-get", "-q", "-y", "-o", "Dpkg::Options::=--force-confold", "install", "/var/tmp/backorderd.deb", seconds=300)
    os.remove(root.inside("/var/tmp/backorderd.deb"))
