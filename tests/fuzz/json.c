/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes hostile bytes as a JSON string and reads the result with a reader made for
 * nothing else: it must be valid (RFC 8259 7, RFC 3629), and give valid input back
 * unchanged.
 */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool holds)
{
    if (!holds)
        abort();
}

/*
 * Take one character off the front: its number, or -1 (and one byte gone) if there is
 * none. By arithmetic instead of the writer's tables of bytes, so as not to share its
 * faults.
 */
static int32_t
utf8_take(struct span *rest)
{
    static const int32_t least[] = {0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)rest->bytes[0];
    size_t more = first < 0x80   ? 0
                  : first < 0xc0 ? 4
                  : first < 0xe0 ? 1
                  : first < 0xf0 ? 2
                                 : 3;
    int32_t code = more == 0 ? first : first & (0x3f >> more);

    if (more > 3 || first >= 0xf8 || rest->length <= more)
        code = -1;
    for (size_t i = 1; code >= 0 && i <= more; i++) {
        unsigned char byte = (unsigned char)rest->bytes[i];

        code = byte >> 6 == 2 ? code << 6 | (byte & 0x3f) : -1;
    }
    if (code < 0 || code < least[more] || code > 0x10ffff ||
        (code >= 0xd800 && code < 0xe000))
        code = -1;
    *rest = span_from(*rest, code < 0 ? 1 : more + 1);
    return code;
}

static void
text_add_code(struct text *text, int32_t code)
{
    expect(code < 0x100); /* the writer escapes nothing beyond */
    if (code >= 0x80)
        text_add_byte(text, (char)(unsigned char)(0xc0 | code >> 6));
    text_add_byte(text, (char)(unsigned char)(code < 0x80 ? code : 0x80 | (code & 0x3f)));
}

/* The escape behind a backslash. */
static void
escape_take(struct span *rest, struct text *text)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *letter;
    char digits[5] = "";

    expect(rest->length > 0);
    letter = memchr(letters, rest->bytes[0], sizeof(letters) - 1);
    if (letter != NULL) {
        text_add_byte(text, meanings[letter - letters]);
        *rest = span_from(*rest, 1);
        return;
    }
    expect(rest->bytes[0] == 'u' && rest->length >= 5);
    memcpy(digits, rest->bytes + 1, 4);
    expect(strspn(digits, "0123456789abcdefABCDEF") == 4);
    text_add_code(text, (int32_t)strtol(digits, NULL, 16));
    *rest = span_from(*rest, 5);
}

/* What the quoted string at the front means; it is taken off. */
static struct span
string_take(struct span *rest, struct arena *arena)
{
    struct text text = text_new(arena);

    expect(rest->length > 0 && rest->bytes[0] == '"');
    *rest = span_from(*rest, 1);
    for (;;) {
        struct span before = *rest;
        int32_t code;

        expect(rest->length > 0);
        code = utf8_take(rest);
        expect(code >= 0x20 && (code < 0x7f || code > 0x9f)); /* valid, no control */
        if (code == '"')
            return text_span(&text);
        if (code == '\\')
            escape_take(rest, &text);
        else
            text_add_span(&text, span_first(before, before.length - rest->length));
    }
}

static bool
is_valid(struct span span)
{
    while (span.length > 0)
        if (utf8_take(&span) < 0)
            return false;
    return true;
}

static void
byte_take(struct span *rest, char byte)
{
    expect(rest->length > 0 && rest->bytes[0] == byte);
    *rest = span_from(*rest, 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct span input = {(const char *)data, size}, rest;
    const char *name = span_string(input, arena); /* up to the first NUL */
    struct text text = text_new(arena);
    struct json json = json_new(&text);
    bool valid = is_valid(input);

    json_object(&json, NULL);
    json_span(&json, name, input);
    json_end_object(&json);
    rest = text_span(&text);
    byte_take(&rest, '{');
    expect(span_is(string_take(&rest, arena), name) || !is_valid(span_of(name)));
    byte_take(&rest, ':');
    expect(span_equal(string_take(&rest, arena), input) == valid);
    byte_take(&rest, '}');
    expect(rest.length == 0);
    arena_free(arena);
    return 0;
}
