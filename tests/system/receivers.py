#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail received by programs that people use: Postfix's smtp-sink in good and in bad moods,
Dovecot on mbox and Maildir, procmail and maildrop behind a pipe, and commands that end with
each status of sysexits.h. What is not installed is skipped. limit: 280"""
import imaplib
import os
import pwd
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import threading

from house import House, Results, USERS, free_port, runs_as_root, wait_until

results = Results()
user = USERS[0]
account = pwd.getpwnam(user) if runs_as_root() else pwd.getpwuid(os.geteuid())
if os.environ.get("HOUSE_USER"):
    account = pwd.getpwnam(os.environ["HOUSE_USER"])


def send(house, recipient, marker, sender=user + "@test.example", body=""):
    with smtplib.SMTP("127.0.0.1", house.port, "receivers.test", timeout=20) as client:
        client.sendmail(sender, [recipient],
                        ("From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\n\r\nmarker %s\r\n%s" %
                         (sender, recipient, marker, marker, body)).encode())


# --- Postfix's smtp-sink ---

class PostfixSink:
    def __init__(self, directory, port):
        self.directory, self.port, self.process = directory, port, None
        self.number = 0
        os.mkdir(directory)
        os.chmod(directory, 0o777)

    def start(self, *flags):
        self.number += 1
        flags = list(flags)
        if os.geteuid() == 0:
            flags += ["-u", "nobody"]
        self.process = subprocess.Popen(
            ["smtp-sink", "-d", os.path.join(self.directory, "%M%S."), *flags,
             "127.0.0.1:%d" % self.port, "100"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        wait_until(self.listens, 5)

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()

    def count(self, marker):
        """How often it was given a message to the end."""
        found = 0
        for name in os.listdir(self.directory):
            with open(os.path.join(self.directory, name), "rb") as file:
                found += b"marker %s\n" % marker.encode() in file.read().replace(b"\r", b"")
        return found


# What each mood must lead to: at once and after the mood has passed.
FAILED, DEFERRED, DELIVERED = "failed", "deferred", "delivered"
MOODS = [
    ([], DELIVERED), (["-e"], DELIVERED), (["-8"], DELIVERED), (["-p"], DELIVERED),
    (["-E"], DELIVERED), (["-N"], DELIVERED), (["-P"], DELIVERED), (["-w", "1"], DELIVERED),
    (["-f", "EHLO"], DELIVERED), (["-f", "MAIL"], FAILED), (["-f", "RCPT"], FAILED),
    (["-f", "DATA"], FAILED), (["-f", "."], FAILED), (["-f", "QUIT"], DELIVERED),
    (["-r", "CONNECT"], DEFERRED), (["-r", "EHLO"], DEFERRED), (["-r", "MAIL"], DEFERRED),
    (["-r", "RCPT"], DEFERRED), (["-r", "DATA"], DEFERRED), (["-r", "."], DEFERRED),
    (["-q", "CONNECT"], DEFERRED), (["-q", "EHLO"], DELIVERED), (["-q", "MAIL"], DEFERRED),
    (["-q", "RCPT"], DEFERRED), (["-q", "DATA"], DEFERRED), (["-q", "."], DEFERRED),
    (["-q", "QUIT"], DELIVERED), (["-Q", "CONNECT"], DEFERRED), (["-Q", "MAIL"], DEFERRED),
    (["-Q", "DATA"], DEFERRED), (["-Q", "."], DEFERRED), (["-Q", "QUIT"], DELIVERED),
    (["-A", "0"], FAILED),
]


def outcome(house, marker, word):
    """Is that outcome in the log for the message with this marker?"""
    text = house.logfile()
    ids = set(re.findall(r"\[(\S+)\] .*%s" % word, text))
    return any(word in line and "far-%s@" % marker in line for line in text.splitlines()
               if any("[%s]" % one in line for one in ids))


def mood_marker(flags):
    return "mood%d" % [row[0] for row in MOODS].index(flags)


def in_mood(house, sink, flags, want):
    marker = mood_marker(flags)
    title = "smtp-sink %s: %s" % (" ".join(flags) or "as it is", want)
    sink.start(*flags)
    send(house, "far-%s@far.example" % marker, marker)
    good = wait_until(lambda: outcome(house, marker, want), 15)
    sink.stop()
    if not results.check(title, good, house.told()):
        return
    if want != DEFERRED:
        return
    sink.start()
    house.run("runq", timeout=60)
    results.check(title + ", delivered later",
                  wait_until(lambda: outcome(house, marker, DELIVERED), 15), house.told())
    sink.stop()


def postfix_sink():
    if not shutil.which("smtp-sink"):
        results.skip("smtp-sink", "it is not installed")
        return
    port = free_port()
    house = House(sink_port=port, variables={"retry_interval": "1", "retry_interval_max": "1",
                                             "worker_idle": "1"})
    sink = PostfixSink(house.path("sink"), port)
    house.start()
    for flags, want in MOODS:
        in_mood(house, sink, flags, want)
    results.check("smtp-sink: the queue is empty in the end",
                  wait_until(house.queue_is_empty, 10), house.told())
    took = {" ".join(flags): sink.count(mood_marker(flags))
            for flags, want in MOODS if want == DELIVERED}
    results.check("smtp-sink: each message was delivered once",
                  all(count == 1 for count in took.values()), took)
    refused = sorted("far-%s@far.example" % mood_marker(flags)
                     for flags, want in MOODS if want == FAILED)
    house.wait_for_mail(user, len(refused))
    bounced = sorted(re.findall(r"^Final-Recipient: rfc822; ?(\S+)",
                                house.box_bytes(user).decode("latin-1"), re.M))
    results.check("smtp-sink: each refused message bounced, once", bounced == refused,
                  (bounced, refused))
    house.end()


# --- Dovecot ---

def dovecot_session(house, location):
    """IMAP in a process of the mailbox's owner, as Dovecot would start it after a login."""
    conf = house.path("dovecot.conf")
    with open(conf, "w") as file:
        file.write("mail_location = %s\nmail_uid = %d\nmail_gid = %d\nfirst_valid_uid = 0\n"
                   "default_login_user = nobody\ndefault_internal_user = daemon\n"
                   "default_internal_group = daemon\nssl = no\nmail_access_groups =\n"
                   "base_dir = %s/run\nstats_writer_socket_path =\n"
                   "mbox_read_locks = fcntl\nmbox_write_locks = dotlock fcntl\n"
                   % (location, account.pw_uid, account.pw_gid, house.directory))
    become = ("exec setpriv --reuid %d --regid %d --clear-groups " %
              (account.pw_uid, account.pw_gid) if os.geteuid() == 0 else "exec ")
    client = imaplib.IMAP4_stream(
        "%senv USER=%s HOME=%s doveconf -c %s -e %s 2>/dev/null" %
        (become, account.pw_name, house.directory, conf, shutil.which("imap")))
    client.state = "AUTH"  # PREAUTH
    return client


