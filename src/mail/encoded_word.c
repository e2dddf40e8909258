/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Encoded words in Q encoding. Neighbours that need encoding share one word, since blanks
 * between encoded words are not shown.
 */
#include "mail/encoded_word.h"

#include <string.h>

#include "base/utf8.h"

#include "base/banned.h"

/* Octets of encoded text in one word: 75 of RFC 2047 2 without "=?iso-8859-1?q?" and
 * "?=". */
enum { WORD_MAX_OCTETS = 56 };

static bool
byte_is_parting(char byte)
{
    return byte_is_blank(byte) || byte_is_control(byte);
}

/* Octets up to the next blank. */
static size_t
word_length(struct span text)
{
    size_t length = 0;

    while (length < text.length && !byte_is_parting(text.bytes[length]))
        length++;
    return length;
}

static size_t
blank_length(struct span text)
{
    size_t length = 0;

    while (length < text.length && byte_is_parting(text.bytes[length]))
        length++;
    return length;
}

/* Delimiters that stay outside of an encoded word. */
static bool
byte_is_delimiter(char byte)
{
    return byte == '(' || byte == ')' || byte == '"' || byte == ',' || byte == '<';
}

static bool
word_needs(struct span word)
{
    return !utf8_is_ascii(word) && span_find(word, '@') == word.length;
}

/* Words from the front on that all need encoding, with the blanks between them. */
static size_t
run_length(struct span text)
{
    size_t length = word_length(text);

    for (;;) {
        size_t blanks = blank_length(span_from(text, length));
        struct span rest = span_from(text, length + blanks);
        struct span word = span_first(rest, word_length(rest));

        if (word.length == 0 || !word_needs(word) ||
            byte_is_delimiter(text.bytes[length - 1]) || byte_is_delimiter(word.bytes[0]))
            return length;
        length += blanks + word.length;
    }
}

/* What may stand for itself anywhere (RFC 2047 5 (3)). */
static bool
byte_is_safe(char byte)
{
    return byte_is_letter(byte) || byte_is_digit(byte) ||
           (byte > ' ' && byte < 0x7f && strchr("!*+-/", byte) != NULL);
}

static void
encode_character(struct span character, struct text *text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < character.length; i++) {
        unsigned char octet = (unsigned char)character.bytes[i];
        char coded[] = {'=', digits[octet >> 4], digits[octet & 15]};

        if (byte_is_safe(character.bytes[i]))
            text_add_byte(text, character.bytes[i]);
        else if (byte_is_parting(character.bytes[i]))
            text_add_byte(text, '_');
        else
            text_add_span(text, (struct span){coded, sizeof(coded)});
    }
}

/* As many encoded words as it takes; no character is cut. */
static void
encode_run(struct span run, struct text *text)
{
    bool utf8 = utf8_is_valid(run);
    size_t begin = text->length;

    text_add(text, utf8 ? "=?utf-8?q?" : "=?iso-8859-1?q?");
    begin = text->length;
    while (run.length > 0) {
        size_t length = utf8 ? utf8_character(run, NULL) : 1;

        if (text->length - begin + 3 * length > WORD_MAX_OCTETS) {
            text_add(text, utf8 ? "?= =?utf-8?q?" : "?= =?iso-8859-1?q?");
            begin = text->length;
        }
        encode_character(span_first(run, length), text);
        run = span_from(run, length);
    }
    text_add(text, "?=");
}

static void
add_run(struct span run, struct text *text)
{
    size_t begin = 0, end = run.length;

    while (begin < end && byte_is_delimiter(run.bytes[begin]))
        begin++;
    while (end > begin && byte_is_delimiter(run.bytes[end - 1]))
        end--;
    text_add_span(text, span_first(run, begin));
    encode_run(span_from(span_first(run, end), begin), text);
    text_add_span(text, span_from(run, end));
}

void
encoded_word_add(struct span value, struct text *text)
{
    while (value.length > 0) {
        size_t blanks = blank_length(value), length;

        if (blanks > 0)
            text_add_byte(text, ' ');
        value = span_from(value, blanks);
        length = word_length(value);
        if (length > 0 && word_needs(span_first(value, length))) {
            length = run_length(value);
            add_run(span_first(value, length), text);
        } else {
            text_add_span(text, span_first(value, length));
        }
        value = span_from(value, length);
    }
}
