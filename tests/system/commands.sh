#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Every name of the program, from end to end, with a daemon and without one.
#
#   commands.sh [PROGRAM, default ./smail]
. "$(dirname "$0")/lib.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/smail-commands.XXXXXX") || exit 1
chmod 755 "$work"
mkdir "$work/tmp"
sink "$work.sink"
make_house "$work" "submit_wait = 2s" "more_hostnames = also.test" "retry_interval = 1h"

box=$work/mail/$USER_NAME
message() { printf 'Subject: %s\n\n%s\n' "$1" "${2:-text}"; }
# Is there mail with that subject in the mailbox, in the sink, in the queue?
in_box() { grep -qs "^Subject: $1\$" "$box"; }
in_sink() { grep -qs "^Subject: $1" "$SINK"/[0-9]*; }
has_recipient() { grep -qs "^RCPT <$1>" "$SINK"/[0-9]*; }
sunk() { grep -ls "^Subject: $1" "$SINK"/[0-9]* | head -1; }
boxed() { wait_for 10 in_box "$1"; }
sinks() { wait_for 10 in_sink "$1"; }
empty() { run mailq | grep -q "queue is empty"; }
settled() { wait_for 15 empty; }
exits() { # CODE COMMAND ...
    wanted=$1; shift
    "$@" >"$work/tmp/out" 2>"$work/tmp/err"
    got=$?
    [ "$got" -eq "$wanted" ] || { echo "# exit $got, not $wanted: $*"; sed 's/^/# /' "$work/tmp/err"; return 1; }
}
says() { # TEXT COMMAND ...
    wanted=$1; shift
    "$@" >"$work/tmp/out" 2>&1
    grep -q -e "$wanted" "$work/tmp/out" || { echo "# no \"$wanted\": $*"; sed 's/^/# /' "$work/tmp/out"; return 1; }
}

start || { not_ok "the daemon starts"; finish; }

# --- sendmail ---

message plain | run sendmail "$USER_NAME"
check "mail to a local user is delivered" boxed plain
message out | run sendmail -f "$USER_NAME" someone@far.test
check "mail to another host goes to the smart host" sinks out
printf 'From: me\nTo: a@far.test, b@far.test\nCc: c@far.test\nBcc: d@far.test\nSubject: header\n\nx\n' |
    run sendmail -t b@far.test
check "-t takes recipients from the header" sinks header
file=$(sunk header)
check "-t: addresses of the command line are exclusions" \
    test "$(grep -c '^RCPT' "$file")" = 3 -a "$(grep -c '^RCPT <b@' "$file")" = 0
check "-t removes Bcc" sh -c "! grep -qi '^bcc:' '$file'"
printf 'From: me\nTo: nobody@far.test\nResent-From: me\nResent-To: again@far.test\nSubject: resent\n\nx\n' |
    run sendmail -t
check "-t uses Resent- fields" sinks resent
check "-t: only those" sh -c "grep -q '^RCPT <again@far.test>' '$(sunk resent)' && ! grep -q '^RCPT <nobody' '$(sunk resent)'"
printf 'Subject: dots\n\none\n.\ntwo\n' | run sendmail one@far.test
printf 'Subject: nodots\n\none\n.\ntwo\n' | run sendmail -i one@far.test
sinks dots; sinks nodots
check "a lone dot ends a message" sh -c "! grep -q '^two' '$(sunk dots)'"
check "but not with -i" grep -q '^two' "$(sunk nodots)"
check "-odf waits for the delivery" sh -c \
    "printf 'Subject: foreground\n\nx\n' | SMAIL_CONFIG=$work/lib/config $work/bin/sendmail -odf fg@far.test && grep -qs '^Subject: foreground' $SINK/[0-9]*"
check "-v shows it" sh -c \
    "printf 'Subject: verbose\n\nx\n' | SMAIL_CONFIG=$work/lib/config $work/bin/sendmail -odf -v v@far.test | grep -q v@far.test"
message hop | exits 0 run sendmail -h 3 hop@far.test
check "no recipients is a usage error" exits 64 run sendmail </dev/null
check "an unknown flag is a usage error" exits 64 run sendmail -K x </dev/null
message bad >"$work/tmp/bad"
check "a bad address is a data error" sh -c \
    "SMAIL_CONFIG=$work/lib/config $work/bin/sendmail 'a@b@' <$work/tmp/bad 2>/dev/null; test \$? = 65"
check "an address with a line end never becomes a command" sh -c \
    "SMAIL_CONFIG=$work/lib/config $work/bin/sendmail 'a@b
