#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A destination is down: its mail is tried again, the sender hears of the delay and gets a
bounce when the time is over, mail for others does not wait, and it goes when the host is back,
whatever dies meanwhile. Hours are seconds here. limit: 150"""
import os
import signal
import time

from house import House, Results, Sink, wait_until

REMOTE, LOCAL, SENDER = "joe@far.example", "games@test.example", "nobody@test.example"
results = Results()


def send(house, recipient, subject):
    done = house.run("sendmail", "-i", "-f", SENDER, recipient,
                     text="Subject: %s\n\ntext\n" % subject)
    return done.returncode == 0


def arrived(sink, subject):
    with sink.lock:
        return any(b"Subject: " + subject.encode() in text for _, _, text in sink.messages)


def subjects(house, user):
    return [str(message["Subject"]) for message in house.box(user)]


def kill_role(house, role):
    for pid, name in house.children().items():
        if name == role:
            os.kill(pid, signal.SIGKILL)


def host_comes_back(house, sink):
    """Mail for a host that is down waits, alone, and goes when it is back."""
    results.check("mail for a host that is down is taken", send(house, REMOTE, "one"))
    results.check("other mail is taken", send(house, LOCAL, "other"))
    results.check("the other does not wait", house.wait_for_mail("games", 1, 3), house.told())
    results.check("the first waits in the queue",
                  wait_until(lambda: len(house.queue()) == 1, 3), house.queue())
    known = wait_until(lambda: b"ERR" in house.run("hoststat").stdout or
                       b"refused" in house.run("hoststat").stdout, 5)
    results.check("hoststat knows that the host is down", known,
                  house.run("hoststat").stdout.decode() + house.told())
    kill_role(house, "queue")
    sent = wait_until(lambda: send(house, LOCAL, "third"), 10)
    results.check("mail goes on after the death of the queue",
                  sent and house.wait_for_mail("games", 2, 10), house.told())
    sink.start()
    results.check("the host is back, and gets its mail",
                  wait_until(lambda: arrived(sink, "one"), 15), house.told())
    results.check("once", wait_until(house.queue_is_empty, 10) and sink.count() == 1,
                  house.queue())
    sink.replies["MAIL"] = "close"  # on the connection that is kept
    sink.stop()


def time_is_over(house):
    """The sender is told of the delay, and of the end."""
    begun = time.monotonic()
    send(house, REMOTE, "late")
    warned = wait_until(lambda: house.box("nobody"), 20)
    spent = time.monotonic() - begun
    results.check("the sender is warned, in time", warned and 7.5 < spent < 14,
                  "%.1f s\n%s" % (spent, house.told()))
    bounced = wait_until(lambda: len(house.box("nobody")) > 1, 30)
    spent = time.monotonic() - begun
    results.check("and gets a bounce after an attempt behind the retry duration",
                  bounced and 19.5 < spent < 32, "%.1f s\n%s" % (spent, house.told()))
    results.check("with the reason", b"retry duration" in house.box_bytes("nobody"),
                  house.box_bytes("nobody")[-3000:].decode("latin-1"))
    results.check("then nothing is left", wait_until(house.queue_is_empty, 10), house.queue())
    time.sleep(1)
    results.check("and that were all letters to the sender", len(house.box("nobody")) == 2,
                  subjects(house, "nobody"))


def main():
    sink = Sink()
    sink.stop()
    house = House(sink_port=sink.port,
                  variables={"retry_interval": "2s", "retry_interval_max": "4s",
                             "retry_duration": "20s", "warning_time": "8s",
                             "delivery_mode": "background"}).start()
    host_comes_back(house, sink)
    time_is_over(house)
    results.check("it ends when told to", house.stop(), house.told())
    results.end()


main()
