/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walking the fields of a header, and the small questions that are asked of them. */
#include "mail/header.h"

#include <string.h>

#include "mail/mailbox.h"

#include "base/banned.h"

/* Octets of the first line with its CRLF; all if there is none. A bare LF ends nothing.
 */
static size_t
line_length(struct span text)
{
    size_t length = 0;

    while (length < text.length) {
        const char *feed = memchr(text.bytes + length, '\n', text.length - length);

        if (feed == NULL)
            return text.length;
        length = (size_t)(feed - text.bytes) + 1;
        if (length > 1 && feed[-1] == '\r')
            return length;
    }
    return length;
}

/* ftext of RFC 5322 3.6.8. */
static bool
byte_is_name(char byte)
{
    return byte > ' ' && byte < 0x7f && byte != ':';
}

static size_t
line_name_length(struct span line)
{
    size_t length = 0;

    while (length < line.length && byte_is_name(line.bytes[length]))
        length++;
    return length;
}

bool
header_next(struct span *rest, struct field *field)
{
    size_t length = line_length(*rest);
    size_t name = line_name_length(span_first(*rest, length));
    size_t colon = name;

    while (colon < length &&
           byte_is_blank(rest->bytes[colon])) /* obsolete, RFC 5322 4.5.8 */
        colon++;
    if (name == 0 || colon == length || rest->bytes[colon] != ':')
        return false;
    while (length < rest->length && byte_is_blank(rest->bytes[length]))
        length += line_length(span_from(*rest, length));
    field->name = span_first(*rest, name);
    field->whole = span_first(*rest, length);
    field->value = span_from(field->whole, colon + 1);
    if (field->value.length >= 2 && memcmp(rest->bytes + length - 2, "\r\n", 2) == 0)
        field->value.length -= 2;
    *rest = span_from(*rest, length);
    return true;
}

size_t
header_length(struct span content)
{
    struct span rest = content;
    struct field field;
    size_t length;

    while (header_next(&rest, &field))
        ;
    length = content.length - rest.length;
    return span_starts(rest, "\r\n") ? length + 2 : length;
}

bool
header_find(struct span header, const char *name, size_t n, struct field *field)
{
    struct span wanted = span_of(name);

    while (header_next(&header, field))
        if (span_equal_nocase(field->name, wanted) && n-- == 0)
            return true;
    return false;
}

size_t
header_count(struct span header, const char *name)
{
    struct span wanted = span_of(name);
    struct field field;
    size_t count = 0;

    while (header_next(&header, &field))
        if (span_equal_nocase(field.name, wanted))
            count++;
    return count;
}

const char *
field_value(const struct field *field, struct arena *arena)
{
    struct span value = span_trim(field->value);
    char *copy = arena_bytes(arena, value.bytes, value.length);
    size_t length = 0;

    for (size_t i = 0; i < value.length; i++)
        if (memchr("\r\n", value.bytes[i], 3) == NULL) /* NUL goes as well */
            copy[length++] = value.bytes[i];
    copy[length] = '\0';
    return copy;
}

/* ------------------------------------------------------------ -t */

enum { FIELDS_EACH = 3 };
static const char *const recipient_fields[2][FIELDS_EACH] = {
    {"To", "Cc", "Bcc"},
    {"Resent-To", "Resent-Cc", "Resent-Bcc"},
};

static bool
field_is_one_of(const struct field *field, const char *const names[FIELDS_EACH])
{
    for (size_t i = 0; i < FIELDS_EACH; i++)
        if (span_is_nocase(field->name, names[i]))
            return true;
    return false;
}

/* The addresses of one field, put behind *end. */
static bool
field_recipients(const struct field *field, size_t limit, struct arena *arena,
                 struct mailbox_item ***end, size_t *count, struct error *error)
{
    if (!mailbox_list_parse(field->value, 0, limit - *count, arena, *end, error))
        return error_prefix(error, "%s", span_string(field->name, arena));
    for (; **end != NULL; *end = &(**end)->next)
        ++*count;
    return true;
}

bool
header_recipients(struct span header, size_t limit, struct arena *arena,
                  const char ***recipients, size_t *count, struct error *error)
{
    struct mailbox_item *items = NULL, **end = &items;
    struct span rest = header;
    struct field field;
    bool resent = false;
    size_t i = 0;

    *count = 0;
    while (header_next(&rest, &field))
        resent = resent || field_is_one_of(&field, recipient_fields[1]);
    rest = header;
    while (header_next(&rest, &field))
        if (field_is_one_of(&field, recipient_fields[resent ? 1 : 0]) &&
            !field_recipients(&field, limit, arena, &end, count, error))
            return false;
    *recipients = arena_array(arena, *count, sizeof(**recipients));
    for (struct mailbox_item *item = items; item != NULL; item = item->next)
        (*recipients)[i++] = item->text;
    return true;
}

/* ------------------------------------------------------------ Precedence */

char
header_grade(struct span header, const char *grades, char fallback)
{
    struct span rest = span_of(grades), word, letter;
    struct field field;

    if (!header_find(header, "Precedence", 0, &field))
        return fallback;
    while (span_next(&rest, ':', &word) && span_next(&rest, ':', &letter)) {
        letter = span_trim(letter);
        if (letter.length == 1 &&
            span_equal_nocase(span_trim(word), span_trim(field.value)))
            return letter.bytes[0];
    }
    return fallback;
}
