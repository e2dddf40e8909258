#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail sent by programs that people use: each message arrives, whole, at a sink and in a
mailbox. A program that is not installed is skipped. limit: 240"""
import email
import email.policy
import os
import shutil
import smtplib
import subprocess

from house import House, Results, Sink, USERS, demotion, free_port, wait_until

results = Results()
user = USERS[0]
LATIN = "Grüße, ça va? ½ ÿ\n".encode("latin-1")
BODY = ("Grüße aus Köln: 日本語, ½ ÿ\n.a line that begins with a dot\n..two\n.\n"
        "From here on it could be a mailbox\n\n>From there\n" + "x" * 900 +
        "\n\ttabs and  blanks \nend\n").encode()


def normal(content):
    """Content without line end differences and what a mailbox adds."""
    return content.replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n"


def unquoted(body):
    """Mailboxes put > before From lines."""
    return body.replace(b"\n>From", b"\nFrom").replace(b"\n>>From", b"\n>From")


def decoded(content):
    """The text of a message as its author wrote it, whatever the transfer encoding."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    part = message.get_body(("plain",)) or message
    return normal(part.get_payload(decode=True))


def raw_body(content):
    return normal(normal(content).partition(b"\n\n")[2])


class Clients:
    def __init__(self):
        self.sink = Sink()
        self.house = House(sink_port=self.sink.port, variables={"max_message_size": "60m"})
        self.house.start()
        self.port = str(self.house.port)
        self.wrapper("sendmail")
        self.wrapper("smtpd")
        self.home = self.house.path("home")
        os.mkdir(self.home)
        os.chmod(self.home, 0o777)

    def wrapper(self, name):
        """A command that finds this configuration without help from the environment."""
        path = self.house.path("call-" + name)
        with open(path, "w") as file:
            file.write('#!/bin/sh\nSMAIL_CONFIG=%s exec %s "$@"\n' %
                       (self.house.path("config"), self.house.path("bin/" + name)))
        os.chmod(path, 0o755)

    @property
    def sendmail(self):
        return self.house.path("call-sendmail")

    def call(self, words, text=b"", environment=None, timeout=40):
        env = {"PATH": os.environ["PATH"], "HOME": self.home, "LC_ALL": "C.UTF-8",
               "LOGNAME": "tester", "USER": "tester", "EMAIL": "tester@test.example",
               **(environment or {})}
        return subprocess.run(words, input=text, env=env, timeout=timeout, cwd=self.home,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              preexec_fn=demotion())

    def found(self, marker, place):
        """The content of the message with that subject at the sink, or in the mailbox."""
        if place == "sink":
            with self.sink.lock:
                contents = [content for _, _, content in self.sink.messages]
        else:
            contents = self.house.box_bytes(user).split(b"\nFrom MAILER-DAEMON ")
            contents = [b"From " + c for text in contents
                        for c in text.split(b"\n\nFrom ")]
        for content in contents:
            if b"Subject: " + marker.encode() in content:
                return content
        return None

    def recipient(self, place):
        return "someone@far.example" if place == "sink" else user + "@test.example"

    def arrives(self, name, place, done, want=BODY, body_of=decoded):
        marker = self.marker(name, place)
        good = wait_until(lambda: self.found(marker, place) is not None, 10)
        title = "%s to %s" % (name, place)
        if not results.check(title + " arrives", good and done.returncode == 0,
                             (done.returncode, done.stdout, self.house.told())):
            return
        content = self.found(marker, place)
        if place == "mailbox":
            content = normal(content)
            content = content[content.find(b"\n") + 1:]  # the From_ line
            content = unquoted(content)
        got = body_of(content)
        results.check(title + " is whole", got == normal(want), (got[:400], want[:400]))

    @staticmethod
    def marker(name, place):
        return "mail-%s-%s." % (name.replace(" ", "-"), place)

    def both(self, name, program, send, **more):
        """Send one message to the sink and one to a mailbox."""
        if not shutil.which(program):
            results.skip(name, "%s is not installed" % program)
            return
        for place in ("sink", "mailbox"):
            try:
                done = send(self.recipient(place), self.marker(name, place))
            except subprocess.TimeoutExpired as error:
                results.check("%s to %s ends" % (name, place), False, error.stdout)
                continue
            self.arrives(name, place, done, **more)

    # --- one function for each program ---

    def message(self, recipient, marker, body=BODY):
        return ("From: tester@test.example\nTo: %s\nSubject: %s\nMIME-Version: 1.0\n"
                "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
                % (recipient, marker)).encode() + body

    def file(self, text):
        path = os.path.join(self.home, "message")
        with open(path, "wb") as file:
            file.write(text)
        os.chmod(path, 0o644)
        return path

    def swaks(self, recipient, marker):
        return self.call(["swaks", "--server", "127.0.0.1", "--port", self.port, "--from",
                          "tester@test.example", "--to", recipient, "--data",
                          self.file(self.message(recipient, marker).replace(b"\n.", b"\n.")),
                          "--timeout", "20"])

    def s_nail(self, transport):
        def send(recipient, marker):
            return self.call(["s-nail", "-n", "-Sv15-compat", "-Sfrom=tester@test.example",
                              "-Shostname=test.example", "-Ssendwait", "-Ssmtp-auth=none", "-Smime-encoding=8bit",
                              "-Sttycharset=utf-8", "-Ssendcharsets=utf-8", "-S", transport,
                              "-s", marker, recipient], BODY)
        return send

    def bsd_mailx(self, recipient, marker):
        with open(os.path.join(self.home, "rc"), "w") as file:
            file.write("set sendmail=%s\nset nosave\nset ignoreeof\nunset dot\n" % self.sendmail)
        return self.call(["bsd-mailx", "-s", marker, "-a",
                          "Content-Type: text/plain; charset=utf-8", "-a",
                          "Content-Transfer-Encoding: 8bit", recipient], BODY,
                         {"MAILRC": os.path.join(self.home, "rc")})

    def mutt(self, setting):
        def send(recipient, marker):
            return self.call(["mutt", "-n", "-F", "/dev/null", "-e", "set copy=no", "-e",
                              "set from=tester@test.example use_envelope_from=yes", "-e",
                              "set charset=utf-8 send_charset=utf-8 allow_8bit=yes", "-e",
                              "set ssl_starttls=no ssl_force_tls=no", "-e",
                              "set text_flowed=no hostname=test.example", "-e", setting,
                              "-s", marker, "--", recipient], BODY)
        return send

    def mutt_latin(self, recipient, marker):
        return self.call(["mutt", "-n", "-F", "/dev/null", "-e", "set copy=no", "-e",
                          "set from=tester@test.example", "-e",
                          "set charset=iso-8859-1 send_charset=iso-8859-1 allow_8bit=yes",
                          "-e", "set hostname=test.example sendmail_wait=30", "-e",
                          'set sendmail="%s -oi -B8BITMIME"' % self.sendmail,
                          "-s", marker, "--", recipient], LATIN)

    def msmtp(self, recipient, marker):
        return self.call(["msmtp", "--host=127.0.0.1", "--port=" + self.port,
                          "--from=tester@test.example", "--tls=off", "--auth=off", recipient],
                         self.message(recipient, marker))

    def curl(self, recipient, marker):
        return self.call(["curl", "-sS", "--crlf", "--url", "smtp://127.0.0.1:" + self.port,
                          "--mail-from", "tester@test.example", "--mail-rcpt", recipient,
                          "--upload-file", self.file(self.message(recipient, marker))])

    def smtplib(self, recipient, marker):
        try:
            with smtplib.SMTP("127.0.0.1", self.house.port, timeout=20) as client:
                client.sendmail("tester@test.example", [recipient],
                                self.message(recipient, marker).replace(b"\n", b"\r\n"),
                                mail_options=["BODY=8BITMIME"])
            return subprocess.CompletedProcess([], 0, b"")
        except (OSError, smtplib.SMTPException) as error:
            return subprocess.CompletedProcess([], 1, repr(error))

    def cron(self, recipient, marker):
        return self.call([self.sendmail, "-i", "-FCronDaemon", "-B8BITMIME", "-oem", recipient],
                         self.message(recipient, marker))

    def header_recipients(self, recipient, marker):
        return self.call([self.sendmail, "-t", "-oi", "-f", "tester@test.example"],
                         self.message(recipient, marker))

    def repository(self):
        """A commit to be sent, in a repository of its own."""
        path = os.path.join(self.home, "repository")
        if not os.path.isdir(path):
            env = {"GIT_AUTHOR_NAME": "T Ester", "GIT_AUTHOR_EMAIL": "tester@test.example",
                   "GIT_COMMITTER_NAME": "T Ester",
                   "GIT_COMMITTER_EMAIL": "tester@test.example"}
            self.call(["git", "init", "-q", path])
            with open(os.path.join(path, "file"), "wb") as file:
                file.write(BODY)
            self.call(["git", "-C", path, "add", "file"])
            self.call(["git", "-C", path, "commit", "-q", "-m", "Grüße"], environment=env)
            self.call(["git", "-C", path, "config", "user.email", "tester@test.example"])
            self.call(["git", "-C", path, "config", "user.name", "T Ester"])
        return path

    def patch(self, marker):
        done = self.call(["git", "-C", self.repository(), "format-patch", "-1", "--stdout",
                          "--subject-prefix=" + marker])
        text = done.stdout.replace(b"Subject: [" + marker.encode() + b"]",
                                   b"Subject: " + marker.encode())
        return text

    def git_send_email(self, *how):
        def send(recipient, marker):
            path = self.file(self.patch(marker))
            return self.call(["git", "-C", self.repository(), "send-email", "--quiet",
                              "--confirm=never", "--suppress-cc=all", "--transfer-encoding=8bit",
                              "--from=tester@test.example", "--to=" + recipient, *how, path])
        return send


