#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The unit tests under valgrind: nothing is read that was never written. limit: 7200
command -v valgrind >/dev/null || { echo "skip valgrind: it is not installed"; exit 77; }
[ -x ./unit ] || { echo "skip valgrind: there is no program unit"; exit 77; }
if grep -q '^  \$ .*--enable-sanitizers' config.log; then
    echo "skip valgrind: a build with sanitizers does not run under it"
    exit 77
fi
CK_TIMEOUT_MULTIPLIER=40 valgrind --quiet --error-exitcode=99 --child-silent-after-fork=no ./unit "$@" >"$TMPDIR/out" 2>&1
result=$?
cat "$TMPDIR/out"
if grep -q '^==[0-9]*== [A-Z]' "$TMPDIR/out"; then
    echo "not ok valgrind has nothing to say"
    exit 1
fi
exit $result
