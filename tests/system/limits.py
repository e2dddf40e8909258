#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that take too long, too much or too many: each is ended in time, memory stays
bounded, and others are served meanwhile. limit: 120"""
import resource
import smtplib
import socket
import time

from house import House, Results, USERS, wait_until

results = Results()
LOCAL = USERS[0] + "@test.example"


class Client:
    """A client that does as it pleases."""

    def __init__(self, house, *commands):
        self.socket = socket.create_connection(("127.0.0.1", house.port), 30)
        self.socket.settimeout(30)
        self.begun = time.monotonic()
        self.read()
        for command in commands:
            self.say(command)

    def say(self, command):
        self.socket.sendall(command.encode() + b"\r\n")
        return self.read()

    def read(self):
        try:
            return self.socket.recv(4096)
        except OSError:
            return b""

    def until_closed(self):
        """(what came last, seconds since the begin)"""
        last = b""
        while True:
            got = self.read()
            if not got:
                return last, time.monotonic() - self.begun
            last = got


def memory(house, role):
    """KB of resident memory of the processes with that role, together."""
    total = 0
    for pid, name in house.children().items():
        if name == role:
            with open("/proc/%d/status" % pid) as file:
                total += int(file.read().split("VmRSS:")[1].split()[0])
    return total


def serves_meanwhile(house, name):
    begun = time.monotonic()
    try:
        with smtplib.SMTP("127.0.0.1", house.port, "limits.test", timeout=10) as client:
            client.sendmail("", [LOCAL], "Subject: meanwhile\r\n\r\nx\r\n")
        good = True
    except (OSError, smtplib.SMTPException) as error:
        good = error
    results.check("others are served " + name, good is True and
                  time.monotonic() - begun < 3, (good, house.told()))


def slow(house):
    idle = Client(house, "EHLO slow")
    envelope = Client(house, "EHLO slow", "MAIL FROM:<>")
    drip = Client(house, "EHLO slow", "MAIL FROM:<>", "RCPT TO:<%s>" % LOCAL, "DATA")
    serves_meanwhile(house, "while some are slow")
    end = time.monotonic() + 12
    sent = 0
    while time.monotonic() < end:  # an octet now and then never lasts for ever
        try:
            drip.socket.sendall(b"x")
            sent += 1
        except OSError:
            break
        time.sleep(0.4)
    last, spent = idle.until_closed()
    results.check("an idle session ends with 421 in time", last.startswith(b"421") and
                  spent < 14, (last, spent))
    last, spent = envelope.until_closed()
    results.check("a session in the middle of an envelope as well",
                  last.startswith(b"421"), (last, spent))
    last, spent = drip.until_closed()
    results.check("a text that drips ends at its time", sent < 28, (sent, last, spent))


def endless_lines(house):
    before = memory(house, "receive")
    clients = [Client(house, "EHLO endless") for _ in range(8)]
    for client in clients:
        client.socket.setblocking(False)
    sent = 0
    end = time.monotonic() + 4
    while time.monotonic() < end and sent < 200 << 20:
        for client in clients:
            try:
                sent += client.socket.send(b"A" * 65536)
            except BlockingIOError:
                pass
            except OSError:
                break
    grown = memory(house, "receive") - before
    results.check("command lines without an end take no memory", grown < 8 << 10,
                  "%d KB for %d MB" % (grown, sent >> 20))
    for client in clients:
        client.socket.close()
    before = memory(house, "receive")
    texts = [Client(house, "EHLO endless", "MAIL FROM:<>", "RCPT TO:<%s>" % LOCAL, "DATA")
             for _ in range(8)]
    sent = 0
    for text in texts:
        text.socket.settimeout(5)
        try:
            for _ in range(150):
                text.socket.sendall(b"B" * 65536)
                sent += 65536
        except OSError:
            pass
    grown = memory(house, "receive") - before
    results.check("lines of text without an end take little memory", grown < 16 << 10,
                  "%d KB for %d MB" % (grown, sent >> 20))
    serves_meanwhile(house, "during endless lines")
    for text in texts:
        text.socket.close()


def many_sessions(house):
    """A thousand idle sessions: small, and beyond the limit 421."""
    count = 1000
    wanted = count + 100
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted + 100:
        if hard < wanted + 100:
            results.skip("a thousand sessions", "no more than %d descriptors here" % hard)
            return
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted + 100, hard))
    before = memory(house, "receive")
    clients = [Client(house, "EHLO many") for _ in range(count)]
    each = (memory(house, "receive") - before) / count
    results.check("a thousand idle sessions are served", len(clients) == count)
    results.check("each takes a few kilobytes", each < 16, "%.1f KB" % each)
    serves_meanwhile(house, "beside a thousand sessions")
    refused = 0
    for _ in range(60):
        client = socket.create_connection(("127.0.0.1", house.port), 10)
        refused += client.recv(100).startswith(b"421")
        clients.append(type("Extra", (), {"socket": client}))
    results.check("beyond the limit the answer is 421", refused >= 40, refused)
    for client in clients:
        client.socket.close()
    time.sleep(0.3)
    serves_meanwhile(house, "when they are gone")


def one_client_has_many():
    house = House(variables={"smtp_accept_max_per_host": "5",
                             "smtp_remote_allow": "192.0.2.0/24"}).start()
    time.sleep(0.3)
    clients = [Client(house, "EHLO one") for _ in range(5)]
    extra = socket.create_connection(("127.0.0.1", house.port), 10)
    told = extra.recv(100)
    results.check("a client has no more sessions than allowed", told.startswith(b"421"), told)
    for client in clients:
        client.socket.close()
    results.check("and again some when they are gone",
                  wait_until(lambda: house.greets(), 3), house.told())
    house.end()


def errors_and_commands(house):
    for command, most in (("FROBNICATE", 100), ("NOOP", 2000)):
        client = Client(house, "EHLO errors")
        count = 0
        try:
            while count <= most and client.say(command):
                count += 1
        except OSError:
            pass
        results.check("a session of nothing but %s ends" % command, count <= most, count)


def main():
    house = House(variables={
        "smtp_receive_command_timeout": "3s", "smtp_receive_message_timeout": "8s",
        "max_message_size": "20m", "receive_processes": "2"}).start()
    slow(house)
    errors_and_commands(house)
    house.end()
    house = House(variables={"smtp_accept_max": "1020", "smtp_accept_max_per_host": "0",
                             "max_message_size": "20m"}).start()
    many_sessions(house)
    endless_lines(house)
    results.check("limits: no role died", "signal" not in house.paniclog(), house.told())
    results.check("limits: ends when told", house.stop(), house.told())
    house.end()
    one_client_has_many()
    results.end()


main()
