# SPDX-License-Identifier: GPL-3.0-or-later
"""This is not a test, but what the tests written in Python share: a smail of their own with
its configuration, spool and mailboxes in a temporary directory, a sink that plays the smart
host, and the counting of what passed.

Run by root, the daemon changes users as it does on a real host; set HOUSE_USER to have it
run as that user instead. Run by somebody else, it runs as that user."""
import atexit
import mailbox
import os
import pathlib
import pwd
import re
import shutil
import smtplib
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
NAMES = ("smail", "sendmail", "rmail", "rsmtp", "smtpd", "runq", "mailq", "newaliases",
         "smailctl", "hoststat", "purgestat")
USERS = ("nobody", "games", "man", "news")  # people of every Unix host, with no mail yet


def smail_path():
    path = os.environ.get("SMAIL")
    if not path:
        path = os.path.join(os.environ.get("BUILD", "."), "smail")
    if not os.access(path, os.X_OK):
        sys.exit("not ok smail: %s is no program; set SMAIL" % path)
    return os.path.abspath(path)


class Results:
    """The lines that the runner reads."""

    def __init__(self):
        self.failed = 0

    def check(self, name, good, why=""):
        print(("ok %s" if good else "not ok %s") % name, flush=True)
        if not good:
            self.failed += 1
            for line in str(why).replace("\\n", "\n").splitlines()[:40]:
                print("#   " + line[:200], flush=True)
        return good

    def skip(self, name, why):
        print("skip %s: %s" % (name, why), flush=True)

    def end(self):
        sys.exit(1 if self.failed else 0)


