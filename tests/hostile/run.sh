#!/bin/bash
# Each hostile script through the real `wangyi engine check`, a process that has given up its privileges: it must
# answer with problems (or, where the script is harmless, that it is no scenario), within WALL seconds.
WALL=${WALL:-30}
cd "$(dirname "$0")/../.." || exit 70
wangyi=${WANGYI:-build/wangyi}
passed=0 failed=0
for script in tests/hostile/*.lua; do
    name=$(basename "$script" .lua)
    out=$(timeout "$WALL" "$wangyi" engine check "$name" --scripts scripts <"$script" 2>/dev/null)
    code=$?
    if [ "$code" -eq 0 ] && [[ $out == *'"ok":false'* ]] && [[ $out != *ESCAPED* ]] && [[ $out == *'"code":'* ]]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED $name (exit $code): ${out:0:300}"
        echo "  again: $wangyi engine check $name --scripts scripts <$script"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
