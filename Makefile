# `make run` and `make test` are all that a newcomer needs; `make help` lists the rest.

VENV := .venv
BIN := $(VENV)/bin
export PORT ?= 8000
export HOST ?= 127.0.0.1
export PYTHONUNBUFFERED := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run test lint test-services test-peers services stop-services bench format

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.serving ## Start web server and worker together (PORT, HOST); Ctrl-C stops them
	@scripts/run

test: lint ## Linters, types, import contracts, and the whole test suite on the embedded form
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/.everything ## All of `make test` but the tests
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports
	$(BIN)/mypy .
	$(BIN)/python manage.py makemigrations --check --dry-run
	DATABASE_URL=postgres://db/falx SECRET_KEY=`$(BIN)/python -c 'import secrets; print(secrets.token_hex(32))'` \
		HTTPS=1 $(BIN)/python manage.py check --deploy --fail-level WARNING

test-services: $(VENV)/.everything services ## The same tests on PostgreSQL and Redis
	@# What opens no database leaves itself out; what others write would hold tests/feed back.
	scripts/services run $(BIN)/python -m pytest -n auto --ignore tests/feed
	scripts/services run $(BIN)/python -m pytest tests/feed

test-peers: $(VENV)/.peers services ## Falx against a PACS, a viewer, validators that others wrote
	scripts/services run $(BIN)/python -m pytest -n 2 --dist loadfile -m peers tests/peers

services: ## Install PostgreSQL and Redis where missing; start them on ports of their own
	scripts/services start

stop-services: ## Stop them and remove their data
	scripts/services stop

bench: $(VENV)/.peers services ## Time the engine, the records of 100,000 patients, taking in DICOM
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.series
	scripts/services run $(BIN)/python -m benchmarks.records
	$(BIN)/python -m benchmarks.dimse

format: $(VENV)/.everything ## Bring the code into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

$(BIN)/python:
	@scripts/make-venv $(VENV)

# The stamps make a second start quick: pip is asked only when a requirement has changed.
$(VENV)/.serving: requirements/serving.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -r requirements/serving.txt
	@touch $@

$(VENV)/.everything: requirements.txt $(wildcard requirements/*.txt) | $(BIN)/python
	$(BIN)/python -m pip install --quiet -r requirements.txt -r requirements/dev.txt
	@touch $@ $(VENV)/.serving

$(VENV)/.peers: requirements/peers.txt scripts/peers | $(VENV)/.everything
	scripts/peers install
	$(BIN)/python -m pip install --quiet -r requirements/peers.txt
	@touch $@
