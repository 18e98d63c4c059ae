# Everything runs from .venv, which the first target makes: a machine needs only python3 (3.11 or
# newer) and make. Options go through ARGS: make demo ARGS="--port 9000".

.DEFAULT_GOAL := check
.PHONY: help setup fix check lint types layers docs test test-fast bench demo clean

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

help:        ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Install everything a developer needs (the other targets do it by themselves)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "penchant needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv \
		|| { echo "no virtual environment could be made: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

fix: $(READY) ## Format, sort imports, refresh the map and the reference
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python tools/map.py
	$(BIN)/python tools/reference.py

check: lint types layers docs ## Style, types, layers, docs

lint: $(READY) ## Style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY) ## Types
	$(BIN)/mypy

layers: $(READY) ## Which room may import which
	$(BIN)/lint-imports

docs: $(READY) ## The map and the reference are fresh; what the documents name is there
	$(BIN)/python tools/map.py --check
	$(BIN)/python tools/reference.py --check
	$(BIN)/pytest -m "not slow" tests/test_docs.py

# Servers and browsers are waited for: three processes keep two cores busy. A file stays in one of
# them, so that what it makes once is made once.
test: $(READY) ## All that can run here
	$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder $(ARGS)

test-fast: $(READY) ## Unit tests and every docstring example
	$(BIN)/pytest -m "not slow and not gpu" $(ARGS)

bench: $(READY) ## Latency and quality, as JSON
	$(BIN)/penchant bench --json $(ARGS)

demo: $(READY) ## The engine on the bundled data
	$(BIN)/penchant demo $(ARGS)

clean:       ## Remove the environment and every cache (no data)
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
