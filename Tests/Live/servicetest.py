#!/usr/bin/env python3
"""The daemon and its service manager: what it says to a NOTIFY_SOCKET of our own, and when it stops saying that it lives.

    servicetest.py --binary PATH --url AMQP_URL

READY only once it consumes; a broker that is away, or a store that is locked, is waited for and the watchdog fed; a
pipeline that hangs is not. It is hung as it could be in life: its log goes into a pipe that nobody reads.
"""
import argparse, fcntl, json, os, re, signal, socket, sqlite3, subprocess, tempfile, threading, time, urllib.parse

from harness import INPUT, OUTPUTS, DEAD, Daemon, Table, amqp_client, clear, publish, wait

STATUS = re.compile(r"Consuming: \d+ messages/s, \d+ in hand, \d+ outputs unconfirmed, (no lag|lag .+|nothing has moved for \d+ s)")
WATCHDOG_SECONDS = 8
# ServiceNotifier.silenceMillisecondsMin: silence that is taken for a hang. Whoever waits for longer waits honestly.
SILENCE_SECONDS = 10


class Manager:
    """Collects what the daemon tells: one (moment, {key: value}) for each datagram."""

    def __init__(self, path):
        self.path, self.said = path, []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        while True:
            text = self.socket.recv(65536).decode()
            self.said.append((time.monotonic(), dict(line.split("=", 1) for line in text.split("\n"))))

    def values(self, key, since=0):
        return [entry[key] for _, entry in self.said[since:] if key in entry]

    def mark(self):
        return len(self.said)

    def await_value(self, key, value, seconds=30, since=0):
        """Until a value of this key, from `since` on, is `value` or matches it."""
        def found():
            return any(re.match(value, v) for v in self.values(key, since))
        wait(f"{key}={value} (last: {self.values(key)[-1:]})", found, seconds)

    def await_pings(self, count, seconds=60):
        since = self.mark()
        wait(f"{count} signs of life", lambda: len([v for v in self.values("WATCHDOG", since) if v == "1"]) >= count, seconds)


