# Every target works on a fresh machine with Python 3.11 or newer: it makes .venv and installs what it needs.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help demo docs screenshots test test-slow test-browser test-gpu zoo validity lint types format bench wheel clean

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

demo: .venv/.installed  ## Audit two bundled students: one must fail, one must pass
	$(BIN)/kdaudit demo

test: .venv/.dev  ## The tests, in two processes: under 10 minutes on two cores
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

test-slow: .venv/.dev  ## The long ones: big networks, real data
	$(BIN)/python -m pytest -q -m slow

test-gpu: .venv/.dev  ## The tests that need CUDA
	$(BIN)/python -m pytest -q -m gpu

zoo: .venv/.dev  ## All networks by all exports, into docs/onnx-zoo.md: half an hour
	$(BIN)/python -m tests.models.zoo_table

validity: .venv/.dev  ## The proof: error rates, power and coverage, into docs/validity.md: two hours
	$(BIN)/python -m validity

test-browser: .venv/.dev  ## The report in Chromium (needs chromium and its driver, node and npm)
	$(BIN)/python -m pytest -q -m browser

docs: .venv/.dev  ## The site, into site/: open site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

screenshots: .venv/.dev  ## The pictures of docs/reading-a-report.md (needs chromium and its driver)
	$(BIN)/python -m docs.screenshots

lint: .venv/.dev  ## Style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev  ## mypy, strict
	$(BIN)/mypy

format: .venv/.dev  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.dev  ## Benchmarks: ratios against what one would write by hand
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.measures
	$(BIN)/python -m benchmarks.at_scale
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.conversion
	$(BIN)/python -m benchmarks.rendering
	$(BIN)/python -m benchmarks.prediction
	$(BIN)/python -m benchmarks.overlap

wheel: .venv/.dev  ## Build the wheel
	$(BIN)/python -m pip wheel --no-deps --wheel-dir dist .

clean:  ## Remove the environment and what was built
	rm -rf .venv dist build

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/.installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/.dev: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ .venv/.installed
