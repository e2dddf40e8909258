/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One walk over a list of addresses (RFC 5322 3.4): where a mailbox ends without having
 * named a host, the domain is put in.
 */
#include "mail/header_qualify.h"

#include "base/banned.h"

/* The walk, and what is known of the mailbox that it is in. */
struct walk {
    struct span value;
    size_t at;
    const char *domain;
    struct text *text;
    size_t end; /* of the mailbox's last word, in `text` */
    size_t words;
    bool in_word;
    bool has_host;
    bool in_angle, had_angle, angle_has_word;
};

bool
field_has_addresses(struct span name)
{
    static const char *const names[] = {"From",
                                        "Sender",
                                        "Reply-To",
                                        "To",
                                        "Cc",
                                        "Bcc",
                                        "Errors-To",
                                        "Apparently-To",
                                        "Apparently-From",
                                        "Return-Receipt-To",
                                        "Disposition-Notification-To"};

    if (span_starts_nocase(name, "Resent-"))
        name = span_from(name, sizeof("Resent-") - 1);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_is_nocase(name, names[i]))
            return true;
    return false;
}

static void
copy(struct walk *walk, size_t length)
{
    text_add_span(walk->text, span_first(span_from(walk->value, walk->at), length));
    walk->at += length;
}

/*
 * Octets of the quoted string, comment or literal that begins here; 0 when it does not
 * end.
 */
static size_t
enclosed_length(const struct walk *walk)
{
    struct span rest = span_from(walk->value, walk->at);
    char begin = rest.bytes[0];
    char end = begin == '(' ? ')' : (begin == '[' ? ']' : '"');
    size_t depth = 1;

    for (size_t i = 1; i < rest.length; i++) {
        char byte = rest.bytes[i];

        if (byte == '\\')
            i++;
        else if (byte == end && --depth == 0)
            return i + 1;
        else if (byte == '(' && begin == '(')
            depth++;
    }
    return 0;
}

static void
mailbox_begin(struct walk *walk)
{
    walk->words = 0;
    walk->in_word = walk->has_host = false;
    walk->in_angle = walk->had_angle = walk->angle_has_word = false;
}

/* A part of the mailbox's text was copied. */
static void
word_copied(struct walk *walk)
{
    if (!walk->in_word)
        walk->words++;
    walk->in_word = true;
    walk->end = walk->text->length;
    walk->angle_has_word |= walk->in_angle;
}

/* Put the domain in behind the last word; what came after it moves on. */
static void
domain_insert(struct walk *walk)
{
    const char *behind =
        span_string(span_from(text_span(walk->text), walk->end), walk->text->arena);

    text_cut(walk->text, walk->end);
    text_add_byte(walk->text, '@');
    text_add(walk->text, walk->domain);
    text_add(walk->text, behind);
}

/* A bare mailbox is one word; several are something else, and not ours to mend. */
static void
mailbox_end(struct walk *walk)
{
    if (!walk->had_angle && walk->words == 1 && !walk->has_host)
        domain_insert(walk);
    mailbox_begin(walk);
}

static void
angle_begin(struct walk *walk)
{
    mailbox_begin(walk); /* what stood before it is a name */
    walk->in_angle = walk->had_angle = true;
}

static void
angle_end(struct walk *walk)
{
    if (walk->in_angle && walk->angle_has_word && !walk->has_host)
        domain_insert(walk);
    walk->in_angle = false;
}

/* One octet that is no part of a word. */
static void
separator(struct walk *walk, char byte)
{
    if (byte == '<')
        angle_begin(walk);
    else if (byte == '>')
        angle_end(walk);
    else if ((byte == ',' || byte == ';') && !walk->in_angle)
        mailbox_end(walk);
    else if (byte == ':' && !walk->in_angle)
        mailbox_begin(walk); /* the name of a group */
    walk->in_word = false;
    copy(walk, 1);
}

/* One step; false when the value is no list of addresses. */
static bool
step(struct walk *walk)
{
    char byte = walk->value.bytes[walk->at];
    size_t length = 1;

    if (byte == '"' || byte == '(' || byte == '[') {
        length = enclosed_length(walk);
        if (length == 0)
            return false;
    } else if (byte_is_space(byte) || byte == '<' || byte == '>' || byte == ',' ||
               byte == ';' || byte == ':') {
        separator(walk, byte);
        return true;
    } else if (byte == '\\' && walk->at + 1 < walk->value.length) {
        length = 2;
    }
    copy(walk, length);
    if (byte == '(') {
        walk->in_word = false;
        return true;
    }
    if (byte == '@' || byte == '!')
        walk->has_host = true;
    word_copied(walk);
    return true;
}

void
addresses_qualify(struct span value, const char *domain, struct text *text)
{
    struct walk walk = {.value = value, .domain = domain, .text = text};
    size_t begin = text->length;

    mailbox_begin(&walk);
    while (walk.at < value.length) {
        if (step(&walk))
            continue;
        text_cut(text, begin);
        text_add_span(text, value);
        return;
    }
    mailbox_end(&walk);
}
