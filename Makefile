# The commands of the README; tox does the work. `make test PYTHON=python3.12` picks one.
PYTHON ?= python3
ifeq ($(OS),Windows_NT)
BIN := .tox-runner/Scripts
else
BIN := .tox-runner/bin
endif
TOX := $(BIN)/tox

.PHONY: bench test doctor report compare history duel gate selftest clean

bench: $(BIN)/ready
	$(TOX) run -q -e bench -- $(ARGS)

test: $(BIN)/ready
	$(TOX) run -q -e py -- $(ARGS)

doctor report compare history duel gate selftest: $(BIN)/ready
	$(TOX) exec -q -e bench -- pytest-duel $@ $(ARGS)

$(BIN)/ready: constraints.txt
	$(PYTHON) -m venv --clear .tox-runner
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt tox tox-uv
	touch $@

clean:
	rm -rf .tox .tox-runner .cache build dist rust_market/target
