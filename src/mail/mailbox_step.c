/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Smail's analysis of an address: which host comes first and what is left for it
 * (reference 8.2). One scan marks the operators outside quotes and literals; then the
 * first rule that applies decides.
 */
#include "mail/mailbox.h"

#include <string.h>

#include "base/utf8.h"
#include "mail/domain.h"
#include "mail/status.h"

#include "base/banned.h"

enum { ADDRESS_MAX_OCTETS = 1024 };

/* Places of operators, the length of the address where there is none. */
struct marks {
    size_t first_bang;
    size_t last_at;
    size_t last_percent;
    size_t first_comma_or_colon;
    size_t prefixed_route; /* the '!' of the first "!@" */
};

static bool
step_fail(struct error *error, const char *what)
{
    return fail_permanent_number(error, ERR_ADDRESS_PARSE, "5.1.3", "%s", what);
}

/* Octets of the quoted string or literal at the front, 0 when it does not end well. */
static size_t
token_length(struct span text)
{
    char close = text.bytes[0] == '"' ? '"' : ']';

    for (size_t i = 1; i < text.length; i++) {
        if (byte_is_control(text.bytes[i]))
            return 0;
        if (text.bytes[i] == close)
            return i + 1;
        if (text.bytes[i] == '\\' && ++i < text.length && byte_is_control(text.bytes[i]))
            return 0;
    }
    return 0;
}

static void
marks_note(struct marks *marks, struct span address, size_t at)
{
    char byte = address.bytes[at];

    if (byte == '!' && at + 1 < address.length && address.bytes[at + 1] == '@' &&
        marks->prefixed_route == address.length)
        marks->prefixed_route = at;
    if (byte == '@')
        marks->last_at = at;
    else if (byte == '%')
        marks->last_percent = at;
    else if (byte == '!' && marks->first_bang == address.length)
        marks->first_bang = at;
    else if ((byte == ',' || byte == ':') &&
             marks->first_comma_or_colon == address.length)
        marks->first_comma_or_colon = at;
}

/* Valid UTF-8 without C1 controls, which terminals obey as they do those of ASCII. */
static bool
text_is_sound(struct span text)
{
    while (!utf8_is_ascii(text)) {
        uint32_t code = 0;
        size_t length = utf8_character(text, &code);

        if (length == 0 || (code >= 0x80 && code < 0xa0))
            return false;
        text = span_from(text, length);
    }
    return true;
}

/* Mark the operators. False if there is anything that cannot stand in an address. */
static bool
marks_scan(struct marks *marks, struct span address)
{
    size_t none = address.length;

    *marks = (struct marks){none, none, none, none, none};
    for (size_t i = 0; i < address.length; i++) {
        char byte = address.bytes[i];

        if (byte == '"' || byte == '[') {
            size_t length = token_length(span_from(address, i));

            if (length == 0)
                return false;
            i += length - 1;
        } else if (byte <= ' ' && (unsigned char)byte < 0x80) {
            return false;
        } else if (byte == 0x7f || strchr("<>()\\;]", byte) != NULL) {
            return false;
        } else {
            marks_note(marks, address, i);
        }
    }
    return text_is_sound(address);
}

/* The answer of any rule: a host that is checked, and a rest that is there. */
static bool
step_set(struct mailbox_step *step, enum mailbox_form form, struct span target,
         struct span rest, struct arena *arena, struct error *error)
{
    if (target.length == 0)
        return step_fail(error, "syntax error: no target host");
    if (rest.length == 0)
        return step_fail(error, "no remainder address");
    step->form = form;
    step->rest = rest;
    if (target.bytes[0] == '[')
        return domain_literal(target, arena, &step->target, error);
    return domain_normalise(target, true, arena, &step->target, error);
}

/* What stands left and right of the operator at `at`. */
static struct span
left_of(struct span address, size_t at)
{
    return span_first(address, at);
}

