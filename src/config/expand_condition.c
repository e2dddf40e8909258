/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Conditions of ${if ...}. All of a condition is read, also where its result is known
 * already; then without looking at values.
 */
#include <string.h>

#include "config/expand_parse.h"
#include "mail/header.h"

#include "base/banned.h"

static bool
is_defined(struct expander *expander, struct span name, bool *result)
{
    struct reference reference;
    const char *value = NULL;

    if (!reference_parse(expander, name, &reference))
        return false;
    if (expander->live && !reference_value(expander, &reference, &value))
        return false;
    *result = value && value[0];
    return true;
}

/* def:var and def:parent:var; a colon behind the name begins the text. */
static bool
condition_def(struct expander *expander, bool *result)
{
    size_t length = 0;

    for (;;) {
        size_t part = expand_name_length(span_from(expander->rest, length), false);
        struct span name = span_first(span_from(expander->rest, length), part);
        struct span behind = span_from(expander->rest, length + part);

        length += part;
        if (part == 0)
            return expand_fail(expander, "the name of a variable behind 'def:'");
        if (!expand_operator_find(name) || !span_starts(behind, ":"))
            break;
        length++;
    }
    if (!is_defined(expander, span_first(expander->rest, length), result))
        return false;
    expander->rest = span_from(expander->rest, length);
    return true;
}

static bool
condition_header(struct expander *expander, bool *result)
{
    size_t length = expand_name_length(expander->rest, true);
    struct field field;

    if (length == 0)
        return expand_fail(expander, "the name of a header field behind 'header:'");
    if (expander->live)
        *result = header_find(
            expander->expansion->header,
            span_string(span_first(expander->rest, length), expander->arena), 0, &field);
    expander->rest = span_from(expander->rest, length);
    return true;
}

static bool
is_from_here(const struct expansion *expansion)
{
    return expansion->envelope && (expansion->envelope->origin == ORIGIN_LOCAL ||
                                   expansion->envelope->origin == ORIGIN_BOUNCE);
}

static bool
condition_origin(struct expander *expander, bool *result)
{
    const struct expansion *expansion = expander->expansion;

    if (expand_take_word(expander, "local"))
        *result = expander->live && is_from_here(expansion);
    else if (expand_take_word(expander, "remote"))
        *result = expander->live && expansion->envelope && !is_from_here(expansion);
    else
        return expand_fail(expander, "'local' or 'remote' behind 'origin:'");
    return true;
}

static bool
condition_dest(struct expander *expander, bool *result)
{
    if (expand_take_word(expander, "local"))
        *result = expander->live && expander->expansion->destination_is_local;
    else if (expand_take_word(expander, "remote"))
        *result = expander->live && !expander->expansion->destination_is_local;
    else
        return expand_fail(expander, "'local' or 'remote' behind 'dest:'");
    return true;
}

static bool
condition_xform(struct expander *expander, bool *result)
{
    static const char *const forms[] = {[FORM_NONE] = "none",
                                        [FORM_LOCAL] = "local",
                                        [FORM_INET] = "inet",
                                        [FORM_UUCP] = "uucp"};

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (expand_take_word(expander, forms[i])) {
            *result = expander->live && expander->expansion->form == (enum expand_form)i;
            return true;
        }
    return expand_fail(expander, "'none', 'local', 'inet' or 'uucp' behind 'xform:'");
}

/* The first operand of a comparison: a variable, or text that begins with '$'. */
static bool
operand(struct expander *expander, const char **value)
{
    struct text text = text_new(expander->arena);
    struct reference reference;
    size_t end;

    *value = NULL;
    if (!span_starts(expander->rest, "{"))
        return expand_fail(expander, "'{' and a variable");
    if (span_starts(expander->rest, "{$")) {
        if (!expand_braced(expander, &text))
            return false;
        *value = text_string(&text);
        return true;
    }
    end = span_find(expander->rest, '}');
    if (end == expander->rest.length)
        return expand_fail(expander, "'}' behind the variable");
    if (!reference_parse(expander,
                         span_trim(span_from(span_first(expander->rest, end), 1)),
                         &reference))
        return false;
    expander->rest = span_from(expander->rest, end + 1);
    return !expander->live || reference_value(expander, &reference, value);
}