def fetch_all(client):
    """{marker: whole message} of the inbox."""
    client.select("INBOX")
    found = {}
    kind, data = client.search(None, "ALL")
    for number in data[0].split():
        text = client.fetch(number, "(BODY.PEEK[])")[1][0][1]
        match = re.search(rb"^marker (\S+)\r$", text, re.M)
        found[match.group(1).decode() if match else number] = text
    return found


def dovecot_reads(house, location, kind):
    body = "From here\r\n.dot\r\n" + "Größe 8 bit\r\n" + "z" * 300 + "\r\n"
    count = 40
    for number in range(count):
        send(house, account.pw_name + "@test.example", "dove%d" % number, body=body)
    wait_until(lambda: house.logfile().count("| delivered") + house.logfile().count(
        "] delivered") >= count, 15)
    client = dovecot_session(house, location)
    found = fetch_all(client)
    results.check("Dovecot finds all messages in the %s" % kind,
                  {"dove%d" % n for n in range(count)} == set(found),
                  (sorted(map(str, found)), house.told()))
    whole = body.encode().replace(b"From here", b">From here" if kind == "mbox" else b"From here")
    results.check("Dovecot finds them whole in the %s" % kind,
                  all(text.endswith(b"\r\n\r\nmarker %s\r\n" % marker.encode() + whole)
                      for marker, text in found.items()), list(found.values())[:1])
    results.check("Dovecot sees Return-Path and Received in the %s" % kind,
                  all(b"Return-Path: <%s@test.example>" % user.encode() in text and
                      b"\r\nReceived: " in text or text.startswith(b"Received: ")
                      for text in found.values()), list(found.values())[:1])
    return client


def dovecot_at_the_same_time(house, client):
    """Dovecot expunges while we deliver: what is not expunged is all there."""
    client.select("INBOX")
    before = int(client.select("INBOX")[1][0])

    def deliver():
        for number in range(60):
            send(house, account.pw_name + "@test.example", "busy%d" % number)

    thread = threading.Thread(target=deliver)
    thread.start()
    gone = 0
    while thread.is_alive() or gone < before:
        numbers = client.search(None, "BODY", '"marker dove"')[1][0].split()[:3]
        if not numbers:
            break
        client.store(b",".join(numbers).decode(), "+FLAGS", "\\Deleted")
        gone += len(client.expunge()[1])
    thread.join()
    wait_until(house.queue_is_empty, 20)
    client.noop()
    found = set(fetch_all(client))
    results.check("Dovecot expunges while mail is delivered: nothing is lost",
                  {"busy%d" % n for n in range(60)} <= found,
                  sorted({"busy%d" % n for n in range(60)} - found))
    results.check("Dovecot expunges while mail is delivered: nothing comes back",
                  not [m for m in found if str(m).startswith("dove")], found)


