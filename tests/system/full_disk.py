#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A full disk: clients are put off with 452 while it lasts, nothing that was promised is lost,
and it goes on by itself when there is room again. A full disk under the mailboxes only
defers. Mounting a small file system needs root."""
import os
import smtplib
import subprocess
import tempfile

from house import House, Results, Sink, USERS, runs_as_root, wait_until

results = Results()
user = USERS[0]


class Mount:
    """A file system of some megabytes in memory."""

    def __init__(self, megabytes):
        self.path = tempfile.mkdtemp(prefix="smail-full.")
        os.chmod(self.path, 0o755)
        self.made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm" % megabytes,
                                    "smail-full", self.path],
                                   stderr=subprocess.DEVNULL).returncode == 0

    def filler(self):
        return os.path.join(self.path, "filler")

    def fill(self, leave=0):
        """Take all room but some octets."""
        with open(self.filler(), "ab", 0) as file:
            for size in (1 << 20, 1 << 16, 4096):
                block = b"x" * size
                try:
                    while self.free() > leave and file.write(block) == size:
                        pass
                except OSError:
                    pass

    def free(self):
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    def clear(self):
        os.unlink(self.filler())

    def end(self):
        subprocess.run(["umount", "-l", self.path], stderr=subprocess.DEVNULL)
        os.rmdir(self.path)


def send(house, recipient, marker, size=0):
    """The reply to the message: (code, text)."""
    with smtplib.SMTP("127.0.0.1", house.port, "full.test", timeout=20) as client:
        client.ehlo()
        for command in ("FROM:<>", "TO:<%s>" % recipient):
            reply = client.docmd("MAIL" if command.startswith("FROM") else "RCPT", command)
            if reply[0] != 250:
                return reply
        return client.data("Subject: %s\r\n\r\nmarker %s\r\n%s" %
                           (marker, marker, ("y" * 70 + "\r\n") * (size // 72)))


def send_until_refused(house, recipient, size, most):
    """(what was accepted, the refusal)"""
    accepted = []
    for number in range(most):
        marker = "full.%d.%d" % (size, number)
        try:
            code, text = send(house, recipient, marker, size)
        except smtplib.SMTPResponseException as refusal:
            code, text = refusal.smtp_code, refusal.smtp_error
        except (OSError, smtplib.SMTPException) as error:
            return accepted, (0, str(error))
        if code != 250:
            return accepted, (code, text)
        accepted.append(marker)
    return accepted, None


def spool_is_full(disk):
    sink = Sink()
    sink.replies["MAIL"] = "450 4.3.2 later"
    house = House(sink_port=sink.port, spool=os.path.join(disk.path, "spool"),
                  variables={"spool_reserve": "1m", "spool_free_minimum": "1m",
                             "segment_size": "4m", "retry_interval": "1",
                             "retry_interval_max": "1", "max_message_size": "20m"})
    house.start()
    small, refusal = send_until_refused(house, "a@far.example", 20000, 3)
    results.check("full disk: mail is taken while there is room", refusal is None, refusal)
    large, refusal = send_until_refused(house, "a@far.example", 2000000, 100)
    results.check("full disk: 452 when it is full", refusal and refusal[0] == 452, refusal)
    disk.fill()
    _, refusal = send_until_refused(house, "a@far.example", 500, 2)
    results.check("full disk: 452 when nothing at all is left", refusal and refusal[0] == 452,
                  refusal)
    done = house.run("sendmail", "-i", "a@far.example", text="Subject: x\n\nx\n")
    results.check("full disk: sendmail says so with 75", done.returncode == 75,
                  (done.returncode, done.stderr))
    results.check("full disk: a log tells",  # the panic log may be on the full disk as well
                  "no new mail is taken" in house.paniclog() + house.logfile(), house.told())
    sink.replies.clear()
    house.run("runq")
    promised = small + large
    wait_until(lambda: sink.count() >= len(promised), 20)
    disk.clear()
    results.check("full disk: mail is taken again without a restart",
                  wait_until(lambda: send(house, "a@far.example", "again")[0] == 250, 15, 0.5),
                  house.told())
    house.run("runq")
    wanted = set(promised + ["again"])
    results.check("full disk: all that was promised arrives",
                  wait_until(lambda: wanted <= delivered(sink), 30, 0.2),
                  (sorted(wanted - delivered(sink))[:10], house.told()))
    results.check("full disk: the queue is empty in the end",
                  wait_until(house.queue_is_empty, 20, 0.5), (house.queue()[:3], house.told()))
    results.check("full disk: ends when told", house.stop(), house.told())
    house.end()


def delivered(sink):
    with sink.lock:
        return {line.split()[1].decode() for _, _, content in sink.messages
                for line in content.split(b"\r\n") if line.startswith(b"marker ")}


def mailbox_disk_is_full(disk):
    house = House(variables={"retry_interval": "1", "retry_interval_max": "1"})
    box_dir = os.path.join(disk.path, "mail")
    os.mkdir(box_dir)
    os.chmod(box_dir, 0o1777)
    house.mail = box_dir
    house.write("transports", "local: driver = appendfile, local, return_path, from, "
                "unix_from_hack;\n\tfile = %s/${lc:user}, mode = 0600, suffix = \"\\n\"\n"
                % box_dir)
    house.start()
    send(house, user + "@test.example", "first")
    house.wait_for_mail(user)
    before = house.box_bytes(user)
    disk.fill()
    send(house, user + "@test.example", "second", 300000)
    results.check("full mailbox: the delivery is deferred",
                  wait_until(lambda: "deferred" in house.logfile(), 10), house.told())
    results.check("full mailbox: nothing of the message is in the mailbox",
                  house.box_bytes(user) == before, house.box_bytes(user)[len(before):][:300])
    disk.clear()
    house.run("runq")
    results.check("full mailbox: it is delivered when there is room",
                  wait_until(lambda: b"marker second" in house.box_bytes(user), 20),
                  house.told())
    results.check("full mailbox: it came once, whole",
                  house.box_bytes(user).count(b"marker second") == 1 and
                  house.box_bytes(user).startswith(before) and
                  len(house.box(user)) == 2, len(house.box(user)))
    house.end()


def main():
    if not runs_as_root():
        results.skip("full_disk", "only root can mount a small file system")
        results.end()
    for test, size in ((spool_is_full, 24), (mailbox_disk_is_full, 4)):
        disk = Mount(size)
        if not disk.made:
            results.skip("full_disk", "mounting a tmpfs is not allowed here")
            os.rmdir(disk.path)
            break
        try:
            test(disk)
        finally:
            disk.end()
    results.end()


main()
