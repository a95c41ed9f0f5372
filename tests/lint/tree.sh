#!/bin/bash
# Nothing that belongs to one machine is in the tree: no absolute paths of a builder, no registry hosts in lock
# files, no node_modules, no build output.
bad=0
if git ls-files 2>/dev/null | grep -E '(^|/)node_modules/|^build/'; then
    echo "  build output or node_modules is tracked"
    bad=1
fi
if git grep -nIE '"resolved": *"' -- '*package-lock.json'; then
    echo "  a lock file names a registry host (web/.npmrc should keep it out)"
    bad=1
fi
exit $bad
