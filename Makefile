# One command for each thing. Needs only make and Python 3.11 or later; everything else goes into $(VENV).

VENV ?= .venv
BIN := $(VENV)/bin
# The first interpreter that is new enough.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
# Meltano has an environment of its own, as its plugins do.
MELTANO_VENV ?= .meltano/cli
# Where tests spread over; the limits of a small machine are the default.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo meltano-demo test e2e lint format docs bench ci clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## Run the whole loop on a local sandbox and show what happened to each record
	@$(BIN)/reply-tasks demo

meltano-demo: $(VENV)/.runtime $(MELTANO_VENV)/.meltano ## Run a Meltano pipeline on a sandbox and show the warehouse
	@MELTANO=$(MELTANO_VENV)/bin/meltano REPLY_TASKS=$(BIN)/reply-tasks examples/meltano/demo

test: $(VENV)/.test ## Run the tests (under three minutes)
	$(BIN)/pytest -n $(WORKERS) -m "not e2e"

e2e: $(VENV)/.test ## Run the slower end-to-end suites
	$(BIN)/pytest -n $(WORKERS) -m e2e

lint: $(VENV)/.dev ## Check style, types and who imports whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## Format the code and fix what can be fixed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.test ## Write what is generated: settings, columns, and docs/guarantees.md's tables
	$(BIN)/python -m tools.settings_documents write
	$(BIN)/python -m tools.stream_documents write
	$(BIN)/python tests/guarantees/guarantees_document.py

bench: $(VENV)/.test ## Measure throughput against the sandbox
	$(BIN)/python -m benchmarks

ci: ## Do what CI does, in an environment of its own
	.ci/run

clean: ## Remove the environment and every cache
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

# An editable install is not compiled as pip compiles others, and where Python may write no bytecode
# each start of a command would compile it anew.
COMPILE = $(BIN)/python -m compileall -q reply_tasks target_reply_tasks tap_reply_tasks

# Each stamp is a set of what is installed; it is renewed when pyproject.toml changes.
$(VENV)/.python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed, and none was found." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.runtime: pyproject.toml | $(VENV)/.python
	@echo "Installing reply-tasks into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --editable .
	@$(COMPILE)
	@touch $@

$(MELTANO_VENV)/.meltano: | $(VENV)/.python
	@echo "Installing Meltano into $(MELTANO_VENV) ..."
	@$(BIN)/python -m venv $(MELTANO_VENV)
	@$(MELTANO_VENV)/bin/python -m pip install --quiet --disable-pip-version-check 'meltano~=4.4'
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/.python
	@echo "Installing reply-tasks and its test tools into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --editable '.[postgres]' --group test
	@$(COMPILE)
	@touch $@ $(VENV)/.runtime

$(VENV)/.dev: pyproject.toml | $(VENV)/.python
	@echo "Installing reply-tasks and its development tools into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --editable '.[postgres]' --group dev
	@$(COMPILE)
	@touch $@ $(VENV)/.test $(VENV)/.runtime
