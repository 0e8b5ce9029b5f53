# Two commands matter to a newcomer: make demo and make test. Needs python3.11 (or newer) with venv, and make.
PYTHON ?= python3
BIN := .venv/bin
PIP_QUIET := --quiet --disable-pip-version-check
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help install sandboxes demo test laws faults lint bench docs lock dist clean

help:           ## what there is
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "CaseBridge needs Python 3.11 or newer with venv. Name one: make PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install $(PIP_QUIET) -c constraints.txt -e '.[dev]'
	@touch $@

install: .venv/.installed  ## make .venv with everything for development

sandboxes: install  ## a second FHIR server for the tests (node, Medplum's router), in your cache; without it they skip
	$(BIN)/python tests/support/medplum/install.py

demo: install   ## see referrals leave a hospital, light, indirect, direct and by file, and come back
	$(BIN)/casebridge demo $(ARGS)

lint: install   ## style, types, import layers
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint      ## everything, as CI runs it
	$(BIN)/pytest -n $(WORKERS)

laws: install   ## every shipped map's laws on 2,000 generated round trips a map (make test takes fewer)
	CASEBRIDGE_TRIPS=2000 $(BIN)/pytest -n $(WORKERS) --timeout 900 tests/generative/test_mapping_laws.py \
		tests/generative/test_mapping_executors.py

faults: install ## kills, power cuts, full disks, hours without a receiver, on both databases (make test takes a few)
	$(BIN)/pytest -n $(WORKERS) -m long

bench: install  ## figures, each beside its floor and its peers
	$(BIN)/python -m pip install $(PIP_QUIET) -c constraints.txt -e '.[bench]'
	$(BIN)/python -m benchmarks $(ARGS)

docs: install   ## regenerate docs/reference
	$(BIN)/python -m casebridge.docs

dist: install   ## the wheel and the sdist, in dist/
	$(BIN)/python -m build --no-isolation

lock: install   ## write constraints.txt anew from the newest releases that work together: pins only, no addresses
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install $(PIP_QUIET) -e '.[dev,bench]'
	.venv-lock/bin/python -m pip freeze --exclude-editable | grep -E '^[A-Za-z0-9_.-]+==' | LC_ALL=C sort -f > constraints.txt
	rm -rf .venv-lock

clean:          ## what was built; the next make installs again
	rm -rf .venv .venv-lock dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