RSET' <$work/tmp/bad 2>/dev/null; test \$? = 65"
message noset >"$work/tmp/noset"
check "works without new privileges" exits 0 env SMAIL_CONFIG="$work/lib/config" \
    setpriv --no-new-privs "$work/bin/sendmail" priv@far.test <"$work/tmp/noset"
check "unknown -o flags are ignored" exits 0 run sendmail -oFoo -oee o@far.test <"$work/tmp/noset"

# --- rmail ---

printf 'From a!b!user Sun Nov 22 01:49:13 2026 remote from relay\nSubject: uucp\n\nx\n.\ny\n' |
    run rmail far.test!someone
check "rmail takes a From_ line" sinks uucp
check "rmail: the dot is text" grep -q '^y' "$(sunk uucp)"
printf 'From user Sun Nov 22 01:49:13 2026 remote from back\nSubject: halfbad\n\nx\n' | run rmail good@far.test 'b@d@' 2>/dev/null
check "rmail: who can be reached is" sinks halfbad
check "rmail: a bad recipient is told to the sender" wait_for 10 has_recipient user@back
printf 'From user Sun Nov 22 01:49:13 2026 remote from allbad\nSubject: allbad\n\nx\n' >"$work/tmp/allbad"
check "rmail exits 0 when it told" exits 0 run rmail 'b@d@' <"$work/tmp/allbad"
check "rmail: all bad recipients are told" wait_for 10 has_recipient user@allbad
for flag in -bd -bi -bp -bt "-C x" -d -v -q "-oC x" -odb "-oD x" "-oL x"; do
    # shellcheck disable=SC2086
    exits 64 run rmail $flag someone </dev/null || not_ok "rmail refuses $flag"
done
ok "rmail refuses what a remote site must not choose"

# --- queue ---

message queued | run sendmail -odq q1@far.test
check "-odq only queues" says "q1@far.test" run mailq
id=$(run mailq | sed -n 's/^\(m[^	]*\)	.*/\1/p')
check "mailq shows id, sender, directory" says "^$id	From: $USER_NAME.*(in $work/spool/input)" run mailq
check "mailq shows the date and arguments" says "Args: -oem -oMP sendmail q1@far.test" run mailq "$id"
check "mailq takes an id without m" says "$id" run mailq "${id#m}"
check "mailq --json is JSON" sh -c \
    "SMAIL_CONFIG=$work/lib/config $work/bin/mailq --json | python3 -c 'import json,sys; [json.loads(l) for l in sys.stdin]'"
check "runq with an id delivers it" sh -c "SMAIL_CONFIG=$work/lib/config $work/bin/runq $id && grep -qs '^Subject: queued' $SINK/[0-9]*"
check "the queue is empty then" settled
message deferred | run sendmail -f "$USER_NAME" defer-me@far.test
check "what is deferred stays" wait_for 10 says "Xdefer.*not now" run mailq -v
id=$(run mailq | sed -n 's/^\(m[^	]*\)	.*/\1/p')
check "smailctl queue hold" says "1 message" run smailctl queue hold "$id"
check "a held message is shown as such" says "held" run mailq
check "smailctl queue list --held" says "$id" run smailctl queue list --held
check "smailctl queue release" says "1 message" run smailctl queue release --sender "$USER_NAME"
check "smailctl queue count" says "^1\$" run smailctl queue count
check "smailctl queue show" says "^Subject: deferred" run smailctl queue show "$id"
check "smailctl queue log" says "not now" run smailctl queue log "$id"
check "smailctl queue next" says "next attempt: " run smailctl queue next "$id"
check "smailctl queue run --wait" says "tried" run smailctl queue run --wait --recipient defer
check "smailctl queue list --older 1d shows nothing new" sh -c \
    "! SMAIL_CONFIG=$work/lib/config $work/bin/smailctl queue list --older 1d | grep -q $id"
check "what changes messages must name them" exits 64 run smailctl queue remove
check "smailctl queue bounce" says "1 message" run smailctl queue bounce "$id"
check "the sender is told" wait_for 10 grep -qs "returned by the operator" "$box"
check "and the queue is empty" settled
message removed | run sendmail -odq r1@far.test
check "smailctl queue remove" says "1 message" run smailctl queue remove --recipient r1@
check "leaves nothing" settled
check "hoststat knows the destination" says "127.0.0.1" run hoststat
check "purgestat forgets" exits 0 run purgestat
check "smailctl status" says "^messages  *0" run smailctl status
check "smailctl status --json" sh -c \
    "SMAIL_CONFIG=$work/lib/config $work/bin/smailctl status --json | python3 -m json.tool >/dev/null"

