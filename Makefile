# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# iodirty: `make certify` is the main job, `make check` the tests, `make help`
# the rest. V=1 shows the commands. Sources are found by wildcard: a new file in
# a room is built without a word here.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

V ?= 0
Q := $(if $(filter 0,$(V)),@)
say = $(if $(Q),@printf '  %-5s %s\n' $(1) $(2))

CC := gcc
CXX := g++
AR := ar
PYTHON := /usr/bin/python3

# ---- flags ----

# Evaluated once, and only when something is compiled or linked.
once = $(eval $(1) := $(shell $(2)))$($(1))
PKG_CFLAGS = $(call once,PKG_CFLAGS,pkg-config --cflags check jansson libxml-2.0 zlib)
RUNNER_LIBS = $(call once,RUNNER_LIBS,pkg-config --libs check jansson libxml-2.0 zlib)
BENCH_LIBS = $(call once,BENCH_LIBS,pkg-config --libs benchmark jansson zlib)

WARN := -Wall -Wextra -Werror -Wshadow
WARN_C := $(WARN) -Wstrict-prototypes -Wmissing-prototypes
# Like the kernel: tables are read as words and as entries.
COMMON := -O2 -g -fno-strict-aliasing -pthread
CFLAGS := -std=gnu11 $(COMMON) $(WARN_C)
CXXFLAGS := -std=c++17 $(COMMON) $(WARN)

FLAVOURS := release asan tsan
# With sanitizers gcc sees uses of the uninitialized where there are none.
SANITIZE := -O1 -fno-omit-frame-pointer -Wno-maybe-uninitialized
FLAGS_release :=
FLAGS_asan := $(SANITIZE) -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan := $(SANITIZE) -fsanitize=thread

INC_TESTS := -I include -I conformance/lib
INC := $(INC_TESTS) -I conformance/runner -I ref-kernel -I ref-kernel/port \
	-I ref-kernel/port/user -I ref-kernel/pgtable -I ref-kernel/hw -I ref-kernel/iommufd \
	-I ref-kernel/vfio -I workloads
# Tests see what they test through target.h and the ABI only, examples the ABI.
includes = $(if $(filter conformance/tests/%,$(1)),$(INC_TESTS),\
	$(if $(filter examples/% conformance/deviations/% workloads/tests/%,$(1)),-I include,$(INC)))

# ---- sources ----

# What is loaded into a program that runs on the reference, and all else.
PRELOAD_SRC := $(addprefix ref-kernel/,$(addprefix preload/,preload.c rw.c call.c fail_nth.c wire.c) \
	port/user/self.c port/user/signals.c)