/* eq{var}{string}; a variable without value is neither equal nor more nor less. */
static bool
compare(struct expander *expander, int *order, bool *comparable)
{
    struct text text = text_new(expander->arena);
    const char *value;

    expand_blanks(expander);
    if (!operand(expander, &value))
        return false;
    expand_blanks(expander);
    if (!expand_braced(expander, &text))
        return false;
    *comparable = expander->live && value;
    *order = *comparable ? strcmp(value, text_string(&text)) : 0;
    return true;
}

static bool
condition_eq(struct expander *expander, bool *result)
{
    bool comparable;
    int order;

    if (!compare(expander, &order, &comparable))
        return false;
    *result = comparable && order == 0;
    return true;
}

static bool
condition_gt(struct expander *expander, bool *result)
{
    bool comparable;
    int order;

    if (!compare(expander, &order, &comparable))
        return false;
    *result = comparable && order > 0;
    return true;
}

static bool
condition_lt(struct expander *expander, bool *result)
{
    bool comparable;
    int order;

    if (!compare(expander, &order, &comparable))
        return false;
    *result = comparable && order < 0;
    return true;
}

/* {{C1}{C2}...}: as soon as one is `decides`, the result is that. */
static bool
several(struct expander *expander, bool decides, bool *result)
{
    bool live = expander->live;

    expand_blanks(expander);
    if (!expand_take(expander, '{'))
        return expand_fail(expander, "'{{condition}{condition}...}'");
    *result = !decides;
    for (expand_blanks(expander); expand_take(expander, '{'); expand_blanks(expander)) {
        bool one = false;

        expander->live = live && *result != decides;
        if (!expand_condition(expander, &one))
            return false;
        expand_blanks(expander);
        if (!expand_take(expander, '}'))
            return expand_fail(expander, "'}' behind a condition");
        if (expander->live && one == decides)
            *result = decides;
    }
    expander->live = live;
    return expand_take(expander, '}') ||
           expand_fail(expander, "'{' and a condition, or '}'");
}

static bool
condition_and(struct expander *expander, bool *result)
{
    return several(expander, false, result);
}

static bool
condition_or(struct expander *expander, bool *result)
{
    return several(expander, true, result);
}

static const struct condition {
    const char *begin;
    bool (*read)(struct expander *expander, bool *result);
} conditions[] = {
    {"def:", condition_def},       {"header:", condition_header},
    {"origin:", condition_origin}, {"dest:", condition_dest},
    {"xform:", condition_xform},   {"eq", condition_eq},
    {"gt", condition_gt},          {"lt", condition_lt},
    {"and", condition_and},        {"or", condition_or},
};

static bool
condition_read(struct expander *expander, bool *result)
{
    expand_blanks(expander);
    if (expand_take(expander, '!')) {
        if (!expand_condition(expander, result))
            return false;
        *result = !*result;
        return true;
    }
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++)
        if (span_starts_nocase(expander->rest, conditions[i].begin)) {
            expander->rest = span_from(expander->rest, strlen(conditions[i].begin));
            return conditions[i].read(expander, result);
        }
    return expand_fail(
        expander,
        "a condition (def:, header:, origin:, dest:, xform:, eq, gt, lt, and, or)");
}

bool
expand_condition(struct expander *expander, bool *result)
{
    bool good;

    *result = false;
    if (expander->depth >= EXPAND_DEPTH)
        return expand_fail(expander, "fewer conditions within conditions");
    expander->depth++;
    good = condition_read(expander, result);
    expander->depth--;
    return good;
}
