#!/usr/bin/env python3
"""How fast is `backorderd replay` on a history, with what memory, and is the end state right?

    replay.py --binary PATH (--history DIR | --workload DIR) [--rounds 3] [--orders 20000]
"""
import argparse, os, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Tests/Live"))
from harness import Daemon, History, watch_peak  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--history")
    parser.add_argument("--workload")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--orders", type=int, default=20000)
    options = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as scratch:
        if not options.history:
            if not options.workload:
                parser.error("--history or --workload is needed")
            options.history = f"{scratch}/history"
            subprocess.run([sys.executable, f"{options.workload}/generate.py", options.history, "--orders", str(options.orders)], check=True, stdout=subprocess.DEVNULL)
        history = History(options.history)
        lines = history.opening + history.events
        with open(f"{scratch}/all.ndjson", "wb") as file:
            file.write(b"\n".join(lines) + b"\n")
        print("| round | events/s | max RSS MiB | CPU s | outputs | digest |\n|---|---|---|---|---|---|")
        for number in range(1, options.rounds + 1):
            directory = f"{scratch}/{number}"
            daemon = Daemon(options.binary, "amqp://nobody@127.0.0.1:1/", directory)
            with open(f"{directory}/out.ndjson", "wb") as out:
                began = time.monotonic()
                process = subprocess.Popen([daemon.binary, "replay", "--config", daemon.config, "--store", f"sqlite://{directory}/store.db",
                                            f"{scratch}/all.ndjson"], stdout=out, env=daemon.environment)
                peak = watch_peak(process.pid)
                _, status, used = os.wait4(process.pid, 0)
                seconds = time.monotonic() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            with open(f"{directory}/out.ndjson", "rb") as out:
                outputs = sum(1 for _ in out)
            found = daemon.digest(history) if process.returncode == 0 else f"exit {process.returncode}"
            good = good and found == history.expected["digest"]
            print(f"| {number} | {len(lines) / seconds:.0f} | {peak():.0f} | {used.ru_utime + used.ru_stime:.1f} | {outputs} "
                  f"| {'ok' if found == history.expected['digest'] else f'WRONG: {found}'} |", flush=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
