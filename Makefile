# Everything that a person does with this repository. `make` alone lists the targets.
#
# Two stamps, inside what they vouch for, make a second call cheap: one in .venv (keyed on the
# Python locks) and one in node_modules (keyed on the npm lock). Deleting the folder undoes both.

PYTHON ?= python3
PORT ?=
PIP_ARGS ?=
export PYTHON PORT
# make builds the bundle itself, before pip looks for it
export HATCH_JUPYTER_BUILDER_SKIP_NPM := 1

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install -qq --disable-pip-version-check -c constraints.txt $(PIP_ARGS)
BUNDLE := mechwidget/static/mechwidget.js
JS_SOURCES := $(shell find js -name '*.ts' -not -path '*/tests/*' -o -name '*.css') js/build.mjs \
  js/labextension.mjs js/lab/schema/plugin.json
LABEXTENSION := $(VENV)/share/jupyter/labextensions/mechwidget

.DEFAULT_GOAL := help
.PHONY: help demo test lint format types build bench bench-bytes bench-click bench-engine bench-frames bench-lab bench-server bench-views dev hosts microcosm pictures screenshot vscode vscode-test test-slow wheel lock clean zoo

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PORT=8890  PYTHON=/path/to/python  PIP_ARGS='…'  SKIP_CHROMIUM_INSTALL=1"
	@echo "  bench-bytes: RIVALS=/path/to/python with bertviz and circuitsvis"
	@echo "  bench-engine: THREADS=2  TOKENS='16 64'  DEVICE=cuda  ITEMS='1 3'  REPETITIONS=2"

demo: preflight-port $(VENV)/.demo $(LABEXTENSION)/package.json ## install, build and open the tour in JupyterLab
	@$(PY) -m mechwidget.demo

test: $(VENV)/.test $(LABEXTENSION)/package.json chromium lint ## lint, types, JavaScript tests, Python tests, browser tests
	@npm run -s test
	@$(PY) -m pytest -n 2 --no-loadscope-reorder

lint: $(VENV)/.test node_modules/.stamp ## formatting, lint and strict types, Python and TypeScript
	@$(PY) -m ruff format --check --quiet . && $(PY) -m ruff check --quiet .
	@$(PY) -m mypy
	@npm run -s lint
	@npm run -s types
	@echo "lint and types: fine"

format: $(VENV)/.test node_modules/.stamp ## rewrite the files the way lint wants them
	@$(PY) -m ruff check --fix --quiet . ; $(PY) -m ruff format .
	@npm run -s format

build: $(BUNDLE) ## the JavaScript bundle that the Python package ships

zoo: $(VENV)/.test ## wrap every architecture, check the laws, write tests/zoo/TABLE.md
	@OMP_NUM_THREADS=1 $(PY) -m tests.zoo

wheel: $(VENV)/.test $(BUNDLE) ## dist/*.whl and dist/*.tar.gz
	@$(PY) -m build --no-isolation --outdir dist .

pictures: $(VENV)/.test $(LABEXTENSION)/package.json chromium ## every view in both themes into test-results, for a person to look at
	@PICTURES=1 $(PY) -m pytest -m browser tests/browser

bench: $(VENV)/.test $(LABEXTENSION)/package.json chromium ## all of the next seven, into tests/benchmarks/RESULTS.md
	@$(PY) -m tests.benchmarks.attention_bytes
	@$(PY) -m tests.benchmarks.click_to_paint
	@$(PY) -m tests.benchmarks.attention_frames
	@$(PY) -m tests.benchmarks.explaining_views
	@HF_HUB_OFFLINE=1 $(PY) -m tests.benchmarks.engine
	@$(PY) -m tests.benchmarks.server_routes
	@$(PY) -m tests.benchmarks.lab_start

bench-bytes: $(VENV)/.test ## what the attention view sends, beside BertViz and CircuitsVis
	@HF_HUB_OFFLINE=1 $(PY) -m tests.benchmarks.attention_bytes

bench-frames: $(VENV)/.test $(BUNDLE) chromium ## frames while hovering over 1,024 tokens, and first paint
	@$(PY) -m tests.benchmarks.attention_frames

bench-server: $(VENV)/.test ## the server extension's routes beside /api/contents, and what starting costs
	@$(PY) -m tests.benchmarks.server_routes

