#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scripts and habits of decades rely on: the lines of the log in Smail's and in sendmail's
form, the listing of the queue, the greeting, names of services, and text that passes untouched.
limit: 120"""
import datetime
import email
import email.utils
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys

from house import House, Results, Sink, USERS, demotion, runs_as_root, wait_until

results = Results()
user = USERS[0] if runs_as_root() else os.environ.get("HOUSE_USER") or \
    pwd.getpwuid(os.geteuid()).pw_name
me = "root" if runs_as_root() else user  # who sends
STAMP = r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d: "
ID = r"(m\w{6}-\w{7})"


def log_has(house, pattern, seconds=10):
    return wait_until(lambda: re.search("^" + pattern + "$", house.logfile(), re.M), seconds)


def log_lines(house):
    """The Guide's sample of a log, with our names in it."""
    house.run("sendmail", "-f", me, "joe@far.example", text="Subject: one\n\ntext\n")
    results.check("log: received has from, program, size", log_has(
        house, STAMP + r"\[" + ID + r"\] received \| from: " + me + r" \|.* program: sendmail \|"
        r".* size: \d+ bytes"), house.logfile())
    results.check("log: delivered has via, to, orig-to, router, transport", log_has(
        house, STAMP + r"\[" + ID + r"\] delivered \| via: \S+ \| to: joe@far.example \| "
        r"orig-to: joe@far.example \| router: smart_host \| transport: smtp.*"), house.logfile())
    house.run("sendmail", user, text="Subject: here\n\ntext\n")
    results.check("log: delivered here has a director and no via", log_has(
        house, STAMP + r"\[" + ID + r"\] delivered \| to: " + user + r" \| orig-to: " + user +
        r" \| director: user \| transport: local.*"), house.logfile())


def log_of_trouble(house):
    house.run("sendmail", "-f", me, "late@far.example", text="Subject: two\n\ntext\n")
    results.check("log: deferred has number, transport, call, reason", log_has(
        house, STAMP + r"\[" + ID + r"\] late@far.example \.\.\. deferred \(ERR_148\) "
        r"transport smtp: \S+: connect: Connection refused.*"), house.logfile())


# The two lines that people have: who waits, and why.
SCRIPT = r"""
/^m/ { id = $1; sub(/.*From: /, ""); sub(/ +\(in .*/, ""); print id, "from", $0 }
/Xdefer:/ { print id, "waits:", $2; sub(/.*reason: /, ""); print id, "because", $0 }
"""


def queue_listing(house):
    wait_until(lambda: b"Xdefer" in house.run("mailq", "-v").stdout, 10)
    listing = house.run("mailq", "-v").stdout
    told = subprocess.run(["awk", SCRIPT], input=listing, stdout=subprocess.PIPE,
                          check=True).stdout.decode()
    results.check("mailq -v: a script finds sender, recipient and reason", re.fullmatch(
        ID + " from " + me + r"\n\1 waits: <late@far.example>\n"
        r"\1 because \(ERR_148\) transport smtp: .*Connection refused.*\n", told),
        listing.decode() + told)
    fields = re.fullmatch(
        ID + r"\tFrom: " + me + r" +\(in (\S+)\)\n\t\tDate: (.*)\n\t\tArgs: (.*)\n"
        r"\t\tLog of transactions:\n Xdefer: .*\n\n?", listing.decode())
    results.check("mailq -v: the Guide's form", fields, listing.decode())
    if fields:
        results.check("mailq: the directory is the spool's",
                      fields.group(2) == house.spool + "/input", fields.group(2))
        sent = email.utils.parsedate_to_datetime(fields.group(3))
        age = datetime.datetime.now(datetime.timezone.utc) - sent
        results.check("mailq: the date is one", abs(age.total_seconds()) < 600, fields.group(3))
        results.check("mailq: the arguments would send it again",
                      fields.group(4) == "-oem -oMP sendmail late@far.example", fields.group(4))


RAW = (b"Subject: raw\nMIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\n"
       b"Content-Transfer-Encoding: 8bit\n\nGr\xf6\xdfe \xff\x80\xa0 end\n")
NESTED = (b"Subject: nested\nMIME-Version: 1.0\nContent-Type: multipart/mixed;\n"
          b"\tboundary=\"a b\"; unknown=parameter\n\nprologue\n--a b\n\ntext\n--a b\n"
          b"Content-Type: message/rfc822\n\nFrom: x@y.example\nContent-Type: multipart/mixed; "
          b"boundary=in\n\n--in\nContent-Type: application/octet-stream\n"
          b"Content-Transfer-Encoding: base64\n\nAAECA//+\n--in--\n\n--a b--\nepilogue\n")


