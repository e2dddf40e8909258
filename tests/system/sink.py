#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail server that takes everything and keeps it: each message becomes a file in a directory,
its envelope in front. It plays the smart host for ./try and for tests.

    sink.py DIRECTORY [--port N] [--port-file FILE] [--reply VERB=TEXT] [--wait SECONDS]

--reply RCPT="450 4.2.0 later" answers a verb (greeting: CONNECT, end of the text: END) that way.
The file with the port appears once it listens. It ends with SIGTERM.
"""
import argparse
import itertools
import os
import socketserver
import sys
import threading
import time

counter = itertools.count(1)
lock = threading.Lock()


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def answer(self, verb, usual):
        text = self.server.replies.get(verb, usual)
        self.say(text)
        return text.startswith(("2", "3"))

    def keep(self, content):
        with lock:
            number = next(counter)
        name = os.path.join(self.server.directory, "%06d" % number)
        with open(name + ".new", "wb") as file:
            for line in [self.hello, self.reverse_path] + self.recipients:
                file.write(line.encode("utf-8", "surrogateescape") + b"\n")
            file.write(b"\n" + content)
        os.rename(name + ".new", name)

    def read_text(self):
        lines = []
        while True:
            line = self.rfile.readline()
            if not line:
                return None
            if line in (b".\r\n", b".\n"):
                return b"".join(lines)
            lines.append((line[1:] if line.startswith(b".") else line).replace(b"\r\n", b"\n"))

    def data(self):
        if not self.recipients:
            self.say("503 5.5.1 no recipients")
            return True
        if not self.answer("DATA", "354 go on"):
            return True
        content = self.read_text()
        if content is None:
            return False
        time.sleep(self.server.wait)
        if self.server.replies.get("END", "2").startswith("2"):
            self.keep(content)
        self.answer("END", "250 2.0.0 kept")
        self.reverse_path, self.recipients = None, []
        return True

    def command(self, line):
        verb = line[:4].upper()
        if verb in ("EHLO", "HELO"):
            self.hello = line
            for extension in ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"):
                if verb == "EHLO":
                    self.say("250-" + extension)
            self.answer(verb, "250 sink")
        elif verb == "MAIL":
            if self.answer("MAIL", "250 2.1.0 ok"):
                self.reverse_path, self.recipients = line, []
        elif verb == "RCPT":
            if self.answer("RCPT", "250 2.1.5 ok"):
                self.recipients.append(line)
        elif verb == "DATA":
            return self.data()
        elif verb == "QUIT":
            self.answer("QUIT", "221 2.0.0 bye")
            return False
        else:
            if verb == "RSET":
                self.reverse_path, self.recipients = None, []
            self.say("250 2.0.0 ok" if verb in ("RSET", "NOOP") else "502 5.5.1 not here")
        return True

    def handle(self):
        self.hello, self.reverse_path, self.recipients = "", None, []
        try:
            if not self.answer("CONNECT", "220 sink ESMTP"):
                return
            while True:
                line = self.rfile.readline()
                if not line or not self.command(line.decode("utf-8", "surrogateescape").strip()):
                    return
        except (ConnectionError, BrokenPipeError):
            pass


class Sink(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file")
    parser.add_argument("--reply", action="append", default=[])
    parser.add_argument("--wait", type=float, default=0)
    options = parser.parse_args()
    os.makedirs(options.directory, exist_ok=True)
    server = Sink(("127.0.0.1", options.port), Session)
    server.directory, server.wait = options.directory, options.wait
    server.replies = dict(reply.split("=", 1) for reply in options.reply)
    if options.port_file:
        with open(options.port_file + ".new", "w") as file:
            print(server.server_address[1], file=file)
        os.rename(options.port_file + ".new", options.port_file)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
