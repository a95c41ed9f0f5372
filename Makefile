# make help lists what there is. Knobs: BUILD=dir, SAN=1, V=1, CC=clang, T=name, F='*pattern*', S=seconds.
BUILD ?= build
VERSION := 0.1.0
FLOORS := util store domain engine net
Q := $(if $(V),,@)

# what stands on what: a floor, then the floors below it
UNDER_util :=
UNDER_store := util
UNDER_domain := store util
UNDER_engine := domain store util
UNDER_net := domain store util
UNDER_cli := engine net domain store util
LIBS_util := -lsodium -lexpat
LIBS_store := -llmdb -lz
LIBS_domain := -lz $(if $(wildcard core/domain/minutes.c),-lcmark)
LIBS_engine := -llua5.4 -lseccomp -lm -ldl
LIBS_net := -lwebsockets -lev -lz -lssl -lcrypto -lcurl

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
        -Wmissing-prototypes -Wundef -Wwrite-strings -Wvla -Wformat=2 -Wimplicit-fallthrough \
        -Wnull-dereference -Wdouble-promotion -Wcast-qual -fno-common $(if $(LAX),,-Werror)
BASE := -std=c11 -D_GNU_SOURCE -DNDEBUG -Icore -isystem /usr/include/lua5.4 \
        -DWANGYI_VERSION='"$(VERSION)"' -g $(WARN) -MMD -MP -pthread
ifdef SAN
  MODE := /san
  FLAGS := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer \
           -Wno-null-dereference
else ifdef TSAN
  MODE := /tsan
  FLAGS := -O1 -fsanitize=thread -fno-omit-frame-pointer -Wno-null-dereference
else
  FLAGS := -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fPIE
  LINK := -pie -Wl,-z,relro,-z,now,-z,noexecstack
endif
OUT := $(BUILD)$(MODE)
CFLAGS_ALL := $(BASE) $(FLAGS) $(CFLAGS)

