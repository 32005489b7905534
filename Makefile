# make demo    the main job, on an embedded Postgres
# make test    the tests, on Postgres 18 and 16
# make test-shops   the tests that install real shops: Oscar, and where there is npm, Vendure
# make trust   kills, pauses, restarts, cuts, fuzzed calls: what is lost; SEED=N draws others
# make lint    ruff, mypy, import contracts, generated docs up to date
# make bench   measurements against named peers
# make shops   real shops attached, from installing them to detaching
# make lock    pin the dependencies again (needs uv)

PYTHON  ?= python3
TESTERS ?= 4
SEED    ?= 1
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

# a test starts many processes, and each would compile the package again
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-shops trust lint bench shops lock clean
.DELETE_ON_ERROR:

demo: $(VENV)/.runtime
	$(BIN)/vitrina demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses $(TESTERS) --dist worksteal --ignore tests/real_shops

test-shops: $(VENV)/.shops
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/real_shops

trust: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal tests/trust tests/sql/test_states.py tests/sql/test_hostile_arguments.py --trust full --seed $(SEED)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/make_docs.py --check
	$(BIN)/python scripts/make_words.py --check
	$(BIN)/python scripts/make_sbom.py --check

bench: $(VENV)/.bench
	$(BIN)/python -m bench

shops: $(VENV)/.shops
	$(BIN)/python -m shops oscar vendure medusa

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --no-emit-index-url

lock:
	$(LOCK) pyproject.toml --extra local --extra web --extra mcp --group build -o requirements/runtime.txt
	$(LOCK) --group dev -c requirements/runtime.txt -o requirements/dev.txt
	$(LOCK) --group bench -c requirements/runtime.txt -c requirements/dev.txt -o requirements/bench.txt
	$(LOCK) --group shops -c requirements/runtime.txt -o requirements/shops.txt

clean:
	rm -rf $(VENV) dist .import_linter_cache .mypy_cache .ruff_cache .pytest_cache

# A dist wheel is not needed to run from a checkout: the package is linked, its pins are checked.
$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes --no-deps -r requirements/runtime.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	$(PIP) install --require-hashes --no-deps -r requirements/dev.txt
	touch $@

# Real shops to test against: Oscar, and where there is npm, Vendure.
$(VENV)/.shops: requirements/shops.txt shops/vendure/package-lock.json $(VENV)/.dev
	$(PIP) install --require-hashes --no-deps -r requirements/shops.txt
	command -v npm >/dev/null && $(BIN)/python -m shops install vendure || \
	  echo "Vendure is not installed: its test is skipped" >&2
	touch $@

$(VENV)/.bench: requirements/bench.txt $(VENV)/.dev
	$(PIP) install --require-hashes --no-deps -r requirements/bench.txt
	touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "vitrina needs Python 3.11 or newer: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "no venv module: on Debian, apt-get install python3-venv" >&2; exit 1; }
