#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The order of the house: a folder includes only what stands before it; every file says its licence; the
# format is that of .clang-format.
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root" || exit 1
order='base mail config log net smtp spool resolve deliver queue role command'
drivers='base mail config log net smtp spool'
failures=0

verdict() { # name, complaints
    if [ -z "$2" ]; then
        echo "ok $1"
    else
        echo "not ok $1"
        printf '%s\n' "$2" | sed 's/^/# /'
        failures=$((failures + 1))
    fi
}

# Lines of a folder that include what may not be included there.
wrong_includes() { # directory, allowed folders
    allowed=$(printf '%s' "$2" | tr ' ' '|')
    grep -rnE --include='*.[ch]' '^#include "' "$1" |
        grep -vE "#include \"(($allowed)/[^\"]*|config.h)\"" |
        { [ "$1" = drivers ] && grep -vE '#include "drivers/' || cat; }
}

before=
for folder in $order; do
    before="${before:+$before }$folder"
    complaints=$(wrong_includes "src/$folder" "$before")
    case $folder in # these know drivers by their interface, drivers/driver.h
    resolve | deliver | queue | role | command)
        complaints=$(printf '%s' "$complaints" | grep -v '#include "drivers/') ;;
    esac
    verdict "src/$folder uses only what stands before it" "$complaints"
done
verdict "drivers use only what stands before resolve" "$(wrong_includes drivers "$drivers")"

verdict "every file in C begins with its licence" "$(
    find src drivers tests -name '*.[ch]' | sort | while read -r file; do
        [ "$(head -n 1 "$file")" = '/* SPDX-License-Identifier: GPL-3.0-or-later */' ] || echo "$file"
    done)"
verdict "every file in C ends its includes with banned.h" "$(
    find src drivers -name '*.c' | sort | while read -r file; do
        [ "$(grep '^#include "' "$file" | grep -v '/list.h"' | tail -n 1)" = '#include "base/banned.h"' ] || echo "$file"
    done)"
verdict "no file in C is longer than 700 lines" "$(
    find src drivers -name '*.[ch]' -exec wc -l {} + | awk '$2 != "total" && $1 > 700 { print $2 ": " $1 }')"

formatter=$(command -v clang-format-14 || command -v clang-format)
case $("$formatter" --version 2>/dev/null) in
*"version 14."*)
    verdict "the format is that of .clang-format" "$(
        find src drivers tests -name '*.[ch]' -print0 | sort -z |
            xargs -0 "$formatter" --dry-run 2>&1 | grep ' warning: ' | cut -d: -f1 | uniq -c)" ;;
*) echo "skip format: clang-format 14 is not installed" ;;
esac
exit $((failures > 0))
