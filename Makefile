# Everything sets up what it needs: Python 3.11 or newer and pip are enough for demo and test. What is
# installed is what requirements/ says, to the byte; `make update` renews it.
VENV ?= .venv
ARGS ?=
ifeq ($(OS),Windows_NT)
  PYTHON ?= python
  BIN := $(VENV)/Scripts
else
  PYTHON ?= python3
  BIN := $(VENV)/bin
endif
PY := $(BIN)/python
UV := $(shell command -v uv 2>/dev/null)
NPM := .cache/npm
# The shell's own words for the folder: make's begin with D: on Windows, which ends a part of PATH.
WITH_VENV = PATH="$$(cd "$(BIN)" && pwd):$$PATH"

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
	@echo "make npm          servers, and pyright, from npm for some tests (needs npm)"
	@echo "make update       renew the locks: requirements/*.txt and tests/npm"
	@echo "make test-newest  all tests with the newest versions that pyproject.toml allows"
	@echo "make test-oldest  all tests with the oldest"

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; say where it is: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -f $@; exit 1; }

$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(VENV)/pyvenv.cfg
	@echo "Installing the package and the demo's servers into $(VENV) …"
	@$(call LOCKED,demo)
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/pyvenv.cfg
	@echo "Installing the package and its development tools into $(VENV) …"
	@$(call LOCKED,dev)
	@touch $@

$(NPM)/.installed: tests/npm/package.json tests/npm/package-lock.json
	@echo "Installing the servers, pyright and the conformance suite from npm into $(NPM) …"
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

# A folder that somebody names is theirs: it is used as it is.
npm: $(if $(UMCP_TEST_NPM),,$(NPM)/.installed)

conformance: $(VENV)/.dev $(if $(UMCP_CONFORMANCE),,$(NPM)/.installed)
	@UMCP_CONFORMANCE="$(or $(UMCP_CONFORMANCE),$(NPM))" PYTHON="$(PY)" tests/conformance/run.sh

bench: $(VENV)/.dev
	@$(WITH_VENV) $(PY) benchmarks/run.py

# Renewing the locks, and testing what they do not say: that the bounds in pyproject.toml are true.

LOCK := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-emit-index-url --no-emit-find-links --upgrade --custom-compile-command "make update"

# The others take what dev has, so that demo and test can share an environment.
update: $(VENV)/.dev
	$(BIN)/uv $(LOCK) --extra dev pyproject.toml -o requirements/dev.txt
	$(BIN)/uv $(LOCK) -c requirements/dev.txt pyproject.toml -o requirements/run.txt
	$(BIN)/uv $(LOCK) -c requirements/dev.txt --extra demo pyproject.toml -o requirements/demo.txt
	cd tests/npm && npm update --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

test-newest:
	@$(MAKE) --no-print-directory other-versions VENV=.venv-newest RESOLUTION=highest

test-oldest:
	@$(MAKE) --no-print-directory other-versions VENV=.venv-oldest RESOLUTION=lowest-direct

.PHONY: other-versions
other-versions:
	@rm -rf $(VENV)
	@$(MAKE) --no-print-directory VENV=$(VENV) $(VENV)/pyvenv.cfg
	@sed -n '/^uv==/,/[^\\]$$/p' requirements/dev.txt >$(VENV)/uv.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	@$(BIN)/uv pip install --quiet --python $(PY) --resolution $(RESOLUTION) -e '.[dev]'
	@$(WITH_VENV) $(PY) -m pytest $(ARGS)

clean:
	rm -rf $(VENV) .venv-newest .venv-oldest .pytest_cache .ruff_cache .import_linter_cache dist
