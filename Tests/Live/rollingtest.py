#!/usr/bin/env python3
"""A rolling restart of four workers under load: each is told to stop and started again, one after the other, while orders keep
coming. No error, nothing lost, and never five seconds in which nothing comes out. Then one is told to stop twice: it leaves at
once, and what it had in hand is its neighbours'.

    rollingtest.py --binary PATH --url AMQP --history DIR [--store URL] [--workers 4] [--rate 150] [--keep DIR]
"""
import argparse, json, tempfile, threading, time

from harness import Table, depths
from manyworkers import Run

DRAIN_SECONDS = 20  # worker.drain_timeout by default
PAUSE_SECONDS = 5


class Rolling(Run):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.longest, self.drains, self.codes, self.hasty, self.is_fed, self.problem, self.in_load = 0.0, [], [], None, False, None, False

    def await_input_empty(self, seconds=900):
        self.is_fed = True  # called when all is sent
        super().await_input_empty(seconds)

    def watch_pauses(self):
        link, last, before = self.link(), time.monotonic(), None
        while not self.is_fed:
            now = depths(link)[1]
            if now != before:
                self.longest, last, before = max(self.longest, 0 if before is None else time.monotonic() - last), time.monotonic(), now
            time.sleep(0.02)
        link.close()

    def end(self, worker, seconds=0.0):
        """SIGTERM, and a second one after so long; the process's code and how long it took."""
        worker.process.terminate()
        began = time.monotonic()
        if seconds:
            time.sleep(seconds)
            began = time.monotonic()
            worker.process.terminate()
        code = worker.process.wait(60)
        return code, time.monotonic() - began

    def await_all(self, link):
        end = time.monotonic() + 60
        while (link.depth("backorderd.inbound") or (0, 0))[1] < self.count:
            if time.monotonic() > end:
                raise SystemExit(f"not all of {self.count} workers consume after 60 s")
            time.sleep(0.02)

    def kill_some(self):
        """In place of kills."""
        try:
            threading.Thread(target=self.watch_pauses, daemon=True).start()
            link = self.link()
            time.sleep(1)
            for worker in self.workers:
                code, took = self.end(worker)
                self.codes.append(code)
                self.drains.append(took)
                worker.start()
                self.await_all(link)
            self.in_load, self.may_repeat = not self.is_fed, True
            self.hasty = self.end(self.workers[0], seconds=0.35)
            self.workers[0].start()
            self.await_all(link)
            link.close()
        except BaseException as error:
            self.problem = error

    def go(self):
        super().go()
        check = self.table.check
        check("the restarts went through", not self.problem, self.problem or "")
        check("the load lasted until the last restart", self.in_load)
        check("each left with 0 on SIGTERM", not any(self.codes) and len(self.codes) == self.count, self.codes)
        check("within drain_timeout", max(self.drains) <= DRAIN_SECONDS, f"{max(self.drains):.2f} s at the most")
        check(f"no pause over {PAUSE_SECONDS} s", self.longest <= PAUSE_SECONDS, f"{self.longest:.2f} s at the most")
        check("told twice: left at once", self.hasty and self.hasty[0] == 0, f"{self.hasty[1]:.2f} s after the second" if self.hasty else "")
        loud = []
        for worker in self.workers:
            with open(worker.log_path, errors="replace") as log:
                loud += [entry for entry in map(json.loads, filter(lambda text: text.startswith("{"), log)) if entry["level"] in ("error", "critical")]
        check("no error in any log", not loud, loud[:2] or "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("binary", "url", "history"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--store")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--rate", type=float, default=150, help="messages a second into the exchange")
    parser.add_argument("--keep")
    options = parser.parse_args()
    options.kill_every, options.rabbitmq, options.postgres, options.failover, options.seed, options.feed = 1, None, None, False, 1, "causal"
    table = Table()
    with tempfile.TemporaryDirectory() as scratch:
        Rolling(options, options.keep or scratch, options.workers, table).go()
    table.done()


if __name__ == "__main__":
    main()