def body_of(text):
    return text.replace(b"\r\n", b"\n").partition(b"\n\n")[2]


def sunk(sink, subject):
    def found():
        with sink.lock:
            return [text for _, _, text in sink.messages if b"Subject: " + subject in text]
    return (wait_until(found, 10) or [b""])[0]


def untouched(house, sink):
    """No octet of a text changes, whatever it says of itself and whatever the server offers."""
    for name, text in ((b"raw", RAW), (b"nested", NESTED)):
        house.run("sendmail", "-i", "joe@far.example", user, text=text)
        got = sunk(sink, name)
        results.check("%s: the body passes untouched" % name.decode(),
                      body_of(got) == body_of(text), got)
        results.check("%s: no field about the text is added or changed" % name.decode(),
                      all(line in got.replace(b"\r\n", b"\n")
                          for line in text.partition(b"\n\n")[0].split(b"\n")) and
                      got.lower().count(b"content-type") == text.lower().count(b"content-type"),
                      got)
        wait_until(lambda: body_of(text) in house.box_bytes(user), 10)
        results.check("%s: nor in the mailbox" % name.decode(),
                      body_of(text) in house.box_bytes(user), house.box_bytes(user)[-900:])


def completed(house, sink):
    house.run("sendmail", "joe@far.example", text="Subject: bare\n\ntext\n")
    message = email.message_from_bytes(sunk(sink, b"bare"))
    results.check("absent Date, Message-Id, From, Received are added",
                  all(len(message.get_all(name, [])) == 1
                      for name in ("Date", "Message-Id", "From", "Received")), message.items())
    house.run("sendmail", "-t", text="From: o@o.example\nTo: x@far.example\nMessage-ID: <1@o>\n"
              "Date: Mon, 1 Jan 2024 00:00:00 +0000\nSubject: again\nResent-From: %s\n"
              "Resent-To: r@far.example\n\ntext\n" % user)
    message = email.message_from_bytes(sunk(sink, b"again"))
    results.check("a message that is sent again keeps its fields",
                  message["From"] == "o@o.example" and message["To"] == "x@far.example" and
                  message.get_all("Message-Id") == ["<1@o>"] and
                  message.get_all("Date") == ["Mon, 1 Jan 2024 00:00:00 +0000"], message.items())
    results.check("and what is added is Resent-", len(message.get_all("Resent-Date", [])) == 1 and
                  len(message.get_all("Resent-Message-Id", [])) == 1, message.items())


def greeting(house):
    with socket.create_connection(("127.0.0.1", house.port), 10) as client:
        file = client.makefile("rwb")
        line = file.readline().decode()
        results.check("greeting: host, program, build, date", re.fullmatch(
            r"220 test\.example \S*SMTP Smail[\d.]+ #\d+ ready at \w{3}, .* [+-]\d{4}\r\n", line),
            line)
        file.write(b"QUIT\r\n")
        file.flush()
        line = file.readline().decode()
        results.check("QUIT: 221, and the connection ends",
                      line.startswith("221 ") and file.read() == b"", line)


def refusals(house):
    """What cannot be done is said once, and by the exit code."""
    done = house.run("sendmail", "a b@far.example", text="Subject: x\n\ntext\n")
    told = done.stderr.decode()
    results.check("a malformed address: exit 65, and the reason", done.returncode == 65 and
                  "a b@far.example" in told and "chunk" not in told, (done.returncode, told))
    done = house.run("mailq", "m000000-0000000")
    results.check("mailq of no message: exit 69", done.returncode == 69 and not done.stdout and
                  b"no such message" in done.stderr, (done.returncode, done.stdout, done.stderr))
    told = {name: house.run(name, "--help").stdout.decode()
            for name in ("sendmail", "rmail", "mailq", "runq", "smtpd", "newaliases", "hoststat")}
    results.check("--help: each name has its own", len(set(told.values())) == len(told) and all(
        text.startswith(name + ": ") and "usage: " + name in text
        for name, text in told.items()), told)


