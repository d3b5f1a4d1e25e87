# One command for each thing. Needs only make and Python 3.11 or later; everything else goes into $(VENV).

VENV ?= .venv
BIN := $(VENV)/bin
# The first interpreter that is new enough.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
# Meltano has an environment of its own, as its plugins do.
MELTANO_VENV ?= .meltano/cli
# Processes that run tests: more than the two cores of a small machine, since many tests wait.
WORKERS ?= 3
# LOCKED=1 installs what uv.lock names; without it, the newest that pyproject.toml allows.
LOCKED ?=
# Where a distribution and the site are put.
DIST ?= dist
SITE ?= site

.DEFAULT_GOAL := help
.PHONY: help demo meltano-demo test e2e coverage lint format docs site docs-serve bench audit lock dist ci clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## Run the whole loop on a local sandbox and show what happened to each record
	@$(BIN)/reply-tasks demo

meltano-demo: $(VENV)/.runtime $(MELTANO_VENV)/.meltano ## Run a Meltano pipeline on a sandbox and show the warehouse
	@MELTANO=$(MELTANO_VENV)/bin/meltano REPLY_TASKS=$(BIN)/reply-tasks examples/meltano/demo

test: $(VENV)/.test ## Run the tests (under three minutes)
	$(BIN)/pytest -n $(WORKERS) -m "not e2e"

e2e: $(VENV)/.test ## Run the slower end-to-end suites
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m e2e

coverage: $(VENV)/.coverage ## Measure which lines and branches the tests run, and write docs/coverage.md
	@rm -rf .coverage && mkdir .coverage
	$(BIN)/coverage run -m pytest -n $(WORKERS) -m "not e2e"
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage json --quiet -o .coverage/report.json
	$(BIN)/python -m tools.coverage_document .coverage/report.json

lint: $(VENV)/.dev ## Check style, types and who imports whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## Format the code and fix what can be fixed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.test ## Write what is generated: settings, columns, commands, and docs/guarantees.md's tables
	$(BIN)/python -m tools.settings_documents write
	$(BIN)/python -m tools.stream_documents write
	$(BIN)/python -m tools.api_documents write
	$(BIN)/python -m tools.command_documents write
	$(BIN)/python tests/guarantees/guarantees_document.py

site: $(VENV)/.site ## Build the documents as a site into site/; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir $(SITE)

docs-serve: $(VENV)/.site ## Show the documents as a site, at http://127.0.0.1:8000
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

bench: $(VENV)/.test ## Measure throughput against the sandbox
	$(BIN)/python -m benchmarks

audit: $(VENV)/.audit ## Look for known holes in the code, the workflows and the dependencies
	$(BIN)/bandit --quiet --recursive --severity-level medium reply_tasks target_reply_tasks tap_reply_tasks
	$(BIN)/zizmor --offline --no-progress --quiet .github
	$(BIN)/python -m tools.audit_dependencies $(if $(STRICT_AUDIT),--strict)

lock: $(VENV)/.uv ## Write uv.lock for pyproject.toml, UPGRADE=1 with the newest versions that it allows
	$(UV) lock $(if $(UPGRADE),--upgrade)

dist: $(VENV)/.uv ## Build the sdist, the wheel and the bill of materials
	@rm -rf $(DIST)
	$(UV) build --quiet --no-create-gitignore --out-dir $(DIST)/packages
	@mkdir $(DIST)/sbom
	$(UV) export --quiet --frozen --preview-features sbom-export --format cyclonedx1.5 --extra postgres --extra console \
		--no-default-groups --output-file $(DIST)/sbom/reply-tasks.cdx.json >/dev/null

ci: ## Do what CI does, in an environment of its own
	.ci/run

clean: ## Remove the environment and every cache
	rm -rf $(VENV) build dist site .coverage *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

# An editable install is not compiled as pip compiles others, and where Python may write no bytecode
# each start of a command would compile it anew.
COMPILE = $(BIN)/python -m compileall -q reply_tasks target_reply_tasks tap_reply_tasks

# uv without anybody's own settings: the lock names PyPI and nothing else.
UV = UV_NO_CONFIG=1 UV_DEFAULT_INDEX=https://pypi.org/simple UV_PROJECT_ENVIRONMENT=$(abspath $(VENV)) $(BIN)/uv

# Installs this project and the groups named: $(call install,test lint).
ifdef LOCKED
install = $(UV) sync --quiet --locked --inexact --python $(BIN)/python --no-default-groups --extra postgres --extra console $(addprefix --group=,$(1))
needed := $(VENV)/.uv
else
install = $(BIN)/python -m pip install --quiet --editable '.[postgres,console]' $(addprefix --group=,$(1))
needed := $(VENV)/.python
endif

# Each stamp is a set of what is installed; it is renewed when pyproject.toml changes.
$(VENV)/.python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed, and none was found." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.uv: | $(VENV)/.python
	@$(BIN)/python -m pip install --quiet 'uv>=0.13,<0.14'
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

$(VENV)/.test: pyproject.toml | $(needed)
	@echo "Installing reply-tasks and its test tools into $(VENV) ..."
	@$(call install,test)
	@$(COMPILE)
	@touch $@ $(VENV)/.runtime

$(VENV)/.dev: pyproject.toml | $(needed)
	@echo "Installing reply-tasks and its development tools into $(VENV) ..."
	@$(call install,dev)
	@$(COMPILE)
	@touch $@ $(VENV)/.test $(VENV)/.runtime

$(VENV)/.coverage: $(VENV)/.test
	@$(call install,coverage)
	@touch $@

$(VENV)/.site: pyproject.toml | $(VENV)/.test
	@echo "Installing what builds the site into $(VENV) ..."
	@$(call install,site)
	@touch $@

$(VENV)/.audit: pyproject.toml $(VENV)/.uv
	@echo "Installing what audits into $(VENV) ..."
	@$(call install,audit)
	@touch $@
