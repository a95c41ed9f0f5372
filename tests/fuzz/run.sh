#!/bin/bash
# run.sh PROGRAM…: replays tests/fuzz/regression/NAME, then fuzzes each for S seconds from its corpus.
# New finds stay in the build folder; a crash's file name is printed with the command that repeats it.
here=$(dirname "$0")
passed=0 failed=0
for program in "$@"; do
    name=$(basename "$program")
    short=${name#fuzz_}
    work=$program.work
    mkdir -p "$work"
    seeds=()
    for dir in "$here/corpus/$short" "$here/regression/$short"; do [ -d "$dir" ] && seeds+=("$dir"); done
    if "$program" -max_total_time="${S:-15}" -timeout=10 -rss_limit_mb=1024 -max_len=8192 \
        -print_final_stats=1 -artifact_prefix="$work/" "$work" "${seeds[@]}" >"$program.log" 2>&1; then
        passed=$((passed + 1))
        echo "ok   $name ($(grep -aoE 'number_of_executed_units: [0-9]+' "$program.log" | grep -oE '[0-9]+') runs)"
    else
        failed=$((failed + 1))
        tail -30 "$program.log"
        echo "FAILED $name; again: $program $(grep -aoE "$work/(crash|timeout|oom|leak)-[0-9a-f]+" "$program.log" | tail -1)"
    fi
done
echo "fuzz: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