REF_SRC := $(filter-out $(addprefix ref-kernel/preload/,preload.c rw.c call.c fail_nth.c), \
	$(foreach d,iommufd vfio pgtable hw port/user preload, \
	$(wildcard ref-kernel/$(d)/*.c)))
CT_SRC := $(foreach d,conformance/runner conformance/lib targets targets/vfio \
	workloads,$(wildcard $(d)/*.c))
TEST_SRC := $(wildcard conformance/tests/*.c)
META_SRC := $(wildcard conformance/meta/*.c)
UNIT_SRC := $(wildcard conformance/unit/*_test.c)
GUEST_SRC := $(wildcard conformance/preload/*.c)
BENCH_SRC := $(wildcard bench/*.c bench/*.cc)
TOML := conformance/requirements.toml
META_TOML := conformance/meta/requirements.toml
DEVIATIONS := $(wildcard conformance/deviations/*.toml)
META_DEVIATIONS := conformance/meta/deviations.toml

# Programs of nothing but themselves and the ABI.
EXAMPLES := $(patsubst %.c,build/release/%,$(wildcard examples/*.c \
	conformance/deviations/*.c workloads/tests/*.c))
# nbdkit's, where its header is.
NBD_SRC := $(wildcard workloads/nbd/*.c)
NBD := build/release/workloads/nbd/iodirty-nbd.so

GEN := conformance/gen_requirements.py
GEN_DEV := conformance/gen_deviations.py
objects = $(patsubst %,build/$(1)/%.o,$(basename $(2)))
UNITS := $(patsubst %.c,%,$(UNIT_SRC))

# ---- what a person asks for ----

all: iodirty programs abi-layout ## the command, the benchmark, the examples (default)

programs: build/release/iodirty-bench $(EXAMPLES) $(if $(wildcard /usr/include/nbdkit-plugin.h),$(NBD))

certify: ## install what is missing, build, write the certification package
	$(Q)ci/install build report
	$(Q)$(MAKE) all
	$(Q)./iodirty certify -t ref -o build/certificate --force

check: ## install what is missing, then all tests, with sanitizers (minutes)
	$(Q)ci/install
	$(Q)MAKE='$(MAKE)' ci/check

check-full: ## check, the slow sweeps and the mutants
	$(Q)ci/install
	$(Q)MAKE='$(MAKE)' ci/check --full

traces: ## make the traces of workloads, in build/traces, each twice, and compare their checksums
	$(Q)ci/install build workload
	$(Q)$(MAKE) build/release/iodirty
	$(Q)workloads/traces --check

mutants: ## break the reference on purpose: conformance must notice (minutes)
	$(Q)ci/install build
	$(Q)conformance/mutants/run

# Everything that ci/check runs.
check-build: all $(FLAVOURS:%=build/%/iodirty) \
	build/release/conformance/preload/guest \
	$(foreach f,release asan,$(if $(META_SRC),build/$(f)/iodirty-meta) $(UNITS:%=build/$(f)/%))

model: ## every order of things in a harvest, by Spin: no write is lost
	$(Q)ci/install build model
	$(Q)CC='$(CC)' conformance/model/check

lint: ## formatting, static checks and the rules of the house
	$(Q)ci/lint

format: ## apply .clang-format
	$(Q)git ls-files -co --exclude-standard '*.[ch]' '*.cc' | xargs clang-format -i --style=file

check-abi: ## hold the ABI against a kernel's headers: LINUX_HEADERS=DIR
	$(Q)CC='$(CC)' ci/check-abi $(LINUX_HEADERS)

check-kernel-selftests: ## the kernel's own iommufd selftests judge the reference: SOURCE=DIR
	$(Q)ci/install build test
	$(Q)$(MAKE) build/release/iodirty
	$(Q)CC='$(CC)' ci/kernel-selftests $(if $(SOURCE),--source '$(SOURCE)')

# KDIR: where a kernel was built, with what its build wants to be told each time.
module: ## the reference as a Linux module: KDIR=DIR [ARCH=um] [KBUILD_KCONFIG=FILE]
	$(Q)ci/build-module '$(KDIR)' $(foreach v,ARCH KBUILD_KCONFIG,$(if $($(v)),$(v)='$($(v))'))

clean: ## remove what was built
	$(Q)rm -rf build iodirty

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | \
		while IFS='	' read -r t d; do printf '  make %-23s %s\n' "$$t" "$$d"; done

.PHONY: all programs certify check check-full traces mutants model check-build lint format check-abi \
	check-kernel-selftests abi-layout module clean help

# ---- rules ----

abi-layout: build/release/conformance/unit/abi_layout.o

iodirty: build/release/iodirty
	$(call say,CP,$@)
	$(Q)ln -f $< $@ 2>/dev/null || cp -f $< $@

# Anybody's program: it sees the ABI, and is linked with nothing of ours.
build/release/conformance/preload/%.o: includes = -I include
build/release/conformance/preload/guest: $(call objects,release,$(GUEST_SRC))
	$(call link,$(CC))

build/release/pic/workloads/nbd/%.o: includes = -I include
$(NBD): $(call objects,release/pic,$(NBD_SRC))
	$(call link,$(CC) -shared)

build/gen/requirements.c: $(GEN) $(TOML) $(TEST_SRC)
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) $(GEN) -o $@ $(TOML) -- $(TEST_SRC)

build/gen/deviations.c: $(GEN_DEV) $(GEN) $(TOML) $(DEVIATIONS) $(TEST_SRC)
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) $(GEN_DEV) -o $@ --requirements $(TOML) $(DEVIATIONS) -- $(TEST_SRC)

build/gen/meta_deviations.c: $(GEN_DEV) $(GEN) $(META_TOML) $(META_DEVIATIONS) $(META_SRC)
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) $(GEN_DEV) -o $@ --requirements $(META_TOML) $(META_DEVIATIONS) -- $(META_SRC)

build/gen/meta_requirements.c: $(GEN) $(META_TOML) $(META_SRC)
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) $(GEN) -o $@ $(META_TOML) -- $(META_SRC)

define compile
	$(Q)mkdir -p $(@D)
	$(Q)$(1) $(call includes,$<) $(2) $(3) -MMD -MP -c $< -o $@
endef

define archive
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)
endef

define link
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(1) -pthread $(2) $(filter %.o %.a,$^) $(3) -o $@
endef

# Two libraries a flavour, of which a program takes what it needs: the reference,
# and the runner with its library and the targets.
define flavour
build/$(1)/%.o: %.c Makefile
	$$(call say,CC,$$@)
	$$(call compile,$$(CC),$$(CFLAGS) $$(PKG_CFLAGS),$$(FLAGS_$(1)))

# Of what is loaded only the names that it stands in for are seen.
build/$(1)/pic/%.o: %.c Makefile
	$$(call say,CC,$$@)
	$$(call compile,$$(CC),$$(CFLAGS) -fPIC -fvisibility=hidden,$$(FLAGS_$(1)))

build/$(1)/%.o: build/%.c Makefile
	$$(call say,CC,$$@)
	$$(call compile,$$(CC),$$(CFLAGS) $$(PKG_CFLAGS),$$(FLAGS_$(1)))

build/$(1)/%.o: %.cc Makefile
	$$(call say,CXX,$$@)
	$$(call compile,$$(CXX),$$(CXXFLAGS),$$(FLAGS_$(1)))

build/$(1)/libiodirty-ref.a: $$(call objects,$(1),$(REF_SRC))
	$$(archive)

build/$(1)/libiodirty-ct.a: $$(call objects,$(1),$(CT_SRC))
	$$(archive)

build/$(1)/libiodirty-preload.so: $$(call objects,$(1)/pic,$(PRELOAD_SRC))
	$$(call link,$$(CC) -shared,$$(FLAGS_$(1)),-ldl)

# With what it loads into programs; ThreadSanitizer would not do there.
build/$(1)/iodirty: | build/$(if $(filter tsan,$(1)),release,$(1))/libiodirty-preload.so
build/$(1)/iodirty: $$(call objects,$(1),$(TEST_SRC) gen/requirements.c gen/deviations.c) \
	build/$(1)/libiodirty-ct.a build/$(1)/libiodirty-ref.a
	$$(call link,$$(CC),$$(FLAGS_$(1)),$$(RUNNER_LIBS))

build/$(1)/iodirty-meta: $$(call objects,$(1),$(META_SRC) gen/meta_requirements.c gen/meta_deviations.c) \
	build/$(1)/libiodirty-ct.a build/$(1)/libiodirty-ref.a
	$$(call link,$$(CC),$$(FLAGS_$(1)),$$(RUNNER_LIBS))

build/$(1)/iodirty-bench: $$(call objects,$(1),$(BENCH_SRC)) \
	build/$(1)/libiodirty-ct.a build/$(1)/libiodirty-ref.a
	$$(call link,$$(CXX),$$(FLAGS_$(1)),$$(BENCH_LIBS))

$(UNITS:%=build/$(1)/%): %: %.o build/$(1)/libiodirty-ct.a build/$(1)/libiodirty-ref.a
	$$(call link,$$(CC),$$(FLAGS_$(1)),$$(RUNNER_LIBS))
endef
$(foreach f,$(FLAVOURS),$(eval $(call flavour,$(f))))

# Of nothing but themselves, so that they run on any /dev/iommu.
$(EXAMPLES): %: %.o
	$(call link,$(CC))

# Objects are kept, and what they included is known, from one run to the next.
.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
