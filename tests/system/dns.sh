#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Names through libunbound: against a real name server (nsd or knotd) on a loopback port,
# and against one that answers badly on purpose. Both are started and ended here.
#
# limit: 120
#
#   dns.sh [DIRECTORY with dns_ask and dns.so, default: the current one]
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-.}" && pwd)
skip() { echo "SKIP dns: $*"; exit 77; }

[ -x "$build/dns_ask" ] && [ -r "$build/dns.so" ] || skip "built without libunbound"
. "$here/name_server.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/smail-dns.XXXXXX") || exit 1
pids=
finish() {
    for pid in $pids; do kill "$pid" 2>/dev/null; done
    for pid in $pids; do wait "$pid" 2>/dev/null; done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

# --- a zone with everything in it ---

cat >"$work/example.zone" <<'ZONE'
$ORIGIN example.
$TTL 60
@       SOA     ns.example. hostmaster.example. 1 3600 600 86400 60
@       NS      ns
ns      A       127.0.0.1
a       MX      20 mx2.a
a       MX      10 MX1.A
mx1.a   A       192.0.2.1
mx1.a   AAAA    2001:db8::1
mx2.a   A       192.0.2.2
bare    A       192.0.2.3
empty   TXT     "nothing else"
null    MX      0 .
alias   CNAME   alias2
alias2  CNAME   a
bareal  CNAME   bare
dangle  CNAME   nowhere
loop    CNAME   pool
pool    CNAME   loop
*.wild  A       192.0.2.77
z3456789012345678901234567890123456789012345678901234567890123.z3456789012345678901234567890123456789012345678901234567890123.z3456789012345678901234567890123456789012345678901234567890123.z34567890123456789012345678901234567890123456789012345 A 192.0.2.253
ZONE
i=0
while [ $i -lt 300 ]; do
    echo "many MX $i m$i"
    echo "fat A 10.0.$((i / 250)).$((i % 250 + 1))"
    i=$((i + 1))
done >>"$work/example.zone"
cat >"$work/test.zone" <<'ZONE'
$ORIGIN test.
$TTL 60
@       SOA     ns.test. hostmaster.test. 1 3600 600 86400 60
@       NS      ns
ns      A       127.0.0.1
site    MX      5 mx.site
mx.site A       127.0.0.2
ZONE
cat >"$work/2.0.192.in-addr.arpa.zone" <<'ZONE'
$ORIGIN 2.0.192.in-addr.arpa.
$TTL 60
@       SOA     ns.example. hostmaster.example. 1 3600 600 86400 60
@       NS      ns.example.
1       PTR     mx1.a.example.
2       PTR     bare.example.
ZONE

# ask TIMEOUT SERVER... <questions: "dns_ask's answers"
ask() { timeout 60 "$build/dns_ask" "$build" "$@"; }

name_server "$work" example test 2.0.192.in-addr.arpa || skip "there is no name server"
port=$NS_PORT
pids=$NS_PID
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ "$(echo "host bare.example" | ask 500 127.0.0.1@$port)" = "found: 192.0.2.3" ] && break
    sleep 0.2
done

