#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Every sample configuration has no mistake, and carries mail the way its site wants it.
# limit: 120
. "$(dirname "$0")/lib.sh"

samples=$(cd "$SYSTEM_TESTS/../../samples" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/smail-samples.XXXXXX") || exit 1
chmod 755 "$work"
sink "$work/sink" || not_ok "the sink starts"

# The sample's files in a house of their own: only places, ports and the smart host are others.
# What the house must have goes behind the sample's own words, and wins.
move_in() { # sample
    make_house "$work/$1"
    for file in directors routers transports; do rm -f "$HOUSE/lib/$file"; done
    mv "$HOUSE/lib/config" "$work/config"
    cp "$samples/$1"/* "$HOUSE/lib"
    sed -i -e '/^smart_path/d' -e '/^smtp_listen/d' -e '/^hostnames/d' "$HOUSE/lib/config"
    cat "$work/config" >>"$HOUSE/lib/config"
    sed -i "s|/etc/aliases|$HOUSE/lib/aliases|" "$HOUSE/lib/directors"
    sed -i -e "s|/var/mail/|$HOUSE/mail/|" -e "s|service = smtp|service = $SINK_PORT|" "$HOUSE/lib/transports"
    chmod 644 "$HOUSE"/lib/*
}

by_smtp() { # recipient, subject
    python3 - "$PORT" "$1" "$2" <<'EOF'
import smtplib
import sys
port, recipient, subject = sys.argv[1:]
with smtplib.SMTP("127.0.0.1", int(port)) as smtp:
    smtp.sendmail("a@b.example", [recipient], "Subject: %s\n\ntext\n" % subject)
EOF
}
by_sendmail() { # recipient, subject
    printf 'Subject: %s\n\ntext\n' "$2" | run sendmail "$1"
}
boxed() { wait_for 20 grep -qs "^Subject: $1\$" "$HOUSE/mail/$USER_NAME"; }
sunk() { wait_for 20 grep -rqs "^Subject: $1" "$work/sink"; }
returned() { wait_for 20 grep -qsi "^Subject: .*\(undelivered\|returned\|fail\)" "$HOUSE/mail/$USER_NAME"; }

configuration_is_fine() { # directory
    "$SMAIL" -bC -oL "$1" >"$work/check.out" 2>&1 || { sed 's/^/# /' "$work/check.out"; return 1; }
}

for directory in "$samples"/*/; do
    site=$(basename "$directory")
    # With the names that a reader is to replace, warnings are fine; errors are not.
    check "$site has no mistake" configuration_is_fine "$samples/$site"
    move_in "$site"
    start || { not_ok "$site starts"; continue; }
    by_sendmail "$USER_NAME" "$site-1"
    check "$site delivers sendmail's mail to a user" boxed "$site-1"
    by_smtp "postmaster@house.test" "$site-2"
    check "$site delivers mail that comes by SMTP" boxed "$site-2"
    case $site in
    laptop | lan-hub)
        by_sendmail "you@elsewhere.example" "$site-3"
        check "$site hands mail for others to the smart host" sunk "$site-3" ;;
    local-only)
        by_sendmail "you@elsewhere.example" "$site-3"
        check "$site returns mail for others" returned ;;
    esac
    stop
done
HOUSE=$work
finish
