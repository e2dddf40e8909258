#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""No loss, first form: a random role is killed every 0.2 s while mail comes in by SMTP and
by sendmail and goes out to mailboxes and to a sink. Whatever got a 250 or an exit code 0
arrives. KILL_SECONDS says how long it goes on (10). limit: 240"""
import collections
import os
import random
import re
import signal
import smtplib
import threading
import time

from house import House, Results, Sink, USERS, alive, wait_until

SECONDS = float(os.environ.get("KILL_SECONDS", "10"))
PAUSE = 0.2
results = Results()


class Load:
    """Clients that send until told to stop, and a log of what was promised to them."""

    def __init__(self, house):
        self.house = house
        self.promised = {}  # marker: recipient
        self.tries = self.failures = 0
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.smtp, args=(n,)) for n in range(6)]
        self.threads += [threading.Thread(target=self.sendmail, args=(n,)) for n in range(2)]

    def message(self, marker, recipient):
        return ("From: <load@test.example>\r\nTo: <%s>\r\nSubject: %s\r\n"
                "Message-Id: <%s@load.test>\r\n\r\nmarker %s\r\n%s"
                % (recipient, marker, marker, marker, "some text\r\n" * random.randint(1, 800)))

    def next(self, who, number):
        local = USERS[number % 2] + "@test.example"
        remote = "someone%d@far.example" % (number % 3)
        return "%s.%d" % (who, number), (local if number % 2 else remote)

    def promise(self, marker, recipient):
        with self.lock:
            self.promised[marker] = recipient

    def failed(self):
        with self.lock:
            self.failures += 1

    def smtp(self, who):
        number = 0
        client = None
        while not self.over.is_set():
            number += 1
            marker, recipient = self.next("smtp%d" % who, number)
            with self.lock:
                self.tries += 1
            try:
                if not client:
                    client = smtplib.SMTP("127.0.0.1", self.house.port, "load.test", timeout=20)
                client.sendmail("", [recipient], self.message(marker, recipient))
                self.promise(marker, recipient)
                if number % 7 == 0:
                    client.quit()
                    client = None
            except (OSError, smtplib.SMTPException):
                self.failed()
                client = None
                time.sleep(0.05)

    def sendmail(self, who):
        number = 0
        while not self.over.is_set():
            number += 1
            marker, recipient = self.next("command%d" % who, number)
            with self.lock:
                self.tries += 1
            done = self.house.run("sendmail", "-i", "-f", "load@test.example", recipient,
                                  text=self.message(marker, recipient).replace("\r\n", "\n"),
                                  timeout=90)
            if done.returncode == 0:
                self.promise(marker, recipient)
            else:
                self.failed()

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(100)
        return not any(thread.is_alive() for thread in self.threads)


class Killer(threading.Thread):
    """Kills a random child of the master; looks how long nobody is greeted."""

    def __init__(self, house):
        super().__init__()
        self.house = house
        self.killed = collections.Counter()
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(PAUSE):
            roles = collections.defaultdict(list)
            for pid, role in self.house.children().items():
                roles[role].append(pid)
            if not roles:
                continue
            role = random.choice(sorted(roles))
            try:
                os.kill(random.choice(roles[role]), signal.SIGKILL)
                self.killed[role] += 1
            except ProcessLookupError:
                pass


class Watch(threading.Thread):
    """How long does it take until a message would be taken again?"""

    def __init__(self, house):
        super().__init__()
        self.house = house
        self.worst = 0.0
        self.over = threading.Event()

    def run(self):
        last = time.monotonic()
        while not self.over.is_set():
            if self.house.serves(5):
                now = time.monotonic()
                self.worst = max(self.worst, now - last)
                last = now
            time.sleep(0.05)


def arrived(house, sink):
    """marker: how often it was delivered."""
    found = collections.Counter()
    for user in USERS[:2]:
        found.update(re.findall(rb"^marker (\S+)$", house.box_bytes(user), re.M))
    with sink.lock:
        for _, _, content in sink.messages:
            found.update(re.findall(rb"^marker (\S+)\r$", content, re.M))
    return {marker.decode(): count for marker, count in found.items()}


def load_under_kills(house, sink):
    load, killer, watch = Load(house), Killer(house), Watch(house)
    load.start()
    time.sleep(0.5)
    killer.start()
    watch.start()
    time.sleep(SECONDS)
    killer.over.set()
    killer.join()
    watch.over.set()
    watch.join()
    results.check("kill: clients end", load.stop())
    return load, killer, watch


def missing(load, house, sink):
    there = arrived(house, sink)
    return [marker for marker in load.promised if marker not in there]


def judge(load, killer, watch, house, sink):
    print("# %d tries, %d promised, %d failures; killed: %s; longest pause %.2f s"
          % (load.tries, len(load.promised), load.failures, dict(killer.killed), watch.worst))
    results.check("kill: enough was sent", len(load.promised) > 20 * SECONDS,
                  "%d promised" % len(load.promised))
    results.check("kill: enough was killed", sum(killer.killed.values()) > 2 * SECONDS,
                  killer.killed)
    # What a new queue takes over it tries within a minute, spread over that minute.
    lost = wait_until(lambda: not missing(load, house, sink), 90, 0.5)
    results.check("kill: all that was promised arrives", lost,
                  "missing: %s\nof %d\n%s\n%s" % (missing(load, house, sink)[:20],
                                                  len(load.promised), house.queue()[:5],
                                                  house.told()))
    there = arrived(house, sink)
    repeated = sum(count - 1 for count in there.values())
    kills = sum(killer.killed.values())
    print("# %d arrived, %d repeated" % (len(there), repeated))
    # A delivery that was going on when its process or the spool died may come twice:
    # no more than what can be under way at each kill.
    results.check("kill: repetitions are few", repeated <= 10 * kills,
                  "%d repeated by %d kills" % (repeated, kills))
    results.check("kill: no message comes more often than it was tried",
                  max(there.values(), default=0) <= 8, max(there.values(), default=0))
    results.check("kill: service is back within a second of each kill", watch.worst < 1.5,
                  "%.2f s" % watch.worst)
    results.check("kill: the queue is empty in the end",
                  wait_until(house.queue_is_empty, 15, 0.5), house.told())


def master_killed(house):
    """The others end within a second, and the next one finds everything."""
    children = list(house.children())
    results.check("kill: there are children", len(children) >= 4, children)
    house.master.send_signal(signal.SIGKILL)
    house.master.wait()
    results.check("kill: without the master the others end within a second",
                  wait_until(lambda: not any(alive(pid) for pid in children), 1.0),
                  [pid for pid in children if alive(pid)])
    house.master = None


def restarted(house, sink):
    """Mail that was accepted just before the master died is delivered by the next one."""
    with smtplib.SMTP("127.0.0.1", house.port, "load.test", timeout=10) as client:
        sink.replies["CONNECT"] = "421 4.3.2 not now"
        for number in range(20):
            client.sendmail("", ["late@far.example"],
                            "Subject: late\r\n\r\nmarker late.%d\r\n" % number)
        master_killed(house)
    sink.replies.clear()
    house.start()
    house.run("runq")
    late = {"late.%d" % number for number in range(20)}
    results.check("kill: the next master delivers what the dead one promised",
                  wait_until(lambda: late <= set(arrived(house, sink)), 20),
                  sorted(late - set(arrived(house, sink))) + [house.told()])


def main():
    sink = Sink()
    house = House(sink_port=sink.port, variables={
        "retry_interval": "1", "retry_interval_max": "2", "submit_wait": "30s"})
    house.start()
    load, killer, watch = load_under_kills(house, sink)
    judge(load, killer, watch, house, sink)
    restarted(house, sink)
    results.check("kill: ends when told", house.stop(), house.told())
    results.end()


main()
