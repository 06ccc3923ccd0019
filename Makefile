SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
# compiled modules are kept, whatever the shell says: a process starts in a second instead of five
export PYTHONDONTWRITEBYTECODE :=

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.venv/installed: requirements.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || { awk '/^uv==/,!/\\$$/' requirements.txt >.venv/uv.txt; \
		$(BIN)/python -m pip install -q --require-hashes -r .venv/uv.txt; }  # ten times as fast as pip for the rest
	@$(BIN)/python -m uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.txt
	@$(BIN)/python -m uv pip install -q --compile-bytecode --python $(BIN)/python --no-deps --no-build-isolation -e . -e ./edge
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	@$(BIN)/python -m uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@touch $@

install: .venv/installed ## make the environment in .venv
install-dev: .venv/installed-dev vendor ## and the tools of development

TORCH ?= torch==2.13.0$(if $(PIP_FIND_LINKS),+cpu)
install-torch: install ## the extra torch, in no lock: the processor's build where PIP_FIND_LINKS has it, PyPI's (for GPUs) elsewhere
	@$(BIN)/python -m uv pip install -q --python $(BIN)/python $(if $(PIP_FIND_LINKS),--find-links $(PIP_FIND_LINKS)) $(TORCH)

vendor: static/vendor/axe.min.js ## what only tests of pages need from npm: axe-core

static/vendor/axe.min.js: package-lock.json
	@if ! command -v npm >/dev/null; then echo "npm is not installed: the tests of accessibility are skipped"; \
	elif npm ci --silent; then mkdir -p $(@D) && cp node_modules/axe-core/axe.min.js $@; \
	else echo "axe-core could not be fetched: the tests of accessibility are skipped"; fi

lock: ## write the locks anew from pyproject.toml
	@flags="-q --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links"; \
	$(BIN)/python -m uv pip compile $$flags pyproject.toml edge/pyproject.toml --extra run --group build -o requirements.txt && \
	$(BIN)/python -m uv pip compile $$flags pyproject.toml edge/pyproject.toml --extra run --group build --group dev -o requirements-dev.txt

demo: install ## the whole loop on real data (SERVE=0 ends instead of staying up)
	@$(BIN)/python manage.py demo $(if $(filter 0,$(SERVE)),--no-serve)

run: install ## migrate, two workers and the web, embedded
	@$(BIN)/python manage.py up

test: install-dev ## the suite; DATABASE_URL, REDIS_URL and STORE_URL choose the servers
	@$(BIN)/python -m pytest -n 2 --dist worksteal

test-long: install-dev ## kill loops and crowds on real data (CC_DATA), in minutes
	@$(BIN)/python -m pytest -m long

bench: install ## one figure as a JSON line: make bench NAME=register (ROWS=10000 for a quick one)
	@$(BIN)/python -m benchmarks $(NAME)

screenshots: install-dev ## picture every page anew into docs/screenshots/
	@SCREENSHOTS=docs/screenshots $(BIN)/python -m pytest -q -n 2 tests/browser/test_gallery*.py tests/browser/test_rollout.py

check: install-dev ## ruff, mypy, import-linter, missing migrations, Django's own checks
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/python manage.py schema --check
	@$(BIN)/python manage.py settings --check
	@$(BIN)/python manage.py check

audit: install-dev ## known vulnerabilities of what we install; says so where nobody can be asked
	@$(BIN)/python .ci/audit

format: install-dev ## let ruff write
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

shell: install ## Django's shell
	@$(BIN)/python manage.py shell

.PHONY: help install install-dev install-torch vendor lock demo run test test-long bench screenshots check audit format shell
