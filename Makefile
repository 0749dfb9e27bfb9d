PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# The folder with real data; empty: FER_KERAS_DATA, then data/, then drawn faces.
DATA ?=
override DATA := $(value DATA)
# A comparison or recipe that `fer-keras recipes` lists; PROTOCOL is its former name.
COMPARISON ?= $(or $(PROTOCOL),same_images)
# More parameters of the notebook, such as PARAMETERS="-p seeds 5 -r changes epochs=8"; for examine,
# options of benchmarks/examine.py, such as PARAMETERS="--network RUN --test-on mine=DIR".
PARAMETERS ?=
# Empty, or EXPORT=--without-faces for a report that leaves the house.
EXPORT ?=
# The report's name in reports/; empty: the notebook's, the comparison's and the parameters'.
NAME ?=
# COVERAGE=--cov measures what the tests reach.
COVERAGE ?=

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: compare audit test test-all faults examine lint docs badges lock published bench clean help

DIED := The process of the notebook died, for want of memory perhaps; \
	start the same command again to go on.

# Execute a notebook, show its training as it goes, and write reports/<name>.html; if it fails,
# show the one sentence where there is one. DATA and PARAMETERS reach the shell by the environment,
# for they may hold quotes and dollars.
export DATA PARAMETERS
define report
	@name="$(NAME)"; settings=$$(printf %s "$$PARAMETERS" | sed -E 's/(^| )-[[:alpha:]]( |$$)/\1/g' \
		| tr -cs 'A-Za-z0-9=._' - | cut -c 1-80); settings=$${settings%-}; \
	: "$${name:=$(1)-$(2)$${settings:+-$${settings#-}}}"; report="reports/$$name"; \
	$(BIN)/papermill notebooks/$(1).ipynb "$$report.ipynb" \
		--kernel python3 --no-progress-bar --stdout-file - \
		$(if $(DATA),-r data "$$DATA") $(3) $(PARAMETERS) 2> "$$report.log" \
		|| { grep '^InputError' "$$report.log" \
		|| { grep -q DeadKernelError "$$report.log" && echo "$(DIED)"; } \
		|| tail -n 30 "$$report.log"; exit 1; } >&2; \
	$(BIN)/python -m fer_keras.reporting.html "$$report.ipynb" $(EXPORT)
endef

compare: $(VENV)/installed  ## Run a comparison and write reports/compare-COMPARISON.html
	$(call report,compare,$(COMPARISON),-r comparison "$(COMPARISON)")

audit: $(VENV)/installed  ## Say what is wrong with the data and write reports/audit-DATA.html
	$(call report,audit,$(if $(DATA),$$(basename "$$DATA"),data))

test: $(VENV)/installed-test lint  ## Run the tests
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(COVERAGE)

test-all: COVERAGE += --all
test-all: test  ## Run the tests, with simulations at full length

faults: $(VENV)/installed-test  ## Attack it: kills, damage, full disks, hostile files; ten minutes
	$(BIN)/python -m pytest tests/faults --all --numprocesses 2
	@$(BIN)/python reports/write_tables.py

examine: $(VENV)/installed  ## Examine the shipped networks, on real data and votes in DATA
	@$(BIN)/python benchmarks/examine.py "$$DATA" $(PARAMETERS)

lint: $(VENV)/installed-test  ## Check style, docstrings, words and which layer imports which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry fer_keras notebooks
	$(BIN)/python -m pytest --quiet tests/test_style.py

published: $(VENV)/installed  ## Remake what reports/ publishes, from real data in DATA
	@$(BIN)/python reports/publish.py "$$DATA"

bench: $(VENV)/installed  ## Measure speed against what it replaces, on real data in DATA
	@$(BIN)/python benchmarks/run.py "$$DATA"
	@$(BIN)/python benchmarks/scale.py
	@$(BIN)/python reports/write_tables.py

docs: $(VENV)/installed-test  ## Build the documentation site into site/, with its links checked
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

badges: $(VENV)/installed  ## Link the notebooks to Colab and Kaggle, for the repository at URL
	@$(BIN)/python docs/badges.py "$(URL)"

