# make install | run | test | lint | format | bench | train NAME=... | evaluate NAME=... | space NAME=user/space
PYTHON ?= python3
PORT ?= 7860
VENV := .venv
BIN := $(VENV)/bin
export PYTHONPATH := .

.PHONY: install run test lint lint-py lint-types lint-js format bench train evaluate space lock

# A stamp per requirements file, so that the environment is reused until a pin changes. A new environment gets pip last:
# where there is none, making it was interrupted, and is begun again.
$(VENV)/run.stamp: requirements.txt requirements.lock
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -r requirements.txt -c requirements.lock
	touch $@

$(VENV)/dev.stamp: requirements-dev.txt requirements.txt requirements.lock
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -r requirements-dev.txt -c requirements.lock
	touch $(VENV)/run.stamp $@

install: $(VENV)/run.stamp

run: install
	$(BIN)/python app.py --port $(PORT)

node_modules/.stamp: package.json
	npm install --no-package-lock --no-audit --no-fund
	touch $@

lint: $(VENV)/dev.stamp
	$(MAKE) --no-print-directory --jobs 2 lint-types lint-js lint-py

lint-types: $(VENV)/dev.stamp
	$(BIN)/mypy

lint-py: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m tests.audit

# Without npm the scripts are not checked, except in continuous integration, which fails.
SCRIPTS := "demos/**/*.js" "demos/**/*.css"
ifneq ($(shell command -v npm),)
lint-js: $(VENV)/dev.stamp node_modules/.stamp
	node_modules/.bin/prettier --check $(SCRIPTS)
	$(BIN)/python -m tools.check_js
else ifeq ($(CI),true)
lint-js:
	@echo "JavaScript: cannot be checked, there is no npm on this machine."; exit 1
else
lint-js:
	@echo "JavaScript: not checked, there is no npm on this machine."
endif

format: $(VENV)/dev.stamp node_modules/.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	node_modules/.bin/prettier --write $(SCRIPTS)

test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

bench: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.page
	$(BIN)/python -m benchmarks.slider
	$(BIN)/python -m benchmarks.first
	$(BIN)/python -m benchmarks.lab
	$(BIN)/python -m benchmarks.diffusion
	$(BIN)/python -m benchmarks.text
	$(BIN)/python -m benchmarks.translate
	$(BIN)/python -m benchmarks.retrieval
	$(BIN)/python -m benchmarks.load
	$(BIN)/python -m benchmarks.classroom
	$(BIN)/python -m benchmarks.play
	$(BIN)/python -m benchmarks.leaving
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.scale

train: install
	$(BIN)/python -m genai_core.train $(NAME)

evaluate: install
	$(BIN)/python -m genai_core.evaluate $(NAME)

space: install
	$(BIN)/python -m tools.space $(NAME)

# The newest versions that requirements-dev.txt allows, for the tests to be run with. What torch brings for CUDA, it pins.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock && build/lock/bin/pip install -q -r requirements-dev.txt
	echo "# The set of packages that make installs and tests, as constraints of pip; make lock writes it anew." > requirements.lock
	build/lock/bin/pip freeze | grep -v "^nvidia-\|^cuda-\|^triton" >> requirements.lock
