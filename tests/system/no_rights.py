#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is installed set-id, and nothing needs it: ordinary users submit mail through the
local socket, also with no new privileges, with no capabilities and in an empty environment;
who they are the kernel says. limit: 60"""
import os
import pwd
import shutil
import stat
import subprocess

from house import (House, Results, Sink, USERS, demotion, known, runs_as_root, smail_path,
                   wait_until)

results = Results()
user = USERS[0]


def call(house, words, text, environment=None):
    return subprocess.run(words, input=text.encode(), timeout=40, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, cwd="/", preexec_fn=demotion(),
                          env=environment or house.environment())


def arrives(house, name, words, marker, environment=None):
    done = call(house, words + ["someone@far.example"],
                "Subject: %s\n\nmarker %s\n" % (marker, marker), environment)
    there = wait_until(lambda: any(b"Subject: " + marker.encode() in content
                                   for _, _, content in house.sink.messages), 10)
    results.check(name, done.returncode == 0 and there,
                  (done.returncode, done.stdout, house.told()))


def sender_of(house, marker):
    with house.sink.lock:
        return [sender for sender, _, content in house.sink.messages
                if b"Subject: " + marker.encode() in content]


def program_is_plain():
    mode = os.stat(smail_path()).st_mode
    results.check("the program is not set-id", not mode & (stat.S_ISUID | stat.S_ISGID),
                  oct(mode))
    if shutil.which("getcap"):
        told = subprocess.run(["getcap", smail_path()], stdout=subprocess.PIPE).stdout
        results.check("and has no file capabilities", told == b"", told)


def everybody(house):
    sendmail = house.path("bin/sendmail")
    become = []
    if runs_as_root():
        become = ["setpriv", "--reuid", user, "--regid", str(pwd.getpwnam(user).pw_gid),
                  "--clear-groups"]
    arrives(house, "an ordinary user submits mail", become + [sendmail], "plain")
    if shutil.which("setpriv"):
        no_new = become or ["setpriv"]
        arrives(house, "with no new privileges", no_new + ["--no-new-privs", sendmail], "nnp")
        if runs_as_root():
            arrives(house, "without any capability", no_new + [
                "--no-new-privs", "--bounding-set", "-all", "--inh-caps", "-all", sendmail],
                "caps")
    arrives(house, "in an empty environment",
            become + [sendmail, "-oL", house.directory], "empty",
            {"SMAIL_CONFIG": house.path("config"), "PATH": "/usr/bin:/bin"})
    if runs_as_root():
        arrives(house, "with the name of somebody else",
                become + [sendmail, "-f", "root@test.example"], "forged")
        told = sender_of(house, "forged")
        results.check("a user who is not trusted has his own reverse-path or is named in it",
                      told and (user in told[0] or "FROM:<root@" in told[0]), told)
        with house.sink.lock:
            content = [c for _, _, c in house.sink.messages if b"Subject: forged" in c]
        results.check("and the message or the log names who it was",
                      content and (user.encode() in content[0] or
                                   "user: " + user in house.logfile()), content)
        done = call(house, become + [house.path("bin/smailctl"), "queue", "remove",
                                     "--sender", "@"], "")
        results.check("an ordinary user does not remove mail of others",
                      done.returncode != 0 or b"0 messages" in done.stdout,
                      (done.returncode, done.stdout))
        done = call(house, become + ["cat", os.path.join(house.spool, "input", "00000001")], "")
        results.check("an ordinary user does not read the spool", done.returncode != 0)


def roles_have_no_rights(house):
    """No role but the master keeps root, and those of the network gain nothing by exec."""
    if not runs_as_root() or not known("smail"):
        results.skip("roles", "needs root and the users of an installed smail")
        return
    call(house, [house.path("bin/sendmail"), user + "@test.example"], "Subject: x\n\nx\n")
    house.wait_for_mail(user)
    for pid, role in house.children().items():
        with open("/proc/%d/status" % pid) as file:
            status = dict(line.split(":\t", 1) for line in file.read().splitlines()
                          if ":\t" in line)
        results.check("%s runs without root" % role, "0" not in status["Uid"].split(),
                      status["Uid"])
        results.check("%s has no capability" % role, int(status["CapEff"], 16) == 0 and
                      int(status["CapPrm"], 16) == 0, status["CapEff"])
        if role not in ("user",):
            results.check("%s has no new privileges" % role, status["NoNewPrivs"] == "1")
        if role in ("receive", "local"):
            results.check("%s has an empty root" % role,
                          os.listdir("/proc/%d/root" % pid) == [],
                          os.readlink("/proc/%d/root" % pid))


def main():
    program_is_plain()
    sink = Sink()
    house = House(sink_port=sink.port)
    house.sink = sink
    house.start()
    everybody(house)
    roles_have_no_rights(house)
    results.check("no_rights: ends when told", house.stop(), house.told())
    results.end()


main()
