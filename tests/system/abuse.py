#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile input: every case of smtp_abuse.py against the daemon, with what was delivered
looked at, and once as a client that may not relay."""
import os
import re
import subprocess
import sys

from house import House, Results, HERE, USERS, Sink, wait_until

results = Results()
user = USERS[0]

# Cases that need what a later version brings; the case says so itself by SKIP.
MAY_BE_SKIPPED = re.compile(r"tls|auth", re.I)


def abuse(house, prefix, *more, seconds=170):
    """Run the cases; one line of the runner for each."""
    done = subprocess.run(
        [sys.executable, str(HERE / "smtp_abuse.py"), "127.0.0.1", str(house.port),
         "--rcpt", user + "@test.example", "--mbox", os.path.join(house.mail, user),
         "--max-time", str(seconds), *more],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds + 30)
    count = 0
    for line in done.stdout.decode(errors="replace").splitlines():
        match = re.match(r"(PASS|FAIL|SKIP) ([^ |]+) *\| *(.*)", line)
        if not match:
            continue
        count += 1
        word, name, rest = match.groups()
        if word == "SKIP" and MAY_BE_SKIPPED.search(name + rest):
            results.skip("%s %s" % (prefix, name), rest)
        elif word == "SKIP":
            results.check("%s %s" % (prefix, name), False, "skipped: " + rest)
        else:
            results.check("%s %s" % (prefix, name), word == "PASS", rest)
    results.check(prefix + " all cases ran", count >= 85,
                  "%d cases\n%s" % (count, done.stdout.decode(errors="replace")[-2000:]))


def main():
    sink = Sink()
    house = House(sink_port=sink.port, variables={
        "smtp_remote_allow": "192.0.2.0/24", "smtp_receive_command_timeout": "30s"})
    house.start()
    abuse(house, "abuse", "--untrusted")
    results.check("abuse: nothing was relayed", sink.count() == 0, sink.messages)
    results.check("abuse: no role died", "signal" not in house.told(), house.told())
    results.check("abuse: the queue is empty",
                  wait_until(house.queue_is_empty, 5), house.told())
    results.check("abuse: ends when told", house.stop(), house.told())
    results.end()


main()
