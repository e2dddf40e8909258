#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# clang has no warnings, and what it makes passes the unit tests. limit: 3600
root=$(cd "$(dirname "$0")/../.." && pwd)
command -v clang >/dev/null || { echo "skip clang: it is not installed"; exit 77; }
mkdir -p clang && cd clang || exit 1
"$root/configure" --quiet --enable-werror CC=clang || { echo "not ok clang configures"; exit 1; }
{ make -s -j "$(nproc)" all && make -s -j "$(nproc)" unit scenario; } >make.out 2>&1 || { tail -n 30 make.out; echo "not ok clang has no warnings"; exit 1; }
echo "ok clang has no warnings"
BUILD=$PWD SMAIL=$PWD/smail SUMMARY='' "$root/tests/run" . unit scenario >run.out
result=$?
tail -n 30 run.out | grep -v ' passed, .* failed$'
[ $result = 0 ] && echo "ok unit tests made by clang" || { echo "not ok unit tests made by clang"; exit 1; }
