# Một Cửa: `make help` lists everything.
PYTHON ?= python3
BIN := .venv/bin

FROM ?= $(error say which backup: make $@ FROM=backups/…)
TO ?= backups/$(shell date +%Y-%m-%dT%H%M%S)

.PHONY: help demo test test-compose test-cluster-compose secrets secrets-kubernetes up backup restore backup-containers restore-containers check format lint types imports bench bench-whole bench-sheets bench-http bench-reports bench-closing bench-rebuild lock clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

demo: .venv/.ready ## play half a year of two communes through the real system and print what came out
	@$(BIN)/motcua demo

# one file's tests stay together: they share a running system
test: .venv/.ready ## run every test, several files at a time
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test-compose: .venv/.ready ## bring the containers up for real, use, kill, restart and take them down (needs a Docker engine)
	@$(BIN)/python -m pytest -m "deploy and not cluster" -rs tests/deploy

test-cluster-compose: .venv/.ready ## the same with deploy/cluster: three servers of the bus, two of each service
	@$(BIN)/python -m pytest -m "deploy and cluster" -rs tests/deploy

secrets: .venv/.ready ## make passwords, certificates and tokens for the containers in ./secrets; what exists is kept
	@$(BIN)/motcua secrets --out secrets

secrets-kubernetes: .venv/.ready ## the same for `kubectl apply -k deploy/kubernetes/credentials`
	@$(BIN)/motcua secrets --out deploy/kubernetes/credentials/secrets
	@test -e deploy/kubernetes/credentials/secrets/deliveries || \
	  cp deploy/notification/deliveries.yaml deploy/kubernetes/credentials/secrets/deliveries

up: .venv/.ready ## keep the system up on ./var until Ctrl-C
	@$(BIN)/motcua up

backup: .venv/.ready ## save ./var into backups/<now>, or TO=folder; it may run or not
	@$(BIN)/motcua backup $(TO)

restore: .venv/.ready ## bring FROM=backups/… back into an empty ./var; checksums and row counts are checked
	@$(BIN)/motcua restore $(FROM)

backup-containers: ## the same of the containers
	@deploy/backup/containers backup $(TO)

restore-containers: ## the same into empty volumes; start the services afterwards
	@deploy/backup/containers restore $(FROM)

check: format lint types imports test ## everything that must pass before a commit

format: .venv/.ready ## put the code in its form
	@$(BIN)/ruff format --quiet services shared simulation tests benchmarks

lint: .venv/.ready ## lint
	@$(BIN)/ruff check services shared simulation tests benchmarks

types: .venv/.ready ## type-check, strictly
	@$(BIN)/mypy

imports: .venv/.ready ## check the direction of imports
	@$(BIN)/lint-imports --no-cache

bench: .venv/.ready ## measure everything against the targets, each section at a size of a minute or so
	@$(BIN)/python -m benchmarks

bench-whole: .venv/.ready ## measure the whole path against a bare hop and the obvious way
	@$(BIN)/python -m benchmarks.whole

bench-sheets: .venv/.ready ## measure what a sheet of 200,000 rows costs (some minutes)
	@$(BIN)/python -m benchmarks.sheets

bench-http: .venv/.ready ## measure records/s of the HTTP door
	@$(BIN)/python -m benchmarks.http_door

bench-reports: .venv/.ready ## measure figures over the rollup of ten million dossiers (some ten minutes)
	@$(BIN)/python -m benchmarks.reports

bench-closing: .venv/.ready ## measure closing a quarter of 114 communes
	@$(BIN)/python -m benchmarks.closing

bench-rebuild: .venv/.ready ## measure building the facts of 114 communes anew from 200,000 events
	@$(BIN)/python -m benchmarks.rebuilding

lock: .venv/.ready ## write requirements.lock anew (needs uv)
	uv pip compile --universal -p 3.11 --extra dev --generate-hashes --no-header pyproject.toml -o requirements.lock
	uv pip compile --universal -p 3.11 --generate-hashes --no-header --constraint requirements.lock --no-annotate pyproject.toml -o deploy/requirements.lock

clean: ## forget the environment and the data of `make up` and `make demo`
	rm -rf .venv var

.venv/.ready: requirements.lock pyproject.toml
	@echo "setting up .venv (once) …" >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; say make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