# --- refused ---

message refused | run sendmail -f "$USER_NAME" refuse-me@far.test
check "what is refused comes back" wait_for 10 grep -qs "nobody here by that name" "$box"

# --- SMTP on standard input and output ---

cat >"$work/tmp/inetd.py" <<'PYTHON'
import os, socket, subprocess, sys
program, port = sys.argv[1], int(sys.argv[2])
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
served, _ = listener.accept()
process = subprocess.Popen(["smtpd"], executable=program, stdin=served, stdout=served, stderr=served)
served.close()
file = client.makefile("rwb")
def command(text, wanted):
    if text:
        file.write(text.encode() + b"\r\n"); file.flush()
    while True:
        line = file.readline().decode()
        if line[3:4] != "-": break
    assert line.startswith(wanted), (text, line)
command("", "220")
command("XCTL status", "500")
command("EHLO client.test", "250")
command("MAIL FROM:<x@far.test> XFLAGS=t", "5")
command("MAIL FROM:<x@far.test>", "250")
command("RCPT TO:<%s@house.test>" % sys.argv[3], "250")
command("RCPT TO:<no-such-user@house.test>", "550")
command("DATA", "354")
command("Subject: inetd\r\n\r\n" + "x" * 70 + "\r\n" * 30000 + ".", "250")
command("NOOP", "250")
client.shutdown(socket.SHUT_WR)
assert file.read() == b"" or True
assert process.wait(20) == 0
PYTHON
check "smtpd under inetd takes mail from the network" env SMAIL_CONFIG="$work/lib/config" \
    python3 "$work/tmp/inetd.py" "$work/bin/smtpd" "$PORT" "$USER_NAME"
check "and it arrives, with the client's address" boxed inetd
check "with its address" grep -q "\[127.0.0.1\]" "$box"
if command -v inetd >/dev/null && [ "$(id -u)" = 0 ]; then
    port=$(free_port)
    echo "127.0.0.1:$port stream tcp nowait root $work/bin/smtpd smtpd -C $work/lib/config" >"$work/tmp/inetd.conf"
    inetd -i "$work/tmp/inetd.conf" &
    inetd=$!
    cat >"$work/tmp/client.py" <<PYTHON
import smtplib
with smtplib.SMTP("127.0.0.1", $port) as server:
    server.sendmail("$USER_NAME@house.test", ["real@far.test"], "Subject: realinetd\n\nx\n")
PYTHON
    check "a real inetd starts smtpd" wait_for 10 python3 "$work/tmp/client.py"
    check "and mail goes through it" sinks realinetd
    kill $inetd; wait $inetd 2>/dev/null
else
    echo "skip a real inetd starts smtpd: needs inetd and root"
fi
printf 'EHLO x\r\nMAIL FROM:<%s>\r\nRCPT TO:<pipe@far.test>\r\nDATA\r\nSubject: pipe\r\n\r\nx\r\n.\r\nQUIT\r\n' "$USER_NAME" |
    run sendmail -bs >"$work/tmp/out"
check "-bs on a pipe" grep -q '^221' "$work/tmp/out"
check "-bs on a pipe delivers" sinks pipe

# --- batches ---

batch() {
    printf 'HELO uu.test\nMAIL FROM:<one@uu.test>\nRCPT TO:<b1@far.test>\nDATA\nSubject: batch1\n\n..dot\n.\n'
    printf 'MAIL FROM:<two@uu.test>\r\nRCPT TO:<b2@far.test>\r\nRCPT TO:<a@b@c@>\r\nDATA\r\nSubject: batch2\r\n\r\nx\r\n.\r\nQUIT\r\n'
    printf 'HELO uu2.test\nVRFY you\nRSET\nFOO bar\nMAIL FROM:<>\nRCPT TO:<b3@far.test>\nDATA\nSubject: batch3\n\nx\n.\nQUIT\n'
}
check "rsmtp takes a batch" sh -c "exit $(batch | run rsmtp; echo $?)"
check "first of a batch" sinks batch1
check "dots are undone" grep -q '^\.dot' "$(sunk batch1)"
check "second, with CRLF" sinks batch2
check "third, of another batch" sinks batch3
check "a bad address is told to the sender" wait_for 10 has_recipient two@uu.test
check "an unknown command to the postmaster" wait_for 10 grep -qs 'FOO bar' "$box"
printf 'HELO u\nMAIL FROM:<cut@uu.test>\nRCPT TO:<cut-off@far.test>\nDATA\nSubject: cut\n\nx\n' | run rsmtp
check "a text that was cut is told, not delivered" wait_for 10 has_recipient cut@uu.test
has_recipient cut-off@far.test && not_ok "it was delivered all the same"

