#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The longer forms of the tests that stop things: every point of the simulated disk, half a minute
# of killing. limit: 3600
root=$(cd "$(dirname "$0")/../.." && pwd)
failures=0
SMAIL_LONG_TESTS=1 CK_TIMEOUT_MULTIPLIER=60 ./unit crash >"$TMPDIR/out" 2>&1 && echo "ok every point of the simulated disk" ||
    { cat "$TMPDIR/out"; echo "not ok every point of the simulated disk"; failures=1; }
KILL_SECONDS=30 "$root/tests/system/kill.py" || failures=1
exit $failures
