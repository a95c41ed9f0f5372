#!/bin/bash
# All lints; each counts as one test. `bash tests/lint/run.sh floors` runs one.
cd "$(dirname "$0")/../.." || exit 70
passed=0 failed=0
lint() {
    local name=$1 out
    shift
    [ -z "$only" ] || [ "$only" = "$name" ] || return
    if out=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED lint $name; alone: bash tests/lint/run.sh $name"
        tail -40 <<<"$out"
    fi
}
formatted() {
    local tool
    tool=$(command -v clang-format-14 || command -v clang-format) || return 1
    git ls-files 'core/*.[ch]' 'tests/*.[ch]' | xargs -r "$tool" --dry-run -Werror
}
only=$1
lint floors bash tests/lint/floors.sh
lint stubs lua5.4 tests/lint/stubs.lua
lint tree bash tests/lint/tree.sh
lint luacheck luacheck -q --no-color scripts scenarios tests/lua tests/lint
lint format formatted
lint shell bash -c 'for f in .ci/* tests/*.sh tests/*/*.sh; do bash -n "$f" || exit 1; done'
echo "lint: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
