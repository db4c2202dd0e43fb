# Needs python3 (3.11 or newer), pip, git and make; everything else is installed below this folder.
#   make paper_tables/table7            set up, then compute and render the table
#   make paper_tables/table7 SCALE=small
#   make test                           set up, then run every test
#   make gpu-test                       what needs a CUDA device, with figures; installs nothing
#   make slurm-test                     the cluster line on a SLURM of this machine; installs nothing
#   make selftest                       does this machine give the bits of the reference? a minute
#   make lint                           style, types, and whether generated pages are up to date
#   make docs                           write the generated pages anew
#   make rehearsal                      start, train and measure every job of the papers' tables for a few steps
SCALE ?= demo
CORES ?= all
PYTHON := $(shell python3 -c 'import sys; print(sys.executable)')
UV := PYTHONPATH=.tools .tools/bin/uv
READY := .venv/.ready
# one thread a process: jobs and tests run side by side, one per core
export OMP_NUM_THREADS ?= 1

.PHONY: help setup test selftest gpu-test slurm-test lint docs FORCE

help:
	@sed -n 's/^#   //p' Makefile

setup: $(READY)

.tools/bin/uv:
	"$(PYTHON)" -m pip install --quiet --disable-pip-version-check --upgrade --target .tools "uv==0.13.8"

$(READY): uv.lock pyproject.toml | .tools/bin/uv
	$(UV) sync --frozen --all-extras --python "$(PYTHON)"
	@touch $(READY)
	@echo "ready: source .venv/bin/activate, or make paper_tables/table7"

paper_tables/%: $(READY) FORCE
	@PATH="$(CURDIR)/.venv/bin:$$PATH" exec .venv/bin/python -m pipelines.process_group \
		snakemake --cores $(CORES) --config scale=$(SCALE) -- $@

test: $(READY)
	$(UV) run --no-sync pytest -n auto --dist worksteal

# everything that needs a GPU, in one call of ten minutes at most; -s shows the figures
gpu-test:
	PATH="$(CURDIR)/.venv/bin:$$PATH" timeout 600 .venv/bin/python -m pytest -s -m gpu tests/gpu

# -s shows the transcript; installs nothing: what is missing is said and skipped
slurm-test:
	PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/python -m pytest -s -m slurm tests/demo/test_slurm.py

selftest: $(READY)
	$(UV) run --no-sync python -m pipelines.selftest

lint: $(READY)
	$(UV) run --no-sync ruff format --check .
	$(UV) run --no-sync ruff check .
	$(UV) run --no-sync mypy
	$(UV) run --no-sync python -m mixlib.catalog.describe --check
	$(UV) run --no-sync python -m tests.contracts.test_revisions --check

docs: $(READY)
	$(UV) run --no-sync python -m mixlib.catalog.describe > .methods.md && mv .methods.md docs/methods.md
	$(UV) run --no-sync python -m mixlib.catalog.api > .api.md && mv .api.md docs/api.md

.PHONY: rehearsal
rehearsal: $(READY)
	@PATH="$(CURDIR)/.venv/bin:$$PATH" exec .venv/bin/python -m pipelines.process_group \
		python -m pipelines.rehearsal
