# Everything a newcomer needs: `make demo` (no key needed) and `make test`. Only Python 3.11+ and make are assumed.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
export PYTHONPATH :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check conformance faults storm simulate mutants serve sandbox bench lock catalog clean

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/ready ## make the virtual environment

$(VENV)/ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer was found; install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "error: $(PYTHON) is no Python 3.11 or newer; name another: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "error: $(PYTHON) has no venv module; install it (Debian, Ubuntu: apt install python3-venv), or name another: make PYTHON=..." >&2; exit 1; }
	@echo "setting up $(VENV) (once, about half a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(VENV)/ready ## a storm of failures over real sockets, the SDKs with and without us (ARGS=--json)
	@$(BIN)/stormkeel demo $(ARGS)

test: $(VENV)/ready ## lint, types, layers, every test
	@$(BIN)/ruff check src tests bench scripts
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache --no-logo
	@$(BIN)/pytest -q -n 2 --dist worksteal $(ARGS)

conformance: $(VENV)/ready ## every SDK against every dialect, as a table (ARGS=--json, ARGS=--write for the page)
	@PYTHONPATH=tests/gateway $(BIN)/python tests/conformance/conformance_page.py $(ARGS)

faults: $(VENV)/ready ## every scenario of failure at its full size, a line each; an hour and a half (ARGS="-m 'not nightly'": 3 minutes)
	@$(BIN)/pytest -q -n 0 -m '' tests/faults $(ARGS)

storm: $(VENV)/ready ## sixteen troubles of a provider, judged from the client's side (ARGS=--json, ARGS="--only stall", ARGS=--list)
	@$(BIN)/python -m bench.storm $(ARGS)

simulate: $(VENV)/ready ## hours of traffic in virtual time, every invariant checked (ARGS="--seeds 1000", ARGS="--seed 7")
	@$(BIN)/stormkeel simulate $(ARGS)

mutants: $(VENV)/ready ## does any test notice a wrong line of the rooms that decide? (ARGS="--sample 120 --seed 7")
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r scripts/mutation.lock
	@$(BIN)/python scripts/mutants.py $(ARGS)

serve: $(VENV)/ready ## the gateway on 127.0.0.1:8787
	@$(BIN)/stormkeel serve $(ARGS)

sandbox: $(VENV)/ready ## a provider that misbehaves on command
	@$(BIN)/stormkeel sandbox $(ARGS)

bench: $(VENV)/ready ## speed, as ratios in one run
	@$(BIN)/python -m bench $(ARGS)

COMPILE := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock: $(VENV)/ready ## pin every dependency with hashes, for all platforms
	@$(BIN)/$(COMPILE) --group dev pyproject.toml -o requirements.lock
	@$(BIN)/$(COMPILE) -c requirements.lock pyproject.toml -o deploy/runtime.lock
	@$(BIN)/$(COMPILE) -c requirements.lock --group image -o deploy/build.lock
	@$(BIN)/$(COMPILE) -c requirements.lock --group mutation -o scripts/mutation.lock

catalog: $(VENV)/ready ## make the price snapshot anew from the pinned genai-prices
	@$(BIN)/python scripts/make_catalog.py

clean: ## remove the virtual environment and caches
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
