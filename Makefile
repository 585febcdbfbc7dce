# `make demo` and `make test` need only make, git and python3 >= 3.11 on Debian or Ubuntu; they install the rest.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help setup setup-test demo up down status test test-unit chaos cluster apart scaled flood returns operations national-day fuzz attacks hostile schemathesis image image-test api-server-test fresh lint format generate bench bench-large audit clean distclean citus-test

RUN := .venv/bin
INPUT ?=
ONCE ?=
SECTIONS ?=
BASE ?=
DEBIAN ?= trixie
FAULTS ?= 200
NODES ?= 1
FUZZ ?= 100000
FILES ?= 2000
LOOKS ?= 100
RETURNS ?= 60
AWAY ?= 3000
SEED ?= $(shell date +%s)
EXAMPLES ?= 300
SECONDS ?= 4
WHAT ?=

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what the suite needs: Debian packages (no service is started) and .venv
	@scripts/setup.sh demo

setup-test: ## Install what the tests need, too: development packages, a browser, Chinese fonts
	@scripts/setup.sh test
	@scripts/provider.sh

demo: setup ## Show everything with a simulated year or INPUT=FILE (xlsx, csv, ndjson); ONCE=1 ends by itself
	@$(RUN)/hallpulse demo $(if $(INPUT),--input "$(INPUT)") $(if $(filter-out 0 no,$(ONCE)),--once)

up: setup ## Start the suite in the background
	@$(RUN)/hallpulse up --detach

down: ## End the suite; its data stays
	@$(RUN)/hallpulse down

status: ## Show what runs
	@$(RUN)/hallpulse status

test: setup-test ## Run every test, with real servers
	$(RUN)/pytest -n 2 --dist loadfile

test-unit: setup-test ## Run the tests that need no server
	$(RUN)/pytest tests/unit

chaos: setup-test ## Let FAULTS=200 faults strike while events are published, then check every event and figure; NODES=3 a cluster; SEED=n repeats
	$(RUN)/python -m tests.chaos --nodes $(NODES) --faults $(FAULTS) --seed $(SEED)

cluster: setup-test ## Try what goes on without a node on a broker of three: queues, calls, management
	CLUSTER=1 $(RUN)/pytest -vv tests/integration/test_cluster.py

apart: setup-test ## Join two counties' suites and a prefecture's, with three brokers, by shovel and federation, events and sums: as one suite; AWAY=3000 events wait meanwhile; SEED=n
	APART=1 AWAY=$(AWAY) SEED=$(SEED) $(RUN)/pytest -s -vv --durations=0 tests/integration/test_apart.py

scaled: setup-test ## Change partitions from 2 to 8 to 4 and workers from 1 to 4 to 2 while events come, then check every event and figure; SEED=n
	SCALED=1 SEED=$(SEED) $(RUN)/pytest -s -vv tests/integration/test_scaled.py

citus-test: setup-test ## Try the store on the Citus cluster of HALLPULSE_CITUS_URL (docs/citus.md), with two and with four of its workers
	scripts/citus_test.sh

flood: setup-test ## Publish ten times as much as ingest can store, for a minute, to a separate suite
	$(RUN)/python -m tests.chaos.flood

returns: setup-test ## Give messages back LOOKS=100 and RETURNS=60 times in every way: nothing is lost; HALLPULSE_RABBITMQ_HOME=DIR for another RabbitMQ
	LOOKS=$(LOOKS) RETURNS=$(RETURNS) $(RUN)/pytest -vv --durations=0 tests/integration/test_given_back.py

operations: setup-test ## Try the operations of docs/operations.md under load and compare every figure; WHAT="backup secrets upgrade database nodes" only these
	$(RUN)/python -m tests.operations $(WHAT)

national-day: setup-test ## Let a working day of the country pass in three minutes, one province cut off in its peak, and check every figure
	$(RUN)/python -m tests.operations.national_day