# --- the configuration ---

check "-bP prints a value" says '^house.test$' run sendmail -bP primary_name
check "-v -bP prints name=value" says '^primary_name *= *house.test$' run sendmail -v -bP primary_name
check "-bP of an unknown name fails" exits 64 run sendmail -bP no_such_name
check "-bP --json" sh -c \
    "SMAIL_CONFIG=$work/lib/config $work/bin/sendmail -bP --json ALL hostnames | python3 -m json.tool >/dev/null"
check "--mdoc prints tables" says '^.It Ic hostnames' run sendmail -bP --mdoc config
for table in directors routers transports; do
    exits 0 run sendmail -bP --mdoc $table || not_ok "--mdoc $table"
done
check "-bV" says "^Smail 4" run sendmail -bV
check "-bV lists drivers" says "^transports:.*appendfile" run sendmail -bV
check "smailctl check" exits 0 run smailctl check
check "smailctl check --json" sh -c \
    "SMAIL_CONFIG=$work/lib/config $work/bin/smailctl check --json | python3 -m json.tool >/dev/null"
printf 'hostnames = x.test\nno_such = 1\nmax_hop_count = many\n' >"$work/tmp/broken"
check "mistakes have file and line" says "$work/tmp/broken:2: " run sendmail -C "$work/tmp/broken" -bC
check "all of them" says "$work/tmp/broken:3: " run sendmail -C "$work/tmp/broken" -bC
check "exit 78" exits 78 run sendmail -C "$work/tmp/broken" -bC

# --- addresses ---

check "-bv of a user" says "^$USER_NAME ... deliverable" run sendmail -bv "$USER_NAME"
check "-bv of nobody" exits 67 run sendmail -bv no-such-user
check "-bv of another host" says "^x@far.test at .*127.0.0.1.* ... deliverable" run sendmail -bv x@far.test
check "-bt of another host" sh -c \
    "echo x@far.test | SMAIL_CONFIG=$work/lib/config $work/bin/sendmail -bt | grep -q '^transport: smtp'"
check "-bt of a local one" sh -c \
    "echo $USER_NAME | SMAIL_CONFIG=$work/lib/config $work/bin/sendmail -bt | grep -q '^transport: local'"
check "explain names the file and line" says "$work/lib/aliases:1" run smailctl explain postmaster
check "explain --json" sh -c \
    "SMAIL_CONFIG=$work/lib/config $work/bin/smailctl explain --json --from a@b.test x@far.test postmaster | python3 -m json.tool >/dev/null"
check "smailctl --help" says "smailctl queue list" run smailctl --help
check "smailctl queue --help" says "smailctl queue hold" run smailctl queue --help
check "an unknown subcommand" exits 64 run smailctl frobnicate
check "sendmail --help" says "usage: sendmail" run sendmail --help

# --- aliases ---

check "newaliases counts a text" says "1 aliases" run newaliases
printf 'friend: f1@far.test, f2@far.test\nFriend: other\n' >>"$work/lib/aliases"
sed -i 's/proto = lsearch/proto = gdbm/' "$work/lib/directors"
check "check warns of a missing database" says "run newaliases" run smailctl check
check "newaliases builds a database" says "2 aliases" run newaliases
check "which answers" says "f1@far.test at " run sendmail -bv friend
touch -d '+5 seconds' "$work/lib/aliases"
check "check warns when the text is newer" says "is newer than" run smailctl check
sed -i 's/proto = gdbm/proto = lsearch/' "$work/lib/directors"

# --- without a daemon ---

stop
message transient >"$work/tmp/transient"
check "no daemon: the command owns the spool for a moment" exits 0 run sendmail t1@far.test <"$work/tmp/transient"
check "and delivers" sinks transient
message later | run sendmail -odq t2@far.test
check "no daemon: what is queued stays" says t2@far.test run mailq
message alone >"$work/tmp/alone"
check "no daemon: -odf delivers before it returns" exits 0 run sendmail -odf fa@far.test <"$work/tmp/alone"
check "it did" in_sink alone
check "-oep -odf: a refusal is the exit code" exits 69 run sendmail -odf -oep refuse@far.test <"$work/tmp/alone"
check "and its words are printed" grep -q "nobody here" "$work/tmp/err"
check "-oep -odf: who must wait is not refused" exits 0 run sendmail -odf -oep defer@far.test <"$work/tmp/alone"
check "smailctl queue remove without a daemon" says "1 message" run smailctl queue remove --recipient defer@
check "runq becomes the owner for one run" exits 0 run runq
check "and delivers" sinks later
check "two at once do no harm" sh -c "
    printf 'Subject: twice\n\nx\n' | SMAIL_CONFIG=$work/lib/config $work/bin/sendmail -odq tw@far.test
    SMAIL_CONFIG=$work/lib/config $work/bin/runq & one=\$!
    SMAIL_CONFIG=$work/lib/config $work/bin/runq; wait \$one"
