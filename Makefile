# `make run` and `make test` are all that a fresh clone needs: Python 3.11 or newer, and make.
PYTHON ?= python3
RUNNER ?= fivestar.runner.LongestFirst
BIN := .venv/bin
PORT ?= 5000
# What `make report` tells: ENV=ml-100k FOLD=2 for another data set and fold.
PLACE = $(or $(ENV),demo)$(if $(FOLD),/fold-$(FOLD))
CHOICE = $(if $(ENV),--env $(ENV)) $(if $(FOLD),--params fold=$(FOLD))
MODEL ?= als
COMMA := ,
IN_PARALLEL = --numprocesses auto --dist loadfile --no-loadscope-reorder
# No library here reports its use: MLflow, Kedro and kedro-viz heed it.
export DO_NOT_TRACK := true
# What shows a page to a person; OPEN=true shows nothing.
OPEN ?= $(BIN)/python -m webbrowser -t

.PHONY: run spark test test-all lint audit mutation report try cross_validation blend tune viz ui serve \
	bench bench-quick peers bench-speed bench-speed-quick bench-scaling screenshots docs commands \
	package data clean

run: .venv/installed data/01_raw/demo/ml-100k.inter
	$(BIN)/kedro run --runner $(RUNNER)

# The same on Spark; needs Java 17 or newer, see docs/spark.md.
spark: .venv/installed-spark data/01_raw/demo/ml-100k.inter
	$(BIN)/kedro run --env spark

# A few minutes; what CI runs has the slow tests, too, and the coverage.
test: .venv/installed-dev data/01_raw/demo/ml-100k.inter
	$(BIN)/pytest -m "not slow" $(IN_PARALLEL)

test-all: .venv/installed-dev data/01_raw/demo/ml-100k.inter
	$(BIN)/pytest --cov $(IN_PARALLEL)

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Our code, then the pinned libraries; the latter asks PyPI's vulnerability service: docs/security.md.
audit: .venv/installed-audit
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive src
	$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict

# Changes the code in small ways and counts which changes the tests find: docs/testing.md.
mutation: .venv/installed-audit
	$(BIN)/python benchmarks/mutation.py

# From what the latest run has left; makes what is missing or stale first.
report: .venv/installed data/01_raw/demo/ml-100k.inter
	$(BIN)/kedro run --runner $(RUNNER) $(CHOICE) --only-missing-outputs
	$(BIN)/kedro run --runner $(RUNNER) $(CHOICE) --pipelines report
	@echo "Report: data/08_reporting/$(PLACE)/report.html"
	$(OPEN) "file://$(CURDIR)/data/08_reporting/$(PLACE)/report.html"

# A page to rate titles on, of the best model that it can compute with.
try: .venv/installed data/01_raw/demo/ml-100k.inter
	$(BIN)/kedro run --runner $(RUNNER) $(CHOICE) --only-missing-outputs
	$(BIN)/kedro run --runner $(RUNNER) $(CHOICE) --pipelines try_page
	@echo "Page to try: data/08_reporting/$(PLACE)/try.html"
	$(OPEN) "file://$(CURDIR)/data/08_reporting/$(PLACE)/try.html"

# Every model of the line-up on every fold, and the blend; what is fresh is not run again.
cross_validation blend: .venv/installed data/01_raw/demo/ml-100k.inter
	$(BIN)/kedro run --runner $(RUNNER) $(CHOICE) --pipelines $@ --only-missing-outputs

# make tune MODEL=als; ENV and FOLD as above. Goes on where an earlier run was ended.
tune: .venv/installed data/01_raw/demo/ml-100k.inter
	$(BIN)/kedro run $(if $(ENV),--env $(ENV)) --pipelines tuning --params tuning.model=$(MODEL)$(if $(FOLD),$(COMMA)fold=$(FOLD))
	@echo "Best settings: data/08_reporting/$(PLACE)/tuning/$(MODEL)/best.yml"

ui: .venv/installed
	@echo "Runs: http://127.0.0.1:$(PORT)/#/experiments/1/runs?workflowType=machine_learning"
	$(BIN)/mlflow ui --backend-store-uri "sqlite:///$(CURDIR)/mlruns/mlflow.db" --port $(PORT)

# The registered champion, to this machine only: see docs/serving.md. ENV and FOLD as above.
serve: PORT = 5001
serve: .venv/installed
	$(BIN)/python -m fivestar.serving --port $(PORT)$(if $(ENV), --place $(PLACE))

viz: .venv/installed
	$(BIN)/kedro viz run

bench: .venv/installed data/01_raw/demo/ml-100k.inter
	$(BIN)/python benchmarks/runners.py

bench-quick: .venv/installed data/01_raw/demo/ml-100k.inter
	$(BIN)/python benchmarks/runners.py --quick

# The libraries that we compare with, in an environment of their own (cmfrec is compiled).
peers: .venv-peers/installed

.venv-peers/installed: benchmarks/peers/requirements.txt
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# About a quarter of an hour each; leave the machine alone meanwhile.
bench-speed: .venv/installed
	$(BIN)/python benchmarks/speed --keep

bench-scaling: .venv/installed
	$(BIN)/python benchmarks/scaling

bench-speed-quick: .venv/installed
	$(BIN)/python benchmarks/speed --quick

# The site of the documents; a warning is an error.
docs: .venv/installed-dev
	$(BIN)/python docs/build_site.py

# Every command of README and docs, run in a fresh copy; takes hours.
commands: .venv/installed-dev
	$(BIN)/python docs/run_commands.py

# dist/*.whl and the configuration beside it; tried in an environment of its own.
package: .venv/installed-dev
	$(BIN)/kedro package
	PYTHON=$(PYTHON) .ci/try-package

# Of what the latest run has left.
screenshots: .venv/installed-dev
	$(BIN)/kedro run --pipelines exploration,inspection,cold_start,report,try_page
	$(BIN)/python docs/take_screenshots.py

# make data NAME=ml-1m
data: .venv/installed
	$(BIN)/python -m fivestar.download $(NAME)

data/01_raw/demo/ml-100k.inter: | .venv/installed
	$(BIN)/python -m fivestar.download demo

.venv/installed: pyproject.toml constraints.txt
	@echo "Installing into .venv: minutes the first time, never again while the pins stay."
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

.venv/installed-audit: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[audit]"
	@touch $@

.venv/installed-spark: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[spark]"
	@touch $@

# Everything that runs have made; raw data and the virtual environment stay.
clean:
	find data/0[2-8]_* mlruns -mindepth 1 -not -name .gitkeep -delete
	rm -rf data/.locks info.log*