SOURCES = $(wildcard core/$(1)/*.c)
OBJECTS = $(patsubst core/%.c,$(OUT)/core/%.o,$(call SOURCES,$(1)))
ARCHIVES = $(foreach f,$(1),$(if $(call SOURCES,$(f)),$(OUT)/lib$(f).a))
LINKLIBS = $(sort $(foreach f,$(1),$(LIBS_$(f))))
WEB_FILES := $(shell find web -name node_modules -prune -o -type f ! -path 'web/tests/*' -print 2>/dev/null)

.PHONY: help build run test lint unit test-lua test-scenario test-cases test-http test-cli test-hostile test-kill \
        test-web test-e2e fuzz bench tsan fmt deps web clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z0-9-]+(-FLOOR)?:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | \
	  awk -F'|' '{ printf "  make %-14s %s\n", $$1, $$2 }'
	@echo "  knobs: BUILD=dir SAN=1 TSAN=1 V=1 CC=clang T=name F='*pattern*' S=seconds"

build: $(OUT)/wangyi $(if $(filter build,$(BUILD)),$(if $(SAN)$(TSAN),,web)) ## build/wangyi and the pages in build/web
run: build ## a demo street on http://127.0.0.1:8080 (data in build/demo)
	$(Q)$(BUILD)/wangyi serve --demo --data $(BUILD)/demo --listen 127.0.0.1:8080
test: ## everything below, with a total at the end
	$(Q)BUILD=$(BUILD) bash tests/run.sh
lint: ## floors, one-home headers, stubs, luacheck, formatting
	$(Q)bash tests/lint/run.sh

# --- the binary ---------------------------------------------------------------------------------
define FLOOR_RULES
$(OUT)/lib$(1).a: $$(call OBJECTS,$(1))
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^
unit-$(1): $$(patsubst tests/unit/%.c,$(OUT)/unit/%,$$(wildcard tests/unit/$(1)/test_$$(or $$(T),*).c))
	$$(Q)bash tests/unit/run.sh unit-$(1) $$^
$(OUT)/unit/$(1)/%: tests/unit/$(1)/%.c tests/unit/unit.h $$(call ARCHIVES,$(1) $(UNDER_$(1)))
	@mkdir -p $$(@D)
	@echo "LD unit/$(1)/$$*"
	$$(Q)$$(CC) $$(filter-out -MMD -MP,$$(CFLAGS_ALL)) -Itests/unit -o $$@ $$< $$(LINK) \
	  $$(filter %.a,$$^) $$(call LINKLIBS,$(1) $(UNDER_$(1))) -lcmocka -ljansson
.PHONY: unit-$(1)
endef
$(foreach f,$(FLOORS) cli,$(eval $(call FLOOR_RULES,$(f))))

$(OUT)/wangyi: $(call ARCHIVES,cli $(UNDER_cli))
	@echo "LD $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LINK) -o $@ -Wl,--start-group $^ -Wl,--end-group \
	  $(call LINKLIBS,$(UNDER_cli)) $(LDFLAGS)
$(OUT)/core/%.o: core/%.c
	@mkdir -p $(@D)
	@echo "CC $<"
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<
-include $(patsubst %.o,%.d,$(foreach f,$(FLOORS) cli,$(call OBJECTS,$(f))))

# --- tests; each ends with a line "NAME: n passed, m failed" ----------------------------------------
unit: ## unit tests of every floor under ASan and UBSan
	$(Q)$(MAKE) --no-print-directory SAN=1 unit-all
unit-FLOOR: ## one floor, e.g. make unit-store T=journal F='*reopen*'
unit-all: $(foreach f,$(FLOORS) cli,$(patsubst tests/unit/%.c,$(OUT)/unit/%,$(wildcard tests/unit/$(f)/test_*.c)))
	$(Q)bash tests/unit/run.sh unit $^
test-lua: ## specs of scripts/ and of the scenarios' tables (T=name)
	$(Q)bash tests/part.sh lua lua5.4 tests/lua/run.lua $(T)
test-scenario: $(OUT)/wangyi ## the examples in scenarios/*.lua in the real host (T=id)
	$(Q)bash tests/part.sh scenario $(OUT)/wangyi test $(T)
test-cases: $(OUT)/wangyi ## stories from outside, tests/cases/*.ndjson (T=name)
	$(Q)set -e; for f in tests/cases/*$(T)*.ndjson; do bash tests/part.sh $$(basename $$f .ndjson) \
	  $(OUT)/wangyi test --cases $$f; done
test-http: $(OUT)/wangyi ## the outside interface, against the real binary (T=name)
	$(Q)WANGYI=$(abspath $<) bash tests/part.sh http node --test --test-reporter=tap $(wildcard tests/http/*$(T)*.test.mjs)
test-cli: $(OUT)/wangyi ## the commands, as a person at a shell meets them
	$(Q)WANGYI=$(abspath $<) bash tests/part.sh cli node --test --test-reporter=tap $(wildcard tests/cli/*.test.mjs)
test-hostile: $(OUT)/wangyi ## scripts that mean harm
	$(Q)WANGYI=$(abspath $<) bash tests/part.sh hostile bash tests/hostile/run.sh
test-kill: $(OUT)/wangyi ## kill -9 in a loop: nothing acknowledged is lost (N=kills)
	$(Q)WANGYI=$(abspath $<) bash tests/part.sh kill node tests/kill/run.mjs --kills $(or $(N),20)
test-web: $(BUILD)/web.npm ## unit tests of the pages
	$(Q)cd web && bash ../tests/part.sh web npm test --silent
test-e2e: $(OUT)/wangyi $(BUILD)/web.stamp ## journeys in a real browser (T=name)
	$(Q)WANGYI=$(abspath $<) bash tests/part.sh e2e node tests/e2e/run.mjs $(T)
fuzz: $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_$(or $(T),*).c)) ## each fuzzer S=15 seconds
	$(Q)S=$(or $(S),15) bash tests/fuzz/run.sh $^
tsan: ## the threaded floors once under ThreadSanitizer
	$(Q)$(MAKE) --no-print-directory TSAN=1 tsan-all
tsan-all: $(patsubst tests/unit/%.c,$(OUT)/unit/%,$(wildcard tests/unit/store/test_*.c tests/unit/engine/test_process.c))
	$(Q)TSAN_OPTIONS="halt_on_error=1 $$TSAN_OPTIONS" bash tests/unit/run.sh tsan $^
bench: $(OUT)/wangyi $(patsubst tests/bench/%.c,$(OUT)/bench/%,$(wildcard tests/bench/bench_*.c)) ## prints numbers, judges nothing (T=name)
	$(Q)WANGYI=$(abspath $<) BENCH=$(abspath $(OUT)/bench) node tests/bench/run.mjs $(T)

# Fuzzers: clang, with the lower floors compiled once for them.
FUZZ_FLAGS := -std=c11 -D_GNU_SOURCE -DNDEBUG -Icore -isystem /usr/include/lua5.4 -g -O1 -pthread -fno-sanitize-recover=undefined
FUZZ_OBJECTS := $(patsubst core/%.c,$(BUILD)/fuzz/core/%.o,$(foreach f,util store domain engine,$(call SOURCES,$(f))))
.SECONDARY: $(FUZZ_OBJECTS)
$(BUILD)/fuzz/core/%.o: core/%.c
	@mkdir -p $(@D)
	$(Q)clang-14 $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<
-include $(FUZZ_OBJECTS:.o=.d)
$(BUILD)/fuzz/%: tests/fuzz/%.c $(FUZZ_OBJECTS)
	@echo "FUZZ $@"
	$(Q)clang-14 $(FUZZ_FLAGS) -fsanitize=fuzzer,address,undefined -o $@ $^ $(call LINKLIBS,util store domain engine)
$(OUT)/bench/%: tests/bench/%.c $(call ARCHIVES,$(UNDER_cli))
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -MMD -MP,$(CFLAGS_ALL)) -o $@ $< $(LINK) -Wl,--start-group $(filter %.a,$^) \
	  -Wl,--end-group $(call LINKLIBS,$(UNDER_cli))

# --- web, tools ---------------------------------------------------------------------------------
web: $(BUILD)/web.stamp ## the pages, built into build/web
$(BUILD)/web.npm: web/package-lock.json
	@mkdir -p $(@D)
	$(Q)cd web && npm ci --no-audit --no-fund --silent
	@touch $@
$(BUILD)/web.stamp: $(BUILD)/web.npm $(WEB_FILES)
	$(Q)cd web && npm run --silent build -- --logLevel warn
	@touch $@
fmt: ## clang-format over core and tests
	$(Q)clang-format -i core/*/*.[ch] $$(find tests -name '*.[ch]')
deps: ## install what is missing (Debian 12, root or sudo)
	$(Q)bash .ci/deps
clean: ## remove build output
	rm -rf $(BUILD)
