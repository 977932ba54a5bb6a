# The commands of this project. `make` alone lists them.

PYTHON ?= python3
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SPELLED := $(wildcard src tests benchmarks examples docs/*.md docs/*.py *.md *.cff Makefile pyproject.toml)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help bench variants zoo setup demo test slow check style types imports spelling docs format golden clean

help: ## this list
	@awk -F ': .*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## make .venv with exactly the versions of constraints.txt

$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) here; name yours: make setup PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("alexnet needs Python 3.11 or newer; " \
		"$(PYTHON) is %d.%d. Name a newer one: make setup PYTHON=python3.11" % sys.version_info[:2])'
	@rm -f $(STAMP)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

demo: $(STAMP) ## the whole story on bundled digits
	$(BIN)/alexnet demo

# Two workers with OpenMP's usual two threads each would take turns on two cores.
test: $(STAMP) ## every test but the slow ones
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist worksteal

slow: $(STAMP) ## the tests that train, or read a whole data set
	$(BIN)/pytest -m slow --timeout 3600

check: style types imports spelling docs test ## all that must pass before a change goes in

style: $(STAMP) ## format and lint, looking only
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@$(BIN)/python -c 'from alexnet.verbs.zoo import kept; \
		kept() or exit("src/alexnet/networks has changed since its networks were counted: make zoo")'

types: $(STAMP) ## mypy, strict
	$(BIN)/mypy

imports: $(STAMP) ## who may import whom
	$(BIN)/lint-imports

spelling: $(STAMP) ## codespell
	$(BIN)/codespell -L nin $(SPELLED)

docs: $(STAMP) ## docs/_build/html, every warning an error
	$(BIN)/sphinx-build -q -W --keep-going -b html -d docs/_build/doctrees docs docs/_build/html

format: $(STAMP) ## put format and lint right
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

golden: $(STAMP) ## write tests/golden anew from the networks; look at the diff
	$(BIN)/python tests/write_golden.py

bench: $(STAMP) ## speed beside peers, to results/speed.csv and docs/speed.md; let nothing run beside it
	$(BIN)/python -m benchmarks
	$(BIN)/python docs/write_speed.py
	$(BIN)/python docs/write_scaling.py

variants: $(STAMP) ## write docs/variants.md anew from the networks
	$(BIN)/python docs/write_variants.py

zoo: $(STAMP) ## count all networks anew for `alexnet networks` and docs/networks.md
	$(BIN)/python docs/write_networks.py

clean: ## remove what the tools made; .venv, packed/ and runs/ stay
	rm -rf docs/_build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
