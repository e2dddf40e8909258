/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * XSMAIL: the parameters of MAIL that our own commands send to the owner of the spool, a
 * row for each, written and read by the same row.
 */
#include "smtp/local.h"

#include <string.h>

#include "base/text.h"

#include "base/banned.h"

enum { HOPS_LIMIT = 1000000 };

/* ------------------------------------------------------------ values */

const char *
local_text_encode(const char *value, struct arena *arena)
{
    static const char digits[] = "0123456789ABCDEF";
    struct text text = text_new(arena);

    for (const char *at = value; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;

        if (byte_is_control(*at) && *at != '\t') {
            text_add_byte(&text, '?');
        } else if (byte > ' ' && byte < 0x7f && byte != '+' && byte != '=') {
            text_add_byte(&text, *at);
        } else {
            text_add_byte(&text, '+');
            text_add_byte(&text, digits[byte >> 4]);
            text_add_byte(&text, digits[byte & 15]);
        }
    }
    return text_string(&text);
}

static int
hex_value(char digit)
{
    if (byte_is_digit(digit))
        return digit - '0';
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

bool
local_text_decode(struct span text, struct arena *arena, const char **value)
{
    char *to = arena_alloc(arena, text.length + 1);
    size_t length = 0;

    for (size_t i = 0; i < text.length; i++) {
        char byte = text.bytes[i];

        if (byte == '+') {
            int high = i + 2 < text.length ? hex_value(text.bytes[i + 1]) : -1;
            int low = i + 2 < text.length ? hex_value(text.bytes[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            byte = (char)(high * 16 + low);
            i += 2;
        }
        if (byte_is_control(byte) && (byte != '\t' || text.bytes[i] == '\t'))
            return false;
        to[length++] = byte;
    }
    *value = to;
    return true;
}

/* ------------------------------------------------------------ rows */

enum local_kind {
    LOCAL_TEXT,
    LOCAL_HOPS,
    LOCAL_GRADE,
    LOCAL_ERRORS,
    LOCAL_MODE,
    LOCAL_FLAGS
};

static const struct local_row {
    const char *name;
    enum local_kind kind;
    size_t offset; /* of a text in the envelope */
} local_rows[] = {
    {"XPROGRAM", LOCAL_TEXT, offsetof(struct envelope, program)},
    {"XPROTOCOL", LOCAL_TEXT, offsetof(struct envelope, protocol)},
    {"XHOST", LOCAL_TEXT, offsetof(struct envelope, peer_name)},
    {"XADDRESS", LOCAL_TEXT, offsetof(struct envelope, peer_address)},
    {"XFULLNAME", LOCAL_TEXT, offsetof(struct envelope, full_name)},
    {"XHOPS", LOCAL_HOPS, 0},
    {"XGRADE", LOCAL_GRADE, 0},
    {"XERRORS", LOCAL_ERRORS, 0},
    {"XMODE", LOCAL_MODE, 0},
    {"XFLAGS", LOCAL_FLAGS, 0},
};
enum { LOCAL_ROWS = sizeof(local_rows) / sizeof(local_rows[0]) };

static const char *const error_names[] = {"MAIL", "PRINT", "QUIET"};
static const char *const mode_names[] = {"", "FOREGROUND", "BACKGROUND", "QUEUED"};
static const char flag_letters[] = "tmnNvfu";

/* The value of one row as it is sent; "" for what need not be said. */
static const char *
local_value(const struct local_row *row, const struct envelope *envelope,
            const char *flags, struct arena *arena)
{
    switch (row->kind) {
    case LOCAL_TEXT:
        return local_text_encode(
            *(const char *const *)((const char *)envelope + row->offset), arena);
    case LOCAL_HOPS:
        return envelope->hops > 0 ? arena_format(arena, "%u", envelope->hops) : "";
    case LOCAL_GRADE:
        return envelope->grade != '\0' ? arena_format(arena, "%c", envelope->grade) : "";
    case LOCAL_ERRORS:
        return envelope->errors == ERRORS_MAIL ? "" : error_names[envelope->errors];
    case LOCAL_MODE:
        return mode_names[envelope->mode];
    case LOCAL_FLAGS:
        break;
    }
    return flags;
}

/* Flags that the envelope has a place for are said whether or not they are in `flags`. */
static const char *
local_flags(const struct envelope *envelope, const char *flags, struct arena *arena)
{
    struct text text = text_new(arena);
    const struct {
        char letter;
        bool set;
    } all[] = {{'m', envelope->me_too},
               {'n', envelope->no_aliases},
               {'N', envelope->dry_run},
               {'v', envelope->verbose}};

    text_add(&text, flags);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].set && strchr(flags, all[i].letter) == NULL)
            text_add_byte(&text, all[i].letter);
    return text_string(&text);
}

const char *
local_mail_parameters(const struct envelope *envelope, const char *flags,
                      struct arena *arena)
{
    struct text text = text_new(arena);

    flags = local_flags(envelope, flags, arena);
    for (size_t i = 0; i < LOCAL_ROWS; i++) {
        const char *value = local_value(&local_rows[i], envelope, flags, arena);

        if (value[0] != '\0')
            text_add_format(&text, " %s=%s", local_rows[i].name, value);
    }
    return text_string(&text);
}

/* ------------------------------------------------------------ reading */

static bool
local_word(struct span value, const char *const *names, size_t count, int *word)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i][0] == '\0' || !span_is_nocase(value, names[i]))
            continue;
        *word = (int)i;
        return true;
    }
    return false;
}