def wait_until(question, seconds=10.0, pause=0.02):
    """Ask until the answer is true or the time is over; the last answer."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(pause)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def runs_as_root():
    return os.geteuid() == 0 and not os.environ.get("HOUSE_USER")


def demotion():
    """What a child does to become HOUSE_USER, or nothing."""
    name = os.environ.get("HOUSE_USER")
    if os.geteuid() != 0 or not name:
        return None
    user = pwd.getpwnam(name)

    def demote():
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    return demote


class House:
    """A smail with everything it needs, on a port of its own."""

    def __init__(self, variables=None, routers=None, transports="", directors=None,
                 sink_port=None, spool=None):
        self.directory = tempfile.mkdtemp(prefix="smail-house.")
        atexit.register(self.end)
        os.chmod(self.directory, 0o755)
        self.spool = spool or self.path("spool")
        self.mail = self.path("mail")
        self.port = free_port()
        self.master = None
        self.log = None
        os.mkdir(self.mail)
        os.chmod(self.mail, 0o1777)
        os.makedirs(self.spool, exist_ok=True)
        if demotion():
            user = pwd.getpwnam(os.environ["HOUSE_USER"])
            for path in (self.directory, self.spool):
                os.chown(path, user.pw_uid, user.pw_gid)
        self.write_files(variables or {}, routers, transports, directors, sink_port)
        self.link_names()

    def path(self, name):
        return os.path.join(self.directory, name)

    def link_names(self):
        os.mkdir(self.path("bin"))
        for name in NAMES:
            os.symlink(smail_path(), self.path("bin/" + name))

    def variables(self, changes):
        settings = {"smail_lib_dir": self.directory, "spool_dirs": self.spool, "hostnames": "test.example",
                    "visible_name": "test.example", "smtp_peer_name": None,
                    "spool_free_minimum": "0", "log_level": "5"}
        if runs_as_root() and not all(known(name) for name in ("smail", "smailnet", "smailmap")):
            settings.update(spool_user="daemon", network_user="nobody", map_user="bin")
        settings.update(changes)
        return settings

    def write_config(self, **changes):
        """Write the file config anew; None and True are booleans."""
        self.settings.update(changes)
        with open(self.path("config"), "w") as file:
            for name, value in self.settings.items():
                if value is None or value is False:
                    file.write("-%s\n" % name)
                elif value is True:
                    file.write("+%s\n" % name)
                else:
                    file.write('%s = "%s"\n' % (name, value))

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        os.chmod(self.path(name), 0o644)

    def write_files(self, variables, routers, transports, directors, sink_port):
        self.settings = self.variables(variables)
        if sink_port and "smart_path" not in self.settings:
            self.settings.update(smart_path="127.0.0.1", smart_transport="smtp")
        self.write_config()
        self.write("routers", routers if routers is not None else
                   "smart_host: driver = smarthost, transport = smtp\n")
        local = ("local: driver = appendfile, local, received, return_path, from, "
                 "unix_from_hack;\n\tfile = %s/${lc:user}, mode = 0600, suffix = \"\\n\"\n"
                 % self.mail)
        smtp = ("smtp: driver = smtp, inet, max_addrs = 100; service = %d\n" % sink_port if sink_port else "")
        self.write("transports", transports + ("" if "local:" in transports else local) +
                   ("" if re.search(r"^smtp:", transports, re.M) else smtp))
        if directors is not None:
            self.write("directors", directors)
        self.write("aliases", "")
        os.mkdir(self.path("lists"))
        if directors is None:
            self.write("directors", self.default_directors())

    def default_directors(self):
        """The ones built in, but for where aliases and mailboxes are."""
        told = subprocess.run([smail_path(), "-C", self.path("config"), "-bP", "DIRECTORS"],
                              stdout=subprocess.PIPE, check=True,
                              preexec_fn=demotion()).stdout.decode()
        told = re.sub(r"file = [^ ,]*aliases", "file = " + self.path("aliases"), told)
        return told.replace("/var/mail/", self.mail + "/")

    # --- running ---

    def environment(self):
        return {**os.environ, "SMAIL_CONFIG": self.path("config"), "PATH": self.path("bin") + ":" + os.environ.get("PATH", ""),
                "LC_ALL": "C.UTF-8"}

    def arguments(self, name, *rest):
        return [self.path("bin/" + name), *rest]

    def start(self, *more, wait=True):
        self.log = open(self.path("output"), "ab")
        self.master = subprocess.Popen(
            self.arguments("smail", "-bd", "--foreground", "-oX", "127.0.0.1:%d" % self.port,
                           *more),
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            preexec_fn=demotion(), cwd=self.directory, env=self.environment())
        if wait and not wait_until(self.serves, 15):
            raise RuntimeError("smail takes no mail:\n" + self.told())
        return self

    def told(self):
        """What it said and logged, for a failed test."""
        text = ""
        for path in (self.path("output"), self.spool + "/log/paniclog",
                     self.spool + "/log/logfile"):
            try:
                with open(path, errors="replace") as file:
                    text += "--- %s\n%s" % (path, "".join(file.readlines()[-15:]))
            except OSError:
                pass
        return text

    def logfile(self):
        try:
            with open(self.spool + "/log/logfile", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def paniclog(self):
        try:
            with open(self.spool + "/log/paniclog", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def greets(self, seconds=1.0):
        try:
            with socket.create_connection(("127.0.0.1", self.port), seconds) as client:
                client.settimeout(seconds)
                return client.recv(4) == b"220 "
        except OSError:
            return False

    def serves(self, seconds=1.0):
        """Would it take a message now?"""
        try:
            with smtplib.SMTP("127.0.0.1", self.port, "probe.test", seconds) as client:
                return client.docmd("EHLO", "probe.test")[0] == 250 and \
                    client.docmd("MAIL", "FROM:<>")[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def stop(self, seconds=10):
        """End it as a supervisor would. True when it and its children ended in time."""
        if not self.master:
            return True
        children = self.children()
        if self.master.poll() is None:
            self.master.terminate()
        try:
            self.master.wait(seconds)
        except subprocess.TimeoutExpired:
            self.master.kill()
            self.master.wait()
            self.master = None
            return False
        self.master = None
        if self.log:
            self.log.close()
        return bool(wait_until(lambda: not any(alive(pid) for pid in children), 3))

    def end(self):
        if self.master:
            self.stop()
        if os.environ.get("KEEP"):
            print("# kept", self.directory, file=sys.stderr)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)

    def children(self):
        """{pid: role} of the processes that the master started."""
        found = {}
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open("/proc/%s/stat" % entry) as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
                if parent != self.master.pid:
                    continue
                with open("/proc/%s/cmdline" % entry, "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if len(words) > 2 and words[1] == b"-role":
                found[int(entry)] = words[2].decode()
        return found

    def run(self, name, *arguments, text="", timeout=40, **more):
        """Call the program by one of its names."""
        data = text if isinstance(text, bytes) else text.encode()
        more.setdefault("preexec_fn", demotion())
        return subprocess.run(self.arguments(name, *arguments), input=data, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.environment(), cwd="/", **more)

    # --- what arrived ---

    def box(self, user):
        """The messages in somebody's mailbox, as email.message objects."""
        path = os.path.join(self.mail, user)
        if not os.path.exists(path):
            return []
        box = mailbox.mbox(path, create=False)
        try:
            return [box[key] for key in box.keys()]
        finally:
            box.close()

    def box_bytes(self, user):
        try:
            with open(os.path.join(self.mail, user), "rb") as file:
                return file.read()
        except OSError:
            return b""

    def wait_for_mail(self, user, count=1, seconds=10):
        wait_until(lambda: self.box_bytes(user).count(b"\nReturn-Path:") +
                   self.box_bytes(user).startswith(b"Return-Path:") >= count, seconds)
        return self.box(user)

    def queue(self):
        """mailq as JSON rows."""
        import json
        done = self.run("mailq", "--json")
        rows = []
        for line in done.stdout.decode().splitlines():
            if line.strip():
                rows.append(json.loads(line))
        return rows

    def queue_is_empty(self):
        return not self.queue()


