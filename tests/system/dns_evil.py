#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A name server that answers badly on purpose, for dns.sh; not a test by itself.

    dns_evil.py FILE    serves UDP on a free port of 127.0.0.1, and writes the port to FILE

The first label of the name says how it answers."""

import os
import socket
import struct
import sys
import time

CLASS_IN, MX = 1, 15


def wire_name(name):
    return b"".join(bytes([len(label)]) + label for label in name.split(b".")) + b"\0"


def mx(preference, name):
    return struct.pack("!H", preference) + name


# By first label: flags, and the rdata of each MX record.
RCODE_SERVFAIL, RCODE_REFUSED, TRUNCATED = 2, 5, 0x0200
ANSWERS = {
    b"servfail": (RCODE_SERVFAIL, []),
    b"refused": (RCODE_REFUSED, []),
    b"mx0": (0, [b""]),
    b"mx1": (0, [b"\0"]),
    b"mx2": (0, [b"\0\x0a"]),
    b"dotted": (0, [mx(10, b"\x07bad.one\x07example\0")]),
    b"mixed": (0, [mx(5, b"\x07bad one\x07example\0"), mx(10, wire_name(b"good.example"))]),
    b"truncated": (TRUNCATED, []),
    b"race": (0, [mx(10, wire_name(b"true.example"))]),
}


def question_of(packet):
    """Name (labels), type, and the end of the question."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]])
        at += 1 + packet[at]
    return labels, struct.unpack("!H", packet[at + 1:at + 3])[0], at + 5


def response(packet, ident, flags, records):
    end = question_of(packet)[2]
    header = struct.pack("!HHHHHH", ident, 0x8580 | flags, 1, len(records), 0, 0)
    body = b"".join(struct.pack("!HHHIH", 0xC00C, MX, CLASS_IN, 60, len(rdata)) + rdata
                    for rdata in records)
    return header + packet[12:end] + body


def serve(server):
    while True:
        packet, peer = server.recvfrom(4096)
        try:
            labels, kind, _ = question_of(packet)
        except IndexError:
            continue
        ident = struct.unpack("!H", packet[:2])[0]
        word = labels[0].lower() if labels else b""
        forged = response(packet, ident ^ 1, 0, [mx(1, wire_name(b"forged.example"))])
        if word in (b"wrongid", b"race"):
            server.sendto(forged, peer)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.sendto(response(packet, ident, 0, [mx(1, wire_name(b"forged.example"))]),
                             peer)  # the right id, from another port
            time.sleep(0.05)
        if word in ANSWERS:
            flags, records = ANSWERS[word]
            server.sendto(response(packet, ident, flags, records if kind == MX else []), peer)


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    with open(sys.argv[1] + ".new", "w", encoding="ascii") as file:
        file.write(str(server.getsockname()[1]))
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    serve(server)


main()
