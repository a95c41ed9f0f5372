#!/bin/bash
# Includes go down only, engine and net never meet, and each third-party header has one home.
bad=0
say() { echo "  $1"; bad=1; }

declare -A may=(
    [util]="util" [store]="store util" [domain]="domain store util"
    [engine]="engine domain store util" [net]="net domain store util" [cli]="cli engine net domain store util"
)
while IFS=: read -r file line text; do
    floor=${file#core/}
    floor=${floor%%/*}
    to=$(sed -E 's/.*"([^"]+)".*/\1/' <<<"$text")
    case $to in
    */*) [[ " ${may[$floor]} " == *" ${to%%/*} "* ]] || say "$file:$line: $floor must not include $to" ;;
    *) say "$file:$line: include \"$to\" with its floor" ;;
    esac
    case $to in *_impl.h) [ "${to%%/*}" = "$floor" ] || say "$file:$line: $to is private to its floor" ;; esac
done < <(grep -nE '^ *# *include *"' core/*/*.[ch])

home() { # header pattern, where it may stand, folders to look through
    while IFS=: read -r file line _; do
        [[ $file =~ $2 ]] || say "$file:$line: $1 belongs to $2 only"
    done < <(grep -nE "^ *# *include *[<\"]($1)[>\"]" core/*/*.[ch])
}
home 'lmdb\.h' '^core/store/'
home '(lua|lualib|lauxlib|luaconf)\.h|lua5\.4/.*' '^core/engine/'
home 'libwebsockets\.h|ev\.h' '^core/net/'
home 'cmark\.h' '^core/domain/minutes\.c$'
home 'jansson\.h|cmocka\.h' '^nowhere in core$'
home 'sys/seccomp\.h|seccomp\.h|linux/landlock\.h' '^core/engine/'
home 'openssl/.*' '^core/net/'
home 'expat\.h' '^core/util/xml\.c$'
home 'curl/.*' '^core/net/fetch\.c$'
home 'zlib\.h' '^core/(store|domain|net)/'
home 'assert\.h' '^nowhere: must() is ours$'

# A guard named after the file, so that two headers never share one
for file in core/*/*.h; do
    guard=WY_$(sed -E 's|^core/||; s|[/.]|_|g' <<<"$file" | tr '[:lower:]' '[:upper:]')
    grep -q "^#ifndef $guard$" "$file" || say "$file: its guard should be $guard"
done
exit $bad
