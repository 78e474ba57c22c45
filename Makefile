# `make` prints what there is. Everything is installed into $(VENV); nothing else is touched.

VENV ?= .venv
PYTHON ?= python3
PY := $(VENV)/bin/python
BUILD_FILES := pyproject.toml CMakeLists.txt $(wildcard native/*.cpp native/*.hpp native/*.h)
BENCHMARKS := frontier filters tenants updates build memory quantization sparse hybrid payload database rest grpc_calls access tracing snapshots
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# What `make test` leaves out: what takes minutes, and programs that are compiled first.
TESTS ?= not slow and not clients

.DEFAULT_GOAL := help
.PHONY: help run setup build check test test-clients test-all crash overload soak mutants sbom sanitize bench docs clean
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

help: ## print the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

run: $(VENV)/.installed ## build, load the demo collection into an empty data folder, serve (RUVECTOR_ARGS=...)
	@exec $(PY) -m ruvector.demo --serve $(RUVECTOR_ARGS)

setup: $(VENV)/.developer ## create .venv with ruvector, all its extras and the developers' tools

build: $(VENV)/.installed ## compile the kernel if its sources changed

check: $(VENV)/.developer ## format, lint, types, layers, tidiness
	@$(VENV)/bin/ruff format --check --quiet . || { echo "not formatted: run $(VENV)/bin/ruff format ."; exit 1; }
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/mypy --strict --no-error-summary
	@mkdir -p build
	@$(VENV)/bin/lint-imports > build/lint-imports.txt 2>&1 || { cat build/lint-imports.txt; exit 1; }
	@$(PY) -m pytest -q -p no:cacheprovider tests/style/test_tidy.py

test: check ## check, then the test suite
	@$(PY) -m pytest -m "$(TESTS)" -rs -n 2 --dist loadfile

test-clients: $(VENV)/.developer ## the official clients of six languages, LangChain and LlamaIndex
	@$(PY) -m pytest -rs tests/clients

test-all: check ## test, and the tests that take minutes
	@$(PY) -m pytest -n 2 --dist loadfile

crash: $(VENV)/.developer ## the long form of the crash suite: power cuts, kills, full disks, damage
	@RUVECTOR_CRASH_LONG=1 $(PY) -m pytest -m crash tests/crash tests/properties

overload: $(VENV)/.developer ## four times what the server can do: goodput, health, memory; writes results.csv
	@PYTHONPATH=. $(PY) benchmarks/overload.py

soak: $(VENV)/.developer ## mixed load for SECONDS (7200): does anything leak, does memory grow?
	@RUVECTOR_SOAK_SECONDS=$(or $(SECONDS),7200) $(PY) -m pytest -s tests/overload/test_leaks.py

mutants: $(VENV)/.developer ## plant known bugs in a copy: does a test fail for each?
	@PYTHONPATH=. $(PY) tests/crash/mutants/run.py

sbom: $(VENV)/.developer ## what is shipped, as CycloneDX, in build/sbom.json; are the files as they were installed?
	@PYTHONPATH=. $(PY) tests/security/sbom.py build/sbom.json

sanitize: $(VENV)/.developer ## the kernel's tests under AddressSanitizer and UBSan
	@PATH="$(abspath $(VENV)/bin):$$PATH" PYTHON="$(abspath $(PY))" sh native/sanitize.sh

bench: $(VENV)/.developer ## the short form of every benchmark; writes results.csv and the pages with figures
	@$(PY) -m pip install --quiet --group bench || \
		echo "not every peer can be installed here; each that is missing is named below"
	@for name in $(BENCHMARKS); do \
		test ! -f benchmarks/$$name.py || { echo "== $$name"; $(PY) benchmarks/$$name.py --short; } \
		|| failed="$$failed $$name"; done; \
		$(PY) benchmarks/figures.py; test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

docs: $(VENV)/.developer ## run the examples of README.md and docs/guide, check links
	@$(PY) -m pytest -q tests/style/test_guide.py tests/style/test_pages.py

clean: ## remove .venv, build outputs and caches; data folders stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# pip older than 25.1 does not know dependency groups, and Debian's venv brings such a pip.
$(VENV)/.build-tools: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ruvector needs Python 3.11 or newer; set PYTHON=...")'
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --upgrade "pip>=25.1"
	@$(PY) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' > $(VENV)/build-tools.txt
	@$(PY) -m pip install --quiet --requirement $(VENV)/build-tools.txt "cmake>=3.24" ninja
	@touch $@

$(VENV)/.installed: $(VENV)/.build-tools $(BUILD_FILES)
	@echo "building ruvector"
	@PATH="$(abspath $(VENV)/bin):$$PATH" $(PY) -m pip install --quiet --no-build-isolation --editable ".[server]"
	@touch $@

$(VENV)/.developer: $(VENV)/.installed
	@PATH="$(abspath $(VENV)/bin):$$PATH" $(PY) -m pip install --quiet --no-build-isolation --editable ".[all]" --group dev
	@touch $@
