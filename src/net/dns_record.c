/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records from the wire: the rdata of one record, names without compression, every octet
 * accounted for. What is odd in any way is refused; whoever made it wanted trouble.
 */
#include "net/dns.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/banned.h"

enum { NAME_OCTETS = 255, LABEL_OCTETS = 63 };

/* Characters that host names have in practice; '_' for service names. */
static bool
byte_is_name(char byte)
{
    return byte_is_letter(byte) || byte_is_digit(byte) || byte == '-' || byte == '_';
}

/* A name that fills `wire` exactly; "" is the root. */
static bool
name_read(struct span wire, struct arena *arena, const char **name)
{
    struct text text = text_new(arena);
    size_t at = 0;

    if (wire.length > NAME_OCTETS)
        return false;
    while (at < wire.length && wire.bytes[at] != 0) {
        size_t length = (unsigned char)wire.bytes[at];

        if (length > LABEL_OCTETS || length >= wire.length - at)
            return false;
        if (at > 0)
            text_add_byte(&text, '.');
        for (size_t i = 1; i <= length; i++) {
            if (!byte_is_name(wire.bytes[at + i]))
                return false;
            text_add_byte(&text, byte_lower(wire.bytes[at + i]));
        }
        at += 1 + length;
    }
    *name = text_string(&text);
    return at + 1 == wire.length;
}

static bool
address_record(int family, size_t length, struct span rdata, struct arena *arena,
               struct dns_record *record)
{
    char printed[INET6_ADDRSTRLEN];

    if (rdata.length != length ||
        inet_ntop(family, rdata.bytes, printed, sizeof printed) == NULL)
        return false;
    record->address = arena_string(arena, printed);
    return true;
}

static bool
mx_record(struct span rdata, struct arena *arena, struct dns_record *record)
{
    if (rdata.length < 3)
        return false;
    record->preference =
        (uint16_t)((unsigned char)rdata.bytes[0] << 8 | (unsigned char)rdata.bytes[1]);
    return name_read(span_from(rdata, 2), arena, &record->name);
}

/* One or more strings, each with its length in front. */
static bool
strings_are_whole(struct span rdata)
{
    size_t at = 0;

    while (at < rdata.length)
        at += 1 + (size_t)(unsigned char)rdata.bytes[at];
    return rdata.length > 0 && at == rdata.length;
}

static bool
raw_record(struct span rdata, struct arena *arena, struct dns_record *record)
{
    record->data =
        (struct span){arena_bytes(arena, rdata.bytes, rdata.length), rdata.length};
    return true;
}

bool
dns_record_read(enum dns_type type, struct span rdata, struct arena *arena,
                struct dns_record *record)
{
    *record = (struct dns_record){.name = "", .address = ""};
    switch (type) {
    case DNS_A:
        return address_record(AF_INET, 4, rdata, arena, record);
    case DNS_AAAA:
        return address_record(AF_INET6, 16, rdata, arena, record);
    case DNS_MX:
        return mx_record(rdata, arena, record);
    case DNS_PTR:
        return name_read(rdata, arena, &record->name);
    case DNS_TXT:
        return strings_are_whole(rdata) && raw_record(rdata, arena, record);
    case DNS_TLSA: /* usage, selector, matching type, data (RFC 6698 2.1) */
        return rdata.length > 3 && raw_record(rdata, arena, record);
    }
    return false;
}