static bool
local_take_hops(struct span value, struct envelope *envelope)
{
    uint64_t hops;

    if (!span_number(value, HOPS_LIMIT, &hops))
        return false;
    envelope->hops = (uint32_t)hops;
    return true;
}

static bool
local_take_grade(struct span value, struct envelope *envelope)
{
    if (value.length != 1 ||
        (!byte_is_digit(value.bytes[0]) && !byte_is_letter(value.bytes[0])))
        return false;
    envelope->grade = value.bytes[0];
    return true;
}

static bool
local_take_flags(struct span value, struct arena *arena, struct envelope *envelope,
                 const char **flags)
{
    const char *letters = span_string(value, arena);

    if (strlen(letters) != value.length || strspn(letters, flag_letters) != value.length)
        return false;
    envelope->me_too = strchr(letters, 'm') != NULL;
    envelope->no_aliases = strchr(letters, 'n') != NULL;
    envelope->dry_run = strchr(letters, 'N') != NULL;
    envelope->verbose = strchr(letters, 'v') != NULL;
    *flags = letters;
    return true;
}

static bool
local_take(const struct local_row *row, struct span value, struct arena *arena,
           struct envelope *envelope, const char **flags)
{
    int word;

    switch (row->kind) {
    case LOCAL_TEXT:
        return local_text_decode(value, arena,
                                 (const char **)((char *)envelope + row->offset));
    case LOCAL_HOPS:
        return local_take_hops(value, envelope);
    case LOCAL_GRADE:
        return local_take_grade(value, envelope);
    case LOCAL_ERRORS:
        if (!local_word(value, error_names, 3, &word))
            return false;
        envelope->errors = (enum error_mode)word;
        return true;
    case LOCAL_MODE:
        if (!local_word(value, mode_names, 4, &word))
            return false;
        envelope->mode = (enum delivery_mode)word;
        return true;
    case LOCAL_FLAGS:
        break;
    }
    return local_take_flags(value, arena, envelope, flags);
}

bool
local_mail_parameter(struct span name, struct span value, struct arena *arena,
                     struct envelope *envelope, const char **flags, struct error *error)
{
    for (size_t i = 0; i < LOCAL_ROWS; i++) {
        if (!span_is_nocase(name, local_rows[i].name))
            continue;
        if (local_take(&local_rows[i], value, arena, envelope, flags))
            return true;
        return fail_permanent(error, "5.5.4", "bad value of %s", local_rows[i].name);
    }
    return fail_permanent(error, "5.5.4", "unknown parameter %s",
                          span_printable(name, 40, arena));
}
