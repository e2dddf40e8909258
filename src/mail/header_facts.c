/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Facts of a content that is still arriving. Where the header ends is decided by the same
 * rules as in header_length(), but with the line perhaps cut anywhere.
 */
#include "mail/header.h"

#include <string.h>

#include "base/utf8.h"

#include "base/banned.h"

enum state {
    AT_BEGIN,  /* of a line */
    AT_RETURN, /* a CR began the line */
    IN_NAME,
    BEHIND_NAME, /* blanks before the colon */
    IN_VALUE,
};

struct content_facts
content_facts_new(void)
{
    return (struct content_facts){.state = AT_BEGIN};
}

/* The line that began at header_size is the body's first. */
static void
facts_end_header(struct content_facts *facts)
{
    facts->header_done = true;
}

static void
facts_colon(struct content_facts *facts)
{
    struct span name = {facts->begin, facts->begin_length};

    if (facts->begin_length < sizeof(facts->begin) && span_is_nocase(name, "received") &&
        facts->received < UINT32_MAX)
        facts->received++;
    facts->state = IN_VALUE;
    facts->field = true;
}

static void
facts_name(struct content_facts *facts, char byte)
{
    facts->state = IN_NAME;
    if (facts->begin_length < sizeof(facts->begin))
        facts->begin[facts->begin_length++] = byte;
}

/* An octet before the colon. */
static void
facts_octet(struct content_facts *facts, char byte)
{
    bool name = byte > ' ' && byte < 0x7f && byte != ':';

    if (facts->state == AT_RETURN) {
        if (byte == '\n')
            facts->header_size += 2;
        facts_end_header(facts);
    } else if (facts->state == AT_BEGIN && byte == '\r') {
        facts->state = AT_RETURN;
    } else if (facts->state == AT_BEGIN && byte_is_blank(byte) && facts->field) {
        facts->state = IN_VALUE;
    } else if (facts->state != BEHIND_NAME && name) {
        facts_name(facts, byte);
    } else if (facts->state != AT_BEGIN && byte == ':') {
        facts_colon(facts);
    } else if (facts->state != AT_BEGIN && byte_is_blank(byte)) {
        facts->state = BEHIND_NAME;
    } else {
        facts_end_header(facts);
    }
}

/* Octets of a value up to and with the next LF; returns how many were taken. */
static size_t
facts_value(struct content_facts *facts, struct span bytes, char last)
{
    size_t feed = span_find(bytes, '\n');
    size_t taken = feed < bytes.length ? feed + 1 : feed;

    if (!utf8_is_ascii(span_first(bytes, taken)))
        facts->header_utf8 = true;
    if (feed < bytes.length && (feed > 0 ? bytes.bytes[feed - 1] : last) == '\r') {
        facts->state = AT_BEGIN;
        facts->begin_length = 0;
    }
    return taken;
}

/* header_size is where the line begins that is being read. */
static void
facts_header(struct content_facts *facts, struct span bytes)
{
    size_t i = 0;

    while (i < bytes.length && !facts->header_done) {
        char last = i > 0 ? bytes.bytes[i - 1] : facts->last;

        if (facts->state == IN_VALUE) {
            i += facts_value(facts, span_from(bytes, i), last);
            if (facts->state == AT_BEGIN)
                facts->header_size = facts->size + i;
        } else {
            facts_octet(facts, bytes.bytes[i++]);
        }
    }
}

static void
facts_note_line(struct content_facts *facts, uint64_t length)
{
    if (length > UINT32_MAX)
        length = UINT32_MAX;
    if (length > facts->longest_line)
        facts->longest_line = (uint32_t)length;
}

/* `line` counts the octets of the line so far, and stays at the highest value it can
 * have. */
static void
facts_lines(struct content_facts *facts, struct span bytes)
{
    char last = facts->last;

    while (bytes.length > 0) {
        size_t feed = span_find(bytes, '\n');
        size_t taken = feed < bytes.length ? feed + 1 : feed;
        uint64_t length = (uint64_t)facts->line + taken;

        if (feed > 0)
            last = bytes.bytes[feed - 1];
        if (feed < bytes.length && last == '\r') {
            facts_note_line(facts, length - 2);
            length = 0;
        }
        facts->line = length < UINT32_MAX ? (uint32_t)length : UINT32_MAX;
        last = bytes.bytes[taken - 1];
        bytes = span_from(bytes, taken);
    }
}

void
content_facts_add(struct content_facts *facts, struct span bytes)
{
    if (bytes.length == 0)
        return;
    if (!facts->eight_bit && !utf8_is_ascii(bytes))
        facts->eight_bit = true;
    if (!facts->header_done)
        facts_header(facts, bytes);
    facts_lines(facts, bytes);
    facts->size += bytes.length;
    facts->last = bytes.bytes[bytes.length - 1];
}

void
content_facts_store(const struct content_facts *facts, struct envelope *envelope)
{
    bool whole = !facts->header_done && facts->state == IN_VALUE;
    uint32_t line = facts->line > facts->longest_line ? facts->line : facts->longest_line;

    envelope->size = facts->size;
    envelope->header_size = whole ? facts->size : facts->header_size;
    envelope->longest_line = line;
    envelope->eight_bit = facts->eight_bit;
    envelope->header_utf8 = facts->header_utf8;
    if (envelope->hops < facts->received)
        envelope->hops = facts->received;
}
