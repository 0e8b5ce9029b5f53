# Two commands matter to a newcomer: make demo and make test. Needs python3.11 with venv, and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help install demo test lint bench docs

help:           ## what there is
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

install: .venv/.installed  ## make .venv with everything for development

demo: install   ## see referrals leave a hospital, reach a food bank and a shelter, and come back
	$(BIN)/casebridge demo $(ARGS)

lint: install   ## style, types, import layers
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint      ## everything, as CI runs it
	$(BIN)/pytest -n 2

bench: install  ## figures, each beside its floor and its peers
	$(BIN)/python -m benchmarks

docs: install   ## regenerate docs/reference
	$(BIN)/python -m casebridge.docs
