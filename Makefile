# Each command sets up what it needs: uv goes into .venv, and nothing outside this folder is touched.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PACE   ?= 1
HAS_UV  = $(BIN)/uv --version >/dev/null 2>&1
HAS_PIP = $(BIN)/python -m pip --version >/dev/null 2>&1

.PHONY: demo test check cover audit setup clean

demo: setup  ## One whole upgrade on this machine, some 40 seconds
	@$(BIN)/python -m sandbox rehearse --pace $(PACE)

test: setup  ## The whole suite
	@$(BIN)/pytest

cover: setup  ## The domain's tests, and that they leave out no branch of it
	@$(BIN)/pytest tests/domain --cov

check: setup  ## Lint, format, types, import contracts, lock file
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/uv lock --check

audit: setup  ## Known vulnerabilities of what the lock file names; asks osv.dev
	@UV=$(BIN)/uv .ci/audit

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with make PYTHON=…")'
	@$(HAS_UV) || $(HAS_PIP) || rm -rf $(VENV)  # a setup that was interrupted: what is there can install nothing
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || (rm -rf $(VENV); echo "python3-venv is needed, or a Python that has it" >&2; exit 1)
	@$(HAS_UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check --force-reinstall uv
	@echo "Installing into $(VENV) …"
	@UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv sync --locked --quiet --python $(BIN)/python
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
