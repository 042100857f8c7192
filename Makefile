# The developers' and instructors' door. `make` alone lists what there is.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
NAMES  := $(notdir $(wildcard assignments/source/*))

NBVAL  := CS231N_LITE_DATA=embedded $(BIN)/python -m pytest -o addopts= -o filterwarnings= -p no:cacheprovider --nbval --nbval-current-env --nbval-cell-timeout=300

# One thread for matrix products: two are slower on a busy machine, and rounding stays the same everywhere.
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: help install demo test torch check lab bench exploits release notebooks clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# Each file stands for an environment that is ready; it is made again when what it depends on changes.
$(BIN)/python:
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v <= (3, 13) and f"Python 3.11 to 3.13 is needed; this is {v[0]}.{v[1]}. Use make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/ready-grader: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[grader]'
	touch $@

$(VENV)/ready-dev: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(VENV)/ready-grader $@

install: $(VENV)/ready-dev  ## set up everything in .venv

demo: $(VENV)/ready-grader  ## release an assignment, grade sample submissions, open the report
	$(BIN)/autograder demo

test: check  ## check, then run every test and validate every notebook
	$(BIN)/python -m pytest -n auto --dist loadfile --ignore=tests/test_assignments.py
	$(BIN)/python -m pytest -n auto tests/test_assignments.py
	$(NBVAL) -n auto --dist loadscope assignments/source

torch: $(VENV)/ready-dev  ## install PyTorch, then validate the optional section of mlp that compares with it
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[torch]'
	$(NBVAL) assignments/source/mlp

check: $(VENV)/ready-dev  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lab: $(VENV)/ready-dev  ## open JupyterLab on the released assignments
	$(BIN)/jupyter lab --notebook-dir=assignments/release

bench: $(VENV)/ready-dev  ## measure speed, as ratios, and what hostile bytes take and do
	$(BIN)/python -m benchmarks.fast_layers && $(BIN)/python -m benchmarks.training && $(BIN)/python -m benchmarks.memory && $(BIN)/python -m benchmarks.fuzz

exploits: $(VENV)/ready-dev  ## try every exploit at every level of isolation; one table
	$(BIN)/python -m tests.exploits

release: $(VENV)/ready-grader  ## generate what students get from every source notebook
	for name in $(NAMES); do $(BIN)/autograder release $$name || exit 1; done

notebooks: $(VENV)/ready-dev  ## run every source notebook from top to bottom and store its outputs
	CS231N_LITE_DATA=embedded $(BIN)/jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.record_timing=False assignments/source/*/*.ipynb

clean:  ## remove what running things wrote
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