fuzz: setup-test ## Send FUZZ=100000 mutated messages, import FILES=2000 spoilt tables, and account for each; SEED=n repeats
	FUZZ=$(FUZZ) FILES=$(FILES) SEED=$(SEED) $(RUN)/pytest -s tests/fuzz

attacks: setup-test ## Try every attack of docs/security.md, by name
	$(RUN)/pytest -vv -m attack

hostile: setup-test ## Let k of n halls send rubbish, for each n from 2 to 10 and each k below n, SECONDS=4 each: some 12 minutes; SEED=n repeats
	HOSTILE=all HOSTILE_SECONDS=$(SECONDS) SEED=$(SEED) $(RUN)/pytest -s tests/security/test_hostile_halls.py

schemathesis: setup-test ## Send the gateway requests that its OpenAPI document allows or forbids, EXAMPLES=300 an operation; SEED=n repeats
	EXAMPLES=$(EXAMPLES) SEED=$(SEED) $(RUN)/pytest -s tests/security/test_schemathesis.py

image: ## Build the image of every service with buildah or docker, and its bill of materials in dist/; BASE=debian without a registry
	@BASE=$(BASE) scripts/image.sh

image-test: setup-test ## Run the built image as the compose file says, by runc, with real servers; HALLPULSE_SERVERS=DIR takes them from another root
	HALLPULSE_IMAGE=localhost/hallpulse:$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) $(RUN)/pytest -vv tests/image

api-server-test: setup-test ## Try deploy/k8s against a real Kubernetes API server, built from its Go modules (once, some ten minutes)
	scripts/api_server.sh .api-server
	HALLPULSE_API_SERVER=$(CURDIR)/.api-server $(RUN)/pytest -vv tests/contract/test_api_server.py

fresh: ## Run make demo ONCE=1 in a fresh DEBIAN=trixie or bookworm that is made for it, as root
	@scripts/fresh.sh $(DEBIAN)

lint: setup-test ## Check style, types, the imports between packages, and that generated files are up to date
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports --no-cache
	$(RUN)/python -m hallpulse.contract.schema --check
	$(RUN)/python -m services.gateway.openapi --check
	$(RUN)/python scripts/indicators_table.py --check
	$(RUN)/hallpulse boards render --check
	$(RUN)/hallpulse rules render --check
	$(RUN)/python scripts/picture.py --check
	$(RUN)/python scripts/words.py
	$(RUN)/python scripts/structure.py --check

format: setup-test ## Format the code
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

generate: setup-test ## Write the generated files again: schemas, boards, rules, the picture of docs/architecture.md
	$(RUN)/python -m hallpulse.contract.schema --write
	$(RUN)/python -m services.gateway.openapi --write
	$(RUN)/python scripts/indicators_table.py --write
	$(RUN)/hallpulse boards render
	$(RUN)/hallpulse rules render
	$(RUN)/python scripts/picture.py --write

bench: ## Measure this machine, all sections in one run; SECTIONS="ingest latency" runs only these
	@scripts/setup.sh bench
	@scripts/pathway.sh
	$(RUN)/python -m bench $(SECTIONS)

bench-large: ## Measure ingest with 1, 10 and 100 million stored events: 45 GB of disk, 20 minutes and more
	@scripts/setup.sh bench
	$(RUN)/python -m bench growth --size 1000000 --size 10000000 --size 100000000

audit: setup-test ## Look for known holes in the dependencies and for risky code
	@$(RUN)/python scripts/audit.py

clean: ## End the suite, delete its data and every cache
	@if [ -x $(RUN)/hallpulse ]; then $(RUN)/hallpulse down --purge; fi
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	@find . -name __pycache__ -type d -not -path './.venv*' -prune -exec rm -rf {} +

distclean: clean ## Delete the Python environments and the page's libraries too
	@rm -rf .venv .venv-uv .venv-provider .venv-pathway .api-server services/gateway/libraries/node_modules