# TensorFlow without CUDA is 0.6 GB smaller; macOS and ARM have one wheel only.
SMALL_TENSORFLOW := sys_platform != 'darwin' and platform_machine != 'aarch64'
OTHER_TENSORFLOW := sys_platform == 'darwin' or platform_machine == 'aarch64'
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command "make lock" $(UPGRADE)
# UPGRADE=--upgrade takes the newest releases; else what is locked stays where it still fits.
UPGRADE ?=

lock: $(VENV)/installed-test  ## Renew locks/ from requirements.txt and pyproject.toml
	@$(BIN)/python -m pip install --quiet "uv>=0.8,<1"
	@sed -n "s/^tensorflow\([^ ]*\).*/tensorflow-cpu\1 ; $(SMALL_TENSORFLOW)/p" requirements.txt > locks/cpu.in
	@sed -n "s/^tensorflow\([^ ]*\).*/tensorflow\1 ; $(OTHER_TENSORFLOW)/p" requirements.txt > locks/other.in
	@$(COMPILE) pyproject.toml locks/cpu.in --override locks/other.in --constraint locks/bounds.in \
		--extra test --extra docs \
		--output-file locks/test.txt
	@$(COMPILE) pyproject.toml locks/cpu.in --override locks/other.in --constraint locks/bounds.in \
		--constraint locks/test.txt --output-file locks/compare.txt
	@$(COMPILE) locks/predict.in --constraint locks/bounds.in --constraint locks/test.txt --output-file locks/predict.txt
	@rm locks/cpu.in locks/other.in

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' Makefile | expand -t 12
	@echo "Settings: DATA COMPARISON PARAMETERS EXPORT NAME PYTHON VENV; Makefile says what each is."

clean:  ## Delete the environment, all runs and the reports made here
	rm -rf $(VENV) $(UNFINISHED) runs site reports/compare-* reports/audit-*

# While this file is there, the environment is half-made: the next try makes a new one.
UNFINISHED := $(VENV).unfinished

# Packages come as locks/ names them, each by its hash. One line a package shows progress.
INSTALL = @bash -o pipefail -c '$(BIN)/python -m pip install \
	--require-hashes --requirement $(1) | { grep --line-buffered -oE \
	"(Downloading|Using cached) [^ ]+(whl|gz) \(.*|^Installing collected packages" || true; }'

$(VENV)/installed: locks/compare.txt pyproject.toml
	@command -v $(PYTHON) > /dev/null \
		|| { echo "There is no $(PYTHON); name one, as in: make PYTHON=python3.12"; exit 1; } >&2
	@$(PYTHON) -c 'import platform, sys; sys.exit( \
		(not (3, 11) <= sys.version_info < (3, 14) and \
			"Python 3.11, 3.12 or 3.13 is needed, for TensorFlow has no other; this is " \
			+ platform.python_version() + "; name another one, as in: make PYTHON=python3.12") \
		or (sys.platform == "darwin" and platform.machine() == "x86_64" and \
			"TensorFlow is no longer made for Macs with Intel processors; " \
			"docs/install.md names what works there"))'
	@if test -e $(UNFINISHED) || ! $(BIN)/python -m pip --version > /dev/null 2>&1; then \
		$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { echo "$(PYTHON) makes no \
environments yet: install its venv package (Debian, Ubuntu: sudo apt install python3-venv) and \
start the same command again"; exit 1; } >&2; \
		touch $(UNFINISHED) && $(PYTHON) -m venv --clear $(VENV); fi
	@touch $(UNFINISHED)
	@echo "Installing into $(VENV), once: 2.3 GB on disk, a few minutes ..."
	$(call INSTALL,locks/compare.txt)
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@rm -rf $(VENV)/lib/python*/site-packages/tensorflow/include  # C++ headers: 0.3 GB, unused
	@echo "Starting TensorFlow once ..."
	@$(BIN)/python -c 'import tensorflow' 2> /dev/null \
		|| { echo "TensorFlow does not start; see: $(BIN)/python -c 'import tensorflow'"; exit 1; } >&2
	@touch $@
	@rm $(UNFINISHED)

$(VENV)/installed-test: $(VENV)/installed locks/test.txt
	@touch $(UNFINISHED)
	$(call INSTALL,locks/test.txt)
	@touch $@
	@rm $(UNFINISHED)