def git_is_here():
    """git, its command for mail, and the module that this needs."""
    if not shutil.which("git"):
        return False
    done = subprocess.run(["git", "send-email", "--dump-aliases"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.returncode == 0


def contains_patch(content):
    """The lines of the patch that BODY became."""
    return normal(b"\n".join(line[1:] for line in decoded(content).split(b"\n")
                             if line.startswith(b"+") and not line.startswith(b"+++")))


def by_name(clients):
    call = clients.sendmail
    clients.both("swaks", "swaks", clients.swaks, body_of=raw_body)
    clients.both("s-nail smtp", "s-nail",
                 clients.s_nail("mta=smtp://127.0.0.1:" + clients.port))
    clients.both("s-nail sendmail", "s-nail", clients.s_nail("mta=file://" + call))
    clients.both("bsd-mailx", "bsd-mailx", clients.bsd_mailx, body_of=raw_body)
    clients.both("mutt sendmail", "mutt",
                 clients.mutt('set sendmail="%s -oem -oi" sendmail_wait=30' % call))
    clients.both("mutt smtp", "mutt",
                 clients.mutt('set smtp_url="smtp://127.0.0.1:%s/"' % clients.port))
    clients.both("mutt latin-1", "mutt", clients.mutt_latin, want=LATIN, body_of=raw_body)
    clients.both("msmtp", "msmtp", clients.msmtp, body_of=raw_body)
    clients.both("curl", "curl", clients.curl, body_of=raw_body)
    clients.both("smtplib", "python3", clients.smtplib, body_of=raw_body)
    clients.both("cron", "sh", clients.cron, body_of=raw_body)
    clients.both("sendmail -t", "sh", clients.header_recipients, body_of=raw_body)
    if git_is_here():
        clients.both("git send-email smtp", "git", clients.git_send_email(
            "--smtp-server=127.0.0.1", "--smtp-server-port=" + clients.port),
            body_of=contains_patch)
        clients.both("git send-email sendmail", "git",
                     clients.git_send_email("--smtp-server=" + call), body_of=contains_patch)
    else:
        results.skip("git send-email", "git-email is not installed")


def many_by_smtp_source(clients):
    """Postfix's load generator: many sessions at once."""
    if not shutil.which("smtp-source"):
        results.skip("smtp-source", "it is not installed")
        return
    def recipients():
        with clients.sink.lock:
            return sum(len(to) for _, to, _ in clients.sink.messages)

    before = recipients()
    for flags in (["-s", "10", "-m", "200", "-l", "4000"], ["-s", "5", "-m", "50", "-d"],
                  ["-s", "2", "-m", "20", "-r", "10", "-l", "200000"]):
        done = clients.call(["smtp-source", *flags, "-f", "a@test.example", "-t",
                             "load@far.example", "127.0.0.1:" + clients.port], timeout=60)
        results.check("smtp-source %s ends well" % " ".join(flags), done.returncode == 0,
                      done.stdout)
    results.check("smtp-source: all messages arrive for all recipients",
                  wait_until(lambda: recipients() - before == 200 + 50 + 200, 30),
                  (recipients() - before, clients.house.told()))


def by_inetd(clients):
    """smtpd started by inetd for each session."""
    inetd = shutil.which("inetd") or shutil.which("openbsd-inetd")
    if not inetd:
        results.skip("inetd", "it is not installed")
        return
    port = free_port()
    conf = os.path.join(clients.home, "inetd.conf")
    name = subprocess.run(["id", "-un"], stdout=subprocess.PIPE,
                          preexec_fn=demotion()).stdout.decode().strip()
    with open(conf, "w") as file:
        file.write("127.0.0.1:%d stream tcp nowait %s %s smtpd\n" %
                   (port, name, clients.house.path("call-smtpd")))
    server = subprocess.Popen([inetd, "-d", conf], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, preexec_fn=demotion())
    smtp_port, clients.house.port = clients.house.port, port
    try:
        wait_until(lambda: clients.house.greets(3), 10, 0.2)
        clients.both("inetd", "python3", clients.smtplib, body_of=raw_body)
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
            client.ehlo()
            client.mail("a@test.example")
            code, text = client.rcpt("nobody-knows@test.example")
            results.check("inetd: an unknown user is refused", code == 550, (code, text))
    except (OSError, smtplib.SMTPException) as error:
        results.check("inetd: a session", False, (error, clients.house.told()))
    finally:
        clients.house.port = smtp_port
        server.terminate()
        server.wait()


def large_message(clients):
    """Twenty megabytes, by SMTP and by the command."""
    body = (b"%079d\n" % 7) * 250000
    for name, send in (("smtplib", clients.smtplib), ("sendmail", clients.cron)):
        marker = "mail-large-%s." % name
        message, clients.message = clients.message, (
            lambda to, mark: ("Subject: %s\n\n" % mark).encode() + body)
        try:
            done = send("someone@far.example", marker)
        finally:
            clients.message = message
        wait_until(lambda: clients.found(marker, "sink"), 30, 0.2)
        content = clients.found(marker, "sink")
        results.check("20 MB by %s arrive whole" % name,
                      done.returncode == 0 and content and raw_body(content) == normal(body),
                      (done.stdout, content and len(content), clients.house.told()))


def main():
    clients = Clients()
    by_name(clients)
    many_by_smtp_source(clients)
    by_inetd(clients)
    large_message(clients)
    results.check("clients: the queue is empty in the end",
                  wait_until(clients.house.queue_is_empty, 10), clients.house.told())
    results.check("clients: ends when told", clients.house.stop(), clients.house.told())
    results.end()


main()