def dovecot():
    if not shutil.which("doveconf") or not shutil.which("imap"):
        results.skip("Dovecot", "it is not installed")
        return
    house = House(variables={"fnlock_interval": "1", "retry_interval": "1"}).start()
    index = house.path("index")
    os.mkdir(index)
    os.chmod(index, 0o777)
    try:
        client = dovecot_session(house, "mbox:%s:INBOX=%s/%s" %
                                 (index, house.mail, account.pw_name))
    except (imaplib.IMAP4.error, OSError) as error:
        results.skip("Dovecot", "it does not start: %s" % error)
        house.end()
        return
    client.logout()
    client = dovecot_reads(house, "mbox:%s:INBOX=%s/%s" %
                           (index, house.mail, account.pw_name), "mbox")
    dovecot_at_the_same_time(house, client)
    client.logout()
    house.end()
    house = House(transports="local: driver = appendfile, local, return_path, received;\n"
                  "\tmaildir = %s/${lc:user}\n" % "MAIL")
    text = open(house.path("transports")).read().replace("MAIL/", house.mail + "/")
    house.write("transports", text)
    house.start()
    client = dovecot_reads(house, "maildir:%s/%s" % (house.mail, account.pw_name), "Maildir")
    client.logout()
    house.end()


# --- filters behind a pipe ---

def filter_house(command, extra=""):
    return House(transports="local: driver = pipe, local, return_path, from, unix_from_hack;\n"
                 "\tcmd = \"%s\", log_output%s\n" % (command, extra),
                 variables={"retry_interval": "1", "retry_interval_max": "1"})


def through_filter(program, command, rules):
    """Mail through procmail or maildrop into a mailbox it writes itself."""
    if not shutil.which(program):
        results.skip(program, "it is not installed")
        return
    house = filter_house(command.replace("PROGRAM", shutil.which(program)))
    house.write("rules", rules.replace("MAIL", house.mail))
    os.chmod(house.path("rules"), 0o600)
    os.chown(house.path("rules"), account.pw_uid, account.pw_gid)
    text = open(house.path("transports")).read().replace("RULES", house.path("rules"))
    house.write("transports", text)
    house.start()
    for number in range(20):
        send(house, account.pw_name + "@test.example", "%s%d" % (program, number),
             body="Größe\r\n.dot\r\n")
    good = wait_until(lambda: house.box_bytes("filtered").count(b"\nmarker ") == 20, 20)
    results.check("%s behind a pipe gets all messages" % program, good,
                  (house.box_bytes("filtered").count(b"\nmarker "), house.told()))
    results.check("%s behind a pipe gets them whole" % program,
                  house.box_bytes("filtered").count("Größe\n.dot\n".encode()) == 20,
                  house.box_bytes("filtered")[:500])
    house.end()


def filters():
    through_filter("procmail", "PROGRAM -m RULES",
                   "VERBOSE=off\nSHELL=/bin/sh\n:0:\nMAIL/filtered\n")
    through_filter("maildrop", "PROGRAM RULES", 'to "MAIL/filtered"\n')


STATUSES = [
    (0, DELIVERED, ""), (64, FAILED, "5."), (65, FAILED, "5.6."), (66, FAILED, "5."),
    (67, FAILED, "5.1.1"), (68, FAILED, "5.1.2"), (69, FAILED, "5."), (70, FAILED, "5."),
    (71, DEFERRED, "4."), (72, FAILED, "5."), (73, DEFERRED, "4."), (74, DEFERRED, "4."),
    (75, DEFERRED, "4."), (76, FAILED, "5.5."), (77, FAILED, "5.7."), (78, FAILED, "5.3."),
    (1, FAILED, "5."), (127, DEFERRED, "4."),  # the shell found no program: it may come back
]


def exit_statuses():
    """A command for each status of sysexits.h, as aliases name them."""
    house = House(transports="")
    text = open(house.path("transports")).read()
    house.write("transports", text +
                "\npipe: driver = pipe, local, from;\n\tcmd = \"/bin/sh -c $user\", "
                "parent_env, log_output\n")
    house.write("aliases", "postmaster: %s\n" % user + "".join(
        'status%d: "|cat >/dev/null; echo said-%d; exit %d"\n' % (code, code, code)
        for code, _, _ in STATUSES))
    house.start()
    for code, want, status in STATUSES:
        send(house, "status%d@test.example" % code, "status%d" % code)

    def said(code, want, status):
        return any(want in line and "said-%d;" % code in line and
                   (want == DELIVERED or "status: " + status in line)
                   for line in house.logfile().splitlines())

    for code, want, status in STATUSES:
        results.check("a command that ends with %d: %s %s" % (code, want, status),
                      wait_until(lambda: said(code, want, status), 10),
                      "\n".join(line for line in house.logfile().splitlines()
                                if "said-%d;" % code in line))
    failures = [code for code, want, _ in STATUSES if want == FAILED]
    house.wait_for_mail(user, len(failures), 20)
    box = house.box_bytes(user)
    results.check("the report to the postmaster says what the command said",
                  all(b"said-%d" % code in box for code in failures),
                  [code for code in failures if b"said-%d" % code not in box] + [house.told()])
    house.end()


def main():
    exit_statuses()
    filters()
    dovecot()
    postfix_sink()
    results.end()


main()
