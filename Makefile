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
# The report's name in reports/; empty: the notebook's, the comparison's and the parameters'.
NAME ?=
# COVERAGE=--cov measures what the tests reach.
COVERAGE ?=

.PHONY: compare audit test test-all faults examine lint published bench clean

DIED := The process of the notebook died, for want of memory perhaps; \
	start the same command again to go on.

# Execute a notebook, show its training as it goes, and write reports/<name>.html; if it fails,
# show the one sentence where there is one. PARAMETERS reach the shell by the environment, for
# they may hold quotes.
export PARAMETERS
define report
	@name="$(NAME)"; settings=$$(printf %s "$$PARAMETERS" | sed -E 's/(^| )-[[:alpha:]]( |$$)/\1/g' \
		| tr -cs 'A-Za-z0-9=._' - | cut -c 1-80); settings=$${settings%-}; \
	: "$${name:=$(1)-$(2)$${settings:+-$${settings#-}}}"; report="reports/$$name"; \
	$(BIN)/papermill notebooks/$(1).ipynb "$$report.ipynb" \
		--kernel python3 --no-progress-bar --stdout-file - \
		$(if $(DATA),-r data "$(DATA)") $(3) $(PARAMETERS) 2> "$$report.log" \
		|| { grep '^InputError' "$$report.log" \
		|| { grep -q DeadKernelError "$$report.log" && echo "$(DIED)"; } \
		|| tail -n 30 "$$report.log"; exit 1; } >&2; \
	$(BIN)/python -m fer_keras.reporting.html "$$report.ipynb" $(EXPORT)
endef

compare: $(VENV)/installed  ## Run a comparison and write reports/compare-COMPARISON.html
	$(call report,compare,$(COMPARISON),-r comparison "$(COMPARISON)")

audit: $(VENV)/installed  ## Say what is wrong with the data and write reports/audit-DATA.html
	$(call report,audit,$(if $(DATA),$$(basename "$(DATA)"),data))

test: $(VENV)/installed-test lint  ## Run the tests
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(COVERAGE)

test-all: COVERAGE += --all
test-all: test  ## Run the tests, with simulations at full length

faults: $(VENV)/installed-test  ## Attack it: kills, damage, full disks, hostile files; a quarter of an hour
	$(BIN)/python -m pytest tests/faults --all --numprocesses 2

examine: $(VENV)/installed  ## Examine the shipped networks, on real data and votes in DATA
	@$(BIN)/python benchmarks/examine.py "$(DATA)"

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
	rm -rf $(VENV) $(UNFINISHED) runs reports/compare-* reports/audit-*

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
