# Two commands matter: `make run` and `make test`. Everything else serves them.
PYTHON ?= python3
BIN := .venv/bin
BUILD := workers_ui/static/build/manifest.json
MODEL := var/models/manifest.json
# A file's tests share a process and what it sets up; the longest folders begin first (tests/conftest.py).
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run test setup check format bench nightly mutation reset

help: ## Say what each word does
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## Set everything up and serve, with demo brands and sign-ins
	@exec $(BIN)/humancloud serve --demo

test: setup .venv/.dev ## Install what the tests need and run them
	$(PYTEST)

setup: .venv/.base $(BUILD) $(MODEL) ## Everything but serving

check: .venv/.dev node_modules/.dev $(BUILD) ## Format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	npm run --silent check

format: .venv/.dev ## Put the code into its form
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: setup .venv/.dev ## Measure: a table of figures and their goals
	$(BIN)/python -m benchmarks

nightly: setup .venv/.dev mutation ## The long runs
	HUMANCLOUD_NIGHTLY=1 $(PYTEST)

mutation: .venv/.dev ## Change the sums of money one thing at a time: the tests must notice nine of ten
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[mutation]'
	rm -rf mutants
	$(BIN)/mutmut run >/dev/null
	$(BIN)/mutmut export-cicd-stats >/dev/null
	$(BIN)/python -m tests.mutants

reset: .venv/.base ## Delete this installation's data
	$(BIN)/humancloud reset

.venv/.base: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m workers_ui.setup_torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@if [ -n "$$PYTHONDONTWRITEBYTECODE" ]; then $(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null || true; fi
	@touch $@

.venv/.dev: .venv/.base
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,scale]'
	@touch $@

node_modules/.run: package-lock.json package.json .venv/.base
	npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

node_modules/.dev: package-lock.json package.json .venv/.base
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@ node_modules/.run

$(BUILD): $(shell find workers_ui/web -type f 2>/dev/null) | .venv/.base
	@test -e node_modules/.run || $(MAKE) --no-print-directory node_modules/.run
	npm run --silent build
	@touch $@

$(MODEL): | .venv/.base
	$(BIN)/humancloud prepare-model
