#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGHUP with good and with bad files, a start with bad files, rotation of logs, SIGUSR1.
A mistake in the configuration never loses or bounces mail. limit: 120"""
import os
import signal
import smtplib
import time

from house import House, Results, Sink, USERS, alive, wait_until

results = Results()
user = USERS[0]
LOCAL = user + "@test.example"


def submit(house, to, marker):
    return house.run("sendmail", "-i", "-f", LOCAL, to,
                     text="Subject: %s\n\nmarker %s\n" % (marker, marker))


def there(house, marker):
    return b"\nmarker %s\n" % marker.encode() in house.box_bytes(user)


def reply_to_mail(house):
    """The first refusal that a client of the network sees, or 250."""
    with smtplib.SMTP("127.0.0.1", house.port, "reload.test", timeout=20) as client:
        client.docmd("EHLO", "reload.test")
        for verb, argument in (("MAIL", "FROM:<>"), ("RCPT", "TO:<%s>" % LOCAL)):
            code, text = client.docmd(verb, argument)
            if code != 250:
                return code, text
        return client.data("Subject: x\r\n\r\nx\r\n")


def hup(house):
    house.master.send_signal(signal.SIGHUP)


def good_reload(house):
    with smtplib.SMTP("127.0.0.1", house.port, "reload.test", timeout=20) as client, \
            smtplib.SMTP("127.0.0.1", house.port, "reload.test", timeout=20) as idle:
        idle.ehlo()
        client.ehlo()
        client.mail(LOCAL)
        client.rcpt(LOCAL)
        client.docmd("DATA")
        client.send("Subject: old\r\n\r\n")
        house.write_config(max_message_size="12345")
        house.write("aliases", "fresh: %s\n" % user)
        hup(house)
        told = wait_until(lambda: announced(house) == "12345", 10, 0.1)
        results.check("SIGHUP: new sessions see the new configuration", told,
                      (announced(house), house.told()))
        client.send("marker over\r\n.\r\n")
        code, text = client.getreply()
        results.check("SIGHUP: a message on its way goes on", code == 250, (code, text))
        code, text = idle.docmd("NOOP")
        results.check("SIGHUP: an idle session is sent away", code == 421, (code, text))
        client.close()
        idle.close()
    results.check("SIGHUP: that message arrives", wait_until(lambda: there(house, "over"), 10),
                  house.told())
    results.check("SIGHUP: the master is the same process", house.master.poll() is None)
    submit(house, "fresh@test.example", "fresh")
    results.check("SIGHUP: deliveries use it", wait_until(lambda: there(house, "fresh"), 10),
                  house.told())


def announced(house):
    """The SIZE of EHLO; None while sessions are sent to the successor."""
    try:
        with smtplib.SMTP("127.0.0.1", house.port, "reload.test", timeout=20) as client:
            client.ehlo()
            return client.esmtp_features.get("size")
    except (OSError, smtplib.SMTPException):
        return None


def bad_reload(house):
    good = open(house.path("transports")).read()
    house.write("transports", "local: driver = nosuchdriver\n")
    house.write_config(max_message_size="99999")
    hup(house)
    results.check("SIGHUP with a mistake: the panic log tells file and line", wait_until(
        lambda: "transports:1" in house.paniclog(), 10), house.told())
    results.check("SIGHUP with a mistake: the old configuration stays",
                  announced(house) == "12345", announced(house))
    submit(house, LOCAL, "during")
    results.check("SIGHUP with a mistake: mail goes on",
                  wait_until(lambda: there(house, "during"), 10), house.told())
    done = house.run("smailctl", "check")
    results.check("smailctl check: file, line, exit 78", done.returncode == 78 and
                  b"transports:1" in done.stdout + done.stderr, (done.returncode, done.stdout))
    house.write("transports", good)
    hup(house)
    results.check("SIGHUP when it is mended: it is in force",
                  wait_until(lambda: announced(house) == "99999", 10, 0.1), house.told())


def bad_start():
    house = House(variables={"retry_interval": "1"})
    good = open(house.path("routers")).read()
    house.write("routers", "first: driver = nosuchrouter\nsecond: driver = smarthost;\n"
                "\tnosuchattribute = 1\n")
    house.start(wait=False)
    wait_until(house.greets, 10)
    results.check("a start with mistakes: it runs", house.master.poll() is None, house.told())
    wait_until(lambda: reply_to_mail(house)[0] == 451, 10, 0.2)
    code, text = reply_to_mail(house)
    results.check("a start with mistakes: clients are put off with 451", code == 451,
                  (code, text))
    done = submit(house, LOCAL, "kept")
    results.check("a start with mistakes: what is submitted here is kept",
                  done.returncode == 0, (done.returncode, done.stderr))
    submit(house, "a@far.example", "far")
    time.sleep(1)
    results.check("a start with mistakes: nothing is delivered or bounced",
                  house.box_bytes(user) == b"" and len(house.queue()) == 2,
                  (house.box_bytes(user), house.queue(), house.told()))
    results.check("a start with mistakes: the panic log has all of them",
                  "routers:1" in house.paniclog() and "routers:3" in house.paniclog(),
                  house.told())
    for name, *arguments in (("mailq",), ("smailctl", "status")):
        told = house.run(name, *arguments)
        results.check("a start with mistakes: %s says so" % name,
                      b"CONFIGURATION" in (told.stdout + told.stderr).upper(),
                      (told.stdout, told.stderr))
    house.write("routers", good)
    hup(house)
    results.check("mended, it delivers what was kept",
                  wait_until(lambda: there(house, "kept"), 15), house.told())
    results.check("and takes mail again", wait_until(
        lambda: reply_to_mail(house)[0] == 250, 10, 0.2), reply_to_mail(house))
    results.check("and ends when told", house.stop(), house.told())
    house.end()


def rotation(house):
    log = house.spool + "/log/logfile"
    os.rename(log, log + ".0")
    hup(house)
    wait_until(lambda: os.path.exists(log), 5)
    for number in range(5):
        submit(house, LOCAL, "rotated%d" % number)
    wait_until(lambda: there(house, "rotated4"), 10)
    results.check("after a rotation the new log is written", wait_until(
        lambda: house.logfile().count("received") >= 5 and
        house.logfile().count("delivered") >= 5, 10), house.told())
    size = os.path.getsize(log + ".0")
    submit(house, LOCAL, "rotated5")
    wait_until(lambda: there(house, "rotated5"), 10)
    time.sleep(0.3)
    results.check("and the old one no more", os.path.getsize(log + ".0") == size)


def state(house):
    children = dict(house.children())
    house.master.send_signal(signal.SIGUSR1)
    time.sleep(1)
    results.check("SIGUSR1 ends nobody", house.master.poll() is None and
                  all(alive(pid) for pid in children), house.told())
    results.check("SIGUSR1 says how things are",
                  house.logfile().count("[queue]") >= 1, house.told())


def many_reloads(house):
    """Configuration changes under load lose nothing."""
    for number in range(30):
        submit(house, LOCAL, "storm%d" % number)
        house.write_config(max_message_size=str(20000 + number))
        hup(house)
    results.check("thirty reloads between messages lose nothing", wait_until(
        lambda: all(there(house, "storm%d" % n) for n in range(30)), 20),
        ([n for n in range(30) if not there(house, "storm%d" % n)], house.told()))
    results.check("and the last one is in force",
                  wait_until(lambda: announced(house) == "20029", 10, 0.1), announced(house))


def main():
    sink = Sink()
    house = House(sink_port=sink.port)
    house.write_config(max_message_size="1000000")
    house.start()
    results.check("the first configuration is in force", announced(house) == "1000000",
                  announced(house))
    good_reload(house)
    bad_reload(house)
    rotation(house)
    state(house)
    many_reloads(house)
    results.check("reload: ends when told", house.stop(), house.told())
    house.end()
    bad_start()
    results.end()


main()
