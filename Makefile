# Two commands do the work:  make report   and   make test
# Needs GNU make and Python 3.11 or later; everything else goes into $(VENV).

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PYTEST_ARGS ?=
INSTALL = $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python

.PHONY: help report test lint

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1|/p' Makefile | awk -F'|' '{printf "%-16s%s\n", $$1, $$2}'
	@echo "  PYTHON=python3.12 picks the interpreter, VENV=.venv the environment."

report: $(VENV)/.core ## install the core, run the main job on the demo corpus, end with the report's path
	$(BIN)/sertools report opensmile -p dataset demo --out runs

test: $(VENV)/.all ## install everything (several GB) and run the whole test suite
	$(BIN)/python -m pytest -n logical --maxprocesses=4 --dist=worksteal $(PYTEST_ARGS)

lint: $(VENV)/.dev ## check style, formatting, and that the notebooks hold no output
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/nbstripout --verify --keep-id notebooks/*.ipynb

# Stamps: each is made once, and made again when the dependencies change.
$(VENV)/.core: pyproject.toml | $(VENV)/bin/uv
	@echo "Installing the core into $(VENV) (about 1 GB)"
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/uv
	$(INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.core

$(VENV)/.all: pyproject.toml | $(VENV)/bin/uv
	@echo "Installing everything into $(VENV) (about 8 GB on Linux)"
	$(INSTALL) --editable '.[all,dev]'
	@touch $@ $(VENV)/.dev $(VENV)/.core

$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "sertools needs Python 3.11 or later; $(PYTHON) is not. Name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
