#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where local mail goes: aliases of all kinds, forward files good and bad, lists with owners,
loops and duplicates. limit: 120"""
import os
import pwd
import smtplib
import time

from house import House, Results, Sink, USERS, runs_as_root, wait_until

results = Results()
user, other, third, sender = USERS
SENDER = sender + "@test.example"


def owner_of(name):
    """Who owns what that user writes: himself, or whoever runs all of it."""
    if os.environ.get("HOUSE_USER"):
        return pwd.getpwnam(os.environ["HOUSE_USER"])
    return pwd.getpwnam(name) if runs_as_root() else pwd.getpwuid(os.geteuid())


class Expansion:
    def __init__(self):
        self.sink = Sink()
        self.house = House(sink_port=self.sink.port, variables={"warning_time": "0"})
        self.homes = self.house.path("homes")
        os.mkdir(self.homes)
        directors = self.house.default_directors().replace(
            "~/.forward", self.homes + "/${lc:user}/.forward")
        # This test may well live below /tmp, where forward files are not trusted.
        self.house.write("directors", directors.replace(":/tmp:/usr/tmp:/var/tmp", ""))
        transports = self.house.run("smail", "-bP", "TRANSPORTS").stdout.decode()
        mine = open(self.house.path("transports")).read()
        self.house.write("transports", mine + "".join(
            block + "\n" for block in transports.split("\n\n")
            if "pipe:" in block or "file:\n" in block))
        for name in USERS:
            os.mkdir(os.path.join(self.homes, name))
            os.chown(os.path.join(self.homes, name), owner_of(name).pw_uid,
                     owner_of(name).pw_gid)
        os.mkdir(self.house.path("out"))
        os.chmod(self.house.path("out"), 0o1777)
        self.aliases()
        self.lists()
        self.house.start()

    def out(self, name):
        return os.path.join(self.house.path("out"), name)

    def aliases(self):
        self.house.write("members", "# members\n%s,\n  far2@far.example (a comment)\n"
                         "\"Third One\" <%s@test.example>\n" % (user, third))
        self.house.write("aliases", "\n".join((
            "# a comment", "",
            "postmaster: %s" % sender,
            "one: %s" % user,
            "UPPER: %s" % user,
            "several: %s, far1@far.example," % user, "\t%s" % other,
            "nested: one, deeper", "deeper: %s" % third,
            'pipe: "|cat >%s"' % self.out("pipe"),
            "file: %s" % self.out("file"),
            'devnull: /dev/null',
            "included: :include:%s" % self.house.path("members"),
            "%s: %s, copy@far.example" % (third, third),
            "looping: looping2", "looping2: looping",
            "twice: one, %s, one" % user,
            "real: real-%s" % other,
            "gone: nobody-here-by-that-name",
            "half: nobody-here-by-that-name, %s" % user,
            "owned: fails@far.example", "owner-owned: %s" % third,
            '"quoted name": %s' % user,
            "long: " + ", ".join("m%d@far.example" % n for n in range(300)), "")))

    def lists(self):
        self.house.write("lists/friends", "%s\nfriend@far.example\nfails@far.example\n" % user)
        with open(self.house.path("aliases"), "a") as file:
            file.write("owner-friends: %s\n" % third)

    def forward(self, name, text, mode=0o644, owner=None):
        path = os.path.join(self.homes, name, ".forward")
        with open(path, "w") as file:
            file.write(text)
        account = owner or owner_of(name)
        os.chown(path, account.pw_uid, account.pw_gid)
        os.chmod(path, mode)

    def no_forward(self, name):
        os.unlink(os.path.join(self.homes, name, ".forward"))

    def send(self, to, marker, sender=SENDER):
        with smtplib.SMTP("127.0.0.1", self.house.port, "expansion.test", timeout=20) as client:
            client.ehlo()
            client.mail(sender)
            code, text = client.rcpt(to + "@test.example")
            if code != 250:
                return code, text
            return client.data("Subject: %s\r\n\r\nmarker %s\r\n" % (marker, marker))

    def settled(self):
        return wait_until(self.house.queue_is_empty, 12)

    def boxes(self, marker):
        """{user: how often}"""
        counts = {name: sum(message["Subject"] == marker for message in self.house.box(name))
                  for name in USERS}
        return {name: count for name, count in counts.items() if count}

    def remotes(self, marker):
        """[(reverse-path, recipients)] at the sink"""
        with self.sink.lock:
            return [(sender.split(">")[0].split("<")[1],
                     sorted(to.split(">")[0].split("<")[1] for to in recipients))
                    for sender, recipients, content in self.sink.messages
                    if b"\r\nSubject: %s\r\n" % marker.encode() in
                    content.partition(b"\r\n\r\n")[0] + b"\r\n"]

    def goes(self, to, boxes, remotes=(), title=None):
        marker = "m-%s-%d" % (to.replace(" ", "_").replace('"', ""), time.monotonic_ns())
        reply = self.send(to, marker)
        self.settled()
        got = sorted(one for _, recipients in self.remotes(marker) for one in recipients)
        results.check(title or "mail for %s" % to,
                      reply[0] == 250 and self.boxes(marker) == dict.fromkeys(boxes, 1) and
                      got == sorted(remotes),
                      (reply, self.boxes(marker), got, self.house.told()))
        return marker


def text_of(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def aliases(x):
    x.goes("one", [user])
    x.goes("ONE", [user], title="an alias is found in any case")
    x.goes("upper", [user], title="an alias in capitals is found")
    x.goes("several", [user, other], ["far1@far.example"])
    x.goes("nested", [user, third], ["copy@far.example"])
    x.goes(third, [third], ["copy@far.example"],
           "an alias that names itself keeps a copy here")
    x.goes("included", [user, third], ["far2@far.example", "copy@far.example"],
           ":include: in an alias")
    x.goes("twice", [user], title="nobody gets it twice")
    x.goes('"quoted name"', [user], title="a quoted name")
    x.goes("real", [other], title="real- goes past the rest")
    x.goes("long", [], ["m%d@far.example" % n for n in range(300)], "300 members")
    x.goes("devnull", [], title="/dev/null takes everything")
    marker = x.goes("pipe", [], title="an alias with a command")
    results.check("the command got the message",
                  b"marker %s\n" % marker.encode() in text_of(x.out("pipe")),
                  x.house.told())
    marker = x.goes("file", [], title="an alias with a file")
    results.check("the file got the message",
                  b"marker %s\n" % marker.encode() in text_of(x.out("file")),
                  x.house.told())


def failures(x):
    code, text = x.send("no-such-user", "unknown")
    results.check("an unknown user is refused at RCPT", code == 550, (code, text))
    x.send("looping", "looping")
    x.settled()
    results.check("aliases in a circle: nobody is told a thousand times",
                  x.house.logfile().count("looping") < 20, x.house.told())
    x.send("half", "half")
    x.settled()
    results.check("a bad member does not keep mail from the good one",
                  x.boxes("half").get(user) == 1, x.house.told())
    results.check("and somebody is told", wait_until(
        lambda: any(b"nobody-here-by-that-name" in x.house.box_bytes(name)
                    for name in USERS), 10), x.house.told())


def forwards(x):
    x.forward(user, "away@far.example\n")
    x.goes(user, [], ["away@far.example"], ".forward to another host")
    x.forward(user, "\\%s, away@far.example\n" % user)
    x.goes(user, [user], ["away@far.example"], ".forward with a copy here by \\user")
    x.forward(user, "%s\naway@far.example\n" % user)
    x.goes(user, [user], ["away@far.example"], ".forward that names oneself keeps a copy")
    x.forward(user, '"|cat >>%s; id -un >>%s"\n' % (x.out("fpipe"), x.out("fpipe")))
    marker = x.goes(user, [], title=".forward to a command")
    got = text_of(x.out("fpipe"))
    results.check("the command runs as its owner, with the message",
                  b"marker %s\n" % marker.encode() in got and
                  got.endswith(owner_of(user).pw_name.encode() + b"\n"), (got, x.house.told()))
    x.forward(user, x.out("ffile") + "\n")
    marker = x.goes(user, [], title=".forward to a file")
    results.check("the file has the message and its owner",
                  b"marker %s\n" % marker.encode() in text_of(x.out("ffile")) and
                  os.stat(x.out("ffile")).st_uid == owner_of(user).pw_uid, x.house.told())
    x.forward(user, '"|exit 75"\n')
    x.send(user, "defers")
    wait_until(lambda: "deferred" in x.house.logfile(), 5)
    x.forward(user, "away@far.example\n")
    results.check("a command of a forward file that says 75 keeps mail waiting",
                  len(x.house.queue()) == 1, x.house.told())
    x.house.run("smailctl", "queue", "remove", "--sender", "@")
    x.forward(user, "# nothing but a comment\n")
    x.goes(user, [user], title="an empty .forward is none")
    x.forward(user, "%s@test.example\n" % other)
    x.forward(other, "%s@test.example\n" % user)
    marker = "fcircle"
    x.send(user, marker)
    x.settled()
    results.check("two forward files in a circle lose nothing",
                  sum(x.boxes(marker).values()) >= 1, (x.boxes(marker), x.house.told()))
    x.no_forward(other)


def bad_forwards(x):
    x.forward(user, '"|touch %s"\n' % x.out("evil"), mode=0o666)
    x.send(user, "writable")
    x.settled()
    results.check("a .forward that all may write runs nothing",
                  not os.path.exists(x.out("evil")), x.house.told())
    results.check("its mail is not lost", wait_until(
        lambda: any(b"marker writable" in x.house.box_bytes(name) for name in USERS), 10),
        x.house.told())
    if runs_as_root():
        x.forward(user, '"|touch %s"\n' % x.out("evil"), owner=pwd.getpwnam(other))
        x.send(user, "foreign")
        x.settled()
        results.check("a .forward of somebody else runs nothing",
                      not os.path.exists(x.out("evil")), x.house.told())
        results.check("its mail is not lost either", wait_until(
            lambda: any(b"marker foreign" in x.house.box_bytes(name) for name in USERS), 10),
            x.house.told())
        x.forward(user, "/etc/smail-test-must-not-exist\n")
        x.send(user, "etc")
        x.settled()
        results.check("a file that the user may not make is not made",
                      not os.path.exists("/etc/smail-test-must-not-exist"))
    x.no_forward(user)
    os.mkfifo(os.path.join(x.homes, user, ".forward"))
    begun = time.monotonic()
    x.send(user, "fifo")
    x.send(other, "behindfifo")
    results.check("a .forward that is a pipe stops nobody else",
                  wait_until(lambda: x.boxes("behindfifo"), 10) and
                  time.monotonic() - begun < 10, x.house.told())
    x.no_forward(user)
    x.house.run("smailctl", "queue", "remove", "--sender", "@")


def owners(x):
    x.sink.replies["RCPT"] = lambda to: "550 5.1.1 no" if "fails@" in to else None
    x.goes("friends", [user], ["friend@far.example"], "a list")
    marker = x.goes("friends", [user], ["friend@far.example"], "a list, once more")
    results.check("a list's mail has its owner as reverse-path",
                  {path for path, _ in x.remotes(marker)} == {"owner-friends@test.example"},
                  x.remotes(marker))
    wait_until(lambda: b"fails@far.example" in x.house.box_bytes(third), 10)
    results.check("failures of a list go to its owner",
                  b"fails@far.example" in x.house.box_bytes(third), x.house.told())
    results.check("and not to who wrote to it",
                  b"fails@far.example" not in x.house.box_bytes(sender),
                  x.house.box_bytes(sender)[-500:])
    x.send("owned", "owned")
    x.settled()
    results.check("failures of an alias go to its owner",
                  wait_until(lambda: b"marker owned" in x.house.box_bytes(third), 10),
                  x.house.told())


def main():
    x = Expansion()
    aliases(x)
    failures(x)
    forwards(x)
    bad_forwards(x)
    owners(x)
    results.check("expansion: the queue is empty in the end", x.settled(),
                  (x.house.queue()[:3], x.house.told()))
    x.house.end()
    results.end()


main()
