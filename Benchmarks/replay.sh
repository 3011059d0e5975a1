#!/usr/bin/env bash
# Times `backorderd replay` on 20,000 orders into a fresh SQLite store, and checks the end state. No broker.
#
#   Benchmarks/replay.sh --workload DIR [--rounds 3] [--orders 20000]   DIR holds generate.py
#   Benchmarks/replay.sh --history DIR [--rounds 3]                     DIR is what generate.py wrote
set -euo pipefail
cd "$(dirname "$0")/.."
deploy/lib/prerequisites test
swift build -c release --product backorderd </dev/null
exec python3 -B Benchmarks/replay.py --binary "$(swift build -c release --show-bin-path)/backorderd" "$@"
