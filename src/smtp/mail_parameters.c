/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parameters of MAIL and RCPT (RFC 5321 4.1.2), a row for each: SIZE (1870), BODY
 * (6152), SMTPUTF8 (6531), RET, ENVID, NOTIFY, ORCPT (3461). Whatever is unknown, doubled
 * or not exactly as written there is refused.
 */
#include "smtp/session_state.h"

#include <string.h>

#include "base/text.h"
#include "base/utf8.h"
#include "smtp/local.h"

#include "base/banned.h"

enum { ENVID_LIMIT = 100, ORCPT_LIMIT = 500 }; /* as sent, RFC 3461 5.4 */

struct parameter {
    struct span name, value;
    bool valued; /* there is a '=' */
};

/* What a parameter may set. */
struct parameter_target {
    struct smtp_session *session;
    struct arena *arena;
    struct envelope *envelope;
    struct recipient *recipient; /* of RCPT */
    struct error *error;
};

struct parameter_row {
    const char *name;
    bool (*take)(const struct parameter_target *target, struct span value);
    bool valued;
};

static bool
parameter_bad(const struct parameter_target *target, const char *what)
{
    return fail_permanent(target->error, "5.5.4", "%s", what);
}

/* ------------------------------------------------------------ MAIL */

static bool
take_size(const struct parameter_target *target, struct span value)
{
    return span_number(value, UINT64_MAX, &target->session->intake->declared_size) ||
           parameter_bad(target, "SIZE is not a number");
}

static bool
take_body(const struct parameter_target *target, struct span value)
{
    if (span_is_nocase(value, "8BITMIME"))
        target->envelope->body = BODY_8BIT;
    else if (!span_is_nocase(value, "7BIT"))
        return parameter_bad(target, "BODY is neither 7BIT nor 8BITMIME");
    return true;
}

static bool
take_smtputf8(const struct parameter_target *target, struct span value)
{
    (void)value;
    target->envelope->smtputf8 = true;
    return true;
}

static bool
take_ret(const struct parameter_target *target, struct span value)
{
    if (span_is_nocase(value, "FULL"))
        target->envelope->ret = RETURN_FULL;
    else if (span_is_nocase(value, "HDRS"))
        target->envelope->ret = RETURN_HEADERS;
    else
        return parameter_bad(target, "RET is neither FULL nor HDRS");
    return true;
}

static bool
take_envid(const struct parameter_target *target, struct span value)
{
    return (value.length <= ENVID_LIMIT &&
            xtext_decode(value, target->arena, &target->envelope->envelope_id, NULL)) ||
           parameter_bad(target, "bad ENVID");
}

static const struct parameter_row mail_rows[] = {
    {"SIZE", take_size, true},
    {"BODY", take_body, true},
    {"RET", take_ret, true},
    {"ENVID", take_envid, true},
    {"SMTPUTF8", take_smtputf8, false},
    {NULL, NULL, false},
};

/* ------------------------------------------------------------ RCPT */

static const struct {
    const char *word;
    uint8_t bit;
} notify_words[] = {
    {"NEVER", NOTIFY_NEVER},
    {"SUCCESS", NOTIFY_SUCCESS},
    {"FAILURE", NOTIFY_FAILURE},
    {"DELAY", NOTIFY_DELAY},
};

static uint8_t
notify_bit(struct span word)
{
    for (size_t i = 0; i < sizeof(notify_words) / sizeof(notify_words[0]); i++)
        if (span_is_nocase(word, notify_words[i].word))
            return notify_words[i].bit;
    return 0;
}

static bool
take_notify(const struct parameter_target *target, struct span value)
{
    uint8_t all = 0;
    bool more = true;

    while (more) {
        size_t comma = span_find(value, ',');
        uint8_t bit = notify_bit(span_first(value, comma));

        if (bit == 0 || (all & bit) != 0)
            return parameter_bad(target, "bad NOTIFY");
        all |= bit;
        more = comma < value.length;
        value = span_from(value, comma + 1);
    }
    if ((all & NOTIFY_NEVER) != 0 && all != NOTIFY_NEVER)
        return parameter_bad(target, "NOTIFY=NEVER stands alone");
    target->recipient->notify = all;
    return true;
}

static bool
orcpt_type_is_valid(struct span type)
{
    for (size_t i = 0; i < type.length; i++)
        if (!byte_is_letter(type.bytes[i]) && !byte_is_digit(type.bytes[i]) &&
            type.bytes[i] != '-')
            return false;
    return type.length > 0;
}

/* The address of ORCPT: xtext, or with SMTPUTF8 the characters themselves (RFC 6533 3).
 */
static bool
orcpt_decode(const struct parameter_target *target, struct span type, struct span xtext,
             const char **address)
{
    if (utf8_is_ascii(xtext))
        return xtext_decode(xtext, target->arena, address, NULL);
    if (!span_is_nocase(type, "utf-8") || !target->envelope->smtputf8 ||
        !utf8_is_valid(xtext))
        return false;
    *address = span_string(xtext, target->arena);
    return true;
}

