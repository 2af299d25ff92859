# make install | run | test | lint | bench | train NAME=... | evaluate NAME=...
PYTHON ?= python3
PORT ?= 7860
VENV := .venv
BIN := $(VENV)/bin
export PYTHONPATH := .

.PHONY: install run test lint bench train evaluate

# A stamp per requirements file, so that the environment is reused until a pin changes.
$(VENV)/run.stamp: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -r requirements.txt
	touch $@

$(VENV)/dev.stamp: requirements-dev.txt requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -r requirements-dev.txt
	touch $(VENV)/run.stamp $@

install: $(VENV)/run.stamp

run: install
	$(BIN)/python app.py --port $(PORT)

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m tests.audit

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
	$(BIN)/python -m benchmarks.retrieval
	$(BIN)/python -m benchmarks.load
	$(BIN)/python -m benchmarks.leaving
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.scale

train: install
	$(BIN)/python -m genai_core.train $(NAME)

evaluate: install
	$(BIN)/python -m genai_core.evaluate $(NAME)
