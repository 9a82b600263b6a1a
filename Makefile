# Everything sets up what it needs. Python 3.11 or newer and pip are enough for demo and test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)

ifneq ($(UV),)
  INSTALL := $(UV) pip install --quiet --python $(BIN)/python
else
  INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

.PHONY: help demo test check conformance bench clean

help:
	@echo "make demo    a real agent run: the embedded model calls tools of real MCP servers"
	@echo "make test    all tests (what needs Node.js, Redis or a keyring is skipped where missing)"
	@echo "make check   formatting, strict types, import layers"
	@echo "make conformance  the official MCP conformance suite (needs npm)"
	@echo "make bench   measure against a hand-written client and, where installed, other hosts"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@echo "Installing the package and the demo's servers into $(VENV) …"
	@$(INSTALL) -e '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "Installing the package and its development tools into $(VENV) …"
	@$(INSTALL) -e '.[dev]'
	@touch $@

demo: $(VENV)/.demo
	@PATH="$(abspath $(BIN)):$$PATH" sh examples/demo.sh

test: $(VENV)/.dev
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

conformance: $(VENV)/.dev
	@tests/conformance/run.sh

bench: $(VENV)/.dev
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python benchmarks/run.py

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .import_linter_cache dist
