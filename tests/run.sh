#!/bin/bash
# All parts of the tests, one after the other, with a table and a total at the end. A part without
# files of its own is left out. Called by `make test`.
cd "$(dirname "$0")/.." || exit 70
build=${BUILD:-build}
mkdir -p "$build"
log=$build/test.log
: >"$log"
started=$(date +%s)

has() { compgen -G "$1" >/dev/null; }
part() {
    local from
    from=$(date +%s)
    echo "--- make $*"
    make --no-print-directory BUILD="$build" "$@" 2>&1 | tee "$build/part.log"
    local status=${PIPESTATUS[0]}
    local line
    line=$(grep -aE '^[a-z0-9-]+: [0-9]+ passed, [0-9]+ failed' "$build/part.log" | tail -1)
    # what did not even get to count has failed
    [ -n "$line" ] || line="$1: 0 passed, 1 failed"
    [ "$status" -eq 0 ] || [[ $line != *" 0 failed"* ]] || line="$1: 0 passed, 1 failed"
    echo "$line ($(($(date +%s) - from)) s)" >>"$log"
}

part lint
part unit
part test-lua
part test-scenario
part test-cases
has 'tests/http/*.test.mjs' && part test-http
has 'tests/cli/*.test.mjs' && part test-cli
has tests/hostile/run.sh && part test-hostile
has tests/kill/run.mjs && part test-kill N="${KILLS:-20}"
has 'tests/fuzz/fuzz_*.c' && part fuzz S="${FUZZ_S:-5}"
part test-web
has tests/e2e/run.mjs && part test-e2e
part tsan

echo
cat "$log"
awk '{ passed += $2; failed += $4 } END { printf "%d passed, %d failed", passed, failed; exit failed > 0 }' "$log"
status=$?
echo " in $(($(date +%s) - started)) s"
exit $status
