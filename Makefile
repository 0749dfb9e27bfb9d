PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# The folder with real data; empty: FER_KERAS_DATA, then data/, then drawn faces.
DATA ?=
# A comparison or recipe that `fer-keras recipes` lists; PROTOCOL is its former name.
COMPARISON ?= $(or $(PROTOCOL),same_images)
# More parameters of the notebook, such as PARAMETERS="-p seeds 5 -r changes epochs=8".
PARAMETERS ?=
# Empty, or EXPORT=--without-faces for a report that leaves the house.
EXPORT ?=
# The report's name in reports/.
NAME ?= run
# COVERAGE=--cov measures what the tests reach.
COVERAGE ?=

.PHONY: compare audit test test-all faults lint published bench clean

DIED := The process of the notebook died, for want of memory perhaps; \
	start the same command again to go on.

# Execute a notebook, show its training as it goes, and write reports/NAME.html;
# if it fails, show the one sentence where there is one.
define report
	@$(BIN)/papermill notebooks/$(1).ipynb reports/$(NAME).ipynb \
		--kernel python3 --no-progress-bar --stdout-file - \
		$(if $(DATA),-r data "$(DATA)") $(2) $(PARAMETERS) 2> reports/$(NAME).log \
		|| { grep '^InputError' reports/$(NAME).log \
		|| { grep -q DeadKernelError reports/$(NAME).log && echo "$(DIED)"; } \
		|| tail -n 30 reports/$(NAME).log; exit 1; } >&2
	@$(BIN)/python -m fer_keras.reporting.html reports/$(NAME).ipynb $(EXPORT)
endef

compare: $(VENV)/installed  ## Run a comparison and write reports/run.html
	$(call report,compare,-r comparison "$(COMPARISON)")

audit: $(VENV)/installed  ## Say what is wrong with the data and write reports/run.html
	$(call report,audit)

test: $(VENV)/installed-test lint  ## Run the tests
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(COVERAGE)

test-all: COVERAGE += --all
test-all: test  ## Run the tests, with simulations at full length

faults: $(VENV)/installed-test  ## Attack it: kills, damage, full disks, hostile files; a quarter of an hour
	$(BIN)/python -m pytest tests/faults --all --numprocesses 2
	@$(BIN)/python reports/write_tables.py

lint: $(VENV)/installed-test  ## Check style, docstrings, words and the order of the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest --quiet tests/test_style.py

published: $(VENV)/installed  ## Remake what reports/ publishes, from real data in DATA
	@$(BIN)/python reports/publish.py "$(DATA)"

bench: $(VENV)/installed  ## Measure speed against what it replaces, on real data in DATA
	@$(BIN)/python benchmarks/run.py "$(DATA)"
	@$(BIN)/python benchmarks/scale.py
	@$(BIN)/python reports/write_tables.py

clean:
	rm -rf $(VENV) $(UNFINISHED) runs reports/run.*

# While this file is there, the environment is half-made: the next try makes a new one.
UNFINISHED := $(VENV).unfinished

$(VENV)/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"Python 3.11 or newer is needed, this is " + sys.version.split()[0] + \
		"; name another one, as in: make PYTHON=python3.12")'
	@if test -e $(UNFINISHED) || ! $(BIN)/python -m pip --version > /dev/null 2>&1; then \
		touch $(UNFINISHED) && $(PYTHON) -m venv --clear $(VENV); fi
	@touch $(UNFINISHED)
	@echo "Installing requirements.txt into $(VENV), once ..."
	@$(BIN)/python -m pip install --quiet --requirement requirements.txt
	@$(BIN)/python -m pip install --quiet --no-deps --editable .
	@$(BIN)/python -c 'import tensorflow' 2> /dev/null \
		|| { echo "TensorFlow does not start; see: $(BIN)/python -c 'import tensorflow'"; exit 1; } >&2
	@touch $@
	@rm $(UNFINISHED)

$(VENV)/installed-test: $(VENV)/installed
	@touch $(UNFINISHED)
	@$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@
	@rm $(UNFINISHED)
