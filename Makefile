# What a developer types. CI calls the same targets.

CARGO  ?= cargo
# Cargo.lock is part of the source: a build that would change it fails.
LOCKED ?= --locked
TARGET := $(or $(CARGO_TARGET_DIR),target)
PREFIX ?= /usr/local
UNITDIR ?= $(PREFIX)/lib/systemd/system
ONLY   ?=
# The address sanitizer wants to be told the target, so that build scripts are built without it.
ASAN_TARGET ?= $(shell rustc -vV | sed -n 's/^host: //p')
# The benchmarks are a workspace of their own; sharing the target directory spares a second build of SQLite.
BENCH  := --manifest-path bench/Cargo.toml --target-dir $(TARGET)
# What a start runs lies side by side in the program. The linker that Rust brings for this machine can do that; others are not asked.
ifeq ($(shell uname -m),x86_64)
ORDER  := -C link-arg=-Wl,--symbol-ordering-file=$(CURDIR)/crates/cms-cli/start.order -C link-arg=-Wl,--no-warn-symbol-ordering
endif

.PHONY: build capi order quickstart test test-python loom asan bench lint doc man install install-capi deb test-deb soak clean deps-build deps-capi deps-test deps-deb deps-bench

## build: the release binary, and uci beside it; linked statically and to a fixed address, so that a start has nothing to
## relocate and costs no more than that of an empty program
build: deps-build
	$(CARGO) rustc $(LOCKED) --release --package cms-cli --bin cms -- -C target-feature=+crt-static -C relocation-model=static $(ORDER)
	@# What the linker has just written lies in memory in single pages, each mapped by itself; a copy lies there in large ones, as
	@# an installed program does.
	@cp $(TARGET)/release/cms $(TARGET)/release/cms~ && mv $(TARGET)/release/cms~ $(TARGET)/release/cms
	ln -sf cms $(TARGET)/release/uci

## capi: the C library, shared and static
capi: deps-capi
	$(CARGO) build $(LOCKED) --profile library --package cms-capi
	contrib/capi/link.sh $(TARGET)/library/libcms_capi.a $(TARGET)/library/lib strip

## order: measures anew what a start runs; wants valgrind, and a build before and after
order:
	scripts/start-order.sh $(TARGET)/release/cms > $(TARGET)/start.order
	mv $(TARGET)/start.order crates/cms-cli/start.order

## quickstart: shows the main job on a private copy of the examples
quickstart: build
	@scripts/quickstart.sh $(TARGET)/release/cms

## test: every test of the workspace, against the real binary, and the map's tests with the address sanitizer
test: deps-test
	$(CARGO) test $(LOCKED) --workspace --no-fail-fast
	$(MAKE) asan
	$(MAKE) test-python

## test-python: the Python package, its wheel installed into an environment of its own; part of test
test-python: deps-test
	scripts/test-python.sh $(TARGET)

## loom: the segment's publication protocol under every interleaving; part of test
loom: deps-build
	$(CARGO) test $(LOCKED) --package cms-segment --test loom

## asan: the segment's tests of raw memory and of files that lie, with the address sanitizer
asan: deps-build
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address ASAN_OPTIONS=detect_leaks=0 CMS_TEST_FLIPS=7 $(CARGO) test $(LOCKED) --package cms-segment \
	  --target $(ASAN_TARGET) --lib --test hostile --test model --test room

## soak: the crash tests, long
soak: deps-test
	CMS_TEST_KILLS=$(or $(KILLS),10000) $(CARGO) test $(LOCKED) --release --package cms-cli --test kill9 -- --nocapture
	CMS_TEST_KILLS=$(or $(KILLS),100000) $(CARGO) test $(LOCKED) --release --package cms-segment --test kill -- --nocapture
	CMS_TEST_KILLS=$(or $(KILLS),20000) $(CARGO) test $(LOCKED) --release --package cms-segment --test store_kill -- --nocapture

