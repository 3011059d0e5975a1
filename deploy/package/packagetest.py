#!/usr/bin/env python3
"""The Debian package in a root directory of its own: installed, fed a history, upgraded, removed, purged; and under systemd.

Started by test-in-chroot, which makes the root directory and a broker, both thrown away afterwards.
"""
import argparse, json, os, shutil, subprocess, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Tests/Live"))
from harness import DEAD, INPUT, OUTPUTS, Daemon, History, Table, amqp_client, await_quiet, check_outputs, clear, drain, publish, wait  # noqa: E402
import nspawn  # noqa: E402
from dockerfile import Dockerfile  # noqa: E402

APT = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=60", "--no-install-recommends"]
CONFIGURATION = "locations: [{id: WH1}]\noperations: {listen: null}\n"


class Root:
    """A Debian system in a directory, entered by chroot."""

    def __init__(self, path):
        self.path = path

    def inside(self, name):
        return self.path + name

    def command(self, *words, user=None):
        return ["chroot", self.path, *(["runuser", "-u", user, "--"] if user else []), *words]

    def run(self, *words, user=None, check=True):
        run = subprocess.run(self.command(*words, user=user), capture_output=True, text=True, stdin=subprocess.DEVNULL,
                             env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"})
        if check and run.returncode:
            raise SystemExit(f"FAILED: {' '.join(words)}: exit {run.returncode}\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
        return run

    def install(self, package):
        shutil.copy(package, self.inside("/tmp/backorderd.deb"))
        self.run(*APT, "-o", "Dpkg::Options::=--force-confold", "install", "/tmp/backorderd.deb")
        os.remove(self.inside("/tmp/backorderd.deb"))

    def version(self):
        return self.run("dpkg-query", "-W", "-f", "${Version} ${db:Status-Status}", "backorderd", check=False).stdout

    def mode(self, name):
        return self.run("stat", "-c", "%U:%G %a", name).stdout.strip()

    def leftovers(self):
        found = self.run("find", "/", "-xdev", "-name", "*backorderd*", "-not", "-path", "/proc/*", "-not", "-path", "/tmp/*").stdout.split()
        return found + [line for line in open(self.inside("/etc/passwd")) if line.startswith("backorderd:")]


class Installed(Daemon):
    """The daemon of the package, run as its own user in the root directory, on the configuration of the package."""

    def __init__(self, root, url):
        self.root, self.process = root, None
        self.log_path = root.inside("/tmp/backorderd.log")
        self.url_variable = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "BACKORDERD_BROKER_URL": url}

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.root.command("setpriv", "--reuid", "backorderd", "--regid", "backorderd", "--clear-groups", "backorderd", "run"),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.url_variable)

    def show(self, what):
        return json.loads(self.root.run("backorderd", "show", what, "--format", "json", user="backorderd").stdout)

    def verify(self, table):
        run = self.root.run("backorderd", "verify", user="backorderd", check=False)
        table.check("verify is silent", run.returncode == 0 and not run.stdout, run.stdout + run.stderr)


