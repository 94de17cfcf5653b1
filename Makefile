# What a developer runs; `make help` lists it. Everything is installed into .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
# what the tests use; torch and a Redis server are not among it, and tests that need them skip
EXTRAS := events,http,indic,mqtt,otel,parquet,redis,render,server,video
# the wheel, unpacked: .ci/run runs the tests on it
INSTALLED := build/installed
# what builds the site, apart from .venv: mkdocstrings reads the sources and imports nothing
DOCS := build/docs

.PHONY: help demo test oldest arm64 check format lint types imports protos protos-check wheel installed docs soak fonts clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.run: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	@echo 'installing into $(VENV): one to three minutes, mostly downloads'
	$(PYTHON) -m venv $(VENV)
	@# earlier ones do not know --group
	$(PIP) install --upgrade 'pip>=25.1'
	$(PIP) install --editable '.[server]'
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(PIP) install --group dev --editable '.[$(EXTRAS)]'
	@touch $@

demo: $(VENV)/.run ## install, read samples/, write annotated copies, make one gRPC round trip
	$(BIN)/python scripts/demo.py

# the tests of a file share its servers and models, so they run in one process
test: $(VENV)/.dev ## install and run the tests; ARGS goes to pytest
	$(BIN)/python -m pytest -rs -m 'not soak' -n auto --maxprocesses 4 --dist loadfile $(ARGS)

oldest: $(VENV)/.dev ## tests of messages, clients and servers with the oldest protobuf and gRPC
	$(BIN)/python scripts/test_oldest.py $(ARGS)

arm64: $(VENV)/.dev ## read samples in an emulator of ARM64 (half an hour), and compare the answers
	$(BIN)/python scripts/arm64.py $(ARGS)

check: format lint types imports protos-check test ## format, lint, types, imports, protos and tests

format: $(VENV)/.dev ## format the code
	$(BIN)/ruff format --quiet .

lint: $(VENV)/.dev ## check format and lint
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .

# what scripts and tests find beside them
TYPED := src:tests/support:$(subst $() ,:,benchmarks $(filter-out benchmarks/common/,$(wildcard benchmarks/*/)))

types: $(VENV)/.dev ## mypy --strict; the benchmarks and what trains only where torch is installed
	MYPYPATH=$(TYPED) $(BIN)/mypy src/lipiyana \
	    $$($(BIN)/python -c 'import torch' 2>/dev/null && echo benchmarks/*.py benchmarks/*/*.py || echo --exclude '/(training|learning)/')

imports: $(VENV)/.dev ## the order of imports, by import-linter
	$(BIN)/lint-imports --no-logo

protos: $(VENV)/.dev ## generate src/lipiyana/v1 from protos/
	$(BIN)/python scripts/generate_protos.py

protos-check: $(VENV)/.dev ## lint protos/ and compare the generated code
	$(BIN)/python scripts/generate_protos.py --check
	$(BIN)/python scripts/lint_protos.py

wheel: $(VENV)/.dev ## build the wheel into dist/
	rm -rf build dist  # what setuptools left there would get into the wheel
	$(PIP) wheel --no-deps --wheel-dir dist .

installed: wheel
	$(PIP) install --no-deps --target $(INSTALLED) dist/*.whl

docs: $(VENV)/.run ## build the site into build/site; a broken link or reference is an error
	test -x $(DOCS)/bin/mkdocs || $(PYTHON) -m venv --without-pip $(DOCS)
	$(PIP) --python $(DOCS)/bin/python install --group docs
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict

soak: $(VENV)/.dev ## tests that take minutes
	$(BIN)/python -m pytest -m soak $(ARGS)

fonts: ## install the fonts that the renderer uses (Debian or Ubuntu, as root)
	scripts/install_fonts.sh

clean: ## remove what was installed and built
	rm -rf $(VENV) build dist out .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
