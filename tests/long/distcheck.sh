#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The archive for distribution builds in a directory of its own, installs, uninstalls, leaves nothing.
# limit: 3600
make distcheck CHECKS='unit scenario fuzz' >"$TMPDIR/out" 2>&1 && { echo "ok make distcheck"; exit; }
tail -n 60 "$TMPDIR/out"
echo "not ok make distcheck"
exit 1