def in_chroot(table, options, root):
    history, link = History(options.history), amqp_client.Connection(options.url, "packagetest")
    before = set(root.leftovers())
    root.install(options.package)
    table.check("installed", root.version().endswith("-1 installed"), root.version())
    table.check("the configuration is for root and the daemon", root.mode("/etc/backorderd/backorderd.yaml") == "root:backorderd 640", root.mode("/etc/backorderd/backorderd.yaml"))
    table.check("the state is the daemon's alone", root.mode("/var/lib/backorderd") == "backorderd:backorderd 700", root.mode("/var/lib/backorderd"))
    table.check("the configuration that comes with it is valid", root.run("backorderd", "check", user="backorderd").stdout == "configuration: fine\n")
    strangers = root.run("backorderd", "check", user="nobody", check=False)
    table.check("nobody else may read it", strangers.returncode == 78, strangers.stderr.strip())
    linked = root.run("sh", "-c", "! ldd /usr/bin/backorderd | grep -E 'swift|Foundation|not found'", check=False)
    table.check("the Swift runtime is part of the program, every library is there", linked.returncode == 0, linked.stdout)
    for name in ("man/man1/backorderd-run.1.gz", "bash-completion/completions/backorderd", "zsh/vendor-completions/_backorderd", "fish/vendor_completions.d/backorderd.fish"):
        # Minimal systems leave manuals out; the package has them all the same.
        listed = f"/usr/share/{name}" in root.run("dpkg", "-L", "backorderd").stdout.split()
        table.check(f"has {name}", listed)
    with open(root.inside("/etc/backorderd/backorderd.yaml"), "w") as file:
        file.write(CONFIGURATION)
    daemon = Installed(root, options.url)
    try:
        daemon.start()
        daemon.await_consuming(link)
        clear(link)
        publish(options.url, history.opening + history.events)
        await_quiet(link, daemon)
        code = daemon.stop()
        table.check("SIGTERM: exit 0", code == 0, code)
        check_outputs(table, history, drain(options.url, OUTPUTS), drain(options.url, [DEAD]), link.depth(INPUT)[0])
        digest = daemon.digest(history)
        table.check("digest of the end state", digest == history.expected["digest"], digest)
        root.install(options.upgrade)
        table.check("upgraded", root.version().endswith("-2 installed"), root.version())
        kept = open(root.inside("/etc/backorderd/backorderd.yaml")).read() == CONFIGURATION and root.mode("/etc/backorderd/backorderd.yaml") == "root:backorderd 640"
        table.check("upgrade: configuration and books are kept", kept and daemon.digest(history) == digest)
        backup(table, options, root, daemon, link, lambda: daemon.digest(history))
        daemon.verify(table)
    finally:
        if daemon.process and daemon.process.poll() is None:
            daemon.kill()
        clear(link)
        link.close()
    root.run("dpkg", "--remove", "backorderd")
    gone = not os.path.exists(root.inside("/usr/bin/backorderd"))
    table.check("removed: program gone, configuration and books kept", gone and os.path.exists(root.inside("/var/lib/backorderd/backorderd.db")) and os.path.exists(root.inside("/etc/backorderd/backorderd.yaml")), root.version())
    root.install(options.package)
    table.check("installed again: the same books", daemon.digest(history) == digest)
    root.run("dpkg", "--purge", "backorderd")
    left = [name for name in root.leftovers() if name not in before]
    table.check("purged: nothing is left", not left, left)


def backup(table, options, root, daemon, link, digest):
    """Back up and restore as docs/operations.md says."""
    root.run(*APT, "install", "sqlite3")
    store, before = "/var/lib/backorderd/backorderd.db", digest()
    daemon.start()
    daemon.await_consuming(link)
    root.run("sqlite3", store, ".backup /var/lib/backorderd/backup.db", user="backorderd")
    sku = daemon.show("stock")[0]["sku"]
    publish(options.url, [json.dumps({"type": "stock-adjusted", "id": "after-the-backup", "adjustment_id": "A1", "reason": "count", "location": "WH1", "lines": [{"sku": sku, "delta": 3}]}).encode()])
    await_quiet(link, daemon)
    daemon.stop()
    changed = digest()
    root.run("rm", "-f", f"{store}-wal", f"{store}-shm")
    root.run("install", "-o", "backorderd", "-g", "backorderd", "-m", "600", "/var/lib/backorderd/backup.db", store)
    table.check("restored from a backup that was made while it worked", changed != before and digest() == before, f"{before} {changed} {digest()}")


def in_container(table, options, root):
    """The Dockerfile's last stage, step by step; it takes the package from the first."""
    steps = Dockerfile(options.dockerfile)
    steps.lint(table)
    steps.rehearse_build(table, root)
    environment, user, entry = steps.execute(root, {"*.deb": options.package})
    link = amqp_client.Connection(options.url, "packagetest")
    run = None
    try:
        with open(root.inside("/tmp/container.log"), "wb") as log:
            run = subprocess.Popen(root.command("setpriv", "--reuid", user, "--regid", user, "--clear-groups", *entry), stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, env={**environment, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "BACKORDERD_BROKER_URL": options.url})
        wait("the container's program to consume", lambda: (link.depth(INPUT) or (0, 0))[1] > 0 or run.poll() is not None, 60)
        table.check("container: its entry consumes, as its user", run.poll() is None, user)
        run.terminate()
        table.check("container: SIGTERM drains, exit 0", run.wait(60) == 0, run.returncode)
    finally:
        if run and run.poll() is None:
            run.kill()
        link.close()
    root.run("dpkg", "--purge", "backorderd")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("root", "package", "upgrade", "url", "history", "dockerfile"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("steps", nargs="+", choices=["chroot", "container", "systemd", "all"])
    options = parser.parse_args()
    table, root = Table(), Root(options.root)
    for name, step in (("chroot", in_chroot), ("container", in_container), ("systemd", nspawn.under_systemd)):
        if name in options.steps or "all" in options.steps:
            print(f"==> {name}", flush=True)
            # A step may have left the lists behind, or away.
            root.run(*APT, "update")
            step(table, options, root)
    table.done()


if __name__ == "__main__":
    main()