static bool
take_orcpt(const struct parameter_target *target, struct span value)
{
    size_t semicolon = span_find(value, ';');
    struct span type = span_first(value, semicolon);
    struct span xtext = span_from(value, semicolon + 1);
    const char *address;

    if (value.length > ORCPT_LIMIT || semicolon == value.length || xtext.length == 0 ||
        !orcpt_type_is_valid(type) || !orcpt_decode(target, type, xtext, &address))
        return parameter_bad(target, "bad ORCPT");
    target->recipient->original =
        arena_format(target->arena, "%s;%s", span_string(type, target->arena), address);
    return true;
}

static const struct parameter_row rcpt_rows[] = {
    {"NOTIFY", take_notify, true},
    {"ORCPT", take_orcpt, true},
    {NULL, NULL, false},
};

/* ------------------------------------------------------------ both */

/* Take "NAME" or "NAME=VALUE" off the front, one blank or more before it. */
static bool
parameter_next(struct span *rest, struct parameter *parameter)
{
    size_t length, equals;
    struct span word;

    if (rest->bytes[0] != ' ')
        return false;
    while (rest->length > 0 && rest->bytes[0] == ' ')
        *rest = span_from(*rest, 1);
    length = span_find(*rest, ' ');
    word = span_first(*rest, length);
    equals = span_find(word, '=');
    parameter->name = span_first(word, equals);
    parameter->valued = equals < length;
    parameter->value = span_from(word, parameter->valued ? equals + 1 : length);
    *rest = span_from(*rest, length);
    return true;
}

/* esmtp-value: printable without '=', at least one; UTF-8 is for the row to judge. */
static bool
value_is_valid(struct span value)
{
    for (size_t i = 0; i < value.length; i++)
        if ((unsigned char)value.bytes[i] <= ' ' || value.bytes[i] == '=' ||
            value.bytes[i] == 0x7f)
            return false;
    return value.length > 0;
}

static bool
parameter_is_doubled(struct span before, struct span name)
{
    struct parameter parameter;

    while (before.length > 0 && parameter_next(&before, &parameter))
        if (span_equal_nocase(parameter.name, name))
            return true;
    return false;
}

static int
parameter_take(const struct parameter_row *row, const struct parameter_target *target,
               const struct parameter *parameter)
{
    if (parameter->valued ? !row->valued || !value_is_valid(parameter->value)
                          : row->valued) {
        parameter_bad(target, "bad value of a parameter");
        return 501;
    }
    return row->take(target, parameter->value) ? 0 : 501;
}

/* An X parameter of our own commands; see local.h. */
static int
parameter_take_local(const struct parameter_target *target,
                     const struct parameter *parameter)
{
    struct intake *intake = target->session->intake;

    struct envelope *envelope = target->envelope;
    const char *address = envelope->peer_address, *name = envelope->peer_name;

    if (span_is_nocase(parameter->name, "XGRADE"))
        intake->grade_given = true;
    if (!local_mail_parameter(parameter->name, parameter->value, target->arena, envelope,
                              &intake->flags, target->error))
        return 501;
    if (!target->session->peer->trusted) { /* logs must not accuse whom a user names */
        envelope->peer_address = address;
        envelope->peer_name = name;
    }
    return 0;
}

static int
parameter_run(const struct parameter_row *rows, const struct parameter_target *target,
              const struct parameter *parameter)
{
    for (const struct parameter_row *row = rows; row->name != NULL; row++)
        if (span_is_nocase(parameter->name, row->name))
            return parameter_take(row, target, parameter);
    if (rows == mail_rows && session_is_local(target->session) &&
        span_starts_nocase(parameter->name, "X"))
        return parameter_take_local(target, parameter);
    parameter_bad(target, "unknown parameter");
    return 555;
}

static int
parameters_run(const struct parameter_row *rows, const struct parameter_target *target,
               struct span text)
{
    struct span rest = text;
    struct parameter parameter;

    while (rest.length > 0) {
        struct span before = span_first(text, text.length - rest.length);
        int code;

        if (!parameter_next(&rest, &parameter)) {
            parameter_bad(target, "garbage behind the address");
            return 501;
        }
        if (parameter.name.length == 0 && !parameter.valued)
            return 0; /* blanks at the end */
        if (parameter_is_doubled(before, parameter.name)) {
            parameter_bad(target, "parameter given twice");
            return 501;
        }
        code = parameter_run(rows, target, &parameter);
        if (code != 0)
            return code;
    }
    return 0;
}

int
parameters_mail(struct smtp_session *session, struct span text, struct error *error)
{
    struct intake *intake = session->intake;
    struct parameter_target target = {session, intake->arena, &intake->envelope, NULL,
                                      error};

    return parameters_run(mail_rows, &target, text);
}

int
parameters_rcpt(struct smtp_session *session, struct span text,
                struct recipient *recipient, struct error *error)
{
    struct intake *intake = session->intake;
    struct parameter_target target = {session, intake->arena, &intake->envelope,
                                      recipient, error};

    return parameters_run(rcpt_rows, &target, text);
}
