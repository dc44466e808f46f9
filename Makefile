# The two commands of the README are `make scenarios` and `make test`. On a fresh Debian 12 the first run makes
# .venv; later runs begin at once. Options go into ARGS: make scenarios ARGS="-k querier -x".

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up

.DEFAULT_GOAL := help
.PHONY: help set-up scenarios test lint types imports check schema platforms bench clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

scenarios: $(STAMP) ## Run every scenario in real network namespaces, and compare it with the model
	@$(BIN)/pytest scenarios/ --harness-compare=model $(ARGS)

test: $(STAMP) ## Run the harness's own tests
	@$(BIN)/pytest $(ARGS)

set-up: $(STAMP) ## Make the virtual environment, and no more

$(STAMP): pyproject.toml .ci/set-up
	@.ci/set-up "$(PYTHON)" "$(VENV)"
	@touch $@

lint: $(STAMP) ## Style: ruff's checks and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP) ## Types: mypy, strict
	@$(BIN)/mypy --strict

imports: $(STAMP) ## Layers: imports point downward
	@$(BIN)/lint-imports

check: lint types imports test ## All of the above but the scenarios

schema: $(STAMP) ## Generate the JSON Schema that editors use
	@$(BIN)/python -m harness.scenario.schema

platforms: $(STAMP) ## Run every platform in every situation, and write the table of docs/platforms.md anew
	@$(BIN)/mcast situations --markdown $(ARGS) >.platforms && sed -i '/^|/d' docs/platforms.md && cat .platforms >>docs/platforms.md; \
		ended=$$?; rm -f .platforms; exit $$ended

bench: $(STAMP) ## Measure, beside the peers that are installed
	@for benchmark in benchmarks/*.py; do $(BIN)/python $$benchmark $(ARGS) || exit 1; done

clean: ## Remove the virtual environment, run folders and caches
	rm -rf $(VENV) .harness .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .grimp_cache
