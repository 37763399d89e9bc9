# Everything a contributor or the CI runs. `make` alone lists the targets.

PYTHON ?= python3
DOCKER ?= docker
PROGRAM ?=
WORKERS ?= 3
PYTEST_OPTIONS ?=
# git waits for the disk after every write. In memory, where there is room, the tests wait for nothing.
TESTS_IN ?= $(shell test "$$(df -m --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 4000 2>/dev/null && echo /dev/shm)
LOCK_OPTIONS ?=
IMAGE ?= git-keyval-action
WORKFLOWS ?=
FUZZ_STEPS ?= 8000
FUZZ_SEED ?= 0

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PROSE := tools/prose/node_modules
DOCUMENTS := *.md docs/*.md
RUN_TESTS = $(if $(TESTS_IN),TMPDIR=$(TESTS_IN) )$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# A constraint must name no extras; a list to install must, or pip before 23.3 takes a newer release for the extra and refuses it.
# The options keep the address of the package index, and paths of this machine, out of the lock files.
COMPILE = CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host $(LOCK_OPTIONS)

.DEFAULT_GOAL := help
.PHONY: help venv check format test test-all contract servers live bench demo release-check documents pictures lock container container-run container-examples runner fuzz clean

help: ## Show this list
	@echo "Targets:"
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r name text; do printf '  %-18s %s\n' $$name "$$text"; done
	@echo "Variables: PYTHON=$(PYTHON) WORKERS=$(WORKERS) DOCKER=$(DOCKER) PROGRAM= IMAGE=$(IMAGE) WORKFLOWS=" \
		"FUZZ_STEPS=$(FUZZ_STEPS) FUZZ_SEED=$(FUZZ_SEED) PYTEST_OPTIONS= LOCK_OPTIONS="

venv: $(STAMP) ## Create .venv with the locked development dependencies

$(STAMP): requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not. Name another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || { \
		echo "'$(PYTHON)' cannot create virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

check: venv $(PROSE) ## Lint code, workflows, documents and Dockerfile; check the format, the types and the layers (needs npm)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.documents --check
	$(BIN)/hadolint Dockerfile
	$(BIN)/zizmor --quiet --offline --pedantic . examples/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml examples/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-actions action.yml */action.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	$(BIN)/python -m tools.actionlint
	$(BIN)/codespell
	$(BIN)/python -m tools.prose
	$(PROSE)/.bin/markdownlint-cli2 --config tools/prose/.markdownlint.jsonc $(DOCUMENTS) >/dev/null
	$(PROSE)/.bin/remark --quiet --frail --use ./$(PROSE)/remark-validate-links/index.js=repository:false $(DOCUMENTS)

$(PROSE): tools/prose/package-lock.json
	npm ci --prefix tools/prose --silent --no-audit --no-fund --ignore-scripts
	@touch $@

format: venv ## Format the code and apply the linter's safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: venv ## Run tests that touch every rule once, in some 7 minutes on two cores (WORKERS=3, PYTEST_OPTIONS=)
	$(RUN_TESTS) $(PYTEST_OPTIONS)

test-all: test ## Run the tests, and then the exhaustive rest: full products, 500 schedules, long races
	$(RUN_TESTS) -m exhaustive $(PYTEST_OPTIONS) || test $$? -eq 5 # there may be none of them

fuzz: venv ## Run random steps on random, hostile stores (FUZZ_STEPS=8000; one again: FUZZ_SEED= FUZZ_STEPS=1)
	FUZZ_STEPS=$(FUZZ_STEPS) FUZZ_SEED=$(FUZZ_SEED) $(RUN_TESTS) -m "" tests/fuzz

contract: venv ## Compare the emulator of GitHub and the adapter with GitHub's published schemas (needs npm)
	$(BIN)/python -m tools.contract

servers: venv ## Try all real servers that are installed here, and record what works for docs/operations.md
	$(BIN)/python -m tools.servers
	$(BIN)/python -m tools.documents

live: venv ## Try a throw-away repository on GitHub (GIT_KEYVAL_LIVE_TOKEN, GIT_KEYVAL_LIVE_REPOSITORY)
	$(BIN)/python -m tools.live $(PYTEST_OPTIONS)

bench: venv ## Run the benchmarks
	$(BIN)/python -m benchmarks

demo: venv ## Show the database at work, on a local repository and on an emulated GitHub
	$(BIN)/python -m demo

documents: venv ## Write action.yml, action-types.yml and the tables of the docs from the code
	$(BIN)/python -m tools.documents
	$(BIN)/python -m tools.request_table

pictures: venv ## Make the pictures of the documents anew, each from a run
	$(BIN)/python -m tools.pictures

lock: venv ## Write the requirement files anew (LOCK_OPTIONS=--upgrade for new versions)
	$(COMPILE) --strip-extras --output-file requirements.txt pyproject.toml
	$(COMPILE) --no-strip-extras --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml

container: ## Build the container image
	$(DOCKER) build --tag $(IMAGE) .

container-run: ## Run steps in the image and compare their answers (IMAGE=; PROGRAM= instead of Docker)
	$(PYTHON) -m tools.container --program "$(PROGRAM)" $(IMAGE)

container-examples: venv ## Run the examples and the documents with their steps in the image (PROGRAM= instead of Docker)
	EXAMPLES_IN="$(or $(PROGRAM),docker)" $(BIN)/python -m pytest -n $(WORKERS) tests/examples/test_examples.py tests/documents/test_blocks.py

runner: venv ## Run the examples and the self-test with act, a real runner (PROGRAM= instead of act and Docker; WORKFLOWS= for some)
	$(BIN)/python -m tools.runner --program "$(PROGRAM)" --image "$(IMAGE)" $(WORKFLOWS)

release-check: venv ## Build all that a release publishes, compare it with the commit, and try it (the image: PROGRAM=, or Docker)
	$(BIN)/python -m tools.release dist
	@if [ -n "$(PROGRAM)" ]; then "$(PROGRAM)" build && $(MAKE) container-run; \
	elif $(DOCKER) info >/dev/null 2>&1; then $(MAKE) container container-run; \
	else echo "The image is not built: $(DOCKER) does not run here."; fi

clean: ## Remove what the other targets made, .venv included
	rm -rf $(VENV) build dist *.egg-info .coverage htmlcov .hypothesis .import_linter_cache .mypy_cache .pytest_cache \
		.ruff_cache $(PROSE)
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
