# Every target does its own set-up on a fresh Debian or Ubuntu with Python >= 3.11, git and make.
.DEFAULT_GOAL := help
.PHONY: help demo test check bench docs image format setup clean

VENV := .venv/bin
# A demo in a pipe or in CI ends by itself and cleans up; see `pierhead demo --help`.
DEMO_FLAGS ?=
# What tests use besides Python packages: images from scratch, an authenticated registry, a browser, git over ssh.
TEST_PACKAGES := busybox-static docker-registry apache2-utils chromium openssh-client openssh-server

help: ## Say what there is
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## Make .venv with everything for development
	@scripts/setup dev

demo: ## Run the example repository on the local Docker Engine and deploy a change
	@scripts/setup run
	@scripts/engine
	@scripts/packages busybox-static
	@$(VENV)/pierhead demo --directory .state/demo $(DEMO_FLAGS)

test: ## Run every test, on a real engine, and measure coverage
	@scripts/setup dev
	@scripts/packages $(TEST_PACKAGES)
	@scripts/engine
	@scripts/test

check: ## Run every gate: style, types, layers, coverage, generated docs, vulnerabilities, Dockerfile
	@scripts/setup dev
	@scripts/check

bench: ## Measure, print a table and write JSON to bench/results/
	@scripts/setup dev
	@scripts/packages busybox-static wrk
	@scripts/engine
	@$(VENV)/python -m bench

docs: ## Generate the reference pages and the codemaps' tables
	@scripts/setup run
	@$(VENV)/python -m agent.cli.reference
	@$(VENV)/python scripts/codemaps.py

image: ## Build the image of the agent and try it beside the local engine
	@scripts/setup run
	@scripts/engine
	@scripts/try-image

format: ## Format the code
	@scripts/setup dev
	@$(VENV)/ruff format .
	@$(VENV)/ruff check --fix .

clean: ## Remove what the targets made; containers, networks and volumes of a demo too
	@if [ -x $(VENV)/pierhead ]; then $(VENV)/pierhead demo --directory .state/demo --clean || true; fi
	rm -rf .venv .state .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
