# Everything runs in .venv, which the first target that needs it makes. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# uv does not read pip's variable for a folder of local builds; hand it on.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
export DAGSTER_DISABLE_TELEMETRY := 1
export MLFLOW_DISABLE_TELEMETRY := true
export GX_ANALYTICS_ENABLED := false
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

INPUTS := pyproject.toml constraints.txt
ROOMS := proofset generators quality lineage orchestration

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast lint format ui bench pictures constraints clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3,11) <= sys.version_info[:2] <= (3,13) else "proofset needs Python 3.11 to 3.13. Name one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv

$(VENV)/.base: $(INPUTS) | $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --compile-bytecode --editable .
	@touch $@

$(VENV)/.all: $(INPUTS) | $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --compile-bytecode --editable '.[all]'
	@touch $@ $(VENV)/.base

demo: $(VENV)/.base ## Govern the census table end to end: synthesise, measure, approve, release, verify
	@$(BIN)/proofset --workspace examples/census demo

test: $(VENV)/.all ## Run every test, with branch coverage
	@$(BIN)/pytest -n 2 --cov --cov-report=term:skip-covered --cov-fail-under=90

test-fast: $(VENV)/.all ## Run the fast tests only
	@$(BIN)/pytest -n 2 -m 'not slow'

lint: $(VENV)/.all ## Check style, types and boundaries
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(ROOMS)

format: $(VENV)/.all ## Format the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

ui: $(VENV)/.base ## Serve Dagster's and MLflow's pages for the census workspace on loopback
	@$(BIN)/proofset --workspace examples/census ui

bench: $(VENV)/.all ## Measure speed and quality against peers
	@$(BIN)/python -m benchmarks

pictures: $(VENV)/.all ## Take the pictures in docs/ anew (needs Chromium)
	@$(BIN)/python docs/pictures.py

constraints: $(BIN)/uv ## Resolve the newest versions into constraints.txt
	@echo 'torch==2.13.0' > $(VENV)/pins.txt
	@$(BIN)/uv pip compile pyproject.toml --extra all --universal --python-version 3.11 --upgrade --quiet \
	  --constraint $(VENV)/pins.txt --no-emit-index-url --no-annotate --no-header --output-file $(VENV)/resolved.txt
	@# The build of torch and its CUDA companions are the installing machine's choice.
	@{ echo '# Versions that resolve and pass the tests together. Renew with: make constraints'; \
	   { grep -vE '^(torch==|nvidia-|cuda-|triton)' $(VENV)/resolved.txt; cat $(VENV)/pins.txt; } | sort; } > constraints.txt

clean: ## Remove what the demo made; the environment stays
	rm -rf examples/census/.proofset examples/census/releases examples/census/keys
