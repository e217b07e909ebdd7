# All tasks of the project: `make run` to try it, `make check test` before a commit.

.DEFAULT_GOAL := help
.PHONY: help run test coverage check bench format clean python chaos alerts fuzz clients production screenshots page-speed
.DELETE_ON_ERROR:

# Else every process started here compiles its imports again, in three seconds instead of one.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --no-compile --disable-pip-version-check --no-input
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
IS_NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
# The least that a deployment sets; the values are dummies.
AS_IN_PRODUCTION := env ENVIRONMENT=production ALLOWED_HOSTS=studio.example.com TRUST_PROXY=true PROXY_COUNT=1 \
	SECRET_KEY=a-secret-that-is-good-for-this-check-and-nothing-else \
	JWT_SIGNING_KEY=a-signing-key-that-is-good-for-this-check-and-nothing-else-at-all \
	GEMINI_API_KEY=none EMAIL_URL=smtp://mail.example.com EMAIL_FROM=studio@example.com \
	FRONTEND_URL=https://app.example.com
# One more than the processors: tests spend a third of their time waiting for subprocesses.
WORKERS := $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )))
PYTEST := -m pytest -n $(WORKERS) --dist loadgroup -q

help: ## list these tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

# ENVIRONMENT is set unless it or .env says otherwise: an archive has no .git, which studio.env requires without it.
# die_with_parent: a kill -9 of make must not leave the rest running.
run: python $(VENV)/.installed ## run Valkey, web, live, workers and sweeper on this machine (operations/management/commands/up.py)
	@grep -qsE '^(ENVIRONMENT|DATA_DIR)=.' .env || export ENVIRONMENT="$${ENVIRONMENT:-development}"; \
	exec $(PY) -m operations.local.die_with_parent $(PY) manage.py up $(ARGS)

# Exit status 5: none of the tests in ARGS needs PostgreSQL.
test: python $(VENV)/.installed-dev ## run the tests on SQLite and on PostgreSQL; ARGS go to pytest
	TEST_DATABASE=sqlite $(PY) $(PYTEST) $(ARGS)
	TEST_DATABASE=postgres $(PY) $(PYTEST) $(ARGS) || $(if $(ARGS),[ $$? -eq 5 ],exit)
	$(if $(ARGS),,TEST_DATABASE=postgres $(PY) -m pytest -n 4 -q tests/chaos)

# Apart from `test`, because it takes half as much CPU again. On SQLite, where all tests run.
coverage: python $(VENV)/.installed-dev ## run the tests on SQLite, and require that they reach 95 % of the code
	@$(PY) -m coverage erase
	TEST_DATABASE=sqlite $(PY) -m coverage run $(PYTEST)
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report

# Cheapest first. Needs no service, and leaves no data: Django writes to a temporary folder.
check: python $(VENV)/.installed-dev ## check format, lint, layers, migrations, API schema and types
	$(PY) -m ruff format --check --quiet .
	$(PY) -m ruff check --quiet .
	$(VENV)/bin/lint-imports --no-logo
	$(PY) -m tests.deployment.dependencies
	@set -e; DATA_DIR=$$(mktemp -d); trap 'rm -rf "$$DATA_DIR"' EXIT; \
	export DATA_DIR ENVIRONMENT=development DATABASE_URL= REDIS_URL= BASE_PATH=; set -x; \
	$(PY) manage.py check --fail-level WARNING; \
	$(AS_IN_PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING; \
	$(PY) manage.py makemigrations --check --dry-run; \
	$(PY) manage.py spectacular --validate --fail-on-warn --file /dev/null; \
	$(PY) -m mypy

bench: python $(VENV)/.installed-dev ## measure against the plain way to do it; FULL=1 takes half an hour; see benchmarks/README.md
	@$(PY) -m benchmarks $(if $(FULL),--full) $(ARGS)

fuzz: python $(VENV)/.installed-dev ## send valid and invalid requests from the API's schema for FUZZ_MINUTES (10); FUZZ_SEED repeats a run
	@$(PY) -m tests.fuzz $(ARGS)

clients: python $(VENV)/.installed-dev ## generate API clients with five generators and use them; needs Node.js; ARGS select some
	@$(PY) -m tests.clients $(ARGS)

chaos: python $(VENV)/.installed-dev ## kill and disturb all processes while jobs run; CHAOS_MINUTES, CHAOS_SEED; see tests/chaos/README.md
	@$(PY) -m tests.chaos $(ARGS)

production: python $(VENV)/.installed-dev ## follow docs/production.md on a fresh Debian (root, debootstrap), then restart everything under load
	@$(PY) -m tests.production $(ARGS)
	ROLLS=3 ROLL_REQUESTS=2000 $(PY) -m pytest -q -n 1 tests/deployment/test_rolls.py
	@$(PY) -m tests.production.rolls

alerts: python $(VENV)/.installed-dev ## cause each fault, and check that its alert fires in Prometheus; ten minutes; ARGS="--only NAME"
	@$(PY) -m tests.alerts $(ARGS)

screenshots: python $(VENV)/.installed-dev ## take the screenshots and the recording in docs/screenshots; needs Chromium
	@$(PY) -m tests.browser.screenshots

page-speed: python $(VENV)/.installed-dev ## measure how fast a shared look's page shows on a slow phone; needs Chromium
	@$(PY) -m tests.browser.page_speed

format: python $(VENV)/.installed-dev ## format, and fix what ruff can fix
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

clean: ## remove caches and reports; keep .venv and data
	rm -rf .coverage .coverage.* htmlcov .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

python:
	@test -z "$(PYTHON)" || "$(PYTHON)" -c '$(IS_NEW_ENOUGH)' 2>/dev/null || { \
		echo 'Cannot start: PYTHON=$(PYTHON) should be a Python 3.11 or newer.' >&2; exit 1; }
	@test ! -x $(PY) || $(PY) -c '$(IS_NEW_ENOUGH)' || { \
		echo 'Cannot start: $(VENV) has a Python older than 3.11; remove it.' >&2; exit 1; }

$(PY):
	@for python in $(CANDIDATES); do \
		"$$python" -c '$(IS_NEW_ENOUGH)' 2>/dev/null || continue; \
		"$$python" -m venv --clear $(VENV) >/dev/null 2>&1 && exit 0; \
		rm -rf $(VENV); \
		echo "Cannot start: $$python cannot create a virtual environment; on Debian: apt install python3-venv." >&2; \
		exit 1; \
	done; \
	echo 'Cannot start: Python 3.11 or newer is needed; install it, or name it: make run PYTHON=/path/to/python3.11' >&2; \
	exit 1

# Each stamp depends on $(PY): a new virtual environment has nothing installed.
$(VENV)/.installed: requirements.txt $(PY)
	@echo 'Installing the required packages (once)'
	@$(PIP) -r requirements.txt || { echo 'Cannot start: some packages could not be installed; see above.' >&2; exit 1; }
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements-observability.txt requirements.txt $(PY)
	@echo 'Installing the packages for development (once)'
	@$(PIP) -r requirements-dev.txt || { echo 'Cannot start: some packages could not be installed; see above.' >&2; exit 1; }
	@touch $@ $(VENV)/.installed
