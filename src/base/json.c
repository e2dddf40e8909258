/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON out. Besides what RFC 8259 wants escaped, DEL and the C1 controls are, so a line
 * of a log cannot steer the terminal on which somebody reads it.
 */
#include "base/json.h"

#include "base/banned.h"

struct json
json_new(struct text *text)
{
    return (struct json){.text = text};
}

static bool
byte_continues(struct span span, size_t at, unsigned char least, unsigned char most)
{
    unsigned char byte;

    if (at >= span.length)
        return false;
    byte = (unsigned char)span.bytes[at];
    return byte >= least && byte <= most;
}

/*
 * The length of the character at the front of a span that is not empty (RFC 3629 4);
 * `valid` tells whether it is one. If not, the length is that of the longest start of a
 * character, the part that Unicode recommends to replace as a whole.
 */
static size_t
utf8_length(struct span span, bool *valid)
{
    unsigned char first = (unsigned char)span.bytes[0];
    unsigned char least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    size_t wanted = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    size_t length = 1;

    *valid = false;
    if (first >= 0x80 && (first < 0xc2 || first > 0xf4))
        return 1;
    if (wanted > 1 && byte_continues(span, 1, least, most))
        length = 2;
    while (length >= 2 && length < wanted && byte_continues(span, length, 0x80, 0xbf))
        length++;
    *valid = length == wanted;
    return length;
}

static void
json_escape(struct text *text, unsigned code)
{
    static const char digits[] = "0123456789abcdef";
    char escape[] = {'\\', 'u', '0', '0', digits[code >> 4 & 15], digits[code & 15]};

    text_add_span(text, (struct span){escape, sizeof(escape)});
}

/* One character below 0x80. */
static void
json_ascii(struct text *text, char byte)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    size_t named = span_find(SPAN("\"\\\b\f\n\r\t"), byte);

    if (named < sizeof(from) - 1) {
        text_add_byte(text, '\\');
        text_add_byte(text, to[named]);
    } else if (byte_is_control(byte)) {
        json_escape(text, (unsigned char)byte);
    } else {
        text_add_byte(text, byte);
    }
}

static void
json_quote(struct text *text, struct span value)
{
    text_add_byte(text, '"');
    while (value.length > 0) {
        bool valid;
        size_t length = utf8_length(value, &valid);
        unsigned char second = length > 1 ? (unsigned char)value.bytes[1] : 0;

        if (!valid)
            text_add(text, "\xef\xbf\xbd");
        else if (length == 1)
            json_ascii(text, value.bytes[0]);
        else if ((unsigned char)value.bytes[0] == 0xc2 && second < 0xa0)
            json_escape(text, second);
        else
            text_add_span(text, span_first(value, length));
        value = span_from(value, length);
    }
    text_add_byte(text, '"');
}

/* What stands in front of a value: a comma, a name. */
static void
json_begin(struct json *json, const char *name)
{
    if (json->comma && json->depth > 0)
        text_add_byte(json->text, ',');
    json->comma = true;
    if (name == NULL)
        return;
    json_quote(json->text, span_of(name));
    text_add_byte(json->text, ':');
}

static void
json_open(struct json *json, const char *name, char bracket)
{
    json_begin(json, name);
    text_add_byte(json->text, bracket);
    json->depth++;
    json->comma = false;
}

static void
json_close(struct json *json, char bracket)
{
    text_add_byte(json->text, bracket);
    json->depth--;
    json->comma = true;
}

void
json_object(struct json *json, const char *name)
{
    json_open(json, name, '{');
}

void
json_array(struct json *json, const char *name)
{
    json_open(json, name, '[');
}

void
json_end_object(struct json *json)
{
    json_close(json, '}');
}

void
json_end_array(struct json *json)
{
    json_close(json, ']');
}

void
json_span(struct json *json, const char *name, struct span value)
{
    json_begin(json, name);
    json_quote(json->text, value);
}

void
json_string(struct json *json, const char *name, const char *value)
{
    json_begin(json, name);
    if (value != NULL)
        json_quote(json->text, span_of(value));
    else
        text_add(json->text, "null");
}

void
json_number(struct json *json, const char *name, int64_t value)
{
    json_begin(json, name);
    text_add_format(json->text, "%lld", (long long)value);
}

void
json_bool(struct json *json, const char *name, bool value)
{
    json_begin(json, name);
    text_add(json->text, value ? "true" : "false");
}
