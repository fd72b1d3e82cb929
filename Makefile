# Everything that people and CI type. `make help` lists it.

SHELL := /bin/sh
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8080
IMAGE ?= proxeny
BASE_IMAGE ?= python:3.13-slim
PYTEST ?= -q
SEEDS ?= 50

.PHONY: help run test check bench chaos siege image format clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(VENV)/installed  ## install, and start the gateway with sample people on https://localhost:8080
	@PORT=$(PORT) config/demo/run.sh

test: $(VENV)/installed-dev  ## install what the tests need, and run all of them
	@tests/install.sh
	$(BIN)/pytest $(PYTEST)

check: $(VENV)/installed-dev  ## lint, types, layers, Dockerfile, scripts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/hadolint Dockerfile
	@for script in .ci/run config/demo/*.sh $$(find tests -name '*.sh' -not -path '*/node_modules/*') deploy/*.sh; do \
	  [ ! -f "$$script" ] || sh -n "$$script" || exit 1; done

bench: $(VENV)/installed-dev  ## measure, and print medians and ratios
	$(BIN)/pip install -q --group bench
	$(BIN)/python -m bench

CHAOS = job_crash realtime_crash realtime

chaos: $(VENV)/installed-dev  ## kill jobs at fifty seeded moments, real time twenty times, and run both against each other
	PROXENY_CHAOS=$(SEEDS) $(BIN)/pytest -q $(CHAOS:%=tests/provisioning/test_%.py)

siege: $(VENV)/installed-dev  ## tell secrets by time, guess for a minute, alter a million records: at full size
	$(BIN)/python -m bench.guarding full

image:  ## build the container image
	docker build --build-arg BASE_IMAGE=$(BASE_IMAGE) -t $(IMAGE) .

format: $(VENV)/installed-dev  ## lay out the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove what was installed; var/ and certs/ stay
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(VENV)/installed: pyproject.toml deploy/venv.sh
	@deploy/venv.sh $(VENV)
	@echo "Installing proxeny into $(VENV) …"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo "Installing what development and tests need into $(VENV) …"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[postgresql,mariadb]' --group dev
	@touch $@
