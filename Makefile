# Everything that the project does. Each target sets itself up; Python >= 3.11 and make are enough to begin.
# PYTHON=/path/to/python3 chooses the interpreter, ARGS="…" is passed on to pytest.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

PY := .venv/bin/python
CODE := app training tests tools benchmarks
MODELS := $(or $(KITH_MODELS),models)
BUSINESS ?= sample/business.yaml
WORKERS ?= 2
IMAGE ?= kith:latest

.PHONY: help setup serve train test check lint types contracts dependencies openapi openapi-check format bench \
	bench-quality image clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

setup: ## Prepare .venv from the lock (every other target does so by itself)
	@tools/setup.sh

serve: setup ## Train the sample business if nothing is published yet, then serve on 127.0.0.1:8000
	@test -f $(MODELS)/release.json || $(MAKE) train
	@exec $(PY) tools/serve.py

train: setup ## Train and publish: the sample business, or BUSINESS=path/to/business.yaml
	@test -f $(BUSINESS) || test $(BUSINESS) != sample/business.yaml || $(PY) -m training sample --out sample
	$(PY) -m training train --business $(BUSINESS) --models $(MODELS)

test: setup ## Run the tests
	$(PY) -m pytest -n $(WORKERS) $(ARGS)

check: lint types contracts dependencies openapi-check ## All that must hold before a change is merged
	$(MAKE) test ARGS="--cov --cov-report=term"

lint: setup ## Format and lint rules
	$(PY) -m ruff format --check $(CODE)
	$(PY) -m ruff check $(CODE)

types: setup ## mypy --strict
	$(PY) -m mypy --strict $(CODE)

contracts: setup ## Which layer may import which
	.venv/bin/lint-imports --no-logo

dependencies: setup ## No import undeclared, no dependency unused
	$(PY) -m deptry app
	$(PY) -m deptry app training benchmarks --non-dev-dependency-groups training,bench

openapi: setup ## Write openapi/openapi.json from the code
	$(PY) -m app openapi

openapi-check: setup
	$(PY) -m app openapi --check

format: setup ## Format the code and mend what can be mended
	$(PY) -m ruff check --fix-only $(CODE)
	$(PY) -m ruff format $(CODE)

bench: ## Measure the service: CPU per request and decision, decisions a second, memory, cold start
	@tools/setup.sh bench
	@status=0; for part in serving recommendations.serving decisions; do $(PY) -m benchmarks.$$part || status=$$?; done; exit $$status

bench-quality: ## Measure the models beside what a user would pick instead
	@tools/setup.sh bench
	@status=0; for part in quality value fitting satisfaction text recommendations; do $(PY) -m benchmarks.$$part || status=$$?; done; exit $$status

image: ## Build the container image
	docker build --tag $(IMAGE) .

clean: ## Remove the environment, the tools and every cache; models and data stay
	rm -rf .venv .tools .cache .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