class Gate:
    """A port before the broker that can be shut: then nobody listens, and what was connected is cut."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.target, self.listener, self.links = (parts.hostname, parts.port or 5672), None, []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self.port}").geturl()

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, args=[self.listener], daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                here = listener.accept()[0]
                there = socket.create_connection(self.target)
            except OSError:
                return
            self.links += [here, there]
            for a, b in ((here, there), (there, here)):
                threading.Thread(target=self.pump, args=[a, b], daemon=True).start()

    @staticmethod
    def pump(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        for end in (a, b):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def shut(self):
        # shutdown wakes the thread in accept; close alone would leave the port open for it.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for end in self.links:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.links = []


class Service(Daemon):
    """The daemon as systemd starts it; its log goes into a pipe that we read, or do not."""

    def start(self, manager):
        reader, self.log_end = os.pipe()
        self.reads = threading.Event()
        self.reads.set()
        environment = {**self.environment, "NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": str(WATCHDOG_SECONDS * 1_000_000)}
        self.process = subprocess.Popen([self.binary, "run", "--config", self.config], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self.log_end, env=environment)
        threading.Thread(target=self.read_log, args=[reader], daemon=True).start()

    def read_log(self, reader):
        fcntl.fcntl(reader, fcntl.F_SETFL, os.O_NONBLOCK)
        with open(self.log_path, "ab", buffering=0) as log:
            while True:
                self.reads.wait()
                try:
                    log.write(os.read(reader, 65536).replace(b"\0", b""))
                except BlockingIOError:
                    time.sleep(0.05)

    def stop_reading(self):
        """From now on whatever writes to the log hangs: the pipe is full to the last byte."""
        self.reads.clear()
        time.sleep(0.2)
        # The daemon's end shares the flag, so it is ours for this moment alone.
        flags = fcntl.fcntl(self.log_end, fcntl.F_GETFL)
        fcntl.fcntl(self.log_end, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        try:
            while True:
                os.write(self.log_end, b"\0")
        except BlockingIOError:
            fcntl.fcntl(self.log_end, fcntl.F_SETFL, flags)


def receipt(number):
    return json.dumps({"type": "stock-received", "id": f"r{number}", "time": "2026-11-23T10:00:00Z", "receipt_id": f"R{number}",
                       "location": "WH1", "lines": [{"sku": f"S{number % 7}", "quantity": 1}]}).encode()


def run(options, directory):
    table, manager, gate = Table(), Manager(f"{directory}/notify"), Gate(options.url)
    service = Service(options.binary, gate.url, f"{directory}/daemon", extra="worker: {batch: 10}\n")
    link = amqp_client.Connection(options.url, "servicetest")
    try:
        service.start(manager)
        start(table, manager, gate, link)
        work(table, manager, options.url)
        reload(table, manager, service)
        absence(table, manager, gate)
        lock(table, manager, service, options.url)
        hang(table, manager, service, options.url)
        since = manager.mark()
        code = service.stop()
        stopping = next((entry for _, entry in manager.said[since:] if "STOPPING" in entry), {})
        table.check("SIGTERM: STOPPING, time to drain is asked for, exit 0", code == 0 and stopping.get("STOPPING") == "1" and int(stopping.get("EXTEND_TIMEOUT_USEC", 0)) >= 20_000_000, f"{code} {stopping}")
        service.verify(table)
    finally:
        if service.process and service.process.poll() is None:
            service.kill()
        clear(link)
        link.close()
    table.done()


def start(table, manager, gate, link):
    manager.await_value("STATUS", "Starting: ")
    manager.await_value("EXTEND_TIMEOUT_USEC", r"\d{7,}")
    wait_out_silence(manager)
    table.check("no broker: not ready, alive, and it says what it waits for", not manager.values("READY") and manager.values("STATUS")[-1].startswith("Starting: waiting for the broker"), manager.values("STATUS")[-1])
    gate.open()
    manager.await_value("READY", "1")
    consumers = (link.depth(INPUT) or (0, 0))[1]
    table.check("READY once it consumes", consumers == 1 and len(manager.values("READY")) == 1, f"{consumers} consumers")


def wait_out_silence(manager):
    """Longer than a hang may last, and signs of life after that."""
    time.sleep(SILENCE_SECONDS + 2)
    manager.await_pings(2)


def work(table, manager, url):
    since = manager.mark()
    publish(url, [receipt(n) for n in range(500)])
    manager.await_value("STATUS", r"Consuming: [1-9]\d* messages/s", since=since)
    status = manager.values("STATUS", since)
    table.check("STATUS: rate, backlog, lag", all(STATUS.fullmatch(s) for s in status), status[0])


def reload(table, manager, service):
    since = manager.mark()
    service.process.send_signal(signal.SIGHUP)
    manager.await_value("RELOADING", "1", since=since)
    manager.await_value("READY", "1", since=since)
    keys = [key for _, entry in manager.said[since:] for key in entry if key in ("RELOADING", "MONOTONIC_USEC", "READY")]
    table.check("SIGHUP: RELOADING with its moment, then READY", keys == ["RELOADING", "MONOTONIC_USEC", "READY"], keys)


def absence(table, manager, gate):
    since = manager.mark()
    gate.shut()
    manager.await_value("STATUS", "Waiting for the broker", since=since)
    wait_out_silence(manager)
    gate.open()
    manager.await_value("STATUS", "Consuming: ", since=manager.mark())
    table.check("a broker that goes is waited for, the watchdog is fed", "trigger" not in manager.values("WATCHDOG"))


def lock(table, manager, service, url):
    other = sqlite3.connect(f"{service.directory}/store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    publish(url, [receipt(n) for n in range(1000, 1100)])
    since = manager.mark()
    wait_out_silence(manager)
    table.check("a store that is locked is waited for, the watchdog is fed", "trigger" not in manager.values("WATCHDOG"), manager.values("STATUS")[-1])
    waiting = any(re.search(r", [1-9]\d* in hand", s) for s in manager.values("STATUS", since))
    table.check("STATUS: it says what waits", waiting)
    other.execute("ROLLBACK")
    other.close()
    manager.await_value("STATUS", r"Consuming: \d+ messages/s, 0 in hand", since=manager.mark())


def hang(table, manager, service, url):
    service.stop_reading()
    since = manager.mark()
    # A message that can't be used is told in the log, by the pipeline's thread.
    publish(url, [json.dumps({"type": "order-placed", "id": "no-order"}).encode()])
    manager.await_value("WATCHDOG", "trigger", seconds=60, since=since)
    after = manager.mark()
    time.sleep(WATCHDOG_SECONDS + 2)
    table.check("a pipeline that hangs: the watchdog is told, and fed no more", not manager.values("WATCHDOG", after), manager.values("STATUS")[-1])
    service.reads.set()
    manager.await_pings(1)
    table.check("and fed again when it goes on", True)
    with open(service.log_path, errors="replace") as log:
        table.check("the log says what hung", any("the pipeline hangs" in line for line in log))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--url", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        run(options, directory)


if __name__ == "__main__":
    main()
