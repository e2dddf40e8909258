#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delivery status notifications as another program's parser sees them (RFC 3461 to 3464):
bounces, NOTIFY, RET, ENVID, ORCPT; the hop limit and mail that goes round in circles.
limit: 120"""
import smtplib
import time

from house import House, Results, Sink, USERS, wait_until

results = Results()
user, other = USERS[0], USERS[1]
SENDER = user + "@test.example"
TEXT = "From: <%s>\r\nTo: someone\r\nSubject: %%s\r\nX-Mark: %%s\r\n\r\nbody of %%s\r\n" % SENDER


def send(house, recipients, marker, sender=SENDER, mail="", rcpt="", head=""):
    """One message; `mail` and `rcpt` are parameters of the commands."""
    if isinstance(recipients, str):
        recipients = [recipients]
    with smtplib.SMTP("127.0.0.1", house.port, "reports.test", timeout=20) as client:
        client.ehlo()
        replies = [client.docmd("MAIL", "FROM:<%s> %s" % (sender, mail))]
        for recipient in recipients:
            replies.append(client.docmd("RCPT", "TO:<%s> %s" % (recipient, rcpt)))
        replies.append(client.data(head + TEXT % (marker, marker, marker)))
    return replies


class Report:
    """The parts of a multipart/report."""

    def __init__(self, message):
        parts = message.get_payload()
        self.message = message
        self.text = parts[0].get_payload(decode=True).decode()
        self.status = parts[1]
        self.returned = parts[2] if len(parts) > 2 else None
        groups = self.status.get_payload()
        self.common, self.recipients = groups[0], groups[1:]

    def returned_text(self):
        payload = self.returned.get_payload()
        if isinstance(payload, list):
            return payload[0].as_string()
        return payload


def reports(house, box, marker, count=1, seconds=10):
    """The reports in that box about the message with this marker."""
    def found():
        return [m for m in house.box(box) if m.get_content_type() == "multipart/report" and
                "X-Mark: %s\n" % marker in m.as_string() + "\n"]
    wait_until(lambda: len(found()) >= count, seconds)
    return [Report(m) for m in found()]


def one(house, box, marker, title):
    """The only report about it, or None after having complained."""
    there = reports(house, box, marker)
    if results.check(title, len(there) == 1,
                     "%d reports\n%s" % (len(there), house.told())):
        return there[0]
    return None


def bounce(house, sink):
    sink.replies["RCPT"] = lambda argument: "550 5.7.9 go away" if "bad" in argument else None
    send(house, ["bad@far.example", "good@far.example"], "bounce",
         mail="RET=FULL ENVID=QQ+2B314", rcpt="ORCPT=rfc822;orig+2Binal@there.example")
    report = one(house, user, "bounce", "a refused recipient gives one bounce")
    if not report:
        return
    message = report.message
    results.check("it comes from the null reverse-path", message["Return-Path"] == "<>",
                  message["Return-Path"])
    results.check("it is a report of delivery status",
                  message.get_param("report-type") == "delivery-status", message.items())
    results.check("it says that a program wrote it",
                  (message["Auto-Submitted"] or "").startswith("auto-"), message.items())
    results.check("it has From, To, Date, Message-Id, MIME-Version",
                  all(message[name] for name in
                      ("From", "To", "Date", "Message-Id", "MIME-Version")), message.items())
    results.check("one recipient is told of", len(report.recipients) == 1,
                  report.status.as_string())
    fields = report.recipients[0]
    results.check("Action, Status, Final-Recipient",
                  fields["Action"] == "failed" and fields["Status"] == "5.7.9" and
                  fields["Final-Recipient"].replace(" ", "") == "rfc822;bad@far.example",
                  fields.items())
    results.check("Diagnostic-Code is what the server said",
                  "550 5.7.9 go away" in (fields["Diagnostic-Code"] or "") and
                  fields["Diagnostic-Code"].startswith("smtp;"), fields.items())
    results.check("Original-Recipient is the one of ORCPT, decoded",
                  (fields["Original-Recipient"] or "").replace(" ", "") ==
                  "rfc822;orig+inal@there.example", fields.items())
    results.check("Reporting-MTA and Original-Envelope-Id, decoded",
                  report.common["Reporting-MTA"].replace(" ", "") == "dns;test.example" and
                  report.common["Original-Envelope-Id"] == "QQ+314", report.common.items())
    results.check("RET=FULL returns the text", "body of bounce" in report.returned_text(),
                  report.returned.as_string())
    results.check("a person can read why", "bad@far.example" in report.text and
                  "go away" in report.text, report.text)
    send(house, "bad2@far.example", "headers", mail="RET=HDRS")
    report = one(house, user, "headers", "a second bounce")
    if report:
        results.check("RET=HDRS returns the header alone",
                      "X-Mark: headers" in report.returned.as_string() and
                      "body of headers" not in report.returned.as_string() and
                      report.returned.get_content_type() == "text/rfc822-headers",
                      report.returned.as_string())


def notify(house, sink):
    send(house, "bad3@far.example", "never", rcpt="NOTIFY=NEVER")
    send(house, "bad4@far.example", "delayonly", rcpt="NOTIFY=DELAY")
    send(house, "bad5@far.example", "null", sender="")
    send(house, "good2@far.example", "passed", rcpt="NOTIFY=SUCCESS,FAILURE",
         mail="RET=HDRS ENVID=abc")
    wait_until(lambda: any("X-Mark: passed" in content.decode("latin-1")
                           for _, _, content in sink.messages), 10)
    with sink.lock:
        passed = [(s, r) for s, r, c in sink.messages if b"X-Mark: passed" in c]
    results.check("the next server gets NOTIFY, RET and ENVID",
                  passed and "RET=HDRS" in passed[0][0] and "ENVID=abc" in passed[0][0] and
                  "NOTIFY=SUCCESS,FAILURE" in passed[0][1][0], passed)
    send(house, other + "@test.example", "success", rcpt="NOTIFY=SUCCESS")
    report = one(house, user, "success", "NOTIFY=SUCCESS tells of a local delivery")
    if report:
        results.check("with Action: delivered and a 2.x.x status",
                      report.recipients[0]["Action"] == "delivered" and
                      report.recipients[0]["Status"].startswith("2."),
                      report.status.as_string())
        results.check("without the body", "body of success" not in report.message.as_string(),
                      report.message.as_string())
    plain = ("PIPELINING", "8BITMIME")
    sink.extensions, kept = plain, sink.extensions
    house.run("purgestat")
    time.sleep(2)  # a kept connection still knows the old server
    send(house, "good3@far.example", "relayed", rcpt="NOTIFY=SUCCESS")
    report = one(house, user, "relayed", "NOTIFY=SUCCESS at a server without DSN")
    if report:
        results.check("with Action: relayed", report.recipients[0]["Action"] == "relayed",
                      report.status.as_string())
    sink.extensions = kept
    time.sleep(0.5)
    for marker, why in (("never", "NOTIFY=NEVER"), ("delayonly", "NOTIFY=DELAY"),
                        ("null", "the null reverse-path"), ("passed", "a server with DSN")):
        there = reports(house, user, marker, 0)
        results.check("no report for " + why, not there,
                      there and there[0].message.as_string())


def eight_bits(house):
    """What comes back in 8 bits is still well-formed."""
    with smtplib.SMTP("127.0.0.1", house.port, "reports.test", timeout=20) as client:
        client.ehlo()
        client.mail(SENDER, ["BODY=8BITMIME"])
        client.rcpt("bad6@far.example")
        client.data((TEXT % ("eight", "eight", "eight") + "Größe\r\n").encode())
    report = one(house, user, "eight", "a bounce of 8-bit mail")
    if report:
        results.check("the text comes back as it was",
                      "Größe".encode() in house.box_bytes(user), report.message.as_string())


def hops(house):
    received = "".join("Received: from a%d by b%d; Sun, 22 Nov 2026 01:00:00 +0000\r\n" % (n, n)
                       for n in range(25))
    send(house, "good4@far.example", "hops", head=received)
    report = one(house, user, "hops", "too many hops give a bounce")
    if report:
        results.check("with status 5.4.6", report.recipients[0]["Status"] == "5.4.6",
                      report.status.as_string())
    send(house, other + "@test.example", "localhops", head=received)
    results.check("a local mailbox still takes it",
                  wait_until(lambda: b"X-Mark: localhops" in house.box_bytes(other), 10),
                  house.told())
    done = house.run("sendmail", "-h", "20", "good5@far.example",
                     text="Subject: h\nX-Mark: hflag\n\nx\n")
    results.check("-h 20 is at the limit", done.returncode != 0 or wait_until(
        lambda: "hop" in house.logfile(), 5), (done.returncode, house.told()))


def circle():
    """The smart host is ourselves: the hop limit ends it, with one bounce."""
    house = House(variables={"max_hop_count": "8", "smart_path": "127.0.0.1",
                             "smart_transport": "smtp"})
    text = open(house.path("transports")).read()
    house.write("transports", "smtp: driver = smtp, inet; service = %d\n" % house.port + text)
    house.start()
    send(house, "a@far.example", "circle")
    report = one(house, user, "circle", "mail in a circle gives one bounce")
    if report:
        results.check("with status 5.4.6", report.recipients[0]["Status"] == "5.4.6",
                      report.status.as_string())
    results.check("the circle ends", wait_until(house.queue_is_empty, 10), house.told())
    results.check("after some turns", house.logfile().count("] received") < 15,
                  house.logfile().count("] received"))
    send(house, "a@far.example", "nullcircle", sender="")
    results.check("a bounce in a circle ends as well", wait_until(
        house.queue_is_empty, 10), house.told())
    house.end()


def main():
    sink = Sink()
    house = House(sink_port=sink.port, variables={"worker_idle": "1"}).start()
    bounce(house, sink)
    notify(house, sink)
    eight_bits(house)
    hops(house)
    results.check("reports: the queue is empty in the end",
                  wait_until(house.queue_is_empty, 10), (house.queue()[:3], house.told()))
    house.end()
    circle()
    results.end()


main()
