#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SMTP server on a loopback port that keeps what it gets: each message as a file
NUMBER in a directory, envelope in front as "MAIL path" and "RCPT path" lines and an empty
line. Recipients that begin with "defer" get 451, with "refuse" 550; --data=REPLY answers
the text with that reply."""
import os
import socketserver
import sys
import threading

port, directory = int(sys.argv[1]), sys.argv[2]
flags = dict(a[2:].split("=", 1) for a in sys.argv[3:] if a.startswith("--"))
lock = threading.Lock()
count = 0


def keep(envelope, text):
    global count
    with lock:
        count += 1
        name = os.path.join(directory, str(count))
    with open(name + ".new", "wb") as file:
        file.write(b"".join(line + b"\n" for line in envelope) + b"\n" + text)
    os.rename(name + ".new", name)


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def text(self):
        lines = []
        while True:
            line = self.rfile.readline()
            if not line or line in (b".\r\n", b".\n"):
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)

    def recipient(self, path):
        local = path.strip(b"<> ").lower()
        if local.startswith(b"defer"):
            self.say("451 4.2.0 not now")
        elif local.startswith(b"refuse"):
            self.say("550 5.1.1 nobody here by that name")
        else:
            self.envelope.append(b"RCPT " + path)
            self.say("250 2.1.5 ok")

    def handle(self):
        self.envelope = []
        self.say("220 sink.test ESMTP")
        while True:
            line = self.rfile.readline()
            if not line:
                return
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say("250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN")
            elif verb == b"MAIL":
                self.envelope = [b"MAIL " + line[10:].split(b">")[0].strip() + b">"]
                self.say("250 2.1.0 ok")
            elif verb == b"RCPT":
                self.recipient(line[8:].split(b">")[0].strip() + b">")
            elif verb == b"DATA":
                if not any(word.startswith(b"RCPT") for word in self.envelope):
                    self.say("554 5.5.1 no valid recipients")
                    continue
                self.say("354 go on")
                text = self.text()
                if "data" not in flags:
                    keep(self.envelope, text)
                self.say(flags.get("data", "250 2.0.0 kept"))
                self.envelope = []
            elif verb == b"QUIT":
                self.say("221 2.0.0 bye")
                return
            else:
                self.say("250 2.0.0 ok")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


with Server(("127.0.0.1", port), Session) as server:
    open(os.path.join(directory, ".ready"), "w").close()
    server.serve_forever()
