# Run `make` to see what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
SEED ?= 1
ROUNDS ?= 3

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## debug build of everything but the tests
	@deploy/lib/prerequisites run
	swift build

.PHONY: release
release: ## optimised build of the daemon
	@deploy/lib/prerequisites run
	swift build -c release --product backorderd

.PHONY: deb
deb: ## the Debian package, into dist/; the Swift runtime is linked in
	@deploy/lib/prerequisites package
	@deploy/package/build dist

.PHONY: test-deb
test-deb: deb ## install, run, upgrade, remove and purge it in a clean Debian 12, then under a systemd of its own; needs root
	@deploy/package/test-in-chroot dist

.PHONY: test
test: ## all tests; installs what they need, starts a private RabbitMQ and stops it again
	@deploy/lib/run-tests all

.PHONY: test-fast
test-fast: ## the tests that need no service
	@deploy/lib/run-tests fast

.PHONY: test-live
test-live: ## the tests against a private RabbitMQ
	@deploy/lib/run-tests live

.PHONY: test-scenarios
test-scenarios: ## the stories in Tests/Scenarios on every store: ONLY= a name, or its beginning and *
	BACKORDERD_SCENARIO="$(ONLY)" swift test --filter ScenarioTests

.PHONY: scenario
scenario: ## starts a scenario, or writes what the program does into it for review: NAME=
	@test -n "$(NAME)" || { echo "make scenario NAME=what-is-shown" >&2; exit 64; }
	@deploy/lib/scenario "$(NAME)"

.PHONY: scenario-index
scenario-index: ## the list in Tests/Scenarios/README.md
	@deploy/lib/scenario

.PHONY: schemas
schemas: ## config/schemas and docs/messages.md, from the field table in Sources/MessageSchema
	BACKORDERD_WRITE_SCHEMAS=1 swift test --filter CommittedSchemaTests

.PHONY: test-model
test-model: ## random histories, an independent model against replay: SEEDS=1-5000
	@swift build --product backorderd
	@python3 -B Tests/Model/compare.py --binary "$$(swift build --show-bin-path)/backorderd" --seeds $(or $(SEEDS),1-5000)

.PHONY: test-kill
test-kill: ## kill -9 while a history passes: HISTORY= what the workload generator wrote, KILLS=20 SEED=1
	@deploy/lib/with-broker Tests/Live/killtest.py --history "$(HISTORY)" --kills $(or $(KILLS),20) --seed $(SEED)

.PHONY: test-history
test-history: ## a history through a broker, compared with its replay: HISTORY=
	@deploy/lib/with-broker Tests/Live/livehistory.py --history "$(HISTORY)"

STEPS ?= 400
.PHONY: sim
sim: ## worker, core and stores in one process from one seed: SEED=1 STEPS=400 RUNS=1 STORE= WORKERS= SUSPECTS= MUTATION= MINUTES=
	@swift build --product backorderd-sim
	@"$$(swift build --show-bin-path)/backorderd-sim" --seed $(SEED) --steps $(STEPS) $(if $(RUNS),--runs $(RUNS)) \
		$(if $(STORE),--store $(STORE)) $(if $(WORKERS),--workers $(WORKERS)) $(if $(SUSPECTS),--suspects $(SUSPECTS)) $(if $(MUTATION),--mutation $(MUTATION)) \
		$(if $(MINUTES),--minutes $(MINUTES))

.PHONY: chaos
chaos: ## workers, broker and database under faults dealt from a seed: SEED=1 MINUTES=2 WORKERS=4 CLUSTER=1 SQLITE=1
	@deploy/lib/prerequisites test
	@swift build --product backorderd
	@python3 -B Tests/Live/chaos.py --binary "$$(swift build --show-bin-path)/backorderd" --seed $(SEED) --minutes $(or $(MINUTES),2) \
		--workers $(or $(WORKERS),4) $(if $(CLUSTER),--cluster) $(if $(SQLITE),--sqlite)

.PHONY: bench
bench: ## replay and live benchmark: WORKLOAD= the directory of generate.py, ROUNDS=3
	@test -n "$(WORKLOAD)" || { echo "make bench WORKLOAD=DIR, the directory of generate.py" >&2; exit 64; }
	Benchmarks/replay.sh --workload "$(WORKLOAD)" --rounds $(ROUNDS)
	Benchmarks/live.sh --workload "$(WORKLOAD)" --rounds $(ROUNDS)

.PHONY: format
format: ## put the Swift sources into the project's form
	swift format --in-place --parallel --recursive Package.swift Sources Tests

.PHONY: lint
lint: ## check the form of the Swift sources; no change
	swift format lint --strict --parallel -r Package.swift Sources Tests

.PHONY: check
check: lint build test ## lint, build and test: do this before a pull request

.PHONY: clean
clean: ## remove what builds and the quickstart left
	@if [ -d .quickstart ]; then deploy/quickstart --stop; fi
	rm -rf .build .quickstart dist Benchmarks/cpeer/peer
