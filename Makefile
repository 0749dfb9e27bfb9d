PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PROTOCOL ?= same_images
# The folder with real data; empty: FER_KERAS_DATA, then data/, then drawn faces.
DATA ?=

.PHONY: compare test lint readme clean

compare: $(VENV)/installed  ## Train both pipelines and write reports/run.html
	@$(BIN)/papermill notebooks/compare.ipynb reports/run.ipynb \
		--no-progress-bar --stdout-file - --kernel python3 \
		$(if $(DATA),-r data "$(abspath $(DATA))") -r protocol "$(PROTOCOL)" $(PARAMETERS)
	@$(BIN)/python -m fer_keras.reports reports/run.ipynb

test: $(VENV)/installed-test lint  ## Run the tests with their coverage
	TF_CPP_MIN_LOG_LEVEL=2 $(BIN)/python -m pytest --cov --cov-report=term --cov-fail-under=90

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

readme: $(VENV)/installed  ## Write the results table of README.md from the CSVs in reports/
	$(BIN)/python reports/update_readme.py

clean:
	rm -rf $(VENV) runs reports/run.*

$(VENV)/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"Python 3.11 or newer is needed, this is " + sys.version.split()[0] + \
		"; name another one with make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@
