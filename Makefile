# Two commands do everything on a machine with Python 3.11 (venv), git and make:
#   make demo    install, start the platform, run three experiments, take it down
#   make test    all tests that need nothing but this machine (make lessons types the tutorials, which takes two minutes more)
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=

.PHONY: demo test lessons quick explore lint types imports format bench bench-sample prove prove-one test-cluster test-media dashboards clean

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: $(VENV)/installed
	$(BIN)/chaos demo

# Those of tests/local look at times of a platform that takes all cores: they are run by themselves, one after the other.
test: $(VENV)/installed
	@failed=0; \
	$(BIN)/python -m pytest tests --ignore tests/local --ignore tests/lessons -n 2 --dist loadfile $(PYTEST_ARGS) || failed=1; \
	$(BIN)/python -m pytest tests/local $(PYTEST_ARGS) || failed=1; \
	exit $$failed

# The tutorials, command by command, as a newcomer would type them.
lessons: $(VENV)/installed
	$(BIN)/python -m pytest tests/lessons $(PYTEST_ARGS)

quick: $(VENV)/installed
	$(BIN)/python -m pytest tests/unit tests/contract tests/simulation tests/tidy $(PYTEST_ARGS)

# Every property with thirty times the examples, and other ones each time. What fails prints how to see it again.
explore: $(VENV)/installed
	$(BIN)/python -m pytest tests/unit -m hypothesis --hypothesis-profile explore -n 2 $(PYTEST_ARGS)

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed
	$(BIN)/mypy

imports: $(VENV)/installed
	$(BIN)/lint-imports

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

prove: $(VENV)/installed
	$(BIN)/python -m pytest tests/experiments --prove-all $(PYTEST_ARGS)

prove-one: $(VENV)/installed
	$(BIN)/python -m pytest tests/experiments --prove-one $(PYTEST_ARGS)

test-media: $(VENV)/installed
	$(BIN)/python -m pytest tests/media $(PYTEST_ARGS)

test-cluster: $(VENV)/installed
	$(BIN)/python -m pytest tests/cluster $(PYTEST_ARGS)

dashboards: $(VENV)/installed
	$(BIN)/python -m target_platform.observability
	$(BIN)/chaos objectives rules target_platform/observability/objectives.yaml --out dashboards/rules.yaml

bench: $(VENV)/installed
	$(BIN)/python -m pytest tests/benchmarks --run-benchmarks $(PYTEST_ARGS)

# Six runs on a platform that is weakened, weakened without a fault, and well: which ones follows from the commit.
bench-sample: $(VENV)/installed
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && STEADFAST_HOME="$$home" \
	  $(BIN)/chaos bench detection --sample 6 --ask-again 1 --turn "$$(git rev-parse HEAD)" --base-port 26000

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache
