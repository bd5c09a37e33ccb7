# SPDX-License-Identifier: Apache-2.0
# `make` lists what there is to do. Everything is installed into a virtual environment, nothing into the system.

SHELL    := bash
PYTHON   ?= python3
VENV     ?= .venv
DEV_VENV ?= .venv-dev
ARGS     ?=

BIN    := $(VENV)/bin
# Stamps carry the Python version, so that `make test PYTHON=python3.12` sets up again instead of testing the old one.
PY_TAG := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
STAMPS := $(VENV)/.flownet2-stamps-$(PY_TAG)
# Folders are listed too: their time changes when a file is removed.
SOURCES := CMakeLists.txt pyproject.toml README.md LICENSE NOTICE \
           $(shell find csrc src -name '__pycache__' -prune -o \( -type f -o -type d \) -print 2>/dev/null)
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup venv tools demo test lint dev wheel clean

help: ## list these targets
	@echo 'flownet2: FlowNet 2.0 optical flow without PyTorch. Needs python3 >= 3.10 with venv, a C++17 compiler, make.'
	@echo
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'
	@echo
	@echo 'Options: PYTHON=python3.12 (which Python), VENV=folder (where to install), ARGS="-k flo" (for pytest).'

setup: $(STAMPS)/package ## build and install the package into .venv
venv: setup
tools: $(STAMPS)/tools

demo: $(STAMPS)/package ## flow for a real pair, with the built-in network: writes demo/
	$(BIN)/flownet2 demo

test: $(STAMPS)/test ## install the package and run its tests (all but the slow ones)
	$(BIN)/python -m pytest -m "not slow" $(ARGS)

lint: $(STAMPS)/tools ## ruff, mypy, clang-format, codespell, stubtest
	VENV=$(VENV) bash .ci/lint.sh

wheel: $(STAMPS)/tools ## build sdist and wheel into dist/ and check them
	VENV=$(VENV) bash .ci/wheel.sh

dev: ## editable install with every tool and the commit hooks, in .venv-dev
	@bash .ci/preflight.sh $(PYTHON)
	$(PYTHON) -m venv $(DEV_VENV)
	$(DEV_VENV)/bin/python -m pip -qq install --upgrade pip
	$(DEV_VENV)/bin/python -m pip -qq install --group dev
	$(DEV_VENV)/bin/python -m pip -qq install --no-build-isolation --editable .
	$(DEV_VENV)/bin/pre-commit install
	@echo 'Ready: . $(DEV_VENV)/bin/activate. After a change in csrc/: make dev.'

clean: ## remove the environments and everything built
	rm -rf $(VENV) $(DEV_VENV) build dist demo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment of another Python at the same place is replaced; one of the same Python is used as it is.
$(STAMPS)/venv: | preflight
	@$(BIN)/python -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "$(PY_TAG)")' 2>/dev/null \
	    || $(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --upgrade pip
	@mkdir -p $(@D) && touch $@

$(STAMPS)/package: $(SOURCES) | $(STAMPS)/venv
	@echo 'Building and installing flownet2 into $(VENV) (about a minute)'
	@while IFS= read -r setting; do export "$$setting"; done < <(bash .ci/python_headers.sh $(PYTHON) build); \
	    $(PIP) install ".[cli]"
	@touch $@

$(STAMPS)/test: pyproject.toml | $(STAMPS)/package
	$(PIP) install --group test
	@touch $@

$(STAMPS)/tools: pyproject.toml | $(STAMPS)/package
	$(PIP) install --group dev
	@touch $@

.PHONY: preflight
preflight:
	@bash .ci/preflight.sh $(PYTHON)
