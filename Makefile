# `make demo` and `make test` need Python 3.11 or newer, make and a package index; no root.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Bytecode is kept, whatever the shell says: the tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-faults test-scenarios test-stock check selftest selftest-embedded selftest-stock long lock clean help

help:
	@echo 'make demo      everything on this machine: database, emulator, a list submitted at 30/s'
	@echo 'make test      the tests; ARGS="tests/unit -k pace" a part of them'
	@echo 'make test-faults  cut lines, frozen and killed processes, servers that fail over; and what takes long'
	@echo 'make test-scenarios  the demo, five nights, each benchmark, and the product broken in each key step'
	@echo 'make test-stock  what a ledger does, on the PostgreSQL of this machine as it is shipped'
	@echo 'make check     every gate: lint, format, types, arrows, shape, lock, compose file'
	@echo 'make selftest  faults and harms at random, on the embedded PostgreSQL and on a stock one'
	@echo 'make long      the long checks: about an hour, what each takes is written in the Makefile'
	@echo 'make lock      resolve the locks anew (after a change of dependencies)'
	@echo 'make clean     remove the environment'

demo: $(VENV)/.run
	@exec $(BIN)/vod-batch demo

PYTEST = -m pytest -n $(WORKERS) --maxprocesses=8 --dist=loadgroup --no-loadscope-reorder
SCENARIOS = tests/scenarios tests/mutants
# What is tried after every few lines: five and a half minutes on two cores.
test: $(VENV)/.dev
	@$(BIN)/coverage erase
	@$(BIN)/coverage run $(PYTEST) $(or $(ARGS),-m 'not fault and not long' $(addprefix --ignore=,$(SCENARIOS)))
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report $(if $(ARGS),,--fail-under=$(COVERAGE_FLOOR))

# What mostly waits, and is not measured.
test-faults: $(VENV)/.dev
	@$(BIN)/python $(PYTEST) -m 'fault or long' $(addprefix --ignore=,$(SCENARIOS)) $(ARGS)

# What takes minutes by itself, and is not measured.
test-scenarios: $(VENV)/.dev
	@$(BIN)/python $(PYTEST) -m 'not overnight' $(SCENARIOS) $(ARGS)

# Statements, workers, doubts and money once more, on a server that is not ours: of each test the
# first case, the others in `make long`. What is marked long brings its own servers or is about ours.
STOCK_TESTS := tests/faults $(addprefix tests/integration/,ledger worker workers reconcile money operate loading)
STOCK_CASES := --first-cases
test-stock: $(VENV)/.dev
	@$(BIN)/python $(PYTEST) --server stock $(STOCK_CASES) -m 'not long' $(STOCK_TESTS) $(ARGS)

check: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python .ci/check_shape.py
	@$(BIN)/python .ci/check_lock.py
	@$(BIN)/python .ci/check_compose.py

# Faults and harms drawn at random, on the embedded PostgreSQL and on a stock one of this machine.
# The same seed draws the same rounds. A round takes about 5 seconds; with `make -j2` both run at once.
ROUNDS ?= 50
SEED   ?= 1
selftest: selftest-embedded selftest-stock
selftest-embedded: $(VENV)/.dev
	@$(BIN)/vod-batch selftest --rounds $(ROUNDS) --seed $(SEED)
selfSTOCK_CASES := --first-cases
test-stock: $(VENV)/.dev
	@$(BIN)/python .ci/on_stock.py selftest --rounds $(ROUNDS) --seed $(SEED)

# Not for every change: minutes on two cores beside each step.
long: $(VENV)/.dev
	@$(MAKE) --no-print-directory -j2 selftest ROUNDS=500  # 50
	@$(BIN)/python -m benchmarks.failover --rounds 10 --seed 1  # 5
	@$(BIN)/python $(PYTEST) -m overnight tests/scenarios  # 3
	@$(MAKE) --no-print-directory test-stock STOCK_CASES=  # 4
	@BROKEN_LISTS=10000 $(BIN)/python -m pytest -q tests/properties -k no_id_is_gone  # 1

# Tests run side by side in so many processes, two more than processors since part of their
# time is waiting. WORKERS=0 runs them in one, for a debugger.
PROCESSORS := nproc 2>/dev/null || getconf _NPROCESSORS_ONLN
WORKERS    ?= $(shell expr 2 + $$($(PROCESSORS)))

# Of the whole suite; a part (ARGS) is measured and held to nothing.
COVERAGE_FLOOR := 92

# The environment: made once, then again whenever a lock or the project file changes.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'vod-batch needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)'; exit 78; }
	@echo 'Making $(VENV) with the pinned packages (once)...'
	@$(PYTHON) -m venv $(VENV)

# Source distributions among the locked packages are built with the pinned tools, not with whatever
# is newest, hence --no-build-isolation.
$(VENV)/.run: $(BIN)/python requirements/build.txt requirements/run.txt pyproject.toml
	@$(PIP) install --require-hashes -r requirements/build.txt
	@$(PIP) install --require-hashes --no-build-isolation -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	@$(PIP) install --require-hashes --no-build-isolation -r requirements/dev.txt
	@touch $@

# Needs `uv`; the result is in pip's own format and names no index.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate
lock:
	$(COMPILE) --group build --output-file requirements/build.txt
	$(COMPILE) --constraint requirements/build.txt pyproject.toml --output-file requirements/run.txt
	$(COMPILE) --constraint requirements/build.txt --constraint requirements/run.txt \
		--group dev pyproject.toml --output-file requirements/dev.txt

clean:
	rm -rf $(VENV) .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache
