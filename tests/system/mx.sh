#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Mail to domains by their mail exchangers: the whole program with a real name server and
# a server to send to, all on loopback. limit: 180
#
#   mx.sh [PROGRAM, default ./smail]
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/name_server.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/smail-mx.XXXXXX") || exit 1
chmod 755 "$work"
mkdir "$work/dns"
cat >"$work/dns/test.zone" <<'ZONE'
$ORIGIN test.
$TTL 60
@           SOA     ns.test. hostmaster.test. 1 3600 600 86400 60
@           NS      ns
ns          A       127.0.0.1
host        A       127.0.0.1
one         MX      10 host
; nobody listens on .9
backup      MX      10 dead
backup      MX      20 host
dead        A       127.0.0.9
bare        A       127.0.0.1
alias       CNAME   one
null        MX      0 .
ours        MX      10 house
ours        MX      20 host
second      MX      10 host
second      MX      20 house
house       A       127.0.0.1
empty       TXT     "no mail"
*.wild      MX      10 host
ZONE
name_server "$work/dns" test || { echo "SKIP mx.sh: there is no name server"; rm -rf "$work"; exit 77; }
SINKS=$NS_PID
sink "$work.sink"
make_house "$work" "-smart_path" "name_servers = \"127.0.0.1@$NS_PORT\"" "name_timeout = 3s" \
    "retry_interval = 1h"
in_sink() { grep -qs "^Subject: $1" "$SINK"/[0-9]*; }
in_box() { grep -qs "$1" "$work/mail/$USER_NAME"; }
logged() { grep -qs -e "$1" "$work/log/logfile"; }
send() { printf 'Subject: %s\n\ntext\n' "$1" | run sendmail -f "$USER_NAME" "$2"; }
arrives() { send "$1" "$2" && wait_for 15 in_sink "$1"; }
bounces() { send "$1" "$2" && wait_for 15 in_box "$3"; }
waits() { send "$1" "$2" && wait_for 15 logged "$3"; }

start || { not_ok "the daemon starts"; finish; }

check "mail goes to the exchanger of a domain" arrives one a@one.test
check "the next exchanger takes it when the best is dead" arrives backup a@backup.test
check "a domain without MX is its own exchanger" arrives bare a@bare.test
check "a domain that is an alias has the exchangers of the other" arrives alias a@alias.test
check "exchangers better than us are used" arrives second a@second.test
check "a wildcard is an answer as any other" arrives wild a@b.wild.test
check "a host's name is taken in any case" arrives case a@ONE.Test
send own "$USER_NAME@[127.0.0.1]"
check "our own address in brackets is local" wait_for 15 in_box "^Subject: own"
check "null MX bounces with 5.1.10" bounces null a@null.test '5\.1\.10'
check "the best exchanger being this host is an error" bounces ours a@ours.test 'exchanger of ours\.test is this host'
check "an unknown domain bounces" bounces gone a@gone.test 'gone\.test'
check "a domain with neither MX nor address bounces" bounces empty a@empty.test 'empty\.test'
check "a domain that nobody answers for waits" waits lost a@lost.example 'lost\.example.*ERR_16'
check "only that mail is left" wait_for 10 sh -c "[ \$(SMAIL_CONFIG=$work/lib/config $work/bin/mailq | grep -c '@lost.example') -ge 1 ]"

# The name server goes away: what was known stays known, the rest waits.
kill $NS_PID; wait $NS_PID 2>/dev/null
check "exchangers are remembered for their time" arrives again a@one.test
check "without a name server other mail waits" waits away a@away.test 'away\.test.*ERR_16'
finish
