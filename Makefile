# `make demo` and `make test` need only make, git and python3 >= 3.11 on Debian or Ubuntu: they set up the rest.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help setup setup-test demo up down status test test-unit chaos flood returns fuzz attacks hostile schemathesis lint format generate bench bench-large audit clean distclean

RUN := .venv/bin
INPUT ?=
ONCE ?=
SECTIONS ?=
FAULTS ?= 200
FUZZ ?= 100000
FILES ?= 2000
LOOKS ?= 100
RETURNS ?= 60
SEED ?= $(shell date +%s)
EXAMPLES ?= 300
SECONDS ?= 4

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what running needs: Debian packages (no service is started) and .venv
	@scripts/setup.sh demo

setup-test: ## Install what the tests need besides: development packages, a browser, Chinese fonts
	@scripts/setup.sh test

demo: setup ## Show it all: a simulated year, or INPUT=FILE (xlsx, csv, ndjson); ONCE=1 ends by itself
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

chaos: setup-test ## Let FAULTS=200 faults strike while events are published, then check every event and figure; SEED=n repeats
	$(RUN)/python -m tests.chaos --faults $(FAULTS) --seed $(SEED)

flood: setup-test ## Offer ten times what ingest takes, for a minute, to a separate suite
	$(RUN)/python -m tests.chaos.flood

returns: setup-test ## Give messages back LOOKS=100 and RETURNS=60 times in every way: nothing is lost; HALLPULSE_RABBITMQ_HOME=DIR for another RabbitMQ
	LOOKS=$(LOOKS) RETURNS=$(RETURNS) $(RUN)/pytest -vv --durations=0 tests/integration/test_given_back.py

fuzz: setup-test ## Send FUZZ=100000 mutated messages, import FILES=2000 spoilt tables, account for each; SEED=n repeats
	FUZZ=$(FUZZ) FILES=$(FILES) SEED=$(SEED) $(RUN)/pytest -s tests/fuzz

attacks: setup-test ## Try every attack of docs/security.md, by name
	$(RUN)/pytest -vv -m attack

hostile: setup-test ## Let k of n halls send rubbish, every k below n from 2 to 10, SECONDS=4 each: some 12 minutes; SEED=n repeats
	HOSTILE=all HOSTILE_SECONDS=$(SECONDS) SEED=$(SEED) $(RUN)/pytest -s tests/security/test_hostile_halls.py

schemathesis: setup-test ## Ask the gateway what its OpenAPI document allows and forbids, EXAMPLES=300 an operation; SEED=n repeats
	EXAMPLES=$(EXAMPLES) SEED=$(SEED) $(RUN)/pytest -s tests/security/test_schemathesis.py

lint: setup-test ## Style, types, the arrows between packages, and that generated files are up to date
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

format: setup-test ## Put the code in its usual form
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

generate: setup-test ## Write again what is generated: schemas, boards, rules, the picture of docs/architecture.md
	$(RUN)/python -m hallpulse.contract.schema --write
	$(RUN)/python -m services.gateway.openapi --write
	$(RUN)/python scripts/indicators_table.py --write
	$(RUN)/hallpulse boards render
	$(RUN)/hallpulse rules render
	$(RUN)/python scripts/picture.py --write

bench: ## Measure this machine, everything side by side; SECTIONS="ingest latency" only some of it
	@scripts/setup.sh bench
	$(RUN)/python -m bench $(SECTIONS)

bench-large: ## Measure the ingest beside 1, 10 and 100 million stored events: 45 GB of disk, 20 minutes and more
	@scripts/setup.sh bench
	$(RUN)/python -m bench growth --size 1000000 --size 10000000 --size 100000000

audit: setup-test ## Look for known holes in the dependencies and for risky code
	@$(RUN)/python scripts/audit.py

clean: ## End the suite, delete its data and every cache
	@if [ -x $(RUN)/hallpulse ]; then $(RUN)/hallpulse down --purge; fi
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	@find . -name __pycache__ -type d -not -path './.venv*' -prune -exec rm -rf {} +

distclean: clean ## Delete the Python environments too
	@rm -rf .venv .venv-uv
