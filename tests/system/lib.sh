# SPDX-License-Identifier: GPL-3.0-or-later
# A mail system of one's own for system tests, in a directory, on free loopback ports, as
# whoever runs the test (root included). To be read with ". lib.sh"; then:
#
#   SMAIL=path         the program (default: the first argument of the script, ./smail)
#   make_house DIR [CONFIG LINE ...]
#                      configuration, spool, mailboxes below DIR; sets HOUSE and PORT
#   start [FLAG ...]   run its daemon (default -bd); sets DAEMON; waits until it serves
#   stop               end it and wait for that
#   run NAME ARG ...   a name of the program (sendmail, mailq, ...) with this configuration
#   free_port          prints a port that nobody listens on
#   wait_for SECONDS COMMAND ...   until it succeeds
#   sink DIR [FLAG ...]            an SMTP server that keeps what it gets; sets SINK_PORT
#   ok NAME / not_ok NAME [WHY]    results; check NAME COMMAND ... is one or the other
#   finish             stop everything, remove the directory, exit
#
# Mail for local users goes to $HOUSE/mail/USER; all other mail to the sink, if one was
# started before the house was made. As an ordinary user only mail for oneself is
# delivered: $USER_NAME. With KEEP=1 the directory stays.

set -u
SYSTEM_TESTS=$(cd "$(dirname "$0")" && pwd)
SMAIL=${SMAIL:-${1:-./smail}}
[ -x "$SMAIL" ] || { echo "SKIP $(basename "$0"): there is no program $SMAIL"; exit 77; }
SMAIL=$(cd "$(dirname "$SMAIL")" && pwd)/$(basename "$SMAIL")
USER_NAME=$(id -un)
FAILURES=0
HOUSE= DAEMON= SINKS= SINK_PORT=

ok() { echo "ok $*"; }
not_ok() { echo "not ok $*"; FAILURES=$((FAILURES + 1)); }
check() {
    check_name=$1; shift
    if "$@"; then ok "$check_name"; else not_ok "$check_name"; fi
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

wait_for() {
    wait_turns=$(($1 * 20)); shift
    while [ $wait_turns -gt 0 ]; do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.05
        wait_turns=$((wait_turns - 1))
    done
    return 1
}

make_house() {
    HOUSE=$1; shift
    PORT=$(free_port)
    mkdir -p "$HOUSE/lib" "$HOUSE/mail" "$HOUSE/log" "$HOUSE/bin"
    chmod 755 "$HOUSE" "$HOUSE/lib" "$HOUSE/log" "$HOUSE/bin"
    chmod 1777 "$HOUSE/mail"
    {
        echo "smail_lib_dir = $HOUSE/lib"
        echo "spool_dirs = $HOUSE/spool"
        echo "run_dir = $HOUSE/run"
        echo "logfile = $HOUSE/log/logfile"
        echo "paniclog = $HOUSE/log/paniclog"
        echo "hostnames = house.test"
        echo "smtp_listen = \"127.0.0.1:$PORT\""
        [ -z "$SINK_PORT" ] || echo 'smart_path = "[127.0.0.1]"'
        for line; do echo "$line"; done
    } >"$HOUSE/lib/config"
    printf 'postmaster: %s\n' "$USER_NAME" >"$HOUSE/lib/aliases"
    "$SMAIL" -C "$HOUSE/lib/config" -bP DIRECTORS |
        sed -e "s|file = [^ ,]*aliases|file = $HOUSE/lib/aliases|" \
            -e "s|/var/mail/|$HOUSE/mail/|" >"$HOUSE/directors"
    "$SMAIL" -C "$HOUSE/lib/config" -bP TRANSPORTS | sed -e "s|/var/mail/|$HOUSE/mail/|" |
        awk -v port="${SINK_PORT:-smtp}" 'BEGIN { RS = ""; ORS = "\n\n" }
            /driver = (tcpsmtp|smtp)/ {
                if (!sub(/;/, "; service = " port ",")) $0 = $0 "; service = " port
            }
            { print }' >"$HOUSE/transports"
    mv "$HOUSE/directors" "$HOUSE/transports" "$HOUSE/lib"
    chmod 644 "$HOUSE"/lib/*
    for name in sendmail rmail rsmtp smtpd runq mailq newaliases hoststat purgestat smailctl; do
        ln -sf "$SMAIL" "$HOUSE/bin/$name"
    done
}

# The environment names the configuration, for names that refuse -C too.
run() {
    run_name=$1; shift
    SMAIL_CONFIG=$HOUSE/lib/config "$HOUSE/bin/$run_name" "$@"
}

start() {
    [ $# -gt 0 ] || set -- -bd
    SMAIL_CONFIG=$HOUSE/lib/config "$HOUSE/bin/sendmail" "$@" --foreground \
        >>"$HOUSE/log/daemon" 2>&1 &
    DAEMON=$!
    wait_for 20 run smailctl status || { echo "# the daemon does not answer"; cat "$HOUSE"/log/*; return 1; }
}

stop() {
    [ -n "$DAEMON" ] || return 0
    kill "$DAEMON" 2>/dev/null
    wait "$DAEMON" 2>/dev/null
    DAEMON=
}

sink() {
    sink_directory=$1; shift
    mkdir -p "$sink_directory"
    SINK=$sink_directory
    SINK_PORT=$(free_port)
    python3 "$SYSTEM_TESTS/sink.py" "$SINK_PORT" "$sink_directory" "$@" &
    SINKS="$SINKS $!"
    wait_for 10 test -e "$sink_directory/.ready"
}

finish() {
    stop
    for sink_pid in $SINKS; do kill "$sink_pid" 2>/dev/null; wait "$sink_pid" 2>/dev/null; done
    SINKS=
    if [ -n "${KEEP:-}" ]; then echo "# kept: $HOUSE"; elif [ -n "$HOUSE" ]; then rm -rf "$HOUSE" "${SINK:-$HOUSE}"; fi
    [ "$FAILURES" -eq 0 ] && exit 0
    echo "# $FAILURES failures"
    exit 1
}
trap 'FAILURES=1; finish' INT TERM HUP