failed=0 passed=0
expect() { # what, question, answer, server
    got=$(echo "$2" | ask "${5:-5000}" "${4:-127.0.0.1@$port}" 2>&1)
    if [ "$got" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL dns: %s\n  %s\n  expected: %s\n  got:      %s\n' "$1" "$2" "$3" "$got"
    fi
}

expect "exchangers in order, lower case" "mail a.example" "found: 10 mx1.a.example 20 mx2.a.example"
expect "upper case in the question" "mail A.EXAMPLE" "found: 10 mx1.a.example 20 mx2.a.example"
expect "behind two aliases" "mail alias.example" "found: 10 mx1.a.example 20 mx2.a.example"
expect "no MX: the host itself" "mail bare.example" "found: 0 bare.example"
expect "no MX behind an alias" "mail bareal.example" "found: 0 bareal.example"
expect "no MX and no address" "mail empty.example" "no name: ERR_178 5.1.2"
expect "no such name" "mail nowhere.example" "no name: ERR_178 5.1.2"
expect "alias to nothing" "mail dangle.example" "no name: ERR_178 5.1.2"
expect "null MX" "mail null.example" "no data: ERR_168 5.1.10"
expect "aliases in a circle" "mail loop.example" "failure: ERR_164 4.4.3"
expect "a zone named test" "mail site.test" "found: 5 mx.site.test"
expect "names that cannot exist" "mail a..example" "no name: ERR_178 5.1.2"
expect "... nor this" "mail a b.example" "no name: ERR_178 5.1.2"
expect "both families, IPv6 first" "host mx1.a.example" "found: 2001:db8::1 192.0.2.1"
long=z3456789012345678901234567890123456789012345678901234567890123
expect "a name of 253 characters" \
    "host $long.$long.$long.z34567890123456789012345678901234567890123456789012345.example" \
    "found: 192.0.2.253"
expect "a zone not served" "mail elsewhere.org" "failure: ERR_164 4.4.3"
expect "confirmed name" "name 192.0.2.1" "found: mx1.a.example"
expect "name that leads elsewhere" "name 192.0.2.2" "no name: "
expect "address without name" "name 192.0.2.3" "no name: "
expect "500 at once" "flood 500 wild.example" "500 asked, 0 refused, 500 found"
expect "no more than the limit" "flood 5000 wild.example" "4095 asked, 905 refused, 4095 found" \
    "127.0.0.1@$port" 30000
expect "library's process killed" "orphan" "dead"
expect "nobody listens" "mail a.example" "failure: ERR_164 4.4.3" 127.0.0.1@1 2000
expect "server that is none" "mail a.example" \
    'libunbound: not-an-address: syntax error' not-an-address

# Answers too long for one datagram come by TCP.
expect "cut to twenty exchangers" "mail many.example" \
    "found:$(i=0; while [ $i -lt 20 ]; do printf ' %d m%d.example' $i $i; i=$((i + 1)); done)"
count=$(echo "host fat.example" | ask 5000 127.0.0.1@$port | tr ' ' '\n' | grep -c '^10\.')
[ "$count" = 64 ] && passed=$((passed + 1)) || { failed=$((failed + 1)); echo "FAIL dns: $count of 64 addresses"; }

# --- a server that answers badly ---

if command -v python3 >/dev/null; then
    python3 "$here/dns_evil.py" "$work/evil.port" &
    pids="$pids $!"
    for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s "$work/evil.port" ] && break; sleep 0.2; done
    evil=127.0.0.1@$(cat "$work/evil.port")
    expect "SERVFAIL" "mail servfail.evil.example" "failure: ERR_164 4.4.3" "$evil" 3000
    expect "REFUSED" "mail refused.evil.example" "failure: ERR_164 4.4.3" "$evil" 3000
    expect "silence" "mail silence.evil.example" "failure: ERR_164 4.4.3" "$evil" 1500
    expect "wrong id only" "mail wrongid.evil.example" "failure: ERR_164 4.4.3" "$evil" 1500
    expect "forged first, true later" "mail race.evil.example" "found: 10 true.example" "$evil" 5000
    for octets in 0 1 2; do
        got=$(echo "mail mx$octets.evil.example" | ask 1500 "$evil")
        case $got in
        failure:*" 4.4.3") passed=$((passed + 1)) ;;
        *) failed=$((failed + 1)); echo "FAIL dns: MX of $octets octets: $got" ;;
        esac
    done
    expect "dot inside a label" "mail dotted.evil.example" "failure: ERR_165 4.4.3" "$evil" 3000
    expect "one good among bad ones" "mail mixed.evil.example" "found: 10 good.example" "$evil" 3000
    expect "truncated for ever" "mail truncated.evil.example" "failure: ERR_164 4.4.3" "$evil" 1500
else
    echo "SKIP dns: python3 is not installed, the evil server is left out"
fi

echo "dns ($NS_KIND): $passed passed, $failed failed"
[ $failed = 0 ]
