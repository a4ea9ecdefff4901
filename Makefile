# make demo: a fresh machine runs the demo deployment. make test: a fresh machine runs the tests.
# Each sets itself up, once, and again only when what it installs has changed.
PYTHON ?= python3
PYPROJECTS := pyproject.toml $(wildcard plugins/*/pyproject.toml strategies/*/pyproject.toml brokers/*/pyproject.toml)
PIP := -m pip install --quiet --disable-pip-version-check

.PHONY: demo test slow lint policies clean

demo: .venv-demo/ready
	.venv-demo/bin/darwin backtest darwin.toml

test: .venv/ready
	.venv/bin/python -m pytest -n auto

# The campaigns that take minutes; their last figures stand in docs/.
slow: .venv/ready
	.venv/bin/python -m pytest -n auto -m slow

lint: .venv/ready
	.venv/bin/ruff check . && .venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

.venv-demo/ready: requirements.txt constraints.txt $(PYPROJECTS)
	$(PYTHON) -m venv .venv-demo
	.venv-demo/bin/python $(PIP) -r requirements.txt
	touch $@

.venv/ready: requirements-dev.txt constraints.txt $(PYPROJECTS)
	$(PYTHON) -m venv .venv
	.venv/bin/python $(PIP) -r requirements-dev.txt
	touch $@

# Trains the demo's policies anew on the demo's data and signs them with a key of your own: docs/trained-agents.md.
policies: .venv/ready
	PATH="$(CURDIR)/.venv/bin:$$PATH" sh artifacts/policies.sh

clean:
	rm -rf .venv .venv-demo
