# Each target sets up .venv first when it is missing or out of date.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PORT ?= 8000
EDITION ?= public
SIDE_BY_SIDE := --numprocesses 2 --dist loadgroup

export OMP_NUM_THREADS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: setup demo test test-all lint site notebooks links serve screenshots contact-sheet audit bench wheel clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt hatch_build.py autograder/command
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "This course needs Python 3.11 or newer; '$(PYTHON)' is missing or older." >&2; \
	  echo "Name another one: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "Could not create $(VENV): on Debian and Ubuntu install the package python3-venv." >&2; exit 1; }
	@echo "Installing into $(VENV); the first time this takes some minutes."
	@$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[course,test]' || { \
	  echo "The installation failed: see pip's message above. If a download broke off," >&2; \
	  echo "check the connection and run the same command again." >&2; exit 1; }
	@touch $@

demo: $(READY)
	$(BIN)/python site/build.py --if-changed
	$(BIN)/autograder demonstrate

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python site/build.py --if-changed
	$(BIN)/pytest -m 'not slow' $(SIDE_BY_SIDE)

test-all: $(READY)
	$(BIN)/python site/build.py --if-changed
	$(BIN)/pytest $(SIDE_BY_SIDE)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

site: $(READY)
	$(BIN)/python site/build.py --edition $(EDITION)

notebooks: $(READY)
	$(BIN)/python site/notebook_folder.py

links: $(READY)
	$(BIN)/python site/build.py --if-changed
	$(BIN)/python site/links.py

serve: $(READY)
	$(BIN)/python site/build.py --if-changed
	$(BIN)/python site/serve.py --port $(PORT)

screenshots: $(READY)
	$(BIN)/python site/build.py --if-changed
	$(BIN)/python site/screenshots.py

contact-sheet: $(READY)
	$(BIN)/python site/build.py --if-changed
	$(BIN)/python site/contact_sheet.py

audit: $(READY)
	$(BIN)/python site/build.py --if-changed
	$(BIN)/python site/audit.py

bench: $(READY)
	$(BIN)/python -m benchmarks

wheel: $(READY)
	$(BIN)/python -m build --wheel --outdir _build/wheel

clean:
	rm -rf _build
