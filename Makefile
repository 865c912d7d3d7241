# Everything a newcomer or CI needs; each target sets up what it uses.
# `make run` and `make test` work on a fresh clone with Python 3.11 or newer and nothing else installed.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test lint types contracts bench faults screenshots docs lock vendor clean setup

$(VENV)/.run: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %d.%d" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "Installing what the product needs (once)…"
	@$(PY) -m pip install -q -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	@echo "Installing what the tests need (once)…"
	@$(PY) -m pip install -q -r requirements-dev.txt
	@touch $@

setup: $(VENV)/.dev

run: $(VENV)/.run
	@DEMO_LOGIN=$${DEMO_LOGIN-1} exec $(PY) manage.py up

test: $(VENV)/.dev
	@$(PY) tools/test.py $(ARGS)

lint: $(VENV)/.dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(VENV)/bin/lint-imports
	@$(PY) tools/longest.py

types: $(VENV)/.dev
	@$(PY) -m mypy accounts prompts integrations workflows orchestrator_site

contracts: $(VENV)/.dev
	@$(PY) -m pytest -q tests/contracts $(ARGS)

bench: $(VENV)/.dev
	@$(PY) -m benchmarks.bench $(ARGS)

faults: $(VENV)/.dev
	@$(PY) -m benchmarks.faults $(ARGS)

screenshots: $(VENV)/.dev
	@$(PY) tools/screenshots.py $(ARGS)

docs: $(VENV)/.dev
	@$(PY) manage.py action_docs

lock: $(VENV)/.dev
	@$(VENV)/bin/pip-compile -q --strip-extras --no-emit-index-url --no-emit-find-links --no-header -o requirements.txt requirements.in
	@$(VENV)/bin/pip-compile -q --strip-extras --no-emit-index-url --no-emit-find-links --no-header -o requirements-dev.txt requirements-dev.in

vendor:
	@cd tools/vendor && npm ci --silent && node build.mjs

clean:
	rm -rf $(VENV) .data .mypy_cache .ruff_cache .pytest_cache