sinks twice; sleep 0.5
check "and deliver once" test "$(grep -ls '^Subject: twice' "$SINK"/[0-9]* | wc -l)" = 1

# --- a broken configuration ---

cp "$work/lib/config" "$work/tmp/config"
echo 'no_such_variable = 1' >>"$work/lib/config"
if start; then
    message kept | run sendmail kept@far.test
    check "broken configuration: submissions are kept" says kept@far.test run mailq
    check "mailq shouts" says "THE CONFIGURATION HAS 1 ERROR" run mailq
    check "smailctl status shouts" says "THE CONFIGURATION HAS ERRORS" run smailctl status
    cat >"$work/tmp/broken.py" <<PYTHON
import smtplib, sys
with smtplib.SMTP("127.0.0.1", $PORT) as server:
    server.ehlo()
    code, text = server.mail("a@b.test")
    print(code, text.decode())
    code, text = server.rcpt("$USER_NAME@house.test")
    print(code, text.decode())
PYTHON
    check "clients are put off" says "^451 4.3.5" python3 "$work/tmp/broken.py"
    cp "$work/tmp/config" "$work/lib/config"
    kill -HUP "$DAEMON"
    check "once it is repaired and read again, mail goes on" sinks kept
    check "and clients are served" wait_for 10 says "^250" python3 "$work/tmp/broken.py"
    echo 'no_such_variable = 1' >>"$work/lib/config"
    kill -HUP "$DAEMON"
    check "a reload with mistakes keeps the old configuration" wait_for 10 grep -q "the old one stays" "$work/log/paniclog"
    message still | run sendmail still@far.test
    check "with which mail goes on" sinks still
    stop
else
    not_ok "a daemon starts with a broken configuration"
fi
cp "$work/tmp/config" "$work/lib/config"

# --- a daemon in the background ---

# Whoever waits for the end of its output is not kept waiting.
run sendmail -bd 2>&1 | cat
check "-bd goes into the background when it serves" exits 0 run smailctl status
check "a second one is refused" exits 75 run sendmail -bd
message background | run sendmail bg@far.test
check "and it delivers" sinks background
kill "$(cat "$work/run/owner.lock")"
gone() { ! run smailctl status >/dev/null 2>&1; }
check "owner.lock says whom to end" wait_for 10 gone

# --- nobody who takes it ---

message refugee >"$work/tmp/refugee"
as_nobody() { # run as one who may not open the spool
    if [ "$(id -u)" = 0 ]; then setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; else "$@"; fi
}
chmod 500 "$work/spool"
mkdir "$work/home"; chmod 777 "$work/home"
chmod 700 "$work/run" 2>/dev/null
cp "$work/tmp/refugee" "$work/home/text"
check "no owner and no right: exit 75" exits 75 as_nobody env HOME="$work/home" \
    SMAIL_CONFIG="$work/lib/config" "$work/bin/sendmail" -f me@here.test lost@far.test <"$work/home/text"
check "and the text is in dead.letter" grep -qs '^Subject: refugee' "$work/home/dead.letter"
check "with its recipient" grep -qs '^X-Recipient: lost@far.test' "$work/home/dead.letter"
rm -f "$work/home/dead.letter"
check "rmail: exit 75" exits 75 as_nobody env HOME="$work/home" \
    SMAIL_CONFIG="$work/lib/config" "$work/bin/rmail" lost@far.test <"$work/home/text"
check "and no dead.letter" test ! -e "$work/home/dead.letter"
batch >"$work/home/batch"
check "rsmtp: exit 75" exits 75 as_nobody env HOME="$work/home" \
    SMAIL_CONFIG="$work/lib/config" "$work/bin/rsmtp" <"$work/home/batch"
check "mailq: exit 75" exits 75 as_nobody env SMAIL_CONFIG="$work/lib/config" "$work/bin/mailq"
check "smtpd: 421" says '^421 4.3.2' as_nobody env SMAIL_CONFIG="$work/lib/config" \
    "$work/bin/smtpd" </dev/null
chmod 700 "$work/spool"

finish
