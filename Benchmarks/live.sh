#!/usr/bin/env bash
# backorderd against the C peer, through a private RabbitMQ. Builds both, starts the broker, stops it at the end.
#
#   Benchmarks/live.sh --workload DIR [--rounds 3] [--orders 20000]     DIR holds generate.py
#   Benchmarks/live.sh --history DIR [--rounds 3]                       DIR is what generate.py wrote
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
finish() {
    local code=$?
    trap - EXIT INT TERM
    if [ -d "$scratch/rabbitmq" ]; then deploy/lib/private-rabbitmq stop "$scratch/rabbitmq" >/dev/null || true; fi
    rm -rf "$scratch"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

deploy/lib/prerequisites test
make -s -C Benchmarks/cpeer OUT="$scratch/peer"
swift build -c release --product backorderd </dev/null
binary=$(swift build -c release --show-bin-path)/backorderd
mkdir -p "$scratch/rabbitmq"
deploy/lib/private-rabbitmq start "$scratch/rabbitmq" >/dev/null
python3 -B Benchmarks/live.py --binary "$binary" --peer "$scratch/peer" --url "$(cat "$scratch/rabbitmq/url")" "$@"