def known(name):
    try:
        pwd.getpwnam(name)
        return True
    except KeyError:
        return False


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# --- a server that takes mail ---

class SinkHandler(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def answer(self, verb, argument, default):
        """The sink's own wish for this verb, or the default. None: hang up."""
        reply = self.server.sink.reply(verb, argument)
        if reply == "close":
            raise ConnectionAbortedError
        self.say(reply or default)
        return (reply or default)[0] in "23"

    def handle(self):
        sink = self.server.sink
        with sink.lock:
            sink.sessions += 1
        self.sender, self.recipients = None, []
        try:
            if self.answer("CONNECT", "", "220 sink.example ESMTP"):
                while self.step(sink):
                    pass
        except (OSError, ValueError):
            pass

    def step(self, sink):
        line = self.rfile.readline(4096)
        if not line:
            return False
        text = line.decode("latin-1").rstrip("\r\n")
        verb, _, argument = text.partition(" ")
        verb = verb.upper()
        with sink.lock:
            sink.commands.append(text)
        if verb == "EHLO":
            self.answer(verb, argument, "250-sink.example\r\n" + "".join(
                "250-%s\r\n" % word for word in sink.extensions) + "250 HELP")
        elif verb == "MAIL":
            if self.answer(verb, argument, "250 2.1.0 Ok"):
                self.sender, self.recipients = argument, []
        elif verb == "RCPT":
            if self.answer(verb, argument, "250 2.1.5 Ok"):
                self.recipients.append(argument)
        elif verb == "DATA":
            if self.answer(verb, argument, "354 go on" if self.recipients else "554 no"):
                self.content(sink)
        elif verb == "QUIT":
            self.answer(verb, argument, "221 2.0.0 Bye")
            return False
        else:
            self.answer(verb, argument, "250 2.0.0 Ok")
        return True

    def content(self, sink):
        lines = []
        while True:
            line = self.rfile.readline(1 << 20)
            if not line:
                return
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        reply = sink.reply("DOT", "")
        if reply == "close":
            raise ConnectionAbortedError
        if not reply or reply[0] == "2":
            with sink.lock:
                sink.messages.append((self.sender, self.recipients, b"".join(lines)))
        self.say(reply or "250 2.0.0 taken")


class Sink:
    """A server in a thread. `replies` maps a verb (CONNECT, EHLO, MAIL, RCPT, DATA, DOT,
    QUIT) to an answer, to "close", or to a function of the argument that returns one."""

    def __init__(self, extensions=("PIPELINING", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES"),
                 port=0, address="127.0.0.1"):
        self.extensions = extensions
        self.messages, self.commands, self.replies = [], [], {}
        self.sessions = 0
        self.lock = threading.Lock()
        self.address = address
        self.server = None
        self.start(port)
        self.port = self.server.server_address[1]

    def start(self, port=None):
        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 256
        self.server = Server((self.address, port if port is not None else self.port),
                             SinkHandler)
        self.server.sink = self
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def reply(self, verb, argument):
        reply = self.replies.get(verb)
        return reply(argument) if callable(reply) else reply

    def count(self):
        with self.lock:
            return len(self.messages)
