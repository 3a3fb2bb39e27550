# The same checks on a laptop and in CI; `.ci/run` adds fresh environments to them.
VENV ?= .venv
BIN := $(VENV)/bin
COG_FILES = $(shell grep -l '\[\[\[cog' README.md docs/*.md)

.PHONY: help check format lint types imports docs docs-check test pictures

help:          ## list the steps
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*##/ —/'

check: lint types imports docs-check test   ## everything that has to be green

format:        ## rewrite the code in the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint:          ## format and lint, changing nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types:         ## mypy --strict over the package
	$(BIN)/mypy

imports:       ## imports point down
	$(BIN)/lint-imports

docs:          ## write the generated parts of the documents anew
	$(BIN)/cog -r -I docs $(COG_FILES)

docs-check:    ## the generated parts are up to date
	$(BIN)/cog --check -I docs $(COG_FILES)

test:          ## tests and doctests
	$(BIN)/python -m pytest

pictures:      ## make the pictures of the documents anew
	$(BIN)/python docs/make_pictures.py
