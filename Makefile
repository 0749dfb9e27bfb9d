PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# The folder with real data; empty: FER_KERAS_DATA, then data/, then drawn faces.
DATA ?=
PROTOCOL ?= same_images
# A name that `fer-keras recipes` lists, for train.
RECIPE ?= conv3_csv
# For study: how many seeds, how many runs at a time, and fields to set, such as SET="epochs=8".
STUDY ?= storage-feed-augmentation
SEEDS ?= 3
JOBS ?= 1
SET ?=
# More parameters of the notebook, such as PARAMETERS="-p epochs_csv 5 -p seed 1".
PARAMETERS ?=
# Empty, or EXPORT=--without-faces for a report that leaves the house.
EXPORT ?=
# The report's name in reports/.
NAME ?= run

.PHONY: compare audit train architectures study test lint published bench clean

data = $(if $(DATA),-r data "$(DATA)")

# Execute a notebook, show its training as it goes, and write reports/NAME.html;
# of what goes wrong, show the one sentence where there is one.
define report
	@$(BIN)/papermill notebooks/$(1).ipynb reports/$(NAME).ipynb \
		--kernel python3 --no-progress-bar --stdout-file - \
		$(2) $(PARAMETERS) 2> reports/$(NAME).log \
		|| { grep '^InputError' reports/$(NAME).log || tail -n 30 reports/$(NAME).log; exit 1; } >&2
	@$(BIN)/python -m fer_keras.reporting.html reports/$(NAME).ipynb $(EXPORT)
endef

compare: $(VENV)/installed  ## Train both pipelines and write reports/run.html
	$(call report,compare,$(data) -r protocol "$(PROTOCOL)")

audit: $(VENV)/installed  ## Say what is wrong with the data and write reports/run.html
	$(call report,audit,$(data))

train: $(VENV)/installed  ## Train one study's recipe and write reports/run.html
	$(call report,train,$(data) -r recipe "$(RECIPE)")

architectures: $(VENV)/installed  ## Compare the studies' networks and write reports/run.html
	$(call report,architectures,$(data))

study: $(VENV)/installed  ## Change one factor at a time, and write reports/run.html
	@$(BIN)/fer-keras study $(STUDY) --seeds $(SEEDS) --jobs $(JOBS) --out runs \
		$(if $(DATA),--data "$(DATA)") $(foreach change,$(SET),--set $(change))
	$(call report,study,-r folder "runs/$(STUDY)")

test: $(VENV)/installed-test lint  ## Run the tests, and measure what they reach
	$(BIN)/python -m pytest --cov --cov-report=term --cov-fail-under=90

lint: $(VENV)/installed-test  ## Check style, and that rooms import only from rooms below
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

published: EXPORT = --without-faces
published: $(VENV)/installed  ## Remake what reports/ and README.md publish, from real data in DATA
	@for protocol in same_images published; do \
		$(MAKE) compare PROTOCOL=$$protocol NAME=compare_$$protocol EXPORT=$(EXPORT) || exit 1; \
		cp runs/compare_$$protocol/tables/results.csv reports/compare_$$protocol.csv; \
	done
	@for recipe in conv2 vgg8 conv4_bn conv3_csv conv3_folder conv6; do \
		$(BIN)/fer-keras run $$recipe --data "$(DATA)" --out runs | tee reports/$$recipe.log \
		&& $(BIN)/python reports/collect_studies.py "$$(tail -n 1 reports/$$recipe.log)" \
		|| exit 1; \
	done
	@for changes in "quick seed=0" "quick seed=1" "quick seed=2" "quick epochs=3" "quick epochs=6" \
		"quick epochs=12" "quick_ferplus seed=0" "best epochs=40" "best seed=0"; do \
		set -- $$changes; \
		$(BIN)/fer-keras run $$1 --set $$2 --data "$(DATA)" --out runs | tee reports/$$1.log; \
		run="$$(tail -n 1 reports/$$1.log)"; \
		$(BIN)/python reports/collect_budgets.py "$$run" || exit 1; \
		case $$changes in "quick seed=0"|"best seed=0") \
			$(BIN)/python reports/ship_weights.py "$(DATA)" "$$run" || exit 1;; \
		esac; \
	done
	@$(MAKE) audit NAME=audit EXPORT=$(EXPORT) && cp runs/audit/tables/audit.csv reports/audit.csv
	@$(MAKE) study SEEDS=3 SET="epochs=8" JOBS=2 NAME=$(STUDY) \
		&& cp runs/$(STUDY)/results.csv reports/$(STUDY)/
	@$(MAKE) architectures NAME=architectures
	@cp runs/architectures/tables/results.csv reports/architectures.csv
	@$(BIN)/python reports/update_readme.py

bench: $(VENV)/installed  ## Measure speed against what it replaces, on real data in DATA
	@$(BIN)/python benchmarks/run.py "$(DATA)"
	@$(BIN)/python benchmarks/scale.py
	@$(BIN)/python reports/update_readme.py

clean:
	rm -rf $(VENV) runs reports/run.*

$(VENV)/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"Python 3.11 or newer is needed, this is " + sys.version.split()[0] + \
		"; name another one, as in: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing requirements.txt into $(VENV), once ..."
	@$(BIN)/python -m pip install --quiet --requirement requirements.txt
	@$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	@$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@