## bench: the figures, beside their peers; ONLY=parse runs those whose id holds "parse"
# What a figure of the libraries needs: all of them without ONLY.
needs = $(if $(ONLY),$(foreach id,$(1),$(findstring $(id),$(ONLY))),all)
bench: build deps-bench $(if $(strip $(call needs,c. libuci)),capi)
	$(if $(strip $(call needs,py)),CMS_PYTHON=$$(scripts/python-env.sh $(TARGET) library)) CMS_LIBRARY=$(abspath $(TARGET))/library/lib CMS_BIN=$(abspath $(TARGET))/release/cms $(CARGO) run $(LOCKED) --quiet --release $(BENCH) -- $(ONLY)

## lint: formatting, clippy, rustdoc, and licences and bans where cargo-deny is installed
lint: deps-build deps-bench
	$(CARGO) fmt --all -- --check
	$(CARGO) fmt --manifest-path bench/Cargo.toml -- --check
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- -D warnings
	$(CARGO) clippy $(LOCKED) $(BENCH) -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(LOCKED) --workspace --no-deps --document-private-items --quiet
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny --offline check bans licenses sources; \
	else echo "cargo-deny is not installed: bans and licences were not checked"; fi

## doc: the API documentation
doc: deps-capi
	$(CARGO) doc $(LOCKED) --workspace --no-deps
	@echo "see $(TARGET)/doc/cms/index.html"

## man: the manual, as a tree that `man -M` reads; section 1 is made of what the help says
man: build
	rm -rf $(TARGET)/man
	$(TARGET)/release/cms __man $(TARGET)/man
	install -D -m 644 -t $(TARGET)/man/man5 docs/man/*.5

## deb: the Debian packages of packaging/deb, in target/deb
deb: man deps-deb deps-capi
	@# One build for the C library and for the Python extension, which is linked with no Python.
	PYO3_NO_PYTHON=1 $(CARGO) build $(LOCKED) --profile library --package cms-capi --package cms-python
	contrib/capi/link.sh $(TARGET)/library/libcms_capi.a $(TARGET)/library/lib strip
	rm -rf $(TARGET)/deb $(TARGET)/stage
	contrib/capi/install.sh $(TARGET)/library/lib $(TARGET)/stage /usr /usr/lib/$$(dpkg-architecture -qDEB_HOST_MULTIARCH) 0
	scripts/python-metadata.py >$(TARGET)/stage/METADATA
	scripts/deb.sh $(TARGET)
	lintian --info --fail-on error,warning $(TARGET)/deb/*.deb

## test-deb: installs the packages in a fresh Debian and uses them; fetches some 120 MB of packages
test-deb: deb
	scripts/test-deb.sh $(TARGET)/deb

## install: cms, its manual, the completions of shells and the schemas of known packages under PREFIX; UCI=1 adds the uci link, SYSTEMD=1 the unit that rolls back at boot what was not confirmed
install: man
	install -D -m 755 $(TARGET)/release/cms $(DESTDIR)$(PREFIX)/bin/cms
	$(if $(UCI),ln -sf cms $(DESTDIR)$(PREFIX)/bin/uci)
	$(if $(SYSTEMD),mkdir -p $(DESTDIR)$(UNITDIR))
	$(if $(SYSTEMD),sed 's|/usr/local|$(PREFIX)|g' contrib/systemd/cms-confirm.service >$(DESTDIR)$(UNITDIR)/cms-confirm.service)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/cms/modules schemas/*
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 $(TARGET)/man/man1/*
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man5 $(TARGET)/man/man5/*
	$(if $(UCI),ln -sf cms.1 $(DESTDIR)$(PREFIX)/share/man/man1/uci.1)
	install -D -m 644 crates/cms-cli/completion/cms.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/cms
	install -D -m 644 crates/cms-cli/completion/cms.zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_cms
	install -D -m 644 crates/cms-cli/completion/cms.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/cms.fish
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/cms README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE

## install-capi: the C library, its headers, and what pkg-config and CMake ask for, under PREFIX; LIBUCI=1 adds uci.h and the name -luci
install-capi: capi
	contrib/capi/install.sh $(TARGET)/library/lib "$(DESTDIR)" $(PREFIX) $(or $(LIBDIR),$(PREFIX)/lib) $(or $(LIBUCI),0)

clean:
	$(CARGO) clean

deps-build:
	@scripts/deps.sh build

deps-capi:
	@scripts/deps.sh capi

deps-test:
	@scripts/deps.sh test

deps-deb:
	@scripts/deps.sh deb

deps-bench:
	@scripts/deps.sh bench
