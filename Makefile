# Everything that is run twice has a name here; .ci/run calls the same targets.
#
#   make run      install what the main job needs, and judge the predictions in examples/
#   make test     install everything, and run every test
#   make check    formatting, lint, types
#   make docs     build/docs/index.html, of which every link inside is checked
#   make bench    time everything against its peers (about ten minutes; a quiet machine)
#   make build    compile again after a change in native/

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Modules are compiled when they are first imported: of 24,000 files few ever are.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
  --constraint constraints.txt
BENCHMARKS := $(filter-out benchmarks/_%,$(wildcard benchmarks/*.py))

# hundreds of processes import the package: without this each would compile it again
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check docs bench build clean

run: $(VENV)/.run
	$(BIN)/xent evaluate examples/digits.parquet

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx --builder html --fail-on-warning --nitpicky --keep-going --quiet \
	  --jobs auto docs build/docs
	$(BIN)/python tools/links.py build/docs

bench: $(VENV)/.dev
	@for program in $(BENCHMARKS); do echo "== $$program"; $(BIN)/python $$program || exit 1; done

build: $(VENV)/.dev
	$(PIP) --no-build-isolation --no-deps --editable .

clean:
	rm -rf build $(VENV)

# the sources of the native module: a change in one of them installs again
SOURCES := pyproject.toml constraints.txt $(wildcard native/*)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "xent needs Python 3.10 or newer: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The build tools are installed first, so that one build directory serves all builds: what
# `make run` compiled is not compiled again for `make test`. setuptools is for PySpark, which
# comes as source: the one of a new environment may be too old to make a wheel of it.
$(VENV)/.tools: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) 'scikit-build-core>=0.11,<2' 'nanobind>=2.9,<4' cmake ninja 'setuptools>=70.1'
	@touch $@

$(VENV)/.run: $(SOURCES) $(VENV)/.tools
	$(PIP) --no-build-isolation --editable '.[evaluate]'
	@touch $@

$(VENV)/.dev: $(SOURCES) $(VENV)/.tools
	$(PIP) --no-build-isolation --editable '.[dev]'
	@touch $@ $(VENV)/.run