bench-lab: $(VENV)/.test $(LABEXTENSION)/package.json chromium ## what JupyterLab's start costs with the extension
	@$(PY) -m tests.benchmarks.lab_start

bench-views: $(VENV)/.test $(BUNDLE) chromium ## what the explaining views send, and their first pictures
	@$(PY) -m tests.benchmarks.explaining_views

bench-click: $(VENV)/.test $(BUNDLE) chromium ## click to painted pixels, in JupyterLab, on microcosm
	@$(PY) -m tests.benchmarks.click_to_paint

bench-engine: $(VENV)/.test ## the engine beside TransformerLens, nnsight and plain hooks
	@HF_HUB_OFFLINE=1 $(PY) -m tests.benchmarks.engine

dev: preflight-port $(VENV)/.dev $(LABEXTENSION)/package.json ## rebuild on save, and JupyterLab that reloads the widgets
	@npm run -s dev & watch=$$!; trap 'kill $$watch; rm -f $(BUNDLE)' EXIT; \
	  ANYWIDGET_HMR=1 $(PY) -m mechwidget.demo  # what watching built is not what is shipped

microcosm: $(VENV)/.demo ## train the embedded model again from its seed
	@$(PY) -m mechwidget.microcosm

screenshot: $(VENV)/.test $(LABEXTENSION)/package.json chromium ## the README's picture, made by the browser test
	@SCREENSHOT=1 $(PY) -m pytest tests/browser -k screenshot

hosts: $(VENV)/.test $(LABEXTENSION)/package.json chromium ## the contract in every host; writes tests/hosts/REPORT.json and the README's table
	@$(PY) -m tests.hosts

test-slow: $(VENV)/.test $(LABEXTENSION)/package.json chromium ## the tests that take minutes
	@$(PY) -m pytest -m slow

lock: $(VENV)/.test ## write constraints.txt again from what .venv holds
	@$(PY) .ci/lock.py

vscode: node_modules/.stamp ## dist/*.vsix, the extension for VS Code
	@npm run -s vscode

CODE_SERVER := node_modules/.cache/code-server
vscode-test: $(VENV)/.test $(BUNDLE) chromium ## the extension in code-server (installs 800 MB into node_modules/.cache)
	@.ci/code-server $(CODE_SERVER)
	@npm run -s vscode
	@OMP_NUM_THREADS=1 nice -n 10 $(PY) -m pytest -m slow tests/vscode
	@echo "pictures: test-results/vscode-*.png"

clean: ## remove everything that was installed or built
	rm -rf $(VENV) node_modules mechwidget/static mechwidget/labextension dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# -- what the targets stand on --------------------------------------------------------------------

.PHONY: preflight-port preflight-install chromium
preflight-port:
	@.ci/preflight python port

chromium:
	@.ci/preflight chromium

$(VENV)/bin/python:
	@.ci/preflight python node disk
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# The package itself is installed last and in place, so that an edit is live; hatchling and its
# plugin come from the lock, not from a build environment of their own.
$(VENV)/.demo: constraints.txt pyproject.toml package.json | $(VENV)/bin/python $(BUNDLE)
	@echo "installing the Python packages (torch is the large one; some minutes the first time)"
	@$(PIP) hatchling hatch-jupyter-builder
	@$(PIP) --no-build-isolation -e '.[lab]'
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	@echo "installing what the tests need"
	@$(PIP) --no-build-isolation -e '.[lab,test]'
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	@$(PIP) --no-build-isolation -e '.[dev,lab]'
	@touch $@

node_modules/.stamp: package-lock.json
	@.ci/preflight node
	@echo "installing the npm packages"
	@npm ci --silent --prefer-offline --no-audit --no-fund
	@touch $@

$(BUNDLE): $(JS_SOURCES) package.json node_modules/.stamp
	@npm run -s build
	@touch $@

# pip copies the extension to where Jupyter looks for it, once; what is built later is copied here.
$(LABEXTENSION)/package.json: $(BUNDLE) $(VENV)/.demo
	@rm -rf $(LABEXTENSION) && mkdir -p $(dir $(LABEXTENSION))
	@cp -R mechwidget/labextension $(LABEXTENSION)
	@touch $@
