#!/bin/bash
# part.sh NAME COMMAND…: runs one part of the tests and ends with "NAME: n passed, m failed", whatever
# dialect the command counts in (ours "n passed, m failed", node's TAP). A part that counts nothing fails.
name=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
passed=$(grep -aoE '[0-9]+ passed' "$log" | tail -1 | grep -oE '[0-9]+')
failed=$(grep -aoE '[0-9]+ failed' "$log" | tail -1 | grep -oE '[0-9]+')
[ -n "$passed" ] || passed=$(grep -aoE '^(#|ℹ) pass [0-9]+' "$log" | tail -1 | grep -oE '[0-9]+')
[ -n "$failed" ] || failed=$(grep -aoE '^(#|ℹ) fail [0-9]+' "$log" | tail -1 | grep -oE '[0-9]+')
passed=${passed:-0} failed=${failed:-0}
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
if [ "$passed" -eq 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
echo "$name: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