def interval(sink):
    """-q TIME without -bd: no port, but turns through the queue."""
    house = House(sink_port=sink.port,
                  variables={"delivery_mode": "queued", "retry_interval": "1s"})
    master = subprocess.Popen(house.arguments("smail", "-q2s", "--foreground"),
                              preexec_fn=demotion(), env=house.environment(),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    results.check("-q2s alone owns the spool", wait_until(
        lambda: house.run("smailctl", "status").returncode == 0, 10), house.told())
    house.run("sendmail", "joe@far.example", text="Subject: turn\n\ntext\n")
    results.check("what is only queued waits", not house.queue_is_empty(), house.told())
    results.check("-q2s: until its turn", sunk(sink, b"turn"), house.told())
    results.check("-q2s alone takes no connection", not house.greets(), house.told())
    master.terminate()
    master.wait(15)
    house.end()


# --- syslog ---

class SystemLog:
    """A /dev/log of our own, seen by the processes that this test starts."""

    def __init__(self, directory):
        self.made = not os.path.lexists("/dev/log")
        self.path = "/dev/log" if self.made else directory + "/devlog"
        self.listen()

    def listen(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        if not self.made:
            subprocess.run(["mount", "--bind", self.path, os.path.realpath("/dev/log")], check=True)
        self.socket.settimeout(0.2)
        self.lines = []

    def restart(self):
        self.socket.close()
        if not self.made:
            subprocess.run(["umount", os.path.realpath("/dev/log")], check=True)
        os.unlink(self.path)
        self.listen()

    def has(self, pattern, seconds=10):
        def look():
            try:
                while True:
                    self.lines.append(self.socket.recv(4096).decode())
            except OSError:
                pass
            return [line for line in self.lines if re.fullmatch(pattern, line)]
        return wait_until(look, seconds)

    def end(self):
        self.socket.close()
        if self.made:
            os.unlink(self.path)


def system_log():
    """sendmail's name=value pairs, as log analysers read them."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"]).returncode != 0:
        results.skip("syslog", "needs root and a mount namespace for /dev/log")
        return
    sink = Sink()
    house = House(sink_port=sink.port, variables={"log_format": "syslog"})
    log = SystemLog(house.directory)
    try:
        house.start()
        house.run("sendmail", "-f", me, "joe@far.example", text="Subject: s\n\ntext\n")
        head = r"<22>smail\[\d+\]: " + ID + ": "
        results.check("syslog: one line for what was accepted", log.has(
            head + r"from=<" + me + r">, size=\d+, class=0, pri=\d+, nrcpts=1, msgid=<.*>, proto=local, "
            "relay=" + me + "@localhost"), "\n".join(log.lines))
        results.check("syslog: one line for the attempt", log.has(
            head + r"to=<joe@far.example>, .*delay=\d\d:\d\d:\d\d, xdelay=\d\d:\d\d:\d\d, "
            r"mailer=smtp, relay=.*, dsn=2\.0\.0, stat=Sent.*"), "\n".join(log.lines))
        log.restart()
        wait_until(lambda: log.has(".*never", 0.1), 2)  # the master looks once a second
        house.run("sendmail", "-f", me, "joe@far.example", text="Subject: t\n\ntext\n")
        results.check("syslog: it is found again when its daemon was restarted", log.has(
            head + "from=<" + me + ">.*", 5), "\n".join(log.lines))
        results.check("syslog: no log file is written", not house.logfile(), house.logfile())
    finally:
        house.end()
        log.end()


def service_name():
    """The port by its name in /etc/services."""
    if not runs_as_root() or subprocess.run(["unshare", "-m", "true"]).returncode != 0:
        results.skip("service", "needs root and a mount namespace for /etc/services")
        return
    house = House()
    house.write("services", "smail-here %d/tcp\n" % house.port)
    process = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", "mount --bind '%s' /etc/services && exec '%s' -bd "
         "--foreground -oX smail-here" % (house.path("services"), house.path("bin/smail"))],
        env=house.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    results.check("-oX takes the name of a service", wait_until(house.serves, 15), house.told())
    process.terminate()
    process.wait(15)
    done = house.run("smail", "-bd", "--foreground", "-oX", "no-such-service")
    results.check("one that is unknown ends the start", done.returncode == 69 and
                  b"no-such-service" in done.stderr, (done.returncode, done.stderr))
    house.end()


def main():
    if os.geteuid() == 0 and os.path.lexists("/dev/log") and "CLASSIC_APART" not in os.environ \
            and shutil.which("unshare") and \
            subprocess.run(["unshare", "-m", "true"]).returncode == 0:
        os.environ["CLASSIC_APART"] = "1"  # what is mounted here is seen by nobody else
        os.execvp("unshare", ["unshare", "-m", sys.executable, os.path.abspath(__file__)])
    sink = Sink(extensions=("SIZE", "PIPELINING"))
    house = House(sink_port=sink.port, variables={"retry_interval": "1h"}).start()
    untouched(house, sink)
    completed(house, sink)
    greeting(house)
    refusals(house)
    log_lines(house)
    house.end()
    interval(sink)
    sink.stop()
    house = House(sink_port=sink.port, variables={"retry_interval": "1h"}).start()
    log_of_trouble(house)
    queue_listing(house)
    house.end()
    system_log()
    service_name()
    results.end()


main()
