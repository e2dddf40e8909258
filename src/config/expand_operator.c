/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The operators of ${op:name}: each makes one string of another. */
#include <string.h>

#include "config/expand_parse.h"
#include "mail/mailbox.h"

#include "base/banned.h"

static const char *
operator_lc(const char *value, struct arena *arena)
{
    return span_lower(span_of(value), arena);
}

static const char *
operator_uc(const char *value, struct arena *arena)
{
    char *copy = arena_string(arena, value);

    for (char *at = copy; *at; at++)
        *at = byte_upper(*at);
    return copy;
}

static const char *
operator_quote(const char *value, struct arena *arena)
{
    return mailbox_quote(span_of(value), arena);
}

/* One word for a shell, whatever it holds. */
static const char *
operator_shquote(const char *value, struct arena *arena)
{
    struct text text = text_new(arena);
    const char *at = value;

    while (byte_is_letter(*at) || byte_is_digit(*at) ||
           (*at && strchr("_/.,@%+=:-", *at)))
        at++;
    if (*at == '\0' && at > value)
        return value;
    text_add_byte(&text, '\'');
    for (at = value; *at; at++) {
        if (*at == '\'')
            text_add(&text, "'\\''");
        else
            text_add_byte(&text, *at);
    }
    text_add_byte(&text, '\'');
    return text_string(&text);
}

/* Without backslashes and quotes; a run of blanks and dots becomes one dot. */
static const char *
operator_strip(const char *value, struct arena *arena)
{
    struct text text = text_new(arena);
    bool in_run = false;

    for (const char *at = value; *at; at++) {
        bool is_dot = byte_is_blank(*at) || *at == '.';

        if (at[0] == '\\' && at[1] == '"')
            text_add_byte(&text, *++at);
        else if (is_dot && !in_run)
            text_add_byte(&text, '.');
        else if (!is_dot && *at != '\\' && *at != '"')
            text_add_byte(&text, *at);
        in_run = is_dot;
    }
    return text_string(&text);
}

/* Fit to stand in the parentheses of a comment (RFC 5322 3.2.2). */
static const char *
operator_comment(const char *value, struct arena *arena)
{
    struct text text = text_new(arena);

    for (; *value; value++) {
        if (strchr("()\\", *value))
            text_add_byte(&text, '\\');
        text_add_byte(&text, byte_is_control(*value) ? '?' : *value);
    }
    return text_string(&text);
}

static const struct expand_operator operators[] = {
    {"lc", operator_lc},       {"uc", operator_uc},
    {"quote", operator_quote}, {"shquote", operator_shquote},
    {"strip", operator_strip}, {"comment", operator_comment},
    {"parent", NULL},          {"top", NULL},
};

const struct expand_operator *
expand_operator_find(struct span name)
{
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        if (span_is_nocase(name, operators[i].name))
            return &operators[i];
    return NULL;
}
