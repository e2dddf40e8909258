#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The owner of the spool started by a service manager: the local socket is handed to it and stays what it
# was. And the name sendmail, taken over and given back. limit: 60
. "$(dirname "$0")/lib.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/smail-activation.XXXXXX") || exit 1
chmod 755 "$work"
make_house "$work/house"
mkdir -p "$HOUSE/run" && chmod 755 "$HOUSE/run"

# What a service manager does: listen, and execute with the socket as descriptor 3.
SMAIL_CONFIG=$HOUSE/lib/config python3 - "$HOUSE/run/socket" "$HOUSE/bin/sendmail" >"$HOUSE/log/daemon" 2>&1 <<'EOF' &
import os
import socket
import sys
path, program = sys.argv[1:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
os.chmod(path, 0o666)
listener.listen(64)
if listener.fileno() != 3:
    os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(program, ["smail", "-q15m", "--foreground"])
EOF
DAEMON=$!
wait_for 10 test -S "$HOUSE/run/socket"
inode=$(stat -c %i "$HOUSE/run/socket")
printf 'Subject: activated\n\ntext\n' | run sendmail "$USER_NAME"
check "mail arrives over the socket that was handed over" \
    wait_for 20 grep -qs '^Subject: activated' "$HOUSE/mail/$USER_NAME"
check "the socket is the same" test "$inode" = "$(stat -c %i "$HOUSE/run/socket")"
check "nobody listens for SMTP" sh -c "! python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", $PORT))' 2>/dev/null"
stop
check "the socket is left to its owner when smail ends" test -S "$HOUSE/run/socket"

# --- taking over and giving back, in a tree of its own ---

takeover=${BUILD:-.}/contrib/smail-takeover
if [ -f "$takeover" ]; then
    tree=$work/tree
    mkdir -p "$tree/usr/sbin" "$tree/usr/lib" "$tree/usr/bin"
    echo other >"$tree/usr/sbin/sendmail"
    ln -s ../sbin/sendmail "$tree/usr/lib/sendmail"
    # What somebody else's name was before is what it is afterwards; links of our own
    # installation, where nobody had anything, may stay.
    take() { ROOT=$tree sh "$takeover" "$@" >/dev/null; }
    check "sendmail is taken over" take
    check "and leads to smail" sh -c "readlink '$tree/usr/sbin/sendmail' | grep -q '/smail\$'"
    check "the other mailer's is kept" grep -q other "$tree/usr/sbin/sendmail.before-smail"
    check "taking over twice does no harm" take
    check "and keeps the first" grep -q other "$tree/usr/sbin/sendmail.before-smail"
    check "it is given back" take --undo
    check "as it was" grep -q other "$tree/usr/sbin/sendmail"
    check "link for link" test "$(readlink "$tree/usr/lib/sendmail")" = ../sbin/sendmail
    check "nothing is left behind" sh -c "! find '$tree' -name '*.before-smail' | grep -q ."
else
    echo "skip smail-takeover: it is not built here"
fi
HOUSE=$work
finish
