# Everything sets up what it needs: Python 3.11 or newer and pip are enough for demo and test. What is
# installed is what requirements/ says, to the byte; `make update` renews it.
PYTHON ?= python3
VENV ?= .venv
ARGS ?=
ifeq ($(OS),Windows_NT)
  BIN := $(VENV)/Scripts
else
  BIN := $(VENV)/bin
endif
PY := $(BIN)/python
UV := $(shell command -v uv 2>/dev/null)
NPM := $(or $(UMCP_TEST_NPM),.cache/npm)
WITH_VENV := PATH="$(abspath $(BIN)):$$PATH"

ifneq ($(UV),)
  INSTALL := $(UV) pip install --quiet --python $(PY)
else
  INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check
endif
# The locks are whole: without --no-deps, pip asks for the extras of what they pin once more.
LOCKED = $(INSTALL) --require-hashes --no-deps -r requirements/$(1).txt && \
         $(INSTALL) --no-deps --no-build-isolation -e .

.PHONY: help demo test check npm conformance bench update test-newest test-oldest clean

help:
	@echo "make demo         a real agent run: the embedded model calls tools of real MCP servers"
	@echo "make test         all tests; what needs Node.js, Redis or a keyring is skipped where missing"
	@echo "                  (ARGS='tests/core -k limit' runs some)"
	@echo "make check        formatting, strict types, import layers"
	@echo "make conformance  the official MCP conformance suite (needs npm)"
	@echo "make bench        measure against a hand-written client and, where installed, other hosts"
	@echo "make npm          the servers from npm that some tests start (needs npm)"
	@echo "make update       renew the locks: requirements/*.txt and tests/npm"
	@echo "make test-newest  all tests with the newest versions that pyproject.toml allows"
	@echo "make test-oldest  all tests with the oldest"

$(PY):
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(PY)
	@echo "Installing the package and the demo's servers into $(VENV) …"
	@$(call LOCKED,demo)
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(PY)
	@echo "Installing the package and its development tools into $(VENV) …"
	@$(call LOCKED,dev)
	@touch $@

$(NPM)/.installed: tests/npm/package.json tests/npm/package-lock.json
	@echo "Installing the servers and the conformance suite from npm into $(NPM) …"
	@mkdir -p $(NPM) && cp tests/npm/package.json tests/npm/package-lock.json $(NPM)/
	@npm ci --silent --no-audit --no-fund --ignore-scripts --prefix $(NPM)
	@touch $@

demo: $(VENV)/.demo
	@$(WITH_VENV) sh examples/demo.sh

test: $(VENV)/.dev
	@$(WITH_VENV) $(PY) -m pytest $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

npm: $(NPM)/.installed

conformance: $(VENV)/.dev $(NPM)/.installed
	@UMCP_CONFORMANCE="$(NPM)" PYTHON="$(PY)" tests/conformance/run.sh

bench: $(VENV)/.dev
	@$(WITH_VENV) $(PY) benchmarks/run.py

# Renewing the locks, and testing what they do not say: that the bounds in pyproject.toml are true.

LOCK := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-emit-index-url --no-emit-find-links --upgrade --custom-compile-command "make update"

update: $(VENV)/.dev
	$(BIN)/uv $(LOCK) pyproject.toml -o requirements/run.txt
	$(BIN)/uv $(LOCK) --extra demo pyproject.toml -o requirements/demo.txt
	$(BIN)/uv $(LOCK) --extra dev pyproject.toml -o requirements/dev.txt
	cd tests/npm && npm update --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

test-newest:
	@$(MAKE) --no-print-directory other-versions VENV=.venv-newest RESOLUTION=highest

test-oldest:
	@$(MAKE) --no-print-directory other-versions VENV=.venv-oldest RESOLUTION=lowest-direct

.PHONY: other-versions
other-versions:
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --python $(PY) --resolution $(RESOLUTION) -e '.[dev]'
	@$(WITH_VENV) $(PY) -m pytest $(ARGS)

clean:
	rm -rf $(VENV) .venv-newest .venv-oldest .pytest_cache .ruff_cache .import_linter_cache dist
