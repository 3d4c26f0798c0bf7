# Works in a fresh clone on a machine with Python 3.11 or newer, git and make; see CONTRIBUTING.md.
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev
SETUP := VENV=$(VENV) bash .ci/setup.sh
CODE := jigdesk ui lambdas
UV_COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --quiet \
	--custom-compile-command "make lock" --group build

.PHONY: help demo test realparts run lint format docs screenshots bench lock clean

help:  ## Say what there is
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(READY)  ## Run a sample job end to end on this machine, with no account
	$(BIN)/jigdesk demo

run: $(READY)  ## Open the window
	$(BIN)/jigdesk

test: $(READY_DEV) realparts  ## Run all tests: the unit tests, then the rest
	PYTEST="$(BIN)/python -m pytest" bash .ci/tests.sh -q tests/unit
	WORKERS=3 PYTEST="$(BIN)/python -m pytest" bash .ci/tests.sh tests --ignore=tests/unit

realparts: $(READY_DEV)  ## Install what tests start and pip does not have: soketi, ngrok's agent
	@bash .ci/realparts.sh $(BIN)/python

lint: $(READY_DEV)  ## Check format, style, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY_DEV)  ## Put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)  ## Write docs/settings.md from the settings' model
	$(BIN)/python -m jigdesk.settings.document docs/settings.md

screenshots: $(READY)  ## Draw the pictures of the README and docs/ anew
	$(BIN)/python docs/make_screenshots.py

bench: $(READY_DEV)  ## Measure; see benchmarks/README.md
	$(BIN)/python -m benchmarks

lock: $(READY_DEV)  ## Resolve the newest allowed versions into the lock files
	$(UV_COMPILE) --upgrade --output-file requirements.lock
	$(UV_COMPILE) --upgrade --group dev --constraints requirements.lock --output-file requirements-dev.lock

clean:  ## Take away what the other targets made
	rm -rf $(VENV) tests/realparts/soketi/node tests/realparts/*/node_modules
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(READY): requirements.lock pyproject.toml .ci/setup.sh
	$(SETUP) requirements.lock
	@touch $@

$(READY_DEV): $(READY) requirements-dev.lock
	$(SETUP) requirements-dev.lock
	@touch $@
