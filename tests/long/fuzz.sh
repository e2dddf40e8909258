#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Each parser for a minute with libFuzzer (FUZZ_SECONDS), on from its corpus. limit: 7200
root=$(cd "$(dirname "$0")/../.." && pwd)
command -v clang >/dev/null || { echo "skip fuzzing: clang is not installed"; exit 77; }
mkdir -p fuzzing && cd fuzzing || exit 1
"$root/configure" --quiet CC=clang CFLAGS="-g -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined" \
    LDFLAGS="-fsanitize=address,undefined" || { echo "not ok fuzzing configures"; exit 1; }
make -s -j "$(nproc)" libsmail.a >make.out 2>&1 || { tail -n 30 make.out; echo "not ok fuzzing builds"; exit 1; }
failures=0
for source in "$root"/tests/fuzz/*.c; do
    name=$(basename "$source" .c)
    [ "$name" != replay ] || continue
    # shellcheck disable=SC2046
    clang -std=gnu17 -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -include config.h -I. -I"$root/src" -I"$root" \
        "$source" libsmail.a $(pkg-config --libs libidn2 libevent_core libseccomp 2>/dev/null) -lgdbm -o "$name" >"$name.out" 2>&1 ||
        { tail -n 5 "$name.out"; echo "not ok $name is built"; failures=$((failures + 1)); continue; }
    mkdir -p "found/$name"
    if ./"$name" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=20 -rss_limit_mb=2048 -artifact_prefix="found/$name-" \
        "found/$name" "$root/tests/fuzz/corpus/$name" >"$name.out" 2>&1; then
        echo "ok $name: $(grep -a '^Done\|^#.*DONE' "$name.out" | tail -n 1)"
    else
        tail -n 40 "$name.out"
        echo "not ok $name"
        failures=$((failures + 1))
    fi
done
exit $((failures > 0))
