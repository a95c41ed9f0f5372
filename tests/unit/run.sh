#!/bin/bash
# run.sh NAME PROGRAM…: runs unit test programs, shows what went wrong, ends with "NAME: n passed, m failed".
name=$1
shift
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for program in "$@"; do
    timeout -k 5 "${UNIT_LIMIT:-180}" "$program" >"$log" 2>&1
    status=$?
    good=$(grep -aoE '\[  PASSED  \] [0-9]+' "$log" | grep -oE '[0-9]+' | tail -1)
    bad=$(grep -acE '\[  FAILED  \] [^0-9]' "$log")
    # cmocka lists each failed test once more at the end; a crash or a leak lists none
    bad=$(grep -aE '\[  FAILED  \] [^0-9]' "$log" | sort -u | wc -l)
    [ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
    [ -n "$good" ] || [ "$bad" -gt 0 ] || bad=1
    passed=$((passed + ${good:-0})) failed=$((failed + bad))
    if [ "$bad" -gt 0 ] || [ -n "$V" ]; then
        cat "$log"
        echo "FAILED $program (status $status); alone: F='*name*' $program"
    else
        echo "ok   $program (${good})"
    fi
done
echo "$name: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
