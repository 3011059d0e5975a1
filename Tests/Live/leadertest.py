#!/usr/bin/env python3
"""One worker of several on a PostgreSQL leads the sweep; when it dies, or stands still, another leads within ten seconds.

    leadertest.py --binary PATH --url AMQP --postgres DIR     (of deploy/lib/private-postgres)
"""
import argparse, os, signal, subprocess, tempfile, time

from harness import HERE, INPUT, Daemon, Table, amqp_client, wait

WITHIN_SECONDS = 10


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("binary", "url", "postgres"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    table, schema = Table(), f"leader_{os.getpid()}"
    with open(f"{options.postgres}/url") as file:
        store = f"{file.read().strip()}?options=-csearch_path%3D{schema}"

    def leader():
        """(process of the worker that leads, whether its time is not over)"""
        run = subprocess.run([f"{HERE}/../../deploy/lib/private-postgres", "psql", options.postgres, "-tAq", "-c",
                              f"SELECT worker, until > extract(epoch FROM clock_timestamp()) * 1000000 FROM {schema}.leader"], capture_output=True, text=True)
        name, _, is_now = run.stdout.strip().partition("|")
        return (int(name.split("/")[1]), is_now == "t") if name else (0, False)

    with tempfile.TemporaryDirectory() as directory:
        workers = [Daemon(options.binary, options.url, f"{directory}/{n}", store=store) for n in range(3)]
        link = amqp_client.Connection(options.url, "leadertest")
        try:
            for worker in workers:
                worker.start()
            wait("all workers to consume", lambda: (link.depth(INPUT) or (0, 0))[1] == len(workers), 60)
            alive = {worker.process.pid: worker for worker in workers}
            for name, number in (("kill -9", signal.SIGKILL), ("SIGSTOP", signal.SIGSTOP)):
                first = wait("a leader", lambda: next((p for p, now in [leader()] if now and p in alive), None), 30)
                os.kill(first, number)
                began, ended = time.monotonic(), alive.pop(first)
                second = wait("another leader", lambda: next((p for p, now in [leader()] if now and p in alive), None), 60)
                took = time.monotonic() - began
                table.check(f"{name} of the leader: another leads within {WITHIN_SECONDS} s", second != first and took <= WITHIN_SECONDS, f"{took:.1f} s")
                if number == signal.SIGSTOP:
                    os.kill(first, signal.SIGCONT)
                    alive[first] = ended
            codes = [worker.stop() for worker in alive.values()]
            table.check("SIGTERM: exit 0", not any(codes), codes)
            next(iter(alive.values())).verify(table)
        finally:
            for worker in workers:
                if worker.process and worker.process.poll() is None:
                    worker.process.send_signal(signal.SIGCONT)
                    worker.kill()
            link.close()
    table.done()


if __name__ == "__main__":
    main()
