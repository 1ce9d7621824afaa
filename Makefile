# One environment, made once: every target below works in a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SOURCES := searchspaces trainables orchestrator analysis tests benchmarks

.DEFAULT_GOAL := help
.PHONY: help setup sweep test extended format lint type bench clean

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with exactly the versions of constraints.txt.

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --editable '.[dev]'
	touch $@

sweep: $(READY) ## Tune a GRU on the embedded digits (some minutes), then draw the figures.
	$(BIN)/orch sweep gru-bohb
	$(BIN)/orch analyze

# Tests mostly wait for processes, so four files run at a time, in the order of tests/conftest.py;
# those that time things have a core each. Hundreds of processes start: none compiles orch anew.
ALONE := $(addprefix tests/orchestrator/cli/,test_terminal.py test_watch_terminal.py)
test: $(READY) ## Run the tests, but for those marked as extended.
	$(BIN)/python -m compileall -q searchspaces trainables orchestrator analysis
	$(BIN)/pytest -m "not extended" --numprocesses 4 --dist loadfile --no-loadscope-reorder \
		$(addprefix --ignore=,$(ALONE)) tests
	$(BIN)/pytest --numprocesses 2 --dist load --maxschedchunk 1 $(ALONE)

extended: $(READY) ## Run the tests that take minutes each, one after the other.
	$(BIN)/pytest -m extended

format: $(READY) ## Rewrite the code in the one format.
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix-only --quiet $(SOURCES)

lint: $(READY) ## Check format and lint rules.
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)

type: $(READY) ## Check types, strictly.
	$(BIN)/mypy

bench: $(READY) ## Measure orchestration beside Ray Tune, analysis beside Optuna.
	$(BIN)/python benchmarks/overhead.py --long 10000
	$(BIN)/python benchmarks/analysis.py

clean: ## Remove the environment and everything that tools left behind; runs are kept.
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './runs/*' -prune -exec rm -rf {} +