static struct span
right_of(struct span address, size_t at)
{
    return span_from(address, at + 1);
}

/* "@a,@b:u@c": the first host, and the route without it. */
static bool
step_route(struct mailbox_step *step, struct span address, const struct marks *marks,
           struct arena *arena, struct error *error)
{
    size_t at = marks->first_comma_or_colon;
    struct span rest = right_of(address, at);

    if (at == address.length)
        return step_fail(error, ", or : missing in route-addr");
    if (address.bytes[at] == ',' && rest.length > 0 && rest.bytes[0] != '@')
        return step_fail(error, "bad address token");
    return step_set(step, MAILBOX_ROUTE, span_from(left_of(address, at), 1), rest, arena,
                    error);
}

/*
 * "h!@a,@b:u@c", a route with a UUCP prefix, becomes "h!a!b!c!u"; `at` is where the route
 * begins. The one form in which a '!' goes before an '@'.
 */
static bool
route_to_bang(struct span address, size_t at, struct text *path, struct error *error)
{
    struct span route = span_from(address, at);
    struct marks marks;

    text_add_span(path, span_first(address, at));
    while (route.length > 0 && route.bytes[0] == '@') {
        marks_scan(&marks, route);
        if (marks.first_comma_or_colon == route.length)
            return step_fail(error, ", or : missing in route-addr");
        text_add_span(path, span_from(left_of(route, marks.first_comma_or_colon), 1));
        text_add_byte(path, '!');
        route = right_of(route, marks.first_comma_or_colon);
    }
    marks_scan(&marks, route);
    if (marks.last_at < route.length) {
        text_add_span(path, right_of(route, marks.last_at));
        text_add_byte(path, '!');
    }
    text_add_span(path, left_of(route, marks.last_at));
    return true;
}

/* Rules 2 to 6: no route anywhere. */
static bool
step_plain(struct mailbox_step *step, struct span address, const struct marks *marks,
           bool percent_first, struct arena *arena, struct error *error)
{
    bool bang = marks->first_bang < address.length;
    bool percent = marks->last_percent < address.length;
    size_t at = marks->last_at;

    /* "user@@host": what is left for the host would itself want one. */
    if (at < address.length && at > 0 && address.bytes[at - 1] == '@')
        return step_fail(error, "syntax error: no target host");
    if (at < address.length)
        return step_set(step, MAILBOX_AT, right_of(address, at), left_of(address, at),
                        arena, error);
    if (bang && !(percent && percent_first)) {
        at = marks->first_bang;
        return step_set(step, MAILBOX_BANG, left_of(address, at), right_of(address, at),
                        arena, error);
    }
    if (percent) {
        at = marks->last_percent;
        return step_set(step, MAILBOX_PERCENT, right_of(address, at),
                        left_of(address, at), arena, error);
    }
    *step = (struct mailbox_step){MAILBOX_LOCAL, "", address};
    return true;
}

bool
mailbox_step(struct span address, bool percent_first, struct arena *arena,
             struct mailbox_step *step, struct error *error)
{
    struct marks marks;
    struct text path;

    *step = (struct mailbox_step){MAILBOX_LOCAL, "", {"", 0}};
    if (address.length == 0)
        return step_fail(error, "null address");
    if (address.length > ADDRESS_MAX_OCTETS)
        return step_fail(error, "address too long");
    if (!marks_scan(&marks, address))
        return step_fail(error, "bad address token");
    if (address.bytes[0] == '@')
        return step_route(step, address, &marks, arena, error);
    if (marks.prefixed_route < address.length) {
        path = text_new(arena);
        if (!route_to_bang(address, marks.prefixed_route + 1, &path, error))
            return false;
        address = text_span(&path);
        marks_scan(&marks, address);
    }
    if (marks.first_comma_or_colon < address.length)
        return step_fail(error, "bad address token");
    return step_plain(step, address, &marks, percent_first, arena, error);
}
